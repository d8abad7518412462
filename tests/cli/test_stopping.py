"""What ``up`` starts is stopped at once, however early it is told to."""

import signal
import threading
from collections.abc import Iterator
from time import monotonic

import pytest

from app.cli.up import STOP_WITHIN, STOPS, _Running


@pytest.fixture
def running() -> Iterator[_Running]:
    """The processes of an ``up`` that takes note of signals."""
    started, before = _Running(), {told: signal.getsignal(told) for told in STOPS}
    for told in STOPS:
        signal.signal(told, started.stop)
    yield started
    for told, handler in before.items():
        signal.signal(told, handler)


def still_getting_ready() -> None:
    """A process that has not come to say yet how it wants to be stopped."""
    threading.Event().wait(2 * STOP_WITHIN)


def test_a_process_that_has_just_been_started_is_stopped_too(running: _Running) -> None:
    running.fork("slow", still_getting_ready)
    began = monotonic()
    running.end()
    assert monotonic() - began < STOP_WITHIN / 2
    assert not running.stopped(), "nobody was told to stop but what was started here"
