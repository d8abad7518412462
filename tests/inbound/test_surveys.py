"""Surveys of other tools: what maps is right, what does not is said, and no file can do harm."""
# ruff: noqa: E501 the files of other tools, as they stand

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inbound.expressions import CannotRead, read_expression
from app.inbound.foreign import UnknownFormat, plain
from app.inbound.surveys import read_foreign
from surveys.definition import read
from surveys.survey import read_survey

SURVEYJS = {
    "title": {"default": "After delivery", "ru": "После доставки"},
    "pages": [
        {
            "name": "first",
            "elements": [
                {
                    "type": "rating",
                    "name": "nps",
                    "title": {"default": "<b>Would</b> you recommend&nbsp;us?", "ru": "Посоветуете?"},
                    "rateMin": 0,
                    "rateMax": 10,
                    "isRequired": True,
                    "minRateDescription": "No",
                },
                {
                    "type": "radiogroup",
                    "name": "why not",
                    "title": "Why?",
                    "choices": ["price", {"value": 2, "text": "Taste"}],
                    "hasOther": True,
                    "choicesOrder": "random",
                    "visibleIf": "{nps} <= 6",
                },
                {"type": "signaturepad", "name": "sign"},
            ],
        },
        {
            "name": "second",
            "visibleIf": "{nps} > 8 or {why not} anyof ['price']",
            "elements": [
                {
                    "type": "panel",
                    "name": "more",
                    "visibleIf": "{nps} notempty",
                    "elements": [
                        {"type": "matrix", "name": "m", "columns": ["bad", "good"], "rows": [{"value": "r", "text": "Box"}]},
                        {"type": "boolean", "name": "ok", "title": "OK?"},
                        {"type": "text", "name": "mail", "inputType": "email", "validators": [{"type": "email"}]},
                        {"type": "comment", "name": "say", "visibleIf": "age({x}) > 3", "maxLength": 200},
                    ],
                }
            ],
        },
    ],
    "completedHtml": "<h3>Thanks</h3>",
    "triggers": [{"type": "complete"}],
}  # fmt: skip

FORMBRICKS = {
    "name": "Leaving",
    "languages": [{"language": {"code": "en"}, "default": True}, {"language": {"code": "ru"}, "default": False}],
    "welcomeCard": {"enabled": True, "headline": {"default": "Hello"}},
    "questions": [
        {"id": "a1", "type": "nps", "headline": {"default": "Recommend?", "ru": "Посоветуете?"}, "required": True,
         "lowerLabel": {"default": "No"}},
        {"id": "a2", "type": "rating", "range": 5, "scale": "smiley", "headline": {"default": "How was it?"}},
        {"id": "a3", "type": "multipleChoiceSingle", "headline": {"default": "Why?"}, "shuffleOption": "exceptLast",
         "choices": [{"id": "c1", "label": {"default": "Price"}}, {"id": "c2", "label": {"default": "Taste"}},
                     {"id": "other", "label": {"default": "Else"}}]},
        {"id": "a4", "type": "openText", "inputType": "email", "headline": {"default": "Mail?"}},
        {"id": "a5", "type": "cal", "headline": {"default": "Book a slot"}},
        {"id": "a6", "type": "cta", "headline": {"default": "Read this"}, "required": True,
         "logic": [{"actions": []}]},
    ],
    "endings": [
        {"type": "endScreen", "headline": {"default": "Thanks"}, "buttonLink": "https://example.com/review",
         "buttonLabel": {"default": "Review us"}},
        {"type": "redirectToUrl", "url": "https://example.com", "label": "Away"},
    ],
    "hiddenFields": {"enabled": True, "fieldIds": ["plan"]},
}  # fmt: skip


def table(name: str, *rows: dict[str, Any]) -> str:
    cells = ("".join(f"<{key}><![CDATA[{value}]]></{key}>" for key, value in row.items()) for row in rows)
    return f"<{name}><rows>{''.join(f'<row>{row}</row>' for row in cells)}</rows></{name}>"


