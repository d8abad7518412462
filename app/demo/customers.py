"""The people of Meadow: 4,800 customers and a small cast, the same in every run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from app.demo.chance import Chance

NAMESPACE = "meadow"
LEAVERS, RETURNED_ASKED, RETURNED_UNASKED = (190, 22), 27, 2
SUBSCRIBERS, NEW_SUBSCRIBERS, TASTERS, SLEEPERS = 1_250, 900, 1_900, 750
CUSTOMERS = SUBSCRIBERS + NEW_SUBSCRIBERS + TASTERS + SLEEPERS
DAYS, CONNECTING_TOOK = 182, 32
CENTRE, RIVERSIDE, NORTHSIDE = range(3)
PLACES = {"en": ("Centre", "Riverside", "Northside"), "ru": ("Центр", "Заречье", "Северный")}
SHARES = (0.33, 0.24, 0.43)
"""How many of the customers live in each of the places."""
COURIERS = {
    "en": (("Ben Hart", "Olga Reed", "Sam Cole"), ("Ivan Marsh", "Nina Price"), ("Alex Dean", "Rosa Webb", "Karl Frost")),
    "ru": (
        ("Борис Харитонов", "Ольга Родина", "Семён Котов"),
        ("Иван Марченко", "Нина Панина"),
        ("Алексей Дёмин", "Роза Вебер", "Карл Мороз"),
    ),
}
SLOW_COURIER = 2
"""The one of the Centre's couriers whose deliveries really are worse."""
ENGLISH = (
    "Alice Amber Amy Anna Beth Carol Chloe Clara Daisy Diana Ella Emma Erin Eva Faith Fiona Grace Hannah Hazel Helen Holly "
    "Ida Iris Isla Ivy Jane Joan Julia Kate Laura Leah Lily Lucy Lydia Mary Maya Megan Molly Nora Olive Paula Rose Ruth Sarah "
    "Sophie Stella Tess Vera Wendy Zoe Adam Alan Andrew Arthur Ben Brian Carl Charles Colin Daniel David Dennis Edgar Edward "
    "Eric Felix Frank Fred George Gordon Harry Henry Hugh Ian Jack James Jason John Joseph Keith Kevin Leo Liam Luke Mark "
    "Martin Max Neil Nick Oliver Oscar Owen Patrick Paul Peter Philip Ralph Robert Roger Simon Stephen Thomas Tim Walter"
).split()
SURNAMES = (
    "Abbott Archer Atkins Bailey Barker Barnes Bell Bennett Bird Bishop Black Booth Bowen Bradley Brooks Burton Butler Carr "
    "Carter Chapman Clay Cook Cooper Cox Crane Davies Dawson Dixon Doyle Drake Dunn Ellis Evans Field Fisher Fletcher Ford "
    "Foster Fowler Fox Gibbs Gibson Goodwin Graham Grant Gray Green Griffin Hale Hall Harper Harris Hayes Hill Holmes Hope "
    "Howard Hudson Hughes Hunt Hunter Jenkins Jordan Kelly Kemp Kennedy King Knight Lamb Lane Lawson Lee Lloyd Long Lowe Lynch "
    "Marshall Mason May Mills Moore Morgan Morris Murray Nash Newman Norris Owens Page Palmer Parker Parsons Payne Pearce "
    "Perkins Perry Porter Potter Powell Quinn Read Reid Rhodes Rice Roberts Rogers Rose Russell Saunders Scott Sharp Shaw "
    "Shepherd Simpson Slater Spencer Stone Swift Tate Thorne Todd Tucker Turner Vaughan Wade Walker Walsh Ward Warren Waters "
    "Webster Wells West Wheeler White Wood Woods Wright Young"
).split()
RUSSIAN_WOMEN = (
    "Алина Алла Анастасия Ангелина Анна Антонина Валентина Валерия Варвара Вера Вероника Виктория Галина Дарья Диана Евгения "
    "Екатерина Елена Жанна Зинаида Зоя Инна Ирина Карина Кира Клавдия Ксения Лариса Лидия Любовь Людмила Маргарита Марина "
    "Мария Надежда Наталья Нина Оксана Ольга Полина Раиса Светлана София Таисия Тамара Татьяна Ульяна Юлия Яна"
).split()
RUSSIAN_MEN = (
    "Александр Алексей Анатолий Андрей Антон Аркадий Артём Богдан Борис Вадим Валерий Василий Виталий Владимир Владислав "
    "Вячеслав Геннадий Георгий Глеб Григорий Даниил Денис Дмитрий Евгений Егор Иван Игорь Илья Кирилл Константин Лев Леонид "
    "Максим Марат Матвей Михаил Никита Николай Олег Павел Пётр Роман Руслан Семён Сергей Станислав Степан Тимур Фёдор Юрий"
).split()
RUSSIAN_SURNAMES = (
    "Абрамов Агапов Александров Андреев Антонов Баранов Белов Беляев Блинов Богданов Борисов Быков Васильев Виноградов Волков "
    "Воробьёв Воронов Гаврилов Герасимов Голубев Горбунов Гордеев Горшков Громов Гусев Давыдов Данилов Дементьев Денисов "
    "Дроздов Дьячков Егоров Ершов Ефимов Жданов Жуков Зайцев Захаров Зимин Зуев Игнатов Ильин Казаков Калинин Капустин Карпов "
    "Киселёв Климов Ковалёв Козлов Колесов Комаров Кондратьев Королёв Краснов Крылов Кудрявцев Кузнецов Кулаков Лаптев "
    "Лебедев Логинов Лукин Лыткин Макаров Мальцев Марков Мартынов Матвеев Медведев Мельников Миронов Михайлов Моисеев Морозов "
    "Назаров Никитин Новиков Носков Орехов Осипов Павлов Панов Пахомов Пестов Петухов Поляков Пономарёв Попов Потапов Прохоров "
    "Родионов Рожков Романов Рябов Савельев Сазонов Селезнёв Семёнов Сергеев Сидоров Симонов Смирнов Соболев Соколов Соловьёв "
    "Сорокин Степанов Стрелков Суворов Тарасов Терентьев Тихонов Третьяков Трофимов Уваров Фадеев Федотов Филатов Фомин Фролов "
    "Хохлов Царёв Цветков Чернов Чистяков Шаров Шашков Шестаков Широков Шубин Щукин Юдин Яковлев"
).split()
GUESTS = {
    "en": ("Mia Clarke", "Nora Whitfield", "Theo Larkin", "Priya Nair", "Jonas Berg", "Lena Fischer", "Omar Haddad", "Ines Duarte"),
    "ru": (
        "Мия Кларк",
        "Нора Васнецова",
        "Тео Ларионов",
        "Полина Наумова",
        "Юлиан Бергман",
        "Елена Рыбакова",
        "Омар Хаддад",
        "Инесса Дуарте",
    ),
}
"""Whom a visitor may follow, one after another."""
VICTOR = {"en": "Victor Orlov", "ru": "Виктор Орлов"}
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


def make_customers(held_out: Callable[[str], bool]) -> list[Customer]:
    """All customers but the cast. ``held_out``: whether a sampling id is in the control group of the win-back."""
    customers = [_make_customer(number) for number in range(CUSTOMERS)]
    _let_some_leave(customers, held_out)
    return customers


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
    if language == "en":
        return f"{chance.one_of(ENGLISH)} {chance.one_of(SURNAMES)}"
    surname = chance.one_of(RUSSIAN_SURNAMES)
    if chance.happens(0.5):
        return f"{chance.one_of(RUSSIAN_WOMEN)} {surname}а"
    return f"{chance.one_of(RUSSIAN_MEN)} {surname}"


def _let_some_leave(customers: Sequence[Customer], held_out: Callable[[str], bool]) -> None:
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
        gone = [c for c in old if held_out(c.sampling_id) is not wanted][:count]
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
    for customer in here[40:70]:  # these have gone only just now
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
