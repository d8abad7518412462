"""Figures with their certainty: each with its n and its 95 % interval.

``Z`` and the t quantiles are of the two-sided 95 % level.
"""

from dataclasses import dataclass
from math import expm1, sqrt
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Figure:
    """A value with its interval; all None while nobody has answered."""

    value: float | None
    n: int
    low: float | None
    high: float | None


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


def t_quantile(degrees: int) -> float:
    """The 97.5 % quantile of Student's t.

    Exact for 1 and 2 degrees, from there Hill's expansion (1970, Algorithm 396), right to 1e-4.
    """
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