def lime(*tables: str) -> bytes:
    inside = "".join(tables)
    return f'<?xml version="1.0"?><document><LimeSurveyDocType>Survey</LimeSurveyDocType>{inside}</document>'.encode()


def question(qid: int, kind: str, title: str, **more: Any) -> dict[str, Any]:
    return {"qid": qid, "parent_qid": 0, "gid": 1, "type": kind, "title": title, "mandatory": "N", "question_order": qid, **more}  # fmt: skip


def words(qid: int, text: str, language: str = "en") -> dict[str, Any]:
    return {"qid": qid, "question": text, "help": "", "language": language}


LIMESURVEY = lime(
    table("surveys", {"sid": 1, "language": "en", "additional_languages": "ru"}),
    table(
        "surveys_languagesettings",
        {"surveyls_language": "en", "surveyls_title": "Visit", "surveyls_endtext": "<p>Bye</p>"},
        {"surveyls_language": "ru", "surveyls_title": "Визит", "surveyls_endtext": "Пока"},
    ),
    table("groups", {"gid": 1, "group_order": 1, "grelevance": ""}),
    table("group_l10ns", {"gid": 1, "group_name": "All", "language": "en"}),
    table(
        "questions",
        question(1, "Y", "ok", mandatory="Y"),
        question(2, "L", "why", other="Y", relevance='((ok.NAOK == "N"))'),
        question(3, "F", "m"),
        question(4, "N", "n", preg="/^1/"),
        question(5, "|", "file"),
        question(6, "M", "many"),
    ),
    table("subquestions", {"qid": 31, "parent_qid": 3, "title": "SQ1", "question_order": 1},
          {"qid": 61, "parent_qid": 6, "title": "A", "question_order": 1}),
    table(
        "question_l10ns",
        words(1, "<p>All well?</p>"), words(1, "Всё хорошо?", "ru"), words(2, "Why?"), words(3, "Rate"), words(4, "How many?"),
        words(5, "Upload"), words(6, "Which?"), words(31, "Box"), words(61, "First"),
    ),
    table("answers", {"qid": 2, "aid": 21, "code": "P", "sortorder": 1}, {"qid": 3, "aid": 32, "code": "1", "sortorder": 1}),
    table("answer_l10ns", {"aid": 21, "answer": "Price", "language": "en"}, {"aid": 32, "answer": "Good", "language": "en"}),
    table("question_attributes", {"qid": 4, "attribute": "num_value_int_only", "value": "1"},
          {"qid": 6, "attribute": "max_answers", "value": "2"}, {"qid": 6, "attribute": "exclude_all_others", "value": "A"}),
)  # fmt: skip
OLD_LIMESURVEY = lime(
    "<languages><language>de</language></languages>",
    table("groups", {"gid": 1, "group_name": "Alles", "group_order": 0, "language": "de"}),
    table("questions", question(1, "!", "why", question="Warum?", language="de")),
    table("answers", {"qid": 1, "code": "P", "answer": "Preis", "sortorder": 1, "language": "de"}),
)


def mapped(content: Any) -> tuple[dict[str, Any], list[str]]:
    """A definition without fault, and what was lost."""
    found = read_foreign(content if isinstance(content, bytes) else json.dumps(content).encode(), "s")
    read(found.body, read_survey)
    return found.body, found.lost


