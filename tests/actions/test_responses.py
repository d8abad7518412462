"""Storing answers: one response per invitation, whatever happens between two tabs; and what closed stays closed."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.actions.responses import Finish, Finished, record_response
from app.clock import utcnow
from app.extensions import transaction
from app.models.deliveries import Delivery
from app.models.invitations import Invitation
from app.models.offers import OfferCode
from app.models.responses import Response
from tests.wire import event, everything, stored, tell

DEFINITIONS = """
offers: [{slug: gift, codes: [A, B]}]
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers: [{slug: t, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]
"""


def keep(answers: Mapping[str, Any]) -> Finished:
    return Finished(dict(answers), None)


def reward(answers: Mapping[str, Any]) -> Finished:
    return Finished(dict(answers), "gift")


@pytest.fixture
def asked(client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]) -> int:
    """A customer was asked; the id of the invitation."""
    define(DEFINITIONS)
    tell(client, key, event(contact={"id": "c-1", "email": "ada@example.com"}))
    work()
    return stored(Invitation)[0].id


def set_state(state: str) -> None:
    with transaction() as session:
        session.get_one(Invitation, 1).state = state


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("finish", [None, keep])
def test_what_is_closed_takes_no_answer(asked: int, finish: Finish | None, begun: bool) -> None:
    for state in ("planned", "completed", "expired", "cancelled"):
        set_state(state)
        before = everything()
        recorded = record_response(asked, {"nps": 9}, finish, utcnow(), begun=begun)
        assert (recorded.stored, recorded.state, recorded.code) == (False, state, None)
        assert everything() == before
    set_state("open")
    with transaction() as session:
        session.get_one(Invitation, asked).expires_at = utcnow() - timedelta(seconds=1)
    assert record_response(asked, {"nps": 9}, finish, utcnow(), begun=begun).state == "expired"
    assert stored(Response) == []


@pytest.mark.parametrize("begun", [True, False])
def test_a_whole_answer_is_stored_alike_in_one_step_and_in_many(asked: int, begun: bool) -> None:
    set_state("open")
    with transaction() as session:
        session.scalars(select(Delivery)).one().state = "unknown"
    now = utcnow()
    recorded = record_response(asked, {"nps": 9, "why": None}, keep, now, begun=begun)
    assert (recorded.state, recorded.stored, recorded.answers) == ("completed", True, {"nps": 9})
    (row,), (invitation,), (delivery,) = stored(Response), stored(Invitation), stored(Delivery)
    assert (row.answers, row.complete, row.language, row.contact_id) == ({"nps": 9}, True, "en", invitation.contact_id)
    assert (row.started_at, row.changed_at, row.completed_at, row.scored_at) == (now, now, now, None)
    assert (invitation.state, invitation.started_at, invitation.completed_at) == ("completed", now, now)
    assert (delivery.state, delivery.act_at, delivery.settled_at) == ("delivered", None, now)


def test_who_does_not_know_that_it_was_begun_adds_to_it_all_the_same(asked: int) -> None:
    set_state("open")
    now = utcnow()
    record_response(asked, {"why": "Late"}, None, now)
    recorded = record_response(asked, {"nps": 3}, keep, now + timedelta(seconds=1), begun=False)
    assert recorded.answers == {"why": "Late", "nps": 3}
    [row] = stored(Response)
    assert (row.answers, row.started_at) == ({"why": "Late", "nps": 3}, now)


def test_two_tabs_add_to_one_response(asked: int) -> None:
    now = utcnow()
    record_response(asked, {"nps": 3, "why": "Late"}, None, now)
    record_response(asked, {"topic": "service"}, None, now + timedelta(seconds=1))
    record_response(asked, {"why": None}, None, now + timedelta(seconds=2))
    (row,) = stored(Response)
    assert (row.answers, row.complete, row.started_at) == ({"nps": 3, "topic": "service"}, False, now)
    assert row.changed_at == now + timedelta(seconds=2)
    seen: list[Mapping[str, Any]] = []

    def finish(answers: Mapping[str, Any]) -> Finished:
        seen.append(answers)
        return Finished({"nps": answers["nps"]}, None)

    done = record_response(asked, {"nps": 4}, finish, now + timedelta(seconds=3))
    assert (done.stored, done.state, dict(done.answers)) == (True, "completed", {"nps": 4})
    assert [dict(answers) for answers in seen] == [{"nps": 4, "topic": "service"}]
    assert [(r.answers, r.complete) for r in stored(Response)] == [({"nps": 4}, True)]


def test_the_second_of_two_final_answers_changes_nothing_and_costs_no_code(asked: int) -> None:
    first = record_response(asked, {"nps": 9}, reward, utcnow())
    before = everything()
    second = record_response(asked, {"nps": 1}, reward, utcnow())
    assert ((first.code, first.stored), (second.code, second.stored)) == (("A", True), (None, False))
    assert everything() == before
    assert [c.response_id is None for c in stored(OfferCode)] == [False, True]


@pytest.mark.parametrize(
    ("state", "settled"), [("unknown", "delivered"), ("handing_over", "delivered"), ("sent", "sent")]
)
def test_whoever_answers_has_got_the_message(asked: int, state: str, settled: str) -> None:
    with transaction() as session:
        session.get_one(Delivery, 1).state = state
    record_response(asked, {"nps": 9}, keep, utcnow())
    assert [d.state for d in stored(Delivery)] == ["sent" if state == "sent" else "delivered"]
