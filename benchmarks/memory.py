"""What ``otklik up`` takes of the machine's memory, with one web process and one worker, after some work."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import sleep

import orjson

from benchmarks.batches import some_events
from benchmarks.company import LISTENED, POLICY
from benchmarks.load import ask, whole
from benchmarks.results import Row, at_most
from benchmarks.stack import Stack
from tests.services import free_port, wait_until

ROLES = ("gunicorn", "worker.py worker", "worker.py clock", "worker.py", "redis", "otklik")
SETTLES = 5.0


def measure(stack: Stack) -> Iterator[Row]:
    settings = stack.settings(POLICY + LISTENED, redis_url="", web_processes=1, workers=1)
    port = free_port()
    command = [str(Path(sys.executable).parent / "otklik"), "up", "--port", str(port)]
    with stack.process(command, settings) as running:
        wait_until(lambda: _ready(port), 60)
        key = (settings.data_dir / "first-key").read_text().strip()
        headers = {"authorization": f"Bearer {key}", "content_type": "application/json"}
        for number in range(4):
            ask(port, whole("POST", "/api/v1/events", orjson.dumps(some_events(f"memory-{number}")), **headers))
        wait_until(lambda: b"otklik_events_waiting 0.0" in ask(port, whole("GET", "/metrics"))[1], 60)
        sleep(1 if stack.quick else SETTLES)
        found = _by_role(running.pid)
    said = ", ".join(f"{role} {size / 1e6:.0f}" for role, size in found.most_common())
    yield Row("memory (PSS) of otklik up, one web process, one worker", found.total() / 1e6, "MB", at_most(350), said)


def _ready(port: int) -> bool:
    with suppress(OSError):
        return " 200 " in ask(port, whole("GET", "/readyz"))[0].split("\r\n", 1)[0]
    return False


def _by_role(root: int) -> Counter[str]:
    """Bytes by what a process is, of a process and all that came from it."""
    found: Counter[str] = Counter()
    for process in _family(root):
        with suppress(OSError):  # it may have ended meanwhile
            told = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            role = next((r for r in ROLES if r in told), "other")
            found[role] += _proportional(process)
    return found


def _family(root: int) -> Iterator[Path]:
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    waiting = [root]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        yield Path(f"/proc/{process}")


def _proportional(process: Path) -> int:
    """The process's own bytes and its share of the shared ones."""
    lines = (process / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
