"""An installation as real processes (gunicorn, ``worker.py`` and what it starts), and ways to find and kill one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from flask import Flask
from redis import Redis
from rq import Worker

import config
from app import create_app
from app.actions.definitions import apply_definitions
from app.actions.sources import add_key
from app.clock import utcnow
from app.definitions import load_definitions
from app.extensions import db
from app.jobs import KINDS
from app.queries.work import ready_kinds
from tests.services import free_port, wait_until

ROOT = Path(__file__).parents[2]
START_WITHIN, STOP_WITHIN = 60, 30


@contextmanager
def application(settings: config.Settings, definitions: str = "") -> Iterator[Flask]:
    """An application of the test's own on an installation's database, with these definitions in force."""
    made = create_app(settings)
    with made.app_context():
        if definitions:
            loaded = load_definitions({"proof.yaml": definitions})
            assert not loaded.faults, "\n".join(map(str, loaded.faults))
            apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=utcnow())
        try:
            yield made
        finally:
            db.session.remove()
            db.engine.dispose()


def prepare(settings: config.Settings, definitions: str) -> str:
    """Put definitions in force, and return a key that may do everything."""
    with application(settings, definitions):
        return add_key("proofs", ["all"], "api", utcnow())


def work_off(settings: config.Settings) -> None:
    """Do all work that is ready, here and now."""
    with application(settings):
        for _ in range(50):
            kinds = ready_kinds(utcnow())
            if not kinds:
                return
            for kind in kinds:
                KINDS[kind]()
    raise AssertionError(f"still ready after 50 rounds: {kinds}")


@dataclass(frozen=True)
class Process:
    """A living process, as ``/proc`` shows it."""

    pid: int
    parent: int
    session: int


def processes() -> list[Process]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # gone in between
            continue
        if stat[0] != "Z":
            found.append(Process(int(folder.name), int(stat[1]), int(stat[3])))
    return found


def holder_of(port: int, server: int) -> int | None:
    """The process at the near end of the connection from this port of 127.0.0.1 to the port of a server.

    Other connections may come from the same port, to elsewhere.
    """
    wanted = [f"0100007F:{port:04X}", f"0100007F:{server:04X}"]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        ends, inode = line.split()[1:3], line.split()[9]
        if ends == wanted:
            return _owner_of(f"socket:[{inode}]")
    return None


def _owner_of(link: str) -> int | None:
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) == link:
                return int(descriptor.parts[2])
        except OSError:
            continue
    return None


@dataclass
class Installation:
    """The processes of one installation; every one of them belongs to a session that was opened here."""

    settings: config.Settings
    port: int = field(default_factory=free_port)
    _leaders: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _sessions: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _start(self, name: str, *command: str) -> None:
        with (self.settings.data_dir / f"{name}.log").open("ab") as log:
            self._leaders[name] = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=config.environment(self.settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._sessions.append(self._leaders[name].pid)

    def log(self, name: str) -> str:
        return (self.settings.data_dir / f"{name}.log").read_text()

    def start_web(self) -> None:
        self._start(
            "web",
            *("-m", "gunicorn", "app.web:app", "--bind", f"127.0.0.1:{self.port}", "--worker-class", "gthread"),
            *("--workers", str(self.settings.web_processes), "--threads", str(self.settings.web_threads)),
            *("--log-level", "warning", "--keep-alive", "75"),
        )
        wait_until(self._answers, START_WITHIN)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).is_success
        except httpx.TransportError:
            return False

    def start_worker(self) -> None:
        self._start("worker", "worker.py")

    def wait_for_workers(self) -> None:
        """Until the clock ticks and every worker answers the bell; on a busy machine they start slowly."""
        wait_until(lambda: httpx.get(f"{self.url}/readyz", timeout=5).is_success, START_WITHIN)
        with Redis.from_url(self.settings.redis_url) as connection:
            wait_until(lambda: len(self.workers(connection)) >= self.settings.workers, START_WITHIN)

    def children(self, name: str) -> set[int]:
        """The living children of a leader: web processes, or the clock and the workers."""
        leader = self._leaders[name].pid
        return {p.pid for p in processes() if p.parent == leader}

    def workers(self, connection: Redis) -> set[int]:
        """The living workers; the child that is none is the clock."""
        return self.children("worker") & {w.pid for w in Worker.all(connection) if w.pid}

    def members(self) -> set[int]:
        """Every living process that was started here, whoever its parent has become."""
        return {p.pid for p in processes() if p.session in self._sessions}

    def kill(self, *pids: int) -> None:
        """``kill -9``; who is gone already is fine, and who was not started here is a fault of the test."""
        for pid in set(pids) & self.members():
            os.kill(pid, signal.SIGKILL)

    def kill_leader(self, name: str) -> set[int]:
        """Kill a leader alone; returns its children, who now have nobody."""
        left = self.children(name)
        self.kill(self._leaders[name].pid)
        self._leaders[name].wait(STOP_WITHIN)
        return left

    def kill_all(self, name: str) -> None:
        """What a power cut does: a leader and all below it are gone at once."""
        leader = self._leaders[name].pid
        self.kill(leader, *(p.pid for p in processes() if p.session == leader))
        self._leaders.pop(name).wait(STOP_WITHIN)

    def end(self) -> None:
        for leader in self._leaders.values():
            leader.terminate()
        for leader in self._leaders.values():
            try:
                leader.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                leader.kill()
                leader.wait(STOP_WITHIN)
        self.kill(*self.members())
