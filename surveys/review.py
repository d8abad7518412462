"""What an author would want to know of a survey before customers see it."""

from collections.abc import Mapping, Sequence
from typing import Any

SECONDS: Mapping[str, float] = {
    "nps": 6,
    "csat": 5,
    "ces": 6,
    "rating": 5,
    "yes_no": 4,
    "consent": 4,
    "single": 7,
    "dropdown": 8,
    "image_choice": 8,
    "multiple": 10,
    "slider": 7,
    "number": 8,
    "date": 8,
    "email": 10,
    "phone": 10,
    "statement": 3,
    "ranking": 6,
    "matrix": 3,
    "text": 20,
}
"""How long an answer takes, words aside; of a ranking for each option, of a matrix for each row."""
LONG_TEXT = 30
WORDS_A_SECOND = 4
PAGE_TURN = 2


def expected_seconds(body: Mapping[str, Any]) -> int:
    """How long it takes to answer everything that somebody may be asked."""
    return round(sum(page_seconds(page) for page in _mappings(body.get("pages"))))


def page_seconds(page: Mapping[str, Any]) -> float:
    return PAGE_TURN + sum(question_seconds(question) for question in _mappings(page.get("questions")))


def question_seconds(question: Mapping[str, Any]) -> float:
    """Reading the question and what can be answered, and answering it."""
    kind = str(question.get("type"))
    parts = [*_list(question.get("options")), *_list(question.get("rows"))]
    words = len(" ".join(map(longest_text, (question.get("text"), question.get("help"), *parts))).split())
    answering = LONG_TEXT if kind == "text" and question.get("long") is True else SECONDS.get(kind, 6)
    if kind in ("ranking", "matrix"):
        answering *= max(1, len(_list(question.get("rows" if kind == "matrix" else "options"))))
    return words / WORDS_A_SECOND + answering


def longest_text(value: Any) -> str:
    """A text in the language that says it at the greatest length; of an option its text."""
    if isinstance(value, Mapping):
        inner = value.get("text", value) if "value" in value else value
        found = inner.values() if isinstance(inner, Mapping) else [inner]
        return max((text for text in found if isinstance(text, str)), key=len, default="")
    return value if isinstance(value, str) else ""


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in _list(value) if isinstance(item, Mapping)]
