"""``explain``: why somebody was asked or not, for people and for programs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.cli.conftest import Otklik
from tests.wire import event, key_with, listed, on_sqlite, tell

DEFINITIONS = """
policy: {limits: [{name: once, max: 1, per: 30d}]}
sources: [{slug: shop}]
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers:
  - slug: paid
    status: live
    when: {event: order.paid}
    if: {all: [{field: properties.amount, op: gte, value: 100}, {field: contact.attributes.plan, op: eq, value: pro}]}
    then: [{send: {survey: s}}]
  - {slug: first, status: live, when: {event: order.paid, occurrence: first}, then: [{send: {survey: s}}]}
  - {slug: asleep, status: paused, when: {event: visit}, then: [{send: {survey: s}}]}
"""


@pytest.fixture
def lived(client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]) -> None:
    """Ada paid little, then much, then much again, and came by."""
    define(DEFINITIONS)
    ada = {"id": "c-1", "email": "ada@example.com", "attributes": {"plan": "pro"}}
    for number, amount in enumerate((50, 500, 900)):
        tell(client, key, event(f"e-{number}", contact=ada, properties={"amount": amount}))
        work()
    tell(client, key, event("v-1", "visit", contact=ada))
    work()


def explained(otklik: Otklik, *arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(otklik("explain", *arguments, "--json").stdout)
    return rows


def test_every_event_and_trigger_is_explained_newest_first(otklik: Otklik, lived: None) -> None:
    rows = explained(otklik, "c-1")
    assert [(r["event"], r["trigger"], r["outcome"], r["reason"]) for r in rows] == [
        ("v-1", "asleep", "skipped", "not_live"),
        ("e-2", "first", "skipped", "condition"),
        ("e-2", "paid", "skipped", "contact_limit"),
        ("e-1", "first", "skipped", "condition"),
        ("e-1", "paid", "skipped", "contact_limit"),
        ("e-0", "first", "invited", None),
        ("e-0", "paid", "skipped", "condition"),
    ]
    missed = rows[-1]["gates"][-1]
    assert missed == {
        "gate": "condition",
        "passed": False,
        "observed": 50,
        "limit": 100,
        "rule": "properties.amount gte",
    }
    assert rows[1]["gates"][-1]["observed"] == "not the first"


def test_programs_read_the_same_as_over_http(
    otklik: Otklik, client: FlaskClient, key: dict[str, str], lived: None
) -> None:
    decided = [row for row in explained(otklik, "c-1") if row["reason"] != "condition"]
    assert decided == listed(client, key, "/decisions?contact=c-1")


def test_people_read_every_gate_with_what_it_saw(otklik: Otklik, lived: None) -> None:
    text = otklik("explain", "c-1", "--trigger", "paid").stdout
    assert text.splitlines()[0] == "c-1: 3 decisions"
    assert "paid: skipped because of contact_limit" in text
    assert "✗ limits  observed 1, limit 1  (once)" in text
    assert "✗ condition  observed 50, limit 100  (properties.amount gte)" in text
    assert "✓ live" in text
    assert "possible again from" in text
    assert "event api/e-2, trigger version 1" in text
    assert "first" not in text
    everything = otklik("explain", "c-1").stdout
    assert "first: invited" in everything
    assert "invitation: open" in everything


@on_sqlite
def test_one_trigger_can_be_looked_at_alone(otklik: Otklik, lived: None) -> None:
    assert {r["trigger"] for r in explained(otklik, "c-1", "--trigger", "first")} == {"first"}
    assert explained(otklik, "c-1", "--trigger", "nothing") == []


@on_sqlite
def test_a_contact_is_found_by_every_name_they_have(
    otklik: Otklik, client: FlaskClient, key: dict[str, str], lived: None
) -> None:
    public_id = None
    for reference in ("c-1", "ada@example.com", "ADA@example.com"):
        rows = explained(otklik, reference)
        assert len(rows) == 7
        public_id = public_id or rows[0]["contact"]
    assert "no contact is called nobody" in otklik("explain", "nobody", status=1).stderr


@on_sqlite
def test_one_id_in_two_sources_is_explained_for_both(
    otklik: Otklik, client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS + "  - {slug: any, status: live, when: {event: x}, then: [{send: {survey: s}}]}\n")
    define("sources: [{slug: crm}]")
    for source in ("shop", "crm"):
        tell(client, key_with("all", source=source), event("e-1", "x", contact={"id": "7"}))
    work()
    assert {row["source"] for row in explained(otklik, "7")} == {"shop", "crm"}


@on_sqlite
def test_what_was_not_decided_yet_is_not_explained_away(
    otklik: Otklik, client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, event("e-0", "other", contact={"id": "c-1"}))
    work()
    tell(client, key, event("e-1", contact={"id": "c-1"}, properties={"amount": 1}))
    assert explained(otklik, "c-1") == []
