"""Triggers: what is read from what is written, the defaults, and every fault at its place."""

from datetime import timedelta
from typing import Any

import pytest

from surveys.definition import Path, read
from surveys.quotas import Quota
from surveys.triggers import (
    FRESH,
    LINK_LIFE,
    PILOT,
    Notify,
    Sample,
    Send,
    SetAttribute,
    Task,
    Trigger,
    read_trigger,
)
from tests.surveys.faults import assert_fault, faults_of

DAY = timedelta(days=1)
SEND = {"send": {"survey": "nps"}}
BASE = {"slug": "upgrade-nps", "when": {"event": "upgraded"}, "then": [SEND]}


def trigger(**fields: Any) -> Trigger:
    return read({**BASE, **fields}, read_trigger)


def test_a_trigger_is_read_as_written() -> None:
    written = {
        "slug": "upgrade-nps",
        "name": "NPS after an upgrade",
        "status": "live",
        "class": "relationship",
        "priority": 70,
        "touchpoint": "Upgrade",
        "when": {"event": "subscription.upgraded", "occurrence": "first"},
        "if": {"field": "properties.amount", "op": "gte", "value": 1000},
        "sample": {"rate": 0.3, "redraw": "90d", "holdout": 0.05, "quota": {"responses": 400, "per": "7d"}},
        "fresh": "12h",
        "then": [
            {
                "send": {
                    "survey": "nps-upgrade",
                    "channels": ["email"],
                    "delay": "1d",
                    "expires": "14d",
                    "blocked": "drop",
                    "message": {"subject": {"en": "How was it?", "ru": "Как всё прошло?"}, "reason": "You upgraded."},
                }
            },
            {"message": {"text": {"en": "Thanks"}, "class": "service", "delay": "5m", "sender": "Ada"}},
            {"task": {"department": "care", "title": "Call", "priority": "high", "due": "4h"}},
            {"notify": {"channel": "care-chat", "text": "Look"}},
            {"set": {"attribute": "interest", "from": "answers.topic"}},
        ],
    }
    found = read(written, read_trigger)
    assert (found.slug, found.name, found.status) == ("upgrade-nps", "NPS after an upgrade", "live")
    assert (found.class_, found.priority, found.touchpoint) == ("relationship", 70, "Upgrade")
    assert (found.event, found.first_only) == ("subscription.upgraded", True)
    assert found.condition.trees == (written["if"],)
    assert found.sample == Sample(0.3, 90 * DAY, 0.05, Quota("responses", 400, 7 * DAY))
    assert found.fresh == timedelta(hours=12)
    assert found.actions == (
        Send(
            "nps-upgrade",
            None,
            ("email",),
            DAY,
            14 * DAY,
            "relationship",
            {"subject": {"en": "How was it?", "ru": "Как всё прошло?"}, "reason": {"en": "You upgraded."}},
        ),
        Send(None, {"en": "Thanks"}, ("email",), timedelta(minutes=5), None, "service", {"sender": {"en": "Ada"}}),
        Task("care", "Call", "high", timedelta(hours=4)),
        Notify("care-chat", "Look"),
        SetAttribute("interest", "answers.topic"),
    )
    assert [number for number, _ in found.sends] == [0, 1]


def test_what_is_not_written_has_a_default() -> None:
    found = trigger()
    assert (found.name, found.status, found.class_, found.priority) == ("upgrade-nps", "draft", "transactional", 50)
    assert (found.touchpoint, found.first_only, found.fresh, found.sample) == (
        None,
        False,
        FRESH,
        Sample(1.0, None, 0.0, None),
    )
    assert (timedelta(hours=48), timedelta(days=7), 0.05) == (FRESH, LINK_LIFE, PILOT)
    assert found.condition.clauses == ()
    assert found.actions == (Send("nps", None, ("email",), timedelta(0), LINK_LIFE, "transactional", {}),)
    (task,) = trigger(then=[{"task": {"department": "care", "title": "Call"}}]).actions
    assert task == Task("care", "Call", "normal", None)


def test_a_quota_may_be_of_invitations_and_of_an_hour() -> None:
    assert trigger(sample={"quota": {"invitations": 3, "per": "1h"}}).sample.quota == Quota(
        "invitations", 3, timedelta(hours=1)
    )


def test_a_message_has_the_class_of_its_trigger_unless_it_names_one() -> None:
    messages = [{"message": {"text": "a"}}, {"message": {"text": "b", "class": "service"}}]
    found = trigger(then=messages, **{"class": "marketing"})
    assert [send.class_ for _, send in found.sends] == ["marketing", "service"]


def test_a_survey_may_be_a_popup_and_is_a_mail_where_nothing_is_said() -> None:
    sends = [SEND, {"send": {"survey": "nps", "channels": ["web", "email"]}}]
    assert [send.channels for _, send in trigger(then=sends).sends] == [("email",), ("web", "email")]


