"""What the overview is told: the readers that ``dashboards`` declares, and the answers behind every figure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, or_, select

from app.clock import utcnow
from app.extensions import db, remembered
from app.models import rollups as tables
from app.models.contacts import Contact
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response, Score
from app.models.rollups import ResponseTopic, Rollup, Tally, TallyMark
from app.models.surveys import Survey, SurveyVersion
from app.models.tasks import Task
from app.queries.contacts import public_ids
from app.queries.installation import company
from app.queries.rollups import asking_triggers
from app.queries.segments import segment_definitions
from app.queries.surveys import sensitive_versions, survey_definitions, survey_version
from dashboards.readers import Cell, Choices, Comment, Counts, Days, Funnel, Marker, Outlook, Tasks, Viewer, Where
from surveys.decision import GATE_OF, TRIGGER_GATES
from surveys.lifecycle import ANSWERABLE, TASK_CLOSED
from surveys.scoring import PASSIVE, PROMOTER, SATISFIED
from surveys.triggers import Trigger as Rule

COUNT_NAMES = tuple(Counts.__dataclass_fields__)
BEFORE_SAMPLE = frozenset(reason for reason, gate in GATE_OF.items() if gate in TRIGGER_GATES)
CLASSES = {
    "promoters": (("nps", PROMOTER, None),),
    "passives": (("nps", PASSIVE, PROMOTER),),
    "detractors": (("nps", None, PASSIVE),),
    "satisfied": (("csat", SATISFIED, None),),
    "unsatisfied": (("csat", None, SATISFIED),),
    "unhappy": (("nps", None, PASSIVE), ("csat", None, SATISFIED), ("ces", None, 4)),
}
"""Classes of answers: a metric with the least score that belongs to them, and the least that does not any more."""
LOOKS_BACK = timedelta(days=400)
OUTLOOK_ANSWERS = 200


def company_zone() -> ZoneInfo:
    return ZoneInfo(company().zone)


def today() -> date:
    """The company's day."""
    return utcnow().astimezone(company_zone()).date()


def moments(days: Days) -> tuple[datetime, datetime]:
    """When company days begin, and when they are over."""
    zone = company_zone()
    return (
        datetime.combine(days.begin, time(0), zone),
        datetime.combine(days.end + timedelta(days=1), time(0), zone),
    )


def counts(_viewer: Viewer, where: Where, days: Days, by: Collection[str]) -> Sequence[Cell]:
    """Counts by any of ``day``, ``touchpoint`` and ``place``, added up from the roll-ups.

    These know one further dimension at a time: places of a segment are counted from the answers themselves.
    """
    if where.segment and (where.place or "place" in by):
        return _counted_singly(where, days, by)
    known = {"day": Rollup.day, "touchpoint": Rollup.touchpoint, "place": Rollup.value}
    groups = [known[name].label(name) for name in by]
    sums = [func.sum(getattr(Rollup, name)).label(name) for name in COUNT_NAMES]
    query: Any = select(*groups, *sums).where(
        Rollup.dimension == ("place" if where.place or "place" in by else "segment" if where.segment else ""),
        Rollup.day.between(days.begin, days.end),
        *_where(where),
    )
    if where.survey:
        query = query.join(Survey, Survey.id == Rollup.survey_id)
    if where.place or where.segment:
        query = query.where(Rollup.value == (where.place or where.segment))
    if groups:
        query = query.group_by(*(known[name] for name in by))
    return [
        Cell(Counts(*(row[name] or 0 for name in COUNT_NAMES)), **{name: row[name] for name in by})
        for row in db.session.execute(query).mappings()
    ]


def _counted_singly(where: Where, days: Days, by: Collection[str]) -> Sequence[Cell]:
    zone, found = company_zone(), defaultdict[tuple[Any, ...], Counter[str]](Counter)

    def count(row: Any, at: datetime, n: Mapping[str, float]) -> None:
        about = {"day": at.astimezone(zone).date(), "touchpoint": row.touchpoint, "place": (row.place or "").strip()}
        if "place" not in by or about["place"]:
            found[tuple(about[name] for name in by)].update(n)

    about = (Invitation.touchpoint, Event.properties["place"].as_string().label("place"))
    for row in db.session.execute(_handed_over(select(Invitation.handed_over_at, Invitation.completed_at, *about),
                                               where, days)):  # fmt: skip
        count(row, row.handed_over_at, {"handed_over": 1, "answered": int(row.completed_at is not None)})
    scored = select(Response.completed_at, Score.metric, Score.value, *about).select_from(Response)
    scored = _among(scored.join(Score, Score.response_id == Response.id), replace(where, place=None), days)
    scored = _of_place(scored.join(Event, Event.id == Invitation.event_id), where)
    for row in db.session.execute(scored):
        count(row, row.completed_at, _score_counts(row.metric, row.value))
    return [
        Cell(Counts(*(n[name] for name in COUNT_NAMES)), **dict(zip(by, key, strict=True))) for key, n in found.items()
    ]


