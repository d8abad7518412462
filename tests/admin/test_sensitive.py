"""Sensitive surveys: what was answered stands in one place, is opened by whoever is named, and that is recorded."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from zipfile import ZipFile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import BuildError

from app.links import survey_url
from app.models.accounts import AuditEntry
from app.models.contacts import Contact
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.tasks import Task
from surveys.survey import ROLES
from tests.admin.conftest import Person
from tests.services import MailServer
from tests.wire import event, everything, listed, mails, on_sqlite, stored, tell, text_of

SignIn = Callable[..., Person]
Answered = Callable[..., int]
Define = Callable[[str], None]
CLINIC = """
departments: [{slug: care, name: Care, email: care@example.com}]
surveys:
  - slug: checkup
    name: After the visit
    sensitive: [manager, agent]
    languages: [en, ru]
    pages:
      - questions:
          - {id: nps, type: nps, text: "Would you come to {{ properties.doctor | us }} again?", required: true}
          - {id: illness, type: single, text: "What for?", options: [{value: hives-77, text: Hives seventy-seven}]}
          - {id: age, type: number, text: "How old are you?", max: 99999999}
      - questions: [{id: why, type: text, long: true, text: "Why?"}]
    message: {subject: "Your visit to {{ properties.doctor }}", reason: "You were here for {{ properties.illness }}."}
triggers:
  - {slug: visit, status: live, when: {event: visit.ended}, if: {field: properties.fee, op: gte, value: 10},
     then: [{send: {survey: checkup, channels: [email], message: {preview: "About {{ properties.illness }}"}}}]}
  - slug: unhappy
    status: live
    when: {event: survey.answered}
    if: {all: [{field: answers.nps, op: lte, value: 6}, {field: properties.scores.nps, op: lte, value: 6}]}
    then:
      - {task: {department: care, title: "Call {{ contact.name }}: {{ answers.why | something }}"}}
      - {notify: {channel: care, text: "{{ contact.name }} said {{ answers.why | something }}"}}
      - {set: {attribute: said, from: answers.why}}
      - {message: {text: "Thank you. You said: {{ answers.why | something }}", class: service}}
  - {slug: happy, status: live, when: {event: survey.answered}, if: {field: answers.nps, op: gte, value: 9},
     then: [{task: {department: care, title: "Thank {{ contact.name }}"}}]}
