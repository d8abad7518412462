"""What a course of invitations is expected to bring: answers, how sure an NPS gets, and when quotas are reached."""

from collections.abc import Mapping
from datetime import timedelta

from surveys.quotas import USUAL_RATE
from surveys.statistics import nps

PASSIVE = 1 / 3
"""The share of passives that is assumed; it changes the width of an interval little."""


def expected_answers(asked: Mapping[str, int], rates: Mapping[str, float]) -> float:
    """How many answer, of so many invitations by channel, where this share of each channel does."""
    return sum(n * rates.get(channel, USUAL_RATE) for channel, n in asked.items())


def nps_half_width(value: float | None, answers: float) -> float | None:
    """Half the width of the interval of an NPS of ``value`` with so many answers; None where nobody can know."""
    if value is None or answers < 1:
        return None
    promoters = (1 - PASSIVE + value / 100) / 2
    figure = nps(*(round(answers * part) for part in (promoters, PASSIVE, 1 - PASSIVE - promoters)))
    return None if figure.low is None or figure.high is None else round((figure.high - figure.low) / 2, 1)


def days_to_quota(most: int, invited: int, each: float, length: timedelta) -> float | None:
    """How many days it takes until ``most`` are in, if things go on as in ``length``; None: never.

    Of each invitation ``each`` counts: 1 for a quota of invitations, the share that answers for one of answers.
    """
    pace = invited * each / (length / timedelta(days=1))
    return round(most / pace, 1) if pace > 0 else None
