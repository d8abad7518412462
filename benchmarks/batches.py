"""Events in requests of 500, against the two things that cannot be left out: the rows, and looking at every field."""

from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Any

import orjson

from app.actions.sources import add_key
from app.clock import utcnow
from app.inbound.envelopes import EventSchema
from benchmarks.company import LISTENED, POLICY
from benchmarks.load import Script, fire, whole
from benchmarks.results import Row, at_least
from benchmarks.stack import Stack, plain_connection
from config import Settings

BATCH = 500
SENDERS = 4
LEAST = 10_000


def measure(stack: Stack) -> Iterator[Row]:
    rounds, requests = (1, 10) if stack.quick else (3, 60)
    settings = stack.settings(POLICY + LISTENED)
    with stack.application(settings):
        key = add_key("benchmark", ["events:write"], "api", utcnow())
    rates, rows, checks = [], [], []
    with stack.web(settings) as port:
        fire(port, _requests(key, "warm", SENDERS), expect="202", connections=SENDERS)
        for number in range(rounds):
            rows.append(_insert_rate(settings, requests))
            checks.append(_check_rate(requests))
            report = fire(port, _requests(key, str(number), requests), expect="202", connections=SENDERS)
            rates.append(report.rate * BATCH)
    with plain_connection(settings) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM pending_events").fetchone() or (0,)
    if stored != (rounds * requests + SENDERS) * BATCH:
        raise AssertionError(f"{(rounds * requests + SENDERS) * BATCH} were accepted, {stored} are stored")
    said = f"multi-row insert alone {median(rows):,.0f} rows/s, marshmallow alone {median(checks):,.0f}/s a core"
    yield Row(f"batched events, {BATCH} per request", median(rates), "events/s", at_least(LEAST), said)


def some_events(name: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"evt-{name}-{number}",
            "type": "order.delivered",
            "occurred_at": "2026-01-05T10:00:00Z",
            "contact": {"id": f"cus-{number}", "email": f"cus-{number}@example.com", "name": "Ada Byron"},
            "properties": {"amount": 1990, "rating": 4, "place": "centre"},
        }
        for number in range(BATCH)
    ]


def _requests(key: str, name: str, count: int) -> list[Script]:
    headers = {"authorization": f"Bearer {key}", "content_type": "application/json"}
    bodies = (orjson.dumps(some_events(f"{name}-{number}")) for number in range(count))
    return [[whole("POST", "/api/v1/events", body, **headers)] for body in bodies]


def _insert_rate(settings: Settings, batches: int) -> float:
    """The same rows into one table with one index, ``BATCH`` to a statement, each committed."""
    row = "(%s, %s, %s, %s, %s)"
    statement = f"INSERT INTO alone VALUES {', '.join([row] * BATCH)}".encode()
    with plain_connection(settings) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS alone (id bigint PRIMARY KEY, type text, at timestamptz, who jsonb, what jsonb)"
        )
        connection.execute("TRUNCATE alone")
        given = [
            [v for n, e in enumerate(some_events(str(number))) for v in _row(number * BATCH + n, e)]
            for number in range(batches)
        ]
        began = perf_counter()
        for values in given:
            connection.execute(statement, values)
        return batches * BATCH / (perf_counter() - began)


def _row(number: int, event: dict[str, Any]) -> tuple[Any, ...]:
    written = (orjson.dumps(event[name]).decode() for name in ("contact", "properties"))
    return number, event["type"], event["occurred_at"], *written


def _check_rate(batches: int) -> float:
    schema, events = EventSchema(), some_events("alone")
    began = perf_counter()
    for _ in range(batches):
        for event in events:
            schema.load(event)
    return batches * BATCH / (perf_counter() - began)
