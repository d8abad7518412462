"""A survey on paper: questions with numbers, and who answers which, as somebody with a pen can follow it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from surveys.conditions import ALWAYS, Condition, Facts, read_condition
from surveys.definition import read
from surveys.questions import OTHER, Question
from surveys.survey import Page, Survey

SOMEDAY = datetime(2000, 1, 1, tzinfo=UTC)
_ANSWERS = "answers."


@dataclass(frozen=True)
class Chosen:
    """The answer to a question is one of these values."""

    number: int
    question: Question
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Answered:
    """A question was answered at all."""

    number: int


@dataclass(frozen=True)
class Compared:
    """An answer that is written, not chosen, compares as ``tree`` says."""

    number: int
    tree: Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """Something that does not stand on the paper."""

    tree: Mapping[str, Any]


@dataclass(frozen=True)
class Joined:
    """``all``, ``any`` or ``not`` of its parts."""

    joint: str
    parts: tuple["Need", ...]


Need = Chosen | Answered | Compared | Known | Joined
"""What must be so for somebody to answer a question."""


@dataclass(frozen=True)
class Jump:
    """Where it goes on after a page: with a number, or (None) nowhere."""

    need: Need | None
    to: int | None


@dataclass(frozen=True)
class Item:
    """A question with its number, and who answers it; the others go on with ``otherwise`` (None: they are done)."""

    number: int | None
    question: Question
    need: Need | None = None
    otherwise: int | None = None


@dataclass(frozen=True)
class PaperPage:
    """Questions that belong together, and who answers them."""

    items: tuple[Item, ...]
    need: Need | None = None
    otherwise: int | None = None
    jumps: Sequence[Jump] = field(default=())


def paper(survey: Survey) -> list[PaperPage]:
    """The survey as somebody meets it whom the paper does not know."""
    pages = [page for page in survey.pages if page.audience != "known"] or list(survey.pages)
    numbers: dict[str, int] = {}
    for question in (q for page in pages for q in page.questions if q.type != "statement"):
        numbers[question.id] = len(numbers) + 1
    asked = {question.id: question for question in survey.questions}
    told = _Telling(numbers, asked)
    starts = [_start(pages[n:], numbers) for n in range(len(pages) + 1)]
    return [
        PaperPage(
            items=tuple(_items(page, told, starts[n + 1])),
            need=told.need(page.show_if),
            otherwise=starts[n + 1],
            jumps=[Jump(told.need(jump.condition), _target(jump.to, survey, pages, starts)) for jump in page.jumps],
        )
        for n, page in enumerate(pages)
    ]


def _start(pages: Sequence[Page], numbers: Mapping[str, int]) -> int | None:
    """The first number of these pages."""
    return next((numbers[q.id] for page in pages for q in page.questions if q.id in numbers), None)


def _target(to: int | None, survey: Survey, pages: Sequence[Page], starts: Sequence[int | None]) -> int | None:
    """The number with which a page that is jumped to begins, or the next one that is on paper."""
    if to is None:
        return None
    there = [n for n, page in enumerate(pages) if survey.pages.index(page) >= to]
    return starts[there[0]] if there else None


def _items(page: Page, told: "_Telling", after: int | None) -> Iterator[Item]:
    following = [told.numbers[q.id] for q in page.questions if q.id in told.numbers]
    for question in page.questions:
        number = told.numbers.get(question.id)
        later = [n for n in following if number is not None and n > number]
        yield Item(number, question, told.need(question.show_if), later[0] if later else after)


@dataclass(frozen=True)
class _Telling:
    """Conditions told by the numbers of questions."""

    numbers: Mapping[str, int]
    asked: Mapping[str, Question]

    def need(self, condition: Condition) -> Need | None:
        if condition is ALWAYS or not condition.trees:
            return None
        parts = tuple(self._tree(tree) for tree in condition.trees)
        return parts[0] if len(parts) == 1 else Joined("all", parts)

    def _tree(self, tree: Mapping[str, Any]) -> Need:
        for joint in ("all", "any"):
            if joint in tree:
                parts = tuple(self._tree(part) for part in tree[joint])
                return parts[0] if len(parts) == 1 else Joined(joint, parts)
        if "not" in tree:
            return Joined("not", (self._tree(tree["not"]),))
        return self._leaf(tree)

    def _leaf(self, tree: Mapping[str, Any]) -> Need:
        path = tree.get("field")
        identifier = path.removeprefix(_ANSWERS) if isinstance(path, str) and path.startswith(_ANSWERS) else ""
        if identifier not in self.numbers:
            return Known(tree)
        number, question = self.numbers[identifier], self.asked[identifier]
        if tree.get("op") in ("exists", "missing"):
            there = Answered(number)
            return there if tree["op"] == "exists" else Joined("not", (there,))
        if isinstance(tree.get("value"), dict):
            return Known(tree)
        if question.kind.chart == "options" and (question.type == "multiple" or question.several):
            return Chosen(number, question, (tree.get("value"),)) if tree.get("op") == "contains" else Known(tree)
        values = possible(question)
        return Chosen(number, question, _holding(tree, identifier, values)) if values else Compared(number, tree)


def possible(question: Question) -> list[Any]:
    """Every answer that can be chosen; empty where it is written, or several are."""
    if question.scale:
        return list(question.scale)
    if question.type == "yes_no":
        return [True, False]
    if question.type == "consent":
        return [True]
    if question.kind.chart != "options":
        return []
    return [*(option.value for option in question.options), *([OTHER] if question.other is not None else [])]


def _holding(tree: Mapping[str, Any], identifier: str, values: Sequence[Any]) -> tuple[Any, ...]:
    """The answers for which a comparison holds."""
    condition = read(dict(tree), read_condition)
    return tuple(v for v in values if condition.holds(Facts({"answers": {identifier: v}}, SOMEDAY)))
