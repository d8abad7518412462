"""Conditions and values that are hard to agree upon: for every implementation of the condition language."""

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from surveys.conditions import CALCULATIONS, OPERATORS

TEXTS = [
    "", "a", "A", "pro", "Pro", "PROfi", "5", "5.0", "-1", "true", "null", "Москва", "МОСКВА", "москв", "Ква",
    "Ёлка", "ёлка", "е\u0308лка", "\u0439од", "\u0438\u0306од", "Straße", "STRASSE", "strasse", "ẞ", "ß", "ss",
    "İ", "i\u0307", "ı", "I", "i", "ΣΑΣ", "σας", "ςας", "ﬃ", "ffi", "FFI", "\u212a", "k", "K", "\u1e9e", "ŉ",
    "ʼn", "ǰ", "ͅ", "ᾳ", "αι", "Ꭰ", "ꭰ", "𐐀", "𐐨", "\uffee", "\U0001f600", "a%b_c", "\\", "'", '"', " ",
    "\u00a0", "a\nb", "e\u0301\u0323", "ệ", "\u1100\u1161\u11a8", "각",
]  # fmt: skip
MOMENTS = [
    "2026-11-21T10:00:00Z", "2026-11-14T10:00:00Z", "2026-11-14T09:59:59Z", "2026-11-21T10:00:01Z",
    "2026-11-14T13:00:00+03:00", "2026-11-14T10:00:00", "2026-11-20", "2026-11-14", "2026-11-22", "20261120",
    "2026-W47-5", "2026-02-29", "2024-02-29", "2026-11-31", "2026-13-01", "2026-11-20T22:00:00.123456Z",
    "2026-11-20T22:00:00,5Z", "2026-11-20 22:00", "0000-01-01", "0001-01-01", "9999-12-31T23:59:59-12:00",
    "2026-11-20T25:00", "last week", "2026-11-20T22:00:00+23:59", "2026-11-20T10", "1980-05-05",
]  # fmt: skip
NUMBERS = [
    0, -0.0, 1, 1.0, -1, 5, 5.0, 5.5, 0.1, 0.3, 0.30000000000000004, 2**53, 2**53 + 1, -(2**53) - 1,
    float(2**53), 2**63 - 1, -(2**63), 1e17, 1.5e300, -1.5e300, 5e-324, 1e-7, 1000, 999.99,
]  # fmt: skip
SCALARS = [*TEXTS, *MOMENTS, *NUMBERS, True, False]
LISTS: list[Any] = [
    [], ["a"], ["A", "b"], [1, 2], [1, "a"], [True], [1, True], [None], ["a", None], [["a"]],
    ["е\u0308лка", "ёлка"], [0.1, 5],
]  # fmt: skip
POSTED: list[Any] = [*SCALARS, *LISTS, None, {}, {"b": 5}, {"b": "Москва"}, {"b": {"c": True}}, {"b": ["a"]}]

constants = st.sampled_from([value for value in SCALARS if value != ""]) | st.just("")
words = st.sampled_from([text for text in TEXTS if text.strip()])
keys = st.sampled_from(["a", "b", "a.b", "a.b.c", "c", "b.0", "ключ"])
factors = st.sampled_from(
    [{}, {"times": 1}, {"times": 1.5}, {"times": -2}, {"times": 1e9}, {"times": 0.1}, {"times": 0}]
)
OF_CONSTANTS = ("eq", "ne", "lt", "lte", "gt", "gte", "contains")
OF_VALUES = tuple(op for op in OPERATORS if op not in ("exists", "missing"))


def fields(*prefixes: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda prefix, key: {"field": f"{prefix}.{key}"}, st.sampled_from(prefixes), keys)


def comparisons(operands: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    listed = st.lists(constants, min_size=1, max_size=4)
    computed = st.builds(lambda operand, factor: operand | factor, operands, factors)
    days = st.sampled_from([0, 0.5, 2, 7, 36_500])

    def compare(ops: tuple[str, ...], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
        return st.builds(lambda o, op, v: o | {"op": op, "value": v}, operands, st.sampled_from(ops), values)

    return st.one_of(
        st.builds(lambda o, op: o | {"op": op}, operands, st.sampled_from(["exists", "missing"])),
        compare(OF_CONSTANTS, constants),
        compare(("starts_with", "ends_with", "contains"), words),
        compare(("in", "not_in"), listed),
        compare(("between",), st.lists(constants, min_size=2, max_size=2)),
        compare(("within_days",), days),
        compare(OF_VALUES, computed),
    )


def nested(leaves: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3))
            | st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3))
            | st.builds(lambda part: {"not": part}, inner)
        ),
        max_leaves=6,
    )


wheres = nested(comparisons(fields("properties", "contact.attributes")))
calculations = st.sampled_from(
    [{calculation: True} for calculation in CALCULATIONS if calculation in ("count", "last_days")]
) | st.sampled_from([{calculation: key} for calculation in ("sum", "avg") for key in ("a", "n")])
aggregates = st.builds(
    lambda kind, calculation, rest, where: {"events": kind} | calculation | rest | where,
    st.sampled_from(["order.paid", "visit.made", "never.seen"]),
    calculations,
    st.sampled_from([{}, {"within": "30d"}, {"within": "90m"}, {"by": "properties.a"}]),
    st.just({}) | st.builds(lambda where: {"where": where}, wheres),
)
named = st.sampled_from(
    [{"field": f"contact.{name}"} for name in ("name", "locale", "timezone", "first_name", "id", "attributes")]
)
of_contacts = nested(
    comparisons(st.one_of(fields("contact.attributes"), fields("contact.attributes"), named, aggregates))
    | st.builds(
        lambda o, op, v: o | {"op": op, "value": v},
        aggregates,
        st.sampled_from(["eq", "lt", "gte"]),
        st.sampled_from([0, 1, 2, 5, 0.1, 0.30000000000000004, 7, 8.5, 1000]),
    )
)
of_events = nested(
    comparisons(
        st.one_of(
            fields("properties", "contact.attributes", "answers"),
            st.sampled_from([{"field": path} for path in ("type", "contact.segments", "contact", "answers.a")]),
            aggregates,
        )
    )
)


def every_comparison(field: str) -> list[dict[str, Any]]:
    """Each operator with each constant it may be compared with."""
    constants: dict[str, list[Any]] = {op: [*SCALARS] for op in OF_CONSTANTS}
    constants |= {op: [text for text in TEXTS if text.strip()] for op in ("starts_with", "ends_with")}
    constants |= {op: [[one, other] for one, other in pairwise(SCALARS)] for op in ("in", "not_in", "between")}
    constants |= {"within_days": [0, 0.5, 2, 7, 36_500]}
    return [{"field": field, "op": op, "value": value} for op, values in constants.items() for value in values]
