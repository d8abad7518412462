"""A backlog of events, found their contacts and decided by one worker, while the company grows a hundredfold."""

from collections.abc import Callable, Iterator
from time import perf_counter

import psycopg
from flask import current_app

from app.actions.contacts import resolve_events
from app.actions.decisions import decide_events
from app.clock import utcnow
from app.jobs import DECIDE_BATCH, RESOLVE_BATCH
from app.queries.installation import company
from benchmarks.company import MATCHED, add_backlog, add_contacts, noon, twenty_triggers
from benchmarks.results import Row, at_least
from benchmarks.stack import Stack, plain_connection

LEAST = 3_000


def measure(stack: Stack) -> Iterator[Row]:
    sizes = (1_000, 5_000) if stack.quick else (10_000, 100_000, 1_000_000)
    events = 1_000 if stack.quick else 10_000
    settings = stack.settings(twenty_triggers())
    rates = []
    with stack.application(settings), plain_connection(settings) as connection:
        known = 0
        for size in sizes:
            add_contacts(connection, known + 1, size)
            known = size
            add_backlog(connection, MATCHED, events, size, resolved=True)
            alone = _rate(lambda: _decide(1), 50 if stack.quick else 200)
            rates.append(_rate(lambda: _decide(DECIDE_BATCH)))
            said = f"one contact at a time {alone:,.0f}/s; {_done(connection)}"
            yield Row(f"deciding a backlog, {size:,} contacts", rates[-1], "events/s", at_least(LEAST), said)
            add_backlog(connection, MATCHED, events, size, resolved=False)
            yield Row(f"finding the contacts of events, {size:,} contacts", _rate(_resolve), "events/s")
            connection.execute(
                "TRUNCATE pending_events; UPDATE contact_locks SET ready_at = NULL WHERE ready_at IS NOT NULL"
            )
    yield Row("deciding, largest company against smallest", rates[-1] / rates[0], "", None, "1 is flat")


def _done(connection: psycopg.Connection) -> str:
    """What deciding has left so far."""
    counted = connection.execute(
        "SELECT count(*) FILTER (WHERE outcome = 'invited'), count(*) FILTER (WHERE outcome = 'deferred'),"
        " (SELECT count(*) FROM timers), (SELECT sum(used) FROM quota_uses) FROM decisions"
    ).fetchone()
    return "{:,} invited, {:,} wait, {:,} timers, quotas hold {:,}".format(*counted or ())


def _decide(limit: int) -> int:
    return decide_events(limit, noon(), company().zone, company().language).events


def _resolve() -> int:
    return resolve_events(RESOLVE_BATCH, utcnow(), current_app.config["PHONE_REGION"])


def _rate(step: Callable[[], int], enough: float = float("inf")) -> float:
    """Events a second, after a first step that reads the rules, until nothing or ``enough`` is done."""
    step()
    began, total = perf_counter(), 0
    while total < enough and (done := step()):
        total += done
    return total / (perf_counter() - began)
