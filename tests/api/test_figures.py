"""Figures over HTTP, against a count of our own over the answers as they are listed."""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.links import survey_url
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response
from tests.wire import Clock, event, listed, on_sqlite, said, stored, tell

DEFINITIONS = """
surveys:
  - slug: first
    pages:
      - questions:
          - {id: nps, type: nps, text: "How likely?"}
          - {id: csat, type: csat, text: "How satisfied?"}
          - {id: ces, type: ces, text: "How easy?"}
  - {slug: second, pages: [{questions: [{id: likely, type: nps, text: "How likely?"}]}]}
triggers:
  - {slug: paid, status: live, touchpoint: Checkout, when: {event: order.paid}, then: [{send: {survey: first}}]}
  - {slug: visited, status: live, when: {event: visit}, then: [{send: {survey: second}}]}
"""
METRICS = ("nps", "csat", "ces", "response-rate")
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
Answered = tuple[str, dict[str, Any], dict[str, int] | None]
DAYS: list[list[Answered]] = [
    [
        ("order.paid", {}, {"nps": 10, "csat": 5, "ces": 7}),
        ("order.paid", {}, {"nps": 9, "csat": 4, "ces": 1}),
        ("order.paid", {"touchpoint": "Delivery"}, {"nps": 7, "csat": 3}),
    ],
    [
        ("order.paid", {}, {"nps": 6, "csat": 1, "ces": 4}),
        ("order.paid", {}, {"nps": 0}),
        ("order.paid", {}, None),
        ("visit", {}, {"likely": 8}),
    ],
    [("visit", {}, {"likely": 10}), ("visit", {}, None), ("visit", {}, {})],
]


