"""Figures and their intervals against published values, exact coverage and plain arithmetic."""

import statistics as standard
from itertools import pairwise
from math import comb, exp, factorial, lgamma, log, log1p, pi, sqrt
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.statistics import (
    MINIMUM,
    Comparison,
    Figure,
    Z,
    compare_means,
    compare_nps,
    compare_shares,
    days_to_see,
    mean,
    nps,
    share,
    shown,
    smallest_difference,
    stand_together,
    t_quantile,
)

NOTHING = Figure(None, 0, None, None)


def interval(figure: Figure) -> tuple[float, float]:
    assert figure.low is not None
    assert figure.high is not None
    return figure.low, figure.high


def width(figure: Figure) -> float:
    low, high = interval(figure)
    return high - low


def value(figure: Figure) -> float:
    assert figure.value is not None
    return figure.value


def test_while_nobody_has_answered_there_is_no_figure() -> None:
    assert nps(0, 0, 0) == share(0, 0) == mean(0.0, 0.0, 0) == NOTHING


def test_z_is_the_quantile_of_the_normal_distribution() -> None:
    assert pytest.approx(1.959963984540054, abs=1e-12) == Z


# Shares: Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 25.53, 36.62),
        (15, 148, 6.24, 16.05),
        (0, 20, 0.0, 16.11),
        (1, 29, 0.61, 17.18),
        (29, 29, 88.30, 100.0),
    ],
)
def test_the_interval_of_a_share_is_wilsons(successes: int, n: int, low: float, high: float) -> None:
    figure = share(successes, n)
    assert (value(figure), figure.n) == pytest.approx((100 * successes / n, n))
    assert interval(figure) == pytest.approx((low, high), abs=0.005)


shares = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares)
def test_a_share_lies_in_its_interval_and_the_interval_in_the_scale(of: tuple[int, int]) -> None:
    figure = share(*of)
    low, high = interval(figure)
    assert 0 <= low <= value(figure) <= high <= 100
    assert low < high


@given(shares, st.integers(2, 50))
def test_the_interval_of_a_share_shrinks_with_n(of: tuple[int, int], times: int) -> None:
    successes, n = of
    assert width(share(successes * times, n * times)) < width(share(successes, n))


@given(shares)
def test_a_share_and_the_rest_mirror_each_other(of: tuple[int, int]) -> None:
    successes, n = of
    low, high = interval(share(successes, n))
    assert interval(share(n - successes, n)) == pytest.approx((100 - high, 100 - low), abs=1e-9)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_one_success_more_moves_the_interval_up(of: tuple[int, int]) -> None:
    successes, n = of
    more, less = interval(share(successes + 1, n)), interval(share(successes, n))
    assert more[0] > less[0]
    assert more[1] > less[1]


def test_the_interval_of_a_share_covers_the_truth_nineteen_times_in_twenty() -> None:
    n = 50
    intervals = [interval(share(k, n)) for k in range(n + 1)]

    def coverage(p: float) -> float:
        chances = (comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1))
        return sum(chance for chance, (low, high) in zip(chances, intervals, strict=True) if low <= 100 * p <= high)

    covered = [coverage(p / 200) for p in range(1, 200)]
    assert sum(covered) / len(covered) == pytest.approx(0.95, abs=0.01)
    assert min(covered) > 0.83


# NPS, with the adjusted-Wald interval, worked out by hand.


@pytest.mark.parametrize(
    ("answers", "score", "low", "high"),
    [
        # 13 with the pseudo-answers; up 5.75 / 13, down 2.75 / 13; 0.230769 ± 1.959964 · √(0.600592 / 13).
        ((5, 3, 2), 30.0, -19.05, 65.20),
        # 103; up 50.75, down 20.75; 0.291262 ± 1.959964 · √(0.609343 / 103).
        ((50, 30, 20), 30.0, 14.05, 44.20),
        # Everybody a promoter: 0.769231 ± 1.959964 · √(0.292899 / 13), cut off at 100.
        ((10, 0, 0), 100.0, 47.50, 100.0),
        ((0, 0, 10), -100.0, -100.0, -47.50),
        # Nobody for or against: ± 1.959964 · √(0.115385 / 13).
        ((0, 10, 0), 0.0, -18.47, 18.47),
        # A single promoter: 0.25 ± 1.959964 · √(0.5625 / 4), widened to hold the score itself.
        ((1, 0, 0), 100.0, -48.50, 100.0),
    ],
)
def test_nps_is_worked_out_as_by_hand(answers: tuple[int, int, int], score: float, low: float, high: float) -> None:
    figure = nps(*answers)
    assert (value(figure), figure.n) == pytest.approx((score, sum(answers)))
    assert interval(figure) == pytest.approx((low, high), abs=0.005)


