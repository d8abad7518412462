"""Every type of question as respondents meet it: shown, hidden, gone back to, and answered without a script."""
# ruff: noqa: E501 definitions in one line, as the fixture wants them

import json
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from app.actions.pictures import store_picture
from app.clock import utcnow
from app.models.responses import Response
from surveys.questions import TYPES
from tests.browser import chromium
from tests.cli.conftest import Otklik, otklik
from tests.respond.conftest import Ask
from tests.services import MailServer, free_port
from tests.wire import Clock, event, mails, on_sqlite, stored, tell, text_of

__all__ = ["otklik"]
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cf50000003010100c9fe92ef0000000049454e44ae426082"
)
FIRST = """
- {id: nps, type: nps, text: "Recommend us?", required: true}
- {id: csat, type: csat, look: smileys, text: "The visit?"}
- {id: ces, type: ces, text: "How easy?", low: "Hard work", high: "No work"}
- {id: stars, type: rating, text: "The box?", help: "Five is best"}
- {id: hearts, type: rating, max: 3, look: hearts, text: "The card?"}
- {id: reason, type: single, other: true, text: "Why?", options: [price, {value: taste, text: "The taste"}]}
- {id: offer, type: text, text: "Whose offer?", required: true, show_if: {field: answers.reason, op: eq, value: price}}
- {id: liked, type: multiple, min: 2, max: 2, text: "Liked?", options: [Taste, Speed, Price]}
- {id: city, type: dropdown, mixed: true, text: "City?", options: [Tver, Omsk]}
- {id: again, type: yes_no, text: "Again?"}
"""
SECOND = """
- {id: m, type: matrix, text: "How good is…", rows: [{value: box, text: The box}, ride], options: [bad, fine]}
- {id: rank, type: ranking, text: "What matters?", options: [Taste, Speed]}
- {id: full, type: slider, min: 0, max: 100, step: 5, unit: "%", text: "How full?"}
- {id: people, type: number, whole: true, min: 1, text: "How many?"}
- {id: say, type: text, long: true, text: "What else?"}
- {id: day, type: date, min: "2026-01-01", text: "When?"}
- {id: mail, type: email, text: "E-mail?"}
- {id: tel, type: phone, text: "Phone?"}
- {id: ok, type: consent, text: "Your words?", help: "You may quote me"}
- {id: shot, type: image_choice, several: true, text: "Which?",
   options: [{value: a, text: "First", picture: PICTURE}, {value: b, text: "Second"}]}
- {id: bye, type: statement, text: "That is all."}
"""


def pages(*parts: str) -> str:
    """A survey in one line, as the fixture wants it: JSON is YAML too."""
    return f"pages: {json.dumps([{'questions': yaml.safe_load(part)} for part in parts])}"


EVERYTHING = pages(FIRST, SECOND)
ANSWERS_1 = {
    "nps": "9",
    "csat": "4",
    "ces": "7",
    "stars": "5",
    "hearts": "2",
    "reason": "other",
    "reason_other": "The cat",
    "liked": ["Taste", "Price"],
    "city": "Omsk",
    "again": "no",
}
ANSWERS_2 = {
    "m.box": "fine",
    "m.ride": "bad",
    "rank.Taste": "2",
    "rank.Speed": "1",
    "full": "35",
    "people": "3",
    "say": "<b>{{ contact.name }}</b>",
    "day": "2026-12-31",
    "mail": "a@example.com",
    "tel": "+7 900 123-45-67",
    "ok": "yes",
    "shot": ["b", "a"],
}
STORED = {
    "nps": 9,
    "csat": 4,
    "ces": 7,
    "stars": 5,
    "hearts": 2,
    "reason": "other",
    "reason_other": "The cat",
    "liked": ["Taste", "Price"],
    "city": "Omsk",
    "again": False,
    "m": {"box": "fine", "ride": "bad"},
    "rank": ["Speed", "Taste"],
    "full": 35,
    "people": 3,
    "say": "<b>{{ contact.name }}</b>",
    "day": "2026-12-31",
    "mail": "a@example.com",
    "tel": "+79001234567",
    "ok": True,
    "shot": ["a", "b"],
}


def answers() -> dict[str, Any]:
    (response,) = stored(Response)
    return dict(response.answers)


def shown_on(text: str) -> list[str]:
    """The questions of a page, without those that wait for a script to show them."""
    return re.findall(r'name="shown" value="(\w+)"', re.sub(r"<template>.*?</template>", "", text, flags=re.DOTALL))


