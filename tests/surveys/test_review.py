"""What an author is told before customers see a survey."""

from typing import Any

import pytest

from surveys.review import expected_seconds, question_seconds, review

NPS: dict[str, Any] = {"id": "nps", "type": "nps", "text": "How likely?"}
WHY: dict[str, Any] = {"id": "why", "type": "text", "text": "Why?"}


def on_answers(identifier: str, op: str, value: Any = None) -> dict[str, Any]:
    leaf = {"field": f"answers.{identifier}", "op": op}
    return leaf if value is None else leaf | {"value": value}


def told(*pages: dict[str, Any], **more: Any) -> list[tuple[str, tuple[Any, ...]]]:
    body = {"slug": "s", "languages": ["en"], "pages": list(pages), **more}
    return [(notice.code, notice.path) for notice in review(body)]


def page(*questions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"questions": list(questions), **more}


@pytest.mark.parametrize(
    ("tree", "never"),
    [
        (on_answers("nps", "lte", 6), False),
        (on_answers("nps", "gt", 10), True),
        (on_answers("nps", "eq", 10), False),
        (on_answers("nps", "between", [11, 20]), True),
        (on_answers("nps", "exists"), False),
        (on_answers("nps", "missing"), False),
        (on_answers("gone", "eq", 1), True),
        (on_answers("gone", "missing"), False),
        ({"all": [on_answers("nps", "lte", 3), on_answers("nps", "gte", 7)]}, True),
        ({"all": [on_answers("nps", "lte", 7), on_answers("nps", "gte", 7)]}, False),
        ({"any": [on_answers("nps", "gt", 10), on_answers("gone", "eq", 1)]}, True),
        ({"any": [on_answers("nps", "gt", 10), on_answers("nps", "eq", 1)]}, False),
        ({"all": [{"any": [on_answers("nps", "gt", 10)]}, on_answers("nps", "eq", 1)]}, True),
        ({"not": on_answers("nps", "gt", 10)}, False),
        (on_answers("one", "eq", "b"), False),
        (on_answers("one", "eq", "c"), True),
        (on_answers("one", "in", ["c", "b"]), False),
        (on_answers("one", "eq", "other"), True),
        (on_answers("free", "eq", "other"), False),
        (on_answers("free_other", "contains", "late"), False),
        (on_answers("stars", "eq", 4), True),
        (on_answers("agree", "eq", value=False), False),
        (on_answers("words", "eq", "whatever"), False),
        ({"field": "contact.attributes.plan", "op": "eq", "value": "x"}, False),
        ({"field": "answers.nps"}, False),
        ("nonsense", False),
    ],
)
def test_what_can_never_hold_is_found(tree: Any, never: bool) -> None:
    first = page(
        NPS,
        {"id": "one", "type": "single", "text": "Which?", "options": ["a", {"value": "b", "text": "B"}]},
        {"id": "free", "type": "dropdown", "text": "Which?", "options": ["a"], "other": True},
        {"id": "stars", "type": "rating", "text": "Stars?", "max": 3},
        {"id": "agree", "type": "yes_no", "text": "Agreed?"},
        {"id": "words", "type": "text", "text": "Say?"},
    )
    assert told(first, page(WHY, show_if=tree)) == [("page_never", ("pages", 1, "show_if"))] * never
    place = ("pages", 1, "questions", 0, "show_if")
    assert told(first, page({**WHY, "show_if": tree})) == [("question_never", place)] * never


@pytest.mark.parametrize(
    ("jumps", "unreachable"),
    [
        ([], []),
        ([{"to": "end"}], [1, 2]),
        ([{"to": "last"}], [1]),
        ([{"if": on_answers("nps", "lte", 6), "to": "last"}], []),
        ([{"if": on_answers("nps", "lte", 6), "to": "last"}, {"to": "end"}], [1]),
        ([{"to": "nowhere"}], [1, 2]),
    ],
)
def test_pages_that_every_way_passes_by_are_found(jumps: list[Any], unreachable: list[int]) -> None:
    found = told(page(NPS, jumps=jumps), page(WHY), page({**WHY, "id": "more"}, id="last"))
    assert found == [("page_unreachable", ("pages", number)) for number in unreachable]


