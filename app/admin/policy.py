"""The contact policy read aloud, its limits in a form, and what each of them stopped."""

from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from app.actions.definitions import ChangedMeanwhile
from app.admin import blueprint
from app.admin.editing import changed_body, faults_in, put_in_force
from app.admin.policy_reading import limit_words, policy_sentences
from app.admin.rehearsals import ask, changed_since, draft_to_change
from app.auth.staff import staff
from app.clock import utcnow
from app.definitions import write_definition
from app.definitions.drafts import draft_of, read_again
from app.queries.crises import lasting_crises
from app.queries.definitions import body_in_force
from app.queries.policies import limit_stops, policy_number, policy_version
from surveys.contact_policy import ContactPolicy, Limit

SEEN = timedelta(days=30)


@blueprint.get("/policy")
@staff("read")
def policy() -> Any:
    """The policy in force; or the draft that was rehearsed, in the form, to be changed or put in force."""
    row = draft_to_change()
    if row is None:
        return _page(policy_number())
    try:
        typed = _typed(draft_of(read_again(row.text)).policy)
    except ValueError:
        flash(_("What this draft stands on has changed. Its text stands at the foot of this page."), "wait")
        return redirect(url_for("admin.rehearsal", simulation_id=row.id))
    return _page(policy_number(), typed=typed, draft=row, conflict=changed_since("policy", "", row.created_at))


def _typed(draft: ContactPolicy | None) -> dict[str, str]:
    """The form filled in so that it says what the draft does."""
    draft = draft or ContactPolicy()
    left = {limit.name: limit for limit in draft.limits}
    typed = {"quiet-from": "", "quiet-to": ""}
    if quiet := draft.quiet_hours:
        typed = {"quiet-from": f"{quiet.begin:%H:%M}", "quiet-to": f"{quiet.end:%H:%M}"}
    for n, limit in enumerate(policy_version(policy_number()).limits):
        wanted = left.pop(limit.name, None)
        if wanted is None:
            typed[f"remove-{n}"] = "on"
        else:
            typed |= {f"max-{n}": str(wanted.max), f"per-{n}": _in_days(wanted)}
    for limit in left.values():
        typed |= {"new-max": str(limit.max), "new-per": _in_days(limit)}
    return typed


def _in_days(limit: Limit) -> str:
    return "" if limit.per.seconds else str(limit.per.days)


def _page(number: int, status: int = 200, **more: Any) -> Any:
    held = policy_version(number)
    stops, decided = limit_stops(utcnow() - SEEN)
    return render_template(
        "admin/policy.html",
        sentences=policy_sentences(held),
        limits=[(limit, limit_words(limit), _stopped(stops.get(limit.name, 0), decided)) for limit in held.limits],
        quiet=held.quiet_hours,
        crises=lasting_crises(utcnow()),
        scopes=scope_words(),
        number=number,
        form=FlaskForm(),
        **more,
    ), status


def scope_words() -> dict[str, str]:
    """What a crisis can be about."""
    return {
        "all": _("the whole company"),
        "place": _("a place"),
        "product": _("a product"),
        "touchpoint": _("a touchpoint"),
        "segment": _("a segment"),
    }


def _stopped(stops: int, decided: int) -> str:
    if not stops:
        return _("never stopped anything in the last 30 days")
    return _("stopped %(share)s %% of decisions in the last 30 days", share=f"{100 * stops / decided:.0f}")


@blueprint.post("/policy")
@staff("design")
def change_policy() -> Any:
    """Limits and quiet hours from the form; everything else of the policy stays as it is."""
    number = policy_number()
    body = body_in_force("policy", "") or {}
    typed = request.form
    limits = []
    for n, limit in enumerate(body.get("limits", ())):
        if typed.get(f"remove-{n}"):
            continue
        limits.append(
            {**limit, "max": _number(typed.get(f"max-{n}")), "per": _days(typed.get(f"per-{n}"), limit["per"])}
        )
    if typed.get("new-max") or typed.get("new-per"):
        names = {limit["name"] for limit in limits}
        name = next(f"limit-{n}" for n in range(1, 1000) if f"limit-{n}" not in names)
        limits.append({"name": name, "max": _number(typed.get("new-max")), "per": _days(typed.get("new-per"), "")})
    begin, end = typed.get("quiet-from", ""), typed.get("quiet-to", "")
    quiet = {**(body.get("quiet_hours") or {"zone": "contact"}), "from": begin, "to": end} if begin or end else None
    wanted = changed_body(body, {"limits": limits or None, "quiet_hours": quiet})
    if typed.get("verb") == "rehearse":
        return _rehearse(number, wanted)
    made_from = body_in_force("policy", "") if typed.get("number") == str(number) else {"changed": True}
    try:
        faults = put_in_force("policy", "", write_definition("policy", wanted), made_from)
    except ChangedMeanwhile:
        return _page(number, 409, conflict=True, typed=typed)
    if faults:
        return _page(number, 422, faults=faults, typed=typed)
    flash(_("In force: it holds from the next decision and the next hand-over on."), "good")
    return redirect(url_for("admin.policy"), 303)


def _rehearse(number: int, wanted: dict[str, Any]) -> Any:
    """What is typed, on past events; the form comes back with it when that cannot be."""
    if request.form.get("number") != str(number):
        return _page(number, 409, conflict=True, typed=request.form)
    text = write_definition("policy", wanted)
    faults = faults_in("policy", "", text)
    asked = None if faults else ask(text)
    return asked or _page(number, 422, faults=faults, typed=request.form)


def _number(text: str | None) -> Any:
    """A number as typed; what is none is left for the check to name."""
    return int(text) if text and _is_number(text.strip()) else text or ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10  # noqa: PLR2004 more is no limit


def _days(text: str | None, before: str) -> str:
    """Days as typed; a limit that was written in other units stays so while its days do."""
    clean = (text or "").strip()
    return before if not _is_number(clean) or f"{clean}d" == before else f"{clean}d"