counts = st.tuples(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 2000)).filter(any)


@given(counts)
def test_nps_lies_in_its_interval_and_the_interval_in_the_scale(answers: tuple[int, int, int]) -> None:
    figure = nps(*answers)
    low, high = interval(figure)
    assert -100 <= low <= value(figure) <= high <= 100
    assert low < high


@given(counts)
def test_promoters_and_detractors_mirror_each_other(answers: tuple[int, int, int]) -> None:
    figure, mirrored = nps(*answers), nps(*reversed(answers))
    assert value(mirrored) == pytest.approx(-value(figure))
    low, high = interval(figure)
    assert interval(mirrored) == pytest.approx((-high, -low), abs=1e-9)


@given(st.tuples(st.integers(1, 200), st.integers(1, 200), st.integers(1, 200)), st.integers(2, 50))
def test_the_interval_of_nps_shrinks_with_n(answers: tuple[int, int, int], times: int) -> None:
    promoters, passives, detractors = (count * times for count in answers)
    assert width(nps(promoters, passives, detractors)) < width(nps(*answers))


@pytest.mark.parametrize(("up", "down"), [(0.5, 0.2), (0.3, 0.3), (0.7, 0.05), (0.1, 0.6)])
def test_the_interval_of_nps_covers_the_truth_nineteen_times_in_twenty(up: float, down: float) -> None:
    n = 40
    covered = 0.0
    for promoters in range(n + 1):
        for detractors in range(n + 1 - promoters):
            passives = n - promoters - detractors
            ways = factorial(n) // (factorial(promoters) * factorial(detractors) * factorial(passives))
            low, high = interval(nps(promoters, passives, detractors))
            if low <= 100 * (up - down) <= high:
                covered += ways * up**promoters * down**detractors * (1 - up - down) ** passives
    assert covered == pytest.approx(0.95, abs=0.02)


# Means.


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [
        (1, 12.7062),
        (2, 4.3027),
        (3, 3.1824),
        (4, 2.7764),
        (5, 2.5706),
        (6, 2.4469),
        (7, 2.3646),
        (8, 2.3060),
        (9, 2.2622),
        (10, 2.2281),
        (12, 2.1788),
        (15, 2.1314),
        (20, 2.0860),
        (25, 2.0595),
        (30, 2.0423),
        (40, 2.0211),
        (60, 2.0003),
        (100, 1.9840),
        (120, 1.9799),
        (1000, 1.9623),
        (10**6, 1.9600),
    ],
)
def test_quantiles_of_t_are_those_of_the_tables(degrees: int, quantile: float) -> None:
    assert t_quantile(degrees) == pytest.approx(quantile, abs=1.5e-4)


def area_within(t: float, degrees: float, steps: int = 2000) -> float:
    """The chance of Student's t to lie within ±t, by Simpson's rule."""
    scale = exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2) - log(degrees * pi) / 2)

    def density(x: float) -> float:
        return scale * exp(-(degrees + 1) / 2 * log1p(x * x / degrees))

    h = t / steps
    inner = sum((4 if n % 2 else 2) * density(n * h) for n in range(1, steps))
    return 2 * h / 3 * (density(0) + inner + density(t))


@pytest.mark.parametrize("degrees", [*range(1, 40), 3.5, 9.02, 17.776, 50, 75, 150, 500, 5000])
def test_between_the_quantiles_of_t_lie_nineteen_of_twenty(degrees: float) -> None:
    assert area_within(t_quantile(degrees), degrees) == pytest.approx(0.95, abs=1e-5)


