"""Open links: anybody may answer, each page once, machines not for free; and a closed one says so."""

import re
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from html import unescape
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.actions.links import InvalidOrigin, Wanted, make_link, switch_link
from app.clock import utcnow
from app.extensions import RateExceeded, db
from app.models.contacts import Contact
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.links import OpenLink
from app.models.responses import Response
from app.queries.links import links_of
from app.queries.rollups import figures
from app.respond.open_links import TRAP, ZEROS
from tests.wire import Clock, stored

DEFINITIONS = """
surveys:
  - slug: s
    languages: [en, ru]
    pages:
      - questions: [{id: nps, type: nps, required: true, text: {en: "How likely?", ru: "Посоветуете?"}}]
      - for: anonymous
        questions:
          - {id: name, type: text, text: {en: "Your name", ru: "Имя"}}
          - {id: mail, type: email, text: {en: "Your address", ru: "Почта"}}
      - for: known
        questions: [{id: why, type: text, text: {en: "{{ contact.name }}, why?", ru: "Почему?"}}]
    endings: [{text: {en: "Thanks, {{ answers.name | friend }}.", ru: "Спасибо."}}]
triggers:
  - slug: hear
    status: live
    when: {event: survey.answered}
    then: [{set: {attribute: scored, from: answers.nps}}]
"""
POSTER = Wanted("Poster", "Visit", "Riverside", (), None)


@pytest.fixture
def link(app: Flask, define: Callable[[str], None]) -> str:
    """The address of an open link."""
    return opened(define, POSTER)


def opened(define: Callable[[str], None], wanted: Wanted) -> str:
    define(DEFINITIONS)
    make_link("s", wanted, actor="tests", now=utcnow())
    return f"/o/{stored(OpenLink)[-1].public_id}"


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return unescape(found[1])


def proof_of(ticket: str) -> str:
    hashes = ((n, sha256(f"{ticket}:{n}".encode()).digest()) for n in count())
    return str(next(n for n, hashed in hashes if int.from_bytes(hashed[:4]) >> (32 - ZEROS) == 0))


def first_page(client: FlaskClient, link: str, **answers: str) -> dict[str, str]:
    """What the first page sends when these answers are given."""
    page = client.get(link).text
    ticket = field(page, "ticket")
    return {"page": "0", "shown": "nps", "ticket": ticket, "proof": proof_of(ticket), **answers}


def test_anybody_answers_and_who_gives_an_address_becomes_a_customer(
    client: FlaskClient, link: str, work: Callable[[], None]
) -> None:
    led = client.post(link, data=first_page(client, link, nps="9"))
    assert led.status_code == 303
    assert led.headers["Location"].startswith(f"{link}/")
    page = client.get(led.headers["Location"])
    assert "Your address" in page.text
    assert "why?" not in page.text  # is for those we know
    address = led.headers["Location"].partition("?")[0]
    end = client.post(address, data={"page": "1", "shown": ["name", "mail"], "name": "Ada", "mail": "ada@example.com"})
    assert "Thanks, Ada." in end.text
    work()
    [contact] = stored(Contact)
    assert (contact.name, contact.attributes) == ("Ada", {"scored": 9})
    [response] = stored(Response)
    assert (response.answers, response.complete) == ({"nps": 9, "name": "Ada", "mail": "ada@example.com"}, True)
    [found] = figures("nps", None, None, "place")
    assert (found.group, found.figure.n) == ("Riverside", 1)
    [rate] = figures("response-rate", None, None, None)
    assert rate.figure.n == 0  # nobody was written to
    [told] = links_of("s")
    assert (told.name, told.began, told.answered) == ("Poster", 1, 1)


def test_a_page_begins_one_answer_however_often_it_is_sent(client: FlaskClient, link: str) -> None:
    sent = first_page(client, link, nps="9")
    ways = {client.post(link, data=sent).headers["Location"] for _ in range(3)}
    assert len(ways) == 1
    assert len(stored(Invitation)) == len(stored(Response)) == len(stored(Event)) == 1
    client.post(link, data=first_page(client, link, nps="2"))
    assert len(stored(Response)) == 2


def test_a_missing_answer_is_asked_for_and_nothing_is_lost(client: FlaskClient, link: str) -> None:
    answer = client.post(link, data=first_page(client, link))
    assert answer.status_code == 422
    assert "Please answer this question." in answer.text
    assert re.search(rf'action="{link}/[^"]+"', answer.text)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"ticket": "1.a.b"}, 409, "This page lay open for a long time."),
        ({"ticket": ""}, 409, "This page lay open for a long time."),
        ({"ticket": "ы.."}, 409, "This page lay open for a long time."),
        ({TRAP: "http://spam.example"}, 200, "Your answer is with us."),
    ],
)
def test_what_no_page_of_ours_sent_is_not_taken(
    client: FlaskClient, link: str, changes: dict[str, str], status: int, said: str
) -> None:
    answer = client.post(link, data=first_page(client, link, nps="9") | changes)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert stored(Event) == []
    if status == 409:
        assert re.search(r'value="9"[^>]* checked', answer.text)
        assert field(answer.text, "ticket") != changes["ticket"]


