"""*Follow one customer*: her side in a phone, and your side as a ladder that grows while it happens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import abort, jsonify, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from app.admin.kinds import event_words
from app.admin.reasons import outcome_word, rung_words, sentence
from app.admin.tasks import outcome_words
from app.admin.words import chosen, inner, moment, number
from app.auth.staff import signed_in, staff, zone_of
from app.clock import utcnow
from app.demo import blueprint
from app.demo.happenings import WEBSITE
from app.demo.live import LIVE
from app.demo.people import VICTOR
from app.queries.explanations import Explained
from app.queries.installation import company
from app.queries.stories import heard_before, search_customers
from app.queries.surveys import survey_definitions
from app.queries.triggers import trigger_names
from app.queries.walks import Asked, Guest, OpenedTask, Round, guests, newest_event, rounds_since
from app.text.names import first_name
from surveys.scoring import PASSIVE, PROMOTER

GUESTS = "m-"
TOOK = "took"
REST = timedelta(days=30)
"""So long must a customer not have heard from us for the walk to begin with a question."""
STEPS = ("event", "decision", "mail", "answer", "task")
BAD, GOOD = "bad", "good"
SATISFIED = 4


@dataclass(frozen=True)
class Walk:
    """Who is followed, and from which event on."""

    contact_id: int
    reference: str
    name: str
    language: str
    after: int

    @property
    def first_name(self) -> str:
        return first_name(self.name) or self.name

    def url(self, page: str, **more: Any) -> str:
        """The address of one of the pages of this walk."""
        return url_for(f"demo.{page}", who=self.reference, after=self.after, **more)


@dataclass
class Line:
    """One line of the ladder: it is read out as it comes, so it says all by itself."""

    key: str
    step: str
    at: str
    text: str
    tone: str = ""
    quote: str = ""
    checks: list[tuple[str, str, bool]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)


def find_walk(who: str, after: int) -> Walk:
    """The walk that an address names; 404 for anybody but a guest."""
    guest = next((g for g in guests(GUESTS) if g.reference == who), None)
    if guest is None:
        abort(404)
    return Walk(guest.contact_id, guest.reference, guest.name, company().language, after)


def _rested(known: Sequence[Guest]) -> Guest:
    """The first who has not heard from us for long enough; else who has rested longest."""
    by = utcnow() - REST
    rested = [g for g in known if g.heard_at is None or g.heard_at < by]
    return rested[0] if rested else min(known, key=lambda g: g.heard_at or by)


@blueprint.get("/")
@staff("home")
def begin() -> Any:
    """On with the walk of this session, or a new one, with somebody who may be asked."""
    known = guests(GUESTS)
    if not known:
        abort(404)
    left = request.args.get("without")
    kept = session.get("walk")
    if kept and left is None and any(g.reference == kept[0] for g in known):
        return redirect(url_for("demo.follow", who=kept[0], after=kept[1]))
    guest = _rested([g for g in known if g.reference != left] or known)
    return redirect(url_for("demo.follow", who=guest.reference, after=newest_event()))


@blueprint.get("/follow/<who>/<int:after>")
@staff("home")
def follow(who: str, after: int) -> Any:
    walk = find_walk(who, after)
    if session.get("walk") != [who, after]:
        session["walk"] = [who, after]
    return render_template("demo/follow.html", walk=walk, steps=step_names(), waiting=waiting_words(walk))


@blueprint.get("/start-for-real")
@staff("home")
def real() -> Any:
    """How one's own company begins."""
    return render_template("demo/real.html")


@blueprint.get("/follow/<who>/<int:after>/state")
@staff("home")
def state(who: str, after: int) -> Any:
    """What the page asks for again and again: the lines so far, what is awaited, and her newest mail."""
    walk = find_walk(who, after)
    rounds = rounds_since(walk.after, walk.contact_id, company().zone, LIVE, WEBSITE)
    following = {str(r.properties.get("invitation")): r.tasks for r in rounds if r.type == "survey.answered"}
    lines = [line for found in rounds for line in _lines(walk, found, following)]
    lines.sort(key=lambda line: line.at)
    mails = [
        a.public_id for r in rounds if r.contact_id == walk.contact_id for a in r.asked.values() if a.handed_over_at
    ]
    return jsonify(
        {
            "lines": [{**asdict(line), "time": _clock(line.at)} for line in lines],
            "awaited": _awaited(walk, rounds),
            "mail": walk.url("letter", reference=mails[-1]) if mails else None,
        }
    )