def test_a_page_that_is_not_always_shown_leads_on_when_it_is_not() -> None:
    some = page({**WHY, "id": "a"}, show_if=on_answers("nps", "lte", 6), jumps=[{"to": "end"}])
    assert told(page(NPS), some, page(WHY)) == []


def test_endings_behind_one_for_everybody_are_found() -> None:
    endings = [{"if": on_answers("nps", "gt", 99), "text": "A"}, {"text": "B"}, {"text": "C"}]
    assert told(page(NPS), endings=endings) == [("ending_never", ("endings", 0)), ("ending_never", ("endings", 2))]


def test_missing_translations_are_found_at_their_place() -> None:
    question = {
        "id": "one",
        "type": "single",
        "text": {"en": "Which?", "ru": "Какой?"},
        "help": {"en": "Choose.", "ru": " "},
        "options": ["bare", {"value": "b", "text": {"en": "B"}}],
    }
    found = told(
        page(question, NPS),
        languages=["en", "ru"],
        endings=[{"text": {"en": "Bye"}}],
        message={"subject": {"en": "Hello"}, "reason": {"en": "So", "ru": "Так"}},
    )
    assert found == [
        ("untranslated", ("pages", 0, "questions", 0, "help")),
        ("untranslated", ("pages", 0, "questions", 0, "options", 1)),
        ("untranslated", ("pages", 0, "questions", 1, "text")),
        ("untranslated", ("endings", 0, "text")),
        ("untranslated", ("message", "subject")),
    ]


@pytest.mark.parametrize(
    ("text", "kind", "codes"),
    [
        ("Was the courier friendly and fast?", "csat", ["double"]),
        ("Was the courier friendly and fast?", "text", []),
        ("How satisfied are you with our terms and conditions?", "csat", []),
        ("Вам понравились доставка и упаковка?", "yes_no", ["double"]),
        ("Как вам доставка, а также упаковка?", "rating", ["double"]),
        ("Is Iceland sandy?", "yes_no", []),
        ("Don’t you think our service got better?", "yes_no", ["leading"]),
        ("How much do you love our boxes?", "rating", ["leading"]),
        ("Согласитесь, стало лучше?", "yes_no", ["leading"]),
        ("Как вам наш отличный сервис?", "text", ["leading"]),
        ("Насколько вы нами довольны?", "csat", []),
        ("How likely are you to recommend us to a friend?", "nps", []),
        ("Насколько вероятно, что вы порекомендуете нас друзьям?", "nps", []),
        ("What is the main reason for your answer?", "text", []),
        ("word " * 31, "text", ["wordy"]),
        ("word " * 31, "statement", []),
    ],
)
def test_double_leading_and_wordy_questions_are_found(text: str, kind: str, codes: list[str]) -> None:
    assert [code for code, _ in told(page({"id": "q", "type": kind, "text": {"en": text}}))] == codes


def test_it_is_said_how_long_it_takes() -> None:
    assert question_seconds(NPS) == 6.5
    assert question_seconds({"type": "matrix", "text": "", "rows": ["a", "b"], "options": ["x"]}) == 6.75
    assert question_seconds({"type": "text", "text": {"en": "a b", "ru": "a b c d longer"}, "long": True}) == 31.25
    assert expected_seconds({"pages": [page(NPS, {**WHY, "long": True})]}) == 39
    assert told(*[page({**WHY, "id": f"q{n}", "long": True}) for n in range(5)]) == [("long", ("pages",))]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"pages": 7, "endings": "x", "message": 3, "languages": "en"},
        {"pages": [1, {}, {"questions": [2, {}, {"type": ["nps"], "options": 4, "show_if": {"all": [3]}}]}]},
        {
            "languages": [1, "ru"],
            "pages": [{"jumps": [{"to": 4}], "questions": [{"text": {"en": 1}}]}],
            "endings": [{}],
        },
    ],
)
def test_what_is_not_right_yet_is_reviewed_all_the_same(body: Any) -> None:
    review(body)
