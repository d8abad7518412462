"""A poisoned event: five attempts, then set aside where it is seen, tried again on demand, and in nobody's way."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.actions.events import redrive_events
from app.models.decisions import Decision
from app.models.events import Event, PendingEvent
from app.models.invitations import Invitation
from app.models.tasks import Task
from app.queries.contacts import unresolved_events
from app.text.addresses import normal_email
from surveys.decision import decide_each
from surveys.lifecycle import ATTEMPTS_MAX, due_time
from tests.wire import EVENTS, Clock, event, listed, run, said, stored, tell

DEFINITIONS = """
departments: [{slug: care}]
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers:
  - {slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}
  - {slug: tell, status: live, when: {event: order.paid}, then: [{task: {department: care, title: "Look"}}]}
"""


class Poison:
    """Deciding fails for events with ``properties.poison``, until there is an antidote."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.antidote, self.tried = False, 0

        def fail(happening: Any, *rest: Any) -> Any:
            if happening.facts.tree["properties"].get("poison") and not self.antidote:
                self.tried += 1
                raise ValueError("poisoned")
            return decide_each(happening, *rest)

        monkeypatch.setattr("app.actions.decisions.decide_each", fail)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    return Poison(monkeypatch)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def paid(name: str, contact: str, *, poison: bool = False) -> dict[str, Any]:
    return event(
        name, contact={"id": contact, "email": f"{contact}@example.com"}, properties={"poison": True} if poison else {}
    )


def wait_out(clock: Clock, work: Callable[[], None]) -> None:
    """Go on working until nothing rests any more."""
    for _ in range(8):
        work()
        clock.move(timedelta(minutes=5))


def test_a_poisoned_event_dies_after_five_attempts_and_stops_nobody_else(
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    poison: Poison,
    clock: Clock,
) -> None:
    define(DEFINITIONS)
    tell(client, key, paid("a-1", "a"), paid("b-1", "b", poison=True), paid("b-2", "b"), paid("c-1", "c"))
    tell(client, key, *(paid(f"d-{n}", f"d{n}") for n in range(5)))
    work()
    # After the first round everybody else is served, and the poisoned one rests.
    assert {d["contact"] for d in listed(client, key, "/decisions?trigger=ask")} == {
        "a",
        "c",
        *(f"d{n}" for n in range(5)),
    }
    assert said(client.get(f"{EVENTS}/api/b-1", headers=key))["state"] == "waiting"
    wait_out(clock, work)
    assert poison.tried >= ATTEMPTS_MAX
    seen = said(client.get(f"{EVENTS}/api/b-1", headers=key))
    assert (seen["state"], "poisoned" in seen["error"]) == ("dead", True)
    (dead,) = stored(PendingEvent)
    assert (dead.attempts, dead.dead_at is not None) == (ATTEMPTS_MAX, True)
    assert "otklik_events_dead 1.0" in client.get("/metrics").text
    # Nor is the contact's own next event lost.
    assert [d["event"] for d in listed(client, key, "/decisions?contact=b&trigger=ask")] == ["b-2"]
    tried = poison.tried
    tell(client, key, paid("b-3", "b"), paid("e-1", "e"))
    wait_out(clock, work)
    assert poison.tried == tried
    assert said(client.get(f"{EVENTS}/api/b-3", headers=key))["state"] == "decided"


def test_a_dead_event_can_be_tried_again(
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    poison: Poison,
    clock: Clock,
) -> None:
    define(DEFINITIONS.replace("status: live,", "status: live, fresh: 7d,"))
    tell(client, key, paid("a", "a", poison=True), paid("b", "b", poison=True))
    wait_out(clock, work)
    tried = poison.tried
    number = stored(Event, Event.external_id == "a")[0].id
    assert redrive_events([number, 999], "tests", clock.now) == 1
    assert said(client.get(f"{EVENTS}/api/a", headers=key))["state"] == "waiting"
    wait_out(clock, work)
    assert said(client.get(f"{EVENTS}/api/a", headers=key))["state"] == "dead"
    assert poison.tried >= tried + ATTEMPTS_MAX
    poison.antidote = True
    assert redrive_events(None, "tests", clock.now) == 2
    assert redrive_events(None, "tests", clock.now) == 0
    work()
    assert {said(client.get(f"{EVENTS}/api/{n}", headers=key))["state"] for n in "ab"} == {"decided"}
    assert stored(PendingEvent) == []
    assert len(stored(Invitation)) == 2
    work()
    assert len(stored(Decision)) == 4


def test_an_event_whose_contact_cannot_be_found_out_dies_alone(
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    define(DEFINITIONS)
    broken = [True]

    def fail(value: object) -> str | None:
        if broken[0] and value == "poison@example.com":
            raise ValueError("poisoned")
        return normal_email(value)

    monkeypatch.setattr("app.actions.contacts.normal_email", fail)
    tell(client, key, paid("a", "a"), paid("b", "poison"), paid("c", "c"), event("d", contact=None))
    work()
    assert unresolved_events(10) == []
    states = {n: said(client.get(f"{EVENTS}/api/{n}", headers=key))["state"] for n in "abcd"}
    assert states == {"a": "decided", "b": "dead", "c": "decided", "d": "decided"}
    broken[0] = False
    assert redrive_events(None, "tests", stored(Event)[0].received_at) == 1
    work()
    assert said(client.get(f"{EVENTS}/api/b", headers=key))["state"] == "decided"
    assert {d["contact"] for d in listed(client, key, "/decisions?trigger=ask&outcome=invited")} == {"a", "c", "poison"}


def test_an_effect_that_fails_is_set_aside_and_stops_no_other(
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    define(DEFINITIONS.replace('title: "Look"', 'title: "Look", due: 4h'))

    def fail(*given: Any) -> Any:
        raise ValueError("poisoned")

    monkeypatch.setattr("app.actions.tasks.due_time", fail)
    tell(client, key, paid("a", "a"), paid("b", "b"))
    work()
    assert stored(Task) == []
    assert "otklik_effects_dead 2.0" in client.get("/metrics").text
    monkeypatch.setattr("app.actions.tasks.due_time", due_time)
    tell(client, key, paid("c", "c"))
    work()
    assert [t["contact"] for t in listed(client, key, "/tasks")] == ["c"]
    run("carry_out")
    assert len(stored(Task)) == 1
