"""Whom a moment concerns: contacts looked through for timers. SQL narrows, the rule decides."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, false, func, literal, or_, select
from sqlalchemy.orm import aliased

from app.extensions import among, db, is_sqlite, table_of
from app.models.contacts import Contact
from app.models.events import Event, PendingEvent
from app.models.lists import ContactList, ListMember
from app.models.segments import SegmentMember
from app.models.timers import Timer
from app.queries.conditions import CONTACTS, narrowed
from app.queries.members import contacts_in, holding, size
from app.queries.segments import segment_conditions
from app.queries.triggers import current_triggers
from surveys.catalog import Catalog
from surveys.conditions import Condition, read_condition
from surveys.definition import Node
from surveys.gates import ACTIVE
from surveys.occasions import (
    Anniversary,
    Entry,
    Exit,
    Holiday,
    Occasion,
    Once,
    Schedule,
    Silence,
    Timed,
    asks_of_present,
)
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

_UNHEARD_OF = [{"field": "contact.locale", "op": op} for op in ("exists", "missing")]
NOBODY = read_condition(Node({"all": _UNHEARD_OF}, []))
"""What holds for nobody: a segment that is gone."""
COUNTED_AT_ONCE = 5_000
MOVES = 20
"""Past events are counted for all contacts at once, whatever the stretch: so the stretch is so many times as long."""
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


def _people(stretch: Stretch, *narrow: Any, value: Any = None) -> tuple[list[Any], int | None]:
    """The next contacts that pass what SQL can tell: id, zone, value; and the last id where there may be more."""
    rows = db.session.execute(
        select(Contact.id, Contact.timezone, literal(None) if value is None else value)
        .where(Contact.id > stretch.after, Contact.erased_at.is_(None), *narrow)
        .order_by(Contact.id)
        .limit(stretch.limit)
    ).all()
    return list(rows), rows[-1][0] if len(rows) == stretch.limit else None


def _dated(when: Anniversary, stretch: Stretch) -> Look:
    value = Contact.attributes[when.attribute].as_string()
    if stretch.since is None:
        narrow = value.is_not(None)
    else:
        first, last = days_looked_at(stretch.since, stretch.until, when.offset)
        day = func.substr(value, 1, 10)
        narrow = _returns(value, first, last) if when.yearly else day.between(first.isoformat(), last.isoformat())
    people, after = _people(stretch, narrow, value=value)
    found = []
    for contact_id, timezone, said in people:
        where = place_of(timezone, stretch.company_zone)
        if due := anniversary_due(when, said, stretch.since, stretch.until, where):
            found.append((contact_id, due))
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
    if when.segment is None:
        people, after = _people(stretch)
    else:
        ids, after = _members(when.segment, stretch)
        people, _ = _people(replace(stretch, limit=len(ids)), among(Contact.id, ids)) if ids else ([], None)
    found = []
    for contact_id, timezone, _ in people:
        due = holiday_due(when, stretch.since, stretch.until, place_of(timezone, stretch.company_zone))
        if due:
            found.append((contact_id, due))
    return Look(found, after)


def _members(segment: str, stretch: Stretch) -> tuple[list[int], int | None]:
    ids = list(contacts_in(segment, stretch.until, stretch.after, stretch.limit))
    return ids, ids[-1] if len(ids) == stretch.limit else None


def _scheduled(when: Schedule, stretch: Stretch) -> Look:
    """The stretch ends at one moment of the schedule."""
    due = Due(moment_key(stretch.until), stretch.until, {"segment": when.segment})
    ids, after = _members(when.segment, stretch)
    return Look([(contact_id, due) for contact_id in ids], after)


def _moved(when: Entry | Exit, stretch: Stretch) -> Look:
    """Who belongs to the segment now and did not before, or the other way round."""
    condition = segment_conditions().get(when.segment, NOBODY)
    narrow, limit = narrowed(condition, stretch.until), stretch.limit * (1 if is_sqlite() else MOVES)
    kept = table_of(SegmentMember)
    mine = and_(kept.c.trigger_id == stretch.trigger_id, kept.c.contact_id == CONTACTS.c.id)
    known, sure = kept.c.contact_id.is_not(None), func.coalesce(narrow.certain, false())
    rows = db.session.execute(
        select(CONTACTS.c.id, known, sure)
        .select_from(narrow.source.outerjoin(kept, mine))
        .where(
            or_(and_(func.coalesce(narrow.expression, false()), ~known), and_(~sure, known)),
            CONTACTS.c.erased_at.is_(None),
            CONTACTS.c.id > stretch.after,
        )
        .order_by(CONTACTS.c.id)
        .limit(limit)
    ).all()
    proven = holding([i for i, _, certain in rows if not certain], condition, stretch.until)
    belonging = {i: bool(certain) or i in proven for i, _, certain in rows}
    joined = [i for i, was, _ in rows if belonging[i] and not was]
    left = [i for i, was, _ in rows if was and not belonging[i]]
    due = Due(moment_key(stretch.until), stretch.until, {"segment": when.segment})
    moved = joined if isinstance(when, Entry) else left
    after = rows[-1][0] if len(rows) == limit else None
    return Look([(contact_id, due) for contact_id in moved], after, joined, left)


def _addressed(when: Once, stretch: Stretch) -> Look:
    due = Due("", stretch.until, {"audience": when.audience})
    if when.audience in segment_conditions():
        ids, after = _members(when.audience, stretch)
    else:
        people, after = _people(stretch, _listed(when.audience))
        ids = [contact_id for contact_id, _, _ in people]
    return Look([(contact_id, due) for contact_id in ids], after)


def _listed(slug: str) -> Any:
    member = select(ListMember.contact_id).join(ContactList, ContactList.id == ListMember.list_id)
    return member.where(ContactList.slug == slug, ListMember.contact_id == Contact.id).exists()


def going_live(catalog: Catalog, now: datetime, company_zone: str) -> dict[str, int]:
    """How many match already, for every trigger of a catalog that goes live with it and can be asked about that."""
    before = {rule.slug: rule for _, _, rule in current_triggers() if rule.status in ACTIVE}
    counts = {}
    for slug, rule in catalog.objects["triggers"].items():
        was = before.get(slug)
        if rule.status in ACTIVE and asks_of_present(rule.when) and (was is None or was.when != rule.when):
            segments = {s: segment.condition for s, segment in catalog.objects["segments"].items()}
            counts[slug] = count_matching(rule.when, now, company_zone, segments)
    return counts


def count_matching(
    when: Occasion, now: datetime, company_zone: str, segments: Mapping[str, Condition] | None = None
) -> int:
    """How many contacts match an occasion already; ``segments`` are conditions that are not in force yet."""
    match when:
        case Entry(slug) | Once(slug) if condition := {**segment_conditions(), **(segments or {})}.get(slug):
            return size(condition, now)
        case Once():
            listed = select(func.count()).select_from(Contact).where(_listed(when.audience))
            return db.session.scalar(listed.where(Contact.erased_at.is_(None))) or 0
        case Silence(used=None):
            silent = select(Event.contact_id).where(Event.type.in_(when.since), Event.contact_id.is_not(None))
            last = silent.group_by(Event.contact_id).having(func.max(Event.occurred_at) <= now - when.period).subquery()
            living = select(func.count()).select_from(Contact).join(last, last.c.contact_id == Contact.id)
            return db.session.scalar(living.where(Contact.erased_at.is_(None))) or 0
        case Silence() | Anniversary(yearly=False):
            return _count_stretches(when, now, company_zone)
    return 0


def _count_stretches(when: Timed, now: datetime, company_zone: str) -> int:
    count, after = 0, 0
    while True:
        look = look_through(when, Stretch(0, None, now, after, COUNTED_AT_ONCE, company_zone))
        count += len(look.found)
        if look.after is None:
            return count
        after = look.after


def known_until(now: datetime) -> datetime:
    """Up to which moment it is known who events were about: those that came in before have found their contacts."""
    unresolved = (
        select(func.min(Event.received_at))
        .join(PendingEvent, PendingEvent.event_id == Event.id)
        .where(PendingEvent.contact_id.is_(None), PendingEvent.dead_at.is_(None))
    )
    oldest = db.session.scalar(unresolved)
    return now if oldest is None else min(now, oldest)


def known_keys(trigger_id: int, contact_ids: Collection[int]) -> set[tuple[int, str]]:
    """The timers, by contact and key, that were set for a trigger before."""
    rows = db.session.execute(
        select(Timer.contact_id, Timer.key).where(Timer.trigger_id == trigger_id, among(Timer.contact_id, contact_ids))
    )
    return {(contact_id, key) for contact_id, key in rows}


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
