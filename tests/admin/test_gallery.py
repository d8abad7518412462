"""New surveys: the gallery of recipes, and files of ours or of other tools that are looked at first."""

import io
import json
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.admin.gallery import FILE_MAX
from app.definitions import load_definitions
from app.definitions.recipes import recipes
from app.queries.surveys import survey_definitions
from app.queries.triggers import trigger_definitions
from tests.admin.conftest import Person, token_of
from tests.wire import on_sqlite

SURVEYJS = {
    "pages": [
        {
            "elements": [
                {"type": "rating", "name": "nps", "title": "Recommend us?", "rateMin": 0, "rateMax": 10},
                {"type": "signaturepad", "name": "sign", "title": "Sign here"},
            ]
        }
    ]
}
OURS = "surveys:\n- {slug: ours, pages: [{questions: [{id: nps, type: nps, text: Recommend us}]}]}\n"


def upload(person: Person, content: bytes, name: str = "old survey.json") -> TestResponse:
    token = token_of(person.get("/profile").text)
    data = {"csrf_token": token, "verb": "read", "file": (io.BytesIO(content), name)}
    return person.client.post("/surveys/new/file", data=data, content_type="multipart/form-data")


@on_sqlite
@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_gallery_shows_every_recipe_by_its_moment(
    app: Flask, sign_in: Callable[..., Person], language: str
) -> None:
    person = sign_in("designer", language=language)
    page = person.get("/surveys/new").text
    for recipe in recipes().values():
        assert f'href="/surveys/new/{recipe.slug}"' in page
        assert recipe.name[language].replace("'", "&#39;") in page
        assert person.get(f"/surveys/new/{recipe.slug}").status_code == 200
    assert 'href="/surveys/new"' in person.get("/surveys").text
    assert "{{" not in page


@on_sqlite
def test_a_card_says_what_it_takes_and_what_it_waits_for(app: Flask, sign_in: Callable[..., Person]) -> None:
    page = sign_in("designer").get("/surveys/new").text
    assert "2 questions, about 40 s" in page
    assert "3 to 7 questions, from 30 s" in page
    assert "waits for: order delivered" in page
    one = sign_in("admin").get("/surveys/new/csat-delivery?language=ru").text
    assert 'src="/p/recipe/csat-delivery/ru"' in one
    assert 'src="/p/recipe/csat-delivery/ru/mail"' in one
    assert "order.delivered" in one
    assert "opens a task for Delivery" in one


@on_sqlite
def test_a_recipe_becomes_linked_drafts_and_leads_to_its_survey(app: Flask, sign_in: Callable[..., Person]) -> None:
    person = sign_in("designer")
    answer = person.post("/surveys/new/interests")
    assert answer.headers["Location"] == "/surveys/interests"
    page = person.get("/surveys/interests").text
    assert "2 triggers as drafts" in page
    for slug in ("interests-ask", "interests-remember"):
        assert f'href="/triggers/{slug}"' in page, "its triggers stand on its page, to be let go live"
    assert {body["status"] for body in trigger_definitions().values()} == {"draft"}
    assert person.post("/surveys/new/interests").headers["Location"] == "/surveys/interests-2"
    assert person.post("/surveys/new/none").status_code == 404
    assert sign_in("manager").post("/surveys/new/interests").status_code in (403, 404)
    assert len(survey_definitions()) == 2


@on_sqlite
def test_a_file_of_another_tool_is_shown_with_what_does_not_map_before_it_is_made(
    app: Flask, sign_in: Callable[..., Person]
) -> None:
    person = sign_in("designer")
    page = upload(person, json.dumps(SURVEYJS).encode()).text
    assert "sign" in page
    assert "1 thing does not map" in page
    assert "slug: old-survey" in page
    assert survey_definitions() == {}
    text = page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0].replace("&#39;", "'")
    answer = person.post("/surveys/new/file", verb="make", text=text)
    assert answer.headers["Location"] == "/surveys/old-survey"
    assert "slug: old-survey-2" in upload(person, json.dumps(SURVEYJS).encode()).text


@on_sqlite
@pytest.mark.parametrize(
    "content",
    [
        OURS,
        json.dumps(
            {"surveys": [{"slug": "ours", "pages": [{"questions": [{"id": "q", "type": "nps", "text": "R?"}]}]}]}
        ),
        json.dumps({"slug": "ours", "pages": [{"questions": [{"id": "q", "type": "nps", "text": "R?"}]}]}),
    ],
    ids=["our YAML", "our JSON", "one survey"],
)
def test_our_own_files_are_taken_as_they_are(app: Flask, sign_in: Callable[..., Person], content: str) -> None:
    person = sign_in("designer")
    page = upload(person, content.encode(), "x.yaml").text
    assert "Everything maps." in page
    text = page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0].replace("&#34;", '"')
    assert person.post("/surveys/new/file", verb="make", text=text).headers["Location"] == "/surveys/ours"
    again = person.post("/surveys/new/file", verb="make", text=text)
    assert again.status_code == 422
    assert "There is one called “ours” already." in again.text
    assert "ours" in again.text.partition("<textarea")[2], "nothing that was typed is lost"


@on_sqlite
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Choose a file first."),
        (b"\x89PNG\r\n", "This file cannot be read"),
        (b"{}", "This file cannot be read"),
        (b"hello", "This file cannot be read"),
        (b"<survey/>", "This file cannot be read"),
        (b"[" * 5000, "This file cannot be read"),
        (b"a: &a [*a]", "This file cannot be read"),
        (b" " * (FILE_MAX + 1), "larger than 400 kB"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(
    app: Flask, sign_in: Callable[..., Person], content: bytes, words: str
) -> None:
    answer = upload(sign_in("designer"), content)
    assert answer.status_code == 422
    assert words in answer.text


@on_sqlite
def test_faults_of_a_file_are_named_with_their_lines(app: Flask, sign_in: Callable[..., Person]) -> None:
    person = sign_in("designer")
    page = upload(person, OURS.replace("nps, text", "npz, text").encode(), "x.yaml").text
    assert "To be put right first:" in page
    assert "line:2" in upload(person, b"surveys:\n- {slug: [}", "x.yaml").text
    answer = person.post("/surveys/new/file", verb="make", text="policy: {limits: []}")
    assert answer.status_code == 422
    assert person.post("/surveys/new/file", verb="make", text="").status_code == 422


@on_sqlite
@pytest.mark.parametrize("kind", ["yaml", "json"])
def test_a_survey_leaves_as_a_file_that_can_come_back(app: Flask, sign_in: Callable[..., Person], kind: str) -> None:
    person = sign_in("designer")
    person.post("/surveys/new/cancellation")
    before = survey_definitions()["cancellation"]
    sheet = person.get(f"/surveys/cancellation/definition.{kind}")
    assert f'filename="cancellation.{kind}"' in sheet.headers["Content-Disposition"]
    assert "Everything maps." in upload(person, sheet.data, f"x.{kind}").text
    loaded = load_definitions({"x": sheet.text})
    assert loaded.catalog.bodies["surveys"]["cancellation"] == before
    assert person.get("/surveys/cancellation/definition.pdf").status_code == 404
    assert person.get(f"/surveys/none/definition.{kind}").status_code == 404
