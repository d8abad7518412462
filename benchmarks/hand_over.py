"""From the POST of an event to the final dot of its mail, through real processes that have nothing else to do."""

from collections.abc import Iterator
from time import perf_counter, sleep

import orjson

from app.actions.sources import add_key
from app.clock import utcnow
from benchmarks.company import CALM, LISTENED
from benchmarks.load import ask, percentile, whole
from benchmarks.results import Row, at_most
from benchmarks.stack import Stack
from tests.services import MailServer, wait_until

WARM = 3
GOLDEN = 0.618034
"""Multiples of it are spread evenly, so that events come at all moments between two sweeps of the clock."""


class Arrivals(list[tuple[str, bytes]]):
    """What a mail server has received, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, float] = {}

    def append(self, received: tuple[str, bytes]) -> None:
        self.at[received[0]] = perf_counter()
        super().append(received)


def measure(stack: Stack) -> Iterator[Row]:
    count = WARM + (10 if stack.quick else 100)
    server = MailServer()
    stack.closing.callback(server.stop)
    arrivals = server.mailbox.received = Arrivals()
    settings = stack.settings(CALM + LISTENED, smtp_url=server.url)
    with stack.application(settings):
        key = add_key("benchmark", ["events:write"], "api", utcnow())
    posted: dict[str, float] = {}
    with stack.web(settings) as port, stack.worker(settings):
        wait_until(lambda: " 200 " in ask(port, whole("GET", "/readyz"))[0].split("\r\n", 1)[0], 60)
        for number in range(count):
            to = f"cus-{number}@example.com"
            posted[to] = perf_counter()
            _post(port, key, number, to)
            sleep(0.1 + 0.3 * (number * GOLDEN % 1))
        wait_until(lambda: len(arrivals) >= count, 60)
    if len(arrivals) != count:
        raise AssertionError(f"{count} events, {len(arrivals)} mails")
    seconds = [arrivals.at[to] - at for to, at in posted.items()][WARM:]
    said = f"half of them within {percentile(seconds, 0.5):.2f} s"
    yield Row("event to message handed over, idle, p99", percentile(seconds, 0.99), "s", at_most(3), said)


def _post(port: int, key: str, number: int, to: str) -> None:
    event = {
        "id": f"evt-{number}",
        "type": "subscription.upgraded",
        "contact": {"id": f"cus-{number}", "email": to, "name": "Ada Byron"},
        "properties": {"amount": 1990},
    }
    headers = {"authorization": f"Bearer {key}", "content_type": "application/json"}
    head, body = ask(port, whole("POST", "/api/v1/events", orjson.dumps(event), **headers))
    if " 202 " not in head.split("\r\n", 1)[0]:
        raise AssertionError(f"{head}\n{body!r}")
