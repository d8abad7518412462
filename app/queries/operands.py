"""What a comparison looks at, in SQL: one value by its kinds, each NULL wherever the value is of another kind."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Numeric, case, cast, column, false, func, literal, literal_column, true, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import Text

from app.extensions import is_sqlite

_PLAIN_KEY = re.compile(r"[^\"\\\x00-\x1f]+")
_INTEGERS_END = 2**64
HERE, NOT_HERE = true(), false()


@dataclass(frozen=True)
class Number:
    """A number, or the two bounds between which it certainly lies."""

    low: Any
    high: Any

    @property
    def exact(self) -> bool:
        return self.low is self.high


@dataclass(frozen=True)
class Operand:
    """One value; ``known`` is false where only Python can tell what it is."""

    present: Any = HERE
    absent: Any = NOT_HERE
    text: Any = None
    number: Number | None = None
    boolean: Any = None
    elements: "Callable[[], tuple[Any, Any, Operand]] | None" = None
    """Of a list: whether it is one, what its elements are selected from, and one of them."""
    known: bool = True


UNKNOWN = Operand(known=False)
NOTHING = Operand(NOT_HERE, HERE)
MAPPING = Operand()
"""It is there, and is like nothing else."""


def exact(number: Any) -> Number:
    return Number(number, number)


def constant(value: Any) -> Operand:
    if isinstance(value, bool):
        return Operand(boolean=literal(value))
    if isinstance(value, str):
        return Operand(text=literal(value, Text()))
    return Operand(number=exact(number_literal(value)))


def number_literal(value: float) -> Any:
    """A number as the database sees it: PostgreSQL keeps the digits with which JSON was written."""
    if is_sqlite():
        return literal(value)
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < _INTEGERS_END)
    return literal(Decimal(int(value)) if whole else Decimal(repr(value)), Numeric())


def text_operand(column: Any) -> Operand:
    return Operand(column.is_not(None), column.is_(None), text=_composed(column))


def json_operand(document: Any, keys: tuple[str, ...]) -> Operand:
    """The value at a path of a JSON column."""
    if not all(_PLAIN_KEY.fullmatch(key) for key in keys):
        return UNKNOWN
    if is_sqlite():
        path = "$" + "".join(f'."{key}"' for key in keys)
        return _sqlite_json(func.json_type(document, path), func.json_extract(document, path))
    for key in keys:
        document = document.op("->", return_type=JSONB())(literal(key, Text()))
    return _postgres_json(document)


def _postgres_json(value: Any) -> Operand:
    kind = func.jsonb_typeof(value)
    plain = value.op("#>>", return_type=Text())(literal_column("'{}'"))

    def elements() -> tuple[Any, Any, Operand]:
        elements = func.jsonb_array_elements(case((kind == "array", value), else_=cast([], JSONB())))
        listed = elements.table_valued(column("value", JSONB()))
        return kind == "array", listed, _postgres_json(listed.c.value)

    return Operand(
        func.coalesce(kind, "null") != "null",
        func.coalesce(kind, "null") == "null",
        text=case((kind == "string", _composed(plain))),
        number=exact(case((kind == "number", cast(value, Numeric())))),
        boolean=case((kind == "boolean", cast(value, Boolean()))),
        elements=elements,
    )


def _sqlite_json(kind: Any, value: Any) -> Operand:
    def elements() -> tuple[Any, Any, Operand]:
        listed = func.json_each(case((kind == "array", value), else_="[]")).table_valued("type", "value")
        return kind == "array", listed, _sqlite_json(listed.c.type, listed.c.value)

    return Operand(
        func.coalesce(kind, "null") != "null",
        func.coalesce(kind, "null") == "null",
        text=case((kind == "text", _composed(value))),
        number=exact(case((kind.in_(("integer", "real")), value))),
        boolean=case((kind.in_(("true", "false")), kind == "true")),
        elements=elements,
    )


def _composed(value: Any) -> Any:
    """Text in NFC, compared by code point."""
    if is_sqlite():
        return func.composed(value, type_=Text())
    composed = case((func.is_normalized(value), value), else_=func.normalize(value))
    return type_coerce(composed, Text()).collate("C")


def folded(text: Any, like: str) -> Any:
    """Text in which whatever folds to a letter of ``like`` is folded; other letters matter to no comparison with it."""
    if is_sqlite():
        return func.folded(text, type_=Text())
    single, several = _folds(frozenset(like))
    for letters, fold in several:
        text = func.replace(text, letters, fold, type_=Text())
    if single:
        text = func.translate(text, "".join(single), "".join(single.values()), type_=Text())
    return text


@cache
def _all_folds() -> tuple[tuple[str, str], ...]:
    """Every letter that casefolding changes, and what it becomes."""
    return tuple((c, c.casefold()) for c in map(chr, range(0x110000)) if c.casefold() != c)


def _folds(letters: frozenset[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    wanted = [(letter, fold) for letter, fold in _all_folds() if not letters.isdisjoint(fold)]
    return {c: fold for c, fold in wanted if len(fold) == 1}, [(c, fold) for c, fold in wanted if len(fold) > 1]
