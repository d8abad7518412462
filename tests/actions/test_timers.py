"""Moments that no event tells of, through the real jobs: who is woken for what, once, whatever happens meanwhile."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.actions.definitions import apply_definitions
from app.actions.erasure import erase_contact
from app.actions.events import NewEvent, record_events
from app.definitions import load_definitions
from app.extensions import db
from app.jobs import KINDS
from app.models.contacts import Identity
from app.models.decisions import Decision
from app.models.events import Event
from app.models.sources import Source
from app.queries.work import ready_kinds

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTLE = timedelta(seconds=5)
SLOW = {"send", "score", "expire"}


@dataclass
class World:
    """A company whose clock is ours."""

    now: datetime = START
    posted: int = 0

    def utcnow(self) -> datetime:
        return self.now

    def define(self, yaml: str) -> None:
        loaded = load_definitions({"test.yaml": yaml})
        assert not loaded.faults, "\n".join(map(str, loaded.faults))
        apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=self.now)

    def trigger(self, slug: str, when: str, status: str = "live", **more: str) -> None:
        fields = "".join(f", {k.rstrip('_')}: {v}" for k, v in more.items())
        then = "[{set: {attribute: seen, from: properties.kind}}]"
        self.define(f"triggers: [{{slug: {slug}, status: {status}, when: {when}{fields}, then: {then}}}]")

    def happens(self, kind: str, contact: str = "ada", ago: timedelta = timedelta(0), **properties: Any) -> None:
        self.posted += 1
        source_id = db.session.scalars(select(Source.id).where(Source.slug == "api")).one()
        digest = blake2b(str(self.posted).encode(), digest_size=16).digest()
        block: dict[str, Any] = {
            "id": contact,
            **({"attributes": a} if (a := properties.pop("attributes", None)) else {}),
        }
        event = NewEvent(f"e-{self.posted}", kind, self.now - ago, block, properties, digest)
        record_events(source_id, [event], self.now)

    def works(self) -> None:
        for _ in range(50):
            kinds = [k for k in ready_kinds(self.now) if k not in SLOW]
            if not kinds:
                return
            for kind in kinds:
                KINDS[kind]()
        pytest.fail(f"still ready: {kinds}")

    def passes(self, time: timedelta) -> None:
        """Time goes by, and what is due is settled and worked on."""
        self.works()
        self.now += time + SETTLE
        self.works()
        self.now -= SETTLE

    def woken(self, slug: str) -> list[tuple[str, datetime]]:
        """Who was woken for a trigger, and when it was due."""
        rows = db.session.execute(
            select(Identity.value, Event.occurred_at)
            .join(Event, Event.contact_id == Identity.contact_id)
            .where(Event.type == f"timer.{slug}", Identity.kind == "external")
            .order_by(Event.occurred_at, Identity.value)
        )
        return [(name, at) for name, at in rows]


@pytest.fixture
def world(app: Flask, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr("app.jobs.utcnow", made.utcnow)
    app.config["COMPANY_ZONE"] = "Europe/Moscow"
    return made


CART = "{event: cart.updated, without: order.paid, within: 2h, on: properties.cart}"


def test_a_cart_that_is_not_paid_for_in_time_is_heard_of_once(world: World) -> None:
    world.trigger("cart", CART, if_="{field: properties.amount, op: gte, value: 10}")
    world.happens("cart.updated", cart="c-1", amount=50)
    world.happens("cart.updated", "bob", cart="c-2", amount=50)
    world.happens("cart.updated", "cleo", cart="c-3", amount=5)
    world.passes(HOUR)
    world.happens("order.paid", cart="c-9")  # another cart than hers
    world.happens("order.paid", "bob", cart="c-2")
    world.passes(2 * HOUR)
    assert world.woken("cart") == [("ada", START + 2 * HOUR), ("cleo", START + 2 * HOUR)]
    event = db.session.scalars(select(Event).where(Event.type == "timer.cart").order_by(Event.id)).first()
    assert event is not None
    assert event.properties == {"trigger": "cart", "kind": "absence", "cart": "c-1", "amount": 50}
    assert (event.cause_id, event.depth) == (1, 1)
    # The condition sees what the cart said: five were too few.
    assert [d.outcome for d in db.session.scalars(select(Decision))] == ["acted"]
    world.passes(30 * DAY)
    assert len(world.woken("cart")) == 2


def test_the_next_update_begins_anew_for_its_own_cart_only(world: World) -> None:
    world.trigger("cart", CART)
    world.happens("cart.updated", cart="c-1")
    world.happens("cart.updated", cart="c-2")
    world.happens("cart.updated", cart=None)  # about no cart at all
    world.passes(HOUR)
    world.happens("cart.updated", cart="c-1")
    world.passes(5 * HOUR)
    assert world.woken("cart") == [("ada", START + 2 * HOUR), ("ada", START + 3 * HOUR)]


def test_what_closes_in_time_but_is_found_late_prevents_it(world: World) -> None:
    world.trigger("cart", CART)
    world.happens("cart.updated", cart="c-1")
    world.works()
    world.now += HOUR
    world.happens("order.paid", cart="c-1")  # received in time, and nobody has looked at it yet
    world.now += 10 * HOUR
    KINDS["wake"]()
    assert world.woken("cart") == []
    KINDS["resolve"]()  # its contact is found now; it is still not decided
    KINDS["wake"]()
    world.works()
    assert world.woken("cart") == []


def test_paying_too_late_does_not_undo_it(world: World) -> None:
    world.trigger("cart", CART)
    world.happens("cart.updated", cart="c-1")
    world.works()
    world.now += 3 * HOUR
    world.happens("order.paid", cart="c-1")
    world.works()
    assert world.woken("cart") == [("ada", START + 2 * HOUR)]


@pytest.mark.parametrize("status", ["paused", "draft"])
def test_a_trigger_that_is_not_live_sets_nothing_and_lets_go_of_what_is_due(world: World, status: str) -> None:
    world.trigger("cart", CART)
    world.happens("cart.updated", cart="c-1")
    world.works()
    world.trigger("cart", CART, status)
    world.happens("cart.updated", "bob", cart="c-2")
    world.passes(3 * HOUR)
    world.trigger("cart", CART)
    world.passes(3 * HOUR)
    assert world.woken("cart") == []
    assert db.session.scalar(text("SELECT count(*) FROM timers")) == 0


def test_whoever_is_erased_meanwhile_is_not_woken(world: World) -> None:
    world.trigger("cart", CART)
    world.trigger("silent", "{inactive_for: 30d, since: [cart.updated]}")
    world.happens("cart.updated", cart="c-1")
    world.works()
    contact_id = db.session.scalars(select(Identity.contact_id)).one()
    erase_contact(contact_id, world.now)
    world.passes(40 * DAY)
    assert db.session.scalar(text("SELECT count(*) FROM events WHERE type LIKE 'timer.%'")) == 0


SILENT = "{inactive_for: 30d, since: [order.paid, visit.made]}"


def test_silence_is_heard_of_once_for_each_lapse(world: World) -> None:
    world.trigger("silent", SILENT)
    world.happens("order.paid")
    world.happens("order.paid", "bob")
    world.passes(20 * DAY)
    world.happens("visit.made", "bob")
    world.passes(15 * DAY)
    assert world.woken("silent") == [("ada", START + 30 * DAY)]
    world.passes(60 * DAY)
    assert world.woken("silent") == [("ada", START + 30 * DAY), ("bob", START + 50 * DAY)]
    world.happens("order.paid")  # she is back, and leaves again
    back = world.now
    world.passes(100 * DAY)
    assert world.woken("silent")[2:] == [("ada", back + 30 * DAY)]


def test_what_was_due_while_nothing_worked_is_caught_up_with_once(world: World) -> None:
    world.trigger("silent", SILENT)
    world.happens("order.paid")
    world.passes(DAY)
    world.now += 50 * DAY
    world.happens("order.paid")  # she came back before anybody looked; the lapse was one all the same
    world.works()
    world.passes(DAY)
    assert world.woken("silent") == [("ada", START + 30 * DAY)]


def test_silence_after_much_use_only(world: World) -> None:
    world.trigger("stopped", "{inactive_for: 30d, since: [app.opened], used: {times: 3, per: 10d}}")
    for day in range(3):
        world.happens("app.opened", "often", ago=day * DAY)
        world.happens("app.opened", "seldom", ago=6 * day * DAY)
    world.passes(31 * DAY)
    assert world.woken("stopped") == [("often", START + 30 * DAY)]


def test_those_who_are_silent_already_are_left_out_or_come_up_so_many_a_day(world: World) -> None:
    for number in range(5):
        world.happens("order.paid", f"old-{number}", ago=(100 + number) * DAY)
    world.happens("order.paid", "new")
    world.works()
    world.trigger("left-out", SILENT)
    world.trigger("spread", SILENT, existing="{per_day: 2}")
    world.passes(DAY)
    assert world.woken("left-out") == []
    assert [at - START for _, at in world.woken("spread")] == [timedelta(0), DAY / 2, DAY]
    world.happens("order.paid", "old-3")  # back before it was their turn
    back = world.now
    world.passes(40 * DAY)
    assert [at - START for _, at in world.woken("spread")][3:] == [2 * DAY, 30 * DAY, back - START + 30 * DAY]
    assert world.woken("left-out") == [("new", START + 30 * DAY), ("old-3", back + 30 * DAY)]


def test_another_period_is_another_going_live(world: World) -> None:
    world.trigger("silent", SILENT)
    world.happens("order.paid")
    world.passes(20 * DAY)
    world.trigger("silent", "{inactive_for: 10d, since: [order.paid]}")
    world.passes(40 * DAY)
    assert world.woken("silent") == []
