"""Twenty triggers of moments, looked through a day later; and what was found made into events."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from time import perf_counter

import psycopg

from app.actions.announcements import announce_timers
from app.actions.timers import look_for_timers
from app.clock import utcnow
from app.jobs import LOOK_BATCH, TIMER_BATCH
from benchmarks.company import CALM, add_contacts
from benchmarks.results import Row, at_most
from benchmarks.stack import Stack, plain_connection

DAY = timedelta(days=1)
ORDERS_EACH = 3
WHENS = (
    *(f"{{inactive_for: {days}d, since: [order.paid]}}" for days in (7, 14, 30, 60, 90)),
    "{inactive_for: 30d, since: [order.paid, visit.finished], used: {times: 2, per: 90d}}",
    *(f"{{date: contact.attributes.birthday, yearly: true, offset: {days}d}}" for days in (-7, -1, 0)),
    *(f"{{date: contact.attributes.renewal, offset: {days}d}}" for days in (-30, -7)),
    "{on: '03-08'}",
    *(f"{{cron: '0 10 * * *', segment: {slug}}}" for slug in ("moscow", "often")),
    *(f"{{{move}: {slug}}}" for move in ("enters", "exits") for slug in ("moscow", "often", "lately")),
)
SEGMENTS = """
segments:
  - {slug: moscow, if: {field: contact.attributes.city, op: eq, value: Moscow}}
  - {slug: often, if: {events: order.paid, count: true, within: 90d, op: gte, value: 3}}
  - {slug: lately, if: {events: order.paid, sum: amount, within: 30d, op: gte, value: 1500}}
"""
TRIGGER = "  - {slug: moment-%s, status: live, when: %s, then: [{notify: {channel: care, text: Look}}]}\n"
COMPANY = CALM + SEGMENTS + "triggers:\n" + "".join(TRIGGER % (n, when) for n, when in enumerate(WHENS))


def measure(stack: Stack) -> Iterator[Row]:
    contacts = 5_000 if stack.quick else 1_000_000
    settings = stack.settings(COMPANY)
    with stack.application(settings), plain_connection(settings) as connection:
        add_contacts(connection, 1, contacts)
        _live_through(connection, contacts)
        now = utcnow()
        began = perf_counter()
        _look(now - DAY)
        yield Row(f"{len(WHENS)} triggers of moments go live, {contacts:,} contacts", perf_counter() - began, "s")
        connection.execute(_MOVED, {"contacts": contacts})
        connection.execute("VACUUM ANALYZE contacts, segment_members")
        before = _timers(connection)
        began = perf_counter()
        _look(now)
        took, found = perf_counter() - began, _timers(connection) - before
        said = f"{found:,} moments found"
        yield Row(f"a day later, looked through for {len(WHENS)} triggers", took, "s", at_most(120), said)
        yield Row("moments made into events", _rate(lambda: announce_timers(TIMER_BATCH, now)), "per s")


def _look(now: datetime) -> None:
    while look_for_timers(LOOK_BATCH, now, "Europe/Moscow"):
        pass


def _timers(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM timers").fetchone()
    return int(row[0]) if row else 0


def _rate(step: Callable[[], int]) -> float:
    began, total = perf_counter(), 0
    while total < 20_000 and (done := step()):
        total += done
    return total / (perf_counter() - began)


def _live_through(connection: psycopg.Connection, contacts: int) -> None:
    """Some orders in the last 120 days, each at a moment of its own; and since yesterday the triggers are live."""
    for statement in _LIVED:
        connection.execute(statement, {"contacts": contacts, "each": ORDERS_EACH})
    connection.execute("VACUUM ANALYZE")


_LIVED = (
    """INSERT INTO events (id, source_id, external_id, type, occurred_at, received_at, contact, properties, contact_id,
                           depth, history)
    SELECT 20000000 + row_number() OVER (ORDER BY at), 1, 'order-' || contact || '-' || n, 'order.paid', at, at, '{}',
           '{"amount": 990}', contact, 0, false
    FROM (SELECT i AS contact, n, now() - interval '120 days' * ((hashint8(i * 7 + n) & 1048575) / 1048576.0) AS at
          FROM generate_series(1, %(contacts)s::bigint) AS i, generate_series(1, %(each)s) AS n) AS made
    ORDER BY at""",
    """UPDATE contacts SET attributes = attributes || jsonb_build_object(
        'city', CASE WHEN id %% 5 = 0 THEN 'Moscow' ELSE 'Tver' END,
        'birthday', (date '1990-01-01' + (hashint8(id) & 8191))::text,
        'renewal', (current_date + (hashint8(id + 1) & 511) - 100)::text)""",
    "UPDATE trigger_versions SET created_at = now() - interval '1 day'",
    "UPDATE timer_watches SET next_at = now() - interval '1 day'",
)
_MOVED = """UPDATE contacts SET attributes = attributes || jsonb_build_object(
    'city', CASE WHEN id %% 5 = 0 THEN 'Tver' ELSE 'Moscow' END) WHERE id %% 100 < 2 AND id <= %(contacts)s"""
