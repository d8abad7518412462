"""Events as others need them: the facts behind a decision, a task or a text."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.contacts import Contact
from app.models.events import Event, EventKey, PendingEvent
from app.models.sources import Source
from app.queries.contacts import contact_facts, newest_addresses, references, values_seen

CARRIED = ("touchpoint", "place", "product", "employee", "interviewer")
"""Properties that an internal event takes over from the event that led to it."""


@dataclass(frozen=True)
class EventView:
    """An event as the API shows it."""

    id: str
    source: str
    type: str
    occurred_at: datetime
    received_at: datetime
    contact: str | None
    properties: Mapping[str, Any]
    state: str
    """waiting, decided, dead or history"""
    error: str | None


def resolved_contact(source_id: int, external_id: str) -> int | None:
    """The contact an event was about, as soon as that is known."""
    return db.session.scalar(
        select(Event.contact_id)
        .join(EventKey, EventKey.event_id == Event.id)
        .where(EventKey.source_id == source_id, EventKey.external_id == external_id)
    )


def is_decided(source_id: int, external_id: str) -> bool:
    """Whether an event is there, and no longer waits."""
    waiting = select(PendingEvent.event_id).where(PendingEvent.event_id == EventKey.event_id).exists()
    key = select(EventKey.event_id).where(
        EventKey.source_id == source_id, EventKey.external_id == external_id, ~waiting
    )
    return db.session.scalar(key) is not None


def find_event(source: str, external_id: str) -> EventView | None:
    row = db.session.execute(
        select(Event, Source.slug, PendingEvent)
        .join(Source, Source.id == Event.source_id)
        .join(EventKey, EventKey.event_id == Event.id)
        .outerjoin(PendingEvent, PendingEvent.event_id == Event.id)
        .where(Source.slug == source, EventKey.external_id == external_id)
    ).one_or_none()
    if row is None:
        return None
    event, slug, pending = row
    state = "history" if event.history else "decided"
    if pending is not None:
        state = "dead" if pending.dead_at else "waiting"
    known = references([event.contact_id] if event.contact_id else [])
    return EventView(
        event.external_id,
        slug,
        event.type,
        event.occurred_at,
        event.received_at,
        known.get(event.contact_id or 0),
        event.properties,
        state,
        pending.error if pending else None,
    )


def facts_of_events(event_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What texts may say about events: properties, answers and the contact as it is now."""
    rows = db.session.execute(
        select(Event.id, Event.type, Event.properties, Contact)
        .outerjoin(Contact, Contact.id == Event.contact_id)
        .where(Event.id.in_(event_ids))
    ).all()
    contacts = [contact.id for *_, contact in rows if contact]
    known, reached = references(contacts), newest_addresses(contacts)
    found = {}
    for event_id, kind, properties, contact in rows:
        facts: dict[str, Any] = {
            "type": kind,
            "properties": properties,
            "answers": properties.get("answers") or {},
            "contact": {},
        }
        if contact:
            facts["contact"] = contact_facts(
                known[contact.id], contact.name, contact.locale, contact.timezone, contact.attributes
            )
            for channel, name in (("email", "email"), ("sms", "phone")):
                address = reached.get(contact.id, {}).get(channel)
                facts["contact"][name] = address.value if address else None
        found[event_id] = facts
    return found


LATEST = 20_000
"""Among how many events of all types those of one are looked for: no index leads to a type."""


def properties_seen(kind: str, limit: int = 200) -> dict[str, Counter[Any]]:
    """The plain properties of the latest events of a type."""
    newest = db.session.scalar(select(func.max(Event.id))) or 0
    late = select(Event.properties).where(Event.type == kind, Event.id > newest - LATEST)
    return values_seen(db.session.scalars(late.order_by(Event.id.desc()).limit(limit)))


def dead_events(limit: int) -> list[tuple[int, str, str, str, str | None]]:
    """Dead events: id, source, external id, type, error."""
    rows = db.session.execute(
        select(Event.id, Source.slug, Event.external_id, Event.type, PendingEvent.error)
        .join(PendingEvent, PendingEvent.event_id == Event.id)
        .join(Source, Source.id == Event.source_id)
        .where(PendingEvent.dead_at.is_not(None))
        .order_by(Event.id)
        .limit(limit)
    )
    return [(r[0], r[1], r[2], r[3], r[4]) for r in rows]


def count_pending() -> tuple[int, int]:
    """How many events wait, and how many are dead."""
    total, dead = db.session.execute(select(func.count(), func.count(PendingEvent.dead_at))).one()
    return total - dead, dead


def first_event_since(at: datetime) -> int:
    """The id from which on events came in at ``at`` or later: found by halving, because ids grow with time."""
    low, high = 0, (db.session.scalar(select(func.max(Event.id))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = db.session.execute(
            select(Event.id, Event.received_at).where(Event.id >= middle).order_by(Event.id).limit(1)
        ).one_or_none()
        if found is None or found.received_at >= at:
            high = middle
        else:
            low = found.id + 1
    return low


@dataclass(frozen=True)
class Told:
    """An event as it arrived."""

    type: str
    source: str
    external_id: str
    received_at: datetime
    properties: dict[str, Any]


def first_told() -> Told | None:
    """The first event that a service told, ever."""
    row = db.session.execute(
        select(Event.type, Source.slug, Event.external_id, Event.received_at, Event.properties)
        .join(Source, Source.id == Event.source_id)
        .where(Source.slug != "otklik")
        .order_by(Event.id)
        .limit(1)
    ).one_or_none()
    return Told(*row) if row else None
