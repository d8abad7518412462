"""The whole product on one page: an upgrade becomes a question, an answer a task, and a refusal an explanation."""

import re
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.services import MailServer

DEFINITIONS = """
policy:
  limits: [{name: one-a-month, max: 1, per: 30d}]
  exempt: [service]
departments: [{slug: care, name: Customer care, email: care@example.com}]
surveys:
  - slug: nps-upgrade
    languages: [en, ru]
    pages:
      - questions:
          - {id: nps, type: nps, required: true, text: {en: "How likely are you to recommend us?", ru: "Посоветуете?"}}
      - show_if: {field: answers.nps, op: lte, value: 6}
        questions:
          - {id: why, type: text, long: true, text: {en: "What went wrong, {{ contact.first_name }}?"}}
    endings:
      - {if: {field: answers.nps, op: gte, value: 9}, text: {en: "Wonderful!"}}
      - {text: {en: "Thank you, {{ contact.first_name }}. We will call you."}}
triggers:
  - slug: upgrade-nps
    status: live
    touchpoint: Upgrade
    when: {event: subscription.upgraded}
    if: {field: properties.amount, op: gte, value: 1000}
    then: [{send: {survey: nps-upgrade, channels: [email]}}]
  - slug: unhappy-upgrade
    status: live
    when: {event: survey.answered}
    if: {all: [{field: properties.survey, op: eq, value: nps-upgrade}, {field: answers.nps, op: lte, value: 6}]}
    then:
      - {task: {department: care, title: "Call {{ contact.name }}: scored {{ answers.nps }}", priority: high, due: 4h}}
      - {notify: {channel: care, text: "{{ contact.name }} scored {{ answers.nps }}"}}
      - {set: {attribute: last_nps, from: answers.nps}}
  - slug: how-handled
    status: live
    class: service
    when: {event: task.resolved}
    then: [{message: {text: "Thank you for telling us, {{ contact.first_name }}."}}]
"""


def upgraded(event_id: str, contact: str = "c-42", amount: int = 1990) -> dict[str, object]:
    return {
        "id": event_id,
        "type": "subscription.upgraded",
        "contact": {"id": contact, "email": f"{contact}@example.com", "name": "Ada Byron", "locale": "en"},
        "properties": {"amount": amount, "place": "centre"},
    }


def told(response: TestResponse) -> Any:
    return response.json


def text_of(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@pytest.fixture
def mails(app: Flask, mail_server: MailServer) -> Callable[[], list[EmailMessage]]:
    """Every mail the server has got so far."""
    app.config["SMTP_URL"] = mail_server.url

    def read() -> list[EmailMessage]:
        received = mail_server.mailbox.received
        return [message_from_bytes(content, policy=policy.default) for _, content in received]

    return read


def test_from_event_to_task_and_back(
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    mails: Callable[[], list[EmailMessage]],
) -> None:
    define(DEFINITIONS)

    # A service posts an upgrade. It is stored before it is answered, and a copy changes nothing.
    assert client.post("/api/v1/events", json=upgraded("ord-1"), headers=key).status_code == 202
    again = client.post("/api/v1/events", json=[upgraded("ord-1"), upgraded("ord-2", amount=10)], headers=key)
    assert again.json == {"accepted": 1, "duplicates": 1, "rejected": []}
    work()

    # Ada is asked, once, by mail; the scale stands in the mail as links.
    (invited,) = told(client.get("/api/v1/decisions?contact=c-42&trigger=upgrade-nps", headers=key))["items"]
    assert (invited["outcome"], invited["event"]) == ("invited", "ord-1")
    assert all(gate["passed"] for gate in invited["gates"])
    (mail,) = mails()
    assert mail["To"] == "c-42@example.com"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = text_of(mail, "plain")
    html = text_of(mail, "html")
    (link,) = re.findall(r"http://127.0.0.1:8000(/s/\S+)\?nps=3", text)
    assert f"{link}?nps=3" in html

    # She presses 3. Nothing is stored until she sends it; the page that follows depends on the score.
    page = client.get(f"{link}?nps=3")
    assert 'value="3" checked' in page.text
    assert told(client.get("/api/v1/responses", headers=key))["items"] == []
    asked_why = client.post(link, data={"page": "0", "nps": "3"})
    assert asked_why.status_code == 303
    assert "What went wrong, Ada?" in client.get(asked_why.location).text
    done = client.post(link, data={"page": "1", "why": "The first box came an hour late."})
    assert "Thank you, Ada. We will call you." in done.text
    work()

    # One response, one score, one task and a mail about it, one note to the team, one remembered attribute.
    (response,) = told(client.get("/api/v1/responses?survey=nps-upgrade", headers=key))["items"]
    assert response["answers"] == {"nps": 3, "why": "The first box came an hour late."}
    assert client.post(link, data={"page": "0", "nps": "10"}).status_code == 200
    assert "answered already" in client.get(link).text
    nps = told(client.get("/api/v1/metrics/nps", headers=key))
    assert (nps["value"], nps["n"]) == (-100, 1)
    assert nps["low"] <= -100 <= nps["high"]
    assert told(client.get("/api/v1/metrics/response-rate", headers=key))["value"] == 100
    (task,) = told(client.get("/api/v1/tasks?department=care&status=open", headers=key))["items"]
    assert (task["title"], task["priority"]) == ("Call Ada Byron: scored 3", "high")
    notes = mails()[1:3]
    assert [note["To"] for note in notes] == ["care@example.com"] * 2
    assert {note["Subject"] for note in notes} == {"Call Ada Byron: scored 3", "Ada Byron scored 3"}
    assert told(client.get("/api/v1/contacts/c-42", headers=key))["attributes"] == {"last_nps": 3}

    # Care solves it. The thank-you is a service message: the monthly limit lets it through.
    solved = client.patch(
        f"/api/v1/tasks/{task['id']}",
        json={"status": "resolved", "outcome": "recovered", "cause": "route", "comment": "Called her."},
        headers=key,
    )
    assert (told(solved)["status"], told(solved)["comments"][0]["text"]) == ("resolved", "Called her.")
    work()
    assert "Thank you for telling us, Ada." in text_of(mails()[3], "plain")

    # A second upgrade the same month: not asked, and Otklik says why and until when.
    client.post("/api/v1/events", json=upgraded("ord-3"), headers=key)
    work()
    refused = told(client.get("/api/v1/decisions?contact=c-42&outcome=skipped", headers=key))["items"][0]
    assert (refused["event"], refused["reason"]) == ("ord-3", "contact_limit")
    assert refused["gates"][-1] == {"gate": "limits", "passed": False, "observed": 1, "limit": 1, "rule": "one-a-month"}
    assert refused["next_possible_at"] > refused["decided_at"]
    assert len(mails()) == 4
