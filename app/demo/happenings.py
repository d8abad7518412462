"""What happens at Meadow in 26 weeks: boxes, changed plans, questions, complaints; nothing is decided here."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from app.actions.events import NewEvent
from app.demo.chance import Chance
from app.demo.customers import DAYS, RIVERSIDE, Customer, rounds
from app.demo.people import PLACES

SHOP, COURIER_APP, DESK, WEBSITE = "shop", "couriers", "support-desk", "website"
SINCE_FALL, SINCE_SLOTS, SINCE_NPS = 42, 21, 42
"""Days before today: Riverside's boxes began to be late; slots by app came to Northside; the NPS compares."""
LAPSES_AFTER = 35.0
BILLED_EVERY = 30.0
SKIPS, ASKS_SUPPORT, COMPLAINS = 0.44, 0.026, 0.0017
"""How likely a subscriber skips a weekly box; writes to support, complains in a week."""
UPGRADE_AMOUNTS = (640, 1490, 1490, 1990, 1990, 1990, 2490)
TICKET_TOPICS = ("app", "payment", "slot", "address", "allergy")
COMPLAINT_TOPICS = ("late", "freshness", "portion", "payment")
_HOURS = (8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)


@dataclass(frozen=True)
class Calendar:
    """The days of the past: 26 weeks up to ``now``, on the company's clock."""

    now: datetime
    zone: ZoneInfo
    midnights: list[datetime] = field(init=False)

    def __post_init__(self) -> None:
        days = (self.today - timedelta(days=DAYS) + timedelta(days=n) for n in range(DAYS + 2))
        object.__setattr__(self, "midnights", [self._midnight(day) for day in days])

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def begins(self) -> datetime:
        return self.midnights[0]

    def at(self, day: float, hours: float) -> datetime:
        """A moment of day number ``day``; what lies beyond tomorrow is only known to be later."""
        return self.midnights[min(int(day), DAYS + 1)] + timedelta(seconds=int(hours * 3600))

    def since(self, days: int) -> datetime:
        """The midnight so many days before today."""
        return self.midnights[DAYS - days]

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(0), self.zone).astimezone(self.now.tzinfo)


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as a service would post it, without its id."""

    at: datetime
    source: str
    type: str
    contact: dict[str, Any]
    properties: dict[str, Any]


def as_event(happening: Happening, external_id: str) -> NewEvent:
    """The event that the ingest would make of it."""
    item = {
        "id": external_id,
        "type": happening.type,
        "occurred_at": happening.at,
        "contact": happening.contact,
        "properties": happening.properties,
    }
    digest = blake2b(orjson.dumps(item, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
    return NewEvent(
        external_id, happening.type, happening.at, happening.contact, happening.properties, digest, history=False
    )


def make_happenings(customers: Iterable[Customer], calendar: Calendar, language: str) -> list[Happening]:
    """Everything that happened up to now, in order."""
    found: list[Happening] = []
    for customer in customers:
        life = _Life(customer, calendar, language)
        found.extend(h for h in life.happenings() if calendar.begins <= h.at < calendar.now)
    found.sort(key=lambda h: (h.at, h.contact["id"], h.type))
    return found


class _Life:
    """One customer's 26 weeks."""

    def __init__(self, customer: Customer, calendar: Calendar, language: str) -> None:
        self._customer, self._calendar, self._language = customer, calendar, language
        self._chance = Chance(f"life {customer.number}")

    def happenings(self) -> Iterator[Happening]:
        match self._customer.kind:
            case "subscriber":
                yield from self._subscriber()
            case "taster":
                for _ in range(self._chance.whole(1, 3)):
                    yield self._delivered(self._chance.whole(0, DAYS))

    def _subscriber(self) -> Iterator[Happening]:
        customer = self._customer
        if customer.joined >= 0:
            yield self._shop("started", customer.joined, {"plan": "classic", "amount": 990}, plan="classic", known=True)
        if customer.upgrades is not None and 0 <= customer.upgrades < DAYS + 1 and not self._away(customer.upgrades):
            amount = self._chance.one_of(UPGRADE_AMOUNTS)
            yield self._shop("upgraded", customer.upgrades, {"plan": "premium", "amount": amount}, plan="premium")
        if customer.left is not None:
            yield from self._leaves(customer.left)
        yield from self._weeks()
        yield from self._bills()

    def _leaves(self, left: float) -> Iterator[Happening]:
        back = self._customer.returned
        yield self._shop("cancelled", left, {"reason": "in the app"}, plan="none")
        if self._customer.lapses and (back is None or back > left + LAPSES_AFTER):
            yield self._shop("lapsed", left + LAPSES_AFTER, {"days": int(LAPSES_AFTER)})
        if back is not None:
            yield self._shop("started", back, {"plan": "classic", "amount": 990, "returning": True}, plan="classic")

    def _weeks(self) -> Iterator[Happening]:
        chance = self._chance
        for day in range(self._customer.weekday, DAYS + 1, 7):
            if self._away(day):
                continue
            if not chance.happens(SKIPS):
                yield self._delivered(day)
            if chance.happens(ASKS_SUPPORT):
                yield self._ticket(min(DAYS, day + chance.whole(0, 6)))
            if chance.happens(COMPLAINS):
                yield from self._complaint(min(DAYS, day + chance.whole(0, 6)))

    def _bills(self) -> Iterator[Happening]:
        number = 1 + int(max(0.0, -self._customer.joined) // BILLED_EVERY)
        while (day := self._customer.joined + number * BILLED_EVERY) < DAYS + 1:
            if day >= 0 and not self._away(day):
                yield self._shop("renewed", day, {"month": number, "amount": 990})
            number += 1

    def _away(self, day: float) -> bool:
        customer = self._customer
        if day < max(customer.joined, customer.connected):
            return True
        if customer.left is None or day < customer.left:
            return False
        return customer.returned is None or day < customer.returned

    def _moment(self, day: float, hours: Sequence[int] = _HOURS) -> datetime:
        return self._calendar.at(day, self._chance.one_of(hours) + self._chance.lot())

    def _shop(
        self, kind: str, day: float, properties: dict[str, Any], plan: str | None = None, *, known: bool = False
    ) -> Happening:
        contact: dict[str, Any] = block(self._customer) if known else {"id": self._customer.id}
        if plan:
            contact["attributes"] = {**contact.get("attributes", {}), "plan": plan}
        place = PLACES[self._language][self._customer.place]
        at = self._moment(day)
        return Happening(at, SHOP, f"subscription.{kind}", contact, {**properties, "place": place})

    def _delivered(self, day: int) -> Happening:
        chance, place = self._chance, self._customer.place
        late = place == RIVERSIDE and day >= DAYS - SINCE_FALL
        properties = {
            "order": f"o-{100_000 + int(chance.lot() * 900_000)}",
            "place": PLACES[self._language][place],
            "employee": chance.one_of(rounds(self._language, place)),
            "minutes_late": int(chance.between(10, 75) if late else chance.waiting(6)),
        }
        return Happening(
            self._moment(day, (16, 17, 18, 19)),
            COURIER_APP,
            "order.delivered",
            {"id": self._customer.id},
            properties,
        )

    def _ticket(self, day: int) -> Happening:
        properties = {"topic": self._chance.one_of(TICKET_TOPICS), "place": self._place}
        return Happening(self._moment(day), DESK, "ticket.closed", {"id": self._customer.id}, properties)

    def _complaint(self, day: int) -> Iterator[Happening]:
        chance = self._chance
        at = self._moment(day)
        properties = {
            "complaint": f"cm-{self._customer.number}-{day}",
            "topic": chance.one_of(COMPLAINT_TOPICS),
            "place": self._place,
        }
        contact = {"id": self._customer.id}
        yield Happening(at, DESK, "complaint.opened", contact, properties)
        closed = at + complaint_lasts(properties["complaint"])
        yield Happening(closed, DESK, "complaint.resolved", contact, properties)

    @property
    def _place(self) -> str:
        return PLACES[self._language][self._customer.place]


def complaint_lasts(complaint: str) -> timedelta:
    """How long a complaint is open: Care and the support desk close it together."""
    return timedelta(minutes=int(Chance(f"complaint {complaint}").between(60, 60 * 50)))


def block(customer: Customer) -> dict[str, Any]:
    """What the shop knows of a customer, as an event's contact block."""
    return {
        "id": customer.id,
        "email": customer.email,
        "phone": customer.phone,
        "name": customer.name,
        "locale": customer.language,
        "attributes": {"plan": plan_at_first(customer)},
    }


def plan_at_first(customer: Customer) -> str:
    """The plan before the first day, or of the first day of somebody new."""
    if customer.kind == "taster":
        return "box"
    if customer.kind == "sleeper":
        return "none"
    return "premium" if customer.upgrades is not None and customer.upgrades < 0 else "classic"
