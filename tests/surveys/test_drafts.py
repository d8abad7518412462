"""A survey while it is written: whole in parts, changed by two at once, shown before it is right."""

from copy import deepcopy
from typing import Any

import pytest

from surveys.definition import InvalidDefinition, read
from surveys.drafts import (
    Change,
    Draft,
    as_stored,
    change_draft,
    from_stored,
    place_of,
    put_together,
    read_changes,
    renewed,
    showable,
    take_apart,
)

BODY: dict[str, Any] = {
    "slug": "s",
    "name": "S",
    "languages": ["en", "ru"],
    "pages": [
        {"id": "first", "questions": [{"id": "nps", "type": "nps", "text": {"en": "How likely?"}}]},
        {
            "show_if": {"field": "answers.nps", "op": "lte", "value": 6},
            "questions": [
                {"id": "why", "type": "text", "text": {"en": "Why?"}},
                {"id": "else", "type": "text", "text": {"en": "What else?"}},
            ],
        },
    ],
    "endings": [{"text": {"en": "Thanks"}}],
    "message": {"subject": {"en": "Hello"}},
    "theme": {"corner": 4},
    "back": False,
}


def question(text: str) -> dict[str, Any]:
    return {"id": "why", "type": "text", "text": {"en": text}}


def drafted() -> Draft:
    return take_apart(deepcopy(BODY))


def ids(draft: Draft) -> list[list[str]]:
    return [[q["id"] for q in page["questions"]] for page in put_together(draft, "s")["pages"]]


def test_a_body_comes_back_whole_from_its_parts_and_from_what_is_stored() -> None:
    assert put_together(drafted(), "s") == BODY
    assert put_together(from_stored(as_stored(drafted())), "s") == BODY
    assert list(put_together(drafted(), "s")) == [
        "slug",
        "name",
        "languages",
        "pages",
        "endings",
        "message",
        "theme",
        "back",
    ]


def test_two_who_change_different_questions_both_keep_what_they_did() -> None:
    draft = drafted()
    assert change_draft(draft, [Change("set", "q2", question("A"))], "anna", 1) == []
    assert change_draft(draft, [Change("set", "q1", {"id": "nps"})], "boris", 2) == []
    assert (draft.parts["q2"]["text"], draft.parts["q1"]) == ({"en": "A"}, {"id": "nps"})


def test_two_who_change_one_question_overwrite_nothing_and_are_both_told() -> None:
    draft = drafted()
    change_draft(draft, [Change("set", "q2", question("A"))], "anna", 1)
    [conflict] = change_draft(draft, [Change("set", "q2", question("B"), seen=0)], "boris", 2)
    assert (conflict.key, conflict.theirs, conflict.by) == ("q2", question("A"), "anna")
    assert draft.parts["q2"] == question("A")
    assert (draft.mark("q2").by, draft.mark("q2").wanted_by) == ("anna", "boris")
    assert change_draft(draft, [Change("set", "q2", question("B"), seen=1)], "boris", 3) == []
    assert draft.parts["q2"] == question("B")
    assert draft.mark("q2").wanted_by == ""


def test_of_several_changes_only_those_in_conflict_wait() -> None:
    draft = drafted()
    change_draft(draft, [Change("set", "q2", question("A"))], "anna", 1)
    found = change_draft(draft, [Change("set", "q2", question("B")), Change("set", "theme", {"corner": 9})], "boris", 2)
    assert [conflict.key for conflict in found] == ["q2"]
    assert draft.parts["theme"] == {"corner": 9}


def test_what_was_done_already_is_done_again_without_a_trace() -> None:
    draft = drafted()
    changes = [
        Change("add", "qnew", question("New"), page="p1", after="q1"),
        Change("set", "q1", {"id": "nps"}),
        Change("remove", "q3"),
    ]
    assert change_draft(draft, changes, "anna", 1) == []
    before = deepcopy(as_stored(draft))
    assert change_draft(draft, changes, "anna", 2) == []
    assert as_stored(draft) == before


def test_what_somebody_changed_is_not_removed_unseen_and_what_was_removed_is_not_changed_in_silence() -> None:
    draft = drafted()
    change_draft(draft, [Change("set", "q2", question("A"))], "anna", 1)
    [conflict] = change_draft(draft, [Change("remove", "q2", seen=0)], "boris", 2)
    assert (conflict.theirs, "q2" in draft.parts) == (question("A"), True)
    [conflict] = change_draft(draft, [Change("remove", "p2", seen=0)], "boris", 3)
    assert conflict.key == "q2"
    assert change_draft(draft, [Change("remove", "q2", seen=3)], "boris", 4) == []
    [conflict] = change_draft(draft, [Change("set", "q2", question("C"), seen=1)], "anna", 5)
    assert (conflict.theirs, conflict.by) == (None, "boris")


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (Change("move", "q3", page="p2", after=None), [["nps"], ["else", "why"]]),
        (Change("move", "q3", page="p1", after="q1"), [["nps", "else"], ["why"]]),
        (Change("move", "q3", page="gone", after="gone"), [["nps"], ["why", "else"]]),
        (Change("move", "p2", kind="page", after=None), [["why", "else"], ["nps"]]),
        (Change("move", "p2", kind="question", page="p1", after=None), [["why", "else"], ["nps"]]),
        (Change("move", "nothing", page="p1"), [["nps"], ["why", "else"]]),
        (Change("remove", "p2", seen=0), [["nps"]]),
        (Change("remove", "head", seen=0), [["nps"], ["why", "else"]]),
        (Change("add", "pnew", {}, kind="page", after="p1"), [["nps"], [], ["why", "else"]]),
        (Change("add", "qnew", {"id": "x"}, page="p1", after=None), [["x", "nps"], ["why", "else"]]),
        (Change("add", "qnew", {"id": "x"}, page="p2", after="q2"), [["nps"], ["why", "x", "else"]]),
    ],
)
def test_parts_stand_where_they_are_put(change: Change, wanted: list[list[str]]) -> None:
    draft = drafted()
    assert change_draft(draft, [change], "anna", 1) == []
    assert ids(draft) == wanted


