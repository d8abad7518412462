"""One decision as the rules make it, without database or web: through every gate, and where the condition closes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from time import process_time

import yaml

from benchmarks.company import FAILING, PASSING, POLICY, SENDING, noon
from benchmarks.results import Row, at_most
from benchmarks.stack import Stack
from surveys.conditions import Facts
from surveys.contact_policy import Reservation, read_policy
from surveys.decision import Decision, decide_each
from surveys.definition import read
from surveys.gates import Address, Contact, Event, Rules
from surveys.triggers import Trigger, read_trigger

ROUNDS = 5


def measure(stack: Stack) -> Iterator[Row]:
    times = 2_000 if stack.quick else 20_000
    now = noon()
    passing, failing = (read(yaml.safe_load(SENDING.format(condition=c)), read_trigger) for c in (PASSING, FAILING))
    through = _seconds(times, passing, "invited", now)
    yield Row("pure decision, through all gates", through * 1e6, "µs", at_most(20))
    closed = _seconds(times, failing, None, now)
    yield Row("pure decision, the condition closes", closed * 1e6, "µs", at_most(3))


def _seconds(times: int, trigger: Trigger, outcome: str | None, now: datetime) -> float:
    """The seconds one decision takes: the best of some rounds, each over contacts that nobody has touched yet."""
    rules = Rules(read(yaml.safe_load(POLICY)["policy"], read_policy), b"salt", b"other salt", "UTC")
    found = []
    for _ in range(ROUNDS):
        contacts = [_contact(now) for _ in range(times)]
        event = _event(now)
        began = process_time()
        for contact in contacts:
            decide_each(event, contact, (trigger,), rules, now)
        found.append((process_time() - began) / times)
    (result,) = decide_each(_event(now), _contact(now), (trigger,), rules, now)
    if (result.outcome if isinstance(result, Decision) else None) != outcome:
        raise AssertionError(f"expected {outcome}, not {result}")
    return min(found)


def _event(now: datetime) -> Event:
    facts = {
        "type": "order.paid",
        "properties": {"amount": 1990, "rating": 5, "place": "centre"},
        "contact": {"locale": "en", "timezone": "Europe/Moscow", "attributes": {"plan": "standard"}},
        "answers": {},
    }
    return Event(1, "order.paid", now, Facts(facts, now), first=False)


def _contact(now: datetime) -> Contact:
    """Somebody who was asked long enough ago."""
    before = Reservation(now - timedelta(days=45), "transactional", "email", "nps", "pure")
    mailbox = Address(1, taken=[before])
    return Contact(1, "c0ffee", timezone="Europe/Moscow", addresses={"email": mailbox}, taken=[before])
