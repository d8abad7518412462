"""Forgetting a contact: no table, page or list knows them any more, and they are left in peace for good."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.links import survey_url, unsubscribe_url
from app.models.contacts import Address, Contact, Identity
from app.models.decisions import Reservation
from app.models.invitations import Invitation
from app.models.responses import Response, Score
from tests.services import MailServer
from tests.wire import Clock, event, everything, key_with, listed, mails, on_sqlite, said, stored, tell

DEFINITIONS = """
policy: {limits: [{name: twice, max: 2, per: 30d}]}
departments: [{slug: care, email: care@example.com}]
sources: [{slug: shop}]
surveys:
  - slug: s
    pages:
      - questions:
          - {id: nps, type: nps, text: "How likely?"}
          - {id: why, type: text, text: "Why?"}
          - {id: topic, type: single, text: "What?", options: [price, service]}
triggers:
  - {slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}
  - {slug: later, status: live, when: {event: visit}, then: [{send: {survey: s, delay: 1d}}]}
  - slug: unhappy
    status: live
    when: {event: survey.answered}
    then:
      - {task: {department: care, title: "Call {{ contact.name }}: {{ answers.why }}"}}
      - {notify: {channel: care, text: "{{ contact.name }} ({{ contact.email }}) says {{ answers.why }}"}}
      - {set: {attribute: last_why, from: answers.why}}
