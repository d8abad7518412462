"""Which pages a respondent sees, and how it ends."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from surveys.conditions import Facts
from surveys.questions import Answer, Ending, Survey

Answers = Mapping[str, Answer]


def visible_pages(survey: Survey, answers: Answers, known: Mapping[str, Any], at: datetime) -> list[int]:
    """The numbers of the pages shown for these answers; a hidden page's answers decide nothing."""
    shown: list[int] = []
    given: dict[str, Any] = {}
    for number, page in enumerate(survey.pages):
        if page.show_if.holds(Facts({**known, "answers": given}, at)):
            shown.append(number)
            given |= {q.id: answers[q.id] for q in page.questions if q.id in answers}
    return shown


def visible_answers(survey: Survey, answers: Answers, known: Mapping[str, Any], at: datetime) -> dict[str, Answer]:
    """The answers that count: those to questions on pages that are shown."""
    shown = visible_pages(survey, answers, known, at)
    return {q.id: answers[q.id] for n in shown for q in survey.pages[n].questions if q.id in answers}


def ending(survey: Survey, answers: Answers, known: Mapping[str, Any], at: datetime) -> Ending | None:
    """The first ending whose condition holds; None leaves the closing words to the page."""
    facts = Facts({**known, "answers": dict(answers)}, at)
    return next((e for e in survey.endings if e.condition.holds(facts)), None)
