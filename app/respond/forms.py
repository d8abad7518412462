"""The survey as plain HTML forms: what to show on a page, and what a submit says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from app.queries.installation import company
from app.queries.invitations import Asked
from app.text.colours import Button, buttons
from app.text.phrases import phrases
from surveys.branching import visible
from surveys.conditions import ALWAYS
from surveys.questions import (
    OTHER,
    TODAY,
    InvalidAnswer,
    Option,
    Question,
    in_order,
    other_of,
    part_of,
    read_answers,
)
from surveys.survey import Survey
from surveys.wording import fill, pick

Shown = Mapping[int, Sequence[Question]]


@dataclass
class Submit:
    """A page, the answers so far, and what a submit adds to them.

    ``read`` holds the answers read from the form (None: taken back), ``given`` the words to show again on the page,
    ``faults`` why a question did not accept them, ``next_page`` where to go on (None: it was the last).
    """

    page: int
    answers: dict[str, Any]
    read: dict[str, Any] = field(default_factory=dict)
    given: Mapping[str, list[str]] = field(default_factory=dict)
    faults: dict[str, InvalidAnswer] = field(default_factory=dict)
    next_page: int | None = None

    @classmethod
    def resumed(cls, asked: Asked, now: datetime, chosen: "MultiDict[str, str]") -> "Submit":
        """The page to show on a GET: the one asked for, else the first with something left to answer.

        Values in the address choose an answer on the page, and store nothing.
        """
        shown = visible(asked.survey, asked.answers, asked.known, now)
        open_pages = [n for n, questions in shown.items() if any(_unanswered(q, asked.answers) for q in questions)]
        wanted = chosen.get("page", type=int)
        number = (open_pages or list(shown))[0] if wanted not in shown or wanted is None else wanted
        number = min(number, _first_required(shown, asked.answers))
        return cls(number, dict(asked.answers), given={k: chosen.getlist(k) for k in chosen})

    def keep(self, found: Mapping[str, Any]) -> None:
        self.read |= found
        for key, answer in found.items():
            if answer is None:
                self.answers.pop(key, None)
            else:
                self.answers[key] = answer


def _unanswered(question: Question, answers: Mapping[str, Any]) -> bool:
    return question.type != "statement" and question.id not in answers


def _first_required(shown: Shown, answers: Mapping[str, Any]) -> int:
    """The first page that cannot be passed over, because a required answer is missing; else the last."""
    lacking = (n for n, questions in shown.items() if any(q.required and _unanswered(q, answers) for q in questions))
    return next(lacking, max(shown))


def read_submit(asked: Asked, form: "MultiDict[str, str]", now: datetime) -> Submit:
    """Read a posted form: the page it was made from, and any later page whose questions it also carries.

    Pages are read in order, because what is answered on one decides whether the next is shown at all. A question that
    became visible by an answer on its own page, and was not on the page yet, is shown before it goes on. Whoever goes
    back keeps what is fine, and is told of nothing.
    """
    submit = Submit(0, dict(asked.answers), given={k: form.getlist(k) for k in form})
    shown = visible(asked.survey, submit.answers, asked.known, now)
    start = min(form.get("page", 0, type=int), _first_required(shown, submit.answers))
    submit.page = next((n for n in shown if n >= start), max(shown))
    while True:
        unseen = _read_page(submit, asked, form, now)
        shown = visible(asked.survey, submit.answers, asked.known, now)
        if "back" in form:
            submit.faults.clear()
            submit.next_page = max((n for n in shown if n < submit.page), default=submit.page)
            break
        if submit.faults:
            break
        later = submit.page if unseen else next((n for n in shown if n > submit.page), None)
        if later is None:
            break
        if unseen or not any(name in form for question in shown[later] for name in question.fields):
            submit.next_page = later
            break
        submit.page = later
    return submit


def _read_page(submit: Submit, asked: Asked, form: "MultiDict[str, str]", now: datetime) -> bool:
    """Read the questions of the page, from above; returns whether one is shown now that was not on the page."""
    displayed, today, unseen = set(filter(None, form.getlist("shown"))), local_day(now), False
    for question in asked.survey.pages[submit.page].questions:
        if not _is_shown(question, submit, asked, now):
            continue
        if displayed and question.id not in displayed:
            unseen = True
            continue
        try:
            submit.keep(read_answers(question, submit.given, today))
        except InvalidAnswer as error:
            submit.faults[question.id] = error
    return unseen


def _is_shown(question: Question, submit: Submit, asked: Asked, now: datetime) -> bool:
    if question.show_if is ALWAYS:
        return True
    return question in visible(asked.survey, submit.answers, asked.known, now).get(submit.page, ())


def local_day(now: datetime) -> date:
    return now.astimezone(ZoneInfo(company().zone)).date()


@dataclass(frozen=True)
class ChoiceView:
    value: str
    label: str
    chosen: bool
    picture: str | None = None


@dataclass(frozen=True)
class RowView:
    """A row of a matrix, or something to rank: a field of its own, with what can be chosen in it."""

    name: str
    label: str
    choices: list[ChoiceView]


@dataclass(frozen=True)
class QuestionView:
    """One question as its template draws it."""

    id: str
    type: str
    drawn: str
    text: str
    help: str
    required: bool
    look: str
    long: bool
    several: bool
    choices: list[ChoiceView]
    rows: list[RowView]
    other: str | None
    words: str
    value: str
    low: str
    high: str
    least: Any
    most: Any
    step: float | None
    unit: str
    fault: str | None


@dataclass(frozen=True)
class PageView:
    """One page as the template draws it. ``back`` is the number of the page before, if one may go back."""

    language: str
    number: int
    step: int
    steps: int
    last: bool
    back: int | None
    next: str
    questions: list[QuestionView]
    faulty: bool


def page_view(asked: Asked, submit: Submit, now: datetime) -> PageView:
    """The page to draw: earlier answers, or what was just typed, stand in the fields."""
    survey = asked.survey
    shown = visible(survey, submit.answers, asked.known, now)
    last = not survey.pages[submit.page + 1 :]
    said, own = phrases(asked.language), survey.theme.send if last else survey.theme.next
    return PageView(
        language=asked.language,
        number=submit.page,
        step=list(shown).index(submit.page) + 1 if submit.page in shown else 1,
        steps=len(shown) if survey.progress else 1,
        last=last,
        back=max((n for n in shown if n < submit.page), default=None) if survey.back else None,
        next=pick(own, asked.language) if own else said["send" if last else "next"],
        questions=question_views(asked, submit, shown.get(submit.page, survey.pages[submit.page].questions), now),
        faulty=bool(submit.faults),
    )


def question_views(asked: Asked, submit: Submit, questions: Iterable[Question], now: datetime) -> list[QuestionView]:
    """Questions as they are drawn: earlier answers, or what was just typed, stand in them."""
    facts = {**asked.known, "answers": readable_answers(asked.survey.questions, submit.answers, asked.language)}
    draw = _Drawing(asked, submit, facts, local_day(now))
    return [draw.question(question) for question in questions]


def readable_answers(questions: Iterable[Question], answers: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Answers as they are put into a text: what was chosen by its words, not by its value."""
    words = dict(answers)
    for question in questions:
        answer = answers.get(question.id)
        labels = {option.value: pick(option.text, language) for option in question.options}
        if isinstance(answer, str) and answer in labels:
            words[question.id] = labels[answer]
        elif isinstance(answer, list):
            words[question.id] = [labels.get(one, one) for one in answer]
    return words


