"""Figures with their certainty: each with its n and its 95 % interval; and whether two of them really differ.

``Z`` and the t quantiles are of the two-sided 95 % level.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, expm1, sqrt
from statistics import NormalDist
from typing import Literal

LEVEL = 0.05
Z = NormalDist().inv_cdf(1 - LEVEL / 2)
POWER = NormalDist().inv_cdf(0.8)
"""So that a true difference is seen 4 times out of 5."""
MINIMUM = 10
"""Answers below which a figure is hidden, and a comparison has no verdict."""

Verdict = Literal["changed", "no_change_seen", "too_few"]


@dataclass(frozen=True)
class Figure:
    """A value with its interval; all None while nobody has answered."""

    value: float | None
    n: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """How far a figure moved, and by how much it may have moved by chance: the verdict compares the two.

    ``half_width`` is the half of the difference's interval that points towards no difference, so that *changed* says
    that the difference is larger than it. Too few answers may still have both: "a smaller one cannot be seen yet".
    """

    verdict: Verdict
    difference: float | None
    half_width: float | None
    n: int
    before: int
    """The n of what it is compared with."""


def shown(figure: Figure, minimum: int = MINIMUM) -> Figure:
    """The figure, or only its n where there are too few answers to show more."""
    return figure if figure.n >= minimum else Figure(None, figure.n, None, None)


def nps(promoters: int, passives: int, detractors: int) -> Figure:
    """Net Promoter Score, -100 to 100, with the adjusted-Wald interval.

    Adds three pseudo-answers spread as 3/4, 3/2, 3/4 (Rocks 2016, "Interval Estimation for the Net Promoter Score");
    widened to hold the value itself where everybody answers alike.
    """
    n = promoters + passives + detractors
    if n == 0:
        return Figure(None, 0, None, None)
    added = n + 3
    up, down = (promoters + 0.75) / added, (detractors + 0.75) / added
    half = Z * sqrt((up + down - (up - down) ** 2) / added)
    value = 100 * (promoters - detractors) / n
    low, high = 100 * (up - down - half), 100 * (up - down + half)
    return Figure(value, n, max(-100.0, min(low, value)), min(100.0, max(high, value)))


def share(successes: int, n: int) -> Figure:
    """A share in percent with the score interval (Wilson 1927)."""
    if n == 0:
        return Figure(None, 0, None, None)
    p = successes / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    # At 0 and 1 the bound is the share itself, but for rounding.
    return Figure(100 * p, n, 100 * max(0.0, min(p, centre - half)), 100 * min(1.0, max(p, centre + half)))


def mean(total: float, squares: float, n: int) -> Figure:
    """A mean with Student's t interval, from the sum and the sum of squares; no interval for a single answer."""
    if n == 0:
        return Figure(None, 0, None, None)
    average = total / n
    if n == 1:
        return Figure(average, 1, None, None)
    variance = max(0.0, (squares - n * average**2) / (n - 1))
    half = t_quantile(n - 1) * sqrt(variance / n)
    return Figure(average, n, average - half, average + half)


def compare_nps(now: tuple[int, int, int], before: tuple[int, int, int], minimum: int = MINIMUM) -> Comparison:
    """Two Net Promoter Scores, each as promoters, passives and detractors.

    Squares and adds the sides of the two adjusted-Wald intervals (Zou and Donner 2008, "Construction of confidence
    limits about effect measures"). Their standard errors around the plain difference would cry wolf one time in ten
    at n = 10; so it is one time in twenty, shown by an exact count over all samples.
    """
    return _add_sides(nps(*now), nps(*before), minimum)


def compare_shares(now: tuple[int, int], before: tuple[int, int], minimum: int = MINIMUM) -> Comparison:
    """Two shares, each as successes and n, in percentage points: the hybrid score interval.

    Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10.
    """
    return _add_sides(share(*now), share(*before), minimum)


def _add_sides(now: Figure, before: Figure, minimum: int) -> Comparison:
    """Square and add the sides of two intervals that point towards each other."""
    if now.value is None or now.low is None or now.high is None:
        return _judge(now, before, None, minimum)
    if before.value is None or before.low is None or before.high is None:
        return _judge(now, before, None, minimum)
    downwards = sqrt((now.value - now.low) ** 2 + (before.high - before.value) ** 2)
    upwards = sqrt((now.high - now.value) ** 2 + (before.value - before.low) ** 2)
    if now.value == before.value:
        return _judge(now, before, max(downwards, upwards), minimum)
    return _judge(now, before, downwards if now.value > before.value else upwards, minimum)


