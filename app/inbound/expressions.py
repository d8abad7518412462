"""Conditions as other tools write them (``{score} <= 6 and {why} notempty``), read into ours."""

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<field>\{[^{}]+\})
      | (?P<text>'[^']*'|"[^"]*")
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<word>[^\W\d][\w.]*)
      | (?P<sign><=|>=|<>|!=|==|&&|\|\||\*=|[=<>!()\[\],])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {
    "=": "eq",
    "==": "eq",
    "eq": "eq",
    "equal": "eq",
    "!=": "ne",
    "<>": "ne",
    "ne": "ne",
    "notequal": "ne",
    "<": "lt",
    "lt": "lt",
    "less": "lt",
    "<=": "lte",
    "le": "lte",
    "lessorequal": "lte",
    ">": "gt",
    "gt": "gt",
    "greater": "gt",
    ">=": "gte",
    "ge": "gte",
    "greaterorequal": "gte",
    "*=": "contains",
    "contains": "contains",
    "contain": "contains",
}
_LISTS = {"anyof": "any", "allof": "all"}
_STATES = {"empty": "missing", "notempty": "exists"}
_AND, _OR, _NOT = ("and", "&&"), ("or", "||"), ("!", "not", "negate")
_DEEPEST = 20


class CannotRead(ValueError):
    """An expression that has no counterpart among our conditions."""


def read_expression(text: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """A condition tree; ``fields`` are the ids of questions by the names that the expression uses.

    Raises :class:`CannotRead`.
    """
    reader = _Reader(_tokens(text), fields)
    tree = reader.either(0)
    if reader.rest:
        raise CannotRead(reader.rest[0][1])
    return tree


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at, text = [], 0, text.strip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if not token or token.lastgroup is None:
            raise CannotRead(text[at : at + 20])
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]], fields: Mapping[str, str]) -> None:
        self.rest, self._fields = tokens, fields

    def either(self, depth: int) -> dict[str, Any]:
        return self._joined(_OR, "any", self._both, depth)

    def _both(self, depth: int) -> dict[str, Any]:
        return self._joined(_AND, "all", self._one, depth)

    def _joined(
        self, words: tuple[str, ...], name: str, part: Callable[[int], dict[str, Any]], depth: int
    ) -> dict[str, Any]:
        parts = [part(depth)]
        while self._next() in words:
            self._take()
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else {name: parts}

    def _one(self, depth: int) -> dict[str, Any]:
        if depth > _DEEPEST:
            raise CannotRead("(")
        if self._next() in _NOT:
            self._take()
            return {"not": self._one(depth + 1)}
        if self._next() == "(":
            self._take()
            inside = self.either(depth + 1)
            self._expect(")")
            return inside
        if self._next() == "is_empty":
            self._take()
            self._expect("(")
            field = self._field()
            self._expect(")")
            return {"field": field, "op": "missing"}
        return self._comparison(self._field())

    def _comparison(self, field: str) -> dict[str, Any]:
        sign = self._take()[1].lower()
        if sign in _STATES:
            return {"field": field, "op": _STATES[sign]}
        if sign in _COMPARISONS:
            return {"field": field, "op": _COMPARISONS[sign], "value": self._value()}
        if sign in _LISTS:
            return {_LISTS[sign]: [{"field": field, "op": "contains", "value": value} for value in self._values()]}
        if sign == "notcontains":
            return {"not": {"field": field, "op": "contains", "value": self._value()}}
        raise CannotRead(sign)

    def _field(self) -> str:
        kind, word = self._take()
        name = word.strip("{} ").removesuffix(".NAOK").removesuffix(".value")
        if kind not in ("field", "word") or name not in self._fields:
            raise CannotRead(word)
        return f"answers.{self._fields[name]}"

    def _values(self) -> list[Any]:
        if self._next() != "[":
            return [self._value()]
        self._take()
        values = [self._value()]
        while self._next() == ",":
            self._take()
            values.append(self._value())
        self._expect("]")
        return values

    def _value(self) -> Any:
        kind, word = self._take()
        if kind == "text":
            return word[1:-1]
        if kind == "number":
            return float(word) if "." in word else int(word)
        if word.lower() in ("true", "false"):
            return word.lower() == "true"
        raise CannotRead(word)

    def _next(self) -> str | None:
        return self.rest[0][1].lower() if self.rest and self.rest[0][0] in ("word", "sign") else None

    def _take(self) -> tuple[str, str]:
        if not self.rest:
            raise CannotRead("")
        return self.rest.pop(0)

    def _expect(self, sign: str) -> None:
        if self._take()[1] != sign:
            raise CannotRead(sign)