def test_quantiles_of_t_fall_towards_the_normal_one() -> None:
    quantiles = [t_quantile(degrees) for degrees in range(1, 2000)]
    assert all(later < earlier for earlier, later in pairwise(quantiles))
    assert quantiles[-1] > Z


def test_a_mean_is_worked_out_as_by_hand() -> None:
    # 1 to 5: mean 3, variance 2.5; 2.776445 · √(2.5 / 5).
    figure = mean(15, 55, 5)
    assert (figure.value, figure.n) == (3.0, 5)
    assert interval(figure) == pytest.approx((3 - 1.96324, 3 + 1.96324), abs=1e-4)


def test_a_single_answer_has_a_mean_and_no_interval() -> None:
    assert mean(6, 36, 1) == Figure(6.0, 1, None, None)


@pytest.mark.parametrize("n", [2, 3, 7, 1000])
def test_answers_that_are_all_alike_leave_no_width(n: int) -> None:
    assert mean(6 * n, 36 * n, n) == Figure(6.0, n, 6.0, 6.0)


answers = st.lists(st.integers(1, 7), min_size=2, max_size=200)


@given(answers)
def test_a_mean_from_its_sums_is_the_mean_of_the_answers(given_: list[int]) -> None:
    figure = mean(sum(given_), sum(a * a for a in given_), len(given_))
    low, high = interval(figure)
    assert value(figure) == pytest.approx(standard.mean(given_))
    assert low <= value(figure) <= high
    half = t_quantile(len(given_) - 1) * standard.stdev(given_) / sqrt(len(given_))
    assert (high - low) / 2 == pytest.approx(half, abs=1e-6)


@given(answers.filter(lambda found: len(set(found)) > 1), st.integers(2, 50))
def test_the_interval_of_a_mean_shrinks_with_n(given_: list[int], times: int) -> None:
    total, squares, n = sum(given_), sum(a * a for a in given_), len(given_)
    assert width(mean(total * times, squares * times, n * times)) < width(mean(total, squares, n))


@pytest.mark.parametrize(("degrees", "as_of"), [(1.0, 1), (1.9, 1), (2.5, 2)])
def test_below_three_degrees_the_wider_quantile_is_taken(degrees: float, as_of: int) -> None:
    assert t_quantile(degrees) == t_quantile(as_of)


# Whether two figures differ.

Sums = tuple[float, float, int]


def sums(given_: list[float]) -> Sums:
    return sum(given_), sum(a * a for a in given_), len(given_)


def bounds(comparison: Comparison) -> tuple[float, float]:
    assert comparison.difference is not None
    assert comparison.half_width is not None
    return comparison.difference - comparison.half_width, comparison.difference + comparison.half_width


# Newcombe (1998), "Interval estimation for the difference between independent proportions", table II, method 10: of
# each interval the end that points towards no difference.


@pytest.mark.parametrize(
    ("one", "other", "low"),
    [
        ((56, 70), (48, 80), 5.24),
        ((9, 10), (3, 10), 17.05),
        ((6, 7), (2, 7), 5.82),
        ((5, 56), (0, 29), -3.81),
        ((0, 10), (0, 10), -27.75),
        ((10, 10), (0, 20), 67.91),
        ((10, 10), (0, 10), 60.75),
    ],
)
def test_shares_are_compared_as_newcombe_did(one: tuple[int, int], other: tuple[int, int], low: float) -> None:
    compared = compare_shares(one, other, minimum=2)
    assert bounds(compared)[0] == pytest.approx(low, abs=0.01)
    assert bounds(compare_shares(other, one, minimum=2))[1] == pytest.approx(-low, abs=0.01)
    assert compared.verdict == ("changed" if low > 0 else "no_change_seen")


# Student's sleep data (1908), as R prints Welch's test of them: t = -1.8608 at 17.776 degrees.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)


def test_means_are_compared_as_welch_did() -> None:
    compared = compare_means(sums(SLEEP[0]), sums(SLEEP[1]))
    assert bounds(compared) == pytest.approx((-3.3654832, 0.2054832), abs=1e-5)
    assert compared.verdict == "no_change_seen"


