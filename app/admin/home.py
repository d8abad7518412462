"""Home: one sentence, what needs somebody, the loop from event to task; search; and where else to go."""

from datetime import datetime, timedelta
from typing import Any

from flask import current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.admin import blueprint
from app.admin.kinds import event_words
from app.admin.reasons import short_reason, survey_name
from app.admin.shell import navigation, whole
from app.admin.words import number, span
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.queries.attention import silent_sources
from app.queries.audits import latest_audit
from app.queries.catalogue import trigger_rows
from app.queries.deliveries import outgoing_counts
from app.queries.events import count_pending, first_told
from app.queries.inbox import inbox_counts, open_tasks_by_due, own_words
from app.queries.overview import funnel, today
from app.queries.policies import policy_number
from app.queries.sources import source_rows
from app.queries.stories import latest_answers, search_customers
from app.queries.surveys import survey_definitions
from app.queries.triggers import trigger_names
from dashboards.readers import Days, Funnel, Where

ROWS = 5
JUST_IN = 8


@blueprint.get("/home")
@staff("home")
def home() -> Any:
    now = utcnow()
    days = 7 if request.args.get("days") == "7" else 1
    loop = funnel(signed_in(), Where(), Days(today() - timedelta(days=days - 1), today()))
    rows = trigger_rows(now - timedelta(days=7))
    needs = _attention(now)
    steps = [] if loop.events or needs or latest_answers(1) else _first_steps()
    return render_template(
        "admin/home.html",
        days=days,
        loop=_loop(loop),
        sentence=_sentence(loop, needs, days) if not steps else _("A few steps, and the first answer comes."),
        needs=needs[:ROWS],
        answers=_just_in(),
        live=[r for r in rows if r.rule.status in ("live", "pilot") and r.surveys][:8],
        steps=steps,
        first=first_told() if steps else None,
        event_words=event_words,
        base=current_app.config["BASE_URL"],
    )


def _sentence(loop: Funnel, needs: list[dict[str, str]], days: int) -> str:
    if needs:
        return _("Needs you: %(what)s.", what=", ".join(n["short"] for n in needs[:2]))
    when = _("today") if days == 1 else _("in 7 days")
    return _(
        "All quiet: %(events)s %(when)s, %(asked)s, %(answered)s.",
        events=ngettext("%(num)d event", "%(num)d events", loop.events),
        when=when,
        asked=ngettext("%(num)d customer asked", "%(num)d customers asked", loop.asked),
        answered=ngettext("%(num)d answered", "%(num)d answered", loop.answered),
    )


def _attention(now: datetime) -> list[dict[str, str]]:
    """What needs somebody, each with its verb and where to go."""
    who = signed_in()
    found = _overdue(now)
    if who.may("sending"):
        found += _stuck(now)
    if who.may("sources"):
        found += _faulty_sources(now)
    if who.may("read"):
        found += _broken_limits()
    if who.may("design") and trigger_names() and not policy_number():
        said = _("no contact policy")
        found.append(
            _need(said, _("Nothing protects customers from too many questions."), _("Read"), url_for("admin.policy"))
        )
    return found


def _overdue(now: datetime) -> list[dict[str, str]]:
    counts = inbox_counts(department=None, owner=None, now=now, end_of_day=now)
    if not counts.overdue:
        return []
    first = open_tasks_by_due(department=None, owner=None, limit=1)[0]
    said = ngettext("%(num)d overdue task", "%(num)d overdue tasks", counts.overdue)
    return [_need(said, first.title, _("Open"), url_for("admin.task", task_id=first.id))]


def _stuck(now: datetime) -> list[dict[str, str]]:
    """Sendings nobody is sure of, and events that were set aside."""
    found = []
    if unknown := outgoing_counts(now)["unknown"]:
        said = ngettext("%(num)d sending nobody is sure of", "%(num)d sendings nobody is sure of", unknown)
        found.append(_need(said, _("It may or may not have arrived."), _("Settle"), url_for("admin.sending")))
    if dead := count_pending()[1]:
        said = ngettext("%(num)d event set aside", "%(num)d events set aside", dead)
        found.append(_need(said, _("It failed five times."), _("Look"), url_for("admin.sending")))
    return found