policy: {limits: [], exempt: [service]}
"""
OPEN = CLINIC.replace("    sensitive: [manager, agent]\n", "")
KITCHEN = "\n---\ndepartments: [{slug: kitchen, name: Kitchen, email: kitchen@example.com}]\n"
SAID = "it itches where nobody looks"
SECRETS = (SAID, "hives-77", "Hives seventy-seven", "81234567")


@pytest.fixture
def answered(client: FlaskClient, key: dict[str, str], define: Define, work: Callable[[], None]) -> Answered:
    """Put definitions in force, let Ada be at the doctor's, be asked and answer; returns her response's id."""
    in_force: list[str] = []

    def answer(score: str = "3", definitions: str = CLINIC) -> int:
        if in_force != [definitions]:
            define(definitions)
            in_force[:] = [definitions]
        ada = {"id": "ada", "email": "ada@example.com", "name": "Ada Byron"}
        about = {"fee": 20, "doctor": "Dr Quackenbush", "illness": "nettle rash"}
        tell(client, key, event(f"v-{score}", "visit.ended", contact=ada, properties=about))
        work()
        link = survey_url(stored(Invitation, Invitation.survey_version_id.is_not(None))[-1].public_id)
        client.post(link, data={"page": "0", "nps": score, "illness": "hives-77", "age": "81234567"})
        client.post(link, data={"page": "1", "why": SAID})
        work()
        return stored(Response)[-1].id

    return answer


def told_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_an_answer_stands_in_its_response_and_in_no_other_row(answered: Answered) -> None:
    answered()
    for table, rows in everything().items():
        told = [(table, row) for row in rows if told_in(repr(row))]
        assert [name for name, _ in told] in ([], ["responses"], ["survey_versions"]), told
    assert len(stored(Task)) == 1, "the score was read for deciding"
    assert stored(Contact)[0].attributes == {}


def test_only_the_right_trigger_fires_though_its_event_says_nothing(
    answered: Answered, client: FlaskClient, key: dict[str, str]
) -> None:
    answered("10")
    acted = listed(client, key, "/decisions?outcome=acted")
    assert [d["trigger"] for d in acted] == ["happy"]
    answered("6")
    assert [d["trigger"] for d in listed(client, key, "/decisions?trigger=unhappy")] == ["unhappy"]


@on_sqlite
def test_mails_say_nothing_of_the_event_and_nothing_of_the_answer(
    answered: Answered, app: Flask, mail_server: MailServer
) -> None:
    app.config["SMTP_URL"] = mail_server.url
    answered()
    found = mails(mail_server)
    assert len(found) >= 3  # the question, the task, the thanks
    for mail in found:
        whole = f"{mail['Subject']} {text_of(mail)} {text_of(mail, 'html') if mail.get_body(('html',)) else ''}"
        assert not told_in(whole)
        assert "Quackenbush" not in whole
        assert "nettle" not in whole
    assert any("Would you come to us again?" in text_of(mail) for mail in found)
    assert any("You said: something" in text_of(mail) for mail in found)


def addresses(app: Flask) -> Iterator[str]:
    """Every page and read of the site and the API, about each thing that there is here."""
    adapter = app.url_map.bind("localhost")
    kinds = ("csv", "xlsx", "sps", "yaml", "json", "surveys", "triggers", "sources", "departments", "policy")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint.startswith(("static", "respond", "widget", "_dash")):
            continue
        for slug in ("checkup", "visit", "unhappy", "care", "api"):
            for kind in kinds if "kind" in rule.arguments else ("",):
                given = {"slug": slug, "kind": kind, "reference": "ada", "contact_id": "ada", "source": "otklik",
                         "external_id": "response-1", "metric": "nps", "filename": "x"}  # fmt: skip
                with suppress(BuildError, ValueError):  # of no such kind
                    yield adapter.build(rule.endpoint, {a: given.get(a, 1) for a in rule.arguments})


MORE = (
    *("/answers?survey=checkup", "/answers?of=detractors", "/answers?worded=1", "/answers?of=nps", "/tasks?tab=all"),
    *("/customers/ada?why=unhappy", "/customers/ada?why=happy", "/customers/ada?show=answers", "/home/just-in"),
    *("/surveys/checkup/results?period=all", "/answers.csv?survey=checkup", "/answers.xlsx?survey=checkup"),
    *("/search?q=nobody+looks", "/api/v1/events/otklik/response-1", "/api/v1/responses?survey=checkup"),
    "/api/v1/contacts/ada/timeline",
)


def telling(app: Flask, person: Person, key: dict[str, str]) -> dict[str, list[str]]:
    """By address, what a person and a key are told of the answer; what the survey's own text says tells nothing."""
    found = {}
    for address in dict.fromkeys([*addresses(app), *MORE]):
        headers = key if address.startswith("/api/v1") else {"Accept": "text/html"}
        answer = person.client.get(address, headers=headers)
        assert answer.status_code < 500 or address == "/readyz", address
        own = SECRETS[1:3] if re.search("surveys|draft|triggers/.*/edit", address) else ()  # what can be answered
        told = [secret for secret in told_in(whole_text(answer.data)) if secret not in own]
        if answer.status_code == 200:
            found[address] = told
    return found


def whole_text(content: bytes) -> str:
    """What an answer holds, also where it is a workbook."""
    if not content.startswith(b"PK"):
        return content.decode(errors="replace")
    with ZipFile(BytesIO(content)) as book:
        return "".join(book.read(name).decode(errors="replace") for name in book.namelist())


@on_sqlite
@pytest.mark.parametrize("role", ROLES)
def test_no_page_file_or_read_tells_an_answer(
    answered: Answered, app: Flask, key: dict[str, str], sign_in: SignIn, role: str
) -> None:
    answered()
    person = sign_in(role, "care" if role == "agent" else None)
    before = len(stored(AuditEntry))
    found = telling(app, person, key)
    assert len(found) > 25
    assert {address: told for address, told in found.items() if told} == {}
    assert len(stored(AuditEntry)) == before, "a look at a page is no reading"


