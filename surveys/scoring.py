"""Scores read from answers: NPS 0 to 10, CSAT 1 to 5, CES 1 to 7."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from surveys.questions import SCALES
from surveys.survey import Survey

PROMOTER, PASSIVE = 9, 7
SATISFIED = 4


@dataclass(frozen=True)
class Score:
    """The value of one scored question."""

    question: str
    metric: str
    value: float


def scores(survey: Survey, answers: Mapping[str, Any]) -> list[Score]:
    """Every score that a response carries."""
    return [
        Score(question.id, question.type, float(answers[question.id]))
        for question in survey.questions
        if question.type in SCALES and question.id in answers
    ]
