"""Answers read from the cells of an older tool's table."""
# ruff: noqa: E501 tables with a case in a line

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.cells import fields_of, read_cells
from surveys.definition import read
from surveys.questions import KINDS
from surveys.survey import Survey, read_survey

DAY = date(2024, 5, 1)
OPTIONS = [
    {"value": "price", "text": {"en": "The price", "ru": "Цена"}},
    {"value": "taste", "text": {"en": "Taste, and smell", "ru": "Вкус"}},
]


def survey(kind: str, **more: Any) -> Survey:
    asked = {"id": "q", "type": kind, "text": {"en": "Q"}, "required": True, **more}
    if kind == "statement":
        del asked["required"]
    return read({"slug": "s", "languages": ["en", "ru"], "pages": [{"questions": [asked]}]}, read_survey)


@pytest.mark.parametrize(
    ("kind", "more", "cells", "answers"),
    [
        ("nps", {}, {"q": " 9 "}, {"q": 9}),
        ("nps", {}, {"q": "10.0"}, {"q": 10}),
        ("nps", {}, {"q": "N/A"}, {}),
        ("csat", {}, {"q": ""}, {}),
        ("csat", {}, {}, {}),
        ("number", {}, {"q": "-2,5"}, {"q": -2.5}),
        ("single", {"options": OPTIONS}, {"q": "price"}, {"q": "price"}),
        ("single", {"options": OPTIONS}, {"q": "  the  PRICE"}, {"q": "price"}),
        ("dropdown", {"options": OPTIONS}, {"q": "цена"}, {"q": "price"}),
        ("single", {"options": OPTIONS, "other": True}, {"q": "The cat"}, {"q": "other", "q_other": "The cat"}),
        ("single", {"options": OPTIONS, "other": True}, {"q": "other", "q_other": "Cat"}, {"q": "other", "q_other": "Cat"}),
        ("single", {"options": OPTIONS, "other": {"en": "Else"}}, {"q": "else"}, {"q": "other"}),
        ("single", {"options": OPTIONS, "other": True}, {"q": "-"}, {}),
        ("multiple", {"options": OPTIONS}, {"q": "Цена; taste"}, {"q": ["price", "taste"]}),
        ("multiple", {"options": OPTIONS}, {"q": "price,taste"}, {"q": ["price", "taste"]}),
        ("multiple", {"options": OPTIONS}, {"q": "Taste, and smell"}, {"q": ["taste"]}),
        ("multiple", {"options": OPTIONS}, {"q.price": "1", "q.taste": "0"}, {"q": ["price"]}),
        ("multiple", {"options": OPTIONS, "other": True}, {"q": "price|Cat|Dog"}, {"q": ["price", "other"], "q_other": "Cat; Dog"}),
        ("yes_no", {}, {"q": "Да"}, {"q": True}),
        ("yes_no", {}, {"q": "0"}, {"q": False}),
        ("consent", {}, {"q": "true"}, {"q": True}),
        ("consent", {}, {"q": "no"}, {}),
        ("matrix", {"rows": ["box", "ride"], "options": OPTIONS}, {"q.box": "Цена"}, {"q": {"box": "price"}}),
        ("matrix", {"rows": ["box"], "options": OPTIONS, "several": True}, {"q.box": "price;taste"}, {"q": {"box": ["price", "taste"]}}),
        ("ranking", {"options": OPTIONS}, {"q": "taste; price"}, {"q": ["taste", "price"]}),
        ("ranking", {"options": OPTIONS}, {"q.taste": "1", "q.price": "2.0"}, {"q": ["taste", "price"]}),
        ("date", {}, {"q": "31.12.2023"}, {"q": "2023-12-31"}),
        ("date", {"max": "today"}, {"q": "2024-05-01T10:00:00"}, {"q": "2024-05-01"}),
        ("text", {}, {"q": "So <b>so</b>\n"}, {"q": "So <b>so</b>"}),
        ("image_choice", {"options": OPTIONS}, {"q": "Price"}, {"q": "price"}),
        ("image_choice", {"options": OPTIONS, "several": True}, {"q": "Price;taste"}, {"q": ["price", "taste"]}),
        ("phone", {}, {"q": "+7 900 123-45-67"}, {"q": "+79001234567"}),
        ("statement", {}, {"q": "x"}, {}),
    ],
)  # fmt: skip
def test_answers_are_read_however_an_older_tool_wrote_them(
    kind: str, more: dict[str, Any], cells: dict[str, str], answers: dict[str, Any]
) -> None:
    assert read_cells(survey(kind, **more), cells, DAY) == (answers, {})


@pytest.mark.parametrize(
    ("kind", "more", "cells", "fault"),
    [
        ("nps", {}, {"q": "11"}, "is none of its answers"),
        ("single", {"options": OPTIONS}, {"q": "Cat"}, "is none of its answers"),
        ("multiple", {"options": OPTIONS}, {"q": "price; Cat"}, "is none of its answers"),
        ("ranking", {"options": OPTIONS}, {"q": "Cat; price"}, "is none of its answers"),
        ("ranking", {"options": OPTIONS}, {"q.price": "1", "q.taste": "1"}, "has a place twice"),
        ("yes_no", {}, {"q": "perhaps"}, "is none of its answers"),
        ("number", {"max": 5}, {"q": "6"}, "is more than 5"),
        ("number", {}, {"q": "six"}, "is not a number"),
        ("date", {}, {"q": "31.02.2024"}, "is not a day"),
        ("date", {"max": "today"}, {"q": "2024-05-02"}, "is after 2024-05-01"),
        ("email", {}, {"q": "nobody"}, "is not an e-mail address"),
        ("text", {"max": 3}, {"q": "four"}, "is longer than 3 characters"),
    ],
)
def test_what_is_no_answer_is_named(kind: str, more: dict[str, Any], cells: dict[str, str], fault: str) -> None:
    assert read_cells(survey(kind, **more), cells, DAY) == ({}, {"q": [fault]})


def test_every_field_that_a_column_can_be_of_is_named() -> None:
    assert fields_of(survey("nps")) == ["q"]
    assert fields_of(survey("single", options=OPTIONS, other=True)) == ["q", "q_other"]
    assert fields_of(survey("multiple", options=OPTIONS)) == ["q", "q.price", "q.taste"]
    assert fields_of(survey("ranking", options=OPTIONS)) == ["q", "q.price", "q.taste"]
    assert fields_of(survey("matrix", rows=["box"], options=OPTIONS)) == ["q", "q.box"]
    assert fields_of(survey("statement")) == []


@given(
    st.sampled_from([kind for kind in KINDS if kind != "statement"]),
    st.booleans(),
    st.dictionaries(st.sampled_from(["q", "q.price", "q.taste", "q.box", "q_other"]), st.text(max_size=40)),
)
def test_whatever_stands_in_a_row_is_an_answer_or_a_fault(kind: str, several: bool, cells: dict[str, str]) -> None:
    rules = KINDS[kind]
    more: dict[str, Any] = {"options": OPTIONS, "rows": ["box"]} if "rows" in rules.must else {}
    more |= {"options": OPTIONS} if "options" in rules.must else {}
    more |= {"several": several} if "several" in rules.may else {}
    more |= {"other": True} if "other" in rules.may else {}
    answers, faults = read_cells(survey(kind, **more), cells, DAY)
    assert set(answers) <= {"q", "q_other"}
    assert set(faults) <= {"q"}
    for answer in answers.values():
        str(answer).encode()
