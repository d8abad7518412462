"""The survey as plain HTML forms: what to show on a page, and what a submit says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from app.queries.invitations import Asked
from app.text.phrases import phrases
from surveys.branching import visible_pages
from surveys.questions import SCALES, InvalidAnswer, Question, read_answer
from surveys.wording import fill, pick


@dataclass
class Submit:
    """A page, the answers so far, and what a submit adds to them.

    ``read`` holds the answers read from the form (None: taken back), ``given`` the words to show again on the page.
    """

    page: int
    answers: dict[str, Any]
    read: dict[str, Any] = field(default_factory=dict)
    given: Mapping[str, list[str]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    next_page: int | None = None

    @classmethod
    def resumed(cls, asked: Asked, now: datetime, chosen: "MultiDict[str, str]") -> "Submit":
        """The page to show on a GET: the one asked for, else the first with something left to answer.

        Values in the address choose an answer on the page, and store nothing.
        """
        shown = visible_pages(asked.survey, asked.answers, asked.known, now)
        unanswered = [n for n in shown if any(q.id not in asked.answers for q in asked.survey.pages[n].questions)]
        wanted = chosen.get("page", type=int)
        number = (unanswered or shown)[0] if wanted not in shown or wanted is None else wanted
        number = min(number, _first_required(asked, asked.answers, shown))
        return cls(number, dict(asked.answers), given={k: chosen.getlist(k) for k in chosen})


def _first_required(asked: Asked, answers: Mapping[str, Any], shown: Sequence[int]) -> int:
    """The first page that cannot be passed over, because a required answer is missing; else the last."""
    pages = asked.survey.pages
    return next((n for n in shown if any(q.required and q.id not in answers for q in pages[n].questions)), shown[-1])


def read_submit(asked: Asked, form: "MultiDict[str, str]", now: datetime) -> Submit:
    """Read a posted form: the page it was made from, and any later page whose questions it also carries.

    Pages are read in order, because what is answered on one decides whether the next is shown at all.
    """
    submit = Submit(0, dict(asked.answers), given={k: form.getlist(k) for k in form})
    shown = visible_pages(asked.survey, submit.answers, asked.known, now)
    start = min(form.get("page", 0, type=int), _first_required(asked, submit.answers, shown))
    submit.page = next((n for n in shown if n >= start), shown[-1])
    while True:
        _read_page(submit, asked.survey.pages[submit.page].questions, form)
        if submit.faults:
            break
        shown = visible_pages(asked.survey, submit.answers, asked.known, now)
        later = next((n for n in shown if n > submit.page), None)
        if later is None:
            break
        if not any(q.id in form for q in asked.survey.pages[later].questions):
            submit.next_page = later
            break
        submit.page = later
    return submit


def _read_page(submit: Submit, questions: tuple[Question, ...], form: "MultiDict[str, str]") -> None:
    for question in questions:
        try:
            answer = read_answer(question, form.getlist(question.id))
        except InvalidAnswer as error:
            submit.faults[question.id] = error.code
            continue
        submit.read[question.id] = answer
        if answer is None:
            submit.answers.pop(question.id, None)
        else:
            submit.answers[question.id] = answer


@dataclass(frozen=True)
class ChoiceView:
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class QuestionView:
    """One question as the template draws it."""

    id: str
    type: str
    text: str
    required: bool
    long: bool
    choices: list[ChoiceView]
    value: str
    low: str
    high: str
    fault: str | None


@dataclass(frozen=True)
class PageView:
    """One page as the template draws it."""

    language: str
    number: int
    step: int
    steps: int
    last: bool
    questions: list[QuestionView]
    faulty: bool


def page_view(asked: Asked, submit: Submit, now: datetime) -> PageView:
    """The page to draw: earlier answers, or what was just typed, stand in the fields."""
    shown = visible_pages(asked.survey, submit.answers, asked.known, now)
    facts = {**asked.known, "answers": submit.answers}
    page = asked.survey.pages[submit.page]
    return PageView(
        language=asked.language,
        number=submit.page,
        step=shown.index(submit.page) + 1 if submit.page in shown else 1,
        steps=len(shown),
        last=not asked.survey.pages[submit.page + 1 :],
        questions=[_question_view(q, asked.language, submit, facts) for q in page.questions],
        faulty=bool(submit.faults),
    )


def _question_view(question: Question, language: str, submit: Submit, facts: Mapping[str, Any]) -> QuestionView:
    said = phrases(language)
    given = submit.given.get(question.id) or _as_given(submit.answers.get(question.id))
    return QuestionView(
        id=question.id,
        type=question.type,
        text=fill(pick(question.text, language), facts),
        required=question.required,
        long=question.long,
        choices=[ChoiceView(value, label, value in given) for value, label in _choices(question, language)],
        value=given[0] if given and question.type == "text" else "",
        low=said.get(f"scale.{question.type}.low", ""),
        high=said.get(f"scale.{question.type}.high", ""),
        fault=said[f"fault.{submit.faults[question.id]}"] if question.id in submit.faults else None,
    )


def _choices(question: Question, language: str) -> list[tuple[str, str]]:
    if question.type in SCALES:
        return [(str(n), str(n)) for n in SCALES[question.type]]
    if question.type == "yes_no":
        said = phrases(language)
        return [("yes", said["yes"]), ("no", said["no"])]
    return [(option.value, pick(option.text, language)) for option in question.options]


def _as_given(answer: Any) -> list[str]:
    if answer is None:
        return []
    if isinstance(answer, bool):
        return ["yes" if answer else "no"]
    return answer if isinstance(answer, list) else [str(answer)]
