"""Chance that falls the same in every run: a keyed hash of a counter, and decks that keep their proportions."""

from collections.abc import Sequence
from hashlib import blake2b
from math import log
from struct import unpack
from typing import Generic, TypeVar

T = TypeVar("T")
SEED = b"meadow"
SAMPLING_SALT = blake2b(b"sampling", key=SEED, digest_size=32).digest()
HOLDOUT_SALT = blake2b(b"holdout", key=SEED, digest_size=32).digest()
"""Of this company alone: every other installation has its own, and they are secret."""
_LOTS = 1 << 53  # as many as a float tells apart


class Chance:
    """A stream of numbers of its own for every name, so that a change in one place moves no other."""

    def __init__(self, name: str) -> None:
        self._key = blake2b(name.encode(), key=SEED, digest_size=32).digest()
        self._count = 0
        self._held: list[int] = []

    def lot(self) -> float:
        """A number in [0, 1)."""
        if not self._held:
            block = blake2b(self._count.to_bytes(8, "big"), key=self._key, digest_size=64).digest()
            self._held = list(unpack("<8Q", block))
            self._count += 1
        return (self._held.pop() >> 11) / _LOTS

    def happens(self, probability: float) -> bool:
        return self.lot() < probability

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.lot()

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int((high - low + 1) * self.lot())

    def one_of(self, items: Sequence[T]) -> T:
        return items[int(len(items) * self.lot())]

    def waiting(self, mean: float) -> float:
        """A waiting time without memory."""
        return -mean * log(1.0 - self.lot())

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in another order (Fisher and Yates)."""
        cards = list(items)
        for last in range(len(cards) - 1, 0, -1):
            other = self.whole(0, last)
            cards[last], cards[other] = cards[other], cards[last]
        return cards


class Deck(Generic[T]):
    """Cards dealt one by one and shuffled again when none is left: what they average to hardly depends on how many."""

    def __init__(self, name: str, cards: Sequence[T]) -> None:
        self._chance = Chance(name)
        self._cards = tuple(cards)
        self._left: list[T] = []

    def deal(self) -> T:
        if not self._left:
            self._left = self._chance.shuffled(self._cards)
        return self._left.pop()


def share(rate: float, of: int = 50) -> list[bool]:
    """Cards of which the share ``rate`` says yes."""
    yes = round(rate * of)
    return [True] * yes + [False] * (of - yes)
