"""Rehearsals on screen: asked for with what is typed, waited for, read, and put in force."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.actions.definitions import ChangedMeanwhile, apply_definitions
from app.actions.simulations import AskedFor, UnknownSimulation, ask_for_simulation, cancel_simulation
from app.admin import blueprint
from app.admin.faults import fault_words
from app.admin.rehearsed import PAGE, differing_rows, result_words
from app.admin.shell import whole
from app.admin.words import day
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.definitions import load_definitions
from app.definitions.drafts import span_of
from app.jobs import ring
from app.queries.accounts import audit_entries
from app.queries.definitions import MissingSecret, body_in_force
from app.queries.installation import company
from app.queries.overview import today
from app.queries.rehearsals import count_events, first_and_last_event
from app.queries.simulations import find_simulation, latest_simulations

LOOKED_BACK = timedelta(weeks=26) - timedelta(days=1)
INSTANT = timedelta(seconds=1)
SHOWN = 25


def ask(text: str) -> Any:
    """Ask for a rehearsal of what this page has in its form, over the last half year; leads to the rehearsal."""
    return _ask(text, request.path, today() - LOOKED_BACK, today())


def _ask(text: str, page: str | None, begin: date, end: date) -> Any:
    try:
        span = span_of(begin, end, company().zone)
    except OverflowError:
        flash(_no_events(), "bad")
        return None
    total = count_events(span) if span.since < span.until else 0
    if not total:
        flash(_no_events(), "bad")
        return None
    actor = signed_in().email
    draft = AskedFor(text, span.since, span.until, page)
    found = ask_for_simulation(draft, total=total, actor=actor, now=utcnow())
    ring("rehearse")
    return redirect(url_for("admin.rehearsal", simulation_id=found), 303)


def _no_events() -> str:
    first, last = first_and_last_event()
    if first is None or last is None:
        return _("There are no events to rehearse on yet. Older ones come in with otklik import events --history.")
    return _(
        "No events between these days. There are some from %(first)s to %(last)s."
        " Older ones come in with otklik import events --history.",
        first=day(first),
        last=day(last),
    )


@blueprint.get("/rehearsals")
@staff("design")
def rehearsals() -> Any:
    states = {
        "waiting": _("waits to be rehearsed"),
        "running": _("is being rehearsed"),
        "failed": _("could not be rehearsed"),
        "cancelled": _("was cancelled"),
    }
    return render_template("admin/rehearsals.html", rows=latest_simulations(SHOWN), instant=INSTANT, states=states)


@blueprint.get("/rehearsals/<int:simulation_id>")
@staff("design")
def rehearsal(simulation_id: int) -> Any:
    row = find_simulation(simulation_id)
    if row is None:
        abort(404)
    zone = ZoneInfo(company().zone)
    first, last = (at.astimezone(zone).date() for at in (row.since, row.until - INSTANT))
    shown = {}
    if row.state == "done" and row.result:
        total = row.result["differing"]["total"]
        page = min(max(1, whole(request.args, "page")), max(1, -(-total // PAGE)))
        shown = result_words(row.result, first, last, request.args) | {
            "differing": differing_rows(row.id, page),
            "begins": PAGE * (page - 1) + 1,
            "ends": min(PAGE * page, total),
            "number_of_page": page,
        }
    return render_template(
        "admin/rehearsal.html",
        row=row,
        first=first,
        last=last,
        left=_seconds_left(row),
        took=_took(row),
        why=fault_words(row.error or ""),
        changed_at=f"{row.page}?draft={row.id}" if row.page else None,
        **shown,
    )


@blueprint.post("/rehearsals/<int:simulation_id>")
@staff("design")
def work_on_rehearsal(simulation_id: int) -> Any:
    """Cancel it, rehearse once more over other days, or put in force what was rehearsed."""
    row = find_simulation(simulation_id)
    if row is None:
        abort(404)
    here = redirect(url_for("admin.rehearsal", simulation_id=simulation_id), 303)
    verb = request.form.get("verb")
    if verb == "cancel":
        try:
            cancel_simulation(simulation_id, utcnow())
        except UnknownSimulation:
            abort(404)
    elif verb == "again":
        try:
            begin, end = (date.fromisoformat(request.form.get(name, "")) for name in ("from", "to"))
        except ValueError:
            flash(_("These are no days."), "bad")
            return here
        return _ask(row.text, row.page, begin, end) or here
    elif verb == "apply" and row.state == "done":
        return _put_in_force(row) or here
    return here


def _put_in_force(row: Any) -> Any:
    """The very text that was rehearsed, unless somebody has changed what it was compared with."""
    loaded = load_definitions({_("line"): row.text})
    if loaded.faults:
        flash("; ".join(fault_words(fault.message) for fault in loaded.faults), "bad")
        return None
    named = [(kind, slug) for kind, bodies in loaded.catalog.bodies.items() for slug in bodies]
    if loaded.catalog.policy is not None:
        named.append(("policy", ""))
    made_from = {(kind, slug): body_in_force(kind, slug) for kind, slug in named}
    actor = signed_in().email
    try:
        _refuse_changed(named, row.created_at)
        apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=utcnow(), actor=actor, made_from=made_from)
    except ChangedMeanwhile:
        flash(_("Somebody has changed this since it was rehearsed. Rehearse it once more, and compare."), "wait")
        return None
    except MissingSecret as error:
        flash(fault_words(str(error)), "bad")
        return None
    flash(_("In force: it holds from the next decision and the next hand-over on."), "good")
    return redirect(url_for("admin.policy" if loaded.catalog.policy is not None else "admin.triggers"), 303)


def _refuse_changed(named: Sequence[tuple[str, str]], since: datetime) -> None:
    for kind, slug in named:
        if changed_since(kind, slug, since):
            raise ChangedMeanwhile(kind, slug, body_in_force(kind, slug))


def changed_since(kind: str, slug: str, since: datetime) -> bool:
    latest = next(iter(audit_entries(before=None, limit=1, kind=kind, name=slug or kind)), None)
    return latest is not None and latest.at > since


def draft_to_change() -> Any:
    """The rehearsal whose draft somebody comes back to this page with; None where they come without."""
    row = find_simulation(whole(request.args, "draft")) if request.method == "GET" else None
    return row if row is not None and row.page == request.path else None


def _seconds_left(row: Any) -> int | None:
    """How long it will still take, if it goes on as it went."""
    if row.state != "running" or not row.done or row.started_at is None:
        return None
    return int((utcnow() - row.started_at).total_seconds() * max(0, row.total - row.done) / row.done) + 1


def _took(row: Any) -> float | None:
    """The seconds it took."""
    return (row.finished_at - row.started_at).total_seconds() if row.finished_at and row.started_at else None
