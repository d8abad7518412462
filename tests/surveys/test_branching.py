"""Branching: which pages are shown, which answers count, and how it ends."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.branching import ending, visible_answers, visible_pages
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
