"""Surveys as they are written, and answers as forms send them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.definition import Path, read
from surveys.questions import (
    SCALES,
    TEXT_ANSWER_MAX,
    TYPES,
    Answer,
    InvalidAnswer,
    Option,
    Question,
    Survey,
    read_answer,
    read_survey,
)
from tests.surveys.faults import assert_fault, faults_of

NPS = {"id": "nps", "type": "nps", "text": "How likely?"}
BASE = {"slug": "nps-upgrade", "pages": [{"questions": [NPS]}]}


def survey(**fields: Any) -> Survey:
    return read({**BASE, **fields}, read_survey)


def question(kind: str, **fields: Any) -> Question:
    return Question("q", kind, {"en": "?"}, **fields)


CHOICES = (Option("price", {"en": "Price"}), Option("speed", {"en": "Speed"}), Option("taste", {"en": "Taste"}))


def test_a_survey_is_read_as_written() -> None:
    found = survey(
        name="After an upgrade",
        languages=["en", "ru"],
        pages=[
            {"questions": [{**NPS, "text": {"en": "How likely?", "ru": "Посоветуете?"}, "required": True}]},
            {
                "show_if": {"field": "answers.nps", "op": "lte", "value": 6},
                "questions": [
                    {"id": "why", "type": "text", "long": True, "text": "Why?"},
                    {
                        "id": "what_1",
                        "type": "multiple",
                        "text": "What?",
                        "options": ["price", {"value": "speed", "text": {"en": "Speed", "ru": "Скорость"}}],
                    },
                ],
            },
        ],
        endings=[
            {"if": {"field": "answers.nps", "op": "gte", "value": 9}, "text": "Great!", "offer": "winback-10"},
            {"text": {"en": "Thanks", "ru": "Спасибо"}},
        ],
    )
    assert (found.slug, found.languages) == ("nps-upgrade", ("en", "ru"))
    assert found.questions == (
        Question("nps", "nps", {"en": "How likely?", "ru": "Посоветуете?"}, required=True),
        Question("why", "text", {"en": "Why?"}, long=True),
        Question(
            "what_1",
            "multiple",
            {"en": "What?"},
            options=(Option("price", {"en": "price"}), Option("speed", {"en": "Speed", "ru": "Скорость"})),
        ),
    )
    assert [len(page.questions) for page in found.pages] == [1, 2]
    assert [page.show_if.trees for page in found.pages] == [(), ({"field": "answers.nps", "op": "lte", "value": 6},)]
    assert [(e.text, e.offer, bool(e.condition.clauses)) for e in found.endings] == [
        ({"en": "Great!"}, "winback-10", True),
        ({"en": "Thanks", "ru": "Спасибо"}, None, False),
    ]


def test_a_survey_is_english_and_ends_with_the_pages_own_words_unless_it_says_so() -> None:
    found = survey()
    assert (found.languages, found.endings) == (("en",), ())
    assert found.questions == (Question("nps", "nps", {"en": "How likely?"}),)


def test_a_bare_text_is_in_the_first_language_of_the_survey() -> None:
    found = survey(
        languages=["ru", "en"],
        pages=[{"questions": [{"id": "a", "type": "single", "text": "Что?", "options": ["цена"]}]}],
        endings=[{"text": "Спасибо"}],
    )
    assert found.questions[0].text == {"ru": "Что?"}
    assert found.questions[0].options == (Option("цена", {"ru": "цена"}),)
    assert found.endings[0].text == {"ru": "Спасибо"}


def test_every_scale_has_its_ends() -> None:
    assert {kind: (scale[0], scale[-1]) for kind, scale in SCALES.items()} == {
        "nps": (0, 10),
        "csat": (1, 5),
        "ces": (1, 7),
    }


def with_question(**fields: Any) -> dict[str, Any]:
    return {"pages": [{"questions": [NPS]}, {"questions": [{"id": "b", "type": "text", "text": "?", **fields}]}]}


OTHER = {"questions": [{"id": "other", "type": "text", "text": "?"}]}
NPS_LOW = {"field": "answers.nps", "op": "lte", "value": 6}
HERE: Path = ("pages", 1, "questions", 0)
FAULTS: list[tuple[dict[str, Any], Path, str]] = [
    ({"slug": "NPS"}, ("slug",), "lower-case"),
    ({"name": 5}, ("name",), "must be text"),
    ({"title": "x"}, ("title",), "unknown field"),
    ({"languages": []}, ("languages",), "between 1 and"),
    ({"languages": "en"}, ("languages",), "must be a list"),
    ({"languages": ["en", 5]}, ("languages", 1), "must be text"),
    ({"pages": []}, ("pages",), "between 1 and"),
    ({"pages": {}}, ("pages",), "must be a list"),
    ({"pages": ["x"]}, ("pages", 0), "must be a mapping"),
    ({"pages": [{}]}, ("pages", 0), "questions is missing"),
    ({"pages": [{"questions": []}]}, ("pages", 0, "questions"), "between 1 and"),
    ({"pages": [{"questions": [NPS], "if": {}}]}, ("pages", 0, "if"), "unknown field"),
    ({"pages": [{"questions": [NPS]}, {**OTHER, "show_if": []}]}, ("pages", 1, "show_if"), "must be a condition"),
    (
        {"pages": [{"questions": [NPS]}, {**OTHER, "show_if": {"field": "nps", "op": "exists"}}]},
        ("pages", 1, "show_if", "field"),
        "must be a path",
    ),
    ({"pages": [{"questions": ["x"]}]}, ("pages", 0, "questions", 0), "must be a mapping"),
    ({"pages": [{"questions": [NPS, NPS]}]}, ("pages", 0, "questions", 1, "id"), "the id nps is used twice"),
    (
        {"pages": [{"questions": [NPS]}, {"questions": [NPS]}]},
        ("pages", 1, "questions", 0, "id"),
        "the id nps is used twice",
    ),
    ({"pages": [{"questions": [{"type": "nps", "text": "?"}]}]}, ("pages", 0, "questions", 0), "id is missing"),
    ({"pages": [{"questions": [{"id": "a", "text": "?"}]}]}, ("pages", 0, "questions", 0), "type is missing"),
    ({"pages": [{"questions": [{"id": "a", "type": "nps"}]}]}, ("pages", 0, "questions", 0), "text is missing"),
    ({"pages": [{**OTHER, "show_if": NPS_LOW}]}, ("pages", 0, "show_if"), "the first page is always shown"),
    (with_question(id="page"), (*HERE, "id"), "the id page is used twice, or is not free"),
    (with_question(id=5), (*HERE, "id"), "must be text"),
    (with_question(id="a.b"), (*HERE, "id"), "letters, digits and underscores"),
    (with_question(id="a b"), (*HERE, "id"), "letters, digits and underscores"),
    (with_question(id="__"), (*HERE, "id"), "letters, digits and underscores"),
    (with_question(id="x" * 65), (*HERE, "id"), "longer than 64"),
    (with_question(type="stars"), (*HERE, "type"), "must be one of nps"),
    (with_question(text=""), (*HERE, "text"), "must be text"),
    (with_question(text=5), (*HERE, "text"), "must be a mapping"),
    (with_question(text={"ru": "?"}), (*HERE, "text"), "needs a text in en"),
    (with_question(text={"en": "?", "ru": 5}), (*HERE, "text", "ru"), "must be text"),
    (with_question(required="yes"), (*HERE, "required"), "must be true or false"),
    (with_question(long=1), (*HERE, "long"), "must be true or false"),
    (with_question(options=["a"]), (*HERE, "options"), "a question of type text has no options"),
    (with_question(type="single"), HERE, "options is missing"),
    (with_question(type="single", options=["a", "b", "a"]), (*HERE, "options"), "two answers have the same value"),
    (with_question(type="multiple", options=[]), (*HERE, "options"), "between 1 and"),
    (with_question(type="single", options=["a", ""]), (*HERE, "options", 1), "must be text"),
    (with_question(type="single", options=["a", 5]), (*HERE, "options", 1), "must be a mapping"),
    (with_question(type="single", options=[{"value": "a"}]), (*HERE, "options", 0), "text is missing"),
    (with_question(type="single", options=[{"text": "A"}]), (*HERE, "options", 0), "value is missing"),
    (with_question(type="single", options=[{"value": 1, "text": "A"}]), (*HERE, "options", 0, "value"), "must be text"),
    (
        with_question(type="single", options=[{"value": "a", "text": {"ru": "А"}}]),
        (*HERE, "options", 0, "text"),
        "needs a text in en",
    ),
    ({"endings": {}}, ("endings",), "must be a list"),
    ({"endings": [{}]}, ("endings", 0), "text is missing"),
    ({"endings": [{"text": "x"}, {"text": {"ru": "x"}}]}, ("endings", 1, "text"), "needs a text in en"),
    ({"endings": [{"text": "x", "if": {"any": []}}]}, ("endings", 0, "if", "any"), "between 1 and"),
    ({"endings": [{"text": "x", "offer": "Win Back"}]}, ("endings", 0, "offer"), "lower-case"),
    ({"endings": [{"text": "x", "redirect": "https://"}]}, ("endings", 0, "redirect"), "unknown field"),
]


@pytest.mark.parametrize(("fields", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(fields: dict[str, Any], path: Path, words: str) -> None:
    assert_fault(read_survey, {**BASE, **fields}, path, words)


@pytest.mark.parametrize("missing", ["slug", "pages"])
def test_what_a_survey_cannot_do_without_is_missed(missing: str) -> None:
    assert_fault(read_survey, {k: v for k, v in BASE.items() if k != missing}, (), f"{missing} is missing")


def test_two_questions_without_an_id_are_not_the_same_question() -> None:
    nameless = {"type": "nps", "text": "?"}
    assert [words for _, words in faults_of(read_survey, {**BASE, "pages": [{"questions": [nameless, nameless]}]})] == [
        "id is missing",
        "id is missing",
    ]


# Answers.

ANSWERS: list[tuple[Question, list[str], Answer | None]] = [
    (question("nps"), ["0"], 0),
    (question("nps"), ["10"], 10),
    (question("nps"), [" 7 "], 7),
    (question("nps"), ["", "3"], 3),
    (question("nps"), [], None),
    (question("nps"), [""], None),
    (question("nps"), ["  \r\n"], None),
    (question("csat"), ["5"], 5),
    (question("ces"), ["7"], 7),
    (question("yes_no"), ["yes"], True),
    (question("yes_no"), ["no"], False),
    (question("yes_no"), [], None),
    (question("single", options=CHOICES), ["speed"], "speed"),
    (question("single", options=CHOICES), [""], None),
    (question("multiple", options=CHOICES), ["speed"], ["speed"]),
    (question("multiple", options=CHOICES), ["taste", "price", "taste"], ["price", "taste"]),
    (question("multiple", options=CHOICES), [], None),
    (question("multiple", options=CHOICES, required=True), ["", "price"], ["price"]),
    (question("text"), ["The box came late."], "The box came late."),
    (question("text"), ["  Ещё раз\r\nи ещё\t! "], "Ещё раз\nи ещё\t!"),
    (question("text"), ["a\x00b\x1bc\u202ed"], "abcd"),
    (question("text"), ["10\u00a0000\u3000₽"], "10 000 ₽"),
    (question("text"), ["<b>x</b> {{ contact.name }}"], "<b>x</b> {{ contact.name }}"),
    (question("text"), ["x" * TEXT_ANSWER_MAX], "x" * TEXT_ANSWER_MAX),
    (question("text"), ["x" * TEXT_ANSWER_MAX + "\x00\n"], "x" * TEXT_ANSWER_MAX),
    (question("text"), ["", " "], None),
    (question("text"), ["\u200b\u2060\ufeff"], None),
    (question("text"), ["0"], "0"),
]


@pytest.mark.parametrize(("asked", "given_", "answer"), ANSWERS)
def test_an_answer_is_read(asked: Question, given_: list[str], answer: Answer | None) -> None:
    found = read_answer(asked, given_)
    assert found == answer
    assert type(found) is type(answer)


REFUSED: list[tuple[Question, list[str], str]] = [
    (question("nps"), ["11"], "choice"),
    (question("nps"), ["-1"], "choice"),
    (question("nps"), ["07"], "choice"),
    (question("nps"), ["7.0"], "choice"),
    (question("nps"), ["٧"], "choice"),
    (question("nps"), ["seven"], "choice"),
    (question("csat"), ["0"], "choice"),
    (question("csat"), ["6"], "choice"),
    (question("ces"), ["8"], "choice"),
    (question("yes_no"), ["true"], "choice"),
    (question("yes_no"), ["YES"], "choice"),
    (question("single", options=CHOICES), ["Price"], "choice"),
    (question("single", options=CHOICES), ["other"], "choice"),
    (question("multiple", options=CHOICES), ["price", "other"], "choice"),
    (question("text"), ["x" * (TEXT_ANSWER_MAX + 1)], "long"),
    *((question(kind, options=CHOICES, required=True), [], "required") for kind in TYPES),
    *((question(kind, options=CHOICES, required=True), ["", " "], "required") for kind in TYPES),
    (question("text", required=True), ["\u200b\x00"], "required"),
]


@pytest.mark.parametrize(("asked", "given_", "code"), REFUSED)
def test_an_answer_that_the_question_does_not_accept_is_refused(asked: Question, given_: list[str], code: str) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        read_answer(asked, given_)
    assert caught.value.code == code


sent = st.lists(st.sampled_from(["", "0", "5", "11", "yes", "price", "speed", "\x00", "\ud800", "a\r\nb", " ", "й"]))


@given(st.sampled_from(TYPES), st.booleans(), sent)
def test_whatever_a_form_sends_is_a_proper_answer_or_refused(kind: str, required: bool, values: list[str]) -> None:
    asked = question(kind, options=CHOICES, required=required)
    try:
        answer = read_answer(asked, values)
    except InvalidAnswer:
        return
    if answer is None:
        assert not required
        return
    match kind:
        case "nps" | "csat" | "ces":
            assert answer in SCALES[kind]
        case "yes_no":
            assert isinstance(answer, bool)
        case "multiple":
            assert isinstance(answer, list)
            assert answer
        case _:
            assert isinstance(answer, str)
            assert answer.strip() == answer
            answer.encode()
