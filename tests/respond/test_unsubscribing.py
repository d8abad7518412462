"""Leaving: a GET shows the way out, a POST is enough, and nothing more is sent."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models.contacts import Address, Contact
from app.models.decisions import Reservation
from app.models.invitations import Invitation
from tests.services import MailServer
from tests.wire import Clock, event, everything, listed, mails, on_sqlite, stored, tell

DEFINITIONS = """
surveys: [{slug: s, languages: [en, ru], pages: [{questions: [{id: nps, type: nps, text: {en: "How likely?"}}]}]}]
triggers:
  - {slug: now, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}
  - {slug: later, status: live, when: {event: visit}, then: [{send: {survey: s, delay: 1d}}]}
  - slug: service
    status: live
    class: service
    when: {event: invoice}
    then: [{message: {text: "Your invoice is there."}}]
"""


@pytest.fixture
def leave(
    app: Flask,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    mail_server: MailServer,
) -> str:
    """Ada was sent a mail; the address behind its unsubscribe button."""
    app.config["SMTP_URL"] = mail_server.url
    define(DEFINITIONS)
    tell(client, key, event("e-1", contact={"id": "ada", "email": "ada@example.com"}))
    work()
    (mail,) = mails(mail_server)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return str(mail["List-Unsubscribe"]).strip(" <>").removeprefix("http://127.0.0.1:8000")


def test_a_get_shows_and_a_post_acts(client: FlaskClient, leave: str) -> None:
    before = everything()
    shown = client.get(leave)
    assert (shown.status_code, f'action="{leave}"' in shown.text) == (200, True)
    assert "No more messages?" in shown.text
    assert everything() == before
    done = client.post(leave)
    assert (done.status_code, "You are unsubscribed" in done.text, "Meadow" in done.text) == (200, True, True)
    assert [c.unsubscribed_at is not None for c in stored(Contact)] == [True]
    assert [a.unsubscribed_at is not None for a in stored(Address)] == [True]


def test_one_click_in_a_mail_program_is_enough_and_may_come_twice(client: FlaskClient, leave: str) -> None:
    click = {"List-Unsubscribe": "One-Click"}
    assert client.post(leave, data=click).status_code == 200
    first = stored(Contact)[0].unsubscribed_at
    assert client.post(leave, data=click, content_type="multipart/form-data").status_code == 200
    assert stored(Contact)[0].unsubscribed_at == first
    assert client.get(leave).status_code == 200


def test_what_was_planned_is_called_off_and_frees_its_place(
    client: FlaskClient,
    key: dict[str, str],
    leave: str,
    work: Callable[[], None],
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    tell(client, key, event("e-2", "visit", contact={"id": "ada"}))
    work()
    assert [i.state for i in stored(Invitation)] == ["open", "planned"]
    client.post(leave)
    assert [(i.state, i.reason) for i in stored(Invitation)] == [("open", None), ("cancelled", "unsubscribed")]
    assert [r.invitation_id for r in stored(Reservation)] == [1]
    clock.move(timedelta(days=1, minutes=1))
    work()
    assert len(mails(mail_server)) == 1


def test_nobody_writes_again_not_even_with_a_service_message(
    client: FlaskClient, key: dict[str, str], leave: str, work: Callable[[], None], mail_server: MailServer
) -> None:
    client.post(leave)
    tell(client, key, event("e-2", contact={"id": "ada"}), event("e-3", "invoice", contact={"id": "ada"}))
    work()
    decisions = listed(client, key, "/decisions?contact=ada&outcome=skipped")
    assert [(d["event"], d["reason"]) for d in decisions] == [("e-3", "unsubscribed"), ("e-2", "unsubscribed")]
    assert len(mails(mail_server)) == 1


def test_the_address_is_left_in_peace_under_every_name(
    client: FlaskClient, key: dict[str, str], leave: str, work: Callable[[], None], mail_server: MailServer
) -> None:
    tell(client, key, event("e-2", "visit", contact={"id": "bob", "email": "ada@example.com"}))
    work()
    client.post(leave)
    tell(client, key, event("e-3", contact={"id": "new", "email": "ADA@example.com"}))
    work()
    (decision,) = listed(client, key, "/decisions?contact=new")
    assert decision["reason"] == "unsubscribed"
    bob = listed(client, key, "/invitations?contact=bob")
    assert [i["state"] for i in bob] in (["planned"], ["cancelled"])
    assert len(mails(mail_server)) == 1


def test_an_open_invitation_can_still_be_answered(client: FlaskClient, key: dict[str, str], leave: str) -> None:
    client.post(leave)
    (invitation,) = listed(client, key, "/invitations?contact=ada")
    assert client.post(invitation["url"], data={"page": "0", "nps": "2"}).status_code == 200


@on_sqlite
def test_a_message_without_a_survey_has_a_way_out_too(
    app: Flask,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    mail_server: MailServer,
) -> None:
    app.config["SMTP_URL"] = mail_server.url
    define(DEFINITIONS)
    tell(client, key, event("e-1", "invoice", contact={"id": "ada", "email": "ada@example.com", "locale": "ru"}))
    work()
    (mail,) = mails(mail_server)
    leave = str(mail["List-Unsubscribe"]).strip(" <>").removeprefix("http://127.0.0.1:8000")
    assert client.get(leave).status_code == 200
    assert client.post(leave).status_code == 200
    assert client.get(leave.replace("/u/", "/s/")).status_code == 404
    assert stored(Contact)[0].unsubscribed_at is not None
