"""Who belongs to a segment: SQL narrows, the pure rule decides where SQL cannot."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, false, func, select

from app.extensions import among, db
from app.models.contacts import Contact
from app.models.events import Event
from app.queries.conditions import CONTACTS, Narrowed, narrowed
from app.queries.contacts import contact_facts, profiles
from app.queries.decisions import past_events
from app.queries.segments import segment_conditions
from surveys.conditions import Condition, Facts
from surveys.rehearsal import change
from surveys.segments import segments_of

BATCH = 2_000
CHANGED = "contact.changed"


def holding(contact_ids: Collection[int], condition: Condition, at: datetime) -> set[int]:
    """Those of the contacts for whom the condition holds as of ``at``."""
    segments = segment_conditions() if condition.needs.segments else {}
    windows = dict(condition.needs.events)
    for segment in segments.values():
        for kind, window in segment.needs.events.items():
            windows[kind] = max(window, windows.get(kind, window))
    past = past_events(contact_ids, windows, at)
    found = set()
    for person in profiles(contact_ids).values():
        contact = contact_facts(None, person.name, person.locale, person.timezone, person.attributes)
        before = {kind: [e for _, e in events] for kind, events in past.get(person.id, {}).items()}
        facts = Facts({"contact": contact}, at, before)
        if segments:
            contact["segments"] = segments_of(segments, facts)
        if condition.holds(facts):
            found.add(person.id)
    return found


def segments_at(moments: Collection[tuple[int, datetime]]) -> dict[tuple[int, datetime], list[str]]:
    """The segments that contacts belonged to, each at a moment of its own; none of them is missing.

    What was said of a contact since is turned back. One query of a kind for all of them.
    """
    conditions = segment_conditions()
    if not conditions or not moments:
        return {moment: [] for moment in moments}
    asked: dict[int, set[datetime]] = defaultdict(set)
    for contact_id, at in moments:
        asked[contact_id].add(at)
    first, last = min(at for _, at in moments), max(at for _, at in moments)
    past = past_events(asked, _windows(conditions, last - first), last)
    changes = _changes(asked, first)
    found = {moment: list[str]() for moment in moments}
    for contact_id, profile in _plain_profiles(asked).items():
        before = {kind: [e for _, e in events] for kind, events in past.get(contact_id, {}).items()}
        later = changes.get(contact_id, [])
        for at in sorted(asked[contact_id], reverse=True):
            while later and later[-1][0] > at:
                change(profile, later.pop()[1], "from")
            found[contact_id, at] = segments_of(conditions, Facts({"contact": dict(profile)}, at, before))
    return found


def _windows(conditions: Mapping[str, Condition], longer: timedelta) -> dict[str, timedelta]:
    """How far back events of a type are looked at by any of the conditions, and so much longer."""
    windows: dict[str, timedelta] = {}
    for condition in conditions.values():
        for kind, window in condition.needs.events.items():
            windows[kind] = max(window + longer, windows.get(kind, window))
    return windows


def _plain_profiles(contact_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What conditions may look at, of contacts as they are now; not their addresses, which are many."""
    columns = (Contact.id, Contact.name, Contact.locale, Contact.timezone, Contact.attributes)
    rows = db.session.execute(select(*columns).where(among(Contact.id, contact_ids)))
    return {row.id: contact_facts(None, row.name, row.locale, row.timezone, row.attributes) for row in rows}


def _changes(contact_ids: Collection[int], since: datetime) -> dict[int, list[tuple[datetime, dict[str, Any]]]]:
    """What became different about contacts after a moment, the oldest first."""
    found: dict[int, list[tuple[datetime, dict[str, Any]]]] = defaultdict(list)
    rows = db.session.execute(
        select(Event.contact_id, Event.occurred_at, Event.properties)
        .where(among(Event.contact_id, contact_ids), Event.type == CHANGED, Event.occurred_at > since)
        .order_by(Event.occurred_at, Event.id)
    )
    for contact_id, at, told in rows:
        if contact_id is not None:
            found[contact_id].append((at, told))
    return found


@dataclass(frozen=True)
class Page:
    """Which of the contacts that match are wanted: the next ``limit`` after one, by id, growing or falling."""

    after: int = 0
    limit: int | None = None
    newest_first: bool = False
    among: Any = None
    """A query of ids: only these."""


def matching(condition: Condition, at: datetime, page: Page) -> Iterator[int]:
    """The contacts for whom a condition holds as of ``at``."""
    found = narrowed(condition, at, one_by_one=page.limit is not None)
    batch = BATCH if page.limit is None else min(BATCH, max(page.limit, 100))
    given = 0
    while True:
        rows = db.session.execute(_candidates(found, page).limit(batch)).all()
        doubtful = [contact_id for contact_id, certain in rows if not certain]
        proven = holding(doubtful, condition, at) if doubtful else set()
        for contact_id, certain in rows:
            if certain or contact_id in proven:
                yield contact_id
                given += 1
                if given == page.limit:
                    return
        if len(rows) < batch:
            return
        page = replace(page, after=rows[-1][0])


def size(condition: Condition, at: datetime) -> int:
    """For how many contacts a condition holds as of ``at``."""
    found = narrowed(condition, at)
    living = and_(found.expression, CONTACTS.c.erased_at.is_(None))
    sure = func.coalesce(found.certain, false())
    certain = db.session.scalar(select(func.count()).select_from(found.source).where(living, sure)) or 0
    if found.exact:
        return certain
    doubtful = list(db.session.scalars(select(CONTACTS.c.id).select_from(found.source).where(living, ~sure)))
    batches = (doubtful[n : n + BATCH] for n in range(0, len(doubtful), BATCH))
    return certain + sum(len(holding(batch, condition, at)) for batch in batches)


def contacts_in(segment: str, at: datetime, after: int = 0, limit: int | None = None) -> Iterator[int]:
    """The contacts that belong to a segment, by growing id; nobody where there is no such segment."""
    condition = segment_conditions().get(segment)
    return iter(()) if condition is None else matching(condition, at, Page(after, limit))


def segment_size(segment: str, at: datetime) -> int:
    condition = segment_conditions().get(segment)
    return 0 if condition is None else size(condition, at)


def _candidates(found: Narrowed, page: Page) -> Select[int, bool]:
    key, living = CONTACTS.c.id, CONTACTS.c.erased_at.is_(None)
    certain = func.coalesce(found.certain, false()).label("certain")
    rows = select(key, certain).select_from(found.source).where(found.expression, living)
    if page.among is not None:
        rows = rows.where(key.in_(page.among))
    if page.newest_first:
        rows = rows.where(key < page.after) if page.after else rows
        return rows.order_by(key.desc())
    return rows.where(key > page.after).order_by(key)
