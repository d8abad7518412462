"""Why someone was asked or not, as a list: its shape, its filters, and its pages."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.wire import event, listed, on_sqlite, said, tell

TWO = """
policy: {limits: [{name: once, max: 1, per: 30d}]}
departments: [{slug: care}]
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers:
  - slug: ask
    status: live
    when: {event: order.paid}
    if: {field: properties.amount, op: gte, value: 10}
    sample: {rate: 1}
    then: [{send: {survey: s}}]
  - {slug: tell, status: live, when: {event: order.paid}, then: [{task: {department: care, title: "Look"}}]}
  - {slug: asleep, status: paused, when: {event: order.paid}, then: [{send: {survey: s}}]}
"""


@pytest.fixture
def decided(client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]) -> None:
    """Six events of three contacts: each led to a decision of every trigger that was concerned."""
    define(TWO)
    for number in range(6):
        who = number % 3
        contact = {"id": f"c-{who}", "email": f"c{who}@example.com"} if who else {"id": "c-0"}
        tell(client, key, event(f"e-{number}", contact=contact, properties={"amount": 10 if number < 5 else 9}))
    work()


def names(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, str | None]]:
    return [(row["event"], row["trigger"], row["outcome"], row["reason"]) for row in rows]


def test_a_decision_reads_as_the_contract_says(client: FlaskClient, key: dict[str, str], decided: None) -> None:
    rows = listed(client, key, "/decisions?contact=c-1&trigger=ask")
    assert names(rows) == [("e-4", "ask", "skipped", "contact_limit"), ("e-1", "ask", "invited", None)]
    refused, invited = rows
    assert {k: refused[k] for k in ("source", "contact", "trigger_version", "policy_version")} == {
        "source": "api",
        "contact": "c-1",
        "trigger_version": 1,
        "policy_version": 1,
    }
    assert refused["gates"][-1] == {"gate": "limits", "passed": False, "observed": 1, "limit": 1, "rule": "once"}
    assert all(gate["passed"] for gate in refused["gates"][:-1])
    assert refused["decided_at"].endswith("Z")
    assert refused["next_possible_at"] > refused["decided_at"]
    assert {g["gate"] for g in invited["gates"]} >= {"live", "fresh", "condition", "sample", "contact", "limits"}
    assert invited["invitation"]["state"] == "open"


def test_every_outcome_is_listed_newest_first(client: FlaskClient, key: dict[str, str], decided: None) -> None:
    rows = listed(client, key, "/decisions?trigger=ask")
    assert names(rows) == [
        ("e-4", "ask", "skipped", "contact_limit"),
        ("e-3", "ask", "skipped", "unreachable"),
        ("e-2", "ask", "invited", None),
        ("e-1", "ask", "invited", None),
        ("e-0", "ask", "skipped", "unreachable"),
    ]
    assert [d["event"] for d in listed(client, key, "/decisions?trigger=tell")] == [
        f"e-{n}" for n in (5, 4, 3, 2, 1, 0)
    ]


@on_sqlite
def test_filters_narrow_together(client: FlaskClient, key: dict[str, str], decided: None) -> None:
    for query, count in (
        ("", 17),
        ("?outcome=invited", 2),
        ("?outcome=acted", 6),
        ("?outcome=skipped", 9),
        ("?outcome=deferred", 0),
        ("?trigger=asleep", 6),
        ("?trigger=nothing", 0),
        ("?contact=c-2", 5),
        ("?contact=c-2&outcome=invited", 1),
        ("?contact=c-2&outcome=invited&trigger=tell", 0),
        ("?contact=c1@example.com", 6),
    ):
        assert len(listed(client, key, f"/decisions{query}")) == count, query


@on_sqlite
def test_an_unknown_contact_is_404_and_not_an_empty_list(client: FlaskClient, key: dict[str, str]) -> None:
    assert client.get("/api/v1/decisions?contact=nobody", headers=key).status_code == 404


def test_pages_hold_everything_once_and_end(client: FlaskClient, key: dict[str, str], decided: None) -> None:
    whole = listed(client, key, "/decisions")
    for limit in (1, 4, 16, 17, 100):
        found: list[Any] = []
        pages = 0
        cursor: str | None = ""
        while cursor is not None:
            page = said(client.get(f"/api/v1/decisions?limit={limit}&cursor={cursor}", headers=key))
            assert 0 < len(page["items"]) <= limit
            found += page["items"]
            cursor, pages = page["next"], pages + 1
            assert pages <= 17, "the pages do not end"
        assert (found, pages) == (whole, -(-17 // limit)), limit


@on_sqlite
def test_a_page_stays_where_it_is_when_more_is_decided(
    client: FlaskClient, key: dict[str, str], decided: None, work: Callable[[], None]
) -> None:
    first = said(client.get("/api/v1/decisions?limit=5", headers=key))
    rest = said(client.get(f"/api/v1/decisions?cursor={first['next']}", headers=key))
    tell(client, key, event("e-new"))
    work()
    assert said(client.get(f"/api/v1/decisions?cursor={first['next']}", headers=key)) == rest
