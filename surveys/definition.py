"""Reading definitions: every value with the place it stands at, so that every fault can be pointed to."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
Path = tuple[str | int, ...]

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
DURATION = re.compile(r"(\d{1,6})([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DURATION_MAX = timedelta(days=3650)
SOME = timedelta(seconds=1)
TEXT_MAX = 5_000
ITEMS_MAX = 500


@dataclass(frozen=True)
class Fault:
    """What is wrong with the value at ``path``, in words for the author."""

    path: Path
    message: str


class InvalidDefinition(ValueError):
    """A definition that cannot be used; ``faults`` lists all of what is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, f.path))}: {f.message}" for f in faults))
        self.faults = faults


class Node:
    """One value of a definition and its place; faults of the whole definition gather in one list.

    Readers answer with a usable value even when they report a fault, so that reading goes on and finds the next one.
    """

    def __init__(self, value: Any, faults: list[Fault], path: Path = ()) -> None:
        self.value, self.faults, self.path = value, faults, path

    def fault(self, message: str, *below: str | int) -> None:
        self.faults.append(Fault(self.path + below, message))

    def mapping(self, known: Collection[str], required: Collection[str] = ()) -> "dict[str, Node]":
        """The fields of a mapping; unknown and missing ones are faults."""
        if not isinstance(self.value, dict):
            self.fault("must be a mapping of fields")
            return {}
        for key in self.value:
            if key not in known:
                self.fault(f"unknown field; known here are {', '.join(sorted(known))}", key)
        for key in required:
            if key not in self.value:
                self.fault(f"{key} is missing")
        return {k: Node(v, self.faults, (*self.path, k)) for k, v in self.value.items() if k in known}

    def entries(self) -> "Iterator[tuple[str, Node]]":
        """The entries of a mapping with free keys."""
        if not isinstance(self.value, dict):
            self.fault("must be a mapping")
            return
        for key, value in self.value.items():
            node = Node(value, self.faults, (*self.path, key))
            if isinstance(key, str):
                yield key, node
            else:
                node.fault("the key must be text")

    def items(self, *, least: int = 0) -> "list[Node]":
        if not isinstance(self.value, list):
            self.fault("must be a list")
            return []
        if not least <= len(self.value) <= ITEMS_MAX:
            self.fault(f"must have between {least} and {ITEMS_MAX} entries")
        return [Node(v, self.faults, (*self.path, i)) for i, v in enumerate(self.value[:ITEMS_MAX])]

    def text(self, *, longest: int = TEXT_MAX) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            self.fault("must be text")
            return ""
        if len(self.value) > longest:
            self.fault(f"is longer than {longest} characters")
        return self.value

    def slug(self) -> str:
        value = self.text(longest=64)
        if value and not SLUG.fullmatch(value):
            self.fault("must be lower-case letters, digits and dashes, like nps-upgrade")
        return value

    def one_of(self, options: Collection[str]) -> str:
        if not isinstance(self.value, str) or self.value not in options:
            self.fault(f"must be one of {', '.join(options)}")
            return next(iter(options))
        return self.value

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            self.fault("must be true or false")
        return bool(self.value)

    def integer(self, low: int, high: int) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not low <= self.value <= high:
            self.fault(f"must be a whole number from {low} to {high}")
            return low
        return self.value

    def number(self, low: float, high: float) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not low <= self.value <= high:
            self.fault(f"must be a number from {low:g} to {high:g}")
            return low
        return float(self.value)

    def duration(self, *, least: timedelta = timedelta(0)) -> timedelta:
        found = DURATION.fullmatch(self.value) if isinstance(self.value, str) else None
        if not found:
            self.fault("must be a duration like 30d, 4h, 15m or 0s")
            return timedelta(days=1)
        duration = timedelta(**{UNITS[found[2]]: int(found[1])})
        if duration > DURATION_MAX:
            self.fault(f"must be at most {DURATION_MAX.days} days")
            return timedelta(days=1)
        if duration < least:
            self.fault("must be longer than nothing")
            return timedelta(days=1)
        return duration

    def offset(self) -> timedelta:
        """A duration that may lead back, like ``-7d``."""
        back = isinstance(self.value, str) and self.value.startswith("-")
        duration = Node(self.value[1:] if back else self.value, self.faults, self.path).duration()
        return -duration if back else duration

    def clock(self) -> time:
        try:
            clock = time.fromisoformat(self.value)
        except (TypeError, ValueError):
            clock = None
        if clock is None or clock.tzinfo is not None:
            self.fault('must be a time of day in quotes, like "21:00"')
            return time(0)
        return clock

    def texts(self) -> dict[str, str]:
        """A text per language; a bare text is read as English."""
        if isinstance(self.value, str):
            return {"en": self.text()}
        texts = {language: node.text() for language, node in self.entries()}
        if not texts and isinstance(self.value, dict):
            self.fault("needs a text in at least one language")
        return texts

    def slugs(self) -> tuple[str, ...]:
        return tuple(item.text(longest=64) for item in self.items(least=1))


def read(value: Any, reader: Callable[[Node], T]) -> T:
    """Read ``value`` with ``reader``.

    Raises :class:`InvalidDefinition` with every fault found.
    """
    faults: list[Fault] = []
    result = reader(Node(value, faults))
    if faults:
        raise InvalidDefinition(faults)
    return result
