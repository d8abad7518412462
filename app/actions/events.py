"""Recording events: once per source and id, durably, before anybody is told so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.extensions import among, insert_into, insert_rows, lock_rows, transaction
from app.models.contacts import ContactLock
from app.models.events import Event, EventKey, PendingEvent
from surveys.lifecycle import ATTEMPTS_MAX


@dataclass(slots=True)
class NewEvent:
    """An event to be stored. ``body_hash`` (16 bytes) tells a copy from another event with the same id."""

    external_id: str
    type: str
    occurred_at: datetime
    contact: dict[str, Any] | None
    properties: dict[str, Any]
    body_hash: bytes
    history: bool = False


@dataclass
class Receipt:
    """What became of the events of one request: ``clashes`` are positions whose id is taken by another event."""

    accepted: int = 0
    duplicates: int = 0
    clashes: list[int] = field(default_factory=list)


def record_events(source_id: int, events: Sequence[NewEvent], now: datetime) -> Receipt:
    """Store what is new; a copy changes nothing, and neither does a clash."""
    receipt = Receipt()
    with transaction() as session:
        ids = _claim_keys(session, source_id, events)
        rows = []
        for position, event in enumerate(events):
            event_id, taken_hash, taken_by = ids[event.external_id]
            if taken_by == position:
                rows.append(_row(event_id, source_id, event, now))
            elif taken_hash == event.body_hash:
                receipt.duplicates += 1
            else:
                receipt.clashes.append(position)
        insert_rows(session, Event, rows)
        insert_rows(session, PendingEvent, [_pending(row["id"]) for row in rows])
    receipt.accepted = len(rows)
    return receipt


def _claim_keys(
    session: Session, source_id: int, events: Sequence[NewEvent]
) -> dict[str, tuple[int, bytes, int | None]]:
    """Per external id: the event's id, the hash that holds it, and the position that won it (None: it was taken)."""
    first: dict[str, int] = {}
    for position, event in enumerate(events):
        first.setdefault(event.external_id, position)
    ids = sorted(first)  # one order for everybody: two requests with the same ids wait, and never deadlock
    statement = insert_into(EventKey).on_conflict_do_nothing().returning(EventKey.event_id, EventKey.external_id)
    new = session.execute(
        statement,
        [{"source_id": source_id, "external_id": i, "body_hash": events[first[i]].body_hash} for i in ids],
    )
    won: dict[str, tuple[int, bytes, int | None]] = {
        i: (event_id, events[first[i]].body_hash, first[i]) for event_id, i in new
    }
    if len(won) == len(ids):
        return won
    taken = select(EventKey.event_id, EventKey.external_id, EventKey.body_hash).where(
        EventKey.source_id == source_id, among(EventKey.external_id, [i for i in ids if i not in won])
    )
    return won | {i: (event_id, held, None) for event_id, i, held in session.execute(taken)}


def _row(event_id: int, source_id: int, event: NewEvent, now: datetime) -> dict[str, Any]:
    return {
        "id": event_id,
        "source_id": source_id,
        "external_id": event.external_id,
        "type": event.type,
        "occurred_at": event.occurred_at,
        "received_at": now,
        "contact": event.contact,
        "properties": event.properties,
        "depth": 0,
        "history": event.history,
    }


def _pending(event_id: int) -> dict[str, Any]:
    return {"event_id": event_id, "ambiguous": False, "attempts": 0}


def count_attempt(event_id: int, now: datetime) -> bool:
    """Count an attempt before it is made, so that one that kills its process counts too.

    Returns whether it may be made: after the fifth the event is dead.
    """
    with transaction() as session:
        pending = session.get(PendingEvent, event_id)
        if pending is None or pending.dead_at is not None:
            return False
        pending.attempts += 1
        if pending.attempts > ATTEMPTS_MAX:
            pending.dead_at = now
        return pending.dead_at is None


def fail_attempt(event_id: int, error: str, now: datetime) -> bool:
    """Keep why an attempt failed, and let its contact rest a while; returns whether the event is dead now.

    An event without a contact is only tried here, so its attempt is counted here too.
    """
    with transaction() as session:
        contact_id = session.scalar(select(PendingEvent.contact_id).where(PendingEvent.event_id == event_id))
        if contact_id is not None:
            lock_rows(session, ContactLock.contact_id, [contact_id])
        pending = session.get(PendingEvent, event_id, with_for_update=True)
        if pending is None:
            return False
        pending.error = error[:500]
        if contact_id is None:
            pending.attempts += 1
        if pending.attempts >= ATTEMPTS_MAX:
            pending.dead_at = now
        elif contact_id is not None:
            rest = now + timedelta(seconds=2**pending.attempts)
            session.execute(update(ContactLock).where(ContactLock.contact_id == contact_id).values(ready_at=rest))
        return pending.dead_at is not None


def redrive_events(event_ids: Sequence[int] | None, now: datetime) -> int:
    """Give dead events another five attempts; all of them when no ids are given. Returns how many."""
    with transaction() as session:
        dead = select(PendingEvent.event_id, PendingEvent.contact_id).where(PendingEvent.dead_at.is_not(None))
        if event_ids is not None:
            dead = dead.where(among(PendingEvent.event_id, event_ids))
        rows = session.execute(dead).all()
        contacts = sorted({c for _, c in rows if c is not None})
        lock_rows(session, ContactLock.contact_id, contacts)
        session.execute(
            update(PendingEvent)
            .where(among(PendingEvent.event_id, [e for e, _ in rows]))
            .values(dead_at=None, attempts=0, error=None)
        )
        session.execute(
            update(ContactLock)
            .where(among(ContactLock.contact_id, contacts))
            .values(ready_at=func.coalesce(ContactLock.ready_at, now))
        )
    return len(rows)
