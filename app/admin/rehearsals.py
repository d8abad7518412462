"""Rehearsals on screen: asked for with what is typed, waited for, read, and put in force."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.actions.definitions import ChangedMeanwhile, apply_definitions
from app.actions.simulations import UnknownSimulation, ask_for_simulation, cancel_simulation
from app.admin import blueprint
from app.admin.faults import fault_words
from app.admin.kinds import channel_word
from app.admin.reasons import percent, short_reason
from app.admin.words import day, number
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.definitions import load_definitions
from app.definitions.drafts import span_of
from app.jobs import ring
from app.queries.accounts import audit_entries
from app.queries.contacts import names_of
from app.queries.definitions import MissingSecret, body_in_force
from app.queries.installation import company
from app.queries.overview import today
from app.queries.rehearsals import count_events, first_and_last_event
from app.queries.simulations import find_simulation, latest_simulations
from app.queries.triggers import trigger_names

LOOKED_BACK = timedelta(days=89)
INSTANT = timedelta(seconds=1)
SHOWN, RULES_SHOWN = 25, 6
WIDTH, HEIGHT = 560.0, 120.0


def ask(text: str) -> Any:
    """Ask for a rehearsal of definitions that are without fault, over the last 90 days; leads to its page."""
    return _ask(text, today() - LOOKED_BACK, today())


def _ask(text: str, begin: date, end: date) -> Any:
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
    found = ask_for_simulation(text, span.since, span.until, total=total, actor=actor, now=utcnow())
    ring("rehearse")
    return redirect(url_for("admin.rehearsal", simulation_id=found), 303)


def _no_events() -> str:
    first, last = first_and_last_event()
    if first is None or last is None:
        return _("There are no events to rehearse on yet. Older ones come in with otklik import events --history.")
    return _(
        "No events between these days. There are some from %(first)s to %(last)s.", first=day(first), last=day(last)
    )


@blueprint.get("/rehearsals")
@staff("design")
def rehearsals() -> Any:
    return render_template("admin/rehearsals.html", rows=latest_simulations(SHOWN), instant=INSTANT)


@blueprint.get("/rehearsals/<int:simulation_id>")
@staff("design")
def rehearsal(simulation_id: int) -> Any:
    row = find_simulation(simulation_id)
    if row is None:
        abort(404)
    shown = _read(row) if row.state == "done" and row.result else {}
    last = row.until - INSTANT
    zone = ZoneInfo(company().zone)
    days = {"from": row.since.astimezone(zone).date().isoformat(), "to": last.astimezone(zone).date().isoformat()}
    return render_template("admin/rehearsal.html", row=row, last=last, chosen=days, left=_seconds_left(row), **shown)


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
        return _ask(row.text, begin, end) or here
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
        latest = next(iter(audit_entries(before=None, limit=1, kind=kind, name=slug or kind)), None)
        if latest and latest.at > since:
            raise ChangedMeanwhile(kind, slug, body_in_force(kind, slug))


def _seconds_left(row: Any) -> int | None:
    """How long it will still take, if it goes on as it went."""
    if row.state != "running" or not row.done or row.started_at is None:
        return None
    return int((utcnow() - row.started_at).total_seconds() * max(0, row.total - row.done) / row.done) + 1


def _read(row: Any) -> dict[str, Any]:
    """What the page says of a result."""
    result = row.result
    before, after = result["in_force"], result
    people = names_of([one["contact"] for one in result["differing"]["contacts"][:SHOWN]])
    return {
        "sentence": _sentence(before, after),
        "pairs": _pairs(before, after),
        "rates": [
            _("%(share)s answer by %(channel)s, as in the last 90 days", share=percent(rate), channel=channel_word(c))
            for c, rate in after["rates"].items()
        ],
        "days": _days(before["days"], after["days"]),
        "times": _times(before["contacts"], after["contacts"]),
        "reasons": _reasons(before["triggers"], after["triggers"]),
        "behind": _behind(after["triggers"]),
        "differing": [(one, people.get(one["contact"])) for one in result["differing"]["contacts"][:SHOWN]],
        "total": result["differing"]["total"],
        "word": short_reason,
        "names": trigger_names(),
        "not_rehearsed": after["not_rehearsed"],
    }


def _asked(told: Mapping[str, Any]) -> int:
    return sum(n for times, n in told["contacts"].items() if times != "0")


def _sentence(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    said = {"new": number(_asked(after)), "old": number(_asked(before)),
            "answers": number(after["answers"]), "were": number(before["answers"])}  # fmt: skip
    if before["days"] == after["days"]:
        return _("This would have changed nothing: %(new)s customers asked, about %(answers)s answers.", **said)
    return _(
        "This would have asked %(new)s customers instead of %(old)s, and brought about %(answers)s answers"
        " instead of %(were)s.",
        **said,
    )


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str, bool]]:
    def waiting(told: Mapping[str, Any]) -> int:
        return sum(count["deferred"] for count in told["triggers"].values())

    def sent(told: Mapping[str, Any]) -> int:
        return sum(n for by_channel in told["days"].values() for n in by_channel.values())

    def half(told: Mapping[str, Any]) -> str:
        return "–" if told["nps_half_width"] is None else f"± {number(told['nps_half_width'], 1)}"

    rows = [
        (_("Invitations and messages"), number(sent(before)), number(sent(after))),
        (_("Customers asked"), number(_asked(before)), number(_asked(after))),
        (_("Expected answers"), number(before["answers"]), number(after["answers"])),
        (_("Most questions to one person"), number(before["most"]), number(after["most"])),
        (_("How sure the NPS is"), half(before), half(after)),
        (_("Still waiting at the end"), number(waiting(before)), number(waiting(after))),
    ]
    return [(name, old, new, old != new) for name, old, new in rows]


def _days(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Invitations by week, both in one picture: a line each."""
    weeks: dict[str, list[int]] = {}
    for place, told in enumerate((before, after)):
        for text, channels in told.items():
            at = date.fromisoformat(text)
            monday = (at - timedelta(days=at.weekday())).isoformat()
            weeks.setdefault(monday, [0, 0])[place] += sum(channels.values())
    rows = [(date.fromisoformat(week), old, new) for week, (old, new) in sorted(weeks.items())]
    highest = max((max(old, new) for _, old, new in rows), default=0) or 1
    step = WIDTH / max(1, len(rows) - 1)
    lines = [
        " ".join(f"{n * step:.1f},{HEIGHT - HEIGHT * height / highest:.1f}" for n, height in enumerate(heights))
        for heights in ([old for _, old, _ in rows], [new for _, _, new in rows])
    ]
    return {"rows": rows, "lines": lines, "highest": highest, "width": WIDTH, "height": HEIGHT}


