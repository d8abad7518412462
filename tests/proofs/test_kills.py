"""Whoever is killed, and whenever: nothing is sent twice, nothing that was taken is lost, and work goes on soon."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import psycopg
import pytest
from redis import Redis

import config
from app.actions.deliveries import switch_sending
from app.clock import utcnow
from app.jobs import BELL_TTL
from tests.conftest import fresh_postgres
from tests.proofs.auditor import (
    as_yaml,
    cap,
    deadlocks,
    idle,
    number,
    overfull,
    places,
    rows,
    times_decided,
    unbalanced,
)
from tests.proofs.load import Load, paid
from tests.proofs.mail import Held, HoldingMailServer
from tests.proofs.stack import Installation, application, holder_of, prepare
from tests.services import Postgres, RedisServer, wait_until
from worker import CLOCK_LEASE, RESTART_AFTER

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
CHAOS = cap("chaos", 2, 30, triggers=("ask-lost",))
DEFINITIONS = f"""
policy: {{limits: [{as_yaml(CHAOS)}]}}
surveys:
  - {{slug: nps, pages: [{{questions: [{{id: nps, type: nps, text: {{en: "How likely?"}}}}]}}]}}
triggers:
  - {{slug: ask, status: live, when: {{event: order.paid}}, then: [{{send: {{survey: nps}}}}]}}
  - {{slug: ask-lost, status: live, when: {{event: parcel.lost}}, then: [{{send: {{survey: nps}}}}]}}
"""
CONTACT_OF = "SELECT i.contact_id FROM invitations i JOIN addresses a ON a.id = i.address_id WHERE a.value = '{}'"
LEASE = 2
RESUME_WITHIN = 90 - config.Settings().lease_seconds + LEASE
"""The promise is 90 s with the default lease; here the lease is shorter, so the same machinery has less time."""


@dataclass
class Stack:
    """Everything that runs, and what it is told."""

    installation: Installation
    mail: HoldingMailServer
    key: str

    @property
    def database(self) -> str:
        return self.installation.settings.database_url

    def post(self, events: list[dict[str, Any]]) -> None:
        answer = httpx.post(
            f"{self.installation.url}/api/v1/events",
            json=events,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=30,
        )
        assert (answer.status_code, answer.json()["rejected"]) == (202, [])

    def deliveries(self, name: str) -> dict[str, str]:
        """The state of every delivery to the addresses that begin with ``name``."""
        found = rows(
            self.database,
            f"""
            SELECT a.value, d.state FROM deliveries d JOIN invitations i ON i.id = d.invitation_id
            JOIN addresses a ON a.id = i.address_id WHERE a.value LIKE '{name}-%'
            """,
        )
        assert len(found) == len(dict(found)), "two deliveries to one address"
        return dict(found)

    def dots(self, name: str) -> Counter[str]:
        found = self.mail.recipients()
        return Counter({to: n for to, n in found.items() if to.startswith(f"{name}-")})

    def idle(self) -> bool:
        return idle(self.database)

    def worker_at(self, held: Held) -> int:
        """The worker at the other end of a conversation that is kept waiting."""
        found = holder_of(held.port, self.mail.port)
        assert found in self.installation.members()
        return found

    def is_settled(self, name: str, count: int) -> bool:
        return self.idle() and len(self.deliveries(name)) == count


@pytest.fixture(scope="module")
def stack(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One installation for all these tests: whatever they kill has to come back by itself."""
    redis, mail = RedisServer(tmp_path_factory.mktemp("redis")), HoldingMailServer()
    settings = config.load(
        {},
        database_url=fresh_postgres(postgres),
        redis_url=redis.url,
        data_dir=tmp_path_factory.mktemp("kills"),
        smtp_url=mail.url,
        rate_limit="",
        lease_seconds=LEASE,
    )
    key = prepare(settings, DEFINITIONS)
    installation = Installation(settings)
    try:
        installation.start_web()
        installation.start_worker()
        installation.wait_for_workers()
        yield Stack(installation, mail, key)
    finally:
        installation.end()
        mail.stop()
        redis.stop()


