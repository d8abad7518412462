"""The raw answers of a survey as columns: one for each thing that can be counted, and the book that explains them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surveys.questions import Option, Question, other_of
from surveys.survey import Survey
from surveys.wording import pick

SPSS_NAME_MAX = 64
SPSS_TEXT_MAX = 2_000
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class Variable:
    """A column: the question it is of, and the ``part`` of the answer it holds, if that has parts.

    ``values`` are the words of its values, where there are some to choose from.
    """

    name: str
    question: Question
    label: str
    part: str | None = None
    chosen: str | None = None
    values: Mapping[Any, str] | None = None
    number: bool = False

    def cell(self, answers: Mapping[str, Any]) -> Any:
        """The value of one response; None where there is none."""
        answer = answers.get(self.name if self.part is None and self.chosen is None else self.question.id)
        if self.part is not None and self.question.type == "ranking":
            return answer.index(self.part) + 1 if isinstance(answer, list) and self.part in answer else None
        if self.part is not None:
            answer = answer.get(self.part) if isinstance(answer, dict) else None
        if self.chosen is not None:
            return int(self.chosen in answer) if isinstance(answer, list) else None
        if isinstance(answer, bool):
            return int(answer)
        return answer if isinstance(answer, str | int | float) else None


def variables(versions: Sequence[Survey], language: str) -> list[Variable]:
    """The columns of all versions of a survey, the newest first; a question that is gone keeps its own."""
    found: dict[str, Variable] = {}
    for version in versions:
        for question in version.questions:
            for variable in _of(question, language):
                found.setdefault(variable.name, variable)
    return list(found.values())


def _of(question: Question, language: str) -> Iterator[Variable]:
    text = pick(question.text, language)
    match question.type:
        case "statement":
            return
        case "matrix":
            for row in question.rows:
                label = f"{text} {pick(row.text, language)}"
                yield from _parts(question, f"{question.id}.{row.value}", label, language, part=row.value)
        case "ranking":
            for option in question.options:
                label = f"{text} {pick(option.text, language)}"
                yield Variable(f"{question.id}.{option.value}", question, label, part=option.value, number=True)
        case _:
            yield from _parts(question, question.id, text, language)
    if question.other is not None:
        yield Variable(other_of(question.id), question, f"{text} …")


def _parts(question: Question, name: str, label: str, language: str, part: str | None = None) -> Iterator[Variable]:
    """A column, or where several can be chosen one for each."""
    several = question.several or question.type == "multiple"
    if not several:
        values = _values(question, language)
        number = bool(question.scale) or question.type in ("number", "slider", "yes_no", "consent")
        yield Variable(name, question, label, part, values=values, number=number)
        return
    options = [*question.options, *([Option("other", {language: "…"})] if question.other is not None else [])]
    for option in options:
        told = f"{label} {pick(option.text, language)}"
        yield Variable(f"{name}.{option.value}", question, told, part, chosen=option.value, number=True)


def _values(question: Question, language: str) -> dict[Any, str] | None:
    if question.type in ("yes_no", "consent"):
        return {1: "yes", 0: "no"} if question.type == "yes_no" else {1: "yes"}
    if question.scale:
        ends = {question.scale[0]: question.low, question.scale[-1]: question.high}
        return {value: pick(words, language) for value, words in ends.items() if words} or None
    return {option.value: pick(option.text, language) for option in question.options} or None


def book(columns: Iterable[Variable]) -> Iterator[list[Any]]:
    """The lines of the code book: column, question, type, label, values."""
    for column in columns:
        values = "; ".join(f"{value} = {words}" for value, words in (column.values or {}).items())
        yield [column.name, column.question.id, column.question.type, column.label, values]


def spss_syntax(columns: Sequence[Variable], extra: Sequence[str], file: str) -> str:
    """Syntax that reads the CSV file into SPSS, and names columns and values; ``extra`` are texts before them."""
    names = _spss_names(columns)
    fields = [f"  {name} A200" for name in extra]
    fields += [f"  {names[c.name]} {'F12.4' if c.number else f'A{SPSS_TEXT_MAX}'}" for c in columns]
    lines = [
        "* Encoding: UTF-8.",
        f"GET DATA /TYPE=TXT /FILE={_quoted(file)} /ENCODING='UTF8' /DELIMITERS=',' /QUALIFIER='\"'",
        "  /ARRANGEMENT=DELIMITED /FIRSTCASE=2 /VARIABLES=",
        *fields,
        ".",
        "VARIABLE LABELS",
        *(f"  {names[c.name]} {_quoted(c.label)}" for c in columns),
        ".",
    ]
    for column in columns:
        if column.values:
            told = " ".join(
                f"{value if column.number else _quoted(str(value))} {_quoted(words)}"
                for value, words in column.values.items()
            )
            lines.append(f"VALUE LABELS {names[column.name]} {told}.")
    return "\n".join([*lines, "EXECUTE.", ""])


def _spss_names(columns: Iterable[Variable]) -> dict[str, str]:
    """A name that SPSS takes for each column: letters, digits and underscores, each once."""
    names: dict[str, str] = {}
    for number, column in enumerate(columns, 1):
        plain = _NO_NAME.sub("_", column.name)
        wanted = (plain if plain[:1].isalpha() else f"v_{plain}")[: SPSS_NAME_MAX - 5]
        taken = {name.lower() for name in names.values()}
        names[column.name] = f"{wanted}_{number}" if wanted.lower() in taken or "__" in wanted else wanted
    return names


def _quoted(words: str) -> str:
    """Text in quotes, on one line."""
    one_line = " ".join(words.split()).replace('"', '""')
    return f'"{one_line[:250]}"'