def by_id(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {q["id"]: {k: v for k, v in q.items() if k != "id"} for page in body["pages"] for q in page["questions"]}


def test_a_survey_of_surveyjs() -> None:
    body, lost = mapped(SURVEYJS)
    questions = by_id(body)
    assert (body["name"], body["languages"], body["endings"]) == (
        "After delivery",
        ["en", "ru"],
        [{"text": {"en": "Thanks"}}],
    )
    assert questions["nps"] == {
        "type": "nps",
        "text": {"en": "Would you recommend us?", "ru": "Посоветуете?"},
        "required": True,
        "low": {"en": "No"},
    }
    assert questions["why_not"] == {
        "type": "single",
        "text": {"en": "Why?"},
        "options": [{"value": "price", "text": {"en": "price"}}, {"value": "2", "text": {"en": "Taste"}}],
        "other": True,
        "mixed": True,
        "show_if": {"field": "answers.nps", "op": "lte", "value": 6},
    }
    assert {q: questions[q]["type"] for q in ("m", "ok", "mail", "say")} == {
        "m": "matrix", "ok": "yes_no", "mail": "email", "say": "text",
    }  # fmt: skip
    assert questions["ok"]["show_if"] == {"field": "answers.nps", "op": "exists"}
    assert body["pages"][1]["show_if"] == {
        "any": [
            {"field": "answers.nps", "op": "gt", "value": 8},
            {"any": [{"field": "answers.why_not", "op": "eq", "value": "price"}]},
        ]
    }
    assert lost == [
        "sign: a question of type signaturepad",
        "mail: validators: [{'type': 'email'}]",
        "say: the condition age({x}) > 3 (at age)",
        "survey: triggers: [{'type': 'complete'}]",
    ]


def test_a_survey_of_formbricks() -> None:
    body, lost = mapped(FORMBRICKS)
    questions = by_id(body)
    assert [len(page["questions"]) for page in body["pages"]] == [1, 1, 1, 1, 1, 1]
    assert questions["a1"]["text"] == {"en": "Recommend?", "ru": "Посоветуете?"}
    assert questions["a2"] == {"type": "csat", "look": "smileys", "text": {"en": "How was it?"}}
    assert questions["a3"]["other"] == {"en": "Else"}
    assert questions["a3"]["mixed"] is True
    assert [option["value"] for option in questions["a3"]["options"]] == ["c1", "c2"]
    assert questions["a4"]["type"] == "email"
    assert questions["a6"] == {"type": "statement", "text": {"en": "Read this"}}
    assert body["endings"] == [
        {"text": {"en": "Thanks"}, "link": {"url": "https://example.com/review", "text": {"en": "Review us"}}},
        {"text": {"en": "Away"}, "redirect": "https://example.com"},
    ]
    assert lost == [
        "Book a slot: a question of type cal",
        "Read this: logic: [{'actions': []}]",
        "survey: hidden fields: plan",
    ]


def test_a_survey_of_limesurvey() -> None:
    body, lost = mapped(LIMESURVEY)
    questions = by_id(body)
    assert (body["name"], body["languages"]) == ("Visit", ["en", "ru"])
    assert body["endings"] == [{"text": {"en": "Bye", "ru": "Пока"}}]
    assert questions == {
        "ok": {"type": "yes_no", "text": {"en": "All well?", "ru": "Всё хорошо?"}, "required": True},
        "why": {
            "type": "single",
            "text": {"en": "Why?"},
            "options": [{"value": "P", "text": {"en": "Price"}}],
            "other": True,
            "show_if": {"field": "answers.ok", "op": "eq", "value": False},
        },
        "m": {
            "type": "matrix",
            "text": {"en": "Rate"},
            "rows": [{"value": "SQ1", "text": {"en": "Box"}}],
            "options": [{"value": "1", "text": {"en": "Good"}}],
        },
        "n": {"type": "number", "text": {"en": "How many?"}, "whole": True},
        "many": {"type": "multiple", "text": {"en": "Which?"}, "options": [{"value": "A", "text": {"en": "First"}}], "max": 2},
    }  # fmt: skip
    assert lost == ["n: the pattern /^1/", "file: a question of type |", "many: exclude_all_others: A"]


def test_a_survey_of_an_old_limesurvey() -> None:
    body, lost = mapped(OLD_LIMESURVEY)
    assert body["languages"] == ["de"]
    assert by_id(body) == {
        "why": {"type": "dropdown", "text": {"de": "Warum?"}, "options": [{"value": "P", "text": {"de": "Preis"}}]}
    }
    assert lost == []


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><document>&a;</document>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither JSON nor XML"),
        (b"hello", "neither JSON nor XML"),
        (b"[]", "no survey of SurveyJS or Formbricks"),
        (b"{}", "no survey of SurveyJS or Formbricks"),
        (b'{"pages": [5]}', "not what they should be"),
        (b'{"pages": [{"elements": [{"type": "rating", "name": "a", "rateMax": "many"}]}]}', "not what they should be"),
        (b'{"pages": [{"elements": [{"type": "file", "name": "a"}]}]}', "a: a question of type file"),
        (b'{"questions": []}', "no survey of SurveyJS or Formbricks"),
        (b"<document/>", "no LimeSurvey survey"),
        (b"<document", "no XML"),
        (BOMB, "declares entities"),
        (b"<" + b"x" * 5_000_001, "larger than 5 MB"),
        (b"[" * 5_000, "neither JSON nor XML"),
    ],
)
def test_a_file_that_is_no_survey_says_why(content: bytes, words: str) -> None:
    with pytest.raises(UnknownFormat, match=words):
        read_foreign(content, "s")