@contextmanager
def locked(url: str, statement: str) -> Iterator[psycopg.Connection]:
    """Hold the rows of a statement, so that whoever wants them stops right there."""
    with psycopg.connect(url) as connection:
        assert connection.execute(statement.encode()).fetchall()
        yield connection


def stopped_by(connection: psycopg.Connection) -> set[int]:
    """The processes that wait for what this connection holds."""
    with psycopg.connect(connection.info.dsn) as other:
        waiting = other.execute(
            "SELECT client_port FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))",
            (connection.info.backend_pid,),
        ).fetchall()
    return {found for (port,) in waiting if (found := holder_of(port, connection.info.port)) is not None}


def events(name: str, count: int = 5) -> list[dict[str, Any]]:
    return [paid(f"{name}-{i}", f"{name}-{i}") for i in range(count)]


# Where it stops → what is known of the message that was on its way, and how often its final dot arrived. At the
# greeting nothing is claimed yet; at RSET it is begun and committed, and nothing was said of it.
STATES = [("greeting", "sent", 1), ("rset", "unknown", 0), ("rcpt", "unknown", 0), ("dot", "unknown", 1)]


@pytest.mark.parametrize(("stage", "state", "dots"), STATES, ids=[stage for stage, *_ in STATES])
def test_a_worker_killed_while_it_sends_sends_nothing_twice(stack: Stack, stage: str, state: str, dots: int) -> None:
    name = f"kill-{stage}"
    held = stack.mail.hold(stage)
    stack.post(events(name))
    held.wait(60)
    stack.installation.kill(stack.worker_at(held))
    killed = monotonic()
    held.released.set()
    wait_until(lambda: stack.is_settled(name, 5), RESUME_WITHIN)
    assert monotonic() - killed < RESUME_WITHIN
    states = stack.deliveries(name)
    expected = Counter({"sent": 5}) if state == "sent" else Counter({"sent": 4, state: 1})
    assert Counter(states.values()) == expected
    arrived = stack.dots(name)
    assert {to: arrived[to] for to in states} == {to: dots if how == state else 1 for to, how in states.items()}


def test_a_worker_killed_between_claim_and_hand_over_leaves_it_to_another(stack: Stack) -> None:
    settings = stack.installation.settings
    with application(settings):
        switch_sending(stopped=True, now=utcnow())
    stack.post(events("claim"))
    due = "SELECT COUNT(*) FROM invitations WHERE due_at IS NOT NULL"
    rest = "SELECT (SELECT COUNT(*) FROM pending_events) + (SELECT COUNT(*) FROM contact_changes)"
    wait_until(lambda: (number(stack.database, due), number(stack.database, rest)) == (5, 0), 60)
    whose = f"SELECT * FROM contact_locks WHERE contact_id = ({CONTACT_OF.format('claim-2@example.com')}) FOR UPDATE"
    with locked(stack.database, whose) as lock:
        with application(settings):
            switch_sending(stopped=False, now=utcnow())
        wait_until(lambda: bool(stopped_by(lock)), 60)
        assert stack.deliveries("claim").get("claim-2@example.com") == "claimed"
        stack.installation.kill(*stopped_by(lock))
    wait_until(lambda: stack.is_settled("claim", 5), RESUME_WITHIN)
    assert set(stack.deliveries("claim").values()) == {"sent"}
    assert set(stack.dots("claim").values()) == {1}


def test_a_worker_killed_after_the_reply_leaves_it_unknown_and_sends_nothing_twice(stack: Stack) -> None:
    held = stack.mail.hold("dot")
    stack.post(events("settle"))
    held.wait(60)
    sending = stack.worker_at(held)
    whose = f"SELECT * FROM contact_locks WHERE contact_id = ({CONTACT_OF.format(held.to)}) FOR UPDATE"
    with locked(stack.database, whose) as lock:
        held.released.set()  # the reply arrives, and cannot be written down
        wait_until(lambda: sending in stopped_by(lock), 30)
        stack.installation.kill(sending)
    wait_until(lambda: stack.is_settled("settle", 5), RESUME_WITHIN)
    states = stack.deliveries("settle")
    assert states.pop(held.to) == "unknown"
    assert set(states.values()) == {"sent"}
    assert set(stack.dots("settle").values()) == {1}


