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
from app.actions.lists import ListUsed, add_to_list, remove_list
from app.definitions import load_definitions
from app.extensions import db
from app.jobs import KINDS
from app.models.contacts import Identity
from app.models.decisions import Decision
from app.models.events import Event
from app.models.sources import Source
from app.queries.explanations import imagined, missed_conditions
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


def test_why_tells_of_moments_that_never_came(world: World) -> None:
    world.trigger("cart", CART, if_="{field: properties.amount, op: gte, value: 10}")
    world.trigger("third", "{event: cart.updated, occurrence: {nth: 3, within: 1h}}")
    world.happens("cart.updated", cart="c-1", amount=5)
    world.works()
    contact_id = db.session.scalars(select(Identity.contact_id)).one()
    why = imagined(contact_id, "cart", world.now, "UTC")
    assert why is not None
    assert (why.outcome, why.reason, [(g.observed, g.limit) for g in why.gates if not g.passed]) == (
        "skipped",
        "condition",
        [(5, 10)],
    )
    world.now += HOUR / 2
    why = imagined(contact_id, "third", world.now, "UTC")
    assert why is not None
    assert [(g.gate, g.observed, g.limit, g.rule) for g in why.gates if not g.passed] == [
        ("condition", 2, 3, "occurrence")
    ]
    (missed,) = missed_conditions(contact_id, "third", 10, "UTC")
    assert [(g.observed, g.limit) for g in missed.gates if not g.passed] == [(1, 3)]


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


PREMIUM = "{field: contact.attributes.plan, op: eq, value: premium}"


def segment(world: World, condition: str = PREMIUM) -> None:
    world.define(f"segments: [{{slug: premium, if: {condition}}}]")


def test_a_birthday_is_heard_of_every_year_by_the_customers_clock(world: World) -> None:
    world.trigger("birthday", "{date: contact.attributes.born, yearly: true, offset: -1d, at: '09:00'}")
    world.happens("seen", "ada", attributes={"born": "1990-03-05"})
    world.happens("seen", "bob", attributes={"born": "5 March"})
    world.happens("seen", "leap", attributes={"born": "2000-02-29"})
    world.passes(5 * DAY)
    assert world.woken("birthday") == [("ada", datetime(2026, 3, 4, 6, tzinfo=UTC))]
    # The day is put right afterwards: once a year all the same.
    world.happens("seen", "ada", attributes={"born": "1990-03-10"})
    world.passes(10 * DAY)
    assert len(world.woken("birthday")) == 1
    world.passes(360 * DAY)
    assert [(name, at.date().isoformat()) for name, at in world.woken("birthday")[1:]] == [
        ("leap", "2027-02-27"),
        ("ada", "2027-03-09"),
    ]


def test_a_date_that_comes_once_comes_again_when_it_is_moved(world: World) -> None:
    world.happens("seen", "old", attributes={"end": "2026-02-01"})
    world.works()
    world.trigger("renewal", "{date: contact.attributes.end, offset: -3d}", existing="{per_day: 1}")
    world.happens("seen", "ada", attributes={"end": "2026-03-10"})
    world.passes(8 * DAY)
    assert [name for name, _ in world.woken("renewal")] == ["old", "ada"]
    world.happens("seen", "ada", attributes={"end": "2026-04-10"})
    world.passes(60 * DAY)
    assert [(name, at.date().isoformat()) for name, at in world.woken("renewal")][1:] == [
        ("ada", "2026-03-07"),
        ("ada", "2026-04-07"),
    ]


def test_a_holiday_is_for_everybody_in_the_segment(world: World) -> None:
    segment(world)
    world.trigger("womens-day", "{on: '03-08', at: '10:00', segment: premium}")
    world.happens("seen", "ada", attributes={"plan": "premium"})
    world.happens("seen", "bob", attributes={"plan": "standard"})
    world.passes(30 * DAY)
    assert world.woken("womens-day") == [("ada", datetime(2026, 3, 8, 7, tzinfo=UTC))]


def test_a_schedule_asks_whoever_is_in_the_segment_then(world: World) -> None:
    segment(world)
    world.trigger("monthly", "{cron: '0 10 * * TUE', segment: premium}")
    world.happens("seen", "ada", attributes={"plan": "premium"})
    world.happens("seen", "bob", attributes={"plan": "standard"})
    world.passes(2 * DAY)  # Monday to Wednesday
    world.happens("seen", "bob", attributes={"plan": "premium"})
    world.passes(7 * DAY)
    tuesdays = [datetime(2026, 3, day, 7, tzinfo=UTC) for day in (3, 10)]
    assert world.woken("monthly") == [("ada", tuesdays[0]), ("ada", tuesdays[1]), ("bob", tuesdays[1])]
    # After a month without a worker only what is still fresh is caught up with.
    world.now += 30 * DAY
    world.works()
    assert len(world.woken("monthly")) == 3
    world.now = datetime(2026, 4, 15, 12, tzinfo=UTC)
    world.works()
    assert [at for _, at in world.woken("monthly")][3:] == [datetime(2026, 4, 14, 7, tzinfo=UTC)] * 2


