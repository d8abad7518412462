"""The page of results: every type of question, by period and channel, for whoever may see answers."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.actions.pictures import store_picture
from app.clock import utcnow
from app.links import survey_url
from app.models.invitations import Invitation
from app.queries.results import leaving, stops
from tests.admin.conftest import Person
from tests.conftest import Filling, put_in_force, until_nothing_is_ready
from tests.respond.test_types import ANSWERS_1, ANSWERS_2, FIRST, PICTURE, SECOND, pages
from tests.wire import event, key_with, on_sqlite, stored, tell

ASKED = 12


@pytest.fixture
def filling(request: pytest.FixtureRequest) -> Filling | None:
    return answered if "everything" in request.fixturenames else None


@pytest.fixture
def everything(app: Flask) -> None:
    """Twelve customers answered every type of question; two more stopped after the first page."""


def answered(app: Flask, _patch: pytest.MonkeyPatch) -> None:
    second = SECOND.replace("PICTURE", store_picture(PICTURE, "tests", utcnow()))
    put_in_force(
        f"surveys: [{{slug: all, name: Everything, {pages(FIRST, second)}}}]\n"
        "triggers: [{slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: all}}]}]"
    )
    client, key = app.test_client(), key_with("all")
    for n in range(ASKED + 2):
        tell(client, key, event(f"o-{n}", contact={"id": f"c-{n}", "email": f"c{n}@example.com"}))
    until_nothing_is_ready()
    for n, invitation in enumerate(stored(Invitation)):
        url = survey_url(invitation.public_id)
        client.post(url, data={"page": "0", **ANSWERS_1})
        if n < ASKED:
            client.post(url, data={"page": "1", **ANSWERS_2})
    until_nothing_is_ready()


def test_every_type_of_question_stands_with_its_figure_and_its_table(
    everything: None, sign_in: Callable[..., Person]
) -> None:
    page = sign_in("manager").get("/surveys/all/results").text
    assert "12 answers sent in" in page
    assert "2 begun and not sent in" in page
    for name in (*json.loads(pages(FIRST, SECOND).removeprefix("pages: "))[0]["questions"],):
        assert f'id="{name["id"]}"' in page
    assert "The cat" in page, "one's own words for other"
    assert "&lt;b&gt;{{ contact.name }}&lt;/b&gt;" in page, "words are only words"
    assert "a@example.com" not in page
    assert "Nobody answered this." in page, "nobody was asked whose offer it was"
    assert page.count("<table") >= 15
    assert "Where people stop" in page


def test_the_answers_of_a_channel_and_of_a_time(everything: None, sign_in: Callable[..., Person]) -> None:
    person = sign_in("manager")
    assert "12 answers sent in" in person.get("/surveys/all/results?channel=email&period=all").text
    for odd in ("channel=fax", "period=9", "period=30d"):
        assert "12 answers sent in" in person.get(f"/surveys/all/results?{odd}").text


@on_sqlite
def test_a_survey_without_answers_says_so_and_one_that_is_not_there_too(
    company: None, sign_in: Callable[..., Person]
) -> None:
    put_in_force("surveys: [{slug: fresh, pages: [{questions: [{id: q, type: nps, text: Q}]}]}]")
    person = sign_in("designer")
    assert "No answers in this time." in person.get("/surveys/fresh/results").text
    assert person.get("/surveys/none/results").status_code == 404
    assert 'href="/surveys/fresh/results"' in person.get("/surveys/fresh").text


@on_sqlite
def test_an_agent_sees_no_results(company: None, sign_in: Callable[..., Person]) -> None:
    assert sign_in("agent").get("/surveys/order/results").status_code in (403, 404)


@on_sqlite
def test_where_people_leave_is_known_once_enough_of_them_came(everything: None) -> None:
    since = utcnow() - timedelta(days=1)
    found = leaving("all", since)
    assert found is not None
    assert (found.page, round(found.share)) == (2, 14)
    assert leaving("all", utcnow() + timedelta(days=1)) is None
    assert leaving("none", since) is None


@on_sqlite
def test_the_builder_says_of_each_page_how_many_stop_there(
    everything: None, sign_in: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    person = sign_in("designer")
    told: Any = person.get("/surveys/all/draft/stops").json
    first, second = told["pages"].values()
    assert first.startswith("0 % stop here (± ")
    assert second.startswith("14 % stop here (± ")
    assert second.endswith(", n 14)")
    assert told["all"].startswith("14 % do not finish (± ")
    monkeypatch.setattr("app.queries.results.MINIMUM", ASKED + 3)
    assert stops("all", utcnow() - timedelta(days=1)) is None
    assert person.get("/surveys/all/draft/stops").json == {"pages": {}, "all": ""}