def test_a_ticket_holds_for_its_link_and_its_time(
    client: FlaskClient, link: str, define: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    sent, other = first_page(client, link, nps="9"), opened(define, POSTER)
    assert client.post(other, data=sent).status_code == 409
    clock.move(timedelta(hours=13))
    assert client.post(link, data=sent).status_code == 409
    clock.move(timedelta(hours=-12))
    assert client.post(link, data=sent).status_code == 303


def test_without_the_work_an_address_may_begin_fewer_answers(
    app: Flask, client: FlaskClient, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[tuple[str, str]] = []
    monkeypatch.setattr("app.respond.open_links.check_rate", lambda kind, caller: counted.append((kind, caller)))
    for proof in ("", "0", "-1", "9" * 13, "٣"):
        client.post(link, data=first_page(client, link, nps="9") | {"proof": proof})
    client.post(link, data=first_page(client, link, nps="9"))
    assert [kind for kind, _ in counted[:-1]] == ["unproved"] * 5
    assert counted[-1] == ("proved", "127.0.0.1")


def test_too_many_are_asked_to_wait_and_keep_what_they_typed(
    client: FlaskClient, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_kind: str, caller: str) -> None:
        raise RateExceeded(caller)

    monkeypatch.setattr("app.respond.open_links.check_rate", full)
    answer = client.post(link, data=first_page(client, link, nps="9"))
    assert (answer.status_code, "please try again in a while" in answer.text) == (429, True)
    assert re.search(r'value="9"[^>]* checked', answer.text)
    assert stored(Event) == []


def test_a_closed_link_says_so_and_who_had_begun_comes_to_the_end(client: FlaskClient, link: str) -> None:
    sent = first_page(client, link, nps="9")
    begun = client.post(link, data=sent).headers["Location"]
    number = stored(OpenLink)[0].id
    assert switch_link(number, actor="tests", now=utcnow())
    assert client.get(link).status_code == 410
    assert client.post(link, data=sent).status_code == 410
    page = client.get(begun)
    assert (page.status_code, "Your address" in page.text) == (200, True)
    assert client.get("/o/nothing").status_code == 410
    assert not switch_link(number, actor="tests", now=utcnow())
    assert client.get(link).status_code == 200


def test_the_language_is_that_of_the_browser_or_of_the_address(client: FlaskClient, link: str) -> None:
    russian = client.get(link, headers={"Accept-Language": "ru"}).text
    assert "Посоветуете?" in russian
    assert "How likely?" in client.get(f"{link}?language=en", headers={"Accept-Language": "ru"}).text
    sent = first_page(client, link, nps="9")
    client.post(f"{link}?language=ru", data=sent)
    assert stored(Response)[0].language == "ru"


def test_only_the_pages_it_names_may_frame_it(client: FlaskClient, link: str, define: Callable[[str], None]) -> None:
    assert "frame-ancestors 'none'" in client.get(link).headers["Content-Security-Policy"]
    framed = opened(define, Wanted("Page", None, None, ("https://shop.example", "https://b.example:8443"), None))
    wanted = "frame-ancestors https://shop.example https://b.example:8443;"
    assert wanted in client.get(framed).headers["Content-Security-Policy"]
    begun = client.post(framed, data=first_page(client, framed, nps="9")).headers["Location"]
    assert wanted in client.get(begun).headers["Content-Security-Policy"]


@pytest.mark.parametrize("origin", ["http://shop.example", "https://shop.example/page", "*", "https://a;b", "shop"])
def test_an_origin_is_no_more_than_that(define: Callable[[str], None], origin: str) -> None:
    with pytest.raises(InvalidOrigin):
        opened(define, Wanted("Page", None, None, ("https://fine.example", origin), None))
    assert stored(OpenLink) == []


def test_a_tablet_begins_again(client: FlaskClient, define: Callable[[str], None]) -> None:
    tablet = opened(define, Wanted("Tablet", None, None, (), 20))
    again = f'data-again="20" data-start="{tablet}"'
    assert again in client.get(tablet).text
    begun = client.post(tablet, data=first_page(client, tablet, nps="9")).headers["Location"]
    assert again in client.get(begun).text
    end = client.post(begun.partition("?")[0], data={"page": "1", "shown": ["name", "mail"]}).text
    assert f'<meta http-equiv="refresh" content="20;url={tablet}">' in end


def test_nothing_of_a_link_is_open_to_guesses(client: FlaskClient, link: str) -> None:
    first = client.post(link, data=first_page(client, link, nps="9")).headers["Location"].partition("?")[0]
    token = first.rpartition("/")[2]
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    for method in (client.get, client.post):
        told: Any = method(f"{link}/{wrong}")
        assert told.status_code == 404
    assert db.session.query(Response).count() == 1
