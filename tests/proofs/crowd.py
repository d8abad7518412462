"""A crowd of processes at the same contacts: one records and resolves events, the others decide and hand over.

``python -m tests.proofs.crowd`` reads a :class:`Plan` as JSON and prints a :class:`Report` as JSON. Time is a number
that all of them share and that the recorder moves on, so that weeks pass in seconds; every process reads it a little
wrong, and some of them jump back and forth. Deciders may be killed while they are at it; others take their place.
"""

import json
import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable
from ctypes import c_bool, c_double
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

import config
from app import create_app
from app.actions.contacts import resolve_events
from app.actions.decisions import decide_contact, decide_events
from app.actions.deliveries import Claim, Result, begin_hand_over, claim_deliveries, give_up_lost, settle_delivery
from app.actions.events import NewEvent, record_events
from app.extensions import db
from app.queries.decisions import ready_contacts
from app.queries.installation import company

EPOCH = datetime(2026, 3, 20, tzinfo=UTC)
STEP, TAIL_STEPS = timedelta(hours=6), 60
LEASE = timedelta(hours=3)
IDLE, PATIENCE = 0.1, 90.0
KINDS = ("order.paid", "review.posted", "order.paid", "parcel.lost")
ZONES = ("Europe/Moscow", "Europe/Berlin", "Asia/Vladivostok", None)


@dataclass(frozen=True)
class Plan:
    """How many processes do what, and on which database."""

    url: str
    data_dir: str
    events: int
    deciders: int
    senders: int
    kills: int = 0
    contacts: int = 50
    batch: int = 10
    """How many events are recorded at once, six hours apart; ten times as many may wait."""


@dataclass
class Report:
    """What the processes say they did; everything else is read from the database by others."""

    errors: list[str] = field(default_factory=list)
    decided: list[int] = field(default_factory=list)
    """Events per decider that lived to tell."""
    killed: int = 0
    begun: list[tuple[int, int, str, bool]] = field(default_factory=list)
    """Every hand-over that began: delivery, attempt, how it ended, and whether that was written down."""


def drawn(*what: object) -> int:
    """A number that looks like chance and is the same every time."""
    return int.from_bytes(blake2b(repr(what).encode(), digest_size=6).digest())


