"""Figures in words: chips, hidden cells, the sentence, gaps, the funnel; drawn from lists."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from dashboards import charts, figures
from dashboards.figures import CSAT, EFFORT, NPS, RATE, SATISFACTION
from dashboards.filters import read_address
from dashboards.readers import Cell, Counts, Days, Funnel, Marker
from surveys.statistics import shown

TODAY = date(2026, 11, 21)
FILTERS = read_address("", TODAY)


def rated(*scores: int) -> Counts:
    """Counts of CSAT scores."""
    return Counts(
        csat_count=len(scores), csat_sum=sum(scores), csat_squares=sum(s * s for s in scores),
        satisfied=sum(s > 3 for s in scores),
    )  # fmt: skip


GOOD, MIDDLING, POOR = rated(*[5, 5, 4, 5, 4] * 8), rated(*[4, 5, 4, 4, 3] * 8), rated(*[3, 2, 4, 3, 1] * 8)


@pytest.mark.usefixtures("speaking")
class TestWords:
    @pytest.mark.parametrize(
        ("now", "before", "kind", "text"),
        [
            (Counts(promoters=60, passives=30, detractors=10), Counts(promoters=30, passives=40, detractors=30),
             "good", "▲ up 50 ± 21"),
            (Counts(promoters=30, passives=40, detractors=30), Counts(promoters=60, passives=30, detractors=10),
             "bad", "▼ down 50 ± 21"),
            (Counts(promoters=90, passives=57, detractors=34), Counts(promoters=87, passives=58, detractors=36),
             "neutral", "no change seen"),
            (Counts(promoters=4), Counts(promoters=50), "outline", "too few answers (4 of 10)"),
            (Counts(promoters=50), Counts(promoters=4), "outline", "too few answers before (4 of 10)"),
            (Counts(promoters=50), Counts(), "outline", "nothing to compare with"),
        ],
    )  # fmt: skip
    def test_a_chip_is_a_verdict(self, now: Counts, before: Counts, kind: str, text: str) -> None:
        shown = figures.show(NPS, now, before, FILTERS)
        assert (shown.chip.kind, shown.chip.text) == (kind, text)

    def test_a_figure_with_too_few_answers_is_hidden_but_for_its_n(self) -> None:
        shown = figures.show(SATISFACTION, rated(5, 5, 5), GOOD, FILTERS)
        assert (shown.figure.value, shown.figure.n, shown.value, shown.half) == (None, 3, "–", "")
        assert "5.0" not in " ".join(shown.how)

    @pytest.mark.parametrize(
        ("metric", "counts", "value"),
        [
            (NPS, Counts(promoters=1, detractors=11), "\u221283"),
            (CSAT, GOOD, "100\u00a0%"),
            (SATISFACTION, POOR, "2.6"),
            (EFFORT, Counts(ces_count=20, ces_sum=110, ces_squares=700), "5.5"),
            (RATE, Counts(handed_over=1000, answered=244), "24\u00a0%"),
        ],
    )
    def test_figures_are_written_with_their_unit(self, metric: figures.Metric, counts: Counts, value: str) -> None:
        shown = figures.show(metric, counts, counts, FILTERS)
        assert shown.value == value
        assert shown.half.startswith("±")

    def test_how_it_was_computed_names_answers_days_and_chance(self) -> None:
        now, before = Counts(promoters=90, passives=57, detractors=34), Counts(promoters=87, passives=58, detractors=36)
        how = " ".join(figures.show(NPS, now, before, FILTERS).how)
        for part in (
            "adjusted Wald",
            "181 answers",
            "11 October",
            "21 November",
            "30 August",
            "31 now and 28",
            "chance",
        ):
            assert part in how, part

    def test_the_answers_behind_a_figure_are_of_the_same_days_and_filters(self) -> None:
        filters = read_address("?place=Riverside&period=7d", TODAY)
        href = figures.show(NPS, Counts(), Counts(), filters).href
        assert href == "/answers?place=Riverside&from=2026-11-15&to=2026-11-21&of=nps"

    def test_the_worst_change_stands_on_top_and_what_is_hidden_last(self) -> None:
        now = [Cell(GOOD, touchpoint="Better"), Cell(POOR, touchpoint="Worse"), Cell(rated(5), touchpoint="Hidden"),
               Cell(MIDDLING, touchpoint="Same")]  # fmt: skip
        before = [Cell(POOR, touchpoint="Better"), Cell(GOOD, touchpoint="Worse"), Cell(GOOD, touchpoint="Hidden"),
                  Cell(MIDDLING, touchpoint="Same")]  # fmt: skip
        rows = figures.touchpoint_rows(now, before, {"Worse": {"cold": 3, "late": 9}}, FILTERS)
        assert [row.name for row in rows] == ["Worse", "Same", "Better", "Hidden"]
        assert rows[0].reason == "late"
        assert [r.reason for r in rows[1:]] == [None] * 3

    def test_the_sentence_names_the_place_that_changed_and_what_did_not(self) -> None:
        now = [Cell(MIDDLING, touchpoint="Delivery"), Cell(POOR, touchpoint="Delivery", place="Riverside"),
               Cell(GOOD, touchpoint="Delivery", place="Centre")]  # fmt: skip
        before = [Cell(GOOD, touchpoint="Delivery"), Cell(GOOD, touchpoint="Delivery", place="Riverside"),
                  Cell(GOOD, touchpoint="Delivery", place="Centre")]  # fmt: skip
        rows = figures.touchpoint_rows(now, before, {}, FILTERS)
        counts = Counts(promoters=90, passives=57, detractors=34)
        said = figures.sentence(rows, figures.show(NPS, counts, counts, FILTERS), [], FILTERS)
        assert [part.text for part in said] == [
            "Delivery got worse in Riverside since 11 October (4.6 to 2.6).",
            "NPS: no change seen.",
        ]
        assert said[0].href == "/answers?touchpoint=Delivery&place=Riverside&from=2026-10-11&to=2026-11-21&of=unhappy"

    def test_a_marked_change_is_compared_with_as_many_days_before_it(self) -> None:
        marker = Marker(1, TODAY - timedelta(days=20), "slots by app", "Northside", "Delivery")
        now, before = figures.around_marker(marker, FILTERS)
        assert (now, before) == (
            Days(TODAY - timedelta(days=20), TODAY), Days(TODAY - timedelta(days=41), TODAY - timedelta(days=21))
        )  # fmt: skip
        after = [Cell(GOOD, None, "Delivery", "Northside"), Cell(GOOD, None, "Delivery", "Centre")]
        earlier = [Cell(POOR, None, "Delivery", "Northside"), Cell(GOOD, None, "Delivery", "Centre")]
        found = [(marker, row) for row in figures.since_marker(after, earlier, FILTERS)]
        assert [row.place for _, row in found] == ["Northside"]
        same = Counts(promoters=90, passives=57, detractors=34)
        said = figures.sentence([], figures.show(NPS, same, same, FILTERS), found, FILTERS)
        assert said[0].text == (
            "Delivery got better in Northside since 1 November (2.6 to 4.6). Marked: \u201cslots by app\u201d."
        )

    def test_nothing_changed_is_said_too(self) -> None:
        cells = [Cell(MIDDLING, touchpoint="Delivery")]
        rows = figures.touchpoint_rows(cells, cells, {}, FILTERS)
        same = Counts(promoters=90, passives=57, detractors=34)
        said = figures.sentence(rows, figures.show(NPS, same, same, FILTERS), [], FILTERS)
        assert [part.text for part in said] == ["NPS: no change seen.", "No touchpoint has changed either."]

    def test_the_largest_loss_before_each_step_is_told_in_words(self) -> None:
        funnel = Funnel(214, 88, 27, 9, 9, 3, 1, {
            "matched": {"no_question": 126}, "sampled": {"not_sampled": 60, "stale": 1},
            "asked": {"contact_limit": 11, "holdout": 4, "complaint_open": 3}, "sent": {},
        })  # fmt: skip
        steps = {step.key: step for step in figures.steps(funnel)}
        assert [steps[key].n for key in figures.STEPS] == [214, 88, 27, 9, 9, 3, 1]
        assert steps["asked"].lost == "11: contact limit"
        assert steps["matched"].lost == "126: nothing asks about them"
        assert steps["sent"].lost is None
        assert (steps["events"].share, steps["sent"].share) == (None, 100)

    def test_an_empty_funnel_divides_by_nothing(self) -> None:
        assert [step.share for step in figures.steps(Funnel())] == [None] * 7

    @pytest.mark.parametrize(
        ("out", "hours", "words"),
        [
            (37, 4.8, "37 invitations are out. Most answer within 5 hours."),
            (1, 0.2, "1 invitation is out. Most answer within 1 hour."),
            (2, None, "2 invitations are out. The first answers will stand here."),
            (0, 3.0, "No invitation is out."),
        ],
    )
    def test_where_there_is_nothing_yet_it_says_what_will_come(self, out: int, hours: float | None, words: str) -> None:
        assert figures.outlook_sentence(out, hours).startswith(words)

    def test_months_with_too_few_answers_have_no_bar(self) -> None:
        cells = [
            Cell(Counts(promoters=8, passives=8, detractors=4), TODAY),
            Cell(Counts(promoters=9), date(2026, 10, 3)),
        ]
        months = figures.months(cells, NPS, TODAY)
        assert [m.first.month for m in months] == [6, 7, 8, 9, 10, 11]
        assert (months[-1].n, months[-1].shares) == (20, {"promoters": 40, "passives": 40, "detractors": 20})
        assert (months[-2].n, months[-2].shares) == (9, {})

    def test_every_tree_of_a_chart_is_known_shapes_and_no_curve(self) -> None:
        points = figures.series(
            [Cell(Counts(promoters=20 + n, passives=9, detractors=n), TODAY - timedelta(days=7 * n)) for n in range(9)],
            NPS, TODAY, 7, 12,
        )  # fmt: skip
        marker = Marker(1, TODAY - timedelta(days=30), "<script>alert(1)</script>")
        trees = [charts.trend(NPS, points, [marker], ["/answers"] * 12, size) for size in charts.SIZES]
        trees.append(charts.spark(NPS, points))
        trees.append(charts.months(figures.months([], NPS, TODAY), {}, {}))
        for tree in trees:
            for tag, attributes, _children in nodes(tree):
                assert tag in {"svg", "g", "path", "line", "rect", "circle", "text", "title", "a"}
                assert not set("CcSsQqTtAa") & set(attributes.get("d", "")), "straight segments only"
                assert not {"style", "dangerouslySetInnerHTML"} & attributes.keys()


def nodes(tree: Any) -> list[Any]:
    if isinstance(tree, str):
        return []
    return [tree, *(inner for child in tree[2] for inner in nodes(child))]


def point(n: int) -> figures.Point:
    counts = Counts(promoters=n)
    return figures.Point(Days(TODAY, TODAY), shown(NPS.figure(counts)))


def test_a_line_has_gaps_where_there_are_too_few_answers() -> None:
    assert charts.runs([point(n) for n in (20, 20, 3, 20, 0, 9, 10, 11)]) == [[0, 1], [3], [6, 7]]
    assert charts.runs([]) == charts.runs([point(1)]) == []


def test_a_series_ends_with_its_last_day_and_counts_every_day_once() -> None:
    cells = [Cell(Counts(promoters=10), TODAY - timedelta(days=n)) for n in range(84)]
    points = figures.series(cells, NPS, TODAY, 7, 12)
    assert [p.figure.n for p in points] == [70] * 12
    assert points[-1].days == Days(TODAY - timedelta(days=6), TODAY)
    assert points[0].days.begin == TODAY - timedelta(days=83)


@pytest.mark.parametrize("period", ["7d", "30d", "6w", "90d", "180d", "365d"])
def test_the_line_over_time_covers_both_periods_and_twelve_points(period: str) -> None:
    filters = read_address(f"?period={period}", TODAY)
    step, count = figures.trend_step(filters)
    days = figures.trend_days(filters)
    assert count >= 12
    assert days.length == step * count
    assert days.begin <= filters.before.begin
    assert figures.spark_days(filters).length == 12 * figures.spark_step(filters)


def test_the_main_score_is_the_one_most_answers_carry(speaking: Flask) -> None:
    assert figures.main_metric(Counts(promoters=3, csat_count=2)) is NPS
    assert figures.main_metric(Counts(promoters=3, csat_count=4)) is SATISFACTION
    assert figures.main_metric(Counts(ces_count=1)) is EFFORT
    assert figures.main_metric(Counts()) is NPS
