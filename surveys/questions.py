"""The types of questions: how each is written, and how its answer is read from a form."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any, Literal

from surveys.conditions import ALWAYS, Condition, read_condition
from surveys.definition import Node
from surveys.wording import Texts, read_texts

TEXT_ANSWER_MAX = 5_000
LINE_MAX = 320
NUMBER_MAX = 1e15
ROWS_MAX = 50
JOINERS = "\u200c\u200d"  # hold letters of Persian, and families of emoji, together
KEPT = "\n\t" + JOINERS
OTHER = "other"
"""The value of an answer in the respondent's own words, which stand beside it (see :func:`other_of`)."""
TODAY = "today"
PICTURE = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"-?\d{1,16}(?:\.\d{1,9})?", re.ASCII)
_COMMA = re.compile(r"(-?\d{1,16}),(\d{1,2}|\d{4,9})", re.ASCII)  # "1,234" could be either, so it is neither
_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[^\s@<>\"(),:;\[\]\\.]+(?:\.[^\s@<>\"(),:;\[\]\\.]+)+")
_PHONE_DIGITS = range(5, 16)

Answer = int | float | bool | str | list[str] | dict[str, Any]
Given = Mapping[str, Sequence[str]]
"""What a form sent, by the name of the field."""
Chart = Literal["scale", "options", "rows", "places", "numbers", "days", "words", "none"]


class InvalidAnswer(ValueError):
    """An answer that its question does not accept; ``code`` names why, ``limit`` what it must keep to."""

    def __init__(self, code: str, limit: Any = None) -> None:
        super().__init__(code)
        self.code, self.limit = code, limit


@dataclass(frozen=True)
class Option:
    """One thing to choose, to rank, or a row; a ``fixed`` one keeps its place when the others are mixed."""

    value: str
    text: Texts
    fixed: bool = False
    picture: str | None = None


@dataclass(frozen=True)
class Question:
    """One question; its ``id`` is stable across versions and names its form field.

    ``least`` and ``most`` bound what is given: a number, how many are chosen, how long a text is, a date.
    """

    id: str
    type: str
    text: Texts
    help: Texts | None = None
    required: bool = False
    show_if: Condition = ALWAYS
    options: tuple[Option, ...] = ()
    rows: tuple[Option, ...] = ()
    other: Texts | None = None
    several: bool = False
    mixed: bool = False
    look: str = ""
    low: Texts | None = None
    high: Texts | None = None
    least: Any = None
    most: Any = None
    step: float = 1
    whole: bool = False
    unit: Texts | None = None
    long: bool = False

    @property
    def kind(self) -> "Kind":
        return KINDS[self.type]

    @property
    def scale(self) -> range:
        """The whole numbers to choose from; empty where that is not what is asked."""
        if self.type == "rating":
            return range(1, self.most + 1)
        return SCALES.get(self.type, range(0))

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids that its answer may be stored under."""
        return (self.id, other_of(self.id)) if self.other is not None else (self.id,)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its form fields."""
        if self.type == "ranking":
            return tuple(part_of(self.id, option.value) for option in self.options)
        if self.type == "matrix":
            return tuple(part_of(self.id, row.value) for row in self.rows)
        return self.keys if self.type != "statement" else ()


def other_of(identifier: str) -> str:
    """Where the respondent's own words for "other" are stored."""
    return f"{identifier}_{OTHER}"


def part_of(identifier: str, part: str) -> str:
    """The form field of a row of a matrix, or of the place of an option."""
    return f"{identifier}.{part}"


SCALES = {"nps": range(11), "csat": range(1, 6), "ces": range(1, 8)}
"""The scored types and their scales."""


# Definitions


@dataclass(frozen=True)
class Kind:
    """A type of question: how its answer is read, by which template it is drawn, which chart shows its answers.

    ``may`` and ``must`` are its fields in a definition besides the common ones.
    """

    read: Callable[[Question, Given, date], Answer | None]
    drawn: str
    chart: Chart
    may: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()


