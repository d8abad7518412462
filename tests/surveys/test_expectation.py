"""What a rehearsal expects: answers, the width of an NPS, the days until a quota is reached."""

from datetime import timedelta

import pytest

from surveys.expectation import days_to_quota, expected_answers, nps_half_width
from surveys.statistics import nps


@pytest.mark.parametrize(
    ("asked", "rates", "expected"),
    [
        ({}, {}, 0),
        ({"email": 100}, {"email": 0.1}, 10),
        ({"email": 100, "web": 40}, {"email": 0.1, "web": 0.5}, 30),
        ({"email": 100}, {"web": 0.5}, 25),  # nothing is known of mails: a quarter, as usual
    ],
)
def test_so_many_answer(asked: dict[str, int], rates: dict[str, float], expected: float) -> None:
    assert expected_answers(asked, rates) == expected


@pytest.mark.parametrize(("value", "counts"), [(0, (40, 40, 40)), (50, (70, 40, 10)), (-50, (10, 40, 70))])
def test_an_nps_to_come_is_as_sure_as_one_of_so_many_answers(value: float, counts: tuple[int, int, int]) -> None:
    figure = nps(*counts)
    assert figure.low is not None
    assert figure.high is not None
    assert nps_half_width(value, 120) == round((figure.high - figure.low) / 2, 1)


@pytest.mark.parametrize(("value", "answers"), [(None, 100), (30, 0.9), (30, 0)])
def test_how_sure_it_will_be_is_not_known(value: float | None, answers: float) -> None:
    assert nps_half_width(value, answers) is None


@pytest.mark.parametrize(
    ("most", "invited", "each", "days", "expected"),
    [
        (400, 1600, 0.25, 7, 7.0),
        (400, 800, 0.25, 7, 14.0),
        (100, 50, 1.0, 10, 20.0),
        (100, 0, 1.0, 10, None),
        (100, 10, 0.0, 10, None),
        (1, 3, 1.0, 1, 0.3),
    ],
)
def test_a_quota_is_reached_after_so_many_days(
    most: int, invited: int, each: float, days: int, expected: float | None
) -> None:
    assert days_to_quota(most, invited, each, timedelta(days=days)) == expected