@pytest.mark.parametrize(
    ("sample", "probability"),
    [({}, 1.0), ({"rate": 0.3}, 0.3), ({"holdout": 0.1}, 0.9), ({"rate": 0.5, "holdout": 0.2}, 0.4), ({"rate": 0}, 0)],
)
def test_the_probability_of_inclusion_is_the_rate_without_the_holdout(sample: Any, probability: float) -> None:
    assert trigger(sample=sample).sample.probability == pytest.approx(probability)


def test_a_pilot_asks_a_part_of_its_sample() -> None:
    assert trigger(status="pilot", sample={"rate": 0.4, "holdout": 0.1}).sample == Sample(0.4 * PILOT, None, 0.1)
    assert trigger(status="pilot").sample.rate == PILOT
    assert trigger(status="live", sample={"rate": 0.4}).sample.rate == 0.4


def then(kind: str, **fields: Any) -> dict[str, Any]:
    return {"then": [SEND, {kind: fields}]}


FAULTS: list[tuple[dict[str, Any], Path, str]] = [
    ({"slug": "Upgrade"}, ("slug",), "lower-case"),
    ({"slug": 5}, ("slug",), "must be text"),
    ({"name": ""}, ("name",), "must be text"),
    ({"name": "x" * 201}, ("name",), "longer than 200"),
    ({"status": "on"}, ("status",), "draft, paused, pilot, live"),
    ({"class": "vip"}, ("class",), "must be one of transactional"),
    ({"priority": 101}, ("priority",), "whole number from 0 to 100"),
    ({"priority": "high"}, ("priority",), "whole number from 0 to 100"),
    ({"touchpoint": "x" * 101}, ("touchpoint",), "longer than 100"),
    ({"colour": "red"}, ("colour",), "unknown field"),
    ({"when": "upgraded"}, ("when",), "must be a mapping"),
    ({"when": {}}, ("when",), "must say when: event"),
    ({"when": {"event": ""}}, ("when", "event"), "must be text"),
    ({"when": {"event": "a", "occurrence": "second"}}, ("when", "occurrence"), "must be one of first"),
    ({"when": {"event": "a", "cron": "* * * * *"}}, ("when", "cron"), "unknown field"),
    ({"if": 5}, ("if",), "must be a condition"),
    ({"if": {"all": [{"field": "x", "op": "exists"}]}}, ("if", "all", 0, "field"), "must be a path"),
    ({"sample": 0.3}, ("sample",), "must be a mapping"),
    ({"sample": {"rate": 30}}, ("sample", "rate"), "number from 0 to 1"),
    ({"sample": {"rate": "30%"}}, ("sample", "rate"), "number from 0 to 1"),
    ({"sample": {"holdout": -0.1}}, ("sample", "holdout"), "number from 0 to 1"),
    ({"sample": {"redraw": "12h"}}, ("sample", "redraw"), "at least a day"),
    ({"sample": {"redraw": "0s"}}, ("sample", "redraw"), "at least a day"),
    ({"sample": {"redraw": 90}}, ("sample", "redraw"), "must be a duration"),
    ({"sample": {"quota": 400}}, ("sample", "quota"), "must be a mapping"),
    ({"sample": {"quota": {"responses": 400}}}, ("sample", "quota"), "per is missing"),
    ({"sample": {"quota": {"per": "7d"}}}, ("sample", "quota"), "needs either responses or invitations"),
    ({"sample": {"quota": {"responses": 5, "invitations": 5, "per": "7d"}}}, ("sample", "quota"), "needs either"),
    ({"sample": {"quota": {"responses": 0, "per": "7d"}}}, ("sample", "quota", "responses"), "whole number from 1"),
    ({"sample": {"quota": {"responses": 5, "per": "week"}}}, ("sample", "quota", "per"), "must be a duration"),
    ({"sample": {"share": 0.3}}, ("sample", "share"), "unknown field"),
    ({"fresh": "0s"}, ("fresh",), "longer than nothing"),
    ({"sample": {"quota": {"responses": 5, "per": "59m"}}}, ("sample", "quota", "per"), "at least an hour"),
    ({"sample": {"quota": {"responses": 5, "per": "0s"}}}, ("sample", "quota", "per"), "longer than nothing"),
    (then("send", survey="nps", expires="0s"), ("then", 1, "send", "expires"), "longer than nothing"),
    ({"fresh": "long"}, ("fresh",), "must be a duration"),
    ({"then": SEND}, ("then",), "must be a list"),
    ({"then": []}, ("then",), "between 1 and"),
    ({"then": [SEND, "send"]}, ("then", 1), "must be one action"),
    ({"then": [SEND, {}]}, ("then", 1), "must be one action"),
    ({"then": [{**SEND, "notify": {}}]}, ("then", 0), "must be one action"),
    ({"then": [{"call": {}}]}, ("then", 0, "call"), "unknown field"),
    ({"then": [{"send": "nps"}]}, ("then", 0, "send"), "must be a mapping"),
    (then("send"), ("then", 1, "send"), "survey is missing"),
    (then("send", survey="NPS"), ("then", 1, "send", "survey"), "lower-case"),
    (then("send", survey="nps", channels=[]), ("then", 1, "send", "channels"), "between 1 and"),
    (then("send", survey="nps", channels=["email", "fax"]), ("then", 1, "send", "channels", 1), "must be one of"),
    (then("message", text="Hi", channels=["web"]), ("then", 1, "message", "channels", 0), "must be one of email"),
    (then("send", survey="nps", delay="soon"), ("then", 1, "send", "delay"), "must be a duration"),
    (then("send", survey="nps", expires=7), ("then", 1, "send", "expires"), "must be a duration"),
    (then("send", survey="nps", blocked="wait"), ("then", 1, "send", "blocked"), "must be one of drop"),
    (then("send", survey="nps", message="Hi"), ("then", 1, "send", "message"), "must be a mapping"),
    (then("send", survey="nps", message={"body": "x"}), ("then", 1, "send", "message", "body"), "unknown field"),
    (
        then("send", survey="nps", message={"subject": {"ru": 5}}),
        ("then", 1, "send", "message", "subject", "ru"),
        "must be text",
    ),
    (then("send", survey="nps", text="x"), ("then", 1, "send", "text"), "unknown field"),
    (then("message"), ("then", 1, "message"), "text is missing"),
    (then("message", text={}), ("then", 1, "message", "text"), "at least one language"),
    (then("message", text="x", **{"class": "vip"}), ("then", 1, "message", "class"), "must be one of"),
    (then("message", text="x", channels="email"), ("then", 1, "message", "channels"), "must be a list"),
    (then("message", text="x", subject=5), ("then", 1, "message", "subject"), "must be a mapping"),
    (then("task", title="Call"), ("then", 1, "task"), "department is missing"),
    (then("task", department="care"), ("then", 1, "task"), "title is missing"),
    (then("task", department="Care", title="x"), ("then", 1, "task", "department"), "lower-case"),
    (then("task", department="care", title="x" * 301), ("then", 1, "task", "title"), "longer than 300"),
    (then("task", department="care", title="x", priority="now"), ("then", 1, "task", "priority"), "low, normal, high"),
    (then("task", department="care", title="x", due="soon"), ("then", 1, "task", "due"), "must be a duration"),
    (then("notify", text="x"), ("then", 1, "notify"), "channel is missing"),
    (then("notify", channel="care"), ("then", 1, "notify"), "text is missing"),
    (then("notify", channel=5, text="x"), ("then", 1, "notify", "channel"), "must be text"),
    (then("notify", channel="care", text=""), ("then", 1, "notify", "text"), "must be text"),
    (then("set", attribute="a"), ("then", 1, "set"), "from is missing"),
    (then("set", **{"from": "answers.a"}), ("then", 1, "set"), "attribute is missing"),
    (then("set", attribute="x" * 65, **{"from": "answers.a"}), ("then", 1, "set", "attribute"), "longer than 64"),
    (then("set", attribute="a", **{"from": "contact.name"}), ("then", 1, "set", "from"), "answers or properties"),
    (then("set", attribute="a", **{"from": 5}), ("then", 1, "set", "from"), "must be text"),
]


@pytest.mark.parametrize(("fields", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(fields: dict[str, Any], path: Path, words: str) -> None:
    assert_fault(read_trigger, {**BASE, **fields}, path, words)


@pytest.mark.parametrize("missing", ["slug", "when", "then"])
def test_what_a_trigger_cannot_do_without_is_missed(missing: str) -> None:
    assert_fault(read_trigger, {k: v for k, v in BASE.items() if k != missing}, (), f"{missing} is missing")


def test_what_is_no_mapping_is_no_trigger() -> None:
    assert_fault(read_trigger, ["upgrade-nps"], (), "must be a mapping")


def test_every_fault_is_reported_at_once() -> None:
    written = {**BASE, "status": "on", "sample": {"rate": 5, "quota": {"responses": 0}}, "then": [{}, {"task": {}}]}
    assert [path for path, _ in faults_of(read_trigger, written)] == [
        ("status",),
        ("sample", "rate"),
        ("sample", "quota"),
        ("sample", "quota", "responses"),
        ("then", 0),
        ("then", 1, "task"),
        ("then", 1, "task"),
    ]
