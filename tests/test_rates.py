"""How often callers may come: what a process has taken is shared by its threads."""

from threading import Semaphore, Thread

import pytest
from limits.strategies import FixedWindowRateLimiter

from app.extensions import Rate, RateExceeded

THREADS = 8


def test_threads_share_what_one_of_them_took(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = Rate("1000 per second", "", {})
    ready, taken = Semaphore(0), []

    def take(_limiter: object, _item: object, caller: str, cost: int) -> bool:
        for _ in range(THREADS):  # everybody else is at the door by now
            ready.acquire(timeout=10)
        taken.append((caller, cost))
        for _ in range(THREADS):
            ready.release()
        return True

    def come() -> None:
        ready.release()
        rate.check("shop")

    monkeypatch.setattr(FixedWindowRateLimiter, "hit", take)
    threads = [Thread(target=come) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [("shop", 20)]


def test_whoever_comes_too_often_is_refused_and_nobody_else() -> None:
    rate = Rate("100 per hour", "", {})
    for _ in range(100):
        rate.check("shop")
    with pytest.raises(RateExceeded):
        rate.check("shop")
    rate.check("till")
