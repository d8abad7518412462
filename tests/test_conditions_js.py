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
from tests.trees import POSTED, of_events

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
MODULE = (Path(__file__).parent.parent / "app" / "static" / "conditions.js").read_text()
EXACT = 2**53
pytestmark = pytest.mark.browser

posted = st.sampled_from([v for v in POSTED if not isinstance(v, int) or abs(v) <= EXACT])
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


@settings(
    max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
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
    every = "([trees, crowd]) => crowd.map((facts) => trees.map((tree) => truth(tree, facts)))"
    seen = page.evaluate(every, [conditions, given_facts])
    assert seen == expected
