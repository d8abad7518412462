"""Reading values with their places: what each kind of value accepts, and where its fault stands."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.definition import DURATION_MAX, ITEMS_MAX, SOME, TEXT_MAX, Fault, InvalidDefinition, Node, Path, read
from tests.surveys.faults import assert_fault, faults_of

Reader = Callable[[Node], Any]


def of_text(node: Node) -> str:
    return node.text()


def of_short_text(node: Node) -> str:
    return node.text(longest=3)


def of_slug(node: Node) -> str:
    return node.slug()


def of_choice(node: Node) -> str:
    return node.one_of(("live", "draft"))


def of_boolean(node: Node) -> bool:
    return node.boolean()


def of_integer(node: Node) -> int:
    return node.integer(1, 5)


def of_number(node: Node) -> float:
    return node.number(0, 1)


def of_duration(node: Node) -> timedelta:
    return node.duration()


def of_some_time(node: Node) -> timedelta:
    return node.duration(least=SOME)


def of_texts(node: Node) -> dict[str, str]:
    return node.texts()


def of_slugs(node: Node) -> tuple[str, ...]:
    return node.slugs()


def of_items(node: Node) -> list[str]:
    return [item.text() for item in node.items(least=1)]


def of_entries(node: Node) -> dict[str, str]:
    return {key: value.text() for key, value in node.entries()}


def of_mapping(node: Node) -> dict[str, str]:
    return {key: value.text() for key, value in node.mapping(("a", "b"), ("a",)).items()}


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (of_text, "Привет", "Привет"),
        (of_text, " x ", " x "),
        (of_text, "x" * TEXT_MAX, "x" * TEXT_MAX),
        (of_slug, "a", "a"),
        (of_slug, "nps-upgrade-2", "nps-upgrade-2"),
        (of_slug, "9" * 64, "9" * 64),
        (of_choice, "draft", "draft"),
        (of_boolean, False, False),
        (of_boolean, True, True),
        (of_integer, 1, 1),
        (of_integer, 5, 5),
        (of_number, 0, 0.0),
        (of_number, 1, 1.0),
        (of_number, 0.05, 0.05),
        (of_duration, "0s", timedelta(0)),
        (of_duration, "15m", timedelta(minutes=15)),
        (of_duration, "4h", timedelta(hours=4)),
        (of_duration, "30d", timedelta(days=30)),
        (of_duration, "12w", timedelta(weeks=12)),
        (of_duration, "3650d", DURATION_MAX),
        (of_some_time, "1s", SOME),
        (of_texts, "Hello", {"en": "Hello"}),
        (of_texts, {"ru": "Привет", "en": "Hello"}, {"ru": "Привет", "en": "Hello"}),
        (of_slugs, ["a", "b"], ("a", "b")),
        (of_items, ["a", "b"], ["a", "b"]),
        (of_entries, {"x": "1", "y": "2"}, {"x": "1", "y": "2"}),
        (of_entries, {}, {}),
        (of_mapping, {"b": "2", "a": "1"}, {"b": "2", "a": "1"}),
        (of_mapping, {"a": "1"}, {"a": "1"}),
    ],
)
def test_a_value_is_read(reader: Reader, value: Any, expected: Any) -> None:
    found = read(value, reader)
    assert found == expected
    assert type(found) is type(expected)


FAULTS: list[tuple[Reader, Any, Path, str]] = [
    (of_text, None, (), "must be text"),
    (of_text, 5, (), "must be text"),
    (of_text, "", (), "must be text"),
    (of_text, " \n", (), "must be text"),
    (of_text, ["x"], (), "must be text"),
    (of_text, "x" * (TEXT_MAX + 1), (), "longer than 5000"),
    (of_short_text, "four", (), "longer than 3"),
    (of_slug, "Nps", (), "lower-case letters"),
    (of_slug, "-nps", (), "lower-case letters"),
    (of_slug, "nps-", (), "lower-case letters"),
    (of_slug, "nps_upgrade", (), "lower-case letters"),
    (of_slug, "опрос", (), "lower-case letters"),
    (of_slug, "nps\n", (), "lower-case letters"),
    (of_slug, 5, (), "must be text"),
    (of_choice, "dead", (), "must be one of live, draft"),
    (of_choice, ["live"], (), "must be one of live, draft"),
    (of_choice, None, (), "must be one of live, draft"),
    (of_boolean, "yes", (), "must be true or false"),
    (of_boolean, 1, (), "must be true or false"),
    (of_boolean, None, (), "must be true or false"),
    (of_integer, 0, (), "whole number from 1 to 5"),
    (of_integer, 6, (), "whole number from 1 to 5"),
    (of_integer, 2.0, (), "whole number from 1 to 5"),
    (of_integer, "2", (), "whole number from 1 to 5"),
    (of_integer, True, (), "whole number from 1 to 5"),
    (of_number, 1.01, (), "number from 0 to 1"),
    (of_number, -0.01, (), "number from 0 to 1"),
    (of_number, float("nan"), (), "number from 0 to 1"),
    (of_number, float("inf"), (), "number from 0 to 1"),
    (of_number, 10**400, (), "number from 0 to 1"),
    (of_number, True, (), "number from 0 to 1"),
    (of_number, "0.5", (), "number from 0 to 1"),
    (of_duration, "1y", (), "must be a duration"),
    (of_duration, "1 d", (), "must be a duration"),
    (of_duration, "-1d", (), "must be a duration"),
    (of_duration, "1.5h", (), "must be a duration"),
    (of_duration, "1d2h", (), "must be a duration"),
    (of_duration, "1d\n", (), "must be a duration"),
    (of_duration, "", (), "must be a duration"),
    (of_duration, 30, (), "must be a duration"),
    (of_duration, None, (), "must be a duration"),
    (of_duration, "3651d", (), "at most 3650 days"),
    (of_duration, "999999w", (), "at most 3650 days"),
    (of_duration, "1000000s", (), "must be a duration"),
    (of_some_time, "0d", (), "longer than nothing"),
    (of_some_time, "0", (), "must be a duration"),
    (of_texts, "", (), "must be text"),
    (of_texts, 5, (), "must be a mapping"),
    (of_texts, {}, (), "at least one language"),
    (of_texts, {"en": "Hello", "ru": 5}, ("ru",), "must be text"),
    (of_texts, {"en": "Hello", 5: "x"}, (5,), "the key must be text"),
    (of_slugs, "a", (), "must be a list"),
    (of_slugs, [], (), "between 1 and 500"),
    (of_slugs, ["a", 5], (1,), "must be text"),
    (of_items, {"a": 1}, (), "must be a list"),
    (of_items, "abc", (), "must be a list"),
    (of_items, [], (), "between 1 and 500"),
    (of_items, ["a"] * (ITEMS_MAX + 1), (), "between 1 and 500"),
    (of_items, ["a", "b", None], (2,), "must be text"),
    (of_entries, [], (), "must be a mapping"),
    (of_entries, {"a": "1", None: "2"}, (None,), "the key must be text"),  # type: ignore[list-item]
    (of_mapping, "a", (), "must be a mapping"),
    (of_mapping, None, (), "must be a mapping"),
    (of_mapping, {"b": "2"}, (), "a is missing"),
    (of_mapping, {"a": "1", "c": 3}, ("c",), "unknown field; known here are a, b"),
    (of_mapping, {"a": "1", 7: 3}, (7,), "unknown field"),
    (of_mapping, {"a": None}, ("a",), "must be text"),
]


@pytest.mark.parametrize(("reader", "value", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(reader: Reader, value: Any, path: Path, words: str) -> None:
    assert_fault(reader, value, path, words)


def test_a_list_that_is_too_long_is_read_as_far_as_it_may_be() -> None:
    faults: list[Fault] = []
    assert len(Node(["a"] * 2000, faults).items()) == ITEMS_MAX


def test_places_are_counted_from_where_reading_began() -> None:
    faults: list[Fault] = []
    node = Node({"a": [{"b": 5}]}, faults, (2, "triggers", 0))
    for item in node.mapping(("a",))["a"].items():
        item.mapping(("b",))["b"].text()
        item.fault("is odd", "c", 1)
    assert [fault.path for fault in faults] == [(2, "triggers", 0, "a", 0, "b"), (2, "triggers", 0, "a", 0, "c", 1)]


def test_reading_says_all_that_is_wrong_at_once() -> None:
    with pytest.raises(InvalidDefinition) as caught:
        read({"b": 5, "c": 1}, of_mapping)
    assert [fault.path for fault in caught.value.faults] == [("c",), (), ("b",)]
    assert str(caught.value) == "c: unknown field; known here are a, b; : a is missing; b: must be text"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "a", "30d", "9999999d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "en", 5, None]), inner),
    max_leaves=6,
)
READERS = [
    of_text,
    of_slug,
    of_choice,
    of_boolean,
    of_integer,
    of_number,
    of_duration,
    of_texts,
    of_slugs,
    of_items,
    of_entries,
    of_mapping,
]


@given(st.sampled_from(READERS), anything)
def test_a_reader_never_fails_and_answers_with_something_usable(reader: Reader, value: Any) -> None:
    faults_of(reader, value)
    kinds = {"of_text": str, "of_slug": str, "of_choice": str, "of_boolean": bool, "of_integer": int}
    kinds |= {"of_number": float, "of_duration": timedelta, "of_slugs": tuple, "of_items": list}
    assert isinstance(reader(Node(value, [])), kinds.get(reader.__name__, dict) | int)
