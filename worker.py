"""Everything that works in the background: a supervisor, its RQ workers, and one clock.

``python worker.py`` runs until it is told to stop. The supervisor loads the program once and forks; it starts no thread
and opens no connection of its own, and whichever of its children dies is started again.
"""

import gc
import os
import signal
import sys
import time
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from types import FrameType

import structlog
from redis import Redis
from rq import Queue, SimpleWorker
from sqlalchemy.orm import configure_mappers

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


def run_worker(settings: config.Settings) -> None:
    """Answer the bell: one job at a time."""
    connection = Redis.from_url(settings.redis_url)
    queue = Queue(QUEUE, connection=connection, serializer="json")
    worker = BellWorker([queue], connection=connection, serializer="json", worker_ttl=30, log_job_description=False)
    with create_app(settings, pictures=False).app_context():
        worker.work(logging_level="WARNING")


def run_clock(settings: config.Settings) -> None:
    """Ring for whatever is ready, if this is the process that holds the clock; and give a sign of life.

    Without Redis there is no bell, so the clock does the work itself.
    """
    holder = f"{os.uname().nodename}:{os.getpid()}"
    beaten = float("-inf")
    with create_app(settings, pictures=False).app_context():
        if not settings.redis_url:
            log.warning("worker.polling", because="there is no Redis")
        while True:
            try:
                if time.monotonic() - beaten > BEAT_EVERY:
                    beat(holder, utcnow())
                    beaten = time.monotonic()
                if hold_lease("clock", holder, utcnow(), CLOCK_LEASE):
                    _tick(work=not settings.redis_url)
            except Exception:
                log.exception("clock.failed")
            finally:
                db.session.remove()
            time.sleep(settings.sweep_seconds)


def _tick(*, work: bool) -> None:
    kinds = ring_for_ready_work()
    for kind in kinds if work else ():
        try:
            KINDS[kind]()
        except Exception:
            log.exception("job.failed", kind=kind)


ROLES = {"worker": run_worker, "clock": run_clock}


class Supervisor:
    """Forks the children, forks them again when they die, and stops them when it is stopped."""

    def __init__(self, settings: config.Settings) -> None:
        self._settings = settings
        workers = settings.workers if settings.redis_url else 0
        self._roles = ["clock", *(["worker"] * workers)]
        self._children: list[BaseProcess | None] = [None] * len(self._roles)
        self._stopping = False

    def run(self) -> None:
        configure_mappers()  # once, for all children
        gc.collect()
        gc.freeze()  # what is loaded now stays shared: no collection writes to it in a child
        for wanted in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wanted, self._stop)
        while not self._stopping:
            for number, child in enumerate(self._children):
                if child is None or not child.is_alive():
                    self._start(number, child)
            time.sleep(RESTART_AFTER)
        self._end()

    def _start(self, number: int, dead: BaseProcess | None) -> None:
        role = self._roles[number]
        if dead is not None:
            log.warning("worker.died", role=role, pid=dead.pid, code=dead.exitcode)
        child = get_context("fork").Process(target=run_role, args=(role, self._settings), name=f"otklik-{role}")
        child.start()
        self._children[number] = child

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> None:
        running = [child for child in self._children if child is not None and child.is_alive()]
        for child in running:
            child.terminate()
        until = time.monotonic() + STOP_WITHIN
        for child in running:
            child.join(max(0.1, until - time.monotonic()))
            if child.is_alive():
                child.kill()


def run_role(role: str, settings: config.Settings) -> None:
    """What a child does, from its first moment as its own process."""
    for inherited in (signal.SIGTERM, signal.SIGINT):
        signal.signal(inherited, signal.SIG_DFL)
    ROLES[role](settings)


def run_supervisor(settings: config.Settings) -> None:
    """Supervise from a process of its own, forked from one that has the program loaded."""
    os.setsid()  # Ctrl-C is for whoever started us: they stop us in order
    Supervisor(settings).run()


def main() -> None:
    role = sys.argv[1] if len(sys.argv) > 1 else "supervisor"
    if role == "supervisor":
        Supervisor(config.load()).run()
    elif role in ROLES:
        run_role(role, config.load())
    else:
        sys.exit(f"usage: worker.py [supervisor|{'|'.join(ROLES)}]")


if __name__ == "__main__":
    main()
