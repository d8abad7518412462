"""How the answers to each type of question look, drawn from lists."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboards.results import DRAWN, Card, bar_picture, cards, nice_step, stops
from surveys.definition import read
from surveys.questions import KINDS
from surveys.results import Given, gather
from surveys.survey import read_survey

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TEMPLATES = Path(__file__).parents[2] / "app/templates/admin/results"


def card(kind: str, answers: list[Any], **more: Any) -> Card:
    asked = {"id": "q", "type": kind, "text": {"en": "How?", "ru": "Как?"}, **more}
    survey = read({"slug": "s", "languages": ["en", "ru"], "pages": [{"questions": [asked]}]}, read_survey)
    [found] = cards(gather({1: survey}, [Given(1, {"q": a}, NOW, complete=True) for a in answers]), "en")
    return found


def told(found: Card) -> list[tuple[str, str, str]]:
    return [(head.name, head.value, head.half) for head in found.headlines]


def test_every_chart_has_its_template_and_its_way_to_be_drawn() -> None:
    charts = {kind.chart for kind in KINDS.values()}
    assert {path.stem for path in TEMPLATES.glob("[a-z]*.html")} == charts
    assert charts - {"words", "none"} == set(DRAWN)


@pytest.mark.usefixtures("speaking")
class TestCards:
    def test_an_nps_has_its_figure_with_its_interval_and_every_value(self) -> None:
        found = card("nps", [10] * 6 + [8] * 2 + [2] * 2)
        assert told(found) == [("NPS", "40", "±\u00a043")]
        assert [(bar.label, bar.n) for bar in found.bars if bar.n] == [("2", 2), ("8", 2), ("10", 6)]
        assert len(found.bars) == 11
        assert {bar.kind for bar in found.bars} == {"promoters", "passives", "detractors"}

    def test_a_csat_is_a_share_and_a_mean_the_other_scales_are_means(self) -> None:
        found = card("csat", [5] * 5 + [3] * 5)
        assert told(found) == [("CSAT", "50\u00a0%", "±\u00a026"), ("Mean of 1 to 5", "4.0", "±\u00a00.8")]
        assert told(card("ces", [7] * 10)) == [("Mean of 1 to 7", "7.0", "±\u00a00.0")]
        assert told(card("rating", [1, 3] * 5, max=3)) == [("Mean of 1 to 3", "2.0", "±\u00a00.8")]

    def test_what_was_chosen_has_its_share_of_those_who_answered(self) -> None:
        found = card("multiple", [["a", "b"]] * 6 + [["b"]] * 4, options=["a", "b", "c"])
        assert [(bar.label, bar.n, bar.said) for bar in found.bars] == [
            ("a", 6, "60\u00a0% ±\u00a026"),
            ("b", 10, "100\u00a0% ±\u00a014"),
            ("c", 0, "0\u00a0% ±\u00a014"),
        ]
        assert [bar.label for bar in card("yes_no", [True] * 10).bars] == ["Yes", "No"]
        assert [bar.label for bar in card("consent", [True] * 10).bars] == ["Yes"]

    def test_a_matrix_hides_the_rows_that_few_answered(self) -> None:
        answers = [{"box": "bad"}] * 9 + [{"box": "fine", "ride": "fine"}]
        found = card("matrix", answers, rows=["box", "ride"], options=["bad", "fine"])
        assert found.heads == ["bad", "fine"]
        assert [(line.label, line.n, len(line.bars)) for line in found.lines] == [("box", 10, 2), ("ride", 1, 0)]

    def test_a_ranking_is_a_mean_place_the_best_first(self) -> None:
        found = card("ranking", [["b", "a"]] * 9 + [["a", "b"]], options=["a", "b", "c"])
        assert [(bar.label, bar.n, bar.said.split(" ")[0]) for bar in found.bars] == [
            ("b", 10, "1.1"),
            ("a", 10, "1.9"),
            ("c", 0, "–"),
        ]

    def test_numbers_have_a_mean_and_even_steps(self) -> None:
        found = card("number", list(range(100)))
        assert told(found) == [("Mean", "49.5", "±\u00a05.8")] or told(found)[0][1] == "50"
        assert [bar.n for bar in found.bars] == [10] * 10
        assert found.bars[0].label == "0 to below 10"
        few = card("slider", [5] * 5 + [10] * 5, unit="kg")
        assert [bar.label for bar in few.bars] == ["5", "10"]
        assert few.headlines[0].value.endswith("\u00a0kg")
        assert told(card("number", [7] * 10))[0][1:] == ("7", "±\u00a00")
        assert len(card("number", [0, 1e15, *range(20)]).bars) <= 12

    def test_dates_stand_in_their_months_without_a_gap(self) -> None:
        found = card("date", ["2026-01-31"] * 6 + ["2026-03-01"] * 4)
        assert [(bar.label, bar.n) for bar in found.bars] == [("Jan 2026", 6), ("Feb 2026", 0), ("Mar 2026", 4)]
        assert len(card("date", [f"{year}-01-01" for year in range(1000, 2000, 50)]).bars) <= 24

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].chart not in ("words", "none")])
    def test_too_few_answers_are_hidden(self, kind: str) -> None:
        more = {name: ["a", "b"] for name in KINDS[kind].must}
        given = {"date": "2026-01-01", "matrix": {"a": "a"}, "ranking": ["a"], "multiple": ["a"]}.get(kind, 1)
        found = card(kind, [given] * 9, **more)
        assert (found.hidden, found.n) == (True, 9)
        assert [*found.bars, *found.lines, *found.headlines, *(found.columns or ())] == []

    def test_words_are_shown_however_few_the_latest_first(self) -> None:
        assert [one.text for one in card("text", ["one"]).said] == ["one"]
        assert card("email", ["a@example.com"]).said == []

    def test_a_picture_keeps_within_its_frame(self) -> None:
        for bar in card("nps", [10] * 10).bars:
            drawn = str(bar_picture(bar))
            assert "nan" not in drawn
            assert "className" in drawn

    def test_where_people_stop_is_a_share_of_those_who_began(self) -> None:
        asked = [{"id": "a", "type": "nps", "text": "A?"}], [{"id": "b", "type": "text", "text": "B?"}]
        survey = read({"slug": "s", "pages": [{"questions": q} for q in asked]}, read_survey)
        given = [Given(1, {"a": 3}, NOW, complete=n >= 5) for n in range(20)]
        found = stops(gather({1: survey}, given), "en")
        assert [(stop.number, stop.text, stop.bar.n) for stop in found] == [(1, "A?", 0), (2, "B?", 5)]
        assert found[1].bar.said.startswith("25\u00a0%")


@pytest.mark.parametrize(("wanted", "step"), [(0.3, 0.5), (1, 1), (1.01, 2), (4, 5), (99, 100), (0.011, 0.02)])
def test_steps_are_round_numbers(wanted: float, step: float) -> None:
    assert nice_step(wanted) == pytest.approx(step)