@pytest.fixture
def answered(
    app: Flask,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten customers in three days, of whom eight answered two hours after the following midnight in Moscow."""
    app.config["COMPANY_ZONE"] = "Europe/Moscow"
    clock = Clock(monkeypatch, MONDAY)
    define(DEFINITIONS)
    number = 0
    for day, customers in enumerate(DAYS):
        clock.now = MONDAY + timedelta(days=day)
        waiting = []
        for kind, properties, answers in customers:
            contact = {"id": f"c-{number}", "email": f"c{number}@example.com"}
            tell(client, key, event(f"e-{number}", kind, contact=contact, properties=properties))
            waiting.append((number, answers))
            number += 1
        work()
        clock.move(timedelta(hours=11))
        invited = {i.event_id: i.public_id for i in stored(Invitation)}
        names = {e.external_id: e.id for e in stored(Event)}
        for customer, answers in waiting:
            if answers is not None:
                link = survey_url(invited[names[f"e-{customer}"]])
                form = {name: str(value) for name, value in answers.items()}
                assert client.post(link, data={"page": "0", **form}).status_code == 200
        work()


def counted(client: FlaskClient, key: dict[str, str], question: str, survey: str | None = None) -> list[int]:
    """The answers to a question, by the list of responses."""
    rows = listed(client, key, "/responses" + (f"?survey={survey}" if survey else ""))
    return [row["answers"][question] for row in rows if question in row["answers"]]


def figure(client: FlaskClient, key: dict[str, str], address: str) -> dict[str, Any]:
    found: dict[str, Any] = said(client.get(f"/api/v1/metrics/{address}", headers=key))
    return found


def test_every_figure_is_what_its_answers_come_to(client: FlaskClient, key: dict[str, str], answered: None) -> None:
    scores = counted(client, key, "nps") + counted(client, key, "likely")
    promoters, detractors = (sum(1 for s in scores if low <= s <= high) for low, high in ((9, 10), (0, 6)))
    nps = figure(client, key, "nps")
    assert (nps["n"], nps["value"]) == (7, round(100 * (promoters - detractors) / len(scores), 2))
    csat = counted(client, key, "csat")
    assert figure(client, key, "csat")["value"] == 100 * sum(1 for s in csat if s >= 4) / len(csat) == 50
    ces = counted(client, key, "ces")
    assert figure(client, key, "ces")["value"] == sum(ces) / len(ces) == 4
    rate = figure(client, key, "response-rate")
    assert (rate["value"], rate["n"]) == (80, 10)
    for metric in METRICS:
        found = figure(client, key, metric)
        assert found["metric"] == metric
        assert found["low"] < found["value"] < found["high"]


@on_sqlite
def test_groups_are_counted_each_for_itself(client: FlaskClient, key: dict[str, str], answered: None) -> None:
    for group, expected in (
        ("survey", {"first": (0, 5), "second": (50, 2)}),
        ("trigger", {"paid": (0, 5), "visited": (50, 2)}),
        ("touchpoint", {"Checkout": (0, 4), "Delivery": (0, 1), None: (50, 2)}),
        ("channel", {"email": (14.29, 7)}),
    ):
        items = figure(client, key, f"nps?group={group}")["items"]
        assert {i["group"]: (i["value"], i["n"]) for i in items if i["n"]} == expected, group


def test_days_are_the_companys_and_both_ends_are_included(
    client: FlaskClient, key: dict[str, str], answered: None
) -> None:
    """Answers come at two in the night in Moscow, which is still the day before in UTC."""
    by_day: dict[str, list[int]] = defaultdict(list)
    for row in stored(Response):
        for name in ("nps", "likely"):
            if name in row.answers and row.completed_at:
                by_day[(row.completed_at + timedelta(hours=3)).date().isoformat()].append(row.answers[name])
    items = {i["group"]: i["n"] for i in figure(client, key, "nps?group=day")["items"] if i["n"]}
    assert items == {day: len(scores) for day, scores in by_day.items()}
    assert min(items) == "2026-03-03"
    for query, n in (
        ("from=2026-03-03&to=2026-03-03", 3),
        ("from=2026-03-02&to=2026-03-02", 0),
        ("from=2026-03-04", 4),
        ("to=2026-03-04", 6),
        ("from=2026-03-04&to=2026-03-03", 0),
        ("from=2027-01-01", 0),
    ):
        assert figure(client, key, f"nps?{query}")["n"] == n, query
    # The rate counts by day of hand-over, which was at three in the afternoon of the day before.
    rates = [figure(client, key, f"response-rate?from=2026-03-0{n}&to=2026-03-0{n}") for n in (2, 3, 4, 5)]
    assert [(rate["value"], rate["n"]) for rate in rates] == [(100, 3), (75, 4), (66.67, 3), (None, 0)]


@on_sqlite
def test_nobody_answered_is_no_figure_rather_than_nought(client: FlaskClient, key: dict[str, str]) -> None:
    for metric in METRICS:
        assert figure(client, key, metric) == {"metric": metric, "value": None, "n": 0, "low": None, "high": None}
        assert figure(client, key, f"{metric}?group=survey")["items"] == []


@on_sqlite
def test_counting_again_changes_nothing(
    app: Flask, client: FlaskClient, key: dict[str, str], answered: None, work: Callable[[], None]
) -> None:
    before = [figure(client, key, f"{m}?group=day") for m in METRICS]
    from app.actions.rollups import recount_days
    from app.extensions import insert_rows, transaction
    from app.models.rollups import DirtyDay

    with transaction() as session:
        insert_rows(session, DirtyDay, [{"moment": MONDAY + timedelta(days=n)} for n in range(12)] * 2)
    assert recount_days(500, app.config["COMPANY_ZONE"]) == 24
    assert [figure(client, key, f"{m}?group=day") for m in METRICS] == before


# -- Responses and invitations, from the same story


def test_responses_are_listed_with_their_scores(client: FlaskClient, key: dict[str, str], answered: None) -> None:
    rows = listed(client, key, "/responses")
    assert len(rows) == 8
    first = rows[0]
    assert (first["survey"], first["trigger"], first["contact"], first["complete"]) == ("first", "paid", "c-0", True)
    assert (first["answers"], first["scores"]) == ({"nps": 10, "csat": 5, "ces": 7}, {"nps": 10, "csat": 5, "ces": 7})
    assert [r["contact"] for r in listed(client, key, "/responses?survey=second")] == ["c-6", "c-7", "c-9"]
    assert listed(client, key, "/responses?survey=third") == []
    since, until = "2026-03-04T00:00:00%2B03:00", "2026-03-05T00:00:00%2B03:00"
    assert [r["contact"] for r in listed(client, key, f"/responses?from={since}&to={until}")] == ["c-3", "c-4", "c-6"]
    pages = [said(client.get(f"/api/v1/responses?limit=5&cursor={c}", headers=key)) for c in (0, rows[4]["id"])]
    assert [row for page in pages for row in page["items"]] == rows
    assert [page["next"] for page in pages] == [str(rows[4]["id"]), None]


def test_invitations_are_listed_by_contact_and_state_and_links_are_for_those_who_may(
    client: FlaskClient, key: dict[str, str], answered: None
) -> None:
    from tests.wire import key_with

    assert len(listed(client, key, "/invitations")) == 10
    assert len(listed(client, key, "/invitations?state=completed")) == 8
    assert [i["contact"] for i in listed(client, key, "/invitations?state=open")] == ["c-5", "c-8"]
    assert listed(client, key, "/invitations?state=expired&limit=1") == []
    (own,) = listed(client, key, "/invitations?contact=c-3")
    assert (own["survey"], own["version"], own["channel"], own["state"]) == ("first", 1, "email", "completed")
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/s/\S+", own["url"])
    assert "answered already" in client.get(own["url"]).text
    plain = listed(client, key_with("read"), "/invitations")
    assert not any("url" in row or "public_id" in row for row in plain)
    assert all("url" in row for row in listed(client, key_with("read", "invitations:links"), "/invitations"))
    assert client.get("/api/v1/invitations", headers=key_with("invitations:links")).status_code == 403


@on_sqlite
def test_a_single_answer_has_a_mean_and_no_interval(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, event(contact={"id": "c-1", "email": "a@example.com"}))
    work()
    client.post(survey_url(stored(Invitation)[0].public_id), data={"page": "0", "ces": "6"})
    work()
    assert figure(client, key, "ces") == {"metric": "ces", "value": 6, "n": 1, "low": None, "high": None}
