"""Whom a moment concerns: contacts looked through for timers. SQL narrows, the rule decides."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from app.extensions import among, db
from app.models.contacts import Contact
from app.models.events import Event, PendingEvent
from app.models.lists import ContactList, ListMember
from app.models.segments import SegmentMember
from app.models.timers import Timer
from app.queries.contacts import contact_facts
from app.queries.decisions import past_events
from app.queries.segments import segment_conditions
from surveys.conditions import Condition, Facts
from surveys.occasions import Anniversary, Entry, Exit, Holiday, Once, Schedule, Silence, Timed
from surveys.timers import (
    Due,
    Later,
    anniversary_due,
    days_looked_at,
    holiday_due,
    moment_key,
    place_of,
    silence_due,
)

SETTLED = timedelta(seconds=5)
"""A moment that long past is settled: whatever was received before it has been stored."""
YEAR_DAYS = 366


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some contacts, in the order of their ids: up to ``limit`` of those after ``after``; moments in (since, until].

    With ``since`` None it is about whoever matches at ``until``, since whenever.
    """

    trigger_id: int
    since: datetime | None
    until: datetime
    after: int
    limit: int
    company_zone: str


@dataclass(slots=True)
class Look:
    """What was found in a stretch: moments by contact, and who came to a segment or left it."""

    found: list[tuple[int, Due]] = field(default_factory=list)
    after: int | None = None
    """The last contact that was looked at; None when there are no more."""
    joined: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


def look_through(when: Timed, stretch: Stretch) -> Look:
    """Find the moments of an occasion for a stretch of contacts."""
    match when:
        case Silence():
            return _ever_silent(when, stretch) if stretch.since is None else _fallen_silent(when, stretch)
        case Anniversary():
            return _dated(when, stretch)
        case Holiday():
            return _on_holiday(when, stretch)
        case Schedule():
            return _scheduled(when, stretch)
        case Entry() | Exit():
            return _moved(when, stretch)
        case Once():
            return _addressed(when, stretch)
    raise TypeError(type(when).__name__)


def _fallen_silent(when: Silence, stretch: Stretch) -> Look:
    """Contacts with an event that long ago, and none between it and when was last looked."""
    assert stretch.since is not None
    first, last = stretch.since - when.period, stretch.until - when.period
    later = aliased(Event)
    followed = (
        select(later.id)
        .where(
            later.contact_id == Event.contact_id,
            later.type.in_(when.since),
            later.occurred_at > Event.occurred_at,
            later.occurred_at <= stretch.since,
        )
        .exists()
    )
    ids = db.session.scalars(
        select(Event.contact_id)
        .where(
            Event.occurred_at > first,
            Event.occurred_at <= last,
            Event.type.in_(when.since),
            Event.contact_id > stretch.after,
            ~followed,
        )
        .distinct()
        .order_by(Event.contact_id)
        .limit(stretch.limit)
    ).all()
    return _silences(when, stretch, [i for i in ids if i is not None], full=len(ids) == stretch.limit)


def _ever_silent(when: Silence, stretch: Stretch) -> Look:
    """Contacts whose last event is that long ago."""
    last = (
        select(func.max(Event.occurred_at))
        .where(Event.contact_id == Contact.id, Event.type.in_(when.since), Event.occurred_at <= stretch.until)
        .correlate(Contact)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Contact.id, last)
        .where(Contact.id > stretch.after, Contact.erased_at.is_(None))
        .order_by(Contact.id)
        .limit(stretch.limit)
    ).all()
    silent = [contact_id for contact_id, at in rows if at is not None and at + when.period <= stretch.until]
    found = _silences(when, stretch, silent, full=False)
    found.after = rows[-1][0] if len(rows) == stretch.limit else None
    return found


def _silences(when: Silence, stretch: Stretch, contact_ids: Sequence[int], *, full: bool) -> Look:
    if not contact_ids:
        return Look()
    span = when.used.per if when.used else timedelta(0)
    back = None if stretch.since is None else stretch.since - when.period - span
    query = (
        select(Event.contact_id, Event.occurred_at)
        .where(among(Event.contact_id, contact_ids), Event.type.in_(when.since), Event.occurred_at <= stretch.until)
        .order_by(Event.contact_id, Event.occurred_at)
    )
    moments: dict[int, list[datetime]] = {}
    for contact_id, at in db.session.execute(query if back is None else query.where(Event.occurred_at > back)):
        if contact_id is not None:
            moments.setdefault(contact_id, []).append(at)
    found = [
        (contact_id, due)
        for contact_id, times in moments.items()
        if (due := silence_due(when, times, stretch.since, stretch.until))
    ]
    return Look(found, contact_ids[-1] if full else None)


