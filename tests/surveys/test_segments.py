"""Segments: conditions over contacts and their past, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from surveys.conditions import Facts, PastEvent
from surveys.definition import Path, read
from surveys.segments import read_segment, segments_of
from tests.surveys.faults import assert_fault

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
PREMIUM: dict[str, Any] = {
    "slug": "premium",
    "if": {"field": "contact.attributes.plan", "op": "eq", "value": "premium"},
}
DORMANT: dict[str, Any] = {
    "slug": "dormant",
    "if": {"events": "order.paid", "last_days": True, "op": "gt", "value": 60},
}
NEW: dict[str, Any] = {"slug": "new", "if": {"events": "order.paid", "count": True, "op": "lte", "value": 1}}


def test_a_contact_belongs_to_every_segment_whose_condition_holds() -> None:
    segments = {s["slug"]: read(s, read_segment).condition for s in (PREMIUM, DORMANT, NEW)}
    facts = Facts({"contact": {"attributes": {"plan": "premium"}}}, AT)
    assert segments_of(segments, facts) == ["premium", "new"]
    facts.past = {"order.paid": [PastEvent(AT - timedelta(days=n), {}) for n in (90, 61)]}
    assert segments_of(segments, facts) == ["premium", "dormant"]
    facts.tree = {"contact": {}}
    assert segments_of(segments, facts) == ["dormant"]
    assert segments_of({}, facts) == []


def test_a_segment_is_read_with_its_slug_and_condition() -> None:
    found = read({**PREMIUM, "name": "Premium customers"}, read_segment)
    assert (found.slug, found.condition.trees) == ("premium", (PREMIUM["if"],))


ORDERS = {"events": "order.paid", "count": True, "op": "gt", "value": 1}
EVENTS_ONLY = "looks at contacts and their past events only"
FAULTS: list[tuple[Any, Path, str]] = [
    ("premium", (), "must be a mapping"),
    ({"slug": "premium"}, (), "if is missing"),
    ({"if": PREMIUM["if"]}, (), "slug is missing"),
    ({**PREMIUM, "slug": "Premium"}, ("slug",), "lower-case"),
    ({**PREMIUM, "name": ""}, ("name",), "must be text"),
    ({**PREMIUM, "color": "red"}, ("color",), "unknown field"),
    ({**PREMIUM, "if": []}, ("if",), "must be a condition"),
    ({**PREMIUM, "if": {"all": [PREMIUM["if"], {"field": "contact.a"}]}}, ("if", "all", 1), "op is missing"),
    ({**PREMIUM, "if": {"field": "contact.segments", "op": "exists"}}, ("if",), "cannot look at segments"),
    (
        {**PREMIUM, "if": {**ORDERS, "where": {"field": "contact.segments", "op": "contains", "value": "new"}}},
        ("if",),
        "cannot look at segments",
    ),
    ({**PREMIUM, "if": {"field": "properties.amount", "op": "gt", "value": 5}}, ("if",), EVENTS_ONLY),
    ({**PREMIUM, "if": {"not": {"field": "type", "op": "eq", "value": "a"}}}, ("if",), EVENTS_ONLY),
    ({**PREMIUM, "if": {"field": "answers.nps", "op": "gt", "value": 5}}, ("if",), EVENTS_ONLY),
    ({**PREMIUM, "if": {**ORDERS, "value": {"field": "properties.amount"}}}, ("if",), EVENTS_ONLY),
    ({**PREMIUM, "if": {**ORDERS, "by": "properties.category"}}, ("if",), EVENTS_ONLY),
]


@pytest.mark.parametrize(("written", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(written: Any, path: Path, words: str) -> None:
    assert_fault(read_segment, written, path, words)


def test_where_may_look_at_the_past_events_themselves() -> None:
    where = {"field": "properties.amount", "op": "gte", "value": 100}
    found = read({"slug": "big", "if": {**ORDERS, "where": where}}, read_segment)
    orders = [PastEvent(AT - timedelta(days=1), {"amount": amount}) for amount in (50, 100, 150)]
    assert found.condition.holds(Facts({"contact": {}}, AT, {"order.paid": orders}))
    assert not found.condition.holds(Facts({"contact": {}}, AT, {"order.paid": orders[:2]}))
