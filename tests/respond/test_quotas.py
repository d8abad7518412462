"""Quotas by answer: so many of a kind are kept, exactly, and whoever comes later is let go politely."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clock import utcnow
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response
from app.queries.results import survey_results
from dashboards.readers import Days
from tests.respond.conftest import AskAll
from tests.wire import on_postgres, on_sqlite, stored

SURVEY = """pages: [{questions: [{id: age, type: number, text: "Your age?"}]},
  {questions: [{id: b, type: text, text: B}]}],
  quotas: [{name: young, if: {field: answers.age, op: lt, value: 30}, max: 2}, {name: all, max: 4}]"""


DAY = timedelta(days=1)


def ages(*, complete: bool = True) -> list[int]:
    return sorted(response.answers["age"] for response in stored(Response) if response.complete is complete)


@pytest.mark.parametrize("anonymous", ["", "anonymous: true, "])
def test_so_many_are_kept_and_the_others_are_let_go(
    client: FlaskClient, ask_all: AskAll, work: Callable[[], None], anonymous: str
) -> None:
    links = ask_all(anonymous + SURVEY, 6)
    said = []
    for link, age in zip(links, (20, 21, 22, 40, 41, 42), strict=True):
        said.append("that was all" in client.post(link, data={"page": "0", "age": age, "b": "x"}).text)
    assert said == [False, False, True, False, False, True]
    assert ages() == [20, 21, 40, 41]
    assert ages(complete=False) == [22, 42]  # what somebody told us is never thrown away
    work()
    asked = [i for i in stored(Invitation) if i.contact_id]
    assert [i.reason for i in asked] == [None, None, "quota_full", None, None, "quota_full"]
    assert {i.state for i in asked} == {"completed"}
    assert len(stored(Event, Event.type == "survey.answered")) == 4
    results = survey_results("s", Days(utcnow().date() - DAY, utcnow().date() + DAY), None)
    assert (results.begun, results.complete) == (4, 4)
    assert "answered already" in client.get(links[2]).text


def test_nobody_goes_on_where_enough_are_there(client: FlaskClient, ask_all: AskAll) -> None:
    links = ask_all(SURVEY, 4)
    for link in links[:2]:
        client.post(link, data={"page": "0", "age": "20", "b": "x"})
    assert "that was all" in client.post(links[2], data={"page": "0", "age": "21"}).text
    assert client.post(links[3], data={"page": "0", "age": "40"}).status_code == 303
    assert [i.reason for i in stored(Invitation)] == [None, None, "quota_full", None]


@on_postgres
def test_many_at_once_never_take_one_place_too_many(app: Flask, ask_all: AskAll) -> None:
    links = ask_all(SURVEY, 12)

    def answer(link: str) -> None:
        with app.app_context():
            app.test_client().post(link, data={"page": "0", "age": "20", "b": "x"})

    threads = [Thread(target=answer, args=(link,)) for link in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ages() == [20, 20]


@on_sqlite
@pytest.mark.parametrize(
    ("quotas", "fault"),
    [
        ("[{name: a, max: 0}]", "max"),
        ("[{name: a}]", "max is missing"),
        ("[{name: a, max: 1}, {name: a, max: 2}]", "two quotas have the same name"),
        ("[{name: a, max: 1, if: {field: nothing, op: eq, value: 1}}]", "must be a path"),
    ],
)
def test_a_quota_that_is_wrong_is_refused(app: Flask, define: Any, quotas: str, fault: str) -> None:
    with pytest.raises(Exception, match=fault):
        define(f"surveys: [{{slug: s, pages: [{{questions: [{{id: a, type: nps, text: A}}]}}], quotas: {quotas}}}]")
