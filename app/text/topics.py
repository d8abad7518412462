"""What a comment is about: a small lexicon of word beginnings, English and Russian, for anybody to read and extend."""

import re
import unicodedata

TOPICS: dict[str, tuple[str, ...]] = {
    "late": (
        "late", "delay", "waited", "waiting", "overdue", "not on time", "never on time", "hours after",
        "опозд", "опазд", "задерж", "поздн", "позже", "ждал", "ждать", "ждем", "прожд", "не вовремя", "заждал",
    ),
    "cold": (
        "cold", "colder", "lukewarm", "not warm", "not hot", "melted",
        "холодн", "остыл", "остыв", "еле тепл", "не тепл", "растаял",
    ),
    "missing": (
        "missing", "forgot", "left out", "incomplete", "not in the box", "wrong item", "wrong box", "wrong dish",
        "without the", "забыл", "не хват", "нехват", "недоста", "не полож", "недолож", "отсутств", "перепут",
    ),
    "taste": (
        "tast", "flavo", "delicious", "yummy", "bland", "salty", "oversalt", "stale", "spoil", "sour",
        "вкус", "невкус", "безвкус", "пресн", "солен", "пересол", "несвеж", "испорч", "протух", "кисл",
    ),
    "quality": (
        "quality", "fresh", "portion", "rotten", "wilted", "small box", "tiny",
        "качеств", "свеж", "порци", "гнил", "вялы", "завял", "маленьк",
    ),
    "price": (
        "price", "pricy", "pricey", "expensive", "cheap", "cost", "costs", "overcharg", "refund", "charged", "discount",
        "цена", "цены", "цену", "цене", "ценой", "ценник", "дорого", "дорогов", "дешев", "стоимост", "переплат",
        "вернули деньги", "верните деньги", "возврат", "скидк",
    ),
    "courier": (
        "courier", "driver", "delivery guy", "delivery man", "delivery boy", "rude",
        "курьер", "водител", "доставщик", "груб", "нагруб", "хам", "хамит", "хамск", "нахам",
    ),
    "app": (
        "app", "apps", "application", "website", "site", "login", "log in", "crash", "button", "checkout", "password",
        "приложени", "сайт", "кнопк", "вылета", "пароль", "зависа", "тормоз",
    ),
    "support": (
        "support", "call centre", "call center", "operator", "nobody answer", "no answer", "no reply", "helpful",
        "manager", "поддержк", "оператор", "не отвеча", "дозвон", "менеджер", "не ответил", "помогли", "перезвон",
    ),
    "packaging": (
        "packag", "packed", "leak", "spill", "crushed", "broken", "damaged", "dented",
        "упаков", "протек", "пролил", "пролит", "помят", "разбит", "мятый", "мятая", "сломан",
    ),
    "choice": (
        "choice", "variety", "menu", "boring", "same dishes", "vegetarian", "vegan",
        "выбор", "разнообраз", "меню", "однообраз", "надоел", "вегетариан", "веган", "одно и то же",
    ),
}  # fmt: skip
"""Word beginnings per topic; one with a blank is the beginning of several words in a row."""

WHOLE = frozenset({"app", "late", "site", "cold", "cost", "rude", "sour", "tiny", "хам", "меню", "дорого"})
"""Words that begin others of another meaning (``apple``, ``lately``) and are taken whole."""

_WORDS = re.compile(r"[^\W\d_]+")


def _any_of(stems: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b{stem}\b" if stem in WHOLE else rf"\b{stem}" for stem in stems))


_STEMS = {topic: _any_of(stems) for topic, stems in TOPICS.items()}


def topics(text: str) -> tuple[str, ...]:
    """The topics that a text touches, in the order of the lexicon."""
    plain = " ".join(_WORDS.findall(unicodedata.normalize("NFC", text).casefold().replace("ё", "е")))
    return tuple(topic for topic, stems in _STEMS.items() if stems.search(plain))