@pytest.mark.parametrize(
    ("now", "before", "difference", "half"),
    [
        # 30.94 down to 19.34 and 28.18 up to 38.91: √(11.60² + 10.73²).
        ((90, 57, 34), (87, 58, 36), 2.76, 15.80),
        # 50 down to 35.47 and 10 up to 25.69: √(14.53² + 15.69²).
        ((60, 30, 10), (40, 30, 30), 40.0, 21.39),
    ],
)
def test_scores_are_compared_as_by_hand(
    now: tuple[int, int, int], before: tuple[int, int, int], difference: float, half: float
) -> None:
    compared = compare_nps(now, before)
    assert (compared.difference, compared.half_width) == pytest.approx((difference, half), abs=0.005)
    assert compared.verdict == ("changed" if difference > half else "no_change_seen")


def test_a_win_back_with_a_small_control_group_says_what_cannot_be_seen_yet() -> None:
    compared = compare_shares((27, 190), (2, 22), minimum=30)
    assert compared.verdict == "too_few"
    assert compared.half_width == pytest.approx(19, abs=0.5)


def test_without_answers_there_is_nothing_to_compare() -> None:
    for compared in (
        compare_nps((0, 0, 0), (5, 5, 5)),
        compare_shares((3, 20), (0, 0)),
        compare_means((0, 0, 0), (60, 300, 15)),
    ):
        assert (compared.verdict, compared.difference) == ("too_few", None)


def test_a_single_answer_has_no_spread_to_compare_by() -> None:
    assert compare_means((5, 25, 1), (8, 34, 2)) == Comparison("too_few", 1.0, None, 1, 2)


@pytest.mark.parametrize("minimum", [5, MINIMUM, 30])
def test_one_answer_below_the_minimum_is_too_few(minimum: int) -> None:
    enough, lacking = (minimum, 0, 0), (0, 0, minimum - 1)
    assert compare_nps(enough, (0, 0, minimum), minimum).verdict == "changed"
    assert compare_nps(enough, lacking, minimum).verdict == compare_nps(lacking, enough, minimum).verdict == "too_few"


def test_a_figure_with_too_few_answers_shows_only_how_many() -> None:
    assert shown(nps(4, 3, 2)) == Figure(None, 9, None, None)
    assert shown(nps(4, 3, 3)) == nps(4, 3, 3)
    assert shown(nps(4, 3, 2), minimum=9) == nps(4, 3, 2)


pairs_of_shares = st.tuples(shares, shares)