def with_picture(app: Flask) -> str:
    return EVERYTHING.replace("PICTURE", store_picture(PICTURE, "image/png", utcnow()))


def test_every_type_is_here() -> None:
    assert set(re.findall(r'"type": "(\w+)"', EVERYTHING)) == set(TYPES)


def test_every_type_is_answered_page_by_page(app: Flask, client: FlaskClient, ask: Ask) -> None:
    link = ask(with_picture(app))
    seen = shown_on(client.get(link).text)
    assert seen == ["nps", "csat", "ces", "stars", "hearts", "reason", "liked", "city", "again"]
    first = client.post(link, data={"page": "0", "shown": seen, **ANSWERS_1})
    assert (first.status_code, first.location) == (303, f"{link}?page=1")
    second = client.get(first.location)
    assert re.search(r'src="/i/[0-9a-f]{32}"', second.text)
    done = client.post(link, data={"page": "1", "shown": shown_on(second.text), **ANSWERS_2})
    assert done.status_code == 200
    assert answers() == STORED


@on_sqlite
def test_what_was_answered_stands_there_again_in_every_type(app: Flask, client: FlaskClient, ask: Ask) -> None:
    link = ask(with_picture(app))
    client.post(link, data={"page": "0", **ANSWERS_1})
    client.post(link, data={"page": "1", "back": "1", **ANSWERS_2})
    assert answers() == STORED
    first, second = (client.get(f"{link}?page={page}").text for page in (0, 1))
    assert len(re.findall(r" checked| selected", first)) == 10
    assert 'value="The cat"' in first
    assert len(re.findall(r" checked| selected", second)) == 7
    for value in ("35", "3", "2026-12-31", "a@example.com", "+79001234567"):
        assert f'value="{value}"' in second
    assert "&lt;b&gt;{{ contact.name }}&lt;/b&gt;</textarea>" in second


@on_sqlite
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"liked": ["Taste"]}, "Please choose at least 2."),
        ({"reason": "other", "reason_other": "x" * 5001}, "at most 5\u00a0000 characters"),
        ({"people": "0"}, "Please enter at least 1."),
        ({"people": "1.5"}, "Please enter a whole number."),
        ({"day": "2025-12-31"}, "Please enter a day from 2026-01-01 on."),
        ({"rank.Taste": "1", "rank.Speed": "1"}, "Two have the same place"),
        ({"mail": "a@"}, "This does not look like an e-mail address."),
        ({"tel": "later"}, "This does not look like a phone number."),
        ({"full": "36"}, "Please choose one of the answers shown."),
    ],
)
def test_what_does_not_fit_is_said_beside_the_question_and_nothing_is_lost(
    app: Flask, client: FlaskClient, ask: Ask, given: dict[str, Any], words: str
) -> None:
    link = ask(with_picture(app))
    everything = {"page": "0", "shown": "", **ANSWERS_1, **ANSWERS_2, **given}
    refused = client.post(link, data=everything)
    assert (refused.status_code, refused.text.count(words)) == (422, 1)
    right = {**ANSWERS_1, **ANSWERS_2, "page": "0"}
    assert client.post(link, data=right).status_code == 200
    assert answers() == STORED


# -- Shown and hidden


@on_sqlite
def test_a_question_that_an_answer_on_its_page_brings_is_shown_before_it_goes_on(client: FlaskClient, ask: Ask) -> None:
    link = ask(pages(FIRST, "- {id: why, type: text, text: Why}"))
    seen = shown_on(client.get(link).text)
    stay = client.post(link, data={"page": "0", "shown": seen, "nps": "9", "reason": "price"})
    assert (stay.status_code, stay.location) == (303, f"{link}?page=0")
    again = shown_on(client.get(stay.location).text)
    assert again == [*seen[:6], "offer", *seen[6:]]
    lacking = client.post(link, data={"page": "0", "shown": again, "nps": "9", "reason": "price"})
    assert (lacking.status_code, "Please answer this question." in lacking.text) == (422, True)
    gone_on = client.post(link, data={"page": "0", "shown": again, "nps": "9", "reason": "price", "offer": "Theirs"})
    assert gone_on.location == f"{link}?page=1"
    client.post(link, data={"page": "1", "why": "x"})
    assert answers() == {"nps": 9, "reason": "price", "offer": "Theirs", "why": "x"}