def test_segments_are_entered_and_left(world: World) -> None:
    segment(world, "{any: [" + PREMIUM + ", {events: order.paid, count: true, within: 10d, op: gte, value: 2}]}")
    world.happens("seen", "before", attributes={"plan": "premium"})
    world.works()
    world.trigger("enters", "{enters: premium}")
    world.trigger("exits", "{exits: premium}")
    world.happens("seen", "ada", attributes={"plan": "standard"})
    world.passes(HOUR)
    assert world.woken("enters") == []
    world.happens("order.paid", "ada")
    world.happens("order.paid", "ada")
    world.passes(DAY)
    assert [name for name, _ in world.woken("enters")] == ["ada"]
    world.passes(DAY)
    assert world.woken("exits") == []
    world.passes(10 * DAY)  # time alone takes her out
    assert [name for name, _ in world.woken("exits")] == ["ada"]
    world.happens("seen", "before", attributes={"plan": "standard"})
    world.passes(DAY)
    world.happens("seen", "before", attributes={"plan": "premium"})
    world.passes(DAY)
    assert [name for name, _ in world.woken("enters")] == ["ada", "before"]
    assert [name for name, _ in world.woken("exits")] == ["ada", "before"]


def test_members_at_the_start_come_up_so_many_a_day_while_they_stay(world: World) -> None:
    segment(world)
    for name in ("a", "b", "c"):
        world.happens("seen", name, attributes={"plan": "premium"})
    world.works()
    world.trigger("enters", "{enters: premium}", existing="{per_day: 1}")
    world.passes(HOUR)
    world.happens("seen", "b", attributes={"plan": "standard"})
    world.passes(10 * DAY)
    assert world.woken("enters") == [("a", START), ("c", START + 2 * DAY)]


def test_now_asks_everybody_in_the_segment_once(world: World) -> None:
    segment(world)
    for name in ("a", "b"):
        world.happens("seen", name, attributes={"plan": "premium"})
    world.works()
    world.trigger("now", "{now: premium}")
    world.trigger("spread", "{now: premium}", existing="{per_day: 1}")
    world.passes(HOUR)
    assert world.woken("now") == [("a", START), ("b", START)]
    world.happens("seen", "late", attributes={"plan": "premium"})
    world.trigger("now", "{now: premium}", "paused")
    world.passes(DAY)
    assert world.woken("spread") == [("a", START), ("b", START + DAY)]
    world.trigger("now", "{now: premium}")  # going live again: for whoever was not asked
    world.passes(DAY)
    assert [name for name, _ in world.woken("now")] == ["a", "b", "late"]


def test_now_asks_everybody_on_a_list(world: World) -> None:
    for name in ("a", "b"):
        world.happens("seen", name)
    world.works()
    contacts = {i.value: i.contact_id for i in db.session.scalars(select(Identity))}
    add_to_list("guests", [contacts["b"]], actor="test", now=world.now)
    world.trigger("now", "{now: guests}")
    world.passes(HOUR)
    assert world.woken("now") == [("b", START)]
    with pytest.raises(ListUsed):
        remove_list("guests", actor="test", now=world.now)


def test_the_third_of_a_kind_within_an_hour_is_heard(world: World) -> None:
    world.trigger("angry", "{event: ticket.opened, occurrence: {nth: 3, within: 1h, by: properties.category}}")
    for minutes, category in enumerate(["food", "late", "late", "food", "late", "late"]):
        world.now = START + timedelta(minutes=minutes)
        world.happens("ticket.opened", category=category, number=minutes)
    world.works()
    heard = db.session.scalars(select(Event.properties).join(Decision, Decision.event_id == Event.id)).all()
    assert [properties["number"] for properties in heard] == [4]


def test_a_stretch_at_a_time_is_as_good_as_all_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.LOOK_BATCH", 2)
    monkeypatch.setattr("app.jobs.TIMER_BATCH", 3)
    segment(world)
    names = [f"c-{number}" for number in range(7)]
    for name in names:
        world.happens("order.paid", name, ago=HOUR, attributes={"plan": "premium", "born": "1990-03-05"})
    world.works()
    kinds = {
        "silent": "{inactive_for: 2d, since: [order.paid]}",
        "birthday": "{date: contact.attributes.born, yearly: true}",
        "holiday": "{on: '03-05'}",
        "tuesday": "{cron: '0 10 * * TUE', segment: premium}",
        "now": "{now: premium}",
        "away": "{exits: premium}",
    }
    for slug, when in kinds.items():
        world.trigger(slug, when)
    world.passes(HOUR)
    for name in names:
        world.happens("seen", name, attributes={"plan": "standard"})
    world.passes(5 * DAY)
    assert {slug: sorted(name for name, _ in world.woken(slug)) for slug in kinds if slug != "tuesday"} == {
        slug: names for slug in kinds if slug != "tuesday"
    }
    assert world.woken("tuesday") == []  # nobody was in the segment any more
