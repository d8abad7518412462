"""Recording events: once per source and id, durably, before anybody is told so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.orm import Session

from app.extensions import among, at_once, dump_json, insert_into, insert_rows, is_sqlite, lock_rows, transaction
from app.models.accounts import AuditEntry
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
    first: dict[str, int] = {}
    for position, event in enumerate(events):
        first.setdefault(event.external_id, position)
    fresh = [events[position] for position in first.values()]
    store = _store_in_turn if is_sqlite() else _store_at_once
    stored, held = store(source_id, fresh, now)
    receipt = Receipt(accepted=len(stored))
    for position, event in enumerate(events):
        external_id = event.external_id
        if external_id in stored and first[external_id] == position:
            continue
        known = held.get(external_id) or events[first[external_id]].body_hash
        if known == event.body_hash:
            receipt.duplicates += 1
        else:
            receipt.clashes.append(position)
    return receipt


_STORE = text(
    """
    WITH given AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g (
            external_id varchar, body_hash bytea, type varchar, occurred_at timestamptz, received_at timestamptz,
            contact jsonb, properties jsonb, history boolean)),
    fresh AS (
        INSERT INTO event_keys (source_id, external_id, body_hash)
        SELECT CAST(:source_id AS bigint), external_id, body_hash FROM given ORDER BY external_id
        ON CONFLICT DO NOTHING RETURNING event_id, external_id),
    stored AS (
        INSERT INTO events (id, source_id, external_id, type, occurred_at, received_at, contact, properties, depth,
                            history)
        SELECT event_id, CAST(:source_id AS bigint), external_id, type, occurred_at, received_at, contact, properties,
               0, history
        FROM fresh JOIN given USING (external_id)),
    waiting AS (
        INSERT INTO pending_events (event_id, ambiguous, attempts) SELECT event_id, false, 0 FROM fresh)
    SELECT external_id FROM fresh
    """
)
"""Key, event and place in the queue in one round trip; keys in one order, so that two requests never deadlock."""


def _store_at_once(source_id: int, events: Sequence[NewEvent], now: datetime) -> tuple[set[str], dict[str, bytes]]:
    """PostgreSQL: one statement, a transaction of its own. Answers the new ids, and the hashes of the others."""
    rows = [
        {
            "external_id": event.external_id,
            "body_hash": "\\x" + event.body_hash.hex(),
            "type": event.type,
            "occurred_at": event.occurred_at,
            "received_at": now,
            "contact": event.contact,
            "properties": event.properties,
            "history": event.history,
        }
        for event in events
    ]
    with at_once() as connection:
        stored = set(connection.scalars(_STORE, {"rows": dump_json(rows), "source_id": source_id}))
        return stored, _held_hashes(connection, source_id, [e for e in events if e.external_id not in stored])


def _store_in_turn(source_id: int, events: Sequence[NewEvent], now: datetime) -> tuple[set[str], dict[str, bytes]]:
    """SQLite: the same in three statements."""
    keys = [{"source_id": source_id, "external_id": e.external_id, "body_hash": e.body_hash} for e in events]
    with transaction() as session:
        statement = insert_into(EventKey).on_conflict_do_nothing().returning(EventKey.external_id, EventKey.event_id)
        ids = {external_id: event_id for external_id, event_id in session.execute(statement, keys)}
        rows = [_row(ids[e.external_id], source_id, e, now) for e in events if e.external_id in ids]
        insert_rows(session, Event, rows)
        insert_rows(session, PendingEvent, [_pending(row["id"]) for row in rows])
        held = _held_hashes(session, source_id, [e for e in events if e.external_id not in ids])
    return set(ids), held


def _held_hashes(connection: Connection | Session, source_id: int, events: Sequence[NewEvent]) -> dict[str, bytes]:
    if not events:
        return {}
    taken = select(EventKey.external_id, EventKey.body_hash).where(
        EventKey.source_id == source_id, among(EventKey.external_id, [e.external_id for e in events])
    )
    return {external_id: held for external_id, held in connection.execute(taken)}


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


def redrive_events(event_ids: Sequence[int] | None, actor: str, now: datetime) -> int:
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
        if rows:
            session.add(
                AuditEntry(at=now, actor=actor, verb="redrive", kind="events", object="all", detail={"n": len(rows)})
            )
    return len(rows)
