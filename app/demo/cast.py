"""The few customers with a story of their own; their ids are chosen so that the honest draws tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from app.demo.customers import DAYS, RIVERSIDE, Customer, chosen_ids
from app.demo.happenings import COURIER_APP, DESK, SHOP, Calendar, Happening, block, complaint_lasts
from app.demo.people import GUESTS, PLACES, VICTOR
from surveys.gates import Rules, holdout_draw, sample_draw
from surveys.triggers import Trigger

FIRST_NUMBER = 9_000
LONG = timedelta(days=270)
"""So long after the demo was made a visitor's draw still falls well."""
VICTOR_LEAVES = 3
"""Days before today: he unsubscribes."""
TICKET, ASKED, RENEWED, UPGRADED, COMPLAINED, DELIVERED, LAST = 62, 52, 41, 20, 9, 8, 2
"""Victor's days, before today."""
COMPLAINT_LASTS = (timedelta(hours=30), timedelta(hours=44))
"""Long enough that the next evening's box comes while it is open."""


@dataclass(frozen=True)
class Lots:
    """How the draws of the installation fall."""

    triggers: Mapping[str, Trigger]
    rules: Rules

    def sampled(self, trigger: str, sampling_id: str, at: datetime) -> bool:
        rule = self.triggers[trigger]
        return sample_draw(rule, sampling_id, self.rules, at) < rule.sample.rate

    def held_out(self, trigger: str, sampling_id: str) -> bool:
        rule = self.triggers[trigger]
        return holdout_draw(rule, sampling_id, self.rules) < rule.sample.holdout


def make_guests(lots: Lots, now: datetime, language: str) -> list[Customer]:
    """Whom a visitor follows: in the sample and not held out whenever they upgrade."""

    def fits(sampling_id: str) -> bool:
        weeks = range(0, LONG.days, 15)
        return not lots.held_out("upgrade-nps", sampling_id) and all(
            lots.sampled("upgrade-nps", sampling_id, now + timedelta(days=n)) for n in weeks
        )

    ids = chosen_ids("m", fits)
    return [
        Customer(
            FIRST_NUMBER + n, next(ids), name, language, RIVERSIDE, "cast", joined=DAYS - 63, weekday=n % 7
        )
        for n, name in enumerate(GUESTS[language])
    ]  # fmt: skip


def make_victor(lots: Lots, calendar: Calendar, language: str) -> Customer:
    """Outside the sample of support, in the control group of upgrades, and drawn for all the rest."""

    def day(before: int) -> datetime:
        return calendar.at(DAYS - before, 17)

    def fits(sampling_id: str) -> bool:
        return (
            not lots.sampled("support-ces", sampling_id, day(TICKET))
            and lots.sampled("quarterly-nps", sampling_id, day(RENEWED))
            and lots.sampled("upgrade-nps", sampling_id, day(UPGRADED))
            and lots.held_out("upgrade-nps", sampling_id)
            and all(lots.sampled("delivery-csat", sampling_id, day(d)) for d in (ASKED, DELIVERED, LAST))
        )

    return Customer(
        FIRST_NUMBER + len(GUESTS[language]),
        next(chosen_ids("v", fits)),
        VICTOR[language],
        language,
        RIVERSIDE,
        "cast",
        joined=-200.0,
        weekday=0,
    )


def guest_happenings(guests: list[Customer], calendar: Calendar, language: str) -> list[Happening]:
    """A few boxes two months ago, then a holiday: nobody has asked them anything lately."""
    found = []
    for guest in guests:
        plan = {**block(guest), "attributes": {"plan": "classic"}}
        place = PLACES[language][guest.place]
        started = calendar.at(guest.joined, 10 + guest.number % 7)
        found.append(
            Happening(started, SHOP, "subscription.started", plan, {"plan": "classic", "amount": 990, "place": place})
        )
        for before in (60, 53, 46):
            evening = calendar.at(DAYS - before, 18 + guest.number % 60 / 60)
            box = _box(guest, before, place)
            found.append(Happening(evening, COURIER_APP, "order.delivered", {"id": guest.id}, box))
    return found


def victor_happenings(victor: Customer, calendar: Calendar, language: str) -> list[Happening]:
    """Six occasions to ask him, of which five pass without."""
    who, place = {"id": victor.id}, PLACES[language][victor.place]
    opened = calendar.at(DAYS - COMPLAINED, 19.2)
    key = next(
        k
        for k in (f"cm-{victor.number}-{n}" for n in count())
        if COMPLAINT_LASTS[0] < complaint_lasts(k) < COMPLAINT_LASTS[1]
    )
    complaint = {"complaint": key, "topic": "late", "place": place}

    def on(before: int, hours: float, source: str, kind: str, properties: dict[str, Any]) -> Happening:
        return Happening(calendar.at(DAYS - before, hours), source, kind, who, properties)

    return [
        on(TICKET, 12.3, DESK, "ticket.closed", {"topic": "slot", "place": place}),
        on(ASKED, 17.6, COURIER_APP, "order.delivered", _box(victor, ASKED, place)),
        on(RENEWED, 10.1, SHOP, "subscription.renewed", {"month": 6, "amount": 990, "place": place}),
        on(UPGRADED, 15.4, SHOP, "subscription.upgraded", {"plan": "premium", "amount": 1990, "place": place}),
        on(COMPLAINED, 19.2, DESK, "complaint.opened", complaint),
        on(DELIVERED, 17.8, COURIER_APP, "order.delivered", _box(victor, DELIVERED, place)),
        Happening(opened + complaint_lasts(key), DESK, "complaint.resolved", who, complaint),
        on(LAST, 17.2, COURIER_APP, "order.delivered", _box(victor, LAST, place)),
    ]


def _box(customer: Customer, before: int, place: str) -> dict[str, Any]:
    return {"order": f"o-{customer.number}{before:02}", "place": place, "minutes_late": 12}