FIELDS = {"a": "a", "b c": "b_c", "panel.d": "d"}


def leaf(op: str, value: Any = None, field: str = "a") -> dict[str, Any]:
    return {"field": f"answers.{field}", "op": op} | ({} if value is None else {"value": value})


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("{a} = 1", leaf("eq", 1)),
        ("{a} <> 'x y'", leaf("ne", "x y")),
        ("{b c} >= 2.5", leaf("gte", 2.5, "b_c")),
        ("{a} empty", leaf("missing")),
        ("{a} = true", leaf("eq", value=True)),
        ("!({a} notempty)", {"not": leaf("exists")}),
        ("{a} = 1 and {a} = 2 or {a} = 3", {"any": [{"all": [leaf("eq", 1), leaf("eq", 2)]}, leaf("eq", 3)]}),
        ("{a} = 1 && ({a} = 2 || {a} = 3)", {"all": [leaf("eq", 1), {"any": [leaf("eq", 2), leaf("eq", 3)]}]}),
        ("{a} allof ['x', \"y\"]", {"all": [leaf("contains", "x"), leaf("contains", "y")]}),
        ("{a} notcontains 'x'", {"not": leaf("contains", "x")}),
        ('a.NAOK == "A1"', leaf("eq", "A1")),
        ("!is_empty(a.NAOK)", {"not": leaf("missing")}),
    ],
)
def test_an_expression_is_read(expression: str, tree: dict[str, Any]) -> None:
    assert read_expression(expression, FIELDS) == tree


@pytest.mark.parametrize(
    "expression",
    [
        "{x} = 1",
        "{a} =",
        "{a}",
        "{a} = 1 {a}",
        "age({a}) > 3",
        "{a} = {b c}",
        "({a} = 1",
        "{a} ~ 1",
        "",
        "(" * 5_000,
        "! " * 5_000,
    ],
)
def test_an_expression_without_a_counterpart_is_refused(expression: str) -> None:
    with pytest.raises(CannotRead):
        read_expression(expression, FIELDS)


@given(st.text(alphabet="{a} b=<>!&|()[],'\".1ndortempy", max_size=60))
def test_no_expression_breaks_the_reader(expression: str) -> None:
    try:
        tree = read_expression(expression, FIELDS)
    except CannotRead:
        return
    assert isinstance(tree, dict)


def test_markup_becomes_plain_text() -> None:
    assert plain("<p>One&nbsp;<b>two</b></p><script>alert(1)</script><br/>three &lt;b&gt;") == "One two\nthree <b>"
