"""What events and their decisions take on disk, indexes and all."""

from collections.abc import Iterator
from itertools import count

import orjson
import psycopg
from flask import current_app

from app.actions.contacts import resolve_events
from app.actions.decisions import decide_events
from app.actions.events import record_events
from app.clock import utcnow
from app.inbound.envelopes import read_events
from app.jobs import DECIDE_BATCH, RESOLVE_BATCH
from app.queries.installation import company
from app.queries.sources import source_id
from benchmarks.company import MATCHED, add_contacts, noon, twenty_triggers
from benchmarks.results import Row, at_most
from benchmarks.stack import Stack, plain_connection

CONTACTS = 20_000
BATCH = 1_000
DECISION_MOST = 300


def measure(stack: Stack) -> Iterator[Row]:
    events = 2_000 if stack.quick else 100_000
    settings = stack.settings(twenty_triggers())
    with stack.application(settings), plain_connection(settings) as connection:
        add_contacts(connection, 1, CONTACTS)
        before = _size(connection)
        posted = sum(_record(first) for first in range(0, events, BATCH))
        _work_off()
        connection.execute("VACUUM ANALYZE")
        taken = _size(connection) - before
        decisions = connection.execute("SELECT count(*), pg_total_relation_size('decisions') FROM decisions").fetchone()
        assert decisions is not None
    said = f"the events themselves as JSON {posted / events / 1000:.2f} GB; {decisions[0] / events:.2f} decisions each"
    yield Row("1M events with decisions on disk", taken / events / 1000, "GB", None, said)
    yield Row("a decision with its indexes", decisions[1] / decisions[0], "bytes", at_most(DECISION_MOST))


def _record(first: int) -> int:
    """Record a batch, each event of another contact; answers its bytes as JSON."""
    items = [_event(number) for number in range(first, first + BATCH)]
    now = utcnow()
    record_events(source_id("api") or 0, read_events(items, now).events, now)
    return sum(len(orjson.dumps(item)) for item in items)


def _event(number: int) -> dict[str, object]:
    contact = f"c-{1 + number * 7919 % CONTACTS}"
    return {
        "id": f"evt-{number:08}",
        "type": MATCHED[number % len(MATCHED)],
        "contact": {"id": contact, "email": f"{contact}@example.com", "locale": "en"},
        "properties": {"amount": 1990, "rating": 5, "place": "centre", "category": "dairy"},
    }


def _work_off() -> None:
    config = current_app.config
    for _ in count():
        if not resolve_events(RESOLVE_BATCH, utcnow(), config["PHONE_REGION"]):
            break
    for _ in count():
        if not decide_events(DECIDE_BATCH, noon(), company().zone, company().language).contacts:
            break


def _size(connection: psycopg.Connection) -> int:
    (size,) = connection.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables").fetchone() or (
        0,
    )
    return int(size)
