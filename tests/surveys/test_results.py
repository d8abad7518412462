"""Answers counted question by question, over versions, and where people stop."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from surveys.definition import read
from surveys.questions import KINDS
from surveys.results import ADD, LATEST, Given, Results, Said, gather
from surveys.survey import Survey, read_survey

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def survey(*pages: list[dict[str, Any]], **more: Any) -> Survey:
    return read({"slug": "s", "pages": [{"questions": page} for page in pages], **more}, read_survey)


def ask(kind: str, name: str = "q", **more: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "text": f"The {name}?", **more}


def said(answers: dict[str, Any], version: int = 1, *, complete: bool = True, later: int = 0) -> Given:
    return Given(version, answers, NOW + timedelta(minutes=later), complete)


def counted(question: dict[str, Any], *answers: Any) -> Any:
    given = [said({"q": answer} if answer is not None else {}) for answer in answers]
    return gather({1: survey([question])}, given).questions["q"]


def test_every_chart_of_the_table_of_types_has_its_way_to_count() -> None:
    assert {kind.chart for kind in KINDS.values()} == set(ADD)


def test_scores_and_choices_are_counted_by_value_and_what_was_left_out_is_not() -> None:
    found = counted(ask("nps"), 9, 9, None, 3)
    assert (found.n, dict(found.values)) == (3, {9: 2, 3: 1})
    found = counted(ask("multiple", options=["a", "b"]), ["a", "b"], ["b"])
    assert (found.n, dict(found.values)) == (2, {"a": 1, "b": 2})
    assert dict(counted(ask("yes_no"), *[True, False, True]).values) == {True: 2, False: 1}


def test_a_table_is_counted_row_by_row_of_those_who_answered_the_row() -> None:
    asked = ask("matrix", rows=["box", "ride"], options=["bad", "fine"], several=True)
    found = counted(asked, {"box": ["bad", "fine"]}, {"box": ["fine"], "ride": ["bad"]})
    assert dict(found.rows["box"]) == {None: 2, "bad": 1, "fine": 2}
    assert dict(found.rows["ride"]) == {None: 1, "bad": 1}


def test_a_ranking_is_counted_by_place_and_dates_by_month() -> None:
    found = counted(ask("ranking", options=["a", "b"]), ["a", "b"], ["b", "a"], ["b"])
    assert {value: dict(places) for value, places in found.rows.items()} == {"a": {1: 1, 2: 1}, "b": {1: 2, 2: 1}}
    found = counted(ask("date"), "2026-11-03", "2026-11-30", "2025-12-01")
    assert dict(found.values) == {date(2026, 11, 1): 2, date(2025, 12, 1): 1}


def test_only_the_latest_words_are_kept_and_addresses_not_at_all() -> None:
    given = [said({"q": f"text {n}"}, later=n) for n in range(LATEST + 3)]
    found = gather({1: survey([ask("text")])}, given).questions["q"]
    assert found.n == LATEST + 3
    assert [one.text for one in found.words] == [f"text {n}" for n in range(3, LATEST + 3)]
    found = counted(ask("email"), "a@example.com")
    assert (found.n, found.values, found.rows, list(found.words)) == (1, {}, {}, [])


def test_ones_own_words_for_other_stand_beside_the_choices() -> None:
    asked = survey([ask("single", options=["a"], other=True)])
    found = gather({1: asked}, [said({"q": "other", "q_other": "The cat"})]).questions["q"]
    assert (dict(found.values), list(found.words)) == ({"other": 1}, [Said(NOW, "The cat")])


def test_versions_are_counted_together_by_the_questions_id() -> None:
    old = survey([ask("single", options=["a", "b"]), ask("text", "why"), ask("number", "age")])
    new = survey([ask("single", options=["b", "c"]), ask("text", "age")])
    given = [said({"q": "a", "why": "so", "age": 30}, 1), said({"q": "b", "age": "thirty"}, 2)]
    found = gather({2: new, 1: old}, given)
    assert list(found.questions) == ["q", "age", "why"]
    assert dict(found.questions["q"].values) == {"a": 1, "b": 1}
    assert list(found.questions["q"].options) == ["b", "c", "a"]
    assert (found.questions["why"].gone, found.questions["q"].gone) == (True, False)
    assert (found.questions["age"].n, found.questions["age"].unlike) == (1, 1)


def left(results: Results) -> list[int]:
    return [page.left for page in results.pages]


def test_people_stop_at_the_page_that_is_shown_after_their_last_answer() -> None:
    asked = survey([ask("nps", "a")], [ask("text", "b")], [ask("text", "c")])
    given = [said({"a": 1}, complete=False), said({"a": 1, "b": "x"}, complete=False), said({"a": 2, "c": "y"})]
    found = gather({1: asked}, given)
    assert (found.begun, found.complete, left(found)) == (3, 1, [0, 1, 1])
    assert found.questions["a"].n == 1, "what was not sent in counts in no figure"


def test_a_page_that_was_not_shown_to_them_is_not_where_they_stopped() -> None:
    pages = [
        {"questions": [ask("nps", "a")]},
        {"questions": [ask("text", "b")], "show_if": {"field": "answers.a", "op": "lte", "value": 6}},
        {"questions": [ask("text", "c")]},
    ]
    asked = read({"slug": "s", "pages": pages}, read_survey)
    given = [said({"a": 9}, complete=False), said({"a": 3}, complete=False), said({}, complete=False)]
    assert left(gather({1: asked}, given)) == [1, 1, 1]


def test_where_people_stopped_in_an_older_version_is_told_by_the_page_that_has_the_question_now() -> None:
    old = survey([ask("nps", "a")], [ask("text", "b")], [ask("text", "z")])
    new = survey([ask("nps", "a"), ask("text", "b")])
    given = [said({"a": 1}, 1, complete=False), said({"a": 1, "b": "x"}, 1, complete=False)]
    assert left(gather({2: new, 1: old}, given)) == [1]


def test_who_left_out_something_required_stopped_on_that_very_page() -> None:
    asked = survey([ask("nps", "a"), ask("text", "b", required=True)], [ask("text", "c")])
    given = [said({"a": 1}, complete=False), said({"b": "x"}, complete=False)]
    assert left(gather({1: asked}, given)) == [1, 1]


def test_pages_for_known_and_for_anonymous_respondents_are_told_apart() -> None:
    pages = [
        {"questions": [ask("nps", "a")]},
        {"questions": [ask("text", "b")], "for": "known"},
        {"questions": [ask("text", "c")], "for": "anonymous"},
    ]
    asked = read({"slug": "s", "pages": pages}, read_survey)
    given = [Given(1, {"a": 1}, NOW, complete=False, known=known) for known in (True, False)]
    assert left(gather({1: asked}, given)) == [0, 1, 1]
