"""Conditions in a real browser against the pure rule: generated trees over generated facts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from surveys.conditions import Facts, PastEvent, read_condition
from surveys.definition import read
from tests.browser import chromium
from tests.trees import POSTED, every_comparison, of_events

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
MODULE = (Path(__file__).parent.parent / "app" / "static" / "conditions.js").read_text()
EXACT = 2**53
pytestmark = pytest.mark.browser

EVERY = "([trees, crowd]) => crowd.map((facts) => trees.map((tree) => truth(tree, facts)))"


def _exact(value: Any) -> bool:
    """Whether JavaScript tells the value from its neighbours."""
    return all(map(_exact, value)) if isinstance(value, list) else not isinstance(value, int) or abs(value) < EXACT


SHOWN = [value for value in POSTED if _exact(value)]
posted = st.sampled_from(SHOWN)
mappings = st.dictionaries(st.sampled_from(["a", "b", "c", "n", "ключ"]), posted, max_size=5)
trees = st.fixed_dictionaries(
    {
        "type": st.just("order.paid"),
        "properties": mappings,
        "contact": st.fixed_dictionaries({"attributes": mappings, "segments": st.just(["premium"])}),
        "answers": mappings,
    }
)
stories = st.lists(st.tuples(st.sampled_from([0, 1 / 16, 7, 8.5, 30]), mappings), max_size=3)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A blank page that knows the module's ``truth``."""
    with chromium() as browser:
        page = browser.new_page()
        page.evaluate(
            """async source => {
                const file = new Blob([source], {type: "text/javascript"});
                window.truth = (await import(URL.createObjectURL(file))).truth;
            }""",
            MODULE,
        )
        yield page


@settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(of_events, min_size=1, max_size=20), st.lists(st.tuples(trees, stories), min_size=1, max_size=10))
def test_the_browser_agrees_with_the_rule(page: Page, conditions: list[Any], crowd: list[tuple[Any, Any]]) -> None:
    checks = [read({"any": [tree]}, read_condition).clauses[0] for tree in conditions]
    expected: list[Any] = []
    given_facts: list[Any] = []
    for tree, story in crowd:
        past = sorted(((AT - timedelta(days=days), properties) for days, properties in story), key=lambda e: e[0])
        facts = Facts(tree, AT, {"order.paid": [PastEvent(at, properties) for at, properties in past]})
        expected.append([check(facts) for check in checks])
        events = [{"occurred_at": at.isoformat(), "properties": properties} for at, properties in past]
        given_facts.append({"tree": tree, "at": AT.isoformat(), "past": {"order.paid": events}})
    assert page.evaluate(EVERY, [conditions, given_facts]) == expected


def test_every_comparison_with_every_value_agrees(page: Page) -> None:
    comparisons = [tree for tree in every_comparison("properties.a") if _exact(tree["value"])]
    checks = [read({"any": [tree]}, read_condition).clauses[0] for tree in comparisons]
    crowd = [{"properties": {"a": value}} for value in SHOWN]
    expected = [[check(Facts(tree, AT)) for check in checks] for tree in crowd]
    seen = page.evaluate(EVERY, [comparisons, [{"tree": tree, "at": AT.isoformat()} for tree in crowd]])
    differing = [
        (tree["properties"]["a"], comparison["op"], comparison["value"], said, wanted)
        for tree, row, wanted_row in zip(crowd, seen, expected, strict=True)
        for comparison, said, wanted in zip(comparisons, row, wanted_row, strict=True)
        if said is not wanted
    ]
    assert differing == []