def planned_event(number: int, contacts: int = 50) -> dict[str, Any]:
    """The ``number``-th event: two fifths of the contacts share addresses, and a fifth moves in and out of them."""
    chance = drawn(number)
    contact = chance % contacts
    family = f"family-{contact % (contacts // 10)}@example.com"
    alone = contact < contacts * 2 // 5 or (contact >= contacts * 4 // 5 and chance // 7 % 2)
    return {
        "type": KINDS[chance // 3 % len(KINDS)],
        "contact": {
            "id": f"c-{contact}",
            "email": f"c-{contact}@example.com" if alone else family,
            "name": f"Customer {contact}",
            "timezone": ZONES[contact % len(ZONES)],
        },
        "properties": {"amount": chance // 11 % 2000},
    }


def ending(delivery: int, attempt: int) -> str:
    """How a hand-over ends; ``lost`` means that its worker is never heard of again."""
    return ("sent", "sent", "sent", "sent", "refused", "retrying", "unknown", "lost")[drawn(delivery, attempt) % 8]


@dataclass
class Shared:
    """What all processes of a crowd see."""

    plan: Plan
    hand: c_double
    """Seconds since the epoch of this crowd; like ``over`` without a lock, which a killed process could take along."""
    over: c_bool

    def now(self, who: int) -> datetime:
        """The time as process ``who`` reads it: up to half a day off, and every fifth jumps two days back and forth."""
        seconds = self.hand.value
        wrong = (who % 5 - 2) * 6 * 3600
        if who % 5 == 4 and int(seconds) // 86_400 % 2:
            wrong -= 2 * 86_400
        return EPOCH + timedelta(seconds=seconds + wrong)


def record(shared: Shared, _who: int) -> dict[str, Any]:
    """Record and resolve all events, some at a time and not far ahead of the others; then let time run out."""
    batch, contacts = shared.plan.batch, shared.plan.contacts
    source = db.session.scalar(text("SELECT id FROM sources WHERE slug = 'api'"))
    for first in range(0, shared.plan.events, batch):
        shared.hand.value += STEP.total_seconds()
        now = EPOCH + timedelta(seconds=shared.hand.value)
        events = [
            NewEvent(
                external_id=f"e-{number}",
                occurred_at=now - timedelta(seconds=batch - number % batch),
                body_hash=blake2b(str(number).encode(), digest_size=16).digest(),
                **planned_event(number, contacts),
            )
            for number in range(first, min(first + batch, shared.plan.events))
        ]
        record_events(source, events, now)
        while resolve_events(500, now, "RU"):
            pass
        _wait_for_backlog(10 * batch)
    _wait_for_backlog(0)
    for _ in range(TAIL_STEPS if shared.plan.senders else 0):
        shared.hand.value += STEP.total_seconds()
        _wait_for_senders(EPOCH + timedelta(seconds=shared.hand.value))
    shared.over.value = True
    return {}


def _wait_for_senders(now: datetime) -> None:
    """Give them a moment to hand over what is due: on a busy machine too there is something to look at."""
    until = time.monotonic() + 0.2
    due = text("SELECT COUNT(*) FROM invitations WHERE due_at <= :now").bindparams(now=now - timedelta(days=3))
    time.sleep(0.02)
    while db.session.scalar(due) and time.monotonic() < until:
        db.session.rollback()
        time.sleep(0.02)
    db.session.rollback()


def _wait_for_backlog(most: int) -> None:
    until = time.monotonic() + PATIENCE
    while db.session.scalar(text("SELECT COUNT(*) FROM pending_events")) > most:
        db.session.rollback()
        if time.monotonic() > until:
            raise TimeoutError(f"more than {most} events still wait")
        time.sleep(0.005)
    db.session.rollback()


def decide(shared: Shared, who: int) -> dict[str, Any]:
    """Decide a few contacts at a time; every fourth process takes single contacts that others are at as well."""
    events, few = 0, shared.plan.batch // 10
    while True:
        now = shared.now(who)
        if who % 4 == 3:
            found = [decide_contact(c, now, "UTC", "en").events for c in ready_contacts(1, now)]
            done, decided = len(found), sum(found)
        else:
            batch = decide_events((1 + who % 4) * few, now, "UTC", "en")
            done, decided = batch.contacts, batch.events
        events += decided
        if not done and shared.over.value:
            return {"decided": [events]}
        if not done:
            time.sleep(IDLE)


def hand_over(shared: Shared, who: int) -> dict[str, Any]:
    """Claim, begin and settle; some hand-overs are refused, some come again later, and some are never heard of again.

    Sending begins late, with a backlog of weeks: places that were planned far apart all want to move to the same day.
    """
    begun: list[tuple[int, int, str, bool]] = []
    weeks = STEP.total_seconds() * shared.plan.events / shared.plan.batch * 0.6
    while shared.hand.value < weeks and not shared.over.value:
        time.sleep(IDLE)
    while not shared.over.value:
        now = shared.now(who)
        give_up_lost(now)
        claims = claim_deliveries(4, now, LEASE, 1_000_000)
        for claim in claims:
            message = begin_hand_over(claim, shared.now(who), LEASE, company(), "UTC", frozenset())
            if message is None:
                continue
            begun.append((claim.delivery_id, claim.attempt, *_end(claim, shared, who)))
        if not claims:
            time.sleep(IDLE)
    return {"begun": begun}


def _end(claim: Claim, shared: Shared, who: int) -> tuple[str, bool]:
    state = ending(claim.delivery_id, claim.attempt)
    if state == "lost":
        return state, False
    return state, settle_delivery(claim, Result(state, error="as planned"), shared.now(who))


def _live(role: Callable[[Shared, int], dict[str, Any]], shared: Shared, who: int, said: "SimpleQueue[Any]") -> None:
    """One process: an application of its own, one role, and what it has to say at the end."""
    plan = shared.plan
    try:
        with _application(plan).app_context():
            said.put(role(shared, who))
    except Exception:  # noqa: BLE001 whatever it is, the test shall see it
        shared.over.value = True
        said.put({"errors": [f"{role.__name__} {who}: {traceback.format_exc()}"]})


def _application(plan: Plan) -> Flask:
    return create_app(config.load({}, database_url=plan.url, data_dir=Path(plan.data_dir), log_level="ERROR"))


def _reached(shared: Shared, share: float) -> bool:
    """Wait until so much of all that is to happen has happened; false when it came to an early end."""
    wanted = STEP.total_seconds() * shared.plan.events / shared.plan.batch * share
    while shared.hand.value < wanted and not shared.over.value:
        time.sleep(IDLE)
    return not shared.over.value


def gather(plan: Plan) -> Report:
    """Let the crowd live, and put together what its processes say."""
    _application(plan)  # the first is slow to make, and opens no connection: the others are quick after the fork
    context = multiprocessing.get_context("fork")
    shared = Shared(plan, context.RawValue(c_double, 0.0), context.RawValue(c_bool, 0))
    said: SimpleQueue[Any] = context.SimpleQueue()
    roles = [record, *[decide] * plan.deciders, *[hand_over] * plan.senders]
    living = [context.Process(target=_live, args=(role, shared, who, said)) for who, role in enumerate(roles)]
    for process in living:
        process.start()
    report = Report()
    while report.killed < plan.kills and _reached(shared, (report.killed + 1) / (plan.kills + 2)):
        who = 1 + drawn("kill", report.killed) % plan.deciders
        living[who].kill()
        living[who].join()
        report.killed += 1
        living[who] = context.Process(target=_live, args=(decide, shared, who, said))
        living[who].start()
    for _ in living:
        for key, found in said.get().items():
            getattr(report, key).extend(found)
    for process in living:
        process.join()
    return report


if __name__ == "__main__":
    print(json.dumps(asdict(gather(Plan(**json.load(sys.stdin))))))  # noqa: T201 its one answer
