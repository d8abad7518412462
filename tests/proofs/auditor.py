"""Whether every promise was kept, read from plain rows; the limits by the product's auditor, which shares no rule."""

import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from surveys.auditor import Cap, InForce, Place, violations


def cap(name: str, most: int, days: float, **named: Collection[str]) -> Cap:
    """One limit of a policy: at most so many within ``days``, of the messages it names; naming none means all."""
    return Cap(name, most, timedelta(days=days), **named)


def as_yaml(cap: Cap) -> str:
    """The limit as an author writes it."""
    named = "".join(
        f", {key}: [{', '.join(values)}]" for key in ("classes", "surveys", "triggers") if (values := getattr(cap, key))
    )
    return f"{{name: {cap.name}, max: {cap.max}, per: {round(cap.per.total_seconds() / 3600)}h{named}}}"


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What a plain statement returns, from either kind of database."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def number(url: str, statement: str) -> int:
    return int(rows(url, statement)[0][0] or 0)


def moment(value: Any) -> datetime:
    """A moment as either kind of database returns it."""
    read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def places(url: str) -> list[Place]:
    found = rows(url, "SELECT contact_id, address_id, class, channel, survey, trigger, counts_at FROM reservations")
    return [
        Place(number, contact, address, kind, channel, survey, trigger, moment(at), moment(at))
        for number, (contact, address, kind, channel, survey, trigger, at) in enumerate(found)
    ]


def overfull(taken: Iterable[Place], caps: Sequence[Cap], exempt: Collection[str]) -> list[str]:
    """Every window of a contact or of an address that holds more than its cap allows, under one policy of all time."""
    owned: dict[tuple[str, int | None], list[Place]] = defaultdict(list)
    for place in taken:
        owned["contact", place.contact].append(place)
        owned["address", place.address].append(place)
    ever = [InForce(1, datetime.min.replace(tzinfo=UTC), caps, exempt)]
    return [
        f"{owner}: {found.inside} within {found.cap.per} until {found.place.counts_at}, {found.cap.name}"
        for owner, held in owned.items()
        for found in violations(held, ever, datetime.max.replace(tzinfo=UTC))
    ]


def fullest(taken: Iterable[Place], cap: Cap, exempt: Collection[str]) -> int:
    """The most that one contact's window of this cap holds: a cap that nobody came near proves nothing."""
    owned: dict[int, list[datetime]] = defaultdict(list)
    for place in taken:
        if cap.counts(place, exempt):
            owned[place.contact].append(place.counts_at)
    most = 0
    for held in owned.values():
        times = sorted(held)
        most = max(most, *(bisect_left(times, t + cap.per) - i for i, t in enumerate(times)))
    return most


BOOKS = {
    "an event still waits": "SELECT event_id FROM pending_events",
    "a contact is still marked as ready": "SELECT contact_id FROM contact_locks WHERE ready_at IS NOT NULL",
    "an event without its key": (
        "SELECT e.id FROM events e LEFT JOIN event_keys k ON k.event_id = e.id WHERE k.event_id IS NULL"
    ),
    "a key without its event": (
        "SELECT k.event_id FROM event_keys k LEFT JOIN events e ON e.id = k.event_id WHERE e.id IS NULL"
    ),
    "a promise without a decision that made it": """
        SELECT i.id FROM invitations i LEFT JOIN decisions d
        ON d.event_id = i.event_id AND d.trigger_id = i.trigger_id AND d.outcome = 'invited'
        WHERE d.event_id IS NULL
    """,
    "a decision that promised nothing": """
        SELECT d.event_id FROM decisions d LEFT JOIN invitations i
        ON i.event_id = d.event_id AND i.trigger_id = d.trigger_id
        WHERE d.outcome = 'invited' AND i.id IS NULL
    """,
    "an event that led to two questions": """
        SELECT event_id FROM invitations WHERE survey_version_id IS NOT NULL GROUP BY event_id HAVING COUNT(*) > 1
    """,
    "a promise without its place": """
        SELECT i.id FROM invitations i LEFT JOIN reservations r ON r.invitation_id = i.id
        WHERE i.state <> 'cancelled' AND r.invitation_id IS NULL
    """,
    "a place kept for a promise called off": """
        SELECT i.id FROM invitations i JOIN reservations r ON r.invitation_id = i.id WHERE i.state = 'cancelled'
    """,
    "a place counted at another time than the hand-over": """
        SELECT i.id FROM invitations i JOIN reservations r ON r.invitation_id = i.id
        WHERE i.handed_over_at IS NOT NULL AND r.counts_at <> i.handed_over_at
    """,
    "a promise with two deliveries": """
        SELECT invitation_id FROM deliveries WHERE invitation_id IS NOT NULL GROUP BY invitation_id HAVING COUNT(*) > 1
    """,
}


WORK = """
    SELECT (SELECT COUNT(*) FROM pending_events)
        + (SELECT COUNT(*) FROM contact_locks WHERE ready_at IS NOT NULL)
        + (SELECT COUNT(*) FROM contact_changes)
        + (SELECT COUNT(*) FROM invitations WHERE due_at IS NOT NULL)
        + (SELECT COUNT(*) FROM deliveries WHERE act_at IS NOT NULL)
"""


def idle(url: str) -> bool:
    """Nothing waits, nothing is claimed and nothing is due: so nothing can be sent any more.

    It is one statement, so one moment; and whatever work leads to other work is replaced by it in one transaction.
    """
    return not number(url, WORK)


def unbalanced(url: str) -> list[str]:
    """What does not add up in the books once all work is done."""
    return [f"{what}: {found[:5]}" for what, statement in BOOKS.items() if (found := rows(url, statement))]


def times_decided(url: str) -> dict[str, int]:
    """How often each trigger was decided, whatever came of it: its decisions, and the events its condition refused.

    Refusals are only ever counted up, so an event decided twice shows here even where it left no row of its own.
    """
    found = rows(
        url,
        """
        SELECT t.slug,
               (SELECT COUNT(*) FROM decisions d WHERE d.trigger_id = t.id)
               + (SELECT COALESCE(SUM(m.events), 0) FROM condition_misses m WHERE m.trigger_id = t.id)
        FROM triggers t
        """,
    )
    return {slug: int(n) for slug, n in found}


def deadlocks(url: str) -> int:
    """How many deadlocks PostgreSQL has broken up in this database."""
    return number(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
