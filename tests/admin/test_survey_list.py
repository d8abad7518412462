"""The list of surveys: found by their words, with one hint each, a menu, and something to begin with."""

from collections.abc import Callable

import pytest
from flask import Flask

from app.queries.surveys import survey_definitions
from tests.admin.conftest import Person, found
from tests.admin.test_results import answered
from tests.conftest import Filling, put_in_force
from tests.wire import on_sqlite

TWO = """
surveys:
  - {slug: first, name: Boxes, pages: [{questions: [{id: a, type: nps, text: {en: "Recommend?", ru: "Посоветуете?"}}]}]}
  - {slug: second, pages: [{questions: [{id: csat, type: csat, text: "How was the ride?"}]}]}
"""


@pytest.fixture
def filling(request: pytest.FixtureRequest) -> Filling | None:
    return answered if "everything" in request.fixturenames else found if "company" in request.fixturenames else None


@pytest.fixture
def everything(app: Flask) -> None:
    """Twelve customers answered every type of question; two more stopped after the first page."""


@on_sqlite
@pytest.mark.parametrize(
    ("words", "hits"),
    [
        ("boxes", {"first"}),
        ("посоветуете", {"first"}),
        ("RIDE how", {"second"}),
        ("second", {"second"}),
        ("", {"first", "second"}),
        ("%25", set()),
        ("<b>", set()),
    ],
)
def test_a_survey_is_found_by_its_name_and_its_questions(
    app: Flask, sign_in: Callable[..., Person], words: str, hits: set[str]
) -> None:
    put_in_force(TWO)
    page = sign_in("manager").get(f"/surveys?q={words}").text
    assert {slug for slug in ("first", "second") if f'href="/surveys/{slug}"' in page} == hits
    assert ("No survey says" in page) is (not hits)
    assert "<b>" not in page


@on_sqlite
def test_a_row_says_where_it_is_asked_and_where_many_leave(
    everything: None, sign_in: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    person = sign_in("designer")
    assert "leave at page" not in person.get("/surveys").text
    monkeypatch.setattr("app.admin.surveys.MANY_LEAVE", 14)
    assert "14 % leave at page 2" in person.get("/surveys").text


@on_sqlite
def test_the_menu_offers_what_each_may(company: None, sign_in: Callable[..., Person]) -> None:
    page = sign_in("designer").get("/surveys").text
    assert "Delivery · asked by" in page
    for words in (
        "Send me a test",
        "Duplicate",
        "Archive",
        "/surveys/order/share",
        "/surveys/order/paper",
        "/surveys/order/definition.json",
    ):
        assert words in page
    seen = sign_in("manager").get("/surveys").text
    assert "/surveys/order/results" in seen
    for words in ("Send me a test", "Duplicate", "Archive"):
        assert words not in seen


@on_sqlite
def test_a_survey_that_a_trigger_asks_is_not_archived_another_is(company: None, sign_in: Callable[..., Person]) -> None:
    put_in_force(TWO)
    person = sign_in("designer")
    person.post("/archive/surveys/order")
    person.post("/archive/surveys/second")
    assert set(survey_definitions()) == {"order", "first"}


@on_sqlite
def test_where_there_is_no_survey_three_stand_ready(app: Flask, sign_in: Callable[..., Person]) -> None:
    page = sign_in("designer", language="ru").get("/surveys").text
    assert page.count("<iframe") == 3
    assert 'src="/p/recipe/csat-delivery/ru"' in page
    assert 'href="/new-survey"' in page
    assert "<iframe" not in sign_in("manager").get("/surveys").text


WAYS = """
surveys:
  - slug: ways
    pages:
      - questions: [{id: nps, type: nps, text: "Recommend?"}]
        jumps:
          - {if: {field: answers.nps, op: gte, value: 9}, to: last}
          - {if: {field: answers.nps, op: eq, value: 0}, to: end}
      - {for: known, questions: [{id: why, type: text, text: "Why?"}]}
      - {for: anonymous, questions: [{id: mail, type: email, text: "Who?"}]}
      - {id: last, questions: [{id: more, type: text, text: "More?"}]}
    endings:
      - {if: {field: answers.nps, op: gte, value: 9}, text: A, redirect: "https://reviews.example/us"}
      - {text: B, link: {url: "https://help.example", text: Help}}
"""


@on_sqlite
def test_a_survey_is_read_with_every_way_through_it(app: Flask, sign_in: Callable[..., Person]) -> None:
    put_in_force(WAYS)
    page = sign_in("manager").get("/surveys/ways").text
    for said in (
        "only for customers we know",
        "only for people we do not know",
        "is at least 9: on to the page “last”",
        "is 0: on to the end",
        "leads to https://reviews.example/us",
        "with a link to https://help.example",
    ):
        assert said in page
