"""Tasks worked on screen, customers explained, sources tried, tests sent: what people do all day."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.actions.accounts import change_user
from app.actions.tasks import take_task
from app.clock import utcnow
from app.models.contacts import Contact
from app.models.deliveries import Delivery
from app.models.responses import Response
from app.models.sources import Payload
from app.models.tasks import Task
from tests.admin.conftest import Person
from tests.wire import event, key_with, on_sqlite, said, stored, tell

SignIn = Callable[..., Person]


def public_id(name: str) -> str:
    return stored(Contact, Contact.name == name)[0].public_id


def test_two_customers_of_one_id_are_never_taken_for_each_other(
    client: FlaskClient, company: None, sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define("sources: [{slug: crm, scheme: bearer, secret: {env: SHOP_SECRET}}]")
    tell(client, key_with("all", source="crm"), event("x-1", contact={"id": "ada", "name": "Another Ada"}))
    work()
    person = sign_in("admin")
    for name in ("Ada Byron", "Another Ada"):
        found = person.client.get("/customers", query_string={"q": name}).text
        link = found.split('class="row-link" href="')[1].split('"')[0]
        assert link == f"/customers/{public_id(name)}"
        assert f"<h1>{name}</h1>" in person.get(link).text
    assert person.get("/customers/ada").status_code == 404  # which of them?
    assert person.post("/erase", reference="ada", typed="ada").status_code == 404


def test_a_story_tells_an_agent_of_no_other_departments_tasks(
    client: FlaskClient, company: None, sign_in: SignIn, work: Callable[[], None]
) -> None:
    tell(client, key_with("all"), event("r-2", "review.posted", contact={"id": "ada"}))
    work()
    care, manager = sign_in("agent", "care"), sign_in("manager")
    for address in ("/customers/ada", "/tasks/1"):
        assert "#3" in manager.get(address).text, address
        assert "#3" not in care.get(address).text, address


def test_a_task_goes_only_to_whoever_can_open_it(company: None, sign_in: SignIn) -> None:
    first, second, other = sign_in("agent", "care"), sign_in("manager"), sign_in("agent", "kitchen")
    assert first.post("/tasks/1", verb="give", owner=other.email).status_code == 422
    assert first.post("/tasks/1", verb="take", owner_was="").status_code == 303
    late = second.post("/tasks/1", verb="take", owner_was="", comment="Mine.")
    assert late.status_code == 409
    assert "Somebody else has just taken this task" in late.text
    assert stored(Task)[0].owner == first.email
    sign_in("admin")
    change_user(first.user_id, {"disabled": True}, "tests", utcnow())
    assert stored(Task)[0].owner is None


def test_a_task_is_taken_by_one_person_only(company: None, sign_in: SignIn) -> None:
    agent, other = sign_in("agent", "care"), sign_in("manager")
    assert agent.post("/tasks/next").headers["Location"] == "/tasks/1"
    assert not take_task(1, other.email, utcnow())
    assert other.post("/tasks/next").headers["Location"] == "/tasks/2"
    assert other.post("/tasks/next").headers["Location"] == "/tasks"
    assert [(t.owner, t.status) for t in stored(Task)] == [
        (agent.email, "in_progress"),
        (other.email, "in_progress"),
    ]


def test_a_solved_task_says_how_and_the_next_stands_there(
    company: None, sign_in: SignIn, work: Callable[[], None], client: FlaskClient
) -> None:
    person = sign_in("admin")
    answer = person.post("/tasks/1", verb="solve", outcome="", cause="route")
    assert answer.status_code == 422
    assert "How did it end?" in answer.text
    assert 'value="route"' in answer.text
    assert (
        person.post("/tasks/1", verb="solve", outcome="recovered", cause="route", comment="Called.").status_code == 303
    )
    [task] = [t for t in stored(Task) if t.id == 1]
    assert (task.status, task.outcome, task.cause, task.owner) == ("resolved", "recovered", "route", person.email)
    assert "Called." in person.get("/tasks/1").text
    work()
    found = said(client.get("/api/v1/events/otklik/task-1-resolved", headers=key_with("read")))
    assert found["properties"]["outcome"] == "recovered"
    late = person.post("/tasks/1", verb="move", status="waiting")
    assert late.status_code == 409


@on_sqlite
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"verb": "give", "owner": "stranger@example.com"}, 422),
        ({"verb": "move", "status": "resolved"}, 422),
        ({"verb": "comment", "comment": "  "}, 422),
        ({"verb": "explode"}, 422),
        ({"verb": "give", "owner": ""}, 303),
        ({"verb": "move", "status": "waiting"}, 303),
    ],
)
def test_nonsense_in_a_task_is_said_and_changes_nothing(
    company: None, sign_in: SignIn, fields: dict[str, str], status: int
) -> None:
    assert sign_in("admin").post("/tasks/1", **fields).status_code == status


@on_sqlite
def test_a_department_with_an_address_is_told_of_a_new_task(
    client: FlaskClient, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(
        """
