"""Answers as they stand in the cells of a table: options by their ids or by their words in any language."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from unicodedata import normalize

from surveys.questions import OTHER, InvalidAnswer, Option, Question, other_of, part_of, read_answers
from surveys.survey import Survey

Cells = Mapping[str, str]
YES = frozenset({"yes", "y", "true", "1", "x", "+", "✓", "да", "д", "истина"})
NO = frozenset({"no", "n", "false", "0", "нет", "н", "ложь"})
NOTHING = frozenset({"n/a", "na", "null", "nan", "-", "\u2013", "\u2014", "нет ответа"})
"""What tools write where nothing was answered."""
_DAY = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})", re.ASCII)
_APART = re.compile(r"[;|\n]")
_WHOLE = re.compile(r"(-?\d+)\.0+", re.ASCII)
FAULTS = {
    "choice": "is none of its answers",
    "other": "says other, without words",
    "few": "has fewer than {limit} answers",
    "many": "has more than {limit} answers",
    "rows": "lacks a row",
    "places": "has a place twice",
    "ranks": "leaves a place out",
    "number": "is not a number",
    "whole": "is not a whole number",
    "low": "is less than {limit}",
    "high": "is more than {limit}",
    "date": "is not a day",
    "early": "is before {limit}",
    "late": "is after {limit}",
    "long": "is longer than {limit} characters",
    "short": "is shorter than {limit} characters",
    "email": "is not an e-mail address",
    "phone": "is not a phone number",
}


def fields_of(survey: Survey) -> list[str]:
    """Every field that a column can be of."""
    found: list[str] = []
    for question in survey.questions:
        if question.type == "statement":
            continue
        parts = [*question.rows] if question.rows else [*question.options] if _has_parts(question) else []
        found += [question.id, *(part_of(question.id, part.value) for part in parts)]
        found += [other_of(question.id)] if question.other is not None else []
    return found


def _has_parts(question: Question) -> bool:
    return question.type in ("multiple", "ranking") or question.several


def read_cells(survey: Survey, cells: Cells, day: date) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The answers in a row, given on that day, and what is wrong with the others, by question.

    Nothing is required: an older survey asked what it asked.
    """
    answers: dict[str, Any] = {}
    faults: dict[str, list[str]] = {}
    for question in survey.questions:
        if question.type == "statement":
            continue
        try:
            found = read_answers(replace(question, required=False), _given(question, cells), day)
        except InvalidAnswer as error:
            faults[question.id] = [_words(error)]
            continue
        answers |= {key: value for key, value in found.items() if value is not None}
    return answers, faults


def _words(error: InvalidAnswer) -> str:
    limit = int(error.limit) if isinstance(error.limit, float) and error.limit.is_integer() else error.limit
    return FAULTS.get(error.code, error.code).format(limit=limit)


def _given(question: Question, cells: Cells) -> dict[str, list[str]]:
    """What a form would have sent."""
    reader = _READERS.get(question.type, _plain)
    return {name: values for name, values in reader(question, cells).items() if values}


def _cell(cells: Cells, name: str) -> str:
    return normalize("NFC", cells.get(name, "")).strip()


def _plain(question: Question, cells: Cells) -> dict[str, list[str]]:
    return {question.id: [_cell(cells, question.id)]}


def _number(question: Question, cells: Cells) -> dict[str, list[str]]:
    cell = _cell(cells, question.id)
    whole = _WHOLE.fullmatch(cell)
    return {question.id: [] if cell.lower() in NOTHING else [whole[1] if whole else cell]}


def _day(question: Question, cells: Cells) -> dict[str, list[str]]:
    """``31.12.2026`` is a day too; a moment is its day."""
    cell = _cell(cells, question.id)
    found = _DAY.match(cell)
    written = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}" if found else cell[:10]
    return {question.id: [] if cell.lower() in NOTHING else [written]}


def _truth(question: Question, cells: Cells) -> dict[str, list[str]]:
    cell = _cell(cells, question.id).lower()
    if cell in NO:
        return {question.id: ["no"] if question.type == "yes_no" else []}
    return {question.id: ["yes"] if cell in YES else [] if cell in NOTHING else [cell]}


