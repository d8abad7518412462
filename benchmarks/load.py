"""A light client: requests made beforehand, sent over keep-alive connections by one thread in a process of its own."""

import json
import math
import selectors
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from time import perf_counter, sleep
from typing import Any

Script = Sequence[bytes]
"""Requests that one visitor sends, each after the answer to the one before."""
CONNECTIONS = 16
LONGEST = 300


@dataclass
class Report:
    """How it went: ``steps`` holds, per step of the scripts, the seconds each answer took."""

    seconds: float = 0.0
    done: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    steps: list[list[float]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Scripts per second."""
        return self.done / self.seconds

    def percentile(self, step: int, share: float) -> float:
        """The seconds within which ``share`` of the answers to a step came."""
        return percentile(self.steps[step], share)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def whole(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as it goes over the wire; ``content_type`` becomes ``content-type``."""
    told = {"host": "127.0.0.1", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if body:
        told["content-length"] = str(len(body))
    head = "".join(f"{k}: {v}\r\n" for k, v in told.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def fire(
    port: int, scripts: Sequence[Script], *, expect: str, connections: int = CONNECTIONS, rate: float = 0
) -> Report:
    """Send the scripts, as fast as answers come or ``rate`` a second, and wait until all are done.

    Raises :class:`RuntimeError` when an answer has another status than ``expect``.
    """
    order = {"port": port, "connections": connections, "rate": rate, "scripts": [list(map(_text, s)) for s in scripts]}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    report = Report(**json.loads(done.stdout))
    if set(report.statuses) - {expect}:
        raise RuntimeError(f"answered {report.statuses} instead of {expect}")
    return report


def _text(request: bytes) -> str:
    return request.decode("latin-1")


def answers(port: int, request: bytes) -> bool:
    """Whether somebody answers a request there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        return bool(connection.recv(1))
    return False


def ask(port: int, request: bytes) -> tuple[str, bytes]:
    """The head and the body of the answer to one request."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(request)
        received = b""
        while (size := _size(received)) is None or len(received) < size:
            received += connection.recv(1_000_000)
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body


def _size(received: bytes) -> int | None:
    """How long a whole answer is, as soon as its head says so."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end].lower()
    found = head.find(b"content-length:")
    if found < 0:
        raise ValueError(f"an answer without its length: {head!r}")
    return end + 4 + int(head[found + 15 :].split(b"\r\n", 1)[0])


class _Visitor:
    """One connection, and the script it is at."""

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), 30)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._script: Iterator[bytes] = iter(())
        self._since = 0.0
        self._step = 0
        self._received = b""

    def begin(self, script: Script, since: float) -> None:
        self._script, self._step, self._since = iter(script), 0, since
        self.connection.sendall(next(self._script))

    def read(self, statuses: Counter[str], steps: list[list[float]]) -> bool:
        """Take what has come, and send the next request of the script; False when the script is over."""
        received = self.connection.recv(262_144)
        if not received:
            raise ConnectionError("the server closed the connection")
        self._received += received
        size = _size(self._received)
        if size is None or len(self._received) < size:
            return True
        statuses[self._received[9:12].decode()] += 1
        now = perf_counter()
        steps[self._step].append(now - self._since)
        self._received, self._since, self._step = b"", now, self._step + 1
        following = next(self._script, None)
        if following is None:
            return False
        self.connection.sendall(following)
        return True


def _run(port: int, connections: int, rate: float, scripts: list[Script]) -> Report:
    visitors = [_Visitor(port) for _ in range(min(connections, len(scripts)))]
    statuses: Counter[str] = Counter()
    steps: list[list[float]] = [[] for _ in scripts[0]]
    idle, busy, begun = list(visitors), 0, 0
    with selectors.DefaultSelector() as selector:
        for visitor in visitors:
            selector.register(visitor.connection, selectors.EVENT_READ, visitor)
        began = perf_counter()
        while busy or begun < len(scripts):
            # At a given rate a script counts from the time it was due, even when no connection was free then.
            while idle and begun < len(scripts) and (not rate or perf_counter() >= began + begun / rate):
                idle.pop().begin(scripts[begun], began + begun / rate if rate else perf_counter())
                begun, busy = begun + 1, busy + 1
            due = began + begun / rate - perf_counter() if rate and begun < len(scripts) and idle else None
            if not busy:
                sleep(max(0.0, due or 0.0))
                continue
            for key, _ in selector.select(None if due is None else max(0.0, due)):
                if not key.data.read(statuses, steps):
                    idle.append(key.data)
                    busy -= 1
        seconds = perf_counter() - began
    for visitor in visitors:
        visitor.connection.close()
    return Report(seconds, len(scripts), dict(statuses), steps)


def main() -> None:
    order: dict[str, Any] = json.load(sys.stdin)
    order["scripts"] = [[request.encode("latin-1") for request in script] for script in order["scripts"]]
    json.dump(asdict(_run(**order)), sys.stdout)


if __name__ == "__main__":
    main()