def step_names() -> dict[str, str]:
    return {
        "event": _("Event"),
        "decision": _("Decision"),
        "mail": pgettext("step", "Mail"),
        "answer": _("Answer"),
        "task": _("Score and task"),
    }


def waiting_words(walk: Walk) -> dict[str, str]:
    """What each step waits for, while it has not come."""
    return {
        "event": _("Press the button in %(name)s's shop.", name=walk.first_name),
        "decision": _("Otklik checks whether it may ask."),
        "mail": _("The question goes out."),
        "answer": _("%(name)s answers, if she likes.", name=walk.first_name),
        "task": _("The score is read, and somebody gets a task."),
    }


def _awaited(walk: Walk, rounds: Sequence[Round]) -> list[str]:
    """The steps of the newest round of hers that are still to come."""
    own = [r for r in rounds if r.contact_id == walk.contact_id and r.type != "survey.answered" and r.source != WEBSITE]
    if not own:
        return list(STEPS)
    last = own[-1]
    if not last.decisions:
        return list(STEPS[1:])
    if not last.asked:
        return []
    asked = next(iter(last.asked.values()))
    if asked.handed_over_at is None:
        return list(STEPS[2:])
    if asked.answered_at is None:
        return list(STEPS[3:])
    return [] if asked.counted_at else list(STEPS[4:])


def _lines(walk: Walk, found: Round, following: Mapping[str, list[OpenedTask]]) -> Iterator[Line]:
    """The lines of one round, each with the moment it is about."""
    if found.source != "otklik":
        yield _event_line(walk, found)
    for decision in found.decisions:
        if decision.outcome != "acted":
            yield _decision_line(walk, found, decision)
    for trigger, asked in found.asked.items():
        yield from _asked_lines(walk, found, trigger, asked, following)
    for task in found.tasks:
        yield from _task_lines(task)


def read_took() -> dict[str, int]:
    """How long the last events of this browser's shop took to be accepted, in milliseconds.

    In a cookie of its own: the session's is written by every answer, and answers overtake each other.
    """
    pairs = (pair.rpartition(".") for pair in request.cookies.get(TOOK, "").split("|"))
    return {event_id: int(took) for event_id, _dot, took in pairs if took.isdigit()}


def _event_line(walk: Walk, found: Round) -> Line:
    took = read_took().get(found.external_id)
    words = _("Event accepted, %(ms)s ms", ms=number(took)) if took is not None else _("Event accepted")
    who = "" if found.contact_id == walk.contact_id else f" · {found.name or _('customer not named')}"
    return Line(f"event-{found.event_id}", "event", _iso(found.received_at), f"{words}: {_happened(found)}{who}")


def _happened(found: Round) -> str:
    if found.type == "subscription.upgraded":
        return _("moved to Premium")
    if found.source == WEBSITE and "form" in found.properties:
        return f"{event_words(found.type)} ({inner(found.properties['form'])})"
    return event_words(found.type)


def _decision_line(walk: Walk, found: Round, decision: Explained) -> Line:
    heard = heard_before([found.contact_id or 0]).get(found.contact_id or 0, [])
    checks = [(*rung_words(rung), rung.passed) for rung in decision.gates]
    line = Line(
        f"decision-{found.event_id}-{decision.trigger}", "decision", _iso(decision.decided_at), "", checks=checks
    )
    name = trigger_names().get(decision.trigger, decision.trigger)
    if decision.outcome == "invited":
        asked = found.asked.get(decision.trigger)
        if asked and asked.class_ == "service":
            to = first_name(found.name) or walk.first_name
            line.text = _(
                "%(survey)s goes to %(name)s: a service message, which the limits let through.",
                survey=inner(name),
                name=to,
            )
        else:
            line.text = _("%(asked)s: all checks passed.", asked=outcome_word("invited"))
        line.tone = GOOD
        return line
    line.text = f"{outcome_word(decision.outcome)}. {sentence(decision, heard)}"
    line.tone = BAD
    if decision.next_possible_at:
        line.text += " " + _("Possible again from %(when)s.", when=moment(decision.next_possible_at))
    if found.contact_id == walk.contact_id:
        line.links.extend(_victor())
    return line