COMMON = ("id", "type", "text", "help", "required", "show_if")


def read_question(node: Node, languages: Sequence[str]) -> Question:
    """Read a question; faults gather in the node."""
    everything = dict.fromkeys(field for kind in KINDS.values() for field in (*kind.may, *kind.must))
    fields = node.mapping((*COMMON, *everything), ("id", "type", "text"))
    kind = fields["type"].one_of(TYPES) if "type" in fields else "text"
    rules = KINDS[kind]
    for name in fields:
        if name not in (*COMMON, *rules.may, *rules.must):
            fields[name].fault(f"a question of type {kind} has no {name}")
    for name in rules.must:
        if name not in fields:
            node.fault(f"{name} is missing")
    if kind == "statement" and "required" in fields:
        fields["required"].fault("a statement asks for no answer")
    own = {name: fields[name] for name in (*rules.may, *rules.must) if name in fields}
    least, most = _read_bounds(node, own, kind)
    return Question(
        id=_read_id(fields["id"]) if "id" in fields else "",
        type=kind,
        text=read_texts(fields["text"], languages) if "text" in fields else {"en": ""},
        help=read_texts(fields["help"], languages) if "help" in fields else None,
        required="required" in fields and fields["required"].boolean(),
        show_if=read_condition(fields["show_if"]) if "show_if" in fields else ALWAYS,
        options=_read_options(own["options"], languages) if "options" in own else (),
        rows=_read_options(own["rows"], languages) if "rows" in own else (),
        other=_read_other(own["other"], languages) if "other" in own else None,
        several="several" in own and own["several"].boolean(),
        mixed="mixed" in own and own["mixed"].boolean(),
        look=own["look"].one_of(rules.looks) if "look" in own else next(iter(rules.looks), ""),
        low=read_texts(own["low"], languages) if "low" in own else None,
        high=read_texts(own["high"], languages) if "high" in own else None,
        least=least,
        most=most,
        step=_read_step(own, least, most),
        whole="whole" in own and own["whole"].boolean(),
        unit=read_texts(own["unit"], languages) if "unit" in own else None,
        long="long" in own and own["long"].boolean(),
    )


def _read_id(node: Node) -> str:
    identifier = node.text(longest=64)
    if identifier and not identifier.replace("_", "").isalnum():
        node.fault("must be letters, digits and underscores")
    return identifier


def _read_options(node: Node, languages: Sequence[str]) -> tuple[Option, ...]:
    options = tuple(_read_option(item, languages) for item in node.items(least=1))
    if len({option.value for option in options}) != len(options):
        node.fault("two answers have the same value")
    return options


def _read_option(node: Node, languages: Sequence[str]) -> Option:
    if isinstance(node.value, str):
        return Option(node.text(longest=200), {languages[0]: node.value})
    fields = node.mapping(("value", "text", "fixed", "picture"), ("value", "text"))
    value = fields["value"].text(longest=200) if "value" in fields else ""
    picture = fields["picture"].text(longest=64) if "picture" in fields else None
    if picture and not PICTURE.fullmatch(picture):
        fields["picture"].fault("must be the name of a stored picture: 32 digits and letters from a to f")
    return Option(
        value,
        read_texts(fields["text"], languages) if "text" in fields else {"en": value},
        fixed="fixed" in fields and fields["fixed"].boolean(),
        picture=picture,
    )


def _read_other(node: Node, languages: Sequence[str]) -> Texts | None:
    """``true``, or what to call it."""
    if isinstance(node.value, bool):
        return {} if node.value else None
    return read_texts(node, languages)


