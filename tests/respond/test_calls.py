"""May we call you? Asked at the end, told once, and a task for whoever calls."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.actions.links import Wanted, make_link
from app.clock import utcnow
from app.links import survey_url
from app.models.contacts import Address
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.links import OpenLink
from app.models.tasks import Task
from surveys.definition import InvalidDefinition, read
from surveys.survey import read_survey
from tests.respond.test_open_links import first_page
from tests.wire import event, listed, stored, tell

DEFINITIONS = """
departments: [{slug: care}]
surveys:
  - slug: s
    pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]
    endings:
      - {if: {field: answers.nps, op: lte, value: 6}, text: "Sorry.", call: true}
      - {text: "Thanks."}
triggers:
  - {slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}
  - slug: ring-up
    status: live
    when: {event: survey.call_wanted}
    if: {field: answers.nps, op: lt, value: 9}
    then: [{task: {department: care, title: "Call {{ contact.name | them }}: {{ properties.phone }}"}}]
"""


@pytest.fixture
def link(client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]) -> str:
    """Where Ada answers."""
    define(DEFINITIONS)
    tell(client, key, event(contact={"id": "ada", "name": "Ada", "email": "ada@example.com"}))
    work()
    return survey_url(stored(Invitation)[0].public_id)


def calls() -> list[Event]:
    return [told for told in stored(Event) if told.type == "survey.call_wanted"]


def test_a_number_becomes_a_task_once(
    client: FlaskClient, key: dict[str, str], link: str, work: Callable[[], None]
) -> None:
    end = client.post(link, data={"page": "0", "nps": "3"})
    [address] = re.findall(r'action="([^"]+/call)"', end.text)
    assert "May we call you about it?" in end.text
    wrong = client.post(address, data={"phone": "soon <b>"})
    assert (wrong.status_code, "This does not look like a phone number." in wrong.text) == (422, True)
    assert 'value="soon &lt;b&gt;"' in wrong.text
    assert "Sorry." in wrong.text
    for _ in range(2):
        thanks = client.post(address, data={"phone": "+7 (999) 123-45-67"})
        assert (thanks.status_code, "We will call you." in thanks.text) == (200, True)
    work()
    [told] = calls()
    assert (told.properties["phone"], told.properties["answers"]) == ("+79991234567", {"nps": 3})
    assert told.contact_id is not None
    [task] = listed(client, key, "/tasks")
    assert task["title"] == "Call Ada: +79991234567"


@pytest.mark.parametrize(("nps", "completed"), [("9", True), (None, False)])
def test_who_was_not_asked_for_a_number_leaves_none(
    client: FlaskClient, link: str, nps: str | None, completed: bool
) -> None:
    if nps:
        assert "May we call you" not in client.post(link, data={"page": "0", "nps": nps}).text
    answer = client.post(f"{link}/call", data={"phone": "+79991234567"})
    assert answer.status_code == (200 if completed else 404)
    assert calls() == []
    assert client.post("/s/nothing/call", data={"phone": "+79991234567"}).status_code == 404


def test_who_answers_by_an_open_link_becomes_known_by_the_number(
    client: FlaskClient, link: str, work: Callable[[], None]
) -> None:
    make_link("s", Wanted("Poster", None, None, (), None), actor="tests", now=utcnow())
    poster = f"/o/{stored(OpenLink)[0].public_id}"
    end = client.post(poster, data=first_page(client, poster, nps="3"))
    [address] = re.findall(r'action="([^"]+/call)"', end.text)
    assert address.startswith(poster)
    assert client.post(address, data={"phone": "+79991234567"}).status_code == 200
    work()
    assert "+79991234567" in {a.value for a in stored(Address)}
    assert len(stored(Task)) == 1


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"anonymous": True}, "an anonymous survey calls nobody"),
        ({"endings": [{"text": "A", "call": True, "redirect": "https://a.example"}]}, "cannot ask for a number"),
        ({"endings": [{"text": "A", "call": "yes"}]}, "must be true or false"),
    ],
)
def test_an_ending_that_cannot_call_is_refused(changes: dict[str, Any], fault: str) -> None:
    body = {
        "slug": "s",
        "pages": [{"questions": [{"id": "a", "type": "nps", "text": "A"}]}],
        "endings": [{"text": "A", "call": True}],
    }
    with pytest.raises(InvalidDefinition, match=fault):
        read(body | changes, read_survey)
