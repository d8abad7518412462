"""Surveys as authors write them, the question types, and reading an answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from surveys.conditions import ALWAYS, Condition, read_condition
from surveys.definition import Node

TYPES = ("nps", "csat", "ces", "yes_no", "single", "multiple", "text")
SCALES = {"nps": range(11), "csat": range(1, 6), "ces": range(1, 8)}
TEXT_ANSWER_MAX = 5_000
JOINERS = "\u200c\u200d"  # hold letters of Persian, and families of emoji, together
KEPT = "\n\t" + JOINERS
RESERVED_IDS = frozenset({"page"})  # the answer form has a field of its own of that name

Answer = int | bool | str | list[str]


@dataclass(frozen=True)
class Option:
    """One thing to choose."""

    value: str
    text: Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """One question; its ``id`` is stable across versions and names its form field."""

    id: str
    type: str
    text: Mapping[str, str]
    required: bool = False
    long: bool = False
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Page:
    """Questions shown together, if ``show_if`` holds for the answers given before."""

    questions: tuple[Question, ...]
    show_if: Condition


@dataclass(frozen=True)
class Ending:
    """What is said at the end, the first whose condition holds; perhaps with a code from an offer's pool."""

    text: Mapping[str, str]
    condition: Condition
    offer: str | None


@dataclass(frozen=True)
class Survey:
    """A survey ready to be asked."""

    slug: str
    languages: tuple[str, ...]
    pages: tuple[Page, ...]
    endings: tuple[Ending, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple(q for page in self.pages for q in page.questions)


class InvalidAnswer(ValueError):
    """An answer that its question does not accept; ``code`` names why: required, choice or long."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_survey(node: Node) -> Survey:
    """Read a survey definition; faults gather in the node."""
    fields = node.mapping(("slug", "name", "languages", "pages", "endings"), ("slug", "pages"))
    if "name" in fields:
        fields["name"].text(longest=200)
    languages = (
        tuple(i.text(longest=20) for i in fields["languages"].items(least=1)) if "languages" in fields else ()
    ) or ("en",)
    pages = tuple(_read_page(p, languages) for p in fields["pages"].items(least=1)) if "pages" in fields else ()
    endings = tuple(_read_ending(e, languages) for e in fields["endings"].items()) if "endings" in fields else ()
    if pages and pages[0].show_if is not ALWAYS:
        node.fault("the first page is always shown", "pages", 0, "show_if")
    seen: set[str] = set(RESERVED_IDS)
    for page_number, page in enumerate(pages):
        for number, question in enumerate(page.questions):
            if question.id and question.id in seen:
                node.fault(
                    f"the id {question.id} is used twice, or is not free",
                    "pages",
                    page_number,
                    "questions",
                    number,
                    "id",
                )
            seen.add(question.id)
    return Survey(fields["slug"].slug() if "slug" in fields else "", languages, pages, endings)


def _read_page(node: Node, languages: Sequence[str]) -> Page:
    fields = node.mapping(("questions", "show_if"), ("questions",))
    questions = (
        [_read_question(q, languages) for q in fields["questions"].items(least=1)] if "questions" in fields else []
    )
    return Page(tuple(questions), read_condition(fields["show_if"]) if "show_if" in fields else ALWAYS)


def _read_question(node: Node, languages: Sequence[str]) -> Question:
    fields = node.mapping(("id", "type", "text", "required", "long", "options"), ("id", "type", "text"))
    kind = fields["type"].one_of(TYPES) if "type" in fields else "text"
    options: tuple[Option, ...] = ()
    if kind in ("single", "multiple"):
        if "options" not in fields:
            node.fault("options is missing")
        else:
            options = tuple(_read_option(o, languages) for o in fields["options"].items(least=1))
            if len({option.value for option in options}) != len(options):
                fields["options"].fault("two answers have the same value")
    elif "options" in fields:
        fields["options"].fault(f"a question of type {kind} has no options")
    identifier = fields["id"].text(longest=64) if "id" in fields else ""
    if identifier and not identifier.replace("_", "").isalnum():
        fields["id"].fault("must be letters, digits and underscores")
    return Question(
        id=identifier,
        type=kind,
        text=_read_texts(fields["text"], languages) if "text" in fields else {"en": ""},
        required="required" in fields and fields["required"].boolean(),
        long="long" in fields and fields["long"].boolean(),
        options=options,
    )


def _read_option(node: Node, languages: Sequence[str]) -> Option:
    if isinstance(node.value, str):
        return Option(node.text(longest=200), {languages[0]: node.value})
    fields = node.mapping(("value", "text"), ("value", "text"))
    value = fields["value"].text(longest=200) if "value" in fields else ""
    return Option(value, _read_texts(fields["text"], languages) if "text" in fields else {"en": value})


def _read_ending(node: Node, languages: Sequence[str]) -> Ending:
    fields = node.mapping(("if", "text", "offer"), ("text",))
    return Ending(
        text=_read_texts(fields["text"], languages) if "text" in fields else {"en": ""},
        condition=read_condition(fields["if"]) if "if" in fields else ALWAYS,
        offer=fields["offer"].slug() if "offer" in fields else None,
    )


def _read_texts(node: Node, languages: Sequence[str]) -> Mapping[str, str]:
    texts = {languages[0]: node.text()} if isinstance(node.value, str) else node.texts()
    if texts and languages[0] not in texts:
        node.fault(f"needs a text in {languages[0]}, the survey's first language")
    return texts


def read_answer(question: Question, given: Sequence[str]) -> Answer | None:
    """The value of what a form sent for a question; None when it was left out.

    Raises :class:`InvalidAnswer` when the question does not accept it.
    """
    clean = _readable if question.type == "text" else str.strip
    values = [v for v in map(clean, given) if v]
    if not values:
        if question.required:
            raise InvalidAnswer("required")
        return None
    return _READERS[question.type](question, values)


def _read_scale(question: Question, values: list[str]) -> Answer:
    allowed = {str(n): n for n in SCALES[question.type]}
    if values[0] not in allowed:
        raise InvalidAnswer("choice")
    return allowed[values[0]]


def _read_yes_no(_question: Question, values: list[str]) -> Answer:
    if values[0] not in ("yes", "no"):
        raise InvalidAnswer("choice")
    return values[0] == "yes"


def _read_single(question: Question, values: list[str]) -> Answer:
    if values[0] not in {o.value for o in question.options}:
        raise InvalidAnswer("choice")
    return values[0]


def _read_multiple(question: Question, values: list[str]) -> Answer:
    known = [o.value for o in question.options]
    if not set(values) <= set(known):
        raise InvalidAnswer("choice")
    return [v for v in known if v in values]


def _read_text(_question: Question, values: list[str]) -> Answer:
    if len(values[0]) > TEXT_ANSWER_MAX:
        raise InvalidAnswer("long")
    return values[0]


def _readable(text: str) -> str:
    """A text without what cannot be seen; a space that is not a common one becomes one."""
    lines = text.replace("\r\n", "\n")
    kept = "".join(c if c in KEPT or c.isprintable() else " " * c.isspace() for c in lines).strip()
    return kept if kept.strip(JOINERS) else ""


_READERS: Mapping[str, Callable[[Question, list[str]], Answer]] = {
    "nps": _read_scale,
    "csat": _read_scale,
    "ces": _read_scale,
    "yes_no": _read_yes_no,
    "single": _read_single,
    "multiple": _read_multiple,
    "text": _read_text,
}