def test_workers_whose_supervisor_was_killed_are_joined_by_the_next(stack: Stack) -> None:
    held = stack.mail.hold("dot")
    stack.post(events("orphan"))
    held.wait(60)
    left = stack.installation.kill_leader("worker")
    stack.installation.start_worker()
    held.released.set()
    wait_until(lambda: stack.is_settled("orphan", 5), RESUME_WITHIN)
    wait_until(lambda: stack.deliveries("orphan")[held.to] == "sent", 30)  # whatever it was taken for meanwhile
    assert set(stack.deliveries("orphan").values()) == {"sent"}
    assert set(stack.dots("orphan").values()) == {1}
    assert left <= stack.installation.members()
    stack.installation.kill(*left)


def test_after_a_power_cut_the_next_start_goes_on_where_it_was(stack: Stack) -> None:
    held = stack.mail.hold("dot")
    stack.post(events("power", 8))
    held.wait(60)
    stack.installation.kill_all("worker")
    held.released.set()
    stack.post(events("power-later", 2))
    stack.installation.start_worker()
    wait_until(lambda: stack.is_settled("power", 10), RESUME_WITHIN)
    states = stack.deliveries("power")
    assert states.pop(held.to) == "unknown"
    assert set(states.values()) == {"sent"}
    assert set(stack.dots("power").values()) == {1}


def test_a_worker_killed_while_it_decides_leaves_nothing_half_done(stack: Stack) -> None:
    pair = "pair-0@example.com"
    stack.post([paid("pair-first", "pair-0", pair), paid("pair-second", "pair-1", f"own-{pair}")])
    wait_until(lambda: stack.idle() and stack.dots("pair")[pair] == 1, 60)
    stack.post([paid("pair-third", "pair-1", pair)])  # from here on the address is shared, and so locked
    wait_until(lambda: stack.idle() and stack.dots("pair")[pair] == 2, 60)
    with locked(stack.database, f"SELECT id FROM addresses WHERE value = '{pair}' FOR UPDATE") as lock:
        stack.post([paid("pair-fourth", "pair-0", pair), paid("pair-fifth", "pair-1", pair), *events("beside")])
        wait_until(lambda: bool(stopped_by(lock)), 60)
        stack.installation.kill(*stopped_by(lock))
        wait_until(lambda: not stopped_by(lock), 30)
    wait_until(lambda: stack.is_settled("beside", 5), RESUME_WITHIN)
    made = rows(
        stack.database,
        """
        SELECT e.external_id, COUNT(DISTINCT d.event_id), COUNT(i.id) FROM events e
        LEFT JOIN decisions d ON d.event_id = e.id LEFT JOIN invitations i ON i.event_id = e.id
        WHERE e.external_id LIKE 'pair-%' OR e.external_id LIKE 'beside-%' GROUP BY e.external_id
        """,
    )
    assert len(made) == 10
    assert {(decided, promised) for _, decided, promised in made} == {(1, 1)}
    assert stack.dots("pair")[pair] == 4
    assert set(stack.dots("beside").values()) == {1}


def test_web_processes_killed_under_load_lose_nothing_that_was_taken(stack: Stack) -> None:
    with Load(stack.installation.url, stack.key, "web") as load:
        for _ in range(2):
            before = len(load.taken)
            wait_until(lambda before=before: len(load.taken) >= before + 10, 60)
            stack.installation.kill(*stack.installation.children("web"))
        before = len(load.taken)
        wait_until(lambda: len(load.taken) >= before + 10, 60)
    assert load.answers == []
    assert len(set(load.taken)) == len(load.taken)
    wait_until(stack.idle, RESUME_WITHIN)
    sent = stack.dots("web")
    assert {event for event in load.taken if sent[f"{event}@example.com"] != 1} == set()


def lost_or_paid(event_id: str) -> dict[str, Any]:
    """Every other event is of one of twenty contacts, who share ten addresses and may be asked twice."""
    count = int(event_id.rpartition("-")[2])
    if count % 2:
        return paid(event_id, event_id)
    contact = count // 2 % 20
    return paid(event_id, f"lost-{contact}", f"lost-{contact % 10}@example.com") | {"type": "parcel.lost"}


