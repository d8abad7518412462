"""Everything that works in the background: a supervisor, its RQ workers, and one clock.

``python worker.py`` runs until it is told to stop. The supervisor opens no connection of its own: what it starts are
fresh processes, and whichever dies is started again.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from redis import Redis
from rq import Queue, SimpleWorker

import config
from app import create_app
from app.actions.installation import beat, hold_lease
from app.clock import utcnow
from app.extensions import db
from app.jobs import KINDS, QUEUE, ring_for_ready_work

log = structlog.get_logger()
CLOCK_LEASE = timedelta(seconds=10)
BEAT_EVERY = 5.0
RESTART_AFTER = 1.0
STOP_WITHIN = 20.0


class BellWorker(SimpleWorker):
    """An RQ worker that does its jobs itself, and comes back soon after Redis does.

    A process of its own for each job would throw away every compiled statement and connection. A job that takes its
    process down costs no more: the supervisor starts another, and the work is still in the database.
    """

    max_connection_wait_time = 3.0


def run_worker() -> None:
    """Answer the bell: one job at a time."""
    settings = config.load()
    app = create_app(settings)
    connection = Redis.from_url(settings.redis_url)
    queue = Queue(QUEUE, connection=connection, serializer="json")
    worker = BellWorker([queue], connection=connection, serializer="json", worker_ttl=30, log_job_description=False)
    with app.app_context():
        worker.work(logging_level="WARNING")


def run_clock() -> None:
    """Ring for whatever is ready, if this is the process that holds the clock; and give a sign of life.

    Without Redis there is no bell, so the clock does the work itself.
    """
    settings = config.load()
    app = create_app(settings)
    holder = f"{os.uname().nodename}:{os.getpid()}"
    beaten = 0.0
    with app.app_context():
        if not settings.redis_url:
            log.warning("worker.polling", because="there is no Redis")
        while True:
            try:
                now = utcnow()
                if time.monotonic() - beaten > BEAT_EVERY:
                    beat(holder, now)
                    beaten = time.monotonic()
                if hold_lease("clock", holder, now, CLOCK_LEASE):
                    kinds = ring_for_ready_work()
                    if not settings.redis_url:
                        for kind in kinds:
                            KINDS[kind]()
            except Exception:
                log.exception("clock.failed")
            finally:
                db.session.remove()
            time.sleep(settings.sweep_seconds)


class Supervisor:
    """Starts the children, starts them again when they die, and stops them when it is stopped."""

    def __init__(self, settings: config.Settings) -> None:
        workers = settings.workers if settings.redis_url else 0
        self._roles = ["clock", *(["worker"] * workers)]
        self._children: list[subprocess.Popen[bytes] | None] = [None] * len(self._roles)
        self._stopping = False

    def run(self) -> None:
        for wanted in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wanted, self._stop)
        while not self._stopping:
            for number, child in enumerate(self._children):
                if child is None or child.poll() is not None:
                    if child is not None:
                        log.warning("worker.died", role=self._roles[number], pid=child.pid, code=child.returncode)
                    self._children[number] = subprocess.Popen(  # noqa: S603 our own file
                        [sys.executable, str(Path(__file__).resolve()), self._roles[number]]
                    )
            time.sleep(RESTART_AFTER)
        self._end()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> None:
        running = [child for child in self._children if child is not None and child.poll() is None]
        for child in running:
            child.terminate()
        until = time.monotonic() + STOP_WITHIN
        for child in running:
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()


def main() -> None:
    roles: dict[str, Any] = {
        "worker": run_worker,
        "clock": run_clock,
        "supervisor": lambda: Supervisor(config.load()).run(),
    }
    role = sys.argv[1] if len(sys.argv) > 1 else "supervisor"
    if role not in roles:
        sys.exit(f"usage: worker.py [{'|'.join(roles)}]")
    roles[role]()


if __name__ == "__main__":
    main()