def _score_counts(metric: str, value: float) -> dict[str, float]:
    if metric == "nps":
        return {"promoters" if value >= PROMOTER else "passives" if value >= PASSIVE else "detractors": 1}
    sums = {f"{metric}_count": 1, f"{metric}_sum": value, f"{metric}_squares": value * value}
    return sums | {"satisfied": value >= SATISFIED} if metric == "csat" else sums


def _handed_over(query: Any, where: Where, days: Days) -> Any:
    """Invitations handed over in these days, of what is looked at."""
    begin, end = moments(days)
    query = (
        query.select_from(Invitation)
        .join(Event, Event.id == Invitation.event_id)
        .join(SurveyVersion, SurveyVersion.id == Invitation.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .where(Invitation.handed_over_at >= begin, Invitation.handed_over_at < end)
    )
    if where.touchpoint:
        query = query.where(Invitation.touchpoint == where.touchpoint)
    if where.channel:
        query = query.where(Invitation.channel == where.channel)
    if where.survey:
        query = query.where(Survey.slug == where.survey)
    if where.segment:
        query = query.where(in_segment(Invitation.segments, where.segment))
    return _of_place(query, where)


def _of_place(query: Any, where: Where) -> Any:
    """Of a place, where the event is among what is read."""
    return query.where(func.trim(Event.properties["place"].as_string()) == where.place) if where.place else query


def in_segment(written: Any, segment: str) -> Any:
    """Whether a text of segments holds one."""
    return written.contains(f"|{segment}|", autoescape=True)


def _where(where: Where) -> list[Any]:
    found = []
    if where.touchpoint:
        found.append(Rollup.touchpoint == where.touchpoint)
    if where.survey:
        found.append(Survey.slug == where.survey)
    if where.channel:
        found.append(Rollup.channel == where.channel)
    return found


def reasons(_viewer: Viewer, where: Where, days: Days) -> Mapping[str | None, Mapping[str, int]]:
    """By touchpoint: how many unhappy answers touch which topic."""
    found: dict[str | None, Counter[str]] = defaultdict(Counter)
    for touchpoint, topic, n in db.session.execute(
        _read_reasons(where, days) if where.place or where.segment else _reasons(where, days)
    ):
        if n:
            found[touchpoint][topic] += n
    return found


def _reasons(where: Where, days: Days) -> Any:
    unhappy = func.sum(Rollup.detractors + Rollup.csat_count - Rollup.satisfied)
    query: Any = select(Rollup.touchpoint, Rollup.value, unhappy).where(
        Rollup.dimension == "topic", Rollup.day.between(days.begin, days.end), *_where(where)
    )
    if where.survey:
        query = query.join(Survey, Survey.id == Rollup.survey_id)
    return query.group_by(Rollup.touchpoint, Rollup.value)


def _read_reasons(where: Where, days: Days) -> Any:
    """Topics, places and segments are not counted across each other: read from the answers themselves."""
    query: Any = (
        select(Invitation.touchpoint, ResponseTopic.topic, func.count(Response.id.distinct()))
        .select_from(Response)
        .join(ResponseTopic, ResponseTopic.response_id == Response.id)
        .where(_scored("unhappy"))
        .group_by(Invitation.touchpoint, ResponseTopic.topic)
    )
    return _among(query, where, days)


def _among(query: Any, where: Where, days: Days) -> Any:
    """Complete answers of these days and of what is looked at."""
    begin, end = moments(days)
    query = (
        query.join(Invitation, Invitation.id == Response.invitation_id)
        .where(Response.changed_at >= begin, Response.changed_at < end, Response.complete.is_(True))
        .where(Response.completed_at >= begin, Response.completed_at < end)
    )
    if where.touchpoint:
        query = query.where(Invitation.touchpoint == where.touchpoint)
    if where.channel:
        query = query.where(Invitation.channel == where.channel)
    if where.survey:
        version = SurveyVersion.id == Response.survey_version_id
        query = query.join(SurveyVersion, version).join(Survey, Survey.id == SurveyVersion.survey_id)
        query = query.where(Survey.slug == where.survey)
    if where.segment:
        query = query.where(in_segment(Response.segments, where.segment))
    if where.place:
        query = _of_place(query.join(Event, Event.id == Invitation.event_id), where)
    return query


def _scored(name: str) -> Any:
    """Whether an answer has a score of a class (``promoters`` …) or metric (``nps`` …)."""
    scored = select(1).where(Score.response_id == Response.id)
    if name not in CLASSES:
        return exists(scored.where(Score.metric == name))
    either = []
    for metric, least, below in CLASSES[name]:
        holds = Score.metric == metric
        holds = holds & (Score.value >= least) if least is not None else holds
        either.append(holds & (Score.value < below) if below is not None else holds)
    return exists(scored.where(or_(*either)))


def funnel(_viewer: Viewer, where: Where, days: Days) -> Funnel:
    """The way from event to task, every step counted on its own day; of a segment, from the sending on."""
    cells = counts(_viewer, where, days, ())
    sent, answered = (cells[0].counts.handed_over, cells[0].counts.answered) if cells else (0, 0)
    tasks = _opened(where, days)
    ends = {"answered": {"no_answer": sent - answered}, "tasks": {"no_task": answered - tasks}}
    if where.segment:
        return Funnel(sent=sent, answered=answered, tasks=tasks, lost=_losses(ends), first="sent")
    asking = {i: rule for i, rule in asking_triggers().items() if _asks(rule, where)}
    events, outcomes = _tallied(where, days, asking)
    asked = outcomes.pop("invited", 0)
    early = {reason: n for reason, n in outcomes.items() if reason in BEFORE_SAMPLE}
    late = {reason: n for reason, n in outcomes.items() if reason not in BEFORE_SAMPLE}
    matched = asked + sum(outcomes.values())
    sampled = asked + sum(late.values())
    lost = {
        "matched": {"no_question": events - matched},
        "sampled": early,
        "asked": late,
        "sent": {"not_sent": asked - sent},
    }
    return Funnel(events, matched, sampled, asked, sent, answered, tasks, _losses({**lost, **ends}))


def _losses(lost: Mapping[str, Mapping[str, int]]) -> Mapping[str, Mapping[str, int]]:
    return {step: {reason: n for reason, n in why.items() if n > 0} for step, why in lost.items()}


def _asks(rule: Rule, where: Where) -> bool:
    sends = [send for _, send in rule.sends if send.survey]
    return any(
        (not where.survey or send.survey == where.survey) and (not where.channel or where.channel in send.channels)
        for send in sends
    )


def _tallied(where: Where, days: Days, asking: Mapping[int, Rule]) -> tuple[int, Counter[str]]:
    query = select(Tally.type, Tally.trigger_id, Tally.touchpoint, Tally.outcome, func.sum(Tally.events)).where(
        Tally.day.between(days.begin, days.end),
        Tally.dimension == ("place" if where.place else ""),
        Tally.value == (where.place or ""),
    )
    rows = db.session.execute(query.group_by(Tally.type, Tally.trigger_id, Tally.touchpoint, Tally.outcome)).all()
    narrow = where.touchpoint or where.survey or where.channel
    heard = {rule.event for rule in asking.values() if where.touchpoint in (None, rule.touchpoint)}
    events, outcomes = 0, Counter[str]()
    for kind, trigger_id, touchpoint, outcome, n in rows:
        if trigger_id == 0:
            own = where.touchpoint is not None and touchpoint == where.touchpoint
            events += n if not narrow or own or (kind in heard and touchpoint in ("", where.touchpoint)) else 0
        elif trigger_id in asking and where.touchpoint in (None, touchpoint):
            outcomes[outcome] += n
    return events, outcomes


def _opened(where: Where, days: Days) -> int:
    begin, end = moments(days)
    query: Any = select(func.count()).select_from(Task).where(Task.created_at >= begin, Task.created_at < end)
    return db.session.scalar(_of_events(query, where).where(Event.type == "survey.answered")) or 0


def _of_events(query: Any, where: Where) -> Any:
    """Tasks whose event was about what is looked at: an answer's event says where it came from."""
    query = query.join(Event, Event.id == Task.event_id)
    if where.segment:
        answered = Invitation.public_id == Event.properties["invitation"].as_string()
        query = query.join(Invitation, answered).join(Response, Response.invitation_id == Invitation.id)
        query = query.where(in_segment(Response.segments, where.segment))
    for name, value in vars(where).items():
        if value and name != "segment":
            query = query.where(Event.properties[name].as_string() == value)
    return query


def tasks(_viewer: Viewer, where: Where) -> Tasks:
    """Tasks that are not closed, and those of them that are late."""
    late = func.count().filter(Task.due_at < utcnow())
    query = select(func.count(), late).select_from(Task).where(Task.status.not_in(sorted(TASK_CLOSED)))
    total, overdue = db.session.execute(_of_events(query, where)).one()
    return Tasks(total, overdue)


def markers(_viewer: Viewer, where: Where, days: Days) -> Sequence[Marker]:
    """Marked changes of these days, of what is looked at or of everything."""
    marker = tables.Marker
    query = select(marker).where(marker.day.between(days.begin, days.end)).order_by(marker.day, marker.id)
    if where.place:
        query = query.where(or_(marker.place.is_(None), marker.place == where.place))
    if where.touchpoint:
        query = query.where(or_(marker.touchpoint.is_(None), marker.touchpoint == where.touchpoint))
    return [Marker(m.id, m.day, m.text, m.place, m.touchpoint, m.author) for m in db.session.scalars(query)]


def targets(_viewer: Viewer) -> Mapping[str, float]:
    """What figures are meant to reach, by the key of their metric."""
    return {target.metric: target.value for target in db.session.scalars(select(tables.Target))}


def all_markers() -> Sequence[Marker]:
    """Every marked change, the newest first."""
    marker = tables.Marker
    rows = db.session.scalars(select(marker).order_by(marker.day.desc(), marker.id.desc()))
    return [Marker(m.id, m.day, m.text, m.place, m.touchpoint, m.author) for m in rows]


def choices(_viewer: Viewer) -> Choices:
    """What there is to choose from: whatever was asked about in the last 400 days."""
    touchpoints, channels, places = _seen(utcnow().replace(second=0, microsecond=0))
    names = {slug: str(body.get("name") or slug) for slug, body in survey_definitions().items()}
    segments = {slug: str(body.get("name") or slug) for slug, body in segment_definitions().items()}
    return Choices(touchpoints, places, _by_name(names), channels, _by_name(segments))


def _by_name(names: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(names.items(), key=lambda item: item[1].casefold())


@remembered
def _seen(minute: datetime) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Touchpoints, channels and places that are counted, as of a minute: many days are looked through for them."""
    since = minute.astimezone(company_zone()).date() - LOOKS_BACK
    base = select(Rollup.touchpoint, Rollup.channel).where(Rollup.dimension == "", Rollup.day >= since).distinct()
    seen = db.session.execute(base).all()
    named = select(Rollup.value).where(Rollup.dimension == "place", Rollup.day >= since).distinct()
    return (
        sorted({touchpoint for touchpoint, _ in seen if touchpoint}),
        sorted({channel for _, channel in seen}),
        sorted(db.session.scalars(named)),
    )


def outlook(_viewer: Viewer, where: Where) -> Outlook:
    """Invitations that are out, and within how many hours half of those who answered last did."""
    query = select(func.count()).select_from(Invitation).where(Invitation.state.in_(sorted(ANSWERABLE)))
    query = query.where(Invitation.survey_version_id.is_not(None), Invitation.expires_at > utcnow())
    if where.touchpoint:
        query = query.where(Invitation.touchpoint == where.touchpoint)
    last = db.session.execute(
        select(Invitation.handed_over_at, Response.completed_at)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .where(Response.complete.is_(True), Invitation.handed_over_at.is_not(None))
        .order_by(Response.changed_at.desc())
        .limit(OUTLOOK_ANSWERS)
    ).all()
    waits = sorted((done - sent).total_seconds() / 3600 for sent, done in last if sent and done)
    return Outlook(db.session.scalar(query) or 0, waits[len(waits) // 2] if waits else None)


def pulse(_viewer: Viewer) -> str:
    """A text that is another one whenever a figure may have changed."""
    row = db.session.execute(
        select(
            select(func.max(Response.changed_at)).scalar_subquery(),
            select(func.max(Invitation.handed_over_at)).scalar_subquery(),
            select(func.max(TallyMark.event_id)).scalar_subquery(),
            select(func.count()).select_from(tables.DirtyDay).scalar_subquery(),
            select(func.count()).select_from(Task).where(Task.status.not_in(sorted(TASK_CLOSED))).scalar_subquery(),
            select(func.max(Task.id)).scalar_subquery(),
            select(func.max(tables.Marker.id)).scalar_subquery(),
        )
    ).one()
    return "|".join("" if value is None else str(value) for value in row)


# -- The answers behind a figure


@dataclass(frozen=True)
class Chosen:
    """Which answers: of some days and of what is looked at, of a metric or class, with a topic, with words only."""

    where: Where
    days: Days
    of: str | None = None
    topic: str | None = None
    worded: bool = False


def comments(viewer: Viewer, where: Where, days: Days, limit: int) -> Sequence[Comment]:
    """The latest comments."""
    return answers(viewer, Chosen(where, days, worded=True), None, limit)


def count_answers(chosen: Chosen) -> int:
    """How many answers these are; where words are asked for, all that could have some."""
    return db.session.scalar(_select(chosen, func.count(Response.id.distinct()))) or 0


def holds_sealed(chosen: Chosen) -> bool:
    """Whether some answers of these days are to sensitive surveys, and so in no list that tells what was answered."""
    sealed = Response.survey_version_id.in_(sensitive_versions())
    query = _among(select(Response.id).select_from(Response), chosen.where, chosen.days).where(sealed)
    return db.session.scalar(query.limit(1)) is not None


def answers(viewer: Viewer, chosen: Chosen, before: tuple[datetime, int] | None, limit: int) -> list[Comment]:
    """Answers, the latest first; ``before`` is the moment and id of the last one seen."""
    found: list[Comment] = []
    while True:
        query = _select(chosen, Response, Invitation)
        if before:
            at, response_id = before
            query = query.where(
                or_(Response.changed_at < at, (Response.changed_at == at) & (Response.id < response_id))
            )
        rows = db.session.execute(query.order_by(Response.changed_at.desc(), Response.id.desc()).limit(limit)).all()
        found += [c for c in _told(viewer, rows) if c.text or not chosen.worded]
        if len(rows) < limit or len(found) >= limit:
            return found[:limit]
        before = (rows[-1][0].changed_at, rows[-1][0].id)


def _select(chosen: Chosen, *columns: Any) -> Any:
    query = _among(select(*columns).select_from(Response), chosen.where, chosen.days)
    if chosen.of or chosen.topic or chosen.worded:  # whoever is listed here is known to have answered so
        query = query.where(Response.survey_version_id.not_in(sensitive_versions()))
    if chosen.of:
        query = query.where(_scored(chosen.of))
    if chosen.topic:
        touched = select(1).where(ResponseTopic.response_id == Response.id, ResponseTopic.topic == chosen.topic)
        query = query.where(exists(touched))
    return query


def _told(viewer: Viewer, rows: Iterable[Any]) -> list[Comment]:
    rows = list(rows)
    readers = {response.id: survey_version(response.survey_version_id).sensitive for response, _ in rows}
    ids = [response_id for response_id, named in readers.items() if not named]
    scores: dict[int, list[Score]] = defaultdict(list)
    for score in db.session.scalars(select(Score).where(Score.response_id.in_(ids)).order_by(Score.question)):
        scores[score.response_id].append(score)
    touched: dict[int, list[str]] = defaultdict(list)
    for response_id, topic in db.session.execute(
        select(ResponseTopic.response_id, ResponseTopic.topic).where(ResponseTopic.response_id.in_(ids))
    ):
        touched[response_id].append(topic)
    events = {invitation.event_id for _, invitation in rows}
    places = {
        event_id: properties.get("place")
        for event_id, properties in db.session.execute(select(Event.id, Event.properties).where(Event.id.in_(events)))
    }
    may = viewer is None or viewer.may("customers")
    people = {response.contact_id for response, _ in rows} if may else set()
    names = {i: n for i, n in db.session.execute(select(Contact.id, Contact.name).where(Contact.id.in_(people)))}
    known = public_ids(people) if people else {}
    return [
        Comment(
            response_id=response.id,
            at=response.completed_at or response.changed_at,
            text="" if readers[response.id] else said(response),
            metric=scores[response.id][0].metric if response.id in scores else None,
            value=scores[response.id][0].value if response.id in scores else None,
            touchpoint=invitation.touchpoint,
            place=places.get(invitation.event_id) if isinstance(places.get(invitation.event_id), str) else None,
            topics=sorted(touched[response.id]),
            changed_at=response.changed_at,
            customer=(names.get(response.contact_id) or known.get(response.contact_id)) if may else None,
            customer_id=known.get(response.contact_id) if may else None,
            readers=readers[response.id],
        )
        for response, invitation in rows
    ]


def said(response: Response) -> str:
    """What an answer says in words."""
    asked = [q.id for q in survey_version(response.survey_version_id).questions if q.type == "text"]
    words = [response.answers[name] for name in asked if isinstance(response.answers.get(name), str)]
    return "\n".join(word for word in words if word)
