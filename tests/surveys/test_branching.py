"""Branching: which pages are shown, which answers count, and how it ends."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.branching import ending, visible, visible_answers
from surveys.definition import read
from surveys.survey import Survey, read_survey

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
KNOWN = {"type": "order.paid", "properties": {"amount": 40}, "contact": {"attributes": {"plan": "pro"}}}


def when(field: str, op: str, *value: Any) -> dict[str, Any]:
    return {"field": field, "op": op} | ({"value": value[0]} if value else {})


def page(question: str, show_if: dict[str, Any] | None = None) -> dict[str, Any]:
    questions = [{"id": question, "type": "text", "text": "?"}]
    return {"questions": questions, "show_if": show_if} if show_if else {"questions": questions}


def survey(*pages: dict[str, Any], endings: list[Any] | None = None) -> Survey:
    return read({"slug": "s", "pages": list(pages), "endings": endings or []}, read_survey)


def visible_pages(found: Survey, answers: Any, known: Any, at: datetime) -> list[int]:
    return list(visible(found, answers, known, at))


CHAIN = survey(
    page("score"),
    page("why", when("answers.score", "eq", "bad")),
    page("call", when("answers.why", "exists")),
    page("end"),
)


@pytest.mark.parametrize(
    ("answers", "pages"),
    [
        ({}, [0, 3]),
        ({"score": "good"}, [0, 3]),
        ({"score": "bad"}, [0, 1, 3]),
        ({"score": "bad", "why": "late"}, [0, 1, 2, 3]),
        # "why" was answered before the score was changed: its page is hidden, so it opens no other.
        ({"score": "good", "why": "late"}, [0, 3]),
        ({"why": "late"}, [0, 3]),
    ],
)
def test_pages_are_shown_by_the_answers_on_the_pages_shown_before(answers: Any, pages: list[int]) -> None:
    assert visible_pages(CHAIN, answers, KNOWN, AT) == pages


@pytest.mark.parametrize(
    ("answers", "counted"),
    [
        ({"score": "bad", "why": "late", "call": "yes"}, {"score": "bad", "why": "late", "call": "yes"}),
        ({"score": "good", "why": "late", "call": "yes", "end": "bye"}, {"score": "good", "end": "bye"}),
        ({"score": "bad", "call": "yes"}, {"score": "bad"}),
        ({"score": "bad", "unasked": "x"}, {"score": "bad"}),
    ],
)
def test_answers_on_hidden_pages_do_not_count(answers: Any, counted: Any) -> None:
    assert visible_answers(CHAIN, answers, KNOWN, AT) == counted


def test_a_page_is_not_shown_by_its_own_answer_or_by_a_later_one() -> None:
    found = survey(page("0"), page("a", when("answers.a", "exists")), page("b", when("answers.c", "exists")), page("c"))
    assert visible_pages(found, {"a": "x", "b": "x", "c": "x"}, KNOWN, AT) == [0, 3]


@pytest.mark.parametrize(
    ("show_if", "shown"),
    [
        (when("contact.attributes.plan", "eq", "pro"), True),
        (when("contact.attributes.plan", "eq", "free"), False),
        (when("properties.amount", "gte", 40), True),
        (when("type", "eq", "order.paid"), True),
        (when("properties.coupon", "eq", "x"), False),
        ({"not": when("properties.coupon", "eq", "x")}, False),
        (when("properties.coupon", "missing"), True),
    ],
)
def test_a_page_may_look_at_the_event_and_the_contact(show_if: dict[str, Any], shown: bool) -> None:
    assert visible_pages(survey(page("a"), page("b", show_if)), {}, KNOWN, AT) == ([0, 1] if shown else [0])


def test_answers_are_compared_by_their_kind() -> None:
    found = read(
        {
            "slug": "s",
            "pages": [
                {
                    "questions": [
                        {"id": "nps", "type": "nps", "text": "?"},
                        {"id": "ok", "type": "yes_no", "text": "?"},
                        {"id": "what", "type": "multiple", "text": "?", "options": ["price", "speed"]},
                    ]
                },
                page("low", when("answers.nps", "lte", 6)),
                page("no", {"field": "answers.ok", "op": "eq", "value": False}),
                page("speed", when("answers.what", "contains", "speed")),
            ],
        },
        read_survey,
    )
    assert visible_pages(found, {"nps": 6, "ok": False, "what": ["price", "speed"]}, KNOWN, AT) == [0, 1, 2, 3]
    assert visible_pages(found, {"nps": 7, "ok": True, "what": ["price"]}, KNOWN, AT) == [0]


def test_what_is_known_stays_as_it_was() -> None:
    known = {**KNOWN, "answers": {"score": "bad"}}
    assert visible_pages(CHAIN, {}, known, AT) == [0, 3]
    assert known == {**KNOWN, "answers": {"score": "bad"}}


texts = st.none() | st.sampled_from(["good", "bad", "late", "yes"])


@given(st.fixed_dictionaries(dict.fromkeys(("score", "why", "call", "end"), texts)))
def test_counting_answers_twice_changes_nothing(answers: dict[str, str | None]) -> None:
    given_ = {name: text for name, text in answers.items() if text is not None}
    counted = visible_answers(CHAIN, given_, KNOWN, AT)
    assert counted.items() <= given_.items()
    assert visible_answers(CHAIN, counted, KNOWN, AT) == counted
    assert visible_pages(CHAIN, counted, KNOWN, AT) == visible_pages(CHAIN, given_, KNOWN, AT)


# Endings.

ENDED = survey(
    page("score"),
    page("why", when("answers.score", "eq", "bad")),
    endings=[
        {"if": when("answers.why", "exists"), "text": "Sorry"},
        {"if": when("answers.score", "eq", "good"), "text": "Great", "offer": "winback-10"},
        {"if": when("contact.attributes.plan", "eq", "pro"), "text": "Thank you, pro"},
        {"text": "Thank you"},
        {"text": "Never"},
    ],
)


@pytest.mark.parametrize(
    ("answers", "plan", "text"),
    [
        ({"score": "bad", "why": "late"}, "pro", "Sorry"),
        ({"score": "good"}, "pro", "Great"),
        ({"score": "so-so"}, "pro", "Thank you, pro"),
        ({"score": "so-so"}, "free", "Thank you"),
        ({}, None, "Thank you"),
        ({"score": "good", "why": "late"}, "pro", "Great"),
    ],
)
def test_the_first_ending_that_holds_for_the_answers_that_count_is_shown(
    answers: Any, plan: str | None, text: str
) -> None:
    known = {"contact": {"attributes": {"plan": plan}}}
    end = ending(ENDED, visible_answers(ENDED, answers, known, AT), known, AT)
    assert end is not None
    assert end.text == {"en": text}


def test_without_an_ending_that_holds_the_page_finds_its_own_words() -> None:
    found = survey(page("a"), endings=[{"if": when("answers.a", "exists"), "text": "x"}])
    assert ending(found, {}, KNOWN, AT) is None
    assert ending(survey(page("a")), {"a": "x"}, KNOWN, AT) is None


# Questions one by one, jumps, and whom a page is for.


def asks(identifier: str, show_if: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"id": identifier, "type": "text", "text": "?"} | ({"show_if": show_if} if show_if else {})


SHY = survey(
    {"questions": [asks("a"), asks("b", when("answers.a", "eq", "x")), asks("c", when("answers.b", "exists"))]},
    {"questions": [asks("d", when("answers.c", "exists")), asks("e", when("answers.e", "exists"))]},
    {"questions": [asks("f")]},
)


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        ({}, {0: ["a"], 2: ["f"]}),
        ({"a": "x"}, {0: ["a", "b"], 2: ["f"]}),
        ({"a": "x", "b": "y"}, {0: ["a", "b", "c"], 2: ["f"]}),
        ({"a": "x", "b": "y", "c": "z"}, {0: ["a", "b", "c"], 1: ["d"], 2: ["f"]}),
        # "b" and "c" were answered before "a" was changed: they are hidden, and open nothing.
        ({"a": "-", "b": "y", "c": "z"}, {0: ["a"], 2: ["f"]}),
        ({"e": "x"}, {0: ["a"], 2: ["f"]}),
    ],
)
def test_a_question_looks_at_those_above_it(answers: Any, shown: dict[int, list[str]]) -> None:
    found = visible(SHY, answers, KNOWN, AT)
    assert {number: [q.id for q in questions] for number, questions in found.items()} == shown


JUMPY = survey(
    {"questions": [asks("a")], "jumps": [{"if": when("answers.a", "eq", "end"), "to": "end"},
                                         {"if": when("answers.a", "eq", "far"), "to": "far"}]},
    {"questions": [asks("b")], "show_if": when("answers.a", "eq", "b"), "jumps": [{"to": "end"}]},
    {"questions": [asks("c")]},
    {"questions": [asks("d")], "id": "far"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "pages"),
    [
        ({}, [0, 2, 3]),
        ({"a": "end"}, [0]),
        ({"a": "far"}, [0, 3]),
        ({"a": "b"}, [0, 1]),  # only a page that is shown jumps
    ],
)
def test_pages_jump_forward(answers: Any, pages: list[int]) -> None:
    assert visible_pages(JUMPY, answers, KNOWN, AT) == pages
    assert set(visible_answers(JUMPY, {**answers, "c": "x", "d": "y"}, KNOWN, AT)) <= {"a", "c", "d"}


def test_pages_are_for_known_customers_or_for_strangers() -> None:
    found = survey(
        {"questions": [asks("who")], "for": "anonymous"}, {"questions": [asks("it")], "for": "known"}, page("all")
    )
    assert visible_pages(found, {}, KNOWN, AT) == [1, 2]
    assert visible_pages(found, {}, {"type": "", "properties": {}, "contact": {}}, AT) == [0, 2]


def test_ones_own_words_go_where_their_answer_goes() -> None:
    found = read(
        {"slug": "s", "pages": [
            {"questions": [{"id": "q", "type": "single", "text": "?", "options": ["a"], "other": True},
                           asks("more", when("answers.q_other", "exists"))]},
        ]},
        read_survey,
    )  # fmt: skip
    given_ = {"q": "other", "q_other": "The cat", "more": "x"}
    assert visible_answers(found, given_, KNOWN, AT) == given_
    assert visible_answers(found, {"q": "a", "more": "x"}, KNOWN, AT) == {"q": "a"}
