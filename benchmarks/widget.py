"""The widget: what a page of a shop has to load, compressed as it is sent."""

from collections.abc import Iterator

from app.widget import LOADER, PARTS, script
from benchmarks.results import Row, at_most
from benchmarks.stack import Stack

LOADER_MOST = 5
ALL_MOST = 15


def measure(_stack: Stack) -> Iterator[Row]:
    sizes = {name: len(script(name).packed) / 1000 for name in (LOADER, *PARTS)}
    yield Row("widget: loader", sizes[LOADER], "kB", at_most(LOADER_MOST))
    yield Row("widget: all of it, with forms and popups", sum(sizes.values()), "kB", at_most(ALL_MOST))