def _victor() -> list[tuple[str, str]]:
    """Beside the first "no" stands the way to somebody with five of them."""
    name = VICTOR[company().language]
    rows = search_customers(name, department=signed_in().only_department, limit=1)
    if not rows:
        return []
    url = url_for("admin.customer", reference=rows[0].reference, show="not_asked")
    return [(_("Also ask: why was %(name)s not asked?", name=name), url)]


def _asked_lines(
    walk: Walk, found: Round, trigger: str, asked: Asked, following: Mapping[str, list[OpenedTask]]
) -> Iterator[Line]:
    key = f"{found.event_id}-{trigger}"
    name = first_name(found.name) or walk.first_name
    if asked.handed_over_at:
        text = _("Mail handed over to %(name)s.", name=name)
        yield Line(f"mail-{key}", "mail", _iso(asked.handed_over_at), text, tone=GOOD)
    elif asked.state == "planned" and asked.planned_at > utcnow():
        text = _(
            "The mail waits until %(when)s: quiet hours where %(name)s lives.", when=moment(asked.planned_at), name=name
        )
        yield Line(f"waits-{key}", "mail", _iso(asked.planned_at.min.replace(tzinfo=asked.planned_at.tzinfo)), text)
    if asked.answered_at:
        yield from _answer_lines(key, name, asked, following.get(asked.public_id, []))


def _answer_lines(key: str, name: str, asked: Asked, following: Sequence[OpenedTask]) -> Iterator[Line]:
    at = asked.answered_at
    assert at is not None
    survey = chosen(survey_definitions().get(asked.survey, {}).get("name", asked.survey))
    words = next((v for v in asked.answers.values() if isinstance(v, str) and " " in v), "")
    yield Line(
        f"answer-{key}",
        "answer",
        _iso(at),
        _("%(name)s answered: %(survey)s.", name=name, survey=inner(survey)),
        quote=_("“%(words)s”", words=inner(words)) if words else "",
    )
    for metric, value in asked.scores:
        text, tone = _score_words(metric, value, asked)
        yield Line(f"score-{key}-{metric}", "task", _iso(at + timedelta(milliseconds=1)), text, tone=tone)
    if asked.counted_at:
        last = max([asked.counted_at, *(task.created_at for task in following)])
        links = [(_("See the dashboard"), "/dashboards/")] if signed_in().may("dashboard") else []
        at = last + timedelta(milliseconds=1)
        yield Line(f"counted-{key}", "task", _iso(at), _("Dashboard updated."), links=links)


def _score_words(metric: str, value: float, asked: Asked) -> tuple[str, str]:
    score = number(value)
    if metric == "nps":
        kind = _("promoter") if value >= PROMOTER else _("passive") if value >= PASSIVE else _("detractor")
        return _(
            "Score %(score)s, %(kind)s.", score=score, kind=kind
        ), GOOD if value >= PROMOTER else BAD if value < PASSIVE else ""
    if asked.survey == "handled":
        if value >= SATISFIED:
            return _("Recovered, confirmed by the customer: %(score)s of 5.", score=score), GOOD
        return _("Not recovered, says the customer: %(score)s of 5.", score=score), BAD
    return _("Score %(score)s (%(metric)s).", score=score, metric=metric.upper()), ""


def _task_lines(task: OpenedTask) -> Iterator[Line]:
    text = _("Task for %(department)s: %(title)s", department=inner(task.department), title=task.title) + _due(task)
    links = [(_("Open the task"), url_for("admin.task", task_id=task.id))]
    yield Line(f"task-{task.id}", "task", _iso(task.created_at), f"{text}.", links=links)
    if task.resolved_at:
        outcome = outcome_words().get(task.outcome or "", task.outcome or "")
        said = _("Task solved: %(outcome)s.", outcome=outcome) if outcome else _("Task solved.")
        yield Line(f"solved-{task.id}", "task", _iso(task.resolved_at), said, tone=GOOD)


def _due(task: OpenedTask) -> str:
    if task.due is None or task.due_at is None:
        return ""
    hours = int(task.due.total_seconds() // 3600)
    time = ngettext("%(num)d working hour", "%(num)d working hours", hours)
    return _(", due in %(time)s: %(when)s", time=time, when=moment(task.due_at))


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _clock(at: str) -> str:
    """Seconds count here."""
    moment_of = datetime.fromisoformat(at)
    return "" if moment_of.year == 1 else f"{moment_of.astimezone(zone_of(signed_in())):%H:%M:%S}"
