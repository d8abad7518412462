"""The people of Meadow: 4,800 customers and a small cast, the same in every run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path

import yaml

from app.demo.chance import HOLDOUT_SALT, Chance
from app.demo.people import COURIERS, OF_A_WOMAN
from surveys.sampling import draw

NAMESPACE = "meadow"
WIN_BACK, WIN_BACK_HOLDOUT = "win-back", 0.1
LEAVERS, RETURNED_ASKED, RETURNED_UNASKED = (190, 22), 27, 2
SUBSCRIBERS, NEW_SUBSCRIBERS, TASTERS, SLEEPERS = 1_350, 1_050, 1_700, 700
CUSTOMERS = SUBSCRIBERS + NEW_SUBSCRIBERS + TASTERS + SLEEPERS
DAYS, CONNECTING_TOOK = 182, 32
CENTRE, RIVERSIDE, NORTHSIDE = range(3)
SHARES = (0.33, 0.24, 0.43)
"""How many of the customers live in each of the places."""
SLOW_COURIER = 2
"""The one of the Centre's couriers whose deliveries really are worse."""


def rounds(language: str, place: int) -> tuple[str, ...]:
    """Who brings the boxes of a place; the slow one has as many rounds as the Centre's two others together."""
    couriers = COURIERS[language][place]
    return couriers if place != CENTRE else (*couriers, couriers[SLOW_COURIER])


_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya".replace("-", "").split(" "),
        strict=True,
    )
)


@dataclass(slots=True)
class Customer:
    """One customer; days count from the first day of the past, and a day of None never comes."""

    number: int
    id: str
    name: str
    language: str
    place: int
    kind: str  # subscriber, taster, sleeper, cast
    joined: float
    """Days after the beginning; below 0 for who was there before."""
    weekday: int
    connected: float = 0.0
    """The day on which the courier app was connected in their street: it took a month until all were."""
    left: float | None = None
    returned: float | None = None
    lapses: bool = True
    upgrades: float | None = None

    @property
    def email(self) -> str:
        """An address that cannot exist, so that nothing ever reaches anybody."""
        return f"{latin(self.name).replace(' ', '.')}.{self.number}@mail.example"

    @property
    def phone(self) -> str:
        """A number kept free for fiction (Ofcom), or of a Russian code that was never given out."""
        return f"+44770090{self.number % 10_000:04}" if self.language == "en" else f"+7495000{self.number % 10_000:04}"

    @property
    def sampling_id(self) -> str:
        """What every draw about this customer hashes, known before the first event about them is there."""
        return sampling_id(self.id)


def sampling_id(external_id: str) -> str:
    return blake2b(f"external\x1f{NAMESPACE}\x1f{external_id}".encode(), digest_size=10).hexdigest()


def latin(name: str) -> str:
    """A name as it stands in an address."""
    return "".join(_LATIN.get(letter, letter) for letter in name.lower())


def make_customers() -> list[Customer]:
    """All customers but the cast."""
    customers = [_make_customer(number) for number in range(CUSTOMERS)]
    _let_some_leave(customers)
    return customers


def is_held_out(sampling_id: str) -> bool:
    """Whether the win-back never asks this customer."""
    return draw(HOLDOUT_SALT, WIN_BACK, sampling_id) < WIN_BACK_HOLDOUT


def _make_customer(number: int) -> Customer:
    chance = Chance(f"customer {number}")
    language = "en" if number % 2 else "ru"
    lot = chance.lot()
    place = CENTRE if lot < SHARES[0] else RIVERSIDE if lot < SHARES[0] + SHARES[1] else NORTHSIDE
    kind, joined = _kind(number, chance)
    return Customer(
        number=number,
        id=f"c-{1001 + number}",
        name=_name(language, chance),
        language=language,
        place=place,
        kind=kind,
        joined=joined,
        weekday=chance.whole(0, 6),
        connected=chance.between(0, CONNECTING_TOOK) if joined < 0 else 0.0,
        upgrades=_upgrades(kind, joined, chance),
    )


def _upgrades(kind: str, joined: float, chance: Chance) -> float | None:
    if kind != "subscriber" or not chance.happens(0.6):
        return None
    return chance.between(-300, DAYS) if joined < 0 else joined + chance.waiting(40.0)


def _kind(number: int, chance: Chance) -> tuple[str, float]:
    before = -chance.between(20, 700)
    if number < SUBSCRIBERS:
        return "subscriber", before
    if number < SUBSCRIBERS + NEW_SUBSCRIBERS:
        return "subscriber", chance.between(0, DAYS - 1)
    if number < SUBSCRIBERS + NEW_SUBSCRIBERS + TASTERS:
        return "taster", before
    return "sleeper", before


def _name(language: str, chance: Chance) -> str:
    names = _names()
    if language == "en":
        return f"{chance.one_of(names['english'])} {chance.one_of(names['english_surnames'])}"
    surname = chance.one_of(names["russian_surnames"])
    if chance.happens(0.5):
        return f"{chance.one_of(names['russian_women'])} {surname}{OF_A_WOMAN}"
    return f"{chance.one_of(names['russian_men'])} {surname}"


@cache
def _names() -> dict[str, list[str]]:
    text = (Path(__file__).parent / "names.yaml").read_text()
    return {kind: names.split() for kind, names in yaml.safe_load(text).items()}


def _let_some_leave(customers: Sequence[Customer]) -> None:
    """Of the old subscribers some leave; most stay away for five weeks, and some of those come back later.

    As many of them are of the control group as its share says, so that the effect of asking can be measured.
    """
    chance = Chance("leaving")
    old = chance.shuffled([c for c in customers if c.kind == "subscriber" and c.joined < 0])
    asked, unasked = LEAVERS
    groups = (
        (True, asked, RETURNED_ASKED),
        (False, unasked, RETURNED_UNASKED),
    )
    for wanted, count, returned in groups:
        gone = [c for c in old if is_held_out(c.sampling_id) is not wanted][:count]
        for number, customer in enumerate(gone):
            customer.left = chance.between(3, DAYS - 40)
            customer.upgrades = None
            if number < returned:
                customer.left = chance.between(3, 70)
                customer.returned = customer.left + chance.between(38, 75)
    here = [c for c in old if c.left is None]
    for customer in here[:40]:  # these come back before anybody misses them
        customer.left, customer.lapses = chance.between(10, DAYS - 30), False
        customer.returned = customer.left + chance.between(8, 28)
    for customer in here[40:100]:  # these have gone only just now
        customer.left = chance.between(DAYS - 34, DAYS - 0.2)


def chosen_ids(prefix: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """External ids with this beginning whose honest draws fall as wanted."""
    number = 100
    while True:
        number += 1
        if fits(sampling_id(f"{prefix}-{number}")):
            yield f"{prefix}-{number}"


def midday_zone(now: datetime) -> str:
    """A zone in which it is about midday, whenever that is."""
    return MIDDAY_ZONES[now.hour]


MIDDAY_ZONES = (
    "Pacific/Auckland", "Asia/Magadan", "Australia/Brisbane", "Asia/Tokyo", "Asia/Shanghai", "Asia/Novosibirsk",
    "Asia/Almaty", "Asia/Yekaterinburg", "Asia/Dubai", "Europe/Moscow", "Europe/Helsinki", "Africa/Lagos",
    "Europe/London", "Atlantic/Azores", "America/Noronha", "America/Sao_Paulo", "America/Halifax", "America/New_York",
    "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu",
    "Pacific/Pago_Pago",
)  # fmt: skip
"""By the hour in UTC."""
