"""Figures: a dirty day is counted again from the facts, whole, so that counting twice changes nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Result, Select, bindparam, case, delete, func, select
from sqlalchemy.orm import Session

from app.extensions import UtcDateTime, insert_into, insert_rows, lock_rows, transaction
from app.models.accounts import AuditEntry, Lease
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response, Score
from app.models.rollups import DirtyDay, Marker, ResponseTopic, Rollup, Tally, TallyCorrection, TallyMark, Target
from app.models.surveys import SurveyVersion
from app.queries.rollups import (
    TalliedDecision,
    Untallied,
    asking_triggers,
    tallied_events,
    tally_mark,
    untallied_decisions,
    untallied_events,
)
from surveys.scoring import PASSIVE, PROMOTER, SATISFIED
from surveys.segments import read_apart
from surveys.triggers import Trigger

BASE = ("survey_id", "trigger_id", "touchpoint", "channel")
PROPERTIES = ("place", "employee", "product")
"""Dimensions that come from the properties of the event that was asked about."""
TOPIC, SEGMENT = "topic", "segment"
FACTS = (*PROPERTIES, SEGMENT)
"""What one answer may have of its own; of segments several."""
VALUE_MAX = 100
BEGIN, END = bindparam("begin", type_=UtcDateTime()), bindparam("end", type_=UtcDateTime())
Counts = dict[tuple[Any, ...], Counter[str]]


def recount_days(limit: int, company_zone: str) -> int:
    """Recount the company days that became dirty; returns how many marks were worked off. One process at a time."""
    with transaction() as session:
        lock_rows(session, Lease.name, ["rollups"])
        marks = session.execute(select(DirtyDay.id, DirtyDay.moment).order_by(DirtyDay.id).limit(limit)).all()
        zone = ZoneInfo(company_zone)
        for day in sorted({moment.astimezone(zone).date() for _, moment in marks}):
            _recount(session, day, zone)
        session.execute(delete(DirtyDay).where(DirtyDay.id.in_([i for i, _ in marks])))
    return len(marks)


def recount_lately(now: datetime, company_zone: str, days: int) -> list[date]:
    """Count the last days again, and mend those whose figures are not what the facts come to; returns these.

    A day that is to be counted anyway is left to that.
    """
    zone, mended = ZoneInfo(company_zone), []
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=n) for n in range(days)):
        with transaction() as session:
            lock_rows(session, Lease.name, ["rollups"])
            begin, end = _bounds(day, zone)
            dirty = select(DirtyDay.id).where(DirtyDay.moment >= begin, DirtyDay.moment < end).limit(1)
            if session.scalar(dirty) is None and _kept(session, day) != _counted(session, day, zone):
                _recount(session, day, zone)
                mended.append(day)
    return mended


def _kept(session: Session, day: date) -> Counts:
    """The figures of a day as they stand."""
    rows = session.execute(select(Rollup.__table__).where(Rollup.day == day)).mappings()
    found: Counts = {}
    for row in rows:
        key = tuple(row[name] for name in (*BASE, "dimension", "value"))
        found.setdefault(key, Counter()).update({name: row[name] for name in _count_names()})
    return {key: +counts for key, counts in found.items() if +counts}


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return datetime.combine(day, time(0), zone), datetime.combine(day + timedelta(days=1), time(0), zone)


def _count_names() -> list[str]:
    return [c.name for c in Rollup.__table__.columns if c.name not in ("id", "day", "dimension", "value", *BASE)]


def _counted(session: Session, day: date, zone: ZoneInfo) -> Counts:
    """The figures of a day as the facts have them."""
    begin, end = _bounds(day, zone)
    counts: Counts = {}
    bounds = {"begin": begin, "end": end}
    for statement, dimensions in ((_sent(), FACTS), (_scored(), FACTS), (_touched(), (TOPIC,))):
        for key, found in _read(session.execute(statement, bounds), dimensions):
            counts.setdefault(key, Counter()).update(found)
    return {key: +found for key, found in counts.items() if +found}


def _recount(session: Session, day: date, zone: ZoneInfo) -> None:
    counts = _counted(session, day, zone)
    session.execute(delete(Rollup).where(Rollup.day == day))
    names = _count_names()
    rows = [
        {
            "day": day,
            **dict(zip((*BASE, "dimension", "value"), key, strict=True)),
            **{name: found[name] for name in names},
        }
        for key, found in counts.items()
    ]
    insert_rows(session, Rollup, rows)


def _read(rows: Result[Any], dimensions: tuple[str, ...]) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """Each group once for the whole, and once for every further dimension that it has a value for.

    Topics have no whole of their own: an answer may touch several. So may a contact be in several segments.
    """
    for row in rows.mappings():
        base = tuple(row[name] for name in BASE)
        found = {name: n for name, n in row.items() if name not in (*BASE, *dimensions)}
        if TOPIC not in dimensions:
            yield (*base, "", ""), found
        for dimension in dimensions:
            for value in _values(dimension, row[dimension]):
                yield (*base, dimension, value), found


def _values(dimension: str, given: Any) -> list[str]:
    if dimension == SEGMENT:
        return read_apart(given)
    value = dimension_value(given)
    return [value] if value else []


def dimension_value(given: Any) -> str:
    """The value of a dimension as it is counted; empty for what is no plain value."""
    written = "" if given is None else str(given).strip()[:VALUE_MAX]
    return "" if written.startswith(("{", "[")) else written


def _dimensions() -> list[Any]:
    return [Event.properties[name].as_string().label(name) for name in PROPERTIES]


@cache  # to build a statement costs as much as to run it
def _sent() -> Select[Any]:
    base: list[Any] = [SurveyVersion.survey_id, Invitation.trigger_id, Invitation.touchpoint, Invitation.channel]
    return (
        select(
            *base,
            *_dimensions(),
            Invitation.segments.label(SEGMENT),
            func.count().label("handed_over"),
            func.count(Invitation.completed_at).label("answered"),
        )
        .join(SurveyVersion, SurveyVersion.id == Invitation.survey_version_id)
        .join(Event, Event.id == Invitation.event_id)
        .where(Invitation.handed_over_at >= BEGIN, Invitation.handed_over_at < END)
        .group_by(*base, *FACTS)
    )


def _answers(*dimensions: Any) -> Select[Any]:
    """The scores of the answers of a day, by what they are about."""

    def counted(metric: str, *conditions: Any) -> Any:
        wanted = Score.metric == metric
        for condition in conditions:
            wanted &= condition
        return func.coalesce(func.sum(case((wanted, 1), else_=0)), 0)

    def total(metric: str, value: Any) -> Any:
        return func.coalesce(func.sum(case((Score.metric == metric, value), else_=0)), 0)

    base: list[Any] = [SurveyVersion.survey_id, Invitation.trigger_id, Invitation.touchpoint, Invitation.channel]
    return (
        select(
            *base,
            *dimensions,
            counted("nps", Score.value >= PROMOTER).label("promoters"),
            counted("nps", Score.value >= PASSIVE, Score.value < PROMOTER).label("passives"),
            counted("nps", Score.value < PASSIVE).label("detractors"),
            counted("csat", Score.value >= SATISFIED).label("satisfied"),
            counted("csat").label("csat_count"),
            total("csat", Score.value).label("csat_sum"),
            total("csat", Score.value * Score.value).label("csat_squares"),
            counted("ces").label("ces_count"),
            total("ces", Score.value).label("ces_sum"),
            total("ces", Score.value * Score.value).label("ces_squares"),
        )
        .select_from(Response)
        .join(Score, Score.response_id == Response.id)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        # A complete answer does not change any more: the index on the last change finds it.
        .where(Response.changed_at >= BEGIN, Response.changed_at < END)
        .where(Response.completed_at >= BEGIN, Response.completed_at < END)
        .group_by(*base, *(d.name for d in dimensions))
    )


@cache
def _scored() -> Select[Any]:
    return _answers(*_dimensions(), Response.segments.label(SEGMENT)).join(Event, Event.id == Invitation.event_id)


@cache
def _touched() -> Select[Any]:
    return _answers(ResponseTopic.topic.label(TOPIC)).join(ResponseTopic, ResponseTopic.response_id == Response.id)


def tally_events(limit: int, now: datetime, company_zone: str) -> int:
    """Count what newly decided events came to; returns how many events. One process at a time, each event once."""
    with transaction() as session:
        lock_rows(session, Lease.name, ["rollups"])
        events, mark = untallied_events(limit, now), tally_mark()
        zone, tallied = ZoneInfo(company_zone), Counter[tuple[Any, ...]]()
        asking = asking_triggers()
        for event in events:
            if not event.internal and not event.history:
                tallied.update(_tallies(event, zone, 0, (event.touchpoint or "")[:VALUE_MAX], "event"))
        seen = untallied_decisions(events[0].id, events[-1].id) if events else []
        by_id = {event.id: event for event in events}
        for found in seen:
            if found.event_id in by_id:
                _tally(tallied, by_id[found.event_id], asking.get(found.trigger_id), found, 1, zone)
        if events:
            mark = events[-1].id
            session.execute(
                insert_into(TallyMark).on_conflict_do_update(index_elements=["id"], set_={"event_id": mark}),
                [{"id": 1, "event_id": mark}],
            )
        corrected = _correct(
            session, tallied, asking, mark, {(s.event_id, s.trigger_id): s.decided_at for s in seen}, zone
        )
        if tallied:
            _add(session, tallied)
    return len(events) + corrected


def _tally(
    tallied: Counter[tuple[Any, ...]], event: Untallied, rule: Trigger | None, found: Any, times: int, zone: ZoneInfo
) -> None:
    if rule is not None:
        touchpoint = (event.touchpoint or rule.touchpoint or "")[:VALUE_MAX]
        for key in _tallies(event, zone, found.trigger_id, touchpoint, found.came_to):
            tallied[key] += times


def _correct(
    session: Session,
    tallied: Counter[tuple[Any, ...]],
    asking: Mapping[int, Trigger],
    mark: int,
    seen: Mapping[tuple[int, int], datetime],
    zone: ZoneInfo,
) -> int:
    """Take back what deferred decisions were tallied as, where they came to something before it was read.

    Read after the decisions: what was replaced in between is older there than its correction says.
    """
    corrections = session.scalars(select(TallyCorrection).where(TallyCorrection.event_id <= mark)).all()
    events = tallied_events({c.event_id for c in corrections})
    for one in corrections:
        read_at = seen.get((one.event_id, one.trigger_id))
        if (read_at is None or read_at < one.at) and one.event_id in events:
            for what, times in ((one.was, -1), (one.became, 1)):
                found = TalliedDecision(one.event_id, one.trigger_id, what, one.at)
                _tally(tallied, events[one.event_id], asking.get(one.trigger_id), found, times, zone)
        session.delete(one)
    return len(corrections)


def _tallies(event: Any, zone: ZoneInfo, trigger_id: int, touchpoint: str, outcome: str) -> Iterator[tuple[Any, ...]]:
    base = (event.occurred_at.astimezone(zone).date(), event.type, trigger_id, touchpoint)
    yield (*base, "", "", outcome)
    if place := dimension_value(event.place):
        yield (*base, "place", place, outcome)


def _add(session: Session, tallied: Counter[tuple[Any, ...]]) -> None:
    key = ("day", "type", "trigger_id", "touchpoint", "dimension", "value", "outcome")
    statement = insert_into(Tally)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=list(key), set_={"events": Tally.events + statement.excluded.events}
        ),
        [{**dict(zip(key, found, strict=True)), "events": n} for found, n in tallied.items()],
    )


def set_targets(wanted: Mapping[str, float | None], author: str, now: datetime) -> None:
    """Say what figures are to reach, by metric; None takes a target away. What stays as it is leaves no trace."""
    with transaction() as session:
        kept = {target.metric: target for target in session.scalars(select(Target))}
        for metric, value in wanted.items():
            before = kept[metric].value if metric in kept else None
            if value == before:
                continue
            if value is None:
                session.delete(kept[metric])
            else:
                session.merge(Target(metric=metric, value=value))
            verb = "remove" if value is None else "create" if before is None else "update"
            detail = {} if value is None else {"value": value}
            session.add(AuditEntry(at=now, actor=author, verb=verb, kind="targets", object=metric, detail=detail))


class UnknownMarker(LookupError):
    """No marker has this id."""


def add_marker(day: date, text: str, place: str | None, touchpoint: str | None, author: str, now: datetime) -> int:
    """Mark that something changed on a day; returns the marker's id."""
    with transaction() as session:
        marker = Marker(day=day, text=text, place=place, touchpoint=touchpoint, author=author, created_at=now)
        session.add(marker)
        session.flush()
        detail = {"day": day.isoformat()}
        session.add(AuditEntry(at=now, actor=author, verb="create", kind="changes", object=text, detail=detail))
        return marker.id


def remove_marker(marker_id: int, actor: str, now: datetime) -> None:
    """Take a marker away. Raises :class:`UnknownMarker`."""
    with transaction() as session:
        marker = session.get(Marker, marker_id)
        if marker is None:
            raise UnknownMarker(marker_id)
        detail = {"day": marker.day.isoformat()}
        session.add(AuditEntry(at=now, actor=actor, verb="remove", kind="changes", object=marker.text, detail=detail))
        session.delete(marker)
