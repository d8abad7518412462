"""What nobody needs any more goes, once a night; what somebody may still need stays."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.actions.simulations import AskedFor, ask_for_simulation
from app.extensions import db, insert_rows, transaction
from app.jobs import KINDS
from app.models.simulations import Simulation, SimulationContact
from app.models.timers import Timer
from app.models.triggers import Trigger
from app.queries.work import ready_kinds
from tests.wire import Clock, event, stored, tell

DAY = timedelta(days=1)
DEFINITIONS = """
policy: {limits: [{name: once, max: 1, per: 2d}]}
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers: [{slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]
"""
CALM = "policy: {limits: [{name: once, max: 1, per: 30d}]}"


def test_a_rehearsal_can_be_looked_at_for_90_days(
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    for n in range(2):
        ada = {"id": "ada", "email": "ada@example.com"}
        at = (clock.now - (9 - 5 * n) * DAY).isoformat()
        tell(client, key, event(f"e-{n}", contact=ada, occurred_at=at))
    work()
    define(DEFINITIONS)
    draft = AskedFor(CALM, clock.now - 20 * DAY, clock.now)
    for _ in range(2):
        ask_for_simulation(draft, total=2, actor="tests", now=clock.now)
        work()
        clock.now += 60 * DAY
    assert [s.id for s in stored(Simulation)] == [1, 2]
    assert [(c.simulation_id, c.told["lost"]) for c in stored(SimulationContact)] == [(1, ["ask"]), (2, ["ask"])]
    work()
    assert [s.id for s in stored(Simulation)] == [2]
    assert [c.simulation_id for c in stored(SimulationContact)] == [2]


def test_the_house_is_put_in_order_once_a_night(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> None:
    clock = Clock(monkeypatch)
    clock.now = clock.now.replace(hour=12) + DAY
    assert "tidy" in ready_kinds(clock.now)
    work()
    assert "tidy" not in ready_kinds(clock.now + 10 * timedelta(hours=1))
    assert "tidy" in ready_kinds(clock.now + DAY)


def test_moments_of_long_ago_go_but_for_the_last_of_each_customer(
    define: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    define(DEFINITIONS)
    trigger_id = db.session.scalars(select(Trigger.id)).one()
    came = [(1, 900, "fired"), (1, 500, "fired"), (1, 10, "waiting"), (2, 450, "fired"), (2, 398, "fired"),
            (3, 450, "ripe"), (3, 420, "fired")]  # fmt: skip
    with transaction() as session:
        rows: list[dict[str, Any]] = [
            {"trigger_id": trigger_id, "contact_id": contact, "key": str(days), "due_at": clock.now - days * DAY,
             "state": state, "opened_at": None, "event_id": None, "depth": 0, "told": {}}
            for contact, days, state in came
        ]  # fmt: skip
        insert_rows(session, Timer, rows)
    clock.now += DAY
    KINDS["tidy"]()
    db.session.rollback()
    left = db.session.execute(select(Timer.contact_id, Timer.key).order_by(Timer.id))
    assert [tuple(row) for row in left] == [(1, "500"), (1, "10"), (2, "398"), (3, "450"), (3, "420")]
    assert db.session.scalar(select(func.count()).select_from(Timer)) == 5
