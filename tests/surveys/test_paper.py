"""A survey on paper: numbers, and who answers which, told by them."""

from typing import Any

import pytest

from surveys.definition import read
from surveys.paper import Answered, Chosen, Compared, Joined, Known, Need, paper, possible
from surveys.questions import KINDS
from surveys.survey import Survey, read_survey


def survey(*pages: dict[str, Any]) -> Survey:
    return read({"slug": "s", "pages": list(pages)}, read_survey)


def ask(kind: str, name: str, **more: Any) -> dict[str, Any]:
    more |= {field: ["a", "b"] for field in KINDS[kind].must if field not in more}
    return {"id": name, "type": kind, "text": f"The {name}?", **more}


def where(name: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": f"answers.{name}", "op": op, **({} if value is None else {"value": value})}


def told(need: Need | None) -> Any:
    match need:
        case Chosen():
            return need.number, need.values
        case Answered():
            return need.number
        case Compared():
            return need.number, "compared"
        case Known():
            return "known"
        case Joined():
            return need.joint, [told(part) for part in need.parts]
    return None


def test_questions_are_numbered_through_and_statements_are_not() -> None:
    found = paper(survey({"questions": [ask("nps", "a"), ask("statement", "s")]}, {"questions": [ask("text", "b")]}))
    assert [[item.number for item in page.items] for page in found] == [[1, None], [2]]


def test_a_page_that_not_everybody_answers_says_who_and_where_the_others_go_on() -> None:
    pages = paper(
        survey(
            {"questions": [ask("nps", "a")]},
            {"questions": [ask("text", "b"), ask("text", "c")], "show_if": where("a", "lte", 6)},
            {"questions": [ask("statement", "s")]},
            {"questions": [ask("text", "d")]},
        )
    )
    assert told(pages[0].need) is None
    assert (told(pages[1].need), pages[1].otherwise) == ((1, tuple(range(7))), 4)
    assert pages[3].otherwise is None


def test_a_question_is_passed_over_to_the_next_on_its_page_or_to_the_next_page() -> None:
    only = {"show_if": where("a", "eq", value=True)}
    pages = paper(
        survey(
            {"questions": [ask("yes_no", "a"), ask("text", "b", **only), ask("text", "c", **only)]},
            {"questions": [ask("text", "d")]},
        )
    )
    assert [(told(item.need), item.otherwise) for item in pages[0].items] == [
        (None, 2),
        ((1, (True,)), 3),
        ((1, (True,)), 4),
    ]


def test_jumps_lead_to_numbers() -> None:
    pages = paper(
        survey(
            {
                "questions": [ask("single", "a")],
                "jumps": [{"if": where("a", "eq", "b"), "to": "end"}, {"if": where("a", "eq", "a"), "to": "last"}],
            },
            {"questions": [ask("text", "b")], "for": "known"},
            {"id": "last", "questions": [ask("text", "c")]},
        )
    )
    assert [(told(jump.need), jump.to) for jump in pages[0].jumps] == [((1, ("b",)), None), ((1, ("a",)), 2)]
    assert len(pages) == 2, "paper knows nobody"


@pytest.mark.parametrize(
    ("kind", "condition", "need"),
    [
        ("csat", where("a", "between", [2, 3]), (1, (2, 3))),
        ("ces", {"not": where("a", "gt", 2)}, ("not", [(1, (3, 4, 5, 6, 7))])),
        ("single", where("a", "in", ["b", "x"]), (1, ("b",))),
        ("single", where("a", "ne", "b"), (1, ("a",))),
        ("yes_no", where("a", "eq", value=False), (1, (False,))),
        ("multiple", where("a", "contains", "b"), (1, ("b",))),
        ("number", where("a", "gte", 5), (1, "compared")),
        ("text", where("a", "exists"), 1),
        ("text", where("a", "missing"), ("not", [1])),
        ("nps", {"field": "contact.attributes.plan", "op": "eq", "value": "pro"}, "known"),
        ("nps", {"all": [where("a", "lte", 1), {"any": [where("a", "eq", 9)]}]}, ("all", [(1, (0, 1)), (1, (9,))])),
        ("nps", {"any": [where("a", "lte", 1), where("a", "gte", 9)]}, ("any", [(1, (0, 1)), (1, (9, 10))])),
    ],
)
def test_conditions_are_told_by_what_was_ticked(kind: str, condition: dict[str, Any], need: Any) -> None:
    pages = paper(survey({"questions": [ask(kind, "a")]}, {"questions": [ask("text", "b")], "show_if": condition}))
    assert told(pages[1].need) == need


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_ticked_is_known_for_every_type(kind: str) -> None:
    [question] = survey({"questions": [ask(kind, "a")]}).questions
    assert bool(possible(question)) is (KINDS[kind].chart in ("scale", "options"))