departments: [{slug: care, name: Care, email: care@example.com}]
triggers:
  - slug: t
    status: live
    when: {event: review.posted}
    then: [{task: {department: care, title: "Call {{ contact.name }}"}}]
"""
    )
    tell(client, key_with("all"), event("r-1", "review.posted", contact={"id": "ada", "name": "Ada\r\nBcc: x@y.z"}))
    work()
    [notice] = stored(Delivery)
    assert notice.state == "sent"
    assert notice.notice
    assert notice.notice["to"] == "care@example.com"
    assert "\n" not in notice.notice["subject"]


def test_a_story_says_why_and_the_ladder_shows_every_check(company: None, sign_in: SignIn) -> None:
    page = sign_in("manager").get("/customers/ada").text
    assert "“It came an hour late.”" in page
    assert "the limit is once in 30 days" in page
    assert "Not asked" in page
    assert "Possible again from" in page


@on_sqlite
def test_why_answers_for_any_trigger(company: None, sign_in: SignIn) -> None:
    person = sign_in("manager")
    asked = person.get("/customers/ada?why=ask").text
    assert "If it happened now:" in asked
    assert "the limit is once in 30 days" in asked
    assert "Amount was 5, asked from 100." in asked
    never = person.get("/customers/bo?why=ask").text
    assert "No address for e-mail." in never
    assert person.get("/customers/bo?why=nothing").status_code == 200


@on_sqlite
@pytest.mark.parametrize("words", ["Ada", "ada byr", "ada@exam", "ada", "o-1"])
def test_customers_are_found_by_what_one_knows(company: None, sign_in: SignIn, words: str) -> None:
    assert "Ada Byron" in sign_in("manager").get(f"/customers?q={words}").text


@on_sqlite
@pytest.mark.parametrize("words", ["%", "_", "nobody", "<script>", "'; drop table contacts --"])
def test_nonsense_finds_nobody(company: None, sign_in: SignIn, words: str) -> None:
    answer = sign_in("manager").client.get("/customers", query_string={"q": words})
    assert "Nobody found." in answer.text
    assert "<script>" not in answer.text


def test_erasing_asks_twice_and_forgets(company: None, sign_in: SignIn) -> None:
    person, ada = sign_in("admin"), public_id("Ada Byron")
    assert person.post("/erase", reference="ada", typed="ada").status_code == 404  # another may be called so elsewhere
    assert person.post("/erase", reference=ada, typed="no").status_code == 422
    assert person.get("/customers/ada").status_code == 200
    assert person.post("/erase", reference=ada, typed=ada).status_code == 303
    assert person.get("/customers/ada").status_code == 404
    for address in ("/home", "/tasks?tab=all", "/tasks/1", "/customers", "/decisions", "/audit", "/sending"):
        assert "Byron" not in person.get(address).text, address


@on_sqlite
def test_unsubscribing_for_a_customer_stops_everything(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    assert person.post("/customers/unsubscribe", reference=public_id("Ada Byron")).status_code == 303
    assert "Unsubscribed on" in person.get("/customers/ada").text


@on_sqlite
def test_a_refused_event_stands_with_its_reason_at_its_source(
    client: FlaskClient, company: None, sign_in: SignIn
) -> None:
    key = key_with("all")
    broken = event("bad", contact={"email": 7}, properties={"text": "<script>alert(1)</script>"})
    assert client.post("/api/v1/events", json=broken, headers=key).status_code == 422
    page = sign_in("designer").get("/sources/api").text
    assert "contact" in page
    assert "Not a valid" in page
    assert "<script>alert" not in page


@on_sqlite
def test_a_kept_payload_is_read_with_the_mapping_of_now(client: FlaskClient, company: None, sign_in: SignIn) -> None:
    bearer = {"Authorization": "Bearer whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    assert (
        client.post("/webhooks/shop", json={"id": "x-1", "type": "survey.answered"}, headers=bearer).status_code == 422
    )
    kept = str(stored(Payload)[0].id)
    person = sign_in("designer")
    assert "Otklik&#39;s own" in person.post("/sources/shop/try", payload=kept).text
    assert person.post("/sources/api/try", payload=kept).status_code == 404
    assert person.post("/sources/shop/try", payload="none").status_code == 404


def test_a_test_of_a_survey_is_kept_out_of_everything(
    app: Flask, client: FlaskClient, company: None, sign_in: SignIn
) -> None:
    person = sign_in("designer")
    before = len(stored(Response)), len(stored(Delivery))
    assert person.post("/surveys/order/test", language="ru").status_code == 303
    caught = Path(app.config["DATA_DIR"]) / "mail" / "test-order.eml"
    assert person.email in caught.read_text()
    page = person.get("/surveys/order").text
    preview = page.split('<iframe src="')[1].split('"')[0]
    assert urlsplit(preview).path.startswith("/p/")
    first = client.post(preview, data={"page": "0", "nps": "3"})
    assert "Why?" in first.text
    last = client.post(preview, data={"page": "0", "nps": "3", "why": "Late."})
    assert "Thanks!" in last.text
    assert "nothing you answer here is stored" in last.text
    assert (len(stored(Response)), len(stored(Delivery))) == before
    assert client.get(preview[:-3] + "abc").status_code == 404


@on_sqlite
def test_sending_is_stopped_and_goes_on(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    person.post("/sending/switch", to="stop")
    assert "Sending is stopped" in person.get("/home").text
    person.post("/sending/switch", to="start")
    assert "Sending is stopped" not in person.get("/home").text


@on_sqlite
def test_an_empty_installation_says_what_to_do(app: Flask, sign_in: SignIn) -> None:
    person = sign_in("admin")
    assert "The first steps" in person.get("/home").text
    for address in (
        "/surveys",
        "/triggers",
        "/tasks",
        "/customers",
        "/policy",
        "/segments",
        "/decisions",
        "/dashboards/",
    ):
        assert person.get(address).status_code == 200, address


@on_sqlite
def test_a_new_installation_waits_for_its_first_event_and_shows_it(
    app: Flask, client: FlaskClient, key: dict[str, str], sign_in: SignIn
) -> None:
    person = sign_in("admin")
    home = person.get("/home").text
    assert "Waiting for the first event…" in home
    assert "/api/v1/events" in home
    assert "Just in" not in home  # nothing is shown empty
    tell(client, key, event("o-<1>", properties={"amount": 5}))
    shown = person.get("/home/first-event").text
    assert "The first event has come: order paid." in shown
    assert "o-&lt;1&gt;" in shown


# -- Raw answers


@on_sqlite
def test_raw_answers_leave_with_a_book_that_explains_them(company: None, sign_in: SignIn) -> None:
    person = sign_in("manager")
    sheet = person.get("/surveys/order/answers.csv")
    heads, *rows = csv.reader(io.StringIO(sheet.data.decode("utf-8-sig")))
    assert heads[-2:] == ["nps", "why"]
    assert len(rows) == len(stored(Response))
    by_id = {r.id: r for r in stored(Response)}
    for row in rows:
        said_ = dict(zip(heads, row, strict=True))
        response = by_id[int(said_["response"])]
        assert (said_["nps"], said_["why"]) == tuple(str(response.answers.get(q, "")) for q in ("nps", "why"))
        assert (said_["customer"], said_["trigger"], said_["channel"]) == ("ada", "ask", "email")
    assert person.get("/surveys/order/answers.xlsx").data.startswith(b"PK")
    assert "VARIABLE LABELS" in person.get("/surveys/order/answers.sps").text
    assert person.get("/surveys/order/answers.pdf").status_code == 404
    assert person.get("/surveys/none/answers.csv").status_code == 404
    assert 'href="/surveys/order/answers.xlsx"' in person.get("/surveys/order").text
    assert sign_in("agent").get("/surveys/order/answers.csv").status_code in (403, 404)


@on_sqlite
@pytest.mark.parametrize(
    "address",
    [
        "/customers?segment=",
        "/decisions?trigger=",
        "/policy/pressure?segment=",
        "/surveys/order/results?segment=",
    ],
)
def test_a_filter_for_something_deleted_is_said_and_filters_nothing(
    company: None, sign_in: SignIn, address: str
) -> None:
    person = sign_in("manager")
    there = person.get(address + ("ask" if "trigger" in address else "premium"))
    gone = person.get(f"{address}gone")
    assert (there.status_code, gone.status_code) == (200, 200)
    assert "“gone” is not there any more" in gone.text
    assert "not there any more" not in there.text + person.get(address).text
    assert "Ada Byron" in person.get("/customers?segment=gone").text
    assert "not there any more" not in sign_in("agent", "care").get("/customers?segment=premium").text