def _read_bounds(node: Node, own: Mapping[str, Node], kind: str) -> tuple[Any, Any]:
    """``min`` and ``max``, whatever they bound in this type of question."""
    if kind == "rating":
        return 1, own["max"].integer(3, 10) if "max" in own else 5
    reader: Callable[[Node], Any] = _bound_readers.get(kind, lambda _: None)
    least, most = (reader(own[name]) if name in own else None for name in ("min", "max"))
    if kind == "slider" and (least is None or most is None):
        return 0, 100
    if least is not None and most is not None and TODAY not in (least, most) and least > most:
        node.fault("min is larger than max")
    return least, most


def _read_day(node: Node) -> date | str:
    if node.value == TODAY:
        return TODAY
    try:
        return date.fromisoformat(str(node.value))
    except ValueError:
        node.fault('must be a day in quotes, like "2026-12-31", or today')
        return TODAY


_bound_readers: Mapping[str, Callable[[Node], Any]] = {
    "date": _read_day,
    "number": lambda node: node.number(-NUMBER_MAX, NUMBER_MAX),
    "slider": lambda node: node.number(-NUMBER_MAX, NUMBER_MAX),
    "multiple": lambda node: node.integer(1, ROWS_MAX),
    "image_choice": lambda node: node.integer(1, ROWS_MAX),
    "ranking": lambda node: node.integer(1, ROWS_MAX),
    "text": lambda node: node.integer(1, TEXT_ANSWER_MAX),
}


def _read_step(own: Mapping[str, Node], least: Any, most: Any) -> float:
    if "step" not in own:
        return 1
    step = own["step"].number(1e-9, NUMBER_MAX)
    if most - least < step:
        own["step"].fault("is wider than from min to max")
    return step


# What stands in which order


def in_order(options: Sequence[Option], question: Question, seed: str) -> list[Option]:
    """The options as one respondent sees them: mixed where the question says so, the same at every visit.

    ``seed`` tells respondents apart.
    """
    if not question.mixed:
        return list(options)
    loose = [option for option in options if not option.fixed]
    loose.sort(key=lambda o: blake2b(f"{seed}\x1f{question.id}\x1f{o.value}".encode(), digest_size=8).digest())
    mixed = iter(loose)
    return [option if option.fixed else next(mixed) for option in options]


# Answers


def read_answers(question: Question, given: Given, today: date) -> dict[str, Answer | None]:
    """What a form says to a question, by the ids it is stored under; None for what was left out.

    Raises :class:`InvalidAnswer` when the question does not accept it.
    """
    if question.type == "statement":
        return {}
    answer = question.kind.read(question, given, today)
    if answer is None and question.required:
        raise InvalidAnswer("required")
    found = {question.id: answer}
    if question.other is not None:
        chosen = answer == OTHER or (isinstance(answer, list) and OTHER in answer)
        words = next(iter(_values(given, other_of(question.id), _readable)), None) if chosen else None
        if words is not None and len(words) > TEXT_ANSWER_MAX:
            raise InvalidAnswer("long", TEXT_ANSWER_MAX)
        if chosen and words is None and question.required:
            raise InvalidAnswer("other")
        found[other_of(question.id)] = words
    return found


def _values(given: Given, name: str, clean: Callable[[str], str] = str.strip) -> list[str]:
    return [value for value in map(clean, given.get(name, ())) if value]


def _known(question: Question) -> list[str]:
    """The values that may be chosen."""
    return [option.value for option in question.options] + [OTHER] * (question.other is not None)


def _read_scale(question: Question, given: Given, _today: date) -> Answer | None:
    found: Answer | None = _one_of({str(n): n for n in question.scale}, _values(given, question.id))
    return found


def _one_of(allowed: Mapping[str, Any], values: Sequence[str]) -> Any:
    if not values:
        return None
    if values[0] not in allowed:
        raise InvalidAnswer("choice")
    return allowed[values[0]]


def _read_yes_no(question: Question, given: Given, _today: date) -> Answer | None:
    found: Answer | None = _one_of({"yes": True, "no": False}, _values(given, question.id))
    return found


