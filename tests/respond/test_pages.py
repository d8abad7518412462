"""The kind pages: what somebody sees whose link is wrong, over, or used."""

import gzip
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.actions.erasure import erase_contact
from app.clock import utcnow
from app.links import survey_url, unsubscribe_url
from app.models.invitations import Invitation
from app.models.responses import Response
from tests.respond.conftest import Ask
from tests.wire import Clock, event, everything, on_sqlite, run, stored, tell

SURVEY = 'pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]'


def path(url: str) -> str:
    return url.removeprefix("http://127.0.0.1:8000")


@on_sqlite
def test_a_link_with_one_letter_changed_leads_nowhere(client: FlaskClient, ask: Ask) -> None:
    link = ask(SURVEY)
    token = link.removeprefix("/s/")
    before = everything()
    for place in range(len(token)):
        wrong = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert client.get(f"/s/{wrong}").status_code == 404, place
        assert client.post(f"/s/{wrong}", data={"page": "0", "nps": "9"}).status_code == 404, place
    for wrong in (token[:-1], token + "A", token[:22], "x", "%00", "ä" * 48, "x" * 5000, token.upper()):
        assert client.get(f"/s/{wrong}").status_code == 404, wrong
        assert client.post(f"/u/{wrong}").status_code == 404, wrong
    assert everything() == before


@on_sqlite
def test_a_link_is_good_for_its_own_purpose_only(client: FlaskClient, ask: Ask) -> None:
    ask(SURVEY)
    (invitation,) = stored(Invitation)
    survey, leave = (path(make(invitation.public_id))[3:] for make in (survey_url, unsubscribe_url))
    assert survey != leave
    assert (client.get(f"/s/{leave}").status_code, client.get(f"/u/{survey}").status_code) == (404, 404)
    assert client.post(f"/u/{survey}").status_code == 404


@on_sqlite
def test_a_link_of_another_installation_leads_nowhere(app: Flask, client: FlaskClient, ask: Ask) -> None:
    link = ask(SURVEY)
    assert client.get(link).status_code == 200
    app.config["SECRET_KEY"] = "another key that is long enough for it"
    assert client.get(link).status_code == 404


@on_sqlite
@pytest.mark.parametrize(("language", "words"), [("en", "This link does not work"), ("ru", "Ссылка не работает")])
def test_an_unknown_link_is_answered_in_the_language_of_the_browser(
    client: FlaskClient, language: str, words: str
) -> None:
    for address in ("/s/nothing", "/u/nothing", "/s/", "/somewhere"):
        page = client.get(address, headers={"Accept-Language": f"{language},de;q=0.5"})
        assert (page.status_code, page.mimetype, words in page.text) == (404, "text/html", True), address


def test_an_expired_link_is_410_before_and_after_anybody_noticed(
    client: FlaskClient, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    link = ask(SURVEY)
    clock.move(timedelta(days=7) - timedelta(seconds=1))
    assert client.get(link).status_code == 200
    clock.move(timedelta(seconds=1))
    for swept in (False, True):
        if swept:
            run("expire")
        for response in (client.get(link), client.post(link, data={"page": "0", "nps": "9"})):
            assert (response.status_code, "This survey has closed" in response.text) == (410, True)
    assert [(i.state, i.reason) for i in stored(Invitation)] == [("expired", "expired")]
    assert stored(Response) == []


@on_sqlite
def test_an_answer_that_began_in_time_is_kept_when_time_is_over(
    client: FlaskClient, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    link = ask('pages: [{questions: [{id: nps, type: nps, text: "Q"}]}, {questions: [{id: w, type: text, text: "W"}]}]')
    client.post(link, data={"page": "0", "nps": "4"})
    clock.move(timedelta(days=8))
    assert client.post(link, data={"page": "1", "w": "late"}).status_code == 410
    run("announce")
    assert [(r.answers, r.complete) for r in stored(Response)] == [({"nps": 4}, False)]


@on_sqlite
def test_a_cancelled_link_is_410(client: FlaskClient, ask: Ask) -> None:
    link = ask(SURVEY)
    erase_contact(stored(Invitation)[0].contact_id, utcnow())
    for response in (client.get(link), client.post(link, data={"page": "0", "nps": "9"})):
        assert response.status_code == 410
    assert stored(Response) == []


@on_sqlite
def test_an_answered_link_thanks(client: FlaskClient, ask: Ask) -> None:
    link = ask(SURVEY)
    client.post(link, data={"page": "0", "nps": "9"})
    page = client.get(link)
    assert (page.status_code, "You have answered already" in page.text) == (200, True)


@on_sqlite
def test_a_link_does_not_work_before_it_was_sent(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None]
) -> None:
    define(
        f"surveys: [{{slug: s, {SURVEY}}}]\n"
        "triggers: [{slug: t, status: live, when: {event: order.paid}, then: [{send: {survey: s, delay: 1d}}]}]"
    )
    tell(client, key, event(contact={"id": "c", "email": "a@example.com"}))
    run("resolve", "decide", "send")
    (invitation,) = stored(Invitation)
    assert invitation.state == "planned"
    link = path(survey_url(invitation.public_id))
    assert (client.get(link).status_code, client.post(link, data={"nps": "9"}).status_code) == (404, 404)


@on_sqlite
def test_a_personal_page_is_kept_private(client: FlaskClient, ask: Ask) -> None:
    link = ask(SURVEY)
    leave = path(unsubscribe_url(stored(Invitation)[0].public_id))
    for response in (client.get(link), client.get(leave), client.post(link, data={"nps": "x"}), client.get("/s/no")):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Robots-Tag"] == "noindex"
        policy = response.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy or re.search(
            r"script-src( 'sha256-[\w+/]+='){2}; connect-src 'self';", policy
        )
        assert "Set-Cookie" not in response.headers


@on_sqlite
def test_the_page_is_one_small_document_that_needs_no_script(client: FlaskClient, ask: Ask) -> None:
    page = client.get(ask(SURVEY)).text
    assert page.count("<script") == 1  # tests/respond/test_script.py is about what it adds
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert len(gzip.compress(page.encode())) < 10_000
    assert page.count('<input type="radio"') == 11
