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
    command: str

    @property
    def role(self) -> str:
        """What ``worker.py`` was told to be; a horse is called ``worker`` like the worker it was forked from."""
        words = self.command.split()
        place = next((i for i, word in enumerate(words) if word.endswith("worker.py")), None)
        if place is None:
            return "web" if "gunicorn" in self.command else ""
        return words[place + 1] if len(words) > place + 1 else "supervisor"


def processes() -> list[Process]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # gone in between
            continue
        if stat[0] != "Z":
            found.append(Process(int(folder.name), int(stat[1]), int(stat[3]), command.strip()))
    return found


def holder_of(port: int) -> int | None:
    """The process at the near end of the connection that comes from this port of 127.0.0.1."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        near, inode = line.split()[1], line.split()[9]
        if near == f"0100007F:{port:04X}":
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


def kill(*pids: int) -> None:
    """``kill -9``, the parent before its child; who is gone already is fine."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def parent_of(pid: int) -> int:
    return next(p.parent for p in processes() if p.pid == pid)


@dataclass
class Installation:
    """The processes of one installation; every one of them belongs to a session that was opened here."""

    settings: config.Settings
    port: int = field(default_factory=free_port)
    _leaders: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _start(self, name: str, *command: str) -> None:
        told = config.environment(self.settings) | {"PYTHONPYCACHEPREFIX": str(self.settings.data_dir.parent / "pyc")}
        told.pop("PYTHONDONTWRITEBYTECODE", None)  # what is started again and again need not be compiled each time
        with (self.settings.data_dir / f"{name}.log").open("ab") as log:
            self._leaders[name] = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=told, stdout=log, stderr=log, start_new_session=True
            )

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
        """Until every child of the supervisor has registered or beaten; they start slowly on a busy machine."""
        wait_until(lambda: httpx.get(f"{self.url}/readyz", timeout=5).is_success, START_WITHIN)

    def processes(self, role: str | None = None) -> list[Process]:
        """Every living process started here, whoever its parent has become."""
        sessions = {leader.pid for leader in self._leaders.values()}
        return [p for p in processes() if p.session in sessions and role in (None, p.role)]

    def kill_all(self, name: str) -> None:
        """What a power cut does: a leader and all below it are gone at once."""
        leader = self._leaders.pop(name)
        kill(leader.pid, *(p.pid for p in processes() if p.session == leader.pid))
        leader.wait(STOP_WITHIN)

    def end(self) -> None:
        for leader in self._leaders.values():
            leader.terminate()
        for leader in self._leaders.values():
            try:
                leader.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                leader.kill()
                leader.wait(STOP_WITHIN)
        kill(*(p.pid for p in self.processes()))
