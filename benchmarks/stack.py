"""What a benchmark runs on: a private PostgreSQL, a private Redis, and Otklik itself in processes of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import psycopg
from flask import Flask

import config
from app import create_app
from app.actions.definitions import apply_definitions
from app.cli import migrate_tables
from app.clock import utcnow
from app.definitions import load_definitions
from app.extensions import db
from benchmarks.company import SECRET, SECRET_NAME
from benchmarks.load import answers, whole
from tests.services import Postgres, RedisServer, free_port, wait_until

ROOT = Path(__file__).parent.parent
SECRET_KEY = "a-key-that-only-benchmarks-ever-sign-with"
STOP_WITHIN = 25.0


@dataclass
class Stack:
    """What benchmarks share. Everything started here is stopped by ``closing``, whatever goes wrong."""

    scratch: Path
    closing: ExitStack
    quick: bool = False
    purchases: Path | None = None

    @cached_property
    def postgres(self) -> Postgres:
        """A cluster with PostgreSQL's own default settings, and an empty, migrated database to copy from."""
        server = Postgres(self.scratch / "postgres")
        self.closing.callback(server.stop, "immediate")
        server.execute("CREATE DATABASE empty")
        with self.application(self._settings(server.url("empty"))):
            migrate_tables()
        return server

    @cached_property
    def redis(self) -> RedisServer:
        server = RedisServer(self.scratch / "redis")
        self.closing.callback(server.stop)
        return server

    def settings(self, definitions: str = "", **overrides: str | int) -> config.Settings:
        """Settings for a fresh database in which ``definitions`` (YAML) are in force."""
        name = f"b{uuid4().hex}"
        self.postgres.execute(f"CREATE DATABASE {name} TEMPLATE empty")
        settings = self._settings(self.postgres.url(name), **overrides)
        if definitions:
            with self.application(settings):
                _put_in_force(definitions)
        return settings

    def _settings(self, database_url: str, **overrides: str | int) -> config.Settings:
        folder = self.scratch / uuid4().hex
        folder.mkdir()
        settings = {"redis_url": self.redis.url, "secret_key": SECRET_KEY, "data_dir": folder, "log_level": "WARNING"}
        return config.load({}, database_url=database_url, **(settings | overrides))

    @contextmanager
    def application(self, settings: config.Settings) -> Iterator[Flask]:
        """The application in this process, its context open."""
        made = create_app(settings)
        with made.app_context():
            try:
                yield made
            finally:
                db.session.remove()
                db.engine.dispose()

    @contextmanager
    def web(self, settings: config.Settings, served: str = "app.web:app", path: str = "/healthz") -> Iterator[int]:
        """A gunicorn as ``otklik up`` starts it; yields its port when ``path`` answers."""
        port = free_port()
        command = [
            sys.executable, "-m", "gunicorn", served, "--bind", f"127.0.0.1:{port}",
            "--workers", str(settings.web_processes), "--threads", str(settings.web_threads),
            "--worker-class", "gthread", "--log-level", "warning", "--keep-alive", "75", "--chdir", str(ROOT),
        ]  # fmt: skip
        with self.process(command, settings):
            wait_until(lambda: answers(port, whole("GET", path)), 30)
            yield port

    @contextmanager
    def worker(self, settings: config.Settings) -> Iterator[subprocess.Popen[bytes]]:
        """``worker.py`` with all its children."""
        with self.process([sys.executable, str(ROOT / "worker.py")], settings) as running:
            yield running

    @contextmanager
    def process(self, command: list[str], settings: config.Settings) -> Iterator[subprocess.Popen[bytes]]:
        """A process that is stopped at the end; what it says to people is not wanted, its errors are."""
        running = subprocess.Popen(
            command, env=config.environment(settings), cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL
        )
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, 9)
                running.wait()


@contextmanager
def plain_connection(settings: config.Settings) -> Iterator[psycopg.Connection]:
    """A connection beside the application's, for filling and counting."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        yield connection


def _put_in_force(text: str) -> None:
    os.environ[SECRET_NAME] = SECRET  # noqa: TID251 definitions name secrets by their variable
    loaded = load_definitions({"benchmark.yaml": text})
    if loaded.faults:
        raise ValueError("\n".join(map(str, loaded.faults)))
    apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=utcnow())
