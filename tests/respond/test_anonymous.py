"""Anonymous surveys: one is asked once, and nothing tells whose an answer is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models.contacts import Contact
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.tasks import Task
from tests.respond.conftest import Ask
from tests.wire import Clock, everything, listed, on_sqlite, stored

SURVEY = """anonymous: true, languages: [en, ru], pages: [
  {questions: [{id: nps, type: nps, text: "How likely?", required: true},
    {id: mail, type: email, text: "Your e-mail?"}]},
  {show_if: {field: answers.nps, op: lte, value: 6}, questions: [{id: why, type: text, text: "Why?"}]}]"""
CARE = """
  - {slug: bad, status: live, when: {event: survey.answered}, if: {field: properties.scores.nps, op: lte, value: 6},
     then: [{task: {department: care, title: "Look, {{ contact.name | somebody }}"}}]}
departments: [{slug: care, name: Care, email: care@example.com}]
"""
NOON = datetime(2026, 11, 21, 12, 34, 56, 789, UTC)


def answer(client: FlaskClient, link: str) -> None:
    first = client.post(link, data={"page": "0", "nps": "2", "mail": "ada@example.com"})
    assert (first.status_code, "Why?" in first.text) == (200, True)
    done = client.post(link, data={"page": "0", "nps": "2", "mail": "ada@example.com", "why": "Slow"})
    assert (done.status_code, "Thank you" in done.text) == (200, True)


def test_no_row_joins_an_answer_to_who_gave_it(
    client: FlaskClient, key: dict[str, str], ask: Ask, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, NOON)
    links = [ask(SURVEY, more=CARE, name=f"Ada {n}") for n in range(3)]
    invitations = {i.id: (i.public_id, i.event_id, i.contact_id) for i in stored(Invitation)}
    clock.move(timedelta(minutes=7, seconds=1))
    for link in links[:2]:
        answer(client, link)
    work()
    responses = stored(Response)
    assert [(r.complete, r.answers["why"]) for r in responses] == [(True, "Slow")] * 2
    assert [r for r in responses if r.contact_id is not None] == []
    held = {i.id: i for i in stored(Invitation) if i.id not in invitations}
    assert {r.invitation_id for r in responses} == set(held)
    assert [i for i in held.values() if {i.contact_id, i.address_id, i.handed_over_at} - {None}] == []
    names = {name for one in invitations.values() for name in one[:1]}
    for table, rows in everything().items():
        for row in rows:
            if table in ("responses", "scores", "response_topics"):
                assert not names & {value for value in row if isinstance(value, str)}, table
    for event in stored(Event, Event.id.in_([i.event_id for i in held.values()])):
        assert (event.contact_id, event.properties, event.occurred_at.hour) == (None, {}, event.received_at.hour)
    told = stored(Event, Event.type == "survey.answered")
    assert [e.contact_id for e in told] == [None, None]
    assert not any(public_id in str(e.properties) for e in told for public_id, *_ in invitations.values())
    assert [(t.contact_id) for t in stored(Task)] == [None, None]
    assert len(stored(Contact)) == 3  # the address that was typed made nobody
    assert [r["contact"] for r in listed(client, key, "/responses")] == [None, None]


def test_times_are_of_the_day_and_one_is_asked_once(
    client: FlaskClient, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, NOON)
    link = ask(SURVEY)
    handed_over = stored(Invitation)[0].handed_over_at
    clock.move(timedelta(minutes=7, seconds=1))
    answer(client, link)
    (response,) = stored(Response)
    moments = {response.started_at, response.changed_at, response.completed_at}
    assert len(moments) == 1
    assert all((m.minute, m.second, m.microsecond) == (0, 0, 0) for m in moments if m)
    asked = stored(Invitation)[0]
    assert (asked.state, asked.completed_at, asked.started_at) == ("completed", handed_over, handed_over)
    for again in (client.get(link), client.post(link, data={"page": "0", "nps": "9"})):
        assert "You have answered already" in again.text
    assert len(stored(Response)) == 1


@on_sqlite
def test_nothing_is_kept_before_the_end_and_the_page_says_so(client: FlaskClient, ask: Ask) -> None:
    link = ask(SURVEY)
    before = everything()
    page = client.get(link).text
    assert "Your answers are anonymous" in page
    assert "&#34;keep&#34;:false" in page
    assert client.post(f"{link}?keep=1", data={"page": "0", "nps": "2"}).status_code == 204
    second = client.post(link, data={"page": "0", "nps": "2"})
    assert '<input type="hidden" name="nps" value="2">' in second.text
    refused = client.post(link, data={"page": "0", "nps": "2", "mail": "nonsense", "why": "Kept"})
    assert (refused.status_code, 'value="nonsense"' in refused.text, 'value="Kept"' in refused.text) == (
        422,
        True,
        True,
    )
    assert everything() == before
    assert "Ответы анонимны" in client.get(ask(SURVEY, locale="ru")).text


@on_sqlite
def test_an_anonymous_survey_gives_no_codes(app: Flask, define: Any) -> None:
    survey = "anonymous: true, pages: [{questions: [{id: a, type: nps, text: A}]}], endings: [{text: Bye, offer: gift}]"
    with pytest.raises(Exception, match="an anonymous survey gives no codes"):
        define(f"offers: [{{slug: gift, codes: [A]}}]\nsurveys: [{{slug: s, {survey}}}]")