@dataclass(frozen=True, slots=True)
class _Person:
    """What the rules look at; ``belongs`` where a segment was asked for."""

    id: int
    timezone: str | None
    value: Any
    facts: Mapping[str, Any]


def _people(stretch: Stretch, *narrow: Any, value: Any = None) -> tuple[list[_Person], int | None]:
    """The next contacts that pass what SQL can tell, and the last one's id where there may be more."""
    rows = db.session.execute(
        select(
            Contact.id,
            Contact.name,
            Contact.locale,
            Contact.timezone,
            Contact.attributes,
            *(() if value is None else (value,)),
        )
        .where(Contact.id > stretch.after, Contact.erased_at.is_(None), *narrow)
        .order_by(Contact.id)
        .limit(stretch.limit)
    ).all()
    people = [
        _Person(
            row[0], row[3], row[5] if value is not None else None, contact_facts(None, row[1], row[2], row[3], row[4])
        )
        for row in rows
    ]
    return people, people[-1].id if len(people) == stretch.limit else None


def _dated(when: Anniversary, stretch: Stretch) -> Look:
    value = Contact.attributes[when.attribute].as_string()
    if stretch.since is None:
        narrow = value.is_not(None)
    else:
        first, last = days_looked_at(stretch.since, stretch.until, when.offset)
        day = func.substr(value, 1, 10)
        narrow = _returns(value, first, last) if when.yearly else day.between(first.isoformat(), last.isoformat())
    people, after = _people(stretch, narrow, value=value)
    found = [
        (person.id, due)
        for person in people
        if (
            due := anniversary_due(
                when,
                person.value,
                stretch.since,
                stretch.until,
                place_of(person.timezone, stretch.company_zone),
            )
        )
    ]
    return Look(found, after)


def _returns(value: Any, first: date, last: date) -> Any:
    """Whether the day of the year that ``value`` names comes between the two days."""
    length = (last - first).days
    if length >= YEAR_DAYS:
        return value.is_not(None)
    days = {(first + timedelta(days=n)).strftime("%m-%d") for n in range(length + 1)}
    return func.substr(value, 6, 5).in_(days | ({"02-29"} if "02-28" in days else set()))


def _on_holiday(when: Holiday, stretch: Stretch) -> Look:
    assert stretch.since is not None
    first, last = days_looked_at(stretch.since, stretch.until)
    days = {(d.month, d.day) for n in range(min((last - first).days, YEAR_DAYS) + 1) if (d := first + timedelta(n))}
    if (when.month, when.day) not in days and not ((when.month, when.day) == (2, 29) and (2, 28) in days):
        return Look()
    people, after = _people(stretch)
    found = [
        (person.id, due)
        for person in people
        if (due := holiday_due(when, stretch.since, stretch.until, place_of(person.timezone, stretch.company_zone)))
    ]
    if when.segment is not None:
        near = {contact_id for contact_id, _ in found}
        belonging = _belonging(when.segment, [p for p in people if p.id in near], stretch.until)
        found = [(contact_id, due) for contact_id, due in found if contact_id in belonging]
    return Look(found, after)


def _scheduled(when: Schedule, stretch: Stretch) -> Look:
    """The stretch ends at one moment of the schedule."""
    people, after = _people(stretch)
    due = Due(moment_key(stretch.until), stretch.until, {"segment": when.segment})
    belonging = _belonging(when.segment, people, stretch.until)
    return Look([(person.id, due) for person in people if person.id in belonging], after)


def _moved(when: Entry | Exit, stretch: Stretch) -> Look:
    """Who belongs to the segment now and did not before, or the other way round."""
    people, after = _people(stretch)
    ids = [person.id for person in people]
    known = set(
        db.session.scalars(
            select(SegmentMember.contact_id).where(
                SegmentMember.trigger_id == stretch.trigger_id, among(SegmentMember.contact_id, ids)
            )
        )
    )
    belonging = _belonging(when.segment, people, stretch.until)
    joined, left = sorted(belonging - known), sorted(known - belonging)
    due = Due(moment_key(stretch.until), stretch.until, {"segment": when.segment})
    moved = joined if isinstance(when, Entry) else left
    return Look([(contact_id, due) for contact_id in moved], after, joined, left)


