"""What tests share: databases of both kinds, an application, the services around it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import config
from app import create_app
from app.actions.definitions import apply_definitions
from app.actions.sources import add_key
from app.cli import migrate_tables
from app.clock import utcnow
from app.definitions import load_definitions
from app.extensions import db
from app.jobs import KINDS
from app.queries.work import ready_kinds
from tests.services import MailServer, Postgres, RedisServer, postgres_binaries, redis_server

CHROMIUM = "/usr/bin/chromium"
MEADOW = (Path(__file__).parent / "data" / "meadow.yaml").read_text()
SHOP_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests a machine cannot run, and why; in CI every service is there, so nothing is skipped."""
    if os.environ.get("CI"):
        return
    lacking = {
        "postgres": None if postgres_binaries() else "no PostgreSQL server on this machine (package postgresql)",
        "redis": None if redis_server() else "no Redis server on this machine (package redis-server)",
        "browser": None if Path(CHROMIUM).exists() else "no Chromium on this machine (package chromium)",
    }
    for item in items:
        for name, reason in lacking.items():
            if reason and (item.get_closest_marker(name) or f"[{name}" in item.name):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Passwords are hashed at the least cost: what makes guessing slow makes tests slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.actions.accounts._hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A cluster with an empty, migrated database to copy from."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.execute("CREATE DATABASE empty")
    made = create_app(config.load({}, database_url=server.url("empty"), data_dir=tmp_path_factory.mktemp("empty")))
    with made.app_context():
        migrate_tables()
        db.engine.dispose()
    yield server
    server.stop("immediate")


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a migrated SQLite file."""
    folder = tmp_path_factory.mktemp("sqlite")
    made = create_app(config.load({}, data_dir=folder))
    with made.app_context():
        migrate_tables()
        db.session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.session.remove()
        db.engine.dispose()
    return (folder / "otklik.db").read_bytes()


def fresh_postgres(server: Postgres) -> str:
    name = f"t{uuid4().hex}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE empty")
    return server.url(name)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database, once of each kind."""
    if request.param == "postgres":
        return fresh_postgres(request.getfixturevalue("postgres"))
    path = tmp_path / "otklik.db"
    path.write_bytes(request.getfixturevalue("empty_sqlite"))
    return f"sqlite:///{path}"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> config.Settings:
    return config.load({}, database_url=database_url, data_dir=tmp_path, rate_limit="", company_name="Meadow")


class Visitor(FlaskClient):
    """A client whose every request has an application context of its own, as it has in a server."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        with self.application.app_context():
            answer = super().open(*args, **kwargs)
        db.session.close()  # what the test reads next is what the request left
        return answer


@pytest.fixture
def app(settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application on a fresh database, its context open."""
    monkeypatch.setenv("SHOP_SECRET", SHOP_SECRET)
    made = create_app(settings)
    made.test_client_class = Visitor
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def key(app: Flask) -> dict[str, str]:
    """Headers with a key that may do everything."""
    return {"Authorization": f"Bearer {add_key('tests', ['all'], 'api', utcnow())}"}


@pytest.fixture
def define(app: Flask) -> Callable[[str], None]:
    """Put YAML in force; a fault fails the test."""

    def put_in_force(text: str) -> None:
        loaded = load_definitions({"test.yaml": text})
        assert not loaded.faults, "\n".join(map(str, loaded.faults))
        apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=utcnow())

    return put_in_force


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    """Do all work that is ready, as the workers would, until nothing is."""

    def until_nothing_is_ready() -> None:
        for _ in range(50):
            kinds = ready_kinds(utcnow())
            if not kinds:
                return
            for kind in kinds:
                KINDS[kind]()
        pytest.fail(f"still ready after 50 rounds: {kinds}")

    return until_nothing_is_ready


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def redis_instance(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.stop()