def compare_means(
    now: tuple[float, float, int], before: tuple[float, float, int], minimum: int = MINIMUM
) -> Comparison:
    """Two means, each as sum, sum of squares and n: Welch's t with Satterthwaite's degrees (Welch 1947)."""
    one, other = _error_of_mean(*now), _error_of_mean(*before)
    half = None
    if one is not None and other is not None:
        both = one + other
        below = one**2 / (now[2] - 1) + other**2 / (before[2] - 1)
        half = t_quantile(both**2 / below) * sqrt(both) if below > 0 else 0.0
    return _judge(mean(*now), mean(*before), half, minimum)


def _error_of_mean(total: float, squares: float, n: int) -> float | None:
    """The square of a mean's standard error; None for less than two answers."""
    if n < 2:  # noqa: PLR2004 one answer has no spread
        return None
    return max(0.0, (squares - total**2 / n) / (n - 1)) / n


def _judge(now: Figure, before: Figure, half: float | None, minimum: int) -> Comparison:
    difference = None if now.value is None or before.value is None else now.value - before.value
    if difference is None or half is None:
        return Comparison("too_few", difference, None, now.n, before.n)
    verdict: Verdict = "changed" if abs(difference) > half else "no_change_seen"
    if min(now.n, before.n) < minimum:
        verdict = "too_few"
    return Comparison(verdict, difference, half, now.n, before.n)


def smallest_difference(asked: float, never_asked: float) -> float:
    """The smallest difference of two shares, in percentage points, that so many people can reveal 4 times out of 5.

    At the level of 5 %, with shares around a half, where it is hardest (Fleiss, Levin and Paik 2003, "Statistical
    Methods for Rates and Proportions", chapter 4, without the correction for continuity).
    """
    if asked <= 0 or never_asked <= 0:
        return 100.0
    return min(100.0, 100 * (Z + POWER) * sqrt(0.25 * (1 / asked + 1 / never_asked)))


def days_to_see(points: float, asked_a_day: float, never_asked_a_day: float) -> float | None:
    """After how many days :func:`smallest_difference` has come down to ``points``; None: with nobody, never."""
    if asked_a_day <= 0 or never_asked_a_day <= 0:
        return None
    return float((100 * (Z + POWER) / points) ** 2 * 0.25 * (1 / asked_a_day + 1 / never_asked_a_day))


def stand_together(comparisons: Sequence[Comparison]) -> list[bool]:
    """Which of many comparisons still say *changed* when all of them were looked at for whatever had changed.

    At most one in twenty of those that are named is named by chance: Benjamini and Hochberg 1995, "Controlling the
    false discovery rate". What has too few answers cannot be named, and does not count.
    """
    chances = sorted((_chance(c), i) for i, c in enumerate(comparisons) if c.verdict != "too_few")
    named = [rank for rank, (chance, _) in enumerate(chances, 1) if chance <= LEVEL * rank / len(chances)]
    standing = {i for _, i in chances[: max(named, default=0)]}
    return [i in standing and c.verdict == "changed" for i, c in enumerate(comparisons)]


def _chance(comparison: Comparison) -> float:
    """How often chance alone makes a difference as large: read from how much larger it is than its half-width."""
    if not comparison.half_width:
        return 0.0 if comparison.difference else 1.0
    return erfc(Z * abs(comparison.difference or 0) / comparison.half_width / sqrt(2))


def t_quantile(degrees: float) -> float:
    """The 97.5 % quantile of Student's t.

    Exact for 1 and 2 degrees, from 3 Hill's expansion (1970, Algorithm 396), right to 1e-4; between the first three
    that of the smaller, which is wider.
    """
    if degrees < 3:  # noqa: PLR2004 the expansion begins here
        degrees = int(degrees)
    if degrees == 1:
        return 12.706204736
    if degrees == 2:  # noqa: PLR2004 a closed form of its own
        return 4.302652730
    tail = 0.05
    a = 1 / (degrees - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * sqrt(a * 1.5707963267948966) * degrees
    y = (d * tail) ** (2 / degrees)
    if y > 0.05 + a:
        x = -Z
        y = x**2
        if degrees < 5:  # noqa: PLR2004 Hill's own bound
            c += 0.3 * (degrees - 4.5) * (x + 0.6)
        c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = a * y**2
        y = y + 0.5 * y**2 if y <= 0.002 else expm1(y)  # noqa: PLR2004 Hill's own bound
    else:
        y = (
            (1 / (((degrees + 6) / (degrees * y) - 0.089 * d - 0.822) * (degrees + 2) * 3) + 0.5 / (degrees + 4)) * y
            - 1
        ) * (degrees + 1) / (degrees + 2) + 1 / y
    return sqrt(degrees * y)
