"""Which pages and questions a respondent sees, and how it ends."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from surveys.conditions import ALWAYS, Facts
from surveys.questions import Answer, Question, answer_keys
from surveys.survey import AUDIENCES, AnswerQuota, Ending, Page, Survey

Answers = Mapping[str, Answer]


def visible(survey: Survey, answers: Answers, known: Mapping[str, Any], at: datetime) -> dict[int, list[Question]]:
    """The questions shown for these answers, by the number of their page.

    A page looks at the answers given before it, a question also at those above it on its page. What was answered to a
    hidden question decides nothing. A page none of whose questions is shown is not shown itself.
    """
    found: dict[int, list[Question]] = {}
    given: dict[str, Any] = {}
    number: int | None = 0
    while number is not None and number < len(survey.pages):
        page = survey.pages[number]
        after: int | None = number + 1
        if _fits(page, known) and _holds(page.show_if, known, given, at):
            if shown := _questions(page, answers, known, given, at):
                found[number] = shown
            after = next((jump.to for jump in page.jumps if _holds(jump.condition, known, given, at)), after)
        number = after
    return found


def _fits(page: Page, known: Mapping[str, Any]) -> bool:
    """Whether the page is for such a respondent: one whose contact is known, or one who came by an open link."""
    return page.audience == AUDIENCES[0] or (page.audience == "known") is bool(known.get("contact"))


def _questions(
    page: Page, answers: Answers, known: Mapping[str, Any], given: dict[str, Any], at: datetime
) -> list[Question]:
    """The questions of a page that are shown; their answers are added to ``given``."""
    shown = []
    for question in page.questions:
        if question.show_if is ALWAYS or _holds(question.show_if, known, given, at):
            shown.append(question)
            given |= {key: answers[key] for key in question.keys if key in answers}
    return shown


def _holds(condition: Any, known: Mapping[str, Any], given: Mapping[str, Any], at: datetime) -> bool:
    return condition is ALWAYS or bool(condition.holds(Facts({**known, "answers": dict(given)}, at)))


def visible_answers(survey: Survey, answers: Answers, known: Mapping[str, Any], at: datetime) -> dict[str, Answer]:
    """The answers that count: those to questions that are shown."""
    shown = visible(survey, answers, known, at)
    return {key: answers[key] for questions in shown.values() for key in answer_keys(questions) if key in answers}


def quotas_of(survey: Survey, answers: Answers, known: Mapping[str, Any], at: datetime) -> list[AnswerQuota]:
    """The quotas that a response takes a place in."""
    facts = Facts({**known, "answers": dict(answers)}, at)
    return [quota for quota in survey.quotas if quota.condition.holds(facts)]


def ending(survey: Survey, answers: Answers, known: Mapping[str, Any], at: datetime) -> Ending | None:
    """The first ending whose condition holds; None leaves the closing words to the page."""
    facts = Facts({**known, "answers": dict(answers)}, at)
    return next((e for e in survey.endings if e.condition.holds(facts)), None)
