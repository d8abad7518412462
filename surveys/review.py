"""What an author would want to know of a survey before customers see it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from surveys.conditions import Facts, read_condition
from surveys.definition import Fault, Node, Path
from surveys.questions import OTHER, SCALES
from surveys.wording import paths_in

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


# What is worth a look


@dataclass(frozen=True)
class Notice:
    """One thing worth a look: what kind of thing, where in the definition, and a word to say it with."""

    code: str
    path: Path
    detail: str = ""


NO_TIME = datetime.min.replace(tzinfo=UTC)
LONG_SURVEY = 120
"""Seconds beyond which many do not come to the end."""
LONG_QUESTION = 30
"""Words beyond which a question is not read to its end."""
JUDGED = frozenset({"nps", "csat", "ces", "rating", "yes_no", "single", "dropdown", "slider", "matrix"})
"""Types that take one answer, so that a question of two things cannot be answered."""
TWO_THINGS = re.compile(r"\w+,?\s+(and|as well as|и|а также)\s+\w+", re.IGNORECASE)
ONE_THING = re.compile(
    r"\b(terms and conditions|friends? (and|or) \w+|друзьям и \w+|and why|and how|и почему|и как)\b", re.IGNORECASE
)
LEADING = re.compile(
    r"\b(don['’]t you (think|agree)|wouldn['’]t you|isn['’]t it|surely|obviously|of course|amazing|awesome|excellent|"
    r"fantastic|great (service|product|team)|how much (do|did) you (love|like|enjoy)|world-class|"
    r"не правда ли|согласитесь|разве не|конечно|безусловно|очевидно|отличн\w+|прекрасн\w+|замечательн\w+|великолепн\w+|"
    r"насколько сильно вам (нравится|понравил\w+))\b",
    re.IGNORECASE,
)


def review(body: Mapping[str, Any]) -> list[Notice]:
    """What an author would want to know, in the order of the survey; also of a definition that is not right yet."""
    found = [*_too_long(body)]
    reached, before = _reached(body), list[Mapping[str, Any]]()
    for number, page in enumerate(_mappings(body.get("pages"))):
        if number not in reached:
            found.append(Notice("page_unreachable", ("pages", number)))
        elif number and _never(page.get("show_if"), before):
            found.append(Notice("page_never", ("pages", number, "show_if")))
        for place, question in enumerate(_mappings(page.get("questions"))):
            found += _of_question(question, ("pages", number, "questions", place), body, before)
            before.append(question)
    return [*found, *_of_endings(body, before), *_of_quotas(body, before), *_of_message(body)]


def _languages(body: Mapping[str, Any]) -> list[str]:
    return [code for code in _list(body.get("languages")) if isinstance(code, str)]


def _too_long(body: Mapping[str, Any]) -> Iterator[Notice]:
    seconds = expected_seconds(body)
    if seconds > LONG_SURVEY:
        yield Notice("long", ("pages",), str(seconds))


def _of_question(
    question: Mapping[str, Any], path: Path, body: Mapping[str, Any], before: Sequence[Mapping[str, Any]]
) -> Iterator[Notice]:
    if _never(question.get("show_if"), before):
        yield Notice("question_never", (*path, "show_if"))
    for name in ("text", "help", "low", "high", "unit"):
        yield from _untranslated(question.get(name), (*path, name), body)
    for name in ("options", "rows"):
        for place, option in enumerate(_list(question.get(name))):
            if isinstance(option, Mapping):
                yield from _untranslated(option.get("text"), (*path, name, place), body)
    for text in dict.fromkeys(_texts(question.get("text"))):
        yield from _of_words(text, str(question.get("type")), (*path, "text"))


def _of_words(text: str, kind: str, path: Path) -> Iterator[Notice]:
    """What is wrong with a question as it is put."""
    if kind in JUDGED and (two := TWO_THINGS.search(ONE_THING.sub("", text))):
        yield Notice("double", path, two[0])
    if leads := LEADING.search(text):
        yield Notice("leading", path, leads[0])
    if kind != "statement" and len(text.split()) > LONG_QUESTION:
        yield Notice("wordy", path, str(len(text.split())))


def _of_endings(body: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Iterator[Notice]:
    closed = False
    for number, ending in enumerate(_mappings(body.get("endings"))):
        if closed or _never(ending.get("if"), before):
            yield Notice("ending_never", ("endings", number))
        closed = closed or "if" not in ending
        yield from _untranslated(ending.get("text"), ("endings", number, "text"), body)


def _of_quotas(body: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Iterator[Notice]:
    for number, quota in enumerate(_list(body.get("quotas"))):
        if isinstance(quota, Mapping) and _never(quota.get("if"), before):
            yield Notice("quota_never", ("quotas", number, "if"))


def _of_message(body: Mapping[str, Any]) -> Iterator[Notice]:
    message = body.get("message")
    for name, text in (message if isinstance(message, Mapping) else {}).items():
        yield from _untranslated(text, ("message", name), body)
        told = sorted(path for said in _texts(text) for path in paths_in(said) if path.startswith("properties."))
        if told and body.get("sensitive"):
            yield Notice("event_told", ("message", name), told[0])


def _texts(value: Any) -> list[str]:
    found = value.values() if isinstance(value, Mapping) else [value]
    return [text for text in found if isinstance(text, str)]


def _untranslated(text: Any, path: Path, body: Mapping[str, Any]) -> Iterator[Notice]:
    """The languages beyond the first in which a text is missing."""
    if text is None or not _texts(text):
        return
    said = text if isinstance(text, Mapping) else {}
    for language in _languages(body)[1:]:
        if not str(said.get(language, "")).strip():
            yield Notice("untranslated", path, language)


# What nobody can come to


def _reached(body: Mapping[str, Any]) -> set[int]:
    """The pages that some way leads to, whatever is answered."""
    pages = _mappings(body.get("pages"))
    names = {page.get("id"): number for number, page in enumerate(pages) if isinstance(page.get("id"), str)}
    reached, waiting = set[int](), [0] if pages else []
    while waiting:
        number = waiting.pop()
        if number in reached or number >= len(pages):
            continue
        reached.add(number)
        jumps = _mappings(pages[number].get("jumps"))
        waiting += [names[jump["to"]] for jump in jumps if isinstance(jump.get("to"), str) and jump["to"] in names]
        passed = "show_if" in pages[number] or pages[number].get("for", "everybody") != "everybody"
        if passed or all("if" in jump for jump in jumps):
            waiting.append(number + 1)
    return reached


def _never(tree: Any, before: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a condition cannot hold for any answers to the questions before it; False where that is not certain."""
    if not isinstance(tree, Mapping):
        return False
    if isinstance(tree.get("any"), list):
        return bool(tree["any"]) and all(_never(part, before) for part in tree["any"])
    parts = tree["all"] if isinstance(tree.get("all"), list) else [tree]
    if any(_never(part, before) for part in parts if part is not tree and isinstance(part, Mapping)):
        return True
    asked = {str(question.get("id")): question for question in before}
    leaves: dict[str, list[Mapping[str, Any]]] = {}
    for part in parts:
        if isinstance(part, Mapping) and str(part.get("field", "")).startswith("answers."):
            leaves.setdefault(str(part["field"]).removeprefix("answers."), []).append(part)
    return any(_impossible(identifier, wanted, asked) for identifier, wanted in leaves.items())


