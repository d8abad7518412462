"""What services do: post events, on many connections at once, and post again what was not taken."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import sleep
from typing import Any, Self

import httpx


def paid(event_id: str, contact: str, email: str | None = None, amount: int = 1990) -> dict[str, Any]:
    """An event as a shop posts it."""
    return {
        "id": event_id,
        "type": "order.paid",
        "contact": {"id": contact, "email": email or f"{contact}@example.com"},
        "properties": {"amount": amount},
    }


def at_once(calls: Sequence[Callable[[httpx.Client], httpx.Response]], connections: int) -> list[httpx.Response]:
    """Make all these calls, on so many connections at once."""

    def make(mine: Sequence[Callable[[httpx.Client], httpx.Response]]) -> list[httpx.Response]:
        with httpx.Client(timeout=30) as client:
            return [call(client) for call in mine]

    with ThreadPoolExecutor(connections) as pool:
        parts = pool.map(make, [calls[i::connections] for i in range(connections)])
        return [answer for part in parts for answer in part]


@dataclass
class Load:
    """Keeps posting single events, by default each of another contact, and posts each again until it is taken.

    ``taken`` are the ids that were answered 202, ``answers`` everything else that was answered, ``broken`` how often
    there was no answer at all, ``slowest`` the longest that an answer took.
    """

    url: str
    key: str
    name: str
    event: Callable[[str], dict[str, Any]] = lambda event_id: paid(event_id, event_id)
    connections: int = 4
    taken: list[str] = field(default_factory=list)
    answers: list[httpx.Response] = field(default_factory=list)
    broken: int = 0
    slowest: float = 0.0
    _stop: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)
    _threads: list[Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [Thread(target=self._post_on, args=(number,)) for number in range(self.connections)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _post_on(self, number: int) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {self.key}"}, timeout=30) as client:
            count = 0
            while not self._stop.is_set():
                count += 1
                self._post_until_taken(client, f"{self.name}-{number}-{count}")

    def _post_until_taken(self, client: httpx.Client, event_id: str) -> None:
        while not self._stop.is_set():
            try:
                answer = client.post(f"{self.url}/api/v1/events", json=self.event(event_id))
            except httpx.TransportError:
                with self._lock:
                    self.broken += 1
                continue
            with self._lock:
                self.slowest = max(self.slowest, answer.elapsed.total_seconds())
                (self.taken.append(event_id) if answer.status_code == 202 else self.answers.append(answer))
            if answer.status_code == 202:
                sleep(0.1)  # some thirty a second on four connections: a load, not a flood
                return
            sleep(0.1)