def _read_consent(question: Question, given: Given, _today: date) -> Answer | None:
    """A ticked box is a yes; one that is not is no answer at all."""
    found: Answer | None = _one_of({"yes": True}, _values(given, question.id))
    return found


def _read_single(question: Question, given: Given, _today: date) -> Answer | None:
    found: Answer | None = _one_of({v: v for v in _known(question)}, _values(given, question.id))
    return found


def _read_multiple(question: Question, given: Given, _today: date) -> Answer | None:
    values, known = set(_values(given, question.id)), _known(question)
    if not values <= set(known):
        raise InvalidAnswer("choice")
    return _so_many(question, [v for v in known if v in values])


def _so_many(question: Question, chosen: list[str]) -> list[str] | None:
    if not chosen:
        return None
    if question.least and len(chosen) < question.least:
        raise InvalidAnswer("few", question.least)
    if question.most and len(chosen) > question.most:
        raise InvalidAnswer("many", question.most)
    return chosen


def _read_image_choice(question: Question, given: Given, today: date) -> Answer | None:
    return (_read_multiple if question.several else _read_single)(question, given, today)


def _read_matrix(question: Question, given: Given, _today: date) -> Answer | None:
    """A value by row; with ``several`` a list of them. Whoever must answer must answer every row."""
    known, found = [option.value for option in question.options], dict[str, Any]()
    for row in question.rows:
        values = _values(given, part_of(question.id, row.value))
        if not set(values) <= set(known):
            raise InvalidAnswer("choice")
        if values:
            found[row.value] = [v for v in known if v in values] if question.several else values[0]
    if question.required and len(found) < len(question.rows):
        raise InvalidAnswer("rows" if found else "required")
    return found or None


def _read_ranking(question: Question, given: Given, _today: date) -> Answer | None:
    """The options from the first place on, each place once; with ``max`` only so many places."""
    places: dict[int, str] = {}
    count = min(question.most or len(question.options), len(question.options))
    for option in question.options:
        place = _one_of({str(n): n for n in range(1, count + 1)}, _values(given, part_of(question.id, option.value)))
        if place in places:
            raise InvalidAnswer("places")
        if place is not None:
            places[place] = option.value
    if not places:
        return None
    least = min(question.least or count, count)
    if len(places) < least or sorted(places) != list(range(1, len(places) + 1)):
        raise InvalidAnswer("ranks", least)
    return [places[place] for place in sorted(places)]


def _read_number(question: Question, given: Given, _today: date) -> Answer | None:
    values = _values(given, question.id, lambda text: "".join(text.split()))
    if not values:
        return None
    comma = _COMMA.fullmatch(values[0])
    written = f"{comma[1]}.{comma[2]}" if comma else values[0]
    if not _NUMBER.fullmatch(written):
        raise InvalidAnswer("number")
    number = float(written)
    if number.is_integer():
        number = int(number)
    elif question.whole:
        raise InvalidAnswer("whole")
    _check_bounds(question, number)
    return number


def _read_slider(question: Question, given: Given, today: date) -> Answer | None:
    found = _read_number(question, given, today)
    if isinstance(found, int | float):
        steps = (found - question.least) / question.step
        if abs(steps - round(steps)) > 1e-6:  # noqa: PLR2004 what steps like 0.1 are off by
            raise InvalidAnswer("choice")
    return found


def _check_bounds(question: Question, number: float) -> None:
    if question.least is not None and number < question.least:
        raise InvalidAnswer("low", question.least)
    if question.most is not None and number > question.most:
        raise InvalidAnswer("high", question.most)


def _read_date(question: Question, given: Given, today: date) -> Answer | None:
    values = _values(given, question.id)
    if not values:
        return None
    try:
        day = date.fromisoformat(values[0])
    except ValueError:
        raise InvalidAnswer("date") from None
    least, most = (today if bound == TODAY else bound for bound in (question.least, question.most))
    if least is not None and day < least:
        raise InvalidAnswer("early", least)
    if most is not None and day > most:
        raise InvalidAnswer("late", most)
    return day.isoformat()


