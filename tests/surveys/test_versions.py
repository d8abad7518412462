"""Two versions of a survey: what is otherwise, and which figures go on."""

from copy import deepcopy
from typing import Any

import pytest

from surveys.versions import Break, Difference, breaks, differences, going_on

BODY: dict[str, Any] = {
    "slug": "s",
    "languages": ["en", "ru"],
    "pages": [
        {
            "questions": [
                {
                    "id": "one",
                    "type": "single",
                    "text": {"en": "Which?"},
                    "options": ["a", {"value": "b", "text": {"en": "B"}}],
                },
                {"id": "nps", "type": "nps", "text": "How likely?"},
                {"id": "stars", "type": "rating", "text": {"en": "Stars?"}, "max": 5},
            ]
        }
    ],
    "endings": [{"text": {"en": "Thanks"}}],
    "message": {"subject": {"en": "Hello"}},
}


def changed(question: int | None = None, **fields: Any) -> dict[str, Any]:
    body = deepcopy(BODY)
    (body if question is None else body["pages"][0]["questions"][question]).update(fields)
    return body


def without(question: int) -> dict[str, Any]:
    body = deepcopy(BODY)
    del body["pages"][0]["questions"][question]
    return body


def test_equal_bodies_differ_in_nothing_and_all_figures_go_on() -> None:
    assert differences(BODY, deepcopy(BODY)) == []
    assert breaks(BODY, deepcopy(BODY)) == []
    assert going_on(BODY, deepcopy(BODY)) == ["nps", "one", "stars"]  # scores first


@pytest.mark.parametrize(
    ("after", "wanted"),
    [
        (
            changed(1, text={"en": "Would you?"}),
            Difference("text", "question:nps", "text", "en", "How likely?", "Would you?"),
        ),
        (changed(1, required=True), Difference("setting", "question:nps", "required", "", "", "true")),
        (changed(1, type="csat"), Difference("setting", "question:nps", "type", "", "nps", "csat")),
        (
            changed(1, show_if={"field": "answers.one", "op": "eq", "value": "a"}),
            Difference(
                "condition", "question:nps", "show_if", "", "", '{"field": "answers.one", "op": "eq", "value": "a"}'
            ),
        ),
        (changed(0, options=["a"]), Difference("option_removed", "question:one", before="B")),
        (without(1), Difference("removed", "question:nps", before="How likely?")),
        (changed(name="New"), Difference("setting", "survey", "name", "", "", "New")),
        (changed(languages=["en"]), Difference("setting", "survey", "languages", "", "en, ru", "en")),
        (changed(anonymous=True), Difference("setting", "survey", "anonymous", "", "", "true")),
        (changed(sensitive=["manager"]), Difference("setting", "survey", "sensitive", "", "", "manager")),
        (
            changed(quotas=[{"name": "all", "max": 9}]),
            Difference("setting", "survey", "quotas", "", "[]", '[{"name": "all", "max": 9}]'),
        ),
        (changed(message={}), Difference("text", "message", "subject", "en", "Hello", "")),
        (changed(theme={"corner": 4}), Difference("setting", "look", "corner", "", "", "4")),
        (changed(endings=[]), Difference("removed", "ending:1", before="Thanks")),
        (
            changed(endings=[{"text": {"en": "Thanks", "ru": "Спасибо"}}]),
            Difference("text", "ending:1", "text", "ru", "", "Спасибо"),
        ),
        (changed(endings=[*BODY["endings"], {"text": "More"}]), Difference("added", "ending:2", after="More")),
    ],
)
def test_what_is_otherwise_is_said_one_by_one(after: dict[str, Any], wanted: Difference) -> None:
    assert differences(BODY, after) == [wanted]


def test_new_questions_answers_pages_and_another_order_are_said() -> None:
    body = deepcopy(BODY)
    body["pages"][0]["questions"].reverse()
    body["pages"][0]["questions"][2]["options"].append({"value": "c", "text": {"en": "C", "ru": "В"}})
    body["pages"].append({"questions": [{"id": "new", "type": "text", "text": {"en": "New?"}}]})
    assert differences(BODY, body) == [
        Difference("pages", "survey", before="1", after="2"),
        Difference("option_added", "question:one", after="C"),
        Difference("added", "question:new", after="New?"),
        Difference("order", "survey", before="one, nps, stars", after="stars, nps, one"),
    ]


@pytest.mark.parametrize(
    ("after", "wanted"),
    [
        (changed(1, type="csat"), Break("type", "nps", "nps → csat")),
        (without(1), Break("removed", "nps")),
        (changed(0, options=["a", "c"]), Break("options", "one", "b")),
        (changed(2, max=10), Break("scale", "stars")),
    ],
)
def test_what_breaks_figures_is_named(after: dict[str, Any], wanted: Break) -> None:
    assert breaks(BODY, after) == [wanted]
    assert breaks(BODY, changed(0, options=["b", "a", "c"])) == []


def test_figures_of_a_changed_type_do_not_go_on() -> None:
    assert going_on(BODY, changed(1, type="csat")) == ["one", "stars"]