@on_sqlite
def test_the_same_places_tell_an_answer_that_is_not_sensitive(
    answered: Answered, app: Flask, key: dict[str, str], sign_in: SignIn
) -> None:
    answered(definitions=OPEN)
    found = telling(app, sign_in("manager"), key)
    places = [address for address, told in found.items() if SAID in told]
    assert len(places) > 8, places
    assert {"/tasks/1", "/answers", "/customers/ada", "/api/v1/responses", "/home/just-in"} <= set(places)


@pytest.mark.parametrize(("role", "status"), [("admin", 403), ("designer", 403), ("manager", 200), ("agent", 200)])
def test_an_answer_is_opened_by_the_named_and_every_reading_is_kept(
    answered: Answered, sign_in: SignIn, role: str, status: int
) -> None:
    response_id = answered()
    person = sign_in(role, "care" if role == "agent" else None)
    kept = len(stored(AuditEntry))
    assert person.get(f"/answers/{response_id}/read").status_code == 405
    task = person.get(f"/tasks/{stored(Task)[0].id}").text
    assert (f"/answers/{response_id}/read" in task) is (status == 200)
    answer = person.post(f"/answers/{response_id}/read")
    assert answer.status_code == status
    assert (SAID in answer.text) is (status == 200)
    entries = stored(AuditEntry)[kept:]
    if status == 200:
        [entry] = entries
        assert (entry.verb, entry.kind, entry.object, entry.actor) == ("read", "answers", "checkup", person.email)
        assert entry.detail is not None
        assert entry.detail["answer"] == response_id
        assert "no-store" in answer.headers["Cache-Control"]
    else:
        assert entries == []


@on_sqlite
def test_an_agent_of_another_department_and_an_unknown_answer_are_not_there(
    answered: Answered, sign_in: SignIn
) -> None:
    response_id = answered(definitions=CLINIC + KITCHEN)
    stranger, manager = sign_in("agent", "kitchen"), sign_in("manager")
    assert stranger.post(f"/answers/{response_id}/read").status_code == 404
    for number in (response_id + 1, 10**30):
        assert manager.post(f"/answers/{number}/read").status_code == 404
    assert [e for e in stored(AuditEntry) if e.verb == "read"] == []


@on_sqlite
def test_files_of_answers_are_for_the_named_and_recorded(answered: Answered, sign_in: SignIn) -> None:
    answered()
    manager, designer = sign_in("manager"), sign_in("designer")
    assert manager.get("/surveys/checkup/answers.csv").status_code == 303
    assert designer.post("/surveys/checkup/answers.csv").status_code == 403
    told = manager.post("/surveys/checkup/answers.csv")
    assert (told.status_code, SAID in told.text) == (200, True)
    assert [e.detail for e in stored(AuditEntry) if e.verb == "read"] == [{"file": "csv"}]
    shown = designer.get("/surveys/checkup/results?period=all")
    assert (shown.status_code, "not for everybody" in shown.text) == (403, True)
    assert manager.get("/surveys/checkup/results?period=all").status_code == 200


@on_sqlite
@pytest.mark.parametrize(("role", "opened"), [("admin", False), ("manager", True)])
def test_only_the_named_fill_it_in_for_somebody(answered: Answered, sign_in: SignIn, role: str, opened: bool) -> None:
    answered()
    person = sign_in(role)
    [ada] = stored(Contact)
    led = person.post("/customers/interview", reference=ada.public_id, survey="checkup")
    assert (led.status_code, "/s/" in led.location) == (303, opened)


@on_sqlite
def test_answers_keep_the_promise_of_the_version_they_were_given_to(
    answered: Answered, define: Define, sign_in: SignIn
) -> None:
    response_id = answered()
    define(OPEN)
    designer, manager = sign_in("designer"), sign_in("manager")
    assert SAID not in designer.get("/customers/ada").text
    assert designer.post(f"/answers/{response_id}/read").status_code == 403
    assert manager.post(f"/answers/{response_id}/read").status_code == 200


@on_sqlite
def test_the_page_says_who_may_read_in_the_language_of_whoever_answers(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(CLINIC)
    tell(client, key, event("v-1", "visit.ended", contact={"id": "ada", "email": "ada@example.com"},
                            properties={"fee": 20, "doctor": "Dr Quackenbush"}))  # fmt: skip
    work()
    page = client.get(survey_url(stored(Invitation)[0].public_id)).text
    assert "each reading is recorded" in page
    assert re.search(r"Would you come to Dr Quackenbush again", page), "the page itself is behind a link of one's own"
