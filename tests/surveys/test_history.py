"""What is known about a contact at a moment: the facts of an event, complaints, places given back and taken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from surveys.conditions import Facts, PastEvent, read_condition
from surveys.contact_policy import ContactPolicy, Reservation
from surveys.definition import read
from surveys.gates import Address, Contact, Event
from surveys.history import complaint_since, event_of, follow_complaint, release, sent_elsewhere, take
from surveys.rehearsal import Happening

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)
LAPSES = 30 * DAY


def happening(kind: str = "paid", at: datetime = AT, block: dict[str, Any] | None = None, **told: Any) -> Happening:
    return Happening(5, kind, at, 1, block or {}, told)


# Facts.

PROFILE: dict[str, Any] = {
    "name": "Ada",
    "locale": "en",
    "timezone": "UTC",
    "phone": "+7",
    "attributes": {"plan": "free", "age": 30},
}


@pytest.mark.parametrize(
    ("profile", "block", "seen"),
    [
        (PROFILE, {}, PROFILE),
        (PROFILE, {"name": "Bo", "locale": "ru", "timezone": "Asia/Omsk"},
         {**PROFILE, "name": "Bo", "locale": "ru", "timezone": "Asia/Omsk"}),
        (PROFILE, {"name": "", "email": "b@example.com"}, PROFILE),  # what is told empty is not told
        (PROFILE, {"attributes": {"plan": "pro", "vip": True}},
         {**PROFILE, "attributes": {"plan": "pro", "age": 30, "vip": True}}),
        (PROFILE, {"attributes": {}}, PROFILE),
        ({}, {}, {"name": None, "locale": None, "timezone": None, "attributes": {}}),
        ({}, {"attributes": {"plan": "pro"}},
         {"name": None, "locale": None, "timezone": None, "attributes": {"plan": "pro"}}),
    ],
)  # fmt: skip
def test_what_an_event_says_of_its_contact_stands_above_the_profile(
    profile: dict[str, Any], block: dict[str, Any], seen: dict[str, Any]
) -> None:
    before = {**profile, **({"attributes": {**profile["attributes"]}} if profile else {})}
    assert event_of(happening(block=block), profile, {}, {}, first=False).facts.tree["contact"] == seen
    assert profile == before


def test_an_event_carries_its_facts_as_of_its_moment() -> None:
    before = {"seen": [PastEvent(AT - DAY, {})]}
    happened = Happening(5, "paid", AT, 1, {}, {"amount": 7, "answers": {"nps": 9}}, depth=3, ambiguous=True)
    made = event_of(happened, {}, before, {}, first=True)
    contact: dict[str, Any] = {"name": None, "locale": None, "timezone": None, "attributes": {}}
    tree = {"type": "paid", "properties": happened.properties, "contact": contact, "answers": {"nps": 9}}
    assert made == Event(5, "paid", AT, Facts(tree, AT, before), first=True, depth=3, ambiguous=True)
    assert not event_of(happened, {}, before, {}, first=False).first


@pytest.mark.parametrize("answers", [None, [9], "nine"])
def test_answers_that_are_no_mapping_are_none(answers: Any) -> None:
    assert event_of(happening(answers=answers), {}, {}, {}, first=False).facts.tree["answers"] == {}


def test_segments_are_those_of_the_contact_with_what_the_event_says() -> None:
    segments = {
        "pro": read({"field": "contact.attributes.plan", "op": "eq", "value": "pro"}, read_condition),
        "back": read({"events": "seen", "count": True, "op": "gte", "value": 1}, read_condition),
        "never": read({"field": "contact.attributes.plan", "op": "missing"}, read_condition),
    }
    block = {"attributes": {"plan": "pro"}}
    made = event_of(happening(block=block), PROFILE, {"seen": [PastEvent(AT - DAY, {})]}, segments, first=False)
    assert made.facts.tree["contact"]["segments"] == ["pro", "back"]
    assert "segments" not in event_of(happening(block=block), PROFILE, {}, {}, first=False).facts.tree["contact"]


# Complaints.

POLICY = ContactPolicy(complaint_opens=frozenset({"opened", "flips"}), complaint_closes=frozenset({"closed", "flips"}))


@pytest.mark.parametrize(
    ("before", "kind", "after"),
    [
        (None, "opened", (AT, None)),
        (None, "closed", (AT, AT)),
        (None, "flips", (AT, AT)),  # what opens and closes leaves nothing open
        ((AT - DAY, None), "opened", (AT - DAY, None)),
        ((AT - DAY, None), "closed", (AT - DAY, AT)),
        ((AT - DAY, AT + DAY), "closed", (AT - DAY, AT + DAY)),  # told late: it was closed later still
        ((AT - 2 * DAY, AT - DAY), "closed", (AT - 2 * DAY, AT)),
        ((AT - 2 * DAY, AT - INSTANT), "opened", (AT, None)),
        ((AT - 2 * DAY, AT), "opened", (AT - 2 * DAY, AT)),
        ((AT - 2 * DAY, AT + DAY), "opened", (AT - 2 * DAY, AT + DAY)),  # told late: it is closed by now
        ((AT - LAPSES + INSTANT, None), "opened", (AT - LAPSES + INSTANT, None)),
        ((AT - LAPSES, None), "opened", (AT, None)),  # it had lapsed
    ],
)
def test_a_complaint_is_opened_closed_and_opened_again(
    before: tuple[datetime, datetime | None] | None, kind: str, after: tuple[datetime, datetime | None]
) -> None:
    found = {"c-1": before} if before else {}
    assert follow_complaint(found, happening(kind, complaint="c-1"), POLICY) == "c-1"
    assert found == {"c-1": after}


def test_complaints_are_told_apart_by_their_key_which_has_an_end() -> None:
    found: dict[str, tuple[datetime, datetime | None]] = {"a": (AT - DAY, None)}
    assert follow_complaint(found, happening("opened"), POLICY) == ""
    assert follow_complaint(found, happening("opened", complaint=7), POLICY) == "7"
    assert follow_complaint(found, happening("opened", complaint="x" * 201), POLICY) == "x" * 200
    assert follow_complaint(found, happening("paid", complaint="z"), POLICY) is None
    assert found == {"a": (AT - DAY, None), "": (AT, None), "7": (AT, None), "x" * 200: (AT, None)}


@pytest.mark.parametrize(
    ("found", "since"),
    [
        ([], None),
        ([(AT - DAY, AT)], None),
        ([(AT - DAY, None)], AT - DAY),
        ([(AT - DAY, None), (AT - 3 * DAY, None), (AT - 5 * DAY, AT)], AT - 3 * DAY),
        ([(AT - LAPSES, None)], None),
        ([(AT - LAPSES, None), (AT - DAY, None)], AT - DAY),
        ([(AT - LAPSES + INSTANT, None)], AT - LAPSES + INSTANT),
    ],
)
def test_a_complaint_counts_since_the_oldest_that_is_open_and_has_not_lapsed(
    found: list[tuple[datetime, datetime | None]], since: datetime | None
) -> None:
    assert complaint_since({str(n): one for n, one in enumerate(found)}, AT) == since


# Places.


def place(at: datetime, trigger: str = "ask", channel: str = "email") -> Reservation:
    return Reservation(at, "transactional", channel, "nps", trigger)


def test_promises_called_off_give_back_the_places_that_are_still_to_come() -> None:
    kept = [place(AT), place(AT - DAY), place(AT + DAY, "other")]
    off = [place(AT + INSTANT), place(AT + DAY, "second")]
    who = Contact(1, "ct_1", taken=[*kept, *off], addresses={"email": Address(7, taken=[off[0], *kept])})
    taken, there = who.taken, who.addresses["email"].taken
    release(who, {"ask", "second"}, AT)
    assert (who.taken, who.addresses["email"].taken) == (kept, kept)
    assert who.taken is taken
    assert who.addresses["email"].taken is there  # others reached there see it too


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"channel": "sms", "survey": "nps", "class": "marketing"}, Reservation(AT, "marketing", "sms", "nps", "")),
        ({}, Reservation(AT, "transactional", "", None, "")),
        ({"class": "vip", "channel": 7, "survey": ["nps"]}, Reservation(AT, "transactional", "", None, "")),
        ({"channel": "x" * 101, "survey": "y" * 101}, Reservation(AT, "transactional", "x" * 100, "y" * 100, "")),
    ],
)
def test_a_message_of_another_system_takes_a_place(told: dict[str, Any], expected: Reservation) -> None:
    assert sent_elsewhere(happening("message.sent", **told)) == expected
    assert sent_elsewhere(happening("message.sending", **told)) is None


def test_a_place_is_taken_at_the_contact_and_where_its_channel_leads() -> None:
    who = Contact(1, "ct_1", addresses={"email": Address(7), "web": Address(8)})
    take(who, place(AT))
    take(who, place(AT + DAY, channel="sms"))
    assert who.taken == [place(AT), place(AT + DAY, channel="sms")]
    assert (who.addresses["email"].taken, who.addresses["web"].taken) == ([place(AT)], [])
