"""What a reader finds wrong with a definition, by place."""

from collections.abc import Callable
from typing import Any

from surveys.definition import Fault, Node, Path

Found = list[tuple[Path, str]]


def faults_of(reader: Callable[[Node], Any], value: Any) -> Found:
    """Every fault as the path and the words; reading itself must never fail."""
    faults: list[Fault] = []
    reader(Node(value, faults))
    return [(fault.path, fault.message) for fault in faults]


def assert_fault(reader: Callable[[Node], Any], value: Any, path: Path, words: str) -> None:
    """Exactly one fault, at ``path``, that says ``words``."""
    found = faults_of(reader, value)
    assert len(found) == 1, found
    assert found[0][0] == path
    assert words in found[0][1]