def _faulty_sources(now: datetime) -> list[dict[str, str]]:
    found = []
    for row in source_rows(now):
        if row.refused:
            said = ngettext("%(num)d refused payload", "%(num)d refused payloads", row.refused)
            name = row.body.get("name") or row.slug
            found.append(_need(f"{said} ({name})", "", _("Look"), url_for("admin.source", slug=row.slug)))
    for slug, name, silence in silent_sources(now):
        said = _("%(name)s is silent for %(time)s", name=name, time=span(silence))
        found.append(_need(said, "", _("Look"), url_for("admin.source", slug=slug)))
    return found


def _broken_limits() -> list[dict[str, str]]:
    """What the last audit found, until somebody has seen it."""
    audit = latest_audit()
    if audit is None or audit.seen_at or not audit.fresh:
        return []
    said = ngettext("%(num)d message beyond a limit", "%(num)d messages beyond a limit", audit.fresh)
    return [_need(said, _("The contact policy was broken."), _("Look"), url_for("admin.policy_audits"))]


def _need(short: str, more: str, verb: str, url: str) -> dict[str, str]:
    return {"short": short, "more": more, "verb": verb, "url": url}


def _loop(loop: Funnel) -> list[dict[str, Any]]:
    """Seven numbers, each with its list, and before each the largest loss in words."""
    sources = url_for("admin.sources") if signed_in().may("sources") else ""
    return [
        _step(loop, "events", _("Events"), sources),
        _step(loop, "matched", _("Matched"), url_for("admin.decisions")),
        _step(loop, "sampled", _("In sample"), url_for("admin.decisions")),
        _step(loop, "asked", _("Asked"), url_for("admin.decisions", outcome="invited")),
        _step(loop, "sent", _("Sent"), url_for("admin.sending")),
        _step(loop, "answered", _("Answered"), url_for("admin.answers")),
        _step(loop, "tasks", _("Tasks"), url_for("admin.tasks")),
    ]


def _step(loop: Funnel, step: str, name: str, url: str) -> dict[str, Any]:
    lost = loop.lost.get(step, {})
    worst = max(lost, key=lambda reason: lost[reason], default="")
    return {
        "n": getattr(loop, step),
        "name": name,
        "url": url,
        "loss": f"{number(lost[worst])}: {short_reason(worst)}" if worst else "",
    }


def _just_in() -> list[dict[str, Any]]:
    surveys = survey_definitions()
    return [
        {"answer": a, "words": own_words(a.answers), "survey": survey_name(surveys, a.survey)}
        for a in latest_answers(JUST_IN)
    ]


@blueprint.get("/home/just-in")
@staff("home")
def just_in() -> Any:
    """The list *Just in* alone, for the page to take over."""
    return render_template("admin/_just_in.html", answers=_just_in())


def _first_steps() -> list[tuple[str, bool, str]]:
    """What a new installation needs: each step ticks itself."""
    return [
        (
            _("Connect a source"),
            first_told() is not None,
            url_for("admin.source", slug="api") if signed_in().may("sources") else "",
        ),
        (_("Make a survey"), bool(survey_definitions()), url_for("admin.surveys")),
        (
            _("Turn on a trigger"),
            any(r.rule.status in ("live", "pilot") for r in trigger_rows(utcnow())),
            url_for("admin.triggers"),
        ),
        (_("See the first answer"), False, ""),
    ]


@blueprint.get("/home/first-event")
@staff("home")
def first_event() -> Any:
    """The first event as it arrived, once it is there: the checklist waits for it."""
    return render_template("admin/_first_event.html", first=first_told(), event_words=event_words)


@blueprint.get("/search")
@staff("self")
def search() -> Any:
    """One field for everything: a customer, a survey, a trigger, a task."""
    who, words = signed_in(), request.args.get("q", "").strip()[:200]
    if words.startswith("#") and (task := whole({"id": words[1:]}, "id")):
        return redirect(url_for("admin.task", task_id=task))
    lower = words.lower()
    surveys = survey_definitions() if who.may("read") and words else {}
    named = {slug: survey_name(surveys, slug) for slug in surveys}
    triggers = trigger_names() if who.may("read") and words else {}
    customers = search_customers(words, department=who.only_department, limit=20) if words else []
    return render_template(
        "admin/search.html",
        q=words,
        customers=customers,
        surveys={s: n for s, n in named.items() if lower in n.lower() or lower in s},
        triggers={s: n for s, n in triggers.items() if lower in n.lower() or lower in s},
    )


@blueprint.get("/more")
@staff("self")
def more() -> Any:
    """On a phone: every page that is not in the bar."""
    return render_template("admin/more.html", rows=[p for p in navigation() if not p.phone])