def _by_name(options: Iterable[Option]) -> dict[str, str]:
    """Values by whatever they are called: by their words in any language, or best by themselves."""
    options = list(options)
    texts = {_key(text): option.value for option in reversed(options) for text in option.text.values()}
    return texts | {_key(option.value): option.value for option in options}


def _key(text: str) -> str:
    return " ".join(normalize("NFC", text).casefold().split())


def _one(question: Question, cells: Cells) -> dict[str, list[str]]:
    """One of the options; what is none of them is in one's own words, where there may be such."""
    cell, own = _cell(cells, question.id), _cell(cells, other_of(question.id))
    known = _by_name(question.options)
    if cell and _key(cell) in known:
        return {question.id: [known[_key(cell)]]}
    if question.other is None:
        return {question.id: [cell] if cell.lower() not in NOTHING else []}
    words = own or ("" if _key(cell) in _others(question) | NOTHING else cell)
    return {question.id: [OTHER] if words or _key(cell) in _others(question) else [], other_of(question.id): [words]}


def _others(question: Question) -> set[str]:
    """How "other" is called."""
    return {OTHER, *(_key(text) for text in (question.other or {}).values())}


def _several(question: Question, cells: Cells) -> dict[str, list[str]]:
    """Several in one cell, or a column for each."""
    known = _by_name(question.options)
    told = _parts_of(_cell(cells, question.id), known)
    marked = [o.value for o in question.options if _cell(cells, part_of(question.id, o.value)).lower() in YES]
    chosen = [known.get(_key(part), part) for part in told] + marked
    own = [_cell(cells, other_of(question.id))]
    if question.other is not None:
        unknown = [part for part in chosen if part not in known.values() and _key(part) not in _others(question)]
        if unknown or own[0]:
            own = [own[0] or "; ".join(unknown)]
            chosen = [part for part in chosen if part in known.values()] + [OTHER]
        chosen = [OTHER if _key(part) in _others(question) and part not in known.values() else part for part in chosen]
    return {question.id: list(dict.fromkeys(chosen)), other_of(question.id): own}


def _parts_of(cell: str, known: Mapping[str, str]) -> list[str]:
    """The things in a cell: apart by ``;``, ``|`` or a line's end, by commas where all of that is known."""
    if not cell or cell.lower() in NOTHING or _key(cell) in known:
        return [cell] if _key(cell) in known else []
    parts = [part.strip() for part in _APART.split(cell) if part.strip()]
    commas = [part.strip() for part in cell.split(",") if part.strip()]
    return commas if len(parts) == 1 and all(_key(part) in known for part in commas) else parts


def _matrix(question: Question, cells: Cells) -> dict[str, list[str]]:
    known = _by_name(question.options)
    found = {}
    for row in question.rows:
        name = part_of(question.id, row.value)
        cell = _cell(cells, name)
        told = _parts_of(cell, known) if question.several else [cell] if cell.lower() not in NOTHING else []
        found[name] = [known.get(_key(part), part) for part in told if part]
    return found


def _ranking(question: Question, cells: Cells) -> dict[str, list[str]]:
    """A place for each, or all of them in one cell, the first place first."""
    known = _by_name(question.options)
    told = [known.get(_key(part), part) for part in _parts_of(_cell(cells, question.id), known)]
    if any(part not in known.values() for part in told):
        raise InvalidAnswer("choice")
    places: dict[str, Sequence[str]] = {value: [str(place)] for place, value in enumerate(told, 1)}
    found = {}
    for option in question.options:
        name = part_of(question.id, option.value)
        cell = _cell(cells, name)
        whole = _WHOLE.fullmatch(cell)
        given = [whole[1] if whole else cell] if cell and cell.lower() not in NOTHING else []
        found[name] = given or list(places.get(option.value, ()))
    return found


_READERS: Mapping[str, Callable[[Question, Cells], dict[str, list[str]]]] = {
    **dict.fromkeys(("nps", "csat", "ces", "rating", "slider", "number"), _number),
    **dict.fromkeys(("single", "dropdown"), _one),
    **dict.fromkeys(("yes_no", "consent"), _truth),
    "multiple": _several,
    "image_choice": lambda question, cells: (_several if question.several else _one)(question, cells),
    "matrix": _matrix,
    "ranking": _ranking,
    "date": _day,
}
"""How the cells of a type are read, where that is not as they stand."""