@on_sqlite
def test_a_required_question_that_is_hidden_again_does_not_stand_in_the_way(client: FlaskClient, ask: Ask) -> None:
    link = ask(pages(FIRST, "- {id: why, type: text, text: Why}"))
    client.post(link, data={"page": "0", "nps": "9", "reason": "price", "offer": "Theirs"})
    seen = shown_on(client.get(f"{link}?page=0").text)
    assert "offer" in seen
    changed = client.post(link, data={"page": "0", "shown": seen, "nps": "9", "reason": "taste"})
    assert changed.location == f"{link}?page=1"
    client.post(link, data={"page": "1"})
    assert answers() == {"nps": 9, "reason": "taste"}


@on_sqlite
def test_answers_forged_for_hidden_questions_do_not_count(client: FlaskClient, ask: Ask) -> None:
    link = ask(pages(FIRST))
    client.post(link, data={"page": "0", "shown": ["offer", "nps"], "nps": "9", "reason": "taste", "offer": "Forged"})
    client.post(link, data={"page": "0", "nps": "9", "reason": "taste", "offer": "Forged"})
    assert answers() == {"nps": 9, "reason": "taste"}


@on_sqlite
def test_going_back_keeps_what_is_fine_and_complains_of_nothing(client: FlaskClient, ask: Ask) -> None:
    link = ask(
        pages("- {id: a, type: text, text: A}", "- {id: b, type: number, text: B}\n- {id: c, type: text, text: C}")
    )
    client.post(link, data={"page": "0", "a": "one"})
    assert 'name="back"' not in client.get(f"{link}?page=0").text
    assert 'name="back"' in client.get(f"{link}?page=1").text
    back = client.post(link, data={"page": "1", "back": "1", "b": "many", "c": "kept"})
    assert (back.status_code, back.location) == (303, f"{link}?page=0")
    assert answers() == {"a": "one", "c": "kept"}


@on_sqlite
def test_pages_jump_over_others_and_to_the_end(client: FlaskClient, ask: Ask) -> None:
    link = ask(
        "pages: [{questions: [{id: nps, type: nps, text: N}], jumps: [{if: {field: answers.nps, op: gte, value: 9}, to: end},"
        " {if: {field: answers.nps, op: gte, value: 7}, to: last}]},"
        " {questions: [{id: why, type: text, text: W}]}, {id: last, questions: [{id: so, type: text, text: S}]}]"
    )
    assert client.post(link, data={"page": "0", "nps": "3"}).location == f"{link}?page=1"
    assert client.post(link, data={"page": "0", "nps": "7"}).location == f"{link}?page=2"
    assert client.post(link, data={"page": "0", "nps": "9", "why": "x"}).status_code == 200
    assert answers() == {"nps": 9}


@on_sqlite
def test_a_known_customer_is_not_asked_what_strangers_are(client: FlaskClient, ask: Ask) -> None:
    link = ask(
        "pages: [{for: anonymous, questions: [{id: who, type: text, text: 'Your name?'}]},"
        " {for: known, questions: [{id: a, type: text, text: 'About it?'}]}]"
    )
    assert shown_on(client.get(link).text) == ["a"]


# -- How it ends, and looks


@on_sqlite
def test_an_ending_leads_on(client: FlaskClient, ask: Ask) -> None:
    low = "{field: answers.nps, op: lte, value: 6}"
    survey = (
        "pages: [{questions: [{id: nps, type: nps, text: N}, {id: why, type: single, text: W, options: [{value: p, text: The price}]}]}],"
        f" endings: [{{if: {low}, text: 'Sorry about {{{{ answers.why }}}}', link: {{url: 'https://example.com/r?a=1&b=2', text: Tell more}}}},"
        " {text: Thanks, redirect: 'https://example.com/away'}]"
    )
    said = client.post(ask(survey), data={"page": "0", "nps": "3", "why": "p"}).text
    assert "Sorry about The price" in said
    assert 'href="https://example.com/r?a=1&amp;b=2" rel="noopener noreferrer nofollow">Tell more<' in said
    away = client.post(ask(survey), data={"page": "0", "nps": "9"})
    assert 'http-equiv="refresh" content="0;url=https://example.com/away"' in away.text
    assert 'href="https://example.com/away"' in away.text
    assert [response.complete for response in stored(Response)] == [True, True]


