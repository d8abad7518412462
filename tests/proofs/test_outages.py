"""Redis and PostgreSQL may go away at any moment: callers are told to come back, and nothing that was taken is lost."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import httpx
import pytest

import config
from app.cli import migrate_tables
from app.links import survey_url
from tests.conftest import fresh_postgres
from tests.proofs.auditor import idle, number, rows, unbalanced
from tests.proofs.load import Load
from tests.proofs.mail import HoldingMailServer
from tests.proofs.stack import Installation, application, prepare
from tests.services import Postgres, RedisServer, cluster, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
DEFINITIONS = """
surveys:
  - {slug: nps, pages: [{questions: [{id: nps, type: nps, text: {en: "How likely?"}}]}]}
triggers:
  - {slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: nps}}]}
"""
REDIS_BACK_WITHIN = 15
POSTGRES_BACK_WITHIN = 15
RESUME_WITHIN = 90


def unmailed(load: Load, mail: HoldingMailServer) -> list[str]:
    """Events that were taken and of which no mail has arrived, or more than one."""
    arrived = mail.recipients()
    return [event for event in load.taken if arrived[f"{event}@example.com"] != 1]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def mail() -> Iterator[HoldingMailServer]:
    server = HoldingMailServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def without_redis(
    postgres: Postgres, redis: RedisServer, mail: HoldingMailServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, str]]:
    """An installation whose Redis is about to go, with every default in force, and a key."""
    settings = config.load(
        {},
        database_url=fresh_postgres(postgres),
        redis_url=redis.url,
        data_dir=tmp_path_factory.mktemp("outages"),
        smtp_url=mail.url,
    )
    key = prepare(settings, DEFINITIONS)
    installation = Installation(settings)
    try:
        installation.start_web()
        installation.start_worker()
        installation.wait_for_workers()
        yield installation, key
    finally:
        installation.end()


@pytest.mark.parametrize("outage", ["flushed", "restarted", "stopped", "frozen"])
def test_what_was_taken_is_mailed_soon_after_redis_is_back(
    without_redis: tuple[Installation, str], redis: RedisServer, mail: HoldingMailServer, outage: str
) -> None:
    installation, key = without_redis
    wait_until(lambda: idle(installation.settings.database_url), RESUME_WITHIN)
    held = mail.hold("dot")  # somebody is in the middle of a mail when it happens
    with Load(installation.url, key, f"redis-{outage}") as load:
        held.wait(60)
        if outage == "flushed":
            with redis.connection() as connection:
                connection.flushall()
        elif outage == "frozen":
            redis.freeze()
        else:
            redis.stop()
        held.released.set()
        taken = len(load.taken)
        wait_until(lambda: len(load.taken) >= taken + (5 if outage == "restarted" else 30), 60)
    if outage == "frozen":
        redis.thaw()
    elif outage != "flushed":
        redis.start()
    back = monotonic()
    wait_until(lambda: not unmailed(load, mail), REDIS_BACK_WITHIN)
    assert monotonic() - back < REDIS_BACK_WITHIN
    wait_until(lambda: idle(installation.settings.database_url), RESUME_WITHIN)
    # Whoever posted has noticed nothing.
    assert load.answers == []
    assert load.broken == 0
    assert load.slowest < 5
    assert unmailed(load, mail) == []
    states = rows(installation.settings.database_url, "SELECT DISTINCT state FROM deliveries")
    assert states == [("sent",)]
    # What was done last is announced a moment later, and that event is decided too.
    wait_until(lambda: unbalanced(installation.settings.database_url) == [], RESUME_WITHIN)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A cluster that nobody else uses, so that it can be stopped."""
    with cluster() as server:
        server.execute("CREATE DATABASE otklik")
        yield server


def test_while_postgresql_restarts_callers_are_told_to_come_back_and_nothing_is_lost(
    own_postgres: Postgres,
    tmp_path: Path,
    redis_instance: RedisServer,
    holding_mail: HoldingMailServer,
    install: Callable[[config.Settings], Installation],
) -> None:
    url = own_postgres.url("otklik")
    installation = install(
        config.load(
            {},
            database_url=url,
            redis_url=redis_instance.url,
            data_dir=tmp_path / "data",
            smtp_url=holding_mail.url,
            lease_seconds=2,
        )
    )
    installation.settings.data_dir.mkdir()
    with application(installation.settings):
        migrate_tables()
    key = prepare(installation.settings, DEFINITIONS)
    installation.start_web()
    installation.start_worker()
    installation.wait_for_workers()
    with Load(installation.url, key, "first") as load:
        wait_until(lambda: holding_mail.dots, 60)
    with application(installation.settings):
        link = survey_url(rows(url, "SELECT public_id FROM invitations WHERE state = 'open'")[0][0])
    page = urlsplit(link).path

    loads = [load]
    for mode in ("immediate", "fast"):
        with Load(installation.url, key, mode) as load:
            wait_until(lambda load=load: len(load.taken) >= 20, 60)
            own_postgres.stop(mode)
            wait_until(lambda load=load: len(load.answers) >= 10, 60)
            told = [*look_around(installation.url, page, key)]
            own_postgres.start()
            back, taken = monotonic(), len(load.taken)
            wait_until(lambda load=load, taken=taken: len(load.taken) >= taken + 20, RESUME_WITHIN)
        loads.append(load)
        for answer in [*load.answers, *told]:
            assert answer.status_code == 503, (mode, answer.request.url, answer.text)
            assert int(answer.headers["Retry-After"]) > 0
            for word in ("Traceback", "psycopg", "SELECT", "127.0.0.1"):
                assert word not in answer.text, answer.text
        assert load.broken == 0
        assert httpx.get(f"{installation.url}/healthz").is_success
        wait_until(lambda: idle(url), POSTGRES_BACK_WITHIN)
        assert monotonic() - back < POSTGRES_BACK_WITHIN

    wait_until(lambda: unbalanced(url) == [], RESUME_WITHIN)
    taken_ids = [event for load in loads for event in load.taken]
    stored = {event for (event,) in rows(url, "SELECT external_id FROM events")}
    assert set(taken_ids) <= stored
    assert number(url, "SELECT COUNT(*) FROM decisions") == number(
        url, "SELECT COUNT(*) FROM events WHERE type = 'order.paid'"
    )
    states = Counter(state for (state,) in rows(url, "SELECT state FROM deliveries"))
    assert set(states) <= {"sent", "unknown"}
    assert max(holding_mail.dots_per_message().values()) == 1
    assert len(holding_mail.dots) >= states["sent"]
    assert states["unknown"] <= 4, states  # at most what was on its way: one per worker and outage


def look_around(url: str, page: str, key: str) -> Iterator[httpx.Response]:
    """What else people and services ask for while the database is away."""
    with httpx.Client(base_url=url, timeout=30) as client:
        headers = {"Authorization": f"Bearer {key}"}
        yield client.get("/api/v1/decisions", headers=headers)
        yield client.post("/api/v1/events", json=[], headers={"Authorization": "Bearer otk_no_such"})
        yield client.get(page)
        yield client.post(page, data={"page": "0", "nps": "9"})
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