def _addressed(when: Once, stretch: Stretch) -> Look:
    due = Due("", stretch.until, {"audience": when.audience})
    listed = db.session.scalar(select(ContactList.id).where(ContactList.slug == when.audience))
    if when.audience in segment_conditions() or listed is None:
        people, after = _people(stretch)
        belonging = _belonging(when.audience, people, stretch.until)
        return Look([(person.id, due) for person in people if person.id in belonging], after)
    on_list = select(ListMember.contact_id).where(ListMember.list_id == listed, ListMember.contact_id == Contact.id)
    people, after = _people(stretch, on_list.exists())
    return Look([(person.id, due) for person in people], after)


def _belonging(slug: str, people: Sequence[_Person], at: datetime) -> set[int]:
    """Who of these belongs to the segment at a moment."""
    condition = segment_conditions().get(slug)
    if condition is None or not people:
        return set()
    past = _past(condition, [person.id for person in people], at)
    return {
        person.id for person in people if condition.holds(Facts({"contact": person.facts}, at, past.get(person.id, {})))
    }


def _past(condition: Condition, contact_ids: Collection[int], at: datetime) -> dict[int, dict[str, Any]]:
    found = past_events(contact_ids, condition.needs.events, at)
    return {
        contact_id: {kind: [e for _, e in events if e.occurred_at <= at] for kind, events in by_type.items()}
        for contact_id, by_type in found.items()
    }


def known_until(now: datetime) -> datetime:
    """Up to which moment it is known who events were about: those that came in before have found their contacts."""
    unresolved = (
        select(func.min(Event.received_at))
        .join(PendingEvent, PendingEvent.event_id == Event.id)
        .where(PendingEvent.contact_id.is_(None), PendingEvent.dead_at.is_(None))
    )
    oldest = db.session.scalar(unresolved)
    return now if oldest is None else min(now, oldest)


def later_events(timers: Sequence[Timer], types: Mapping[int, Collection[str]]) -> dict[int, list[Later]]:
    """Events of the given types (by timer id) of the contacts of timers, after what these were set at."""
    wanted = [t for t in timers if types.get(t.id) and t.opened_at is not None]
    if not wanted:
        return {}
    kinds = {kind for timer in wanted for kind in types[timer.id]}
    rows = db.session.execute(
        select(Event.contact_id, Event.id, Event.type, Event.occurred_at, Event.properties)
        .where(
            among(Event.contact_id, {t.contact_id for t in wanted}),
            Event.type.in_(kinds),
            Event.occurred_at >= min(t.opened_at for t in wanted if t.opened_at),
        )
        .order_by(Event.occurred_at, Event.id)
    ).all()
    by_contact: dict[int, list[Any]] = {}
    for row in rows:
        by_contact.setdefault(row.contact_id or 0, []).append(row)
    return {
        timer.id: [
            Later(row.type, row.occurred_at, row.properties)
            for row in by_contact.get(timer.contact_id, [])
            if row.type in types[timer.id] and (row.occurred_at, row.id) > (timer.opened_at, timer.event_id or row.id)
        ]
        for timer in wanted
    }


def event_properties(event_ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    rows = db.session.execute(select(Event.id, Event.properties).where(among(Event.id, event_ids)))
    return {event_id: properties for event_id, properties in rows}


def living(contact_ids: Collection[int]) -> dict[int, tuple[str | None, Mapping[str, Any]]]:
    """Zone and attributes of the contacts that are not erased."""
    rows = db.session.execute(
        select(Contact.id, Contact.timezone, Contact.attributes).where(
            among(Contact.id, contact_ids), Contact.erased_at.is_(None)
        )
    )
    return {contact_id: (timezone, attributes) for contact_id, timezone, attributes in rows}


def still_members(trigger_contacts: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of (trigger, contact) that belong to the segment the trigger hears of."""
    if not trigger_contacts:
        return set()
    rows = db.session.execute(
        select(SegmentMember.trigger_id, SegmentMember.contact_id).where(
            among(SegmentMember.contact_id, {c for _, c in trigger_contacts})
        )
    )
    return {(trigger_id, contact_id) for trigger_id, contact_id in rows} & set(trigger_contacts)