def _impossible(identifier: str, leaves: Sequence[Mapping[str, Any]], asked: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether no answer to a question meets all these comparisons."""
    known = asked.get(identifier) or asked.get(identifier.removesuffix("_other"))
    if known is None:
        return any(leaf.get("op") != "missing" for leaf in leaves)
    answers = _possible_answers(known) if known.get("id") == identifier else None
    if answers is None:
        return False
    faults: list[Fault] = []
    condition = read_condition(Node({"all": list(leaves)}, faults))
    given = [{}, *({identifier: answer} for answer in answers)]
    return not faults and not any(condition.holds(Facts({"answers": dict(one)}, NO_TIME)) for one in given)


def _possible_answers(question: Mapping[str, Any]) -> Sequence[Any] | None:
    """Every answer that a question can have; None where they are too many to look at."""
    kind, most = question.get("type"), question.get("max", 5)
    if kind in SCALES:
        return SCALES[kind]
    if kind == "rating":
        return range(1, most + 1) if isinstance(most, int) else None
    if kind in ("yes_no", "consent"):
        return (True, False)
    if kind in ("single", "dropdown") or (kind == "image_choice" and not question.get("several")):
        values = [o.get("value") if isinstance(o, Mapping) else o for o in _list(question.get("options"))]
        return [*values, *([OTHER] if question.get("other") else [])]
    return None