@on_sqlite
def test_a_survey_wears_its_own_look_where_it_can_be_read(client: FlaskClient, ask: Ask) -> None:
    looks = "theme: {colour: '#0B6B4F', corner: 0, size: large, send: Off it goes}, progress: false"
    page = client.get(ask(f"{pages('- {id: a, type: text, text: A}')}, {looks}")).text
    assert "--corner:0px" in page
    assert "--accent:#0b6b4f" in page
    assert "font:18px/1.5" in page
    assert ">Off it goes</button>" in page
    pale = client.get(ask(f"{pages('- {id: a, type: text, text: A}')}, theme: {{colour: '#ffffee'}}")).text
    assert re.findall(r"--accent:(#\w+)", pale) == ["#5b5bd6", "#ffffee"]  # by day nobody could read it
    assert "--corner:10px" in pale


@on_sqlite
def test_a_language_that_runs_from_the_right_does(client: FlaskClient, ask: Ask) -> None:
    survey = "languages: [ar, en], pages: [{questions: [{id: a, type: text, text: {ar: 'كيف؟', en: 'How?'}}]}]"
    assert '<html lang="ar" dir="rtl">' in client.get(ask(survey, locale="ar")).text
    assert '<html lang="en">' in client.get(ask(survey, locale="en")).text


@on_sqlite
def test_the_words_of_the_message_are_the_triggers_then_the_surveys_then_ours(
    app: Flask,
    client: FlaskClient,
    key: dict[str, str],
    define: Any,
    work: Any,
    mail_server: MailServer,
) -> None:
    app.config["SMTP_URL"] = mail_server.url
    survey = pages("- {id: a, type: nps, text: Well}")
    message = "message: {subject: {en: Of the survey}, benefit: {en: Cake}, signature: {en: 'Yours,\n\nMeadow'}}"
    define(f"""
surveys: [{{slug: s, {survey}, {message}}}]
triggers:
  - {{slug: own, status: live, when: {{event: a}}, then: [{{send: {{survey: s, message: {{subject: {{en: Of the trigger}}}}}}}}]}}
  - {{slug: plain, status: live, when: {{event: b}}, then: [{{send: {{survey: s}}}}]}}
""")
    tell(client, key, event("1", "a", contact={"id": "x", "email": "x@example.com"}))
    tell(client, key, event("2", "b", contact={"id": "y", "email": "y@example.com"}))
    work()
    found = {mail["To"]: mail for mail in mails(mail_server)}
    assert {to: mail["Subject"] for to, mail in found.items()} == {
        "x@example.com": "Of the trigger",
        "y@example.com": "Of the survey",
    }
    for mail in found.values():
        for kind in ("plain", "html"):
            said = text_of(mail, kind)
            assert ("Cake" in said, "Yours," in said, "You get this message" in said) == (True, True, True)


# -- Pictures


@on_sqlite
def test_a_picture_is_kept_once_and_is_only_ever_a_picture(client: FlaskClient, otklik: Otklik, tmp_path: Path) -> None:
    file, page = tmp_path / "a.png", tmp_path / "page.html"
    file.write_bytes(PICTURE)
    page.write_text("<script>alert(1)</script>")
    name = otklik("picture", file).stdout.split()[0]
    assert otklik("picture", file, file).stdout.split() == [name, "a.png"] * 2
    got = client.get(f"/i/{name}")
    assert (got.status_code, got.data, got.mimetype) == (200, PICTURE, "image/png")
    assert got.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/i/" + "0" * 32).status_code == 404
    assert "page.html is no PNG, JPEG or WebP picture" in otklik("picture", page, status=1).stderr


# -- In a browser


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """Where the application is served."""
    port = free_port()
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()


@on_sqlite
@pytest.mark.browser
def test_every_type_is_for_everybody(app: Flask, ask: Ask, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    link = served + ask(with_picture(app))
    told: list[str] = []
    with chromium() as browser:
        for dark, width in ((False, 390), (True, 1440)):
            looks: Any = "dark" if dark else "light"
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=looks)
            page.on("console", lambda message: told.append(f"{message.text} {message.location['url']}"))
            for number in (0, 1):
                page.goto(f"{link}?page={number}&nps=9&stars=4&csat=2&m.box=fine&ok=yes")
                found = Axe().run(page)
                assert found.violations_count == 0, (looks, number, found.generate_report())
                assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.close()
    assert [words for words in told if not words.endswith("/favicon.ico")] == []
