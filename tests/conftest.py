"""What tests share: databases of both kinds, an application, the services around it."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.test import TestResponse
from xdist.scheduler import LoadScopeScheduling

import config
from app import create_app
from app.actions.definitions import apply_definitions
from app.actions.past import fix_draws
from app.actions.sources import add_key
from app.cli import migrate_tables
from app.clock import utcnow
from app.definitions import load_definitions
from app.extensions import db
from app.jobs import KINDS
from app.queries.work import ready_kinds
from tests.services import MailServer, Postgres, RedisServer, cluster, postgres_binaries, redis_server

CHROMIUM = "/usr/bin/chromium"
MEADOW = (Path(__file__).parent / "data" / "meadow.yaml").read_text()
SECRET_KEY = "a-key-of-the-tests-that-signs-everything-0123456789"
SHOP_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Filling = Callable[[Flask, pytest.MonkeyPatch], None]
# Properties are searched in the same order on every machine, and take the time they need.
hypothesis.settings.register_profile(
    "otklik", derandomize=True, database=None, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("otklik")


TOGETHER = ("tests/proofs/", "tests/demo/")
"""Folders whose tests one process runs: they share what is dear to make, or would slow each other down."""
LONGEST = (*TOGETHER, "tests/dashboards/test_browser.py", "tests/admin/test_browser.py", "tests/widget/test_browser.py")


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # comes without types
    """Whole files, or folders, to one process: what they share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    config.option.loadscopereorder = False
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first, so that no process is left alone with one of them in the end."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda i: min((r for n, r in ranks.items() if i.nodeid.startswith(n)), default=len(ranks)))
    if not os.environ.get("CI"):
        skip_what_cannot_run(items)


def skip_what_cannot_run(items: list[pytest.Item]) -> None:
    """Say which tests a machine cannot run, and why; in CI every service is there, so nothing is skipped."""
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


class Pages(BytecodeCache):
    """The compiled templates of a session: every test has an application of its own, all have the same pages."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._compiled.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Templates and statements are compiled once in a session, not once for every application."""
    statements: LRUCache[Any, Any] = LRUCache(3_000)
    make_engine = SQLAlchemy._make_engine  # noqa: SLF001

    def make_knowing_engine(*args: Any) -> Engine:
        engine = make_engine(*args)
        engine.update_execution_options(compiled_cache=statements)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": Pages()})
        patch.setattr(SQLAlchemy, "_make_engine", make_knowing_engine)
        # The cache knows a statement by its dialect too, and here all dialects of a kind are one.
        patch.setattr(DefaultDialect, "__eq__", lambda one, other: one.name == getattr(other, "name", None))
        patch.setattr(DefaultDialect, "__hash__", lambda one: hash(one.name))
        yield


def make_tables() -> None:
    """Empty tables, and draws that fall the same in every run: no test is left to chance."""
    migrate_tables()
    fix_draws(b"the sampling of every test", b"the holdout of every test")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A cluster with an empty, migrated database to copy from."""
    with cluster("fsync=off", "full_page_writes=off", "autovacuum=off") as server:
        server.execute("CREATE DATABASE empty")
        made = create_app(config.load({}, database_url=server.url("empty"), data_dir=tmp_path_factory.mktemp("empty")))
        with made.app_context():
            make_tables()
            db.engine.dispose()
        yield server


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a migrated SQLite file."""
    folder = tmp_path_factory.mktemp("sqlite")
    made = create_app(config.load({}, data_dir=folder))
    with made.app_context():
        make_tables()
        db.session.remove()
        db.engine.dispose()
    return whole_file(folder / "otklik.db")


def whole_file(path: Path) -> bytes:
    """An SQLite database that nobody has open, with what its journal still holds."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def fresh_postgres(server: Postgres, template: str = "empty") -> str:
    name = f"t{uuid4().hex}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url(name)


@pytest.fixture
def filling() -> Filling | None:
    """What puts into a test's database what it holds at the beginning; nothing does, unless a file says otherwise."""
    return None


@pytest.fixture(scope="session")
def copied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """A fresh database of a kind; what ``filling`` puts there is put there once in a session, and copied."""
    models: dict[tuple[str, Filling], Any] = {}

    def filled(kind: str, filling: Filling) -> Any:
        folder = tmp_path_factory.mktemp("filled")
        url = copy(kind, None, folder)
        with pytest.MonkeyPatch.context() as patch:
            for made in running(settings_of(url, folder), patch):
                filling(made, patch)
        return url.rpartition("/")[2] if kind == "postgres" else whole_file(folder / "otklik.db")

    def copy(kind: str, filling: Filling | None, folder: Path) -> str:
        if filling and (kind, filling) not in models:
            models[kind, filling] = filled(kind, filling)
        (folder / "secret-key").write_text(SECRET_KEY)  # what is sealed in a copy must open there
        if kind == "postgres":
            return fresh_postgres(request.getfixturevalue("postgres"), models[kind, filling] if filling else "empty")
        path = folder / "otklik.db"
        path.write_bytes(models[kind, filling] if filling else request.getfixturevalue("empty_sqlite"))
        return f"sqlite:///{path}"

    return copy


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(
    request: pytest.FixtureRequest, copied: Callable[..., str], filling: Filling | None, tmp_path: Path
) -> str:
    """A fresh database, once of each kind."""
    return copied(request.param, filling, tmp_path)


def settings_of(url: str, folder: Path) -> config.Settings:
    return config.load({}, database_url=url, data_dir=folder, rate_limit="", company_name="Meadow")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> config.Settings:
    return settings_of(database_url, tmp_path)


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
    yield from running(settings, monkeypatch)


def running(settings: config.Settings, patch: pytest.MonkeyPatch) -> Iterator[Flask]:
    patch.setenv("SHOP_SECRET", SHOP_SECRET)
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
    return put_in_force


def put_in_force(text: str) -> None:
    loaded = load_definitions({"test.yaml": text})
    assert not loaded.faults, "\n".join(map(str, loaded.faults))
    apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=utcnow())


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    """Do all work that is ready, as the workers would, until nothing is."""
    return until_nothing_is_ready


def until_nothing_is_ready() -> None:
    for _ in range(50):
        kinds = ready_kinds(utcnow())
        if not kinds:
            return
        for kind in kinds:
            KINDS[kind]()
    pytest.fail(f"still ready after 50 rounds: {kinds}")


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