"""
ADA = {
    "id": "crm-815",
    "email": "Ada.Byron@example.com",
    "phone": "8 900 123-45-67",
    "name": "Ada Byron",
    "attributes": {"plan": "Countess-Plan"},
}
TRACES = ["crm-815", "ada.byron", "Ada.Byron", "79001234567", "900 123-45-67", "Byron", "Countess-Plan", "box was wet"]
TRACES += ["Lovelace", "street 7"]


@pytest.fixture
def lived(
    app: Flask,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    mail_server: MailServer,
) -> MailServer:
    """Ada has bought, answered in her own words, changed her name, and was refused a mail; Bob did nothing."""
    app.config["SMTP_URL"] = mail_server.url
    define(DEFINITIONS)
    tell(client, key, event("e-1", contact=ADA, properties={"address": "street 7"}))
    tell(client, key, event("e-2", contact={"id": "bob", "email": "bob@example.com", "name": "Bob"}))
    work()
    first = stored(Invitation)[0]
    form = {"page": "0", "nps": "2", "why": "The box was wet.", "topic": "service"}
    assert client.post(survey_url(first.public_id), data=form).status_code == 200
    work()
    refusal = "552 5.2.2 <ada.byron@example.com>: mailbox of Ada Byron is full"
    mail_server.mailbox.rcpt_answers["ada.byron@example.com"] = refusal
    tell(client, key, event("e-3", contact=ADA | {"name": "Ada Lovelace"}))
    work()
    mail_server.mailbox.rcpt_answers.clear()
    clash = client.post("/api/v1/events", json=event("e-1", contact=ADA, properties={"x": 1}), headers=key)
    assert clash.status_code == 409
    # The task's title is made on reading, so a comment is the place where people write names.
    client.patch("/api/v1/tasks/1", json={"comment": "Talked to the customer."}, headers=key)
    tell(client, key, event("e-4", "visit", contact={"id": "crm-815"}), event("e-5", contact={"id": "crm-815"}))
    work()
    return mail_server


def forget(client: FlaskClient, key: dict[str, str]) -> None:
    response = client.delete("/api/v1/contacts/crm-815", headers=key)
    assert (response.status_code, response.text) == (204, "")


def traces() -> dict[str, list[str]]:
    """The tables that still know something of Ada, and what."""
    found: dict[str, list[str]] = {}
    for table, rows in everything().items():
        text = repr(rows).replace("\\\\", "\\")
        known = [trace for trace in TRACES if trace.lower() in text.lower()]
        if known:
            found[table] = known
    return found


def test_no_table_knows_an_erased_contact(client: FlaskClient, key: dict[str, str], lived: MailServer) -> None:
    assert {"contacts", "events", "identities", "addresses", "responses", "deliveries"} <= set(traces())
    forget(client, key)
    assert traces() == {}


@on_sqlite
def test_mails_that_were_kept_as_files_are_forgotten_too(
    app: Flask, client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, event("e-1", contact=ADA), event("e-2", contact={"id": "bob", "email": "bob@example.com"}))
    work()
    folder = app.config["DATA_DIR"] / "mail"
    assert len(list(folder.iterdir())) == 2
    forget(client, key)
    assert [b"bob@example.com" in file.read_bytes() for file in folder.iterdir()] == [True]


@on_sqlite
def test_a_neighbour_stays_as_they_were(client: FlaskClient, key: dict[str, str], lived: MailServer) -> None:
    before = said(client.get("/api/v1/contacts/bob", headers=key))
    forget(client, key)
    assert said(client.get("/api/v1/contacts/bob", headers=key)) == before
    assert [i["state"] for i in listed(client, key, "/invitations?contact=bob")] == ["open"]


@on_sqlite
def test_what_was_counted_stays_counted(client: FlaskClient, key: dict[str, str], lived: MailServer) -> None:
    before = [said(client.get(f"/api/v1/metrics/{m}", headers=key)) for m in ("nps", "response-rate")]
    forget(client, key)
    assert [said(client.get(f"/api/v1/metrics/{m}", headers=key)) for m in ("nps", "response-rate")] == before
    assert [(s.metric, s.value) for s in stored(Score)] == [("nps", 2)]
    (response,) = stored(Response)
    assert response.answers["nps"] == 2
    assert "why" not in response.answers


@on_sqlite
def test_lists_and_pages_go_on_without_them(
    client: FlaskClient, key: dict[str, str], lived: MailServer, work: Callable[[], None]
) -> None:
    tasks = len(listed(client, key, "/tasks"))
    public_id = stored(Contact)[0].public_id
    forget(client, key)
    work()
    assert client.get("/api/v1/contacts/crm-815", headers=key).status_code == 404
    assert client.delete("/api/v1/contacts/crm-815", headers=key).status_code == 404
    assert len(listed(client, key, "/tasks")) == tasks
    for address in ("/tasks", "/decisions", "/invitations", "/responses"):
        told = repr(listed(client, key, address))
        assert not [trace for trace in TRACES if trace in told], address
        assert public_id in told
    assert [said(client.get(f"/api/v1/events/api/e-{n}", headers=key))["properties"] for n in (1, 2)] == [
        {"erased": True},
        {},
    ]
    assert client.delete(f"/api/v1/contacts/{public_id}", headers=key).status_code == 204


def test_what_was_promised_is_called_off(
    client: FlaskClient,
    key: dict[str, str],
    lived: MailServer,
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    sent = len(mails(lived))
    own = [i for i in stored(Invitation) if i.contact_id == stored(Contact)[0].id]
    assert {i.state for i in own} >= {"completed", "cancelled", "planned"}
    links, contact_id = [i.public_id for i in own], own[0].contact_id
    forget(client, key)
    states = [i.state for i in stored(Invitation) if i.contact_id == contact_id]
    assert set(states) == {"completed", "cancelled"}
    clock.move(timedelta(days=1, hours=1))
    work()
    assert len(mails(lived)) == sent
    for link in links:
        assert client.get(survey_url(link)).status_code in (200, 410)
        assert client.get(unsubscribe_url(link)).status_code == 200
        assert client.post(unsubscribe_url(link)).status_code == 200


@on_sqlite
def test_who_comes_back_is_somebody_new_and_still_left_in_peace(
    client: FlaskClient, key: dict[str, str], lived: MailServer, work: Callable[[], None]
) -> None:
    sent = len(mails(lived))
    forget(client, key)
    tell(client, key, event("back", contact=ADA | {"email": " ADA.BYRON@example.com"}))
    work()
    again = said(client.get("/api/v1/contacts/crm-815", headers=key))
    assert (again["name"], again["email"]) == ("Ada Byron", "ada.byron@example.com")
    assert len(stored(Contact)) == 3
    (decision,) = [d for d in listed(client, key, "/decisions?contact=crm-815") if d["event"] == "back"]
    assert decision["reason"] in ("suppressed", "unsubscribed")
    assert len(mails(lived)) == sent


@on_sqlite
def test_a_mailbox_that_others_use_stays_theirs(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    shared = {"email": "family@example.com"}
    tell(
        client, key, event("e-1", "x", contact={"id": "a", **shared}), event("e-2", "x", contact={"id": "b", **shared})
    )
    work()
    assert client.delete("/api/v1/contacts/a", headers=key).status_code == 204
    (address,) = stored(Address)
    assert (address.value, address.suppressed_at) == ("family@example.com", None)
    tell(client, key, event("e-3", contact={"id": "b"}))
    work()
    assert [d["outcome"] for d in listed(client, key, "/decisions?contact=b")] == ["invited"]
    assert [(i.kind, i.value) for i in stored(Identity)] == [("external", "b")]


@on_sqlite
def test_events_that_still_wait_are_forgotten_with_their_contact(
    client: FlaskClient, key: dict[str, str], lived: MailServer, work: Callable[[], None]
) -> None:
    """An event that was posted before and is resolved after must not bring a name back to the erased contact."""
    tell(client, key, event("late", contact={"id": "crm-815", "name": "Ada Byron"}))
    forget(client, key)
    work()
    erased = stored(Contact)[0]
    assert (erased.name, erased.attributes) == (None, {})
    assert len(stored(Reservation, Reservation.contact_id == erased.id)) <= 2


@on_sqlite
def test_only_a_key_of_the_source_that_names_them_may_forget_them(
    client: FlaskClient, key: dict[str, str], lived: MailServer
) -> None:
    for scopes, source, status in ((["read"], "api", 403), (["contacts:write"], "shop", 404)):
        other = key_with(*scopes, source=source)
        assert client.delete("/api/v1/contacts/crm-815", headers=other).status_code == status
    assert stored(Contact)[0].erased_at is None
