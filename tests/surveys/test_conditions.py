"""Conditions: every operator, three-valued logic, text, aggregates, bounds and faults."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.conditions import (
    CALCULATIONS,
    DEPTH_MAX,
    LEAVES_MAX,
    LIST_MAX,
    OPERATORS,
    Clause,
    Condition,
    Facts,
    PastEvent,
    Truth,
    fields_of,
    read_condition,
)
from surveys.definition import DURATION_MAX, Fault, Node, Path, read
from tests.surveys.faults import assert_fault, faults_of

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
NFC_SHORT_I, NFD_SHORT_I = "\u0439", "\u0438\u0306"


def facts(properties: Mapping[str, Any] | None = None, **past: list[PastEvent]) -> Facts:
    tree = {
        "type": "subscription.upgraded",
        "properties": dict(properties or {}),
        "contact": {"locale": "ru", "attributes": {"plan": "pro"}, "segments": ["premium", "at-risk"]},
        "answers": {"nps": 9},
    }
    return Facts(tree, AT, {kind.replace("_", "."): events for kind, events in past.items()})


def truth(tree: Any, seen: Facts) -> Truth:
    (clause,) = read({"any": [tree]}, read_condition).clauses
    return clause(seen)


def compare(op: str, seen: Any, *value: Any) -> Truth:
    tree = {"field": "properties.seen", "op": op} | ({"value": value[0]} if value else {})
    return truth(tree, facts({"seen": seen}))


# What each operator says about (what is seen, what it is compared with). None: unknown.
COMPARISONS: list[tuple[str, Any, Any, Truth]] = [
    ("eq", 5, 5, True),
    ("eq", 5, 5.0, True),
    ("eq", 5, 6, False),
    ("eq", "pro", "pro", True),
    ("eq", "pro", "Pro", False),
    ("eq", True, True, True),
    ("eq", True, False, False),
    ("eq", 1, True, None),
    ("eq", True, 1, None),
    ("eq", 0, False, None),
    ("eq", "5", 5, None),
    ("eq", 5, "5", None),
    ("eq", None, 5, None),
    ("eq", ["a"], "a", None),
    ("eq", {"a": 1}, "a", None),
    ("ne", 5, 6, True),
    ("ne", 5, 5, False),
    ("ne", "pro", "free", True),
    ("ne", False, True, True),
    ("ne", "5", 5, None),
    ("ne", 1, True, None),
    ("ne", None, "pro", None),
    ("lt", 5, 6, True),
    ("lt", 5, 5, False),
    ("lt", 5.5, 6, True),
    ("lt", "a", "b", True),
    ("lt", "2026-11-09", "2026-11-21", True),
    ("lt", "5", 6, None),
    ("lt", True, 6, None),
    ("lt", None, 6, None),
    ("lte", 5, 5, True),
    ("lte", 6, 5, False),
    ("lte", False, 5, None),
    ("lte", None, 5, None),
    ("gt", 6, 5, True),
    ("gt", 5, 5, False),
    ("gt", True, 0, None),
    ("gt", [6], 5, None),
    ("gte", 5, 5, True),
    ("gte", 4, 5, False),
    ("gte", "b", "a", True),
    ("gte", 4, "4", None),
    ("in", "b", ["a", "b"], True),
    ("in", "c", ["a", "b"], False),
    ("in", 2, [1, 2.0], True),
    ("in", True, [False, True], True),
    ("in", True, [1], None),
    ("in", "c", ["a", 1], None),
    ("in", "a", ["a", 1], True),
    ("in", None, ["a"], None),
    ("not_in", "c", ["a", "b"], True),
    ("not_in", "b", ["a", "b"], False),
    ("not_in", "c", ["a", 1], None),
    ("not_in", "a", ["a", 1], False),
    ("not_in", None, ["a"], None),
    ("contains", "Great service", "SERVICE", True),
    ("contains", "Great service", "bad", False),
    ("contains", ["a", "b"], "b", True),
    ("contains", ["a", "b"], "c", False),
    ("contains", ["a", "b"], "B", False),
    ("contains", [], "b", False),
    ("contains", [1, 2], 2, True),
    ("contains", [1, 2], "b", None),
    ("contains", [1, "b"], "b", True),
    ("contains", 12, "1", None),
    ("contains", "12", 1, None),
    ("contains", None, "b", None),
    ("starts_with", "Moscow", "mos", True),
    ("starts_with", "Moscow", "cow", False),
    ("starts_with", 12, "1", None),
    ("starts_with", ["Moscow"], "mos", None),
    ("starts_with", None, "mos", None),
    ("ends_with", "Moscow", "COW", True),
    ("ends_with", "Moscow", "mos", False),
    ("ends_with", 12, "2", None),
    ("ends_with", None, "cow", None),
    ("between", 5, [5, 7], True),
    ("between", 7, [5, 7], True),
    ("between", 8, [5, 7], False),
    ("between", 4.99, [5, 7], False),
    ("between", "b", ["a", "c"], True),
    ("between", "5", [5, 7], None),
    ("between", 5, [5, "7"], None),
    ("between", True, [0, 7], None),
    ("between", None, [5, 7], None),
    ("within_days", "2026-11-21T10:00:00Z", 0, True),
    ("within_days", "2026-11-14T10:00:00Z", 7, True),
    ("within_days", "2026-11-14T09:59:59Z", 7, False),
    ("within_days", "2026-11-21T10:00:01Z", 7, False),
    ("within_days", "2026-11-14T13:00:00+03:00", 7, True),
    ("within_days", "2026-11-14T12:59:59+03:00", 7, False),
    ("within_days", "2026-11-14T10:00:00", 7, True),
    ("within_days", "2026-11-20", 2, True),
    ("within_days", "2026-11-14", 7, False),
    ("within_days", "2026-11-20T22:00:00Z", 0.5, True),
    ("within_days", "last week", 7, None),
    ("within_days", 1_795_000_000, 7, None),
    ("within_days", True, 7, None),
    ("within_days", None, 7, None),
]


@pytest.mark.parametrize(("op", "seen", "value", "expected"), COMPARISONS)
def test_an_operator_is_true_false_or_unknown(op: str, seen: Any, value: Any, expected: Truth) -> None:
    assert compare(op, seen, value) is expected


def test_the_table_shows_every_operator_with_every_truth() -> None:
    shown = {(op, expected) for op, _, _, expected in COMPARISONS}
    assert shown == set(product(set(OPERATORS) - {"exists", "missing"}, (True, False, None)))


@pytest.mark.parametrize("seen", [0, "", False, [], {}, "x", 5])
def test_whatever_is_there_exists_and_is_not_missing(seen: Any) -> None:
    assert compare("exists", seen) is True
    assert compare("missing", seen) is False


@pytest.mark.parametrize("tree", [{}, {"seen": None}])
def test_what_is_not_there_or_null_is_missing(tree: dict[str, Any]) -> None:
    assert truth({"field": "properties.seen", "op": "exists"}, facts(tree)) is False
    assert truth({"field": "properties.seen", "op": "missing"}, facts(tree)) is True


@pytest.mark.parametrize(
    "path", ["properties.seen.deeper", "properties.seen.0", "properties.other.deeper", "answers.why", "type.deeper"]
)
def test_a_path_that_leads_nowhere_is_missing(path: str) -> None:
    assert truth({"field": path, "op": "missing"}, facts({"seen": ["text"]})) is True
    assert truth({"field": path, "op": "missing"}, facts({"seen": "text"})) is True
    assert truth({"field": path, "op": "eq", "value": "text"}, facts({"seen": "text"})) is None


def test_a_mismatch_is_unknown_but_does_exist() -> None:
    assert compare("gt", "twelve", 10) is None
    assert compare("exists", "twelve") is True
    assert compare("missing", "twelve") is False


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "subscription.upgraded"),
        ("contact.locale", "ru"),
        ("contact.attributes.plan", "pro"),
        ("answers.nps", 9),
        ("properties.cart.total", 40),
    ],
)
def test_every_root_can_be_looked_at(field: str, value: Any) -> None:
    assert truth({"field": field, "op": "eq", "value": value}, facts({"cart": {"total": 40}})) is True


def test_segments_are_a_list_to_look_into() -> None:
    assert truth({"field": "contact.segments", "op": "contains", "value": "premium"}, facts()) is True
    assert truth({"field": "contact.segments", "op": "contains", "value": "dormant"}, facts()) is False


# Text.


@pytest.mark.parametrize(
    ("op", "seen", "value", "expected"),
    [
        ("contains", "ОЧЕНЬ ДОЛГО", "долго", True),
        ("contains", "Ещё раз", "ЕЩЁ", True),
        ("contains", "Ещё раз", "еще", False),
        ("starts_with", "Москва", "МОС", True),
        ("ends_with", "МОСКВА", "ква", True),
        ("contains", "Hauptstraße", "STRASSE", True),
        ("eq", "Москва", "москва", False),
        ("in", "москва", ["Москва"], False),
        ("lt", "Z", "a", True),
        ("lt", "я", "ё", True),
        ("lt", "а", "я", True),
    ],
)
def test_text_operators_fold_case_and_comparisons_go_by_code_point(
    op: str, seen: str, value: Any, expected: bool
) -> None:
    assert compare(op, seen, value) is expected


@pytest.mark.parametrize(("seen", "value"), list(product((NFC_SHORT_I, NFD_SHORT_I), repeat=2)))
@pytest.mark.parametrize("op", ["eq", "lte", "gte", "contains", "starts_with", "ends_with"])
def test_letters_are_equal_however_they_are_composed(op: str, seen: str, value: str) -> None:
    assert compare(op, f"{seen}од", f"{value}од" if op in ("eq", "lte", "gte", "ends_with") else value) is True


@pytest.mark.parametrize(("seen", "value"), list(product((NFC_SHORT_I, NFD_SHORT_I), repeat=2)))
def test_letters_are_equal_in_lists_too(seen: str, value: str) -> None:
    assert compare("in", seen, ["x", value]) is True
    assert compare("between", seen, [value, value]) is True
    assert compare("contains", ["x", seen], value) is True
    other = {"field": "properties.other"}
    both = facts({"seen": seen, "other": value, "listed": [value]})
    assert truth({"field": "properties.seen", "op": "eq", "value": other}, both) is True
    listed = {"field": "properties.listed"}
    assert truth({"field": "properties.seen", "op": "in", "value": listed}, both) is True
    deep = facts({"deep": {"seen": seen}})
    assert truth({"field": "properties.deep.seen", "op": "eq", "value": value}, deep) is True


# Logic.

HOLDS = {"field": "properties.one", "op": "eq", "value": 1}
FAILS = {"field": "properties.one", "op": "eq", "value": 2}
UNKNOWN = {"field": "properties.none", "op": "eq", "value": 1}
ONE = facts({"one": 1})
LEAVES = {True: HOLDS, False: FAILS, None: UNKNOWN}

AND = {
    (True, True): True,
    (True, False): False,
    (True, None): None,
    (False, False): False,
    (False, None): False,
    (None, None): None,
}
OR = {
    (True, True): True,
    (True, False): True,
    (True, None): True,
    (False, False): False,
    (False, None): None,
    (None, None): None,
}


@pytest.mark.parametrize(("pair", "expected"), AND.items())
def test_all_follows_kleene(pair: tuple[Truth, Truth], expected: Truth) -> None:
    for first, second in (pair, pair[::-1]):
        assert truth({"all": [LEAVES[first], LEAVES[second]]}, ONE) is expected


@pytest.mark.parametrize(("pair", "expected"), OR.items())
def test_any_follows_kleene(pair: tuple[Truth, Truth], expected: Truth) -> None:
    for first, second in (pair, pair[::-1]):
        assert truth({"any": [LEAVES[first], LEAVES[second]]}, ONE) is expected


@pytest.mark.parametrize(("inner", "expected"), [(True, False), (False, True), (None, None)])
def test_not_leaves_the_unknown_unknown(inner: Truth, expected: Truth) -> None:
    assert truth({"not": LEAVES[inner]}, ONE) is expected


trees = st.recursive(
    st.sampled_from(list(LEAVES.values())),
    lambda inner: (
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=4))
        | st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=4))
        | st.builds(lambda part: {"not": part}, inner)
    ),
    max_leaves=30,
)


def depth(tree: Mapping[str, Any]) -> int:
    if "not" in tree:
        return 1 + depth(tree["not"])
    return 1 + max(map(depth, tree.get("all") or tree["any"])) if "op" not in tree else 0


def weight(tree: Any) -> float:
    """False, unknown and true as 0, ½ and 1: all is the least of its parts, any the greatest."""
    match tree:
        case {"all": parts}:
            return min(map(weight, parts))
        case {"any": parts}:
            return max(map(weight, parts))
        case {"not": part}:
            return 1 - weight(part)
    return {True: 1.0, False: 0.0, None: 0.5}[next(k for k, leaf in LEAVES.items() if leaf == tree)]


@given(trees.filter(lambda tree: depth(tree) < DEPTH_MAX))
def test_any_tree_agrees_with_the_arithmetic_of_kleene(tree: dict[str, Any]) -> None:
    expected = {1.0: True, 0.0: False, 0.5: None}[weight(tree)]
    assert truth(tree, ONE) is expected
    assert read(tree, read_condition).holds(ONE) is (expected is True)


def test_unknown_at_the_top_is_no() -> None:
    assert read(UNKNOWN, read_condition).holds(ONE) is False
    assert read({"not": UNKNOWN}, read_condition).holds(ONE) is False


@pytest.mark.parametrize(
    ("parts", "failing"),
    [((HOLDS, HOLDS), None), ((HOLDS, FAILS, UNKNOWN), 1), ((UNKNOWN, FAILS), 0), ((HOLDS, HOLDS, UNKNOWN), 2)],
)
def test_the_first_clause_that_does_not_hold_is_named(parts: tuple[Any, ...], failing: int | None) -> None:
    assert read({"all": list(parts)}, read_condition).failing(ONE) == failing


def test_a_lone_comparison_is_clause_nought() -> None:
    assert read(FAILS, read_condition).failing(ONE) == 0
    assert read({"any": [FAILS, FAILS]}, read_condition).failing(ONE) == 0


values = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "A", "б", "Б", "", "2026-11-20"])


@given(values, values.filter(lambda v: v is not None))
def test_pairs_of_operators_are_each_others_opposite(seen: Any, value: Any) -> None:
    opposite = {True: False, False: True, None: None}
    assert compare("ne", seen, value) is opposite[compare("eq", seen, value)]
    assert compare("lt", seen, value) is opposite[compare("gte", seen, value)]
    assert compare("gt", seen, value) is opposite[compare("lte", seen, value)]
    assert compare("not_in", seen, [value]) is opposite[compare("in", seen, [value])]
    assert compare("in", seen, [value]) is compare("eq", seen, value)


@given(
    st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte", "contains"]), values, values.filter(lambda v: v is not None)
)
def test_a_constant_and_a_field_of_the_same_value_compare_alike(op: str, seen: Any, value: Any) -> None:
    now = facts({"seen": seen, "other": value, "deep": {"seen": seen, "other": value}})
    expected = compare(op, seen, value)
    for field, other in (
        ("properties.seen", {"field": "properties.other"}),
        ("properties.deep.seen", {"field": "properties.deep.other"}),
        ("properties.deep.seen", value),
    ):
        assert truth({"field": field, "op": op, "value": other}, now) is expected


@given(st.integers(-3, 3) | st.none() | st.just("a"), st.integers(-3, 3), st.integers(-3, 3))
def test_between_is_at_least_and_at_most(seen: Any, low: int, high: int) -> None:
    least = {"field": "properties.seen", "op": "gte", "value": low}
    most = {"field": "properties.seen", "op": "lte", "value": high}
    assert compare("between", seen, [low, high]) is truth({"all": [least, most]}, facts({"seen": seen}))


# Computed values.


@pytest.mark.parametrize(
    ("properties", "value", "expected"),
    [
        ({"seen": 151, "usual": 100}, {"field": "properties.usual", "times": 1.5}, True),
        ({"seen": 150, "usual": 100}, {"field": "properties.usual", "times": 1.5}, False),
        ({"seen": 150, "usual": 100}, {"field": "properties.usual"}, True),
        ({"seen": 0, "usual": 10}, {"field": "properties.usual", "times": -1}, True),
        ({"seen": 150}, {"field": "properties.usual", "times": 1.5}, None),
        ({"seen": 150, "usual": "100"}, {"field": "properties.usual", "times": 1.5}, None),
        ({"seen": 150, "usual": True}, {"field": "properties.usual", "times": 1.5}, None),
        ({"usual": 100}, {"field": "properties.usual"}, None),
    ],
)
def test_a_value_may_be_another_field_times_a_factor(
    properties: dict[str, Any], value: dict[str, Any], expected: Truth
) -> None:
    assert truth({"field": "properties.seen", "op": "gt", "value": value}, facts(properties)) is expected


@pytest.mark.parametrize(
    ("op", "other", "expected"),
    [
        ("in", ["a", "b"], True),
        ("in", "a", None),
        ("not_in", ["b"], True),
        ("between", ["a", "c"], True),
        ("between", ["b", "c"], False),
        ("between", ["a"], None),
        ("between", "ac", None),
        ("between", 7, None),
        ("starts_with", "A", True),
        ("starts_with", 5, None),
        ("within_days", 3, None),
    ],
)
def test_a_computed_value_of_another_kind_is_unknown(op: str, other: Any, expected: Truth) -> None:
    tree = {"field": "properties.seen", "op": op, "value": {"field": "properties.other"}}
    assert truth(tree, facts({"seen": "a", "other": other})) is expected


@pytest.mark.parametrize("seen", ["a", 5, ["a"], []])
@pytest.mark.parametrize("op", sorted({*OPERATORS} - {"exists", "missing"}))
def test_what_is_compared_with_what_is_not_there_is_unknown(op: str, seen: Any) -> None:
    tree = {"field": "properties.seen", "op": op, "value": {"field": "properties.other"}}
    assert truth(tree, facts({"seen": seen})) is None


@pytest.mark.parametrize(
    ("days", "expected"), [(2, True), (0.5, False), (-1, False), (10**18, True), ("2", None), (True, None)]
)
def test_a_computed_number_of_days_may_be_any_number(days: Any, expected: Truth) -> None:
    tree = {"field": "properties.seen", "op": "within_days", "value": {"field": "properties.days"}}
    assert truth(tree, facts({"seen": "2026-11-20", "days": days})) is expected


# Aggregates over past events.


def paid(days_ago: float, **properties: Any) -> PastEvent:
    return PastEvent(AT - timedelta(days=days_ago), properties)


ORDERS = [
    paid(400, amount=1000, category="food"),
    paid(90, amount=100, category="food"),
    paid(30, amount=200, category="toys"),
    paid(10, amount="300", category="food"),
    paid(5, amount=True, category="food"),
    paid(2, amount=50.5, category="food"),
]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ({"count": True}, 6),
        ({"count": True, "within": "365d"}, 5),
        ({"count": True, "within": "30d"}, 3),
        ({"count": True, "within": "721h"}, 4),
        ({"sum": "amount"}, 1350.5),
        ({"sum": "amount", "within": "365d"}, 350.5),
        ({"sum": "discount"}, 0),
        ({"avg": "amount", "within": "365d"}, 350.5 / 3),
        ({"avg": "amount", "within": "10d"}, 50.5),
        ({"last_days": True}, 2),
        ({"last_days": True, "where": {"field": "properties.category", "op": "eq", "value": "toys"}}, 30),
        ({"count": True, "by": "properties.category"}, 5),
        ({"sum": "amount", "by": "properties.category", "within": "365d"}, 150.5),
        ({"count": True, "where": {"field": "properties.amount", "op": "gte", "value": 100}}, 3),
        ({"count": True, "where": {"field": "contact.attributes.plan", "op": "eq", "value": "pro"}}, 6),
        ({"count": True, "where": {"field": "contact.attributes.plan", "op": "eq", "value": "free"}}, 0),
        (
            {"count": True, "by": "properties.category", "where": {"field": "properties.amount", "op": "exists"}},
            5,
        ),
        (
            {"count": True, "where": {"all": [{"field": "properties.amount", "op": "lt", "value": 150}]}},
            2,
        ),
    ],
)
def test_an_aggregate_counts_sums_averages_and_dates(aggregate: dict[str, Any], expected: float) -> None:
    now = facts({"category": "food"}, order_paid=ORDERS)
    tree = {"events": "order.paid", **aggregate}
    assert truth({**tree, "op": "eq", "value": expected}, now) is True
    assert truth({**tree, "op": "ne", "value": expected}, now) is False
    assert read({**tree, "op": "gt", "value": 10**9}, read_condition).clause(0, now).observed == pytest.approx(expected)


@pytest.mark.parametrize(
    ("aggregate", "exists"),
    [({"count": True}, True), ({"sum": "amount"}, True), ({"avg": "amount"}, False), ({"last_days": True}, False)],
)
def test_without_events_a_count_is_nought_and_an_average_is_missing(aggregate: dict[str, Any], exists: bool) -> None:
    tree = {"events": "order.paid", **aggregate}
    assert truth({**tree, "op": "exists"}, facts()) is exists
    assert truth({**tree, "op": "missing"}, facts()) is not exists
    assert truth({**tree, "op": "eq", "value": 0}, facts()) is (True if exists else None)


def test_an_average_of_no_numbers_is_missing() -> None:
    now = facts(order_paid=[paid(1, amount="five"), paid(1)])
    assert truth({"events": "order.paid", "avg": "amount", "op": "missing"}, now) is True
    assert truth({"events": "order.paid", "sum": "amount", "op": "eq", "value": 0}, now) is True


@pytest.mark.parametrize(
    ("moved", "counted"), [(timedelta(0), 0), (timedelta(microseconds=1), 1), (timedelta(days=30), 1)]
)
def test_a_window_begins_just_after_its_length_and_ends_with_the_present(moved: timedelta, counted: int) -> None:
    at_the_edge = PastEvent(AT - timedelta(days=30) + moved, {})
    tree = {"events": "order.paid", "count": True, "within": "30d", "op": "eq", "value": counted}
    assert truth(tree, facts(order_paid=[at_the_edge])) is True


def test_events_after_the_moment_are_not_counted() -> None:
    later = PastEvent(AT + timedelta(seconds=1), {"amount": 5})
    assert truth({"events": "order.paid", "count": True, "op": "eq", "value": 0}, facts(order_paid=[later])) is True


def test_by_needs_the_present_event_to_say_what_it_is_about() -> None:
    tree = {"events": "order.paid", "count": True, "by": "properties.category", "op": "eq", "value": 0}
    assert truth(tree, facts(order_paid=[paid(1), paid(2, category="food")])) is True
    assert truth(tree, facts({"category": "food"}, order_paid=[paid(1), paid(2, category="food")])) is False


def test_more_than_ones_own_average() -> None:
    tree = {
        "field": "properties.amount",
        "op": "gt",
        "value": {"events": "order.paid", "avg": "amount", "within": "365d", "times": 1.5},
    }
    past = [paid(20, amount=100), paid(10, amount=200)]
    assert truth(tree, facts({"amount": 226}, order_paid=past)) is True
    assert truth(tree, facts({"amount": 225}, order_paid=past)) is False
    assert truth(tree, facts({"amount": 225})) is None


def test_where_sees_each_event_as_of_then() -> None:
    recent = {"field": "properties.visited_at", "op": "within_days", "value": 1}
    tree = {"events": "order.paid", "count": True, "where": recent, "op": "eq", "value": 1}
    then = (AT - timedelta(days=40, hours=3)).isoformat()
    assert truth(tree, facts(order_paid=[paid(40, visited_at=then)])) is True
    assert truth(tree, facts(order_paid=[paid(10, visited_at=then)])) is False


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(-5, 5) | st.just("five") | st.none()), max_size=12),
    st.integers(1, 60),
)
def test_aggregates_agree_with_a_plain_loop(orders: list[tuple[int, Any]], within: int) -> None:
    orders.sort(reverse=True, key=lambda order: order[0])
    now = facts(order_paid=[paid(days, amount=amount) for days, amount in orders])
    inside = [(days, amount) for days, amount in orders if days < within]
    numbers = [amount for _, amount in inside if isinstance(amount, int)]

    def observed(**calculation: Any) -> Any:
        tree = {"events": "order.paid", **calculation, "within": f"{within}d", "op": "exists"}
        return read(tree, read_condition).clause(0, now).observed

    assert observed(count=True) == len(inside)
    assert observed(sum="amount") == sum(numbers)
    assert observed(avg="amount") == (pytest.approx(sum(numbers) / len(numbers), abs=1e-4) if numbers else None)
    assert observed(last_days=True) == (min(days for days, _ in inside) if inside else None)


def test_a_value_may_be_an_aggregate_with_everything_that_belongs_to_it() -> None:
    usual = {"events": "order.paid", "avg": "amount", "within": "30d", "by": "properties.kind", "where": HOLDS}
    tree = {"field": "properties.amount", "op": "eq", "value": {**usual, "times": 2}}
    past = [
        paid(1, amount=5, kind="a", one=1),
        paid(2, amount=7, kind="b", one=1),
        paid(3, amount=9, kind="a", one=2),
        paid(31, amount=11, kind="a", one=1),
    ]
    assert truth(tree, facts({"amount": 10, "kind": "a"}, order_paid=past)) is True


# What is needed, and what is shown.


def test_needs_name_each_type_with_its_longest_window() -> None:
    needs = read(
        {
            "all": [
                {"events": "order.paid", "count": True, "within": "30d", "op": "gt", "value": 1},
                {"not": {"events": "order.paid", "count": True, "within": "90d", "op": "gt", "value": 1}},
                {"field": "contact.locale", "op": "eq", "value": {"events": "chat.closed", "last_days": True}},
                {"events": "page.viewed", "count": True, "within": "0s", "op": "gt", "value": 1},
            ]
        },
        read_condition,
    ).needs
    assert needs.events == {
        "order.paid": timedelta(days=90),
        "chat.closed": DURATION_MAX,
        "page.viewed": timedelta(0),
    }
    assert (needs.segments, needs.present) == (False, False)


@pytest.mark.parametrize(
    ("tree", "segments", "present"),
    [
        ({"field": "contact.locale", "op": "exists"}, False, False),
        ({"field": "contact.segments", "op": "exists"}, True, False),
        ({"field": "properties.amount", "op": "exists"}, False, True),
        ({"field": "type", "op": "exists"}, False, True),
        ({"field": "answers.nps", "op": "exists"}, False, True),
        ({"field": "contact.locale", "op": "eq", "value": {"field": "properties.locale"}}, False, True),
        ({"any": [{"not": {"field": "contact.segments", "op": "exists"}}]}, True, False),
        ({"events": "order.paid", "count": True, "op": "gt", "value": 1}, False, False),
        ({"events": "order.paid", "count": True, "by": "properties.category", "op": "gt", "value": 1}, False, True),
        (
            {
                "events": "order.paid",
                "count": True,
                "where": {"field": "properties.amount", "op": "gt", "value": 5},
                "op": "gt",
                "value": 1,
            },
            False,
            False,
        ),
        (
            {
                "events": "order.paid",
                "count": True,
                "where": {"field": "contact.segments", "op": "contains", "value": "premium"},
                "op": "gt",
                "value": 1,
            },
            True,
            False,
        ),
    ],
)
def test_needs_tell_whether_segments_and_the_present_event_are_looked_at(
    tree: Any, segments: bool, present: bool
) -> None:
    needs = read(tree, read_condition).needs
    assert (needs.segments, needs.present) == (segments, present)


def test_a_clause_shows_what_it_looked_at_and_saw() -> None:
    condition = read(
        {
            "all": [
                {"field": "properties.amount", "op": "gte", "value": 1000},
                {"not": {"any": [{"events": "order.paid", "avg": "amount", "op": "gt", "value": 5}]}},
                {"field": "properties.other", "op": "exists"},
            ]
        },
        read_condition,
    )
    now = facts({"amount": 990}, order_paid=[paid(1, amount=1), paid(1, amount=1), paid(1, amount=2)])
    assert [condition.clause(n, now) for n in range(3)] == [
        Clause("properties.amount", "gte", 1000, 990),
        Clause("events order.paid", "gt", 5, 1.3333),
        Clause("properties.other", "exists", None, None),
    ]
    assert condition.clause(0) == Clause("properties.amount", "gte", 1000, None)
    amount = {"field": "properties.amount", "op": "gte", "value": 1000}
    for below in ({"any": [amount, HOLDS]}, {"not": amount}, {"any": [{"all": [amount, HOLDS]}]}):
        assert read({"all": [HOLDS, below]}, read_condition).clause(1).field == "properties.amount"


def test_the_fields_of_a_tree_are_all_that_it_looks_at() -> None:
    inner = {"events": "order.paid", "count": True, "where": {"field": "properties.amount", "op": "exists"}}
    tree = {"any": [{"not": HOLDS}, {"field": "type", "op": "eq", "value": {"field": "contact.id", "times": 2}}]}
    assert fields_of(tree) == {"properties.one", "type", "contact.id"}
    assert fields_of(inner | {"op": "gt", "value": 1}) == {"events", "properties.amount"}
    assert fields_of({"field": "type", "op": "gt", "value": inner}) == {"type", "events", "properties.amount"}


# Bounds and faults.


@pytest.mark.parametrize("value", [-(2**63), 2**64 - 1, -1e300, True, ""])
def test_what_json_can_carry_can_stand_in_a_condition(value: Any) -> None:
    assert faults_of(read_condition, {"field": "properties.one", "op": "eq", "value": value}) == []


def nested(levels: int, *, inside: Any = None) -> Any:
    tree = inside or {"field": "properties.one", "op": "exists"}
    for _ in range(levels):
        tree = {"not": tree}
    return tree


def test_depth_is_bounded() -> None:
    assert faults_of(read_condition, nested(DEPTH_MAX)) == []
    assert_fault(read_condition, nested(DEPTH_MAX + 1), ("not",) * (DEPTH_MAX + 1), "nested deeper")
    assert_fault(read_condition, nested(20_000), ("not",) * (DEPTH_MAX + 1), "nested deeper")


@pytest.mark.parametrize("key", ["all", "any"])
def test_lists_of_conditions_are_levels_too(key: str) -> None:
    assert faults_of(read_condition, nested(DEPTH_MAX - 1, inside={key: [HOLDS]})) == []
    path: Path = (*("not",) * DEPTH_MAX, key, 0)
    assert_fault(read_condition, nested(DEPTH_MAX, inside={key: [HOLDS]}), path, "nested deeper")


def test_the_number_of_comparisons_is_bounded() -> None:
    assert faults_of(read_condition, {"any": [HOLDS] * LEAVES_MAX}) == []
    assert_fault(read_condition, {"any": [HOLDS] * (LEAVES_MAX + 1)}, (), f"more than {LEAVES_MAX} comparisons")


def test_comparisons_in_where_count_too() -> None:
    where = {"any": [HOLDS] * 60}
    tree = {"events": "order.paid", "count": True, "where": where, "op": "gt", "value": 1}
    assert faults_of(read_condition, tree) == []
    assert_fault(read_condition, {"any": [tree, tree]}, (), f"more than {LEAVES_MAX} comparisons")


def test_lists_are_bounded() -> None:
    tree = {"field": "properties.one", "op": "in", "value": list(range(LIST_MAX))}
    assert faults_of(read_condition, tree) == []
    tree["value"] = list(range(LIST_MAX + 1))
    assert_fault(read_condition, tree, ("value",), f"more than {LIST_MAX} entries")


def test_where_cannot_look_at_other_events() -> None:
    tree: Any = {"field": "properties.one", "op": "exists"}
    for _ in range(2):
        tree = {"events": "order.paid", "count": True, "where": tree, "op": "gt", "value": 0}
    assert_fault(read_condition, tree, ("where",), "cannot look at other events")
    for _ in range(2_000):
        tree = {"events": "order.paid", "count": True, "where": tree, "op": "gt", "value": 0}
    assert_fault(read_condition, tree, (), "more than")
    computed = {"field": "properties.one", "op": "gt", "value": {"events": "order.paid", "count": True}}
    tree = {"events": "order.paid", "count": True, "where": {"not": computed}, "op": "gt", "value": 0}
    assert_fault(read_condition, tree, ("where",), "cannot look at other events")


COUNT = {"events": "order.paid", "count": True, "op": "gt", "value": 1}
FAULTS: list[tuple[Any, Path, str]] = [
    (None, (), "must be a condition"),
    ("yes", (), "must be a condition"),
    ([HOLDS], (), "must be a condition"),
    ({"all": []}, ("all",), "between 1 and"),
    ({"all": HOLDS}, ("all",), "must be a list"),
    ({"any": []}, ("any",), "between 1 and"),
    ({"any": "x"}, ("any",), "must be a list"),
    ({"all": [HOLDS], "any": [HOLDS]}, ("any",), "unknown field"),
    ({"not": HOLDS, "op": "eq"}, ("op",), "unknown field"),
    ({"not": [HOLDS]}, ("not",), "must be a condition"),
    ({"any": [HOLDS, {"all": [HOLDS, 5]}]}, ("any", 1, "all", 1), "must be a condition"),
    ({"all": [HOLDS, {"not": 5}]}, ("all", 1, "not"), "must be a condition"),
    ({"field": "properties.one"}, (), "op is missing"),
    ({"field": "properties.one", "op": "eq"}, (), "value is missing"),
    ({"field": "properties.one", "op": "=~", "value": "x"}, ("op",), "must be one of eq, ne"),
    ({"field": "properties.one", "op": 5, "value": "x"}, ("op",), "must be one of eq, ne"),
    ({"op": "eq", "value": 1}, (), "needs a field or events"),
    ({"field": "event.amount", "op": "exists"}, ("field",), "path that begins with type, properties"),
    ({"field": "", "op": "exists"}, ("field",), "path that begins with"),
    ({"field": 7, "op": "exists"}, ("field",), "path that begins with"),
    ({"field": "properties.one", "op": "eq", "value": 1, "times": 2}, ("times",), "unknown field"),
    ({"field": "properties.one", "op": "exists", "value": True}, ("value",), "exists takes no value"),
    ({"field": "properties.one", "op": "missing", "value": None}, ("value",), "missing takes no value"),
    ({"field": "properties.one", "op": "eq", "value": None}, ("value",), "must be text, a number"),
    ({"field": "properties.one", "op": "eq", "value": [1]}, ("value",), "must be text, a number"),
    ({"field": "properties.one", "op": "gt", "value": date(2026, 1, 1)}, ("value",), "must be text, a number"),
    ({"field": "properties.one", "op": "gt", "value": float("inf")}, ("value",), "must be text, a number"),
    ({"field": "properties.one", "op": "ne", "value": float("nan")}, ("value",), "must be text, a number"),
    ({"field": "properties.one", "op": "lt", "value": 2**64}, ("value",), "must be text, a number"),
    ({"field": "properties.one", "op": "in", "value": [1, -(2**63) - 1]}, ("value", 1), "must be text, a number"),
    ({"field": "properties.one", "op": "in", "value": "a"}, ("value",), "must be a list"),
    ({"field": "properties.one", "op": "in", "value": []}, ("value",), "between 1 and"),
    ({"field": "properties.one", "op": "not_in", "value": ["a", None]}, ("value", 1), "must be text, a number"),
    ({"field": "properties.one", "op": "between", "value": [1]}, ("value",), "pair of bounds"),
    ({"field": "properties.one", "op": "between", "value": [1, 2, 3]}, ("value",), "pair of bounds"),
    ({"field": "properties.one", "op": "between", "value": [1, []]}, ("value", 1), "must be text, a number"),
    ({"field": "properties.one", "op": "within_days", "value": "7d"}, ("value",), "must be a number from 0"),
    ({"field": "properties.one", "op": "within_days", "value": 36_500.5}, ("value",), "to 36500"),
    ({"field": "properties.one", "op": "within_days", "value": -1}, ("value",), "must be a number from 0"),
    ({"field": "properties.one", "op": "starts_with", "value": 5}, ("value",), "must be text"),
    ({"field": "properties.one", "op": "ends_with", "value": ""}, ("value",), "must be text"),
    ({"field": "properties.one", "op": "eq", "value": {}}, ("value", "field"), "path that begins with"),
    ({"field": "properties.one", "op": "eq", "value": {"field": "x.y"}}, ("value", "field"), "path that begins with"),
    (
        {"field": "properties.one", "op": "eq", "value": {"field": "properties.two", "plus": 1}},
        ("value", "plus"),
        "unknown field",
    ),
    (
        {"field": "properties.one", "op": "eq", "value": {"field": "properties.two", "times": "2"}},
        ("value", "times"),
        "must be a number",
    ),
    *(
        (
            {"field": "properties.one", "op": "eq", "value": {"field": "properties.two", "times": factor}},
            ("value", "times"),
            "must be a number from -1e+09 to 1e+09",
        )
        for factor in (1e9 + 0.5, -1e9 - 0.5)
    ),
    (
        {"field": "properties.one", "op": "eq", "value": {"events": "a.b", "count": True, "within": "soon"}},
        ("value", "within"),
        "must be a duration",
    ),
    ({**COUNT, "events": ""}, ("events",), "must be text"),
    ({**COUNT, "events": "x" * 201}, ("events",), "longer than 200"),
    ({"events": "order.paid", "sum": "x" * 201, "op": "gt", "value": 1}, ("sum",), "longer than 200"),
    ({**COUNT, "events": ["a"]}, ("events",), "must be text"),
    ({**COUNT, "count": 5}, ("count",), "must be true"),
    ({**COUNT, "sum": "amount"}, (), "exactly one of count, sum, avg, last_days"),
    ({"events": "order.paid", "op": "gt", "value": 1}, (), "exactly one of count, sum, avg, last_days"),
    ({"events": "order.paid", "sum": True, "op": "gt", "value": 1}, ("sum",), "must be text"),
    ({"events": "order.paid", "avg": "", "op": "gt", "value": 1}, ("avg",), "must be text"),
    ({"events": "order.paid", "last_days": "x", "op": "gt", "value": 1}, ("last_days",), "must be true"),
    ({**COUNT, "field": "properties.one"}, ("field",), "unknown field"),
    ({**COUNT, "within": 30}, ("within",), "must be a duration"),
    ({**COUNT, "within": "3651d"}, ("within",), "at most 3650 days"),
    ({**COUNT, "by": 5}, ("by",), "path that begins with"),
    ({**COUNT, "by": "category"}, ("by",), "path that begins with"),
    ({**COUNT, "where": {"all": [HOLDS, {"field": "x", "op": "exists"}]}}, ("where", "all", 1, "field"), "path that"),
    ({**COUNT, "where": 5}, ("where",), "must be a condition"),
    ({"any": [{**COUNT, "count": False}]}, ("any", 0, "count"), "must be true"),
]


@pytest.mark.parametrize(("tree", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(tree: Any, path: Path, words: str) -> None:
    assert_fault(read_condition, tree, path, words)


def test_every_fault_is_reported_at_once() -> None:
    tree = {"all": [{"field": "x", "op": "exists"}, {"any": [{"field": "properties.a", "op": "eq"}, 5]}]}
    assert [path for path, _ in faults_of(read_condition, tree)] == [
        ("all", 0, "field"),
        ("all", 1, "any", 0),
        ("all", 1, "any", 1),
    ]


def test_a_fault_below_a_definition_keeps_the_way_to_it() -> None:
    faults: list[Fault] = []
    read_condition(Node({"not": 5}, faults, (0, "triggers", 3, "if")))
    assert [f.path for f in faults] == [(0, "triggers", 3, "if", "not")]


# Nothing that can be written or posted makes reading or looking fail.

words = st.sampled_from(
    [*OPERATORS, "properties.a", "contact.segments", "type", "order.paid", "30d", "й", "2026-11-20"]
)
keys = st.sampled_from(
    ["all", "any", "not", "field", "op", "value", "events", *CALCULATIONS, "within", "by", "where", "times"]
)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | words
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
fields = st.sampled_from(["properties.a", "properties.b", "properties.c.d", "contact.segments", "type"])
calculations = st.sampled_from([{"count": True}, {"sum": "a"}, {"avg": "a"}, {"last_days": True}])
operands = st.builds(lambda path: {"field": path}, fields) | st.builds(
    lambda calculation, rest: {"events": "order.paid"} | calculation | rest,
    calculations,
    st.sampled_from([{}, {"within": "30d"}, {"by": "properties.a"}]),
)
computed = st.builds(lambda operand, factor: operand | factor, operands, st.sampled_from([{}, {"times": 1e9}]))
constants = st.booleans() | st.integers(-5, 5) | st.floats(-1e9, 1e9) | words
OF_CONSTANTS = ("eq", "ne", "lt", "lte", "gt", "gte", "contains")
OF_VALUES = tuple(op for op in OPERATORS if op not in ("exists", "missing"))
comparisons = st.one_of(
    st.builds(lambda o, op: o | {"op": op}, operands, st.sampled_from(["exists", "missing"])),
    st.builds(lambda o, op, v: o | {"op": op, "value": v}, operands, st.sampled_from(OF_CONSTANTS), constants),
    st.builds(lambda o, op, v: o | {"op": op, "value": v}, operands, st.sampled_from(OF_VALUES), computed),
    st.builds(lambda o, v: o | {"op": "between", "value": v}, operands, st.lists(constants, min_size=2, max_size=2)),
)
posted = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from("abd"), scalars, max_size=3)


@given(anything)
def test_reading_never_fails_and_every_fault_leads_to_a_place_in_what_was_written(tree: Any) -> None:
    faults: list[Fault] = []
    condition = read_condition(Node(tree, faults, ("if",)))
    assert isinstance(condition, Condition)
    for fault in faults:
        assert fault.path[0] == "if"
        place = tree
        for step in fault.path[1:-1]:
            place = place[step]
        assert len(fault.path) == 1 or isinstance(place, dict | list)


@settings(max_examples=300)
@given(comparisons, st.fixed_dictionaries({"a": posted, "b": posted, "c": posted}), st.lists(scalars, max_size=2))
def test_looking_never_fails_whatever_was_posted(tree: Any, properties: dict[str, Any], past: list[Any]) -> None:
    now = facts(properties, order_paid=[paid(1, a=value) for value in past])
    assert truth(tree, now) in (True, False, None)
    assert truth({"not": {"not": tree}}, now) is truth(tree, now)
    read(tree, read_condition).clause(0, now)
