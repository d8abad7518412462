"""The catalog: everything a company defines, read together and checked for what points to what."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from surveys.catalog import READERS, Catalog, broken_references, read_catalog
from surveys.definition import Fault

MEADOW = yaml.safe_load((Path(__file__).parent.parent / "data" / "meadow.yaml").read_text())
SURVEY = {"slug": "nps", "pages": [{"questions": [{"id": "nps", "type": "nps", "text": "?"}]}]}
SEND = {"send": {"survey": "nps"}}
TRIGGER = {"slug": "ask", "status": "live", "when": {"event": "upgraded"}, "then": [SEND]}
CARE = {"slug": "care"}
OFFER = {"slug": "winback-10", "codes": ["a"]}


def catalog(**kinds: Any) -> Catalog:
    found, faults = read_catalog([kinds])
    assert faults == []
    return found


def test_the_company_of_the_demo_is_read_without_a_fault() -> None:
    found = catalog(**MEADOW)
    assert found.policy == MEADOW["policy"]
    assert {kind: sorted(found.slugs(kind)) for kind in READERS} == {
        "departments": ["care"],
        "sources": ["shop"],
        "segments": ["premium"],
        "offers": ["winback-10"],
        "surveys": ["nps-upgrade"],
        "triggers": ["unhappy-upgrade", "upgrade-nps"],
    }
    assert broken_references(found, {}) == []
    assert found.bodies["triggers"]["upgrade-nps"] == MEADOW["triggers"][0]
    assert found.objects["triggers"]["upgrade-nps"].priority == 50
    assert found.places["triggers", "unhappy-upgrade"] == (0, "triggers", 1)


def test_definitions_may_be_spread_over_documents() -> None:
    found, faults = read_catalog([{"surveys": [SURVEY]}, None, {"triggers": [TRIGGER]}, {}])
    assert faults == []
    assert found.places == {("surveys", "nps"): (0, "surveys", 0), ("triggers", "ask"): (2, "triggers", 0)}
    assert found.policy is None


def test_nothing_is_a_catalog_too() -> None:
    found, faults = read_catalog([])
    assert (found.policy, faults) == (None, [])
    assert not any(found.slugs(kind) for kind in READERS)


@pytest.mark.parametrize(
    ("documents", "fault"),
    [
        (["text"], Fault((0,), "must be a mapping of fields")),
        ([{}, []], Fault((1,), "must be a mapping of fields")),
        ([{}, {"triggers": {}}], Fault((1, "triggers"), "must be a list")),
        ([{"departments": [CARE, "care"]}], Fault((0, "departments", 1), "must be a mapping of fields")),
        ([{"policy": {}}, {"policy": {}}], Fault((1, "policy"), "there is a policy already")),
        ([{"departments": [CARE, CARE]}], Fault((0, "departments", 1, "slug"), "there is already one called care")),
        (
            [{"departments": [CARE]}, {"departments": [CARE]}],
            Fault((1, "departments", 0, "slug"), "there is already one called care"),
        ),
        ([{"sources": [{"slug": "api"}]}], Fault((0, "sources", 0, "slug"), "api is built in")),
        ([{"sources": [{"slug": "otklik"}]}], Fault((0, "sources", 0, "slug"), "otklik is built in")),
        ([{"segments": [{"slug": "a"}]}], Fault((0, "segments", 0), "if is missing")),
        (
            [{"surveys": [{"slug": "a", "pages": [{"questions": [{"id": "q", "type": "nps", "text": 5}]}]}]}],
            Fault((0, "surveys", 0, "pages", 0, "questions", 0, "text"), "must be a mapping"),
        ),
    ],
)
def test_a_fault_is_reported_where_it_stands(documents: list[Any], fault: Fault) -> None:
    _, faults = read_catalog(documents)
    assert faults == [fault]


def test_an_unknown_kind_is_a_fault_where_it_stands() -> None:
    _, faults = read_catalog([{"trigger": []}])
    assert [fault.path for fault in faults] == [(0, "trigger")]


def test_the_faults_of_all_documents_gather() -> None:
    documents = [{"policy": {"exempt": 5}}, {"offers": [OFFER, {}], "triggers": [{**TRIGGER, "status": "on"}]}]
    _, faults = read_catalog(documents)
    assert [fault.path for fault in faults] == [(0, "policy", "exempt"), (1, "offers", 1), (1, "triggers", 0, "status")]


def test_what_has_a_fault_is_named_and_is_no_object() -> None:
    found, faults = read_catalog([{"triggers": [{**TRIGGER, "status": "on"}, {**TRIGGER, "slug": "other"}]}])
    assert len(faults) == 1
    assert found.slugs("triggers") == {"ask", "other"}
    assert set(found.objects["triggers"]) == {"other"}


# References.

REFERENCES: list[tuple[dict[str, Any], list[Fault]]] = [
    ({"triggers": [TRIGGER], "surveys": [SURVEY]}, []),
    (
        {"triggers": [TRIGGER]},
        [
            Fault(
                (0, "triggers", 0, "then", 0, "send", "survey"), "there is no survey nps, so the trigger cannot be live"
            )
        ],
    ),
    (
        {"triggers": [{**TRIGGER, "status": "pilot"}]},
        [
            Fault(
                (0, "triggers", 0, "then", 0, "send", "survey"),
                "there is no survey nps, so the trigger cannot be pilot",
            )
        ],
    ),
    ({"triggers": [{**TRIGGER, "status": "draft"}]}, []),
    ({"triggers": [{**TRIGGER, "status": "paused"}]}, []),
    (
        {
            "triggers": [
                {**TRIGGER, "then": [{"message": {"text": "Hi"}}, {"task": {"department": "care", "title": "x"}}]}
            ]
        },
        [
            Fault(
                (0, "triggers", 0, "then", 1, "task", "department"),
                "there is no department care, so the trigger cannot be live",
            )
        ],
    ),
    (
        {"triggers": [{**TRIGGER, "then": [{"notify": {"channel": "care", "text": "x"}}]}]},
        [
            Fault(
                (0, "triggers", 0, "then", 0, "notify", "channel"),
                "there is no department care, so the trigger cannot be live",
            )
        ],
    ),
    ({"triggers": [{**TRIGGER, "then": [{"notify": {"channel": "a@example.com", "text": "x"}}]}]}, []),
    ({"surveys": [{**SURVEY, "endings": [{"text": "x", "offer": "winback-10"}]}], "offers": [OFFER]}, []),
    (
        {"surveys": [{**SURVEY, "endings": [{"text": "x"}, {"text": "y", "offer": "winback-10"}]}]},
        [Fault((0, "surveys", 0, "endings", 1, "offer"), "there is no offer winback-10")],
    ),
]


@pytest.mark.parametrize(("kinds", "faults"), REFERENCES)
def test_what_points_to_nothing_is_a_fault_where_it_points(kinds: dict[str, Any], faults: list[Fault]) -> None:
    assert broken_references(catalog(**kinds), {}) == faults


def test_what_is_there_already_can_be_pointed_to() -> None:
    there = {"surveys": {"nps"}, "departments": ["care"], "offers": ("winback-10",)}
    for kinds, _ in REFERENCES:
        assert broken_references(catalog(**kinds), there) == []


def test_a_reference_is_to_its_own_kind() -> None:
    there = {"departments": {"nps"}, "offers": {"nps"}, "triggers": {"nps"}}
    assert len(broken_references(catalog(triggers=[TRIGGER]), there)) == 1


SEGMENT = {"slug": "premium", "if": {"field": "contact.attributes.plan", "op": "eq", "value": "premium"}}


@pytest.mark.parametrize(
    ("when", "below", "noun"),
    [
        ({"enters": "premium"}, "enters", "segment"),
        ({"exits": "premium"}, "exits", "segment"),
        ({"on": "03-08", "segment": "premium"}, "segment", "segment"),
        ({"cron": "0 10 1 * *", "segment": "premium"}, "segment", "segment"),
        ({"now": "premium"}, "now", "segment or list"),
    ],
)
def test_a_moment_is_of_a_segment_that_there_is(when: dict[str, Any], below: str, noun: str) -> None:
    found = catalog(surveys=[SURVEY], triggers=[TRIGGER | {"when": when}])
    place = (0, "triggers", 0, "when", below)
    assert broken_references(found, {}) == [Fault(place, f"there is no {noun} premium, so the trigger cannot be live")]
    assert broken_references(found, {"segments": ["premium"]}) == []
    assert (
        broken_references(catalog(surveys=[SURVEY], segments=[SEGMENT], triggers=[TRIGGER | {"when": when}]), {}) == []
    )
    assert (broken_references(found, {"lists": ["premium"]}) == []) is (below == "now")


ABOUT_ANOTHER = {"field": "properties.survey", "op": "eq", "value": "csat"}


@pytest.mark.parametrize(
    ("event", "condition", "words"),
    [
        ("timer.ask", None, "is the moment that this trigger itself would be"),
        ("timer.another", None, None),
        ("survey.answered", None, "comes of what this trigger sends itself"),
        (
            "survey.answered",
            {"field": "answers.nps", "op": "lte", "value": 6},
            "comes of what this trigger sends itself",
        ),
        ("survey.answered", ABOUT_ANOTHER, None),
        ("survey.answered", {"all": [{"field": "answers.csat", "op": "gte", "value": 4}, ABOUT_ANOTHER]}, None),
        ("survey.answered", {"any": [{"field": "answers.csat", "op": "gte", "value": 4}, ABOUT_ANOTHER]}, "comes of"),
        ("survey.answered", {"not": {"field": "properties.survey", "op": "eq", "value": "nps"}}, None),
        ("survey.answered", {"field": "properties.survey", "op": "eq", "value": "nps"}, "comes of"),
        ("invitation.expired", {"field": "properties.trigger", "op": "ne", "value": "ask"}, None),
        ("invitation.sent", None, "comes of what this trigger sends itself"),
        ("task.resolved", None, None),
    ],
)
def test_a_trigger_does_not_feed_itself(event: str, condition: Any, words: str | None) -> None:
    written = TRIGGER | {"when": {"event": event}} | ({"if": condition} if condition else {})
    _, faults = read_catalog([{"surveys": [SURVEY], "triggers": [written]}])
    assert [(f.path, words in f.message) for f in faults if words] == (
        [((0, "triggers", 0, "when", "event"), True)] if words else []
    )
    assert bool(faults) is bool(words)


def test_an_answer_to_another_survey_may_be_followed_by_one() -> None:
    other = SURVEY | {"slug": "csat"}
    thanks = {"slug": "thanks", "when": {"event": "survey.answered"}, "then": [{"message": {"text": "Thank you."}}]}
    catalog(surveys=[SURVEY, other], triggers=[thanks])  # a message is not answered
