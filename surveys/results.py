"""What was answered to each question of a survey, counted over all its versions by the question's id."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from surveys.branching import visible
from surveys.questions import OTHER, Chart, Question, other_of
from surveys.survey import Survey
from surveys.wording import Texts

LATEST = 6
"""How many texts are kept."""
KNOWN = {"contact": {"id": "1"}}
"""What pages for known contacts look at; who it was is of no matter here."""


@dataclass(frozen=True)
class Given:
    """A response: to which version, what, when, whether it was sent in, and whether it is known by whom."""

    version: int
    answers: Mapping[str, Any]
    at: datetime
    complete: bool
    known: bool = True


@dataclass(frozen=True)
class Said:
    """An answer in the respondent's own words."""

    at: datetime
    text: str


def _latest() -> deque[Said]:
    return deque(maxlen=LATEST)


@dataclass
class Result:
    """The answers to one question, as the newest version that has it writes it.

    ``values`` are how often each value was given; ``rows`` the same for each row of a table, or the places of each
    option of a ranking. ``unlike`` answers were given while it was another type of question, and count nowhere.
    """

    question: Question
    gone: bool = False
    n: int = 0
    unlike: int = 0
    values: Counter[Any] = field(default_factory=Counter)
    rows: dict[str, Counter[Any]] = field(default_factory=dict)
    words: deque[Said] = field(default_factory=_latest)
    options: dict[str, Texts] = field(default_factory=dict)
    lines: dict[str, Texts] = field(default_factory=dict)

    @property
    def chart(self) -> Chart:
        return self.question.kind.chart


@dataclass
class Page:
    """A page of the newest version: its first question, and how many stopped there."""

    question: Question
    left: int = 0


@dataclass
class Results:
    """Everything that was answered; ``begun`` are all responses, sent in or not."""

    questions: dict[str, Result]
    pages: list[Page]
    begun: int = 0
    complete: int = 0


def gather(versions: Mapping[int, Survey], given: Iterable[Given]) -> Results:
    """Count responses to the ``versions`` of a survey, the newest of which stands first.

    Answers count once they are sent in; what was begun only tells where people stop.
    """
    newest = next(iter(versions.values()))
    results = Results(_questions(list(versions.values())), [Page(page.questions[0]) for page in newest.pages])
    page_of = {question.id: n for n, page in enumerate(newest.pages) for question in page.questions}
    asked = {number: {q.id: q for q in version.questions} for number, version in versions.items()}
    for response in given:
        results.begun += 1
        if response.complete:
            results.complete += 1
            kept = not versions[response.version].sensitive
            _count(results.questions, asked[response.version], response, words=kept)
        else:
            stopped = _stopped_at(versions[response.version], response, page_of)
            if stopped is not None:
                results.pages[stopped].left += 1
    return results


def _questions(versions: Sequence[Survey]) -> dict[str, Result]:
    """Every question that was ever asked, those of the newest version first and in its order."""
    found: dict[str, Result] = {}
    for number, version in enumerate(versions):
        for question in version.questions:
            if question.kind.chart == "none" and question.type == "statement":
                continue
            result = found.setdefault(question.id, Result(question, gone=number > 0))
            for option in question.options:
                result.options.setdefault(option.value, option.text)
            for row in question.rows:
                result.lines.setdefault(row.value, row.text)
    return found


def _count(results: Mapping[str, Result], asked: Mapping[str, Question], response: Given, *, words: bool) -> None:
    """Count one response; ``words`` that say more than a count are kept, or not."""
    for name, question in asked.items():
        answer = response.answers.get(name)
        if answer is None or name not in results:
            continue
        result = results[name]
        if (question.kind.chart, question.scale) != (result.chart, result.question.scale):
            result.unlike += 1
            continue
        result.n += 1
        if words or result.chart != "words":
            ADD[result.chart](result, answer, response.at)
        own = response.answers.get(other_of(name))
        if words and isinstance(own, str):
            result.words.append(Said(response.at, own))


def _add_value(result: Result, answer: Any, _at: datetime) -> None:
    for value in answer if isinstance(answer, list) else [answer]:
        result.values[value] += 1


def _add_rows(result: Result, answer: Any, _at: datetime) -> None:
    for row, values in answer.items() if isinstance(answer, dict) else ():
        counts = result.rows.setdefault(row, Counter())
        counts[None] += 1
        counts.update(values if isinstance(values, list) else [values])


def _add_places(result: Result, answer: Any, _at: datetime) -> None:
    for place, value in enumerate(answer if isinstance(answer, list) else (), 1):
        result.rows.setdefault(value, Counter())[place] += 1


def _add_month(result: Result, answer: Any, _at: datetime) -> None:
    result.values[date.fromisoformat(str(answer)).replace(day=1)] += 1


def _add_words(result: Result, answer: Any, at: datetime) -> None:
    result.words.append(Said(at, str(answer)))


def _add_nothing(_result: Result, _answer: Any, _at: datetime) -> None:
    """Addresses and numbers of people are counted, and stand nowhere."""


ADD: Mapping[Chart, Callable[[Result, Any, datetime], None]] = {
    "scale": _add_value,
    "options": _add_value,
    "rows": _add_rows,
    "places": _add_places,
    "numbers": _add_value,
    "days": _add_month,
    "words": _add_words,
    "none": _add_nothing,
}
"""How an answer is counted, by the chart that shows it."""


def _stopped_at(version: Survey, response: Given, page_of: Mapping[str, int]) -> int | None:
    """The page of the newest version at which somebody stopped.

    It is the last that was answered, if something required was left out on it; else the one shown after it.
    """
    shown = visible(version, response.answers, KNOWN if response.known else {}, response.at)
    answered = [n for n, page in enumerate(version.pages) if any(q.id in response.answers for q in page.questions)]
    last = max(answered, default=-1)
    lacking = any(q.required and q.id not in response.answers for q in shown.get(last, ()))
    stopped = last if lacking else next((n for n in shown if n > last), None)
    if stopped is None:  # everything was answered but for sending it
        stopped = max(shown, default=0)
    return next((page_of[q.id] for q in version.pages[stopped].questions if q.id in page_of), None)


def named(result: Result) -> dict[Any, Texts | None]:
    """The values that can be chosen, in their order, with their words; the last may be one's own."""
    if result.question.type in ("yes_no", "consent"):
        return dict.fromkeys((True, False) if result.question.type == "yes_no" else (True,))
    found: dict[Any, Texts | None] = dict(result.options)
    if OTHER in result.values or result.question.other is not None:
        found[OTHER] = result.question.other or None
    return found
