"""A limit that was broken is found the same night, told once, and shown until somebody has seen it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect

from app.actions.audits import begin_audit
from app.extensions import insert_rows, transaction
from app.models.audits import Audit
from app.models.decisions import Reservation
from app.models.deliveries import Delivery
from app.models.invitations import Invitation
from app.queries import audits
from app.queries.work import ready_kinds
from tests.admin.conftest import Person
from tests.wire import Clock, run, stored

SignIn = Callable[..., Person]


def break_a_limit() -> None:
    """Ada is asked a second time in a month: what no code of ours does."""
    [asked] = stored(Invitation)
    [taken] = stored(Reservation)
    at = taken.counts_at + timedelta(hours=1)
    with transaction() as session:
        insert_rows(session, Invitation, [_copy(asked, id=99, public_id="twice", action=9, handed_over_at=at)])
        insert_rows(session, Reservation, [_copy(taken, id=99, invitation_id=99, counts_at=at)])


def _copy(row: Any, **changed: Any) -> dict[str, Any]:
    mapper = inspect(type(row))
    return {column.name: changed.get(column.name, getattr(row, mapper.get_property_by_column(column).key))
            for column in mapper.local_table.columns}  # fmt: skip


@pytest.fixture
def clock(company: None, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for which the night's audit is half a day away, at whatever hour the tests run."""
    found = Clock(monkeypatch)
    monkeypatch.setattr(audits, "AT", (found() + timedelta(hours=12)).time())
    return found


def test_a_broken_limit_is_found_at_night_and_told_once(
    app: Flask, client: FlaskClient, clock: Clock, sign_in: SignIn
) -> None:
    anna = sign_in("admin", language="ru")
    sign_in("manager")
    break_a_limit()
    assert "audit" not in ready_kinds(clock())
    assert "/policy/audits" not in anna.get("/home").text
    assert "otklik_policy" not in client.get("/metrics").text

    assert "audit" in ready_kinds(clock.move(timedelta(days=1)))
    run("audit")
    assert "audit" not in ready_kinds(clock())
    [found] = stored(Audit)
    assert (found.places, found.looked_at, found.found, found.fresh) == (2, 2, 2, 2)
    assert {v["owner"] for v in found.violations} == {"contact", "address"}
    assert {(v["limit"], v["inside"], v["max"], v["place"]) for v in found.violations} == {("one-a-month", 2, 1, 99)}
    number = found.id
    [notice] = [d for d in stored(Delivery) if d.notice and "audits" in d.notice["text"]]
    assert notice.notice is not None
    assert notice.notice["to"] == anna.email
    assert notice.notice["subject"].startswith("Нарушен")
    assert "/policy/audits" in anna.get("/home").text
    assert "one-a-month" in anna.get("/policy/audits").text
    assert "otklik_policy_violations 2.0" in client.get("/metrics").text

    assert anna.post(f"/policy/audits/{number}/seen").status_code == 303
    assert "/policy/audits" not in anna.get("/home").text
    clock.move(timedelta(days=1))
    run("audit", "audit")
    again = stored(Audit)[-1]
    assert (len(stored(Audit)), again.found, again.fresh) == (2, 2, 0)
    assert "/policy/audits" not in anna.get("/home").text
    assert len([d for d in stored(Delivery) if d.notice and "audits" in d.notice["text"]]) == 1


def test_what_nobody_has_seen_needs_attention_the_next_night_too(
    app: Flask, client: FlaskClient, clock: Clock, sign_in: SignIn
) -> None:
    anna = sign_in("admin")
    break_a_limit()
    for _night in range(2):
        clock.move(timedelta(days=1))
        run("audit")
    assert [a.fresh for a in stored(Audit)] == [2, 2]
    assert "/policy/audits" in anna.get("/home").text


def test_an_audit_that_was_lost_begins_again_and_one_can_be_asked_for(
    app: Flask, client: FlaskClient, clock: Clock, sign_in: SignIn
) -> None:
    anna = sign_in("admin")
    assert sign_in("manager").post("/policy/audits").status_code == 403
    assert anna.post("/policy/audits").status_code == 303
    assert begin_audit(clock())  # and there its worker was killed
    assert "audit" not in ready_kinds(clock())
    assert "audit" in ready_kinds(clock.move(timedelta(minutes=16)))
    run("audit")
    [made] = stored(Audit)
    assert (made.asked_by, made.found, made.ended_at) == (anna.email, 0, clock())
    assert "No limit was broken: 1 message counted again." in anna.get("/policy/audits").text