@given(pairs_of_shares)
def test_compared_the_other_way_round_a_difference_only_changes_its_sign(
    of: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    one, other = of
    there, back = compare_shares(one, other), compare_shares(other, one)
    assert there.verdict == back.verdict
    assert there.difference == pytest.approx(-(back.difference or 0))
    assert there.half_width == pytest.approx(back.half_width)


@given(counts, counts, st.integers(2, 20))
def test_what_has_changed_has_changed_with_more_of_the_same(
    now: tuple[int, int, int], before: tuple[int, int, int], times: int
) -> None:
    few = compare_nps(now, before)
    more = compare_nps((now[0] * times, now[1] * times, now[2] * times), before)
    assert few.half_width is not None
    assert more.half_width is not None
    assert more.difference == pytest.approx(few.difference)
    assert compare_nps(now, now).verdict != "changed"


@given(answers, answers, st.integers(-5, 5))
def test_means_differ_by_as_much_wherever_the_scale_begins(one: list[int], other: list[int], shift: int) -> None:
    here = compare_means(sums(list(map(float, one))), sums(list(map(float, other))))
    there = compare_means(sums([a + shift for a in map(float, one)]), sums([a + shift for a in map(float, other)]))
    assert there.difference == pytest.approx(here.difference, abs=1e-9)
    assert there.half_width == pytest.approx(here.half_width, abs=1e-5)


def multinomial(n: int, chances: tuple[float, float, float]) -> list[tuple[tuple[int, int, int], float]]:
    """Every way in which n answers may fall into three classes, with its probability."""
    ways = []
    for a in range(n + 1):
        for b in range(n + 1 - a):
            c = n - a - b
            chance = factorial(n) / (factorial(a) * factorial(b) * factorial(c))
            ways.append(((a, b, c), chance * chances[0] ** a * chances[1] ** b * chances[2] ** c))
    return ways


@pytest.mark.parametrize("chances", [(0.5, 0.3, 0.2), (0.3, 0.4, 0.3), (0.8, 0.15, 0.05)])
def test_nothing_changed_is_called_changed_once_in_twenty_times_at_most(chances: tuple[float, float, float]) -> None:
    """Exact, over every pair of samples: 12 answers now, 15 before, drawn from one and the same population."""
    now, before = multinomial(12, chances), multinomial(15, chances)
    alarms = {"nps": 0.0, "shares": 0.0, "means": 0.0}
    for one, p in now:
        for other, q in before:
            means = [(5.0 * a + 4 * b + 3 * c, 25.0 * a + 16 * b + 9 * c, a + b + c) for a, b, c in (one, other)]
            for kind, verdict in (
                ("nps", compare_nps(one, other).verdict),
                ("shares", compare_shares((one[0], 12), (other[0], 15)).verdict),
                ("means", compare_means(means[0], means[1]).verdict),
            ):
                alarms[kind] += p * q * (verdict == "changed")
    assert all(0 < alarm < 0.065 for alarm in alarms.values()), alarms


def test_a_great_fall_is_seen_nearly_always() -> None:
    before, now = multinomial(15, (0.85, 0.1, 0.05)), multinomial(15, (0.1, 0.1, 0.8))
    seen = sum(p * q for one, p in now for other, q in before if compare_nps(one, other).verdict == "changed")
    assert seen > 0.99


# Benjamini and Hochberg (1995), section 4: fifteen chances, of which four stand at 5 %.
FIFTEEN = (
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0
)  # fmt: skip


def with_chance(chance: float) -> Comparison:
    """A comparison that chance alone brings about so often."""
    size = NormalDist().inv_cdf(1 - chance / 2) / Z
    return Comparison("changed" if size > 1 else "no_change_seen", size, 1.0, 100, 100)


@pytest.mark.parametrize("turned", [False, True])
def test_of_many_comparisons_those_stand_that_benjamini_and_hochberg_named(*, turned: bool) -> None:
    chances = FIFTEEN[::-1] if turned else FIFTEEN
    stood = stand_together([with_chance(chance) for chance in chances])
    assert [chance for chance, stands in zip(chances, stood, strict=True) if stands] == [
        chance for chance in chances if chance < 0.01
    ]


@given(st.floats(0.0001, 0.9999))
def test_a_single_comparison_stands_as_its_verdict_says(chance: float) -> None:
    alone = with_chance(chance)
    assert stand_together([alone]) == [alone.verdict == "changed"]


def test_what_has_too_few_answers_neither_stands_nor_counts() -> None:
    few = Comparison("too_few", 9.0, 1.0, 5, 5)
    one = with_chance(0.04)
    assert stand_together([few] * 50 + [one]) == [False] * 50 + [True]
    assert stand_together([]) == []


def test_answers_that_are_all_alike_and_differ_stand() -> None:
    same, other = Comparison("no_change_seen", 0.0, 0.0, 20, 20), Comparison("changed", 1.0, 0.0, 20, 20)
    assert stand_together([same, other]) == [False, True]


@pytest.mark.parametrize(
    ("asked", "never", "points"),
    [(1000, 1000, 6.26), (385, 385, 10.1), (9500, 500, 6.43), (0, 500, 100.0), (5, 1, 100.0)],
)
def test_what_a_control_group_can_reveal(asked: float, never: float, points: float) -> None:
    assert smallest_difference(asked, never) == pytest.approx(points, abs=0.01)


def test_a_difference_is_seen_on_the_day_that_is_named() -> None:
    days = days_to_see(10, 95, 5)
    assert days is not None
    assert smallest_difference(95 * days, 5 * days) == pytest.approx(10)
    assert days_to_see(10, 95, 0) is None
