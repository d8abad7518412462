"""Scores: which answers carry one."""

from surveys.definition import read
from surveys.scoring import PASSIVE, PROMOTER, SATISFIED, Score, scores
from surveys.survey import Survey, read_survey


def survey(*kinds: str) -> Survey:
    options = {"single": {"options": ["a"]}, "multiple": {"options": ["a"]}}
    questions = [{"id": f"q{n}", "type": kind, "text": "?", **options.get(kind, {})} for n, kind in enumerate(kinds)]
    return read({"slug": "s", "pages": [{"questions": [q]} for q in questions]}, read_survey)


def test_every_scale_is_a_score_and_nothing_else_is() -> None:
    asked = survey("nps", "csat", "ces", "yes_no", "single", "multiple", "text")
    answers = {"q0": 0, "q1": 5, "q2": 7, "q3": True, "q4": "a", "q5": ["a"], "q6": "10"}
    assert scores(asked, answers) == [Score("q0", "nps", 0.0), Score("q1", "csat", 5.0), Score("q2", "ces", 7.0)]


def test_a_question_left_out_has_no_score() -> None:
    assert scores(survey("nps", "csat"), {"q1": 3}) == [Score("q1", "csat", 3.0)]
    assert scores(survey("nps"), {}) == []


def test_an_answer_to_a_question_of_another_version_has_no_score() -> None:
    assert scores(survey("nps"), {"q0": 9, "old": 5}) == [Score("q0", "nps", 9.0)]


def test_two_questions_of_a_kind_are_two_scores() -> None:
    assert scores(survey("csat", "csat"), {"q0": 1, "q1": 5}) == [Score("q0", "csat", 1.0), Score("q1", "csat", 5.0)]


def test_the_bounds_are_those_of_the_trade() -> None:
    assert (PROMOTER, PASSIVE, SATISFIED) == (9, 7, 4)