def test_work_goes_on_while_workers_and_clock_are_killed_again_and_again(stack: Stack) -> None:
    wait_until(stack.idle, 60)
    before = times_decided(stack.database)
    messages = stack.mail.dots_per_message()
    killed = Counter[str]()
    with (
        Redis.from_url(stack.installation.settings.redis_url) as redis,
        Load(stack.installation.url, stack.key, "chaos", lost_or_paid, connections=2) as load,
    ):
        for turn in range(8):
            taken = len(load.taken)
            wait_until(lambda taken=taken: len(load.taken) >= taken + 10, 60)
            wait_until(lambda: bool(stack.installation.workers(redis)), 60)
            workers = stack.installation.workers(redis)
            clocks = stack.installation.children("worker") - workers
            victims = sorted(clocks if turn % 4 == 3 else workers)
            stack.installation.kill(*victims[:1])
            killed["clock" if turn % 4 == 3 else "worker"] += len(victims[:1])
    ended = monotonic()
    wait_until(stack.idle, RESUME_WITHIN)
    assert monotonic() - ended < RESUME_WITHIN
    assert load.answers == []
    assert load.broken == 0
    assert killed["worker"] == 6, killed
    assert killed["clock"] >= 1, killed
    decided = {trigger: n - before[trigger] for trigger, n in times_decided(stack.database).items()}
    kinds = Counter("ask" if int(event.rpartition("-")[2]) % 2 else "ask-lost" for event in load.taken)
    assert decided["ask"] >= kinds["ask"]
    assert sum(decided.values()) == number(
        stack.database, "SELECT COUNT(*) FROM events WHERE external_id LIKE 'chaos-%'"
    )
    assert overfull(places(stack.database), [CHAOS], ()) == []
    assert deadlocks(stack.database) == 0
    # What was done last is announced a moment later, and that event is decided too.
    wait_until(lambda: unbalanced(stack.database) == [], RESUME_WITHIN)
    arrived = stack.mail.dots_per_message()
    assert max(arrived.values()) == 1
    assert len(arrived) > len(messages)
    states = rows(
        stack.database,
        "SELECT d.state, i.public_id FROM deliveries d JOIN invitations i ON i.id = d.invitation_id",
    )
    assert {state for state, _ in states} <= {"sent", "unknown"}
    assert [i for state, i in states if state == "sent" and not arrived[f"<{i}@localhost>"]] == []


def test_without_redis_the_next_clock_goes_on_where_a_killed_one_was(
    install: Callable[[config.Settings], Installation],
    holding_mail: HoldingMailServer,
    empty_sqlite: bytes,
    tmp_path: Path,
) -> None:
    """The smallest installation: one file, and a clock that does all the work."""
    (tmp_path / "otklik.db").write_bytes(empty_sqlite)
    url = f"sqlite:///{tmp_path / 'otklik.db'}"
    settings = config.load(
        {}, database_url=url, data_dir=tmp_path, smtp_url=holding_mail.url, rate_limit="", lease_seconds=LEASE
    )
    small = Stack(install(settings), holding_mail, prepare(settings, DEFINITIONS))
    small.installation.start_web()
    small.installation.start_worker()
    held = holding_mail.hold("dot")
    small.post(events("small"))
    held.wait(60)
    clock = small.worker_at(held)
    assert small.installation.children("worker") == {clock}
    small.installation.kill(clock)
    held.released.set()
    wait_until(lambda: small.is_settled("small", 5), RESUME_WITHIN)
    states = small.deliveries("small")
    assert states.pop(held.to) == "unknown"
    assert Counter(states.values()) == {"sent": 4}
    assert set(small.dots("small").values()) == {1}
    wait_until(lambda: unbalanced(url) == [], RESUME_WITHIN)  # once the last news is announced and decided


def test_the_default_settings_leave_room_for_ninety_seconds() -> None:
    """A lease that has to end, a bell that hangs unanswered, a clock whose duty has to lapse, and a slow start."""
    settings, slow_start = config.Settings(), 15
    told = settings.lease_seconds + BELL_TTL + settings.sweep_seconds
    assert told + CLOCK_LEASE.total_seconds() + RESTART_AFTER + slow_start <= 90