@dataclass(frozen=True)
class Look:
    """How the pages of a survey look, where not as the company's do."""

    corner: int | None
    size: str
    buttons: Mapping[str, Button] | None


def look_of(survey: Survey) -> Look:
    theme = survey.theme
    return Look(theme.corner, theme.size, buttons(theme.colour.lower()) if theme.colour else None)


@dataclass(frozen=True)
class _Drawing:
    """What all questions of a page are drawn with."""

    asked: Asked
    submit: Submit
    facts: Mapping[str, Any]
    today: date

    def question(self, question: Question) -> QuestionView:
        said = phrases(self.asked.language)
        stored = as_given(question, self.submit.answers)
        given = {name: self.submit.given.get(name) or stored.get(name, []) for name in question.fields}
        chosen = given.get(question.id, [])
        least, most = (self.today if bound == TODAY else bound for bound in (question.least, question.most))
        return QuestionView(
            id=question.id,
            type=question.type,
            drawn=question.kind.drawn,
            text=self.text(question.text),
            help=self.text(question.help),
            required=question.required,
            look=question.look,
            long=question.long,
            several=question.several or question.type == "multiple",
            choices=self.choices(question, chosen),
            rows=self.rows(question, given),
            other=None if question.other is None else self.text(question.other) or said["other"],
            words="".join(given.get(other_of(question.id), [])[:1]),
            value="".join(chosen[:1]),
            low=self.text(question.low) or said.get(f"scale.{question.type}.low", ""),
            high=self.text(question.high) or said.get(f"scale.{question.type}.high", ""),
            least=_shown_number(least),
            most=_shown_number(most),
            step=question.step if question.type == "slider" else 1 if question.whole else None,
            unit=self.text(question.unit),
            fault=self.fault(question),
        )

    def text(self, texts: Mapping[str, str] | None) -> str:
        return fill(pick(texts, self.asked.language), self.facts) if texts else ""

    def choices(self, question: Question, chosen: Sequence[str]) -> list[ChoiceView]:
        if question.type in ("matrix", "ranking"):
            return []
        if question.scale:
            return [ChoiceView(str(n), str(n), str(n) in chosen) for n in question.scale]
        if question.type in ("yes_no", "consent"):
            said = phrases(self.asked.language)
            values = ("yes", "no") if question.type == "yes_no" else ("yes",)
            return [ChoiceView(value, said[value], value in chosen) for value in values]
        found = [self.choice(option, chosen) for option in self.ordered(question, question.options)]
        if question.other is not None:
            label = self.text(question.other) or phrases(self.asked.language)["other"]
            found.append(ChoiceView(OTHER, label, OTHER in chosen))
        return found

    def choice(self, option: Option, chosen: Sequence[str]) -> ChoiceView:
        return ChoiceView(option.value, self.text(option.text), option.value in chosen, option.picture)

    def ordered(self, question: Question, options: Sequence[Option]) -> list[Option]:
        return in_order(options, question, str(self.asked.invitation_id))

    def rows(self, question: Question, given: Mapping[str, Sequence[str]]) -> list[RowView]:
        if question.type == "matrix":
            return [
                RowView(name, self.text(row.text), [self.choice(option, given[name]) for option in question.options])
                for row in self.ordered(question, question.rows)
                for name in [part_of(question.id, row.value)]
            ]
        if question.type == "ranking":
            places = [str(n) for n in range(1, (question.most or len(question.options)) + 1)]
            return [
                RowView(name, self.text(option.text), [ChoiceView(n, n, n in given[name]) for n in places])
                for option in self.ordered(question, question.options)
                for name in [part_of(question.id, option.value)]
            ]
        return []

    def fault(self, question: Question) -> str | None:
        error = self.submit.faults.get(question.id)
        if error is None:
            return None
        limit = f"{error.limit:,}".replace(",", "\u00a0") if isinstance(error.limit, int) else error.limit
        return phrases(self.asked.language)[f"fault.{error.code}"].format(limit=limit)


def _shown_number(bound: Any) -> Any:
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def as_given(question: Question, answers: Mapping[str, Any]) -> dict[str, list[str]]:
    """A stored answer as a form would send it, by field."""
    answer = answers.get(question.id)
    if question.type == "ranking":
        return {part_of(question.id, value): [str(place)] for place, value in enumerate(answer or (), 1)}
    if question.type == "matrix":
        return {part_of(question.id, row): _as_sent(chosen) for row, chosen in (answer or {}).items()}
    return {key: _as_sent(answers.get(key)) for key in question.keys}


def _as_sent(answer: Any) -> list[str]:
    if answer is None:
        return []
    if isinstance(answer, bool):
        return ["yes" if answer else "no"]
    return answer if isinstance(answer, list) else [f"{answer:.15g}" if isinstance(answer, float) else str(answer)]
