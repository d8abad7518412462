"""Follow-up tasks over HTTP: listed, worked, closed for good."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.actions.accounts import add_user, change_user
from app.clock import utcnow
from app.extensions import db
from app.models.events import Event
from app.models.tasks import Task, TaskComment
from tests.wire import event, key_with, listed, on_sqlite, said, stored, tell

TASKS = """
departments: [{slug: care, name: Care}, {slug: sales, name: Sales}]
triggers:
  - slug: complaint
    status: live
    when: {event: complaint.opened}
    then:
      - {task: {department: care, priority: high, due: 4h, title: "Call {{ contact.name }}: {{ properties.x | it }}"}}
      - {task: {department: sales, title: "Know about {{ contact.name }}"}}
"""


@pytest.fixture
def tasks(client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]) -> None:
    """Three complaints, a task of each department for each of them."""
    define(TASKS)
    for number in range(3):
        contact = {"id": f"c-{number}", "name": f"Ada {number}"}
        about = {"x": "boxes"} if number else {}
        tell(client, key, event(f"e-{number}", "complaint.opened", contact=contact, properties=about))
    work()


def change(client: FlaskClient, key: dict[str, str], task: int, **changes: Any) -> TestResponse:
    return client.patch(f"/api/v1/tasks/{task}", json=changes, headers=key)


def test_a_task_is_shown_with_its_title_filled_in(client: FlaskClient, key: dict[str, str], tasks: None) -> None:
    first, second = listed(client, key, "/tasks?limit=2")
    assert (first["title"], first["department"], first["priority"]) == ("Call Ada 0: it", "care", "high")
    assert (second["title"], second["department"], second["priority"]) == ("Know about Ada 0", "sales", "normal")
    assert (first["status"], first["contact"], first["trigger"], first["owner"]) == ("open", "c-0", "complaint", None)
    assert first["due_at"] > first["created_at"]
    assert second["due_at"] is None
    assert said(client.get(f"/api/v1/tasks/{first['id']}", headers=key)) == first


@on_sqlite
def test_filters_and_pages_narrow_the_list(client: FlaskClient, key: dict[str, str], tasks: None) -> None:
    assert change(client, key, 1, status="in_progress").status_code == 200
    assert change(client, key, 2, status="dismissed").status_code == 200
    for query, ids in (
        ("", [1, 2, 3, 4, 5, 6]),
        ("?department=care", [1, 3, 5]),
        ("?department=nowhere", []),
        ("?status=open", [3, 4, 5, 6]),
        ("?status=in_progress", [1]),
        ("?status=dismissed&department=care", []),
        ("?status=open&department=sales&limit=1", [4]),
        ("?status=open&department=sales&cursor=4", [6]),
    ):
        assert [t["id"] for t in listed(client, key, f"/tasks{query}")] == ids, query
    page = said(client.get("/api/v1/tasks?limit=4", headers=key))
    assert page["next"] == "4"
    assert said(client.get("/api/v1/tasks?limit=2&cursor=4", headers=key))["next"] is None


def test_a_task_goes_through_its_states(
    client: FlaskClient, key: dict[str, str], tasks: None, work: Callable[[], None]
) -> None:
    for status in ("in_progress", "waiting", "open", "in_progress"):
        assert said(change(client, key, 1, status=status, owner="Eve"))["status"] == status
    solved = said(change(client, key, 1, status="resolved", outcome="recovered", cause="route", priority="low"))
    assert (solved["status"], solved["outcome"], solved["cause"], solved["owner"]) == (
        "resolved",
        "recovered",
        "route",
        "Eve",
    )
    assert solved["resolved_at"]
    work()
    (told,) = stored(Event, Event.type == "task.resolved")
    assert {k: told.properties[k] for k in ("task", "department", "outcome", "cause")} == {
        "task": 1,
        "department": "care",
        "outcome": "recovered",
        "cause": "route",
    }
    assert told.contact_id is not None


@pytest.mark.parametrize("closed", ["resolved", "dismissed"])
def test_a_closed_task_takes_comments_and_nothing_else(
    client: FlaskClient, key: dict[str, str], tasks: None, work: Callable[[], None], closed: str
) -> None:
    before = said(change(client, key, 1, status=closed))
    work()
    for changes in ({"status": "open"}, {"owner": "Eve"}, {"priority": "low"}, {"outcome": "lost", "comment": "late"}):
        assert change(client, key, 1, **changes).status_code == 409, changes
    assert said(client.get("/api/v1/tasks/1", headers=key)) == before
    commented = change(client, key, 1, comment="It was the courier.")
    assert (commented.status_code, [c["text"] for c in said(commented)["comments"]]) == (200, ["It was the courier."])
    assert change(client, key, 1, status=closed).status_code == 200
    work()
    assert len(stored(Event, Event.type == "task.resolved")) == (closed == "resolved")


def test_comments_stand_in_order_under_the_name_of_the_key(
    client: FlaskClient, key: dict[str, str], tasks: None
) -> None:
    for text in ("First.", "Второй 😀", "<b>third</b>\nline"):
        assert change(client, key, 3, comment=text).status_code == 200
    other = key_with("tasks:write")
    assert change(client, other, 3, comment="Fourth.", status="waiting").status_code == 200
    comments = said(client.get("/api/v1/tasks/3", headers=key))["comments"]
    assert [(c["author"], c["text"]) for c in comments] == [
        ("tests", "First."),
        ("tests", "Второй 😀"),
        ("tests", "<b>third</b>\nline"),
        ("tasks:write", "Fourth."),
    ]
    assert said(client.get("/api/v1/tasks/1", headers=key))["comments"] == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"status": "done"}, "status"),
    ({"status": None}, "status"),
    ({"priority": "urgent"}, "priority"),
    ({"priority": 1}, "priority"),
    ({"owner": "x" * 201}, "owner"),
    ({"outcome": "won"}, "outcome"),
    ({"cause": 7}, "cause"),
    ({"comment": ""}, "comment"),
    ({"comment": "x" * 5001}, "comment"),
    ({"comment": "a\0b"}, "comment"),
    ({"owner": "a\0b"}, "owner"),
    ({"cause": "a\0b"}, "cause"),
    ({"title": "Other"}, "title"),
    ({"status": "waiting", "due_at": None}, "due_at"),
]


def test_what_cannot_be_changed_is_named_and_changes_nothing(
    client: FlaskClient, key: dict[str, str], tasks: None
) -> None:
    before = [(t.status, t.owner, t.priority, t.cause) for t in stored(Task)]
    for changes, field in WRONG:
        response = change(client, key, 1, **changes)
        assert (response.status_code, list(said(response).get("errors", {}))) == (422, [field]), changes
        db.session.rollback()
    assert [(t.status, t.owner, t.priority, t.cause) for t in stored(Task)] == before
    assert stored(TaskComment) == []


@on_sqlite
def test_a_body_that_is_no_change_is_refused(client: FlaskClient, key: dict[str, str], tasks: None) -> None:
    for body, status in (
        (b"{broken", (400,)),
        (b"\xff", (400,)),
        (b'{"comment": "\\ud800"}', (400, 422)),
        (b"[]", (422,)),
        (b'"text"', (422,)),
        (b"{}", (200,)),
    ):
        response = client.patch("/api/v1/tasks/1", data=body, headers=key, content_type="application/json")
        assert response.status_code in status, body


@on_sqlite
def test_an_unknown_task_is_404(client: FlaskClient, key: dict[str, str], tasks: None) -> None:
    assert client.get("/api/v1/tasks/99", headers=key).status_code == 404
    assert change(client, key, 99, status="waiting").status_code == 404
    assert change(client, key, 99, comment="Hello?").status_code == 404


@on_sqlite
def test_a_task_belongs_at_once_to_whoever_has_the_fewest(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(TASKS.replace("high, due: 4h", "high, assign: least_busy"))
    add_user("ann@example.com", "Ann", "admin", "a-long-password", utcnow(), actor="tests")
    people = ("bo@example.com", "al@example.com", "gone@example.com")
    numbers = [add_user(p, p, "agent", "a-long-password", utcnow(), actor="tests", department="care") for p in people]
    change_user(numbers[2], {"disabled": True}, actor="tests", now=utcnow())
    tell(client, key, *(event(f"e-{n}", "complaint.opened") for n in range(3)))
    work()
    care = [task.owner for task in stored(Task) if task.priority == "high"]
    assert sorted(filter(None, care)) == ["al@example.com", "al@example.com", "bo@example.com"]
    assert {task.owner for task in stored(Task) if task.priority != "high"} == {None}
    assert all(task.status == "open" for task in stored(Task))
