"""An auditor that recomputes from plain rows whether every promise was kept; it shares no code with what it audits."""

import sqlite3
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg


@dataclass(frozen=True)
class Cap:
    """One limit of a policy: at most ``max`` within ``days``, of the messages it names; naming none means all."""

    name: str
    max: int
    days: float
    classes: tuple[str, ...] = ()
    surveys: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()

    def as_yaml(self) -> str:
        """The limit as an author writes it."""
        named = "".join(
            f", {key}: [{', '.join(values)}]"
            for key, values in (("classes", self.classes), ("surveys", self.surveys), ("triggers", self.triggers))
            if values
        )
        return f"{{name: {self.name}, max: {self.max}, per: {round(self.days * 24)}h{named}}}"


@dataclass(frozen=True)
class Place:
    """A reservation, as it stands in its table."""

    contact: int
    address: int
    class_: str
    survey: str | None
    trigger: str
    counts_at: datetime


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
    found = rows(url, "SELECT contact_id, address_id, class, survey, trigger, counts_at FROM reservations")
    return [
        Place(contact, address, kind, survey, trigger, moment(at))
        for contact, address, kind, survey, trigger, at in found
    ]


def overfull(taken: Iterable[Place], caps: Sequence[Cap], exempt: Sequence[str]) -> list[str]:
    """Every window (x - days, x] of a contact or of an address that holds more than its cap allows.

    A window that breaks a cap can be moved until it ends at a place, so only those windows need to be counted.
    """
    owned: dict[tuple[str, int], list[Place]] = defaultdict(list)
    for place in taken:
        owned["contact", place.contact].append(place)
        owned["address", place.address].append(place)
    broken = []
    for owner, held in owned.items():
        for cap in caps:
            times = sorted(p.counts_at for p in held if _counts(cap, p, exempt))
            for end in times:
                inside = bisect_right(times, end) - bisect_right(times, end - timedelta(days=cap.days))
                if inside > cap.max:
                    broken.append(f"{owner[0]} {owner[1]}: {inside} within {cap.days} d until {end}, {cap.name}")
    return broken


def _counts(cap: Cap, place: Place, exempt: Sequence[str]) -> bool:
    named = place.class_ in cap.classes
    if place.class_ in exempt and not named:
        return False
    if cap.classes and not named:
        return False
    if cap.surveys and place.survey not in cap.surveys:
        return False
    return not cap.triggers or place.trigger in cap.triggers


def fullest(taken: Iterable[Place], cap: Cap, exempt: Sequence[str]) -> int:
    """The most that one contact's window of this cap holds: a cap that nobody came near proves nothing."""
    owned: dict[int, list[datetime]] = defaultdict(list)
    for place in taken:
        if _counts(cap, place, exempt):
            owned[place.contact].append(place.counts_at)
    most = 0
    for held in owned.values():
        times = sorted(held)
        most = max(most, *(bisect_left(times, t + timedelta(days=cap.days)) - i for i, t in enumerate(times)))
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