def test_a_question_added_where_no_page_is_left_gets_one() -> None:
    draft = drafted()
    change_draft(draft, [Change("remove", "p1"), Change("remove", "p2")], "anna", 1)
    change_draft(draft, [Change("add", "qnew", {"id": "x"}, page="p1")], "anna", 2)
    assert ids(draft) == [["x"]]


def test_endings_are_ordered_among_themselves() -> None:
    draft = drafted()
    change_draft(draft, [Change("add", "enew", {"text": {"en": "First"}}, kind="ending", after=None)], "anna", 1)
    assert draft.endings == ["enew", "e1"]
    change_draft(draft, [Change("move", "enew", after="e1")], "anna", 2)
    assert draft.endings == ["e1", "enew"]
    change_draft(draft, [Change("remove", "e1", seen=2)], "anna", 3)
    assert draft.endings == ["enew"]


def test_another_body_comes_under_other_keys() -> None:
    fresh = renewed(drafted(), 7, "anna")
    assert put_together(fresh, "s") == BODY
    assert set(fresh.parts) & set(drafted().parts) == {"head", "message", "theme"}
    [conflict] = change_draft(fresh, [Change("set", "q2", question("Late"), seen=6)], "boris", 8)
    assert conflict.theirs is None


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (("pages", 1, "questions", 0, "text", "en"), ("q2", ("text", "en"))),
        (("pages", 1, "show_if"), ("p2", ("show_if",))),
        (("endings", 0, "offer"), ("e1", ("offer",))),
        (("theme", "corner"), ("theme", ("corner",))),
        (("message", "subject", "en"), ("message", ("subject", "en"))),
        (("pages", 1, "questions", 9, "text"), ("p2", ("questions", 9, "text"))),
        (("pages", 9), ("head", ("pages", 9))),
        (("languages",), ("head", ("languages",))),
    ],
)
def test_faults_find_their_part(path: Any, wanted: Any) -> None:
    assert place_of(drafted(), path) == wanted


@pytest.mark.parametrize(
    "sent",
    [
        "nothing",
        [1],
        [{"verb": "burn", "key": "q1"}],
        [{"verb": "set", "key": "Q 1", "value": {}}],
        [{"verb": "set", "key": "q1", "value": "text"}],
        [{"verb": "set", "key": "q1"}],
        [{"verb": "add", "key": "q1", "value": {}, "kind": "planet"}],
        [{"verb": "move", "key": "q1", "page": 7}],
        [{"verb": "remove"}],
        [{"verb": "remove", "key": "q1", "seen": "yesterday"}],
        [{"verb": "remove", "key": "q1"}] * 2_001,
    ],
)
def test_changes_that_are_none_are_refused(sent: Any) -> None:
    with pytest.raises(InvalidDefinition):
        read(sent, read_changes)


def test_changes_are_read_as_they_are_sent() -> None:
    sent = [
        {"verb": "add", "key": "qa1", "kind": "question", "page": "p1", "after": None, "value": {"id": "x"}, "seen": 3}
    ]
    assert read(sent, read_changes) == [Change("add", "qa1", {"id": "x"}, 3, "question", "p1", None)]


@pytest.mark.parametrize(
    ("pages", "wanted"),
    [
        ([], [["empty"]]),
        ([{}], [["empty"]]),
        ([{"questions": [{}]}], [["unready_0"]]),
        ([{"questions": [{"id": "a", "type": "nps", "text": {}}]}], [["a"]]),
        ([{"questions": [{"id": "a", "type": "single", "text": {"en": "?"}, "options": []}]}], [["a"]]),
        ([{"show_if": {"what": 1}, "questions": [{"id": "a", "type": "nps", "text": {"en": "?"}}]}], [["a"]]),
    ],
)
def test_a_draft_can_be_shown_before_it_is_right(pages: Any, wanted: list[list[str]]) -> None:
    body = {
        "languages": "none",
        "pages": pages,
        "endings": [{}, {"text": "Bye", "if": 1, "link": {"url": ""}}],
        "theme": 4,
    }
    survey = showable(body, "not yet", "nothing")
    assert [[question.id for question in page.questions] for page in survey.pages] == wanted
    assert [ending.text for ending in survey.endings] == [{"en": "…"}, {"en": "Bye"}]
