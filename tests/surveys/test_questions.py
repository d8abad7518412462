"""Surveys as they are written, and answers as forms send them."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.definition import Path, read
from surveys.questions import (
    KINDS,
    OTHER,
    SCALES,
    TEXT_ANSWER_MAX,
    TODAY,
    TYPES,
    Answer,
    InvalidAnswer,
    Option,
    Question,
    in_order,
    read_answers,
)
from surveys.survey import Survey, read_survey
from tests.surveys.faults import assert_fault, faults_of

NPS = {"id": "nps", "type": "nps", "text": "How likely?"}
DAY = date(2026, 11, 27)
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


SECOND = {"questions": [{"id": "second", "type": "text", "text": "?"}]}
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
    ({"pages": [{"questions": [NPS]}, {**SECOND, "show_if": []}]}, ("pages", 1, "show_if"), "must be a condition"),
    (
        {"pages": [{"questions": [NPS]}, {**SECOND, "show_if": {"field": "nps", "op": "exists"}}]},
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
    ({"pages": [{**SECOND, "show_if": NPS_LOW}]}, ("pages", 0, "show_if"), "the first page is always shown"),
    (with_question(id="page"), (*HERE, "id"), "the id page is used twice, or is not free"),
    (with_question(id=5), (*HERE, "id"), "must be text"),
    (with_question(id="a.b"), (*HERE, "id"), "letters, digits and underscores"),
    (with_question(id="a b"), (*HERE, "id"), "letters, digits and underscores"),
    (with_question(id="__"), (*HERE, "id"), "letters, digits and underscores"),
    (with_question(id="x" * 65), (*HERE, "id"), "longer than 64"),
    (with_question(type="stars"), (*HERE, "type"), "must be one of nps"),
    (with_question(type="rating", max=2), (*HERE, "max"), "from 3 to 10"),
    (with_question(type="rating", look="smileys"), (*HERE, "look"), "must be one of stars"),
    (with_question(type="nps", look="stars"), (*HERE, "look"), "a question of type nps has no look"),
    (with_question(type="matrix", options=["a"]), HERE, "rows is missing"),
    (with_question(type="slider", min=5, max=1), HERE, "min is larger than max"),
    (with_question(type="slider", min=0, max=1, step=2), (*HERE, "step"), "is wider than from min to max"),
    (with_question(type="slider", step=0), (*HERE, "step"), "must be a number from"),
    (with_question(type="date", min="31 February"), (*HERE, "min"), "must be a day in quotes"),
    (with_question(type="date", min="2026-02-30"), (*HERE, "min"), "must be a day in quotes"),
    (with_question(type="date", min="2026-12-31", max="2026-01-01"), HERE, "min is larger than max"),
    (with_question(type="multiple", options=["a"], max=0), (*HERE, "max"), "from 1 to"),
    (with_question(type="single", options=["a"], max=1), (*HERE, "max"), "a question of type single has no max"),
    (with_question(type="single", options=["a"], other=5), (*HERE, "other"), "must be a mapping"),
    (with_question(type="single", options=["a"], other={"ru": "Иное"}), (*HERE, "other"), "needs a text in en"),
    (
        with_question(type="image_choice", options=[{"value": "a", "text": "A", "picture": "https://e.example/a.png"}]),
        (*HERE, "options", 0, "picture"),
        "must be the name of a stored picture",
    ),
    (with_question(show_if=[]), (*HERE, "show_if"), "must be a condition"),
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
    ({"endings": [{"text": "x", "redirect": "https://"}]}, ("endings", 0, "redirect"), "must be a web address"),
    ({"endings": [{"text": "x", "redirect": "javascript:alert(1)"}]}, ("endings", 0, "redirect"), "must be a web"),
    ({"endings": [{"text": "x", "link": {"url": "/x", "text": "y"}}]}, ("endings", 0, "link", "url"), "must be a web"),
    ({"endings": [{"text": "x", "link": {"url": "https://e.example"}}]}, ("endings", 0, "link"), "text is missing"),
    ({"theme": {"colour": "red"}}, ("theme", "colour"), "must be a colour"),
    ({"theme": {"corner": 25}}, ("theme", "corner"), "from 0 to 24"),
    ({"pages": [{"questions": [NPS], "for": "known"}]}, ("pages",), "leaves no page for the others"),
    ({"pages": [{"questions": [NPS], "for": "all"}]}, ("pages", 0, "for"), "must be one of everybody"),
    ({"pages": [{**SECOND, "id": "a"}, {"questions": [NPS], "id": "a"}]}, ("pages", 1, "id"), "already a page a"),
    (
        {"pages": [{**SECOND, "id": "a", "jumps": [{"to": "a"}]}]},
        ("pages", 0, "jumps", 0, "to"),
        "a later page, or end",
    ),
    ({"pages": [{**SECOND, "jumps": [{"if": NPS_LOW}]}]}, ("pages", 0, "jumps", 0), "to is missing"),
    ({"message": {"title": "x"}}, ("message", "title"), "unknown field"),
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


ROWS = (Option("box", {"en": "Box"}), Option("ride", {"en": "Ride"}))
BOUNDS = {"rating": {"most": 5}, "slider": {"least": 0, "most": 100}}


def any_question(kind: str, *, required: bool) -> Question:
    """A question of this type, with everything that the type may have."""
    more: dict[str, Any] = {"other": {} if "other" in KINDS[kind].may else None, **BOUNDS.get(kind, {})}
    return question(kind, options=CHOICES, rows=ROWS, required=required, **more)


def answer_of(asked: Question, sent_: list[str]) -> Answer | None:
    """What a form says whose fields all say the same."""
    return read_answers(asked, dict.fromkeys((asked.id, *asked.fields), sent_), DAY).get(asked.id)


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
    found = answer_of(asked, given_)
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
    *((any_question(kind, required=True), [], "required") for kind in TYPES if kind != "statement"),
    *((any_question(kind, required=True), ["", " "], "required") for kind in TYPES if kind != "statement"),
    (question("text", required=True), ["\u200b\x00"], "required"),
]


@pytest.mark.parametrize(("asked", "given_", "code"), REFUSED)
def test_an_answer_that_the_question_does_not_accept_is_refused(asked: Question, given_: list[str], code: str) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        answer_of(asked, given_)
    assert caught.value.code == code


SINGLE = question("single", options=CHOICES, other={"en": "Something else"})
SENT: list[tuple[Question, dict[str, list[str]], dict[str, Answer | None]]] = [
    (question("rating", most=3), {"q": ["3"]}, {"q": 3}),
    (question("dropdown", options=CHOICES), {"q": ["taste"]}, {"q": "taste"}),
    (question("consent"), {"q": ["yes"]}, {"q": True}),
    (question("consent"), {}, {"q": None}),
    (question("statement"), {"q": ["x"]}, {}),
    (SINGLE, {"q": ["price"], "q_other": ["x"]}, {"q": "price", "q_other": None}),
    (SINGLE, {"q": [OTHER], "q_other": ["a\x00b"]}, {"q": "other", "q_other": "ab"}),
    (SINGLE, {"q": [OTHER]}, {"q": "other", "q_other": None}),
    (
        question("multiple", options=CHOICES, other={}),
        {"q": [OTHER, "price"], "q_other": ["x"]},
        {"q": ["price", "other"], "q_other": "x"},
    ),
    (question("image_choice", options=CHOICES, several=True), {"q": ["taste", "price"]}, {"q": ["price", "taste"]}),
    (question("image_choice", options=CHOICES), {"q": ["taste"]}, {"q": "taste"}),
    (question("matrix", options=CHOICES, rows=ROWS), {"q.box": ["price"]}, {"q": {"box": "price"}}),
    (
        question("matrix", options=CHOICES, rows=ROWS, several=True),
        {"q.box": ["speed", "price"], "q.ride": ["taste"]},
        {"q": {"box": ["price", "speed"], "ride": ["taste"]}},
    ),
    (question("matrix", options=CHOICES, rows=ROWS), {"q": ["price"], "q.car": ["price"]}, {"q": None}),
    (
        question("ranking", options=CHOICES),
        {"q.price": ["2"], "q.speed": ["3"], "q.taste": ["1"]},
        {"q": ["taste", "price", "speed"]},
    ),
    (question("ranking", options=CHOICES, most=1), {"q.speed": ["1"]}, {"q": ["speed"]}),
    (question("ranking", options=CHOICES, least=1), {"q.speed": ["1"]}, {"q": ["speed"]}),
    (
        question("ranking", options=CHOICES, most=9),
        {"q.price": ["1"], "q.speed": ["2"], "q.taste": ["3"]},
        {"q": ["price", "speed", "taste"]},
    ),
    (question("ranking", options=CHOICES), {"q.price": [""]}, {"q": None}),
    (question("slider", least=0, most=1, step=0.1), {"q": ["0.3"]}, {"q": 0.3}),
    (question("slider", least=10, most=20, step=5), {"q": ["15"]}, {"q": 15}),
    (question("number"), {"q": ["-1 234,5"]}, {"q": -1234.5}),
    (question("number"), {"q": ["7.0"]}, {"q": 7}),
    (question("number", least=0, most=0), {"q": ["0"]}, {"q": 0}),
    (question("date", least=TODAY, most=TODAY), {"q": ["2026-11-27"]}, {"q": "2026-11-27"}),
    (question("date", least=date(2024, 2, 29)), {"q": ["2024-02-29"]}, {"q": "2024-02-29"}),
    (question("email"), {"q": [" Ada.Byron+x@mail.example.com "]}, {"q": "Ada.Byron+x@mail.example.com"}),
    (question("email"), {"q": ["анна@почта.рф"]}, {"q": "анна@почта.рф"}),
    (question("phone"), {"q": ["+7 (900) 123-45-67"]}, {"q": "+79001234567"}),
    (question("phone"), {"q": ["112 34"]}, {"q": "11234"}),
    (question("text", least=2, most=3), {"q": ["abc"]}, {"q": "abc"}),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "form", "answers"), SENT)
def test_the_fields_of_a_question_make_its_answer(asked: Question, form: Any, answers: Any) -> None:
    found = read_answers(asked, form, DAY)
    assert found == answers
    assert [type(a) for a in found.values()] == [type(a) for a in answers.values()]
    assert set(found) <= set(asked.keys)
    assert set(asked.fields) >= set(form) - {"q", "q.car", "q_other"}


WRONG_MAIL = ("a", "a@b", "a b@c.d", "a@b@c.d", "a@.d", "a@c.", "<a@c.d>")
WRONG_PHONE = ("1234", "+", "call me", "1" * 16, "++79001234567", "٧٧٧٧٧٧٧")
UNFIT: list[tuple[Question, dict[str, list[str]], str, Any]] = [
    (question("rating", most=3), {"q": ["4"]}, "choice", None),
    (question("consent"), {"q": ["no"]}, "choice", None),
    (question("consent", required=True), {}, "required", None),
    (replace(SINGLE, required=True), {"q": [OTHER], "q_other": [" "]}, "other", None),
    (SINGLE, {"q": [OTHER], "q_other": ["x" * 5001]}, "long", 5000),
    (question("multiple", options=CHOICES, least=2), {"q": ["price"]}, "few", 2),
    (question("multiple", options=CHOICES, most=1), {"q": ["price", "taste"]}, "many", 1),
    (question("image_choice", options=CHOICES, several=True, most=1), {"q": ["price", "taste"]}, "many", 1),
    (question("matrix", options=CHOICES, rows=ROWS), {"q.box": ["cost"]}, "choice", None),
    (question("matrix", options=CHOICES, rows=ROWS, required=True), {"q.box": ["price"]}, "rows", None),
    (question("matrix", options=CHOICES, rows=ROWS, required=True), {}, "required", None),
    (question("ranking", options=CHOICES), {"q.price": ["1"], "q.speed": ["1"]}, "places", None),
    (question("ranking", options=CHOICES), {"q.price": ["1"], "q.speed": ["2"]}, "ranks", 3),
    (question("ranking", options=CHOICES, least=1), {"q.price": ["2"]}, "ranks", 1),
    (question("ranking", options=CHOICES, most=2), {"q.price": ["3"]}, "choice", None),
    (question("slider", least=0, most=1, step=0.1), {"q": ["0.35"]}, "choice", None),
    (question("slider", least=10, most=20), {"q": ["9"]}, "low", 10),
    (question("number", most=5), {"q": ["5.1"]}, "high", 5),
    (question("number", least=0), {"q": ["-1"]}, "low", 0),
    (question("number", whole=True), {"q": ["1.5"]}, "whole", None),
    (question("number"), {"q": ["1,234"]}, "number", None),
    (question("number"), {"q": ["1e9"]}, "number", None),
    (question("number"), {"q": ["nan"]}, "number", None),
    (question("number"), {"q": ["٧"]}, "number", None),
    (question("date"), {"q": ["2026-02-30"]}, "date", None),
    (question("date"), {"q": ["tomorrow"]}, "date", None),
    (question("date", least=TODAY), {"q": ["2026-11-26"]}, "early", DAY),
    (question("date", most=date(2020, 1, 1)), {"q": ["2020-01-02"]}, "late", date(2020, 1, 1)),
    *((question("email"), {"q": [text]}, "email", None) for text in WRONG_MAIL),
    (question("email"), {"q": ["a@" + "c" * 320 + ".d"]}, "email", None),
    *((question("phone"), {"q": [text]}, "phone", None) for text in WRONG_PHONE),
    (question("text", least=2), {"q": ["a"]}, "short", 2),
    (question("text", most=3), {"q": ["abcd"]}, "long", 3),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "form", "code", "limit"), UNFIT)
def test_what_does_not_fit_is_refused_with_what_it_must_keep_to(
    asked: Question, form: Any, code: str, limit: Any
) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        read_answers(asked, form, DAY)
    assert (caught.value.code, caught.value.limit) == (code, limit)


sent = st.lists(
    st.sampled_from(["", "0", "5", "11", "yes", "price", "speed", "other", "\x00", "\ud800", "a\r\nb", " ", "й"])
)


@given(st.sampled_from(TYPES), st.booleans(), sent)
def test_whatever_a_form_sends_is_a_proper_answer_or_refused(kind: str, required: bool, values: list[str]) -> None:
    asked = any_question(kind, required=required)
    try:
        answer = answer_of(asked, values)
    except InvalidAnswer:
        return
    if answer is None:
        assert not required or kind == "statement"
        return
    match KINDS[kind].chart:
        case "scale":
            assert answer in asked.scale
        case "options":
            assert (
                answer is True
                or answer is False
                or set(answer if isinstance(answer, list) else [answer])
                <= {
                    OTHER,
                    *(option.value for option in CHOICES),
                }
            )
        case "rows" | "places":
            assert isinstance(answer, list | dict)
            assert answer
        case "numbers":
            assert isinstance(answer, int | float)
        case _:
            assert isinstance(answer, str)
            assert answer.strip() == answer
            answer.encode()


# The order of what is chosen from.

MANY = tuple(Option(str(n), {"en": str(n)}, fixed=n == 4) for n in range(5))


def test_a_mixed_order_is_the_same_at_every_visit_and_another_for_others() -> None:
    asked = question("single", options=MANY, mixed=True)
    seen = {tuple(o.value for o in in_order(MANY, asked, str(seed))) for seed in range(40)}
    assert len(seen) > 10
    assert {order[4] for order in seen} == {"4"}
    assert all(sorted(order) == ["0", "1", "2", "3", "4"] for order in seen)
    assert in_order(MANY, asked, "7") == in_order(MANY, asked, "7")
    assert in_order(MANY, question("single", options=MANY), "7") == list(MANY)