def _read_text(question: Question, given: Given, _today: date) -> Answer | None:
    words = next(iter(_values(given, question.id, _readable)), None)
    if words is None:
        return None
    most = question.most or TEXT_ANSWER_MAX
    if len(words) > most:
        raise InvalidAnswer("long", most)
    if question.least and len(words) < question.least:
        raise InvalidAnswer("short", question.least)
    return words


def _read_email(question: Question, given: Given, _today: date) -> Answer | None:
    values = _values(given, question.id)
    if values and (len(values[0]) > LINE_MAX or not _EMAIL.fullmatch(values[0])):
        raise InvalidAnswer("email")
    return values[0] if values else None


def _read_phone(question: Question, given: Given, _today: date) -> Answer | None:
    values = _values(given, question.id)
    return read_phone(values[0]) if values else None


def read_phone(typed: str) -> str:
    """A phone number as it was typed, without what only makes it readable. Raises :class:`InvalidAnswer`."""
    plain = re.sub(r"[\s().\-\u2010-\u2015/]", "", typed)
    digits = plain.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) in _PHONE_DIGITS):
        raise InvalidAnswer("phone")
    return plain


def _readable(text: str) -> str:
    """A text without what cannot be seen; a space that is not a common one becomes one."""
    lines = text.replace("\r\n", "\n")
    kept = "".join(c if c in KEPT or c.isprintable() else " " * c.isspace() for c in lines).strip()
    return kept if kept.strip(JOINERS) else ""


def _no_answer(_question: Question, _given: Given, _today: date) -> None:
    return None


_ENDS = ("low", "high")
_CHOICES = ("mixed", "other")
_BOUNDS = ("min", "max")
KINDS: Mapping[str, Kind] = {
    "nps": Kind(_read_scale, "scale", "scale", _ENDS),
    "csat": Kind(_read_scale, "scale", "scale", (*_ENDS, "look"), looks=("numbers", "stars", "smileys")),
    "ces": Kind(_read_scale, "scale", "scale", _ENDS),
    "rating": Kind(_read_scale, "scale", "scale", (*_ENDS, "look", "max"), looks=("stars", "hearts", "numbers")),
    "single": Kind(_read_single, "choices", "options", _CHOICES, ("options",)),
    "multiple": Kind(_read_multiple, "choices", "options", (*_CHOICES, *_BOUNDS), ("options",)),
    "dropdown": Kind(_read_single, "dropdown", "options", _CHOICES, ("options",)),
    "yes_no": Kind(_read_yes_no, "choices", "options"),
    "matrix": Kind(_read_matrix, "matrix", "rows", ("mixed", "several"), ("rows", "options")),
    "ranking": Kind(_read_ranking, "ranking", "places", ("mixed", *_BOUNDS), ("options",)),
    "slider": Kind(_read_slider, "number", "numbers", (*_ENDS, *_BOUNDS, "step", "unit")),
    "number": Kind(_read_number, "number", "numbers", (*_BOUNDS, "whole", "unit")),
    "text": Kind(_read_text, "text", "words", ("long", *_BOUNDS)),
    "date": Kind(_read_date, "line", "days", _BOUNDS),
    "email": Kind(_read_email, "line", "none"),
    "phone": Kind(_read_phone, "line", "none"),
    "consent": Kind(_read_consent, "consent", "options"),
    "image_choice": Kind(_read_image_choice, "choices", "options", ("mixed", "several", *_BOUNDS), ("options",)),
    "statement": Kind(_no_answer, "statement", "none"),
}
"""Every type of question. Adding one is an entry here and a template that draws it."""
TYPES = tuple(KINDS)


def answer_keys(questions: Iterable[Question]) -> list[str]:
    """The ids that answers to these questions may be stored under."""
    return [key for question in questions for key in question.keys]