def _times(before: Mapping[str, int], after: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Customers by how often they are asked; five times and more together."""
    found = [Counter[int](), Counter[int]()]
    for place, told in enumerate((before, after)):
        for times, n in told.items():
            found[place][min(5, int(times))] += n
    last = _("5 or more")
    return [(last if n == 5 else number(n), found[0][n], found[1][n]) for n in range(6)]  # noqa: PLR2004 the last


def _reasons(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    found = [Counter[str](), Counter[str]()]
    for place, triggers in enumerate((before, after)):
        for count in triggers.values():
            found[place].update(count["skipped"])
    order = sorted({*found[0], *found[1]}, key=lambda code: -max(found[0][code], found[1][code]))
    return [(short_reason(code), found[0][code], found[1][code]) for code in order]


def _behind(triggers: Mapping[str, Any]) -> list[str]:
    """Who keeps whom out, in words; the most frequent first."""
    names = trigger_names()
    pairs: Sequence[tuple[int, str, str]] = sorted(
        ((n, loser, winner) for loser, count in triggers.items() for winner, n in count["behind"].items() if winner),
        reverse=True,
    )
    said = []
    for n, loser, winner in pairs[:RULES_SHOWN]:
        told = {"loser": names.get(loser, loser), "winner": names.get(winner, winner)}
        if loser == winner:
            said.append(
                ngettext(
                    "“%(loser)s” came too soon after itself %(num)d time.",
                    "“%(loser)s” came too soon after itself %(num)d times.",
                    n,
                    **told,
                )
            )
        else:
            said.append(
                ngettext(
                    "“%(winner)s” left no room for “%(loser)s” %(num)d time.",
                    "“%(winner)s” left no room for “%(loser)s” %(num)d times.",
                    n,
                    **told,
                )
            )
    return said
