"""Who and what has a name of its own at Meadow, in both languages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """Somebody who signs in."""

    name: str
    email: str


ANNA = {
    "en": Person("Anna Berg", "anna@meadow.example"),
    "ru": Person("Анна Берг", "anna@meadow.example"),
}
"""She runs customer experience, and may do everything."""
TEAMS = {
    "en": {
        "care": (Person("Tom Baker", "tom@meadow.example"), Person("Grace Lind", "grace@meadow.example")),
        "delivery": (Person("Dan Wells", "dan@meadow.example"),),
        "kitchen": (Person("Maria Costa", "maria@meadow.example"),),
        "product": (Person("Lee Young", "lee@meadow.example"),),
        "retention": (Person("Kate Sommer", "kate@meadow.example"),),
    },
    "ru": {
        "care": (Person("Тимур Бакаев", "tom@meadow.example"), Person("Галина Линд", "grace@meadow.example")),
        "delivery": (Person("Денис Веснин", "dan@meadow.example"),),
        "kitchen": (Person("Мария Костина", "maria@meadow.example"),),
        "product": (Person("Леонид Юнг", "lee@meadow.example"),),
        "retention": (Person("Катя Соммер", "kate@meadow.example"),),
    },
}
"""By department; they work its tasks."""
PLACES = {"en": ("Centre", "Riverside", "Northside"), "ru": ("Центр", "Заречье", "Северный")}
"""The districts, as everywhere in this order."""
COURIERS = {
    "en": (
        ("Ben Hart", "Olga Reed", "Sam Cole"),
        ("Ivan Marsh", "Nina Price"),
        ("Alex Dean", "Rosa Webb", "Karl Frost"),
    ),
    "ru": (
        ("Борис Харитонов", "Ольга Родина", "Семён Котов"),
        ("Иван Марченко", "Нина Панина"),
        ("Алексей Дёмин", "Роза Вебер", "Карл Мороз"),
    ),
}
"""Who brings the boxes, by place."""
GUESTS = {
    "en": (
        "Mia Clarke",
        "Nora Whitfield",
        "Thea Larkin",
        "Priya Nair",
        "Jane Berg",
        "Lena Fischer",
        "Amina Haddad",
        "Ines Duarte",
    ),
    "ru": (
        "Мия Кларк",
        "Нора Васнецова",
        "Тея Ларионова",
        "Полина Наумова",
        "Юлия Бергман",
        "Елена Рыбакова",
        "Амина Хаддад",
        "Инесса Дуарте",
    ),
}
"""Whom a visitor may follow, one after another."""
VICTOR = {"en": "Victor Orlov", "ru": "Виктор Орлов"}
OF_A_WOMAN = "а"
"""What a Russian woman's surname ends in."""
MARK = {"en": "delivery slots by app", "ru": "выбор времени доставки в приложении"}
NOTES = {
    "en": (
        "Called, said sorry, sent a dessert.",
        "Talked it over; they stay.",
        "Moved them to an earlier slot.",
        None,
        None,
    ),
    "ru": (
        "Позвонили, извинились, отправили десерт.",
        "Поговорили, остаются с нами.",
        "Перенесли на более раннее время.",
        None,
        None,
    ),
}
"""What is written under a solved task."""
