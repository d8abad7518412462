"""When a trigger is heard: what is read from what is written, what is counted, and every fault at its place."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from surveys.conditions import Facts, PastEvent
from surveys.definition import Path, read
from surveys.occasions import (
    Absence,
    Anniversary,
    Entry,
    Exit,
    Holiday,
    Occasion,
    Occurs,
    Once,
    Schedule,
    Silence,
    Usage,
    read_occasion,
)
from surveys.triggers import Trigger, read_trigger
from tests.surveys.faults import assert_fault

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"event": "a"}, Occurs("a")),
        ({"event": "a", "occurrence": "first"}, Occurs("a", 1)),
        ({"event": "a", "occurrence": {"nth": 3}}, Occurs("a", 3)),
        (
            {"event": "a", "occurrence": {"nth": 3, "within": "1h", "by": "properties.category"}},
            Occurs("a", 3, HOUR, "properties.category"),
        ),
        ({"event": "a", "without": "b", "within": "2h"}, Absence("a", "b", 2 * HOUR)),
        (
            {"event": "a", "without": "b", "within": "2h", "on": "properties.cart"},
            Absence("a", "b", 2 * HOUR, "properties.cart"),
        ),
        ({"inactive_for": "60d", "since": ["a", "b", "a"]}, Silence(60 * DAY, ("a", "b"))),
        (
            {"inactive_for": "30d", "since": ["a"], "used": {"times": 5, "per": "90d"}},
            Silence(30 * DAY, ("a",), Usage(5, 90 * DAY)),
        ),
        ({"date": "contact.attributes.end"}, Anniversary("end", yearly=False, offset=0 * DAY, at=time(10))),
        (
            {"date": "contact.attributes.birthday", "yearly": True, "offset": "-7d", "at": "09:30"},
            Anniversary("birthday", yearly=True, offset=-7 * DAY, at=time(9, 30)),
        ),
        ({"on": "02-29"}, Holiday(2, 29, time(10))),
        ({"on": "03-08", "at": "09:00", "segment": "premium"}, Holiday(3, 8, time(9), "premium")),
        ({"cron": "0 10 1 * *", "segment": "premium"}, Schedule("0 10 1 * *", "premium")),
        ({"enters": "at-risk"}, Entry("at-risk")),
        ({"exits": "at-risk"}, Exit("at-risk")),
        ({"now": "premium"}, Once("premium")),
    ],
)
def test_an_occasion_is_read_as_written(written: dict[str, Any], expected: Occasion) -> None:
    assert read(written, read_occasion) == expected


FAULTS: list[tuple[dict[str, Any], Path, str]] = [
    ({"on": "02-31"}, ("on",), "there is no such day"),
    ({"on": "04-31"}, ("on",), "there is no such day"),
    ({"on": "13-01"}, ("on",), "there is no such day"),
    ({"on": 308}, ("on",), "there is no such day"),
    ({"on": "03-08", "at": "25:00"}, ("at",), "time of day"),
    ({"on": "03-08", "at": 600}, ("at",), "time of day"),
    ({"inactive_for": "0d", "since": ["a"]}, ("inactive_for",), "longer than nothing"),
    ({"inactive_for": "-7d", "since": ["a"]}, ("inactive_for",), "must be a duration"),
    ({"inactive_for": "7d", "since": []}, ("since",), "between 1"),
    ({"inactive_for": "7d"}, (), "since is missing"),
    ({"inactive_for": "7d", "since": ["a"], "used": {"times": 0, "per": "9d"}}, ("used", "times"), "from 1"),
    ({"inactive_for": "7d", "since": ["a"], "used": {"times": 2, "per": "0s"}}, ("used", "per"), "longer than nothing"),
    ({"event": "a", "without": "a", "within": "2h"}, ("without",), "is the event itself"),
    ({"event": "a", "without": "b"}, (), "within is missing"),
    ({"event": "a", "without": "b", "within": "0s"}, ("within",), "longer than nothing"),
    ({"event": "a", "without": "b", "within": "2h", "on": "cart"}, ("on",), "begins with properties"),
    ({"event": "a", "occurrence": {"nth": 0}}, ("occurrence", "nth"), "whole number from 1"),
    ({"event": "a", "occurrence": {"within": "1h"}}, ("occurrence",), "nth is missing"),
    ({"event": "a", "occurrence": {"nth": 2, "within": "0h"}}, ("occurrence", "within"), "longer than nothing"),
    ({"event": "a", "occurrence": {"nth": 2, "by": "contact.id"}}, ("occurrence", "by"), "begins with properties"),
    ({"date": "birthday"}, ("date",), "must be an attribute"),
    ({"date": "contact.attributes."}, ("date",), "must be an attribute"),
    ({"date": "contact.attributes.b", "offset": "7"}, ("offset",), "must be a duration"),
    ({"date": "contact.attributes.b", "yearly": True, "offset": "-365d"}, ("offset",), "less than a year"),
    ({"cron": "0 10 31 2 *", "segment": "s"}, ("cron",), "cron"),
    ({"cron": "0 10 1 *", "segment": "s"}, ("cron",), "five fields"),
    ({"cron": "61 10 1 * *", "segment": "s"}, ("cron",), "cron"),
    ({"cron": "0 0 1 1 1"}, (), "segment is missing"),
    ({"enters": "At risk"}, ("enters",), "lower-case"),
    ({"enters": "a", "event": "b"}, ("enters",), "unknown field"),
    ({"whenever": "a"}, (), "must say when"),
]


@pytest.mark.parametrize(("when", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(when: dict[str, Any], path: Path, words: str) -> None:
    assert_fault(read_occasion, when, path, words)


def trigger(when: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"slug": "t", "when": when, "then": [{"send": {"survey": "nps"}}], **fields}


@pytest.mark.parametrize(
    ("when", "existing", "per_day"),
    [
        ({"enters": "s"}, "skip", None),
        ({"enters": "s"}, {"per_day": 500}, 500),
        ({"inactive_for": "60d", "since": ["a"]}, {"per_day": 1}, 1),
        ({"date": "contact.attributes.end"}, {"per_day": 5}, 5),
        ({"date": "contact.attributes.b", "yearly": True}, "skip", None),
        ({"now": "s"}, {"per_day": 5}, 5),
    ],
)
def test_those_who_match_already_are_left_out_or_spread(when: dict[str, Any], existing: Any, per_day: int) -> None:
    assert read(trigger(when, existing=existing), read_trigger).existing == per_day


@pytest.mark.parametrize(
    ("when", "existing", "path", "words"),
    [
        ({"event": "a"}, "skip", ("existing",), "nobody matches already"),
        ({"exits": "s"}, {"per_day": 5}, ("existing",), "nobody matches already"),
        ({"date": "contact.attributes.b", "yearly": True}, {"per_day": 5}, ("existing",), "nobody matches already"),
        ({"now": "s"}, "skip", ("existing",), "there already"),
        ({"enters": "s"}, "all", ("existing",), "must be one of skip"),
        ({"enters": "s"}, {"per_day": 0}, ("existing", "per_day"), "whole number from 1"),
        ({"enters": "s"}, {}, ("existing",), "per_day is missing"),
    ],
)
def test_whom_it_can_be_asked_of(when: dict[str, Any], existing: Any, path: Path, words: str) -> None:
    assert_fault(read_trigger, trigger(when, existing=existing), path, words)


def test_a_trigger_of_a_moment_listens_to_an_event_of_its_own() -> None:
    found: Trigger = read(trigger({"enters": "s"}), read_trigger)
    assert (found.event, found.first_only, found.counted) == ("timer.t", False, None)


def ticket(minutes: int, category: str | None = "delivery") -> PastEvent:
    return PastEvent(NOON + timedelta(minutes=minutes), {"category": category})


@pytest.mark.parametrize(
    ("occurrence", "before", "category", "heard"),
    [
        ({"nth": 3}, [ticket(-900), ticket(-50)], "delivery", True),
        ({"nth": 3}, [ticket(-900)], "delivery", False),
        ({"nth": 3}, [ticket(-900), ticket(-50), ticket(-5)], "delivery", False),
        ({"nth": 3, "within": "1h"}, [ticket(-900), ticket(-50), ticket(-5)], "delivery", True),
        ({"nth": 3, "within": "1h"}, [ticket(-60), ticket(-5)], "delivery", False),  # an hour ago is out of it
        ({"nth": 3, "within": "1h"}, [ticket(-59), ticket(-9), ticket(-5)], "delivery", False),  # stays above
        ({"nth": 3, "within": "1h", "by": "properties.category"}, [ticket(-9), ticket(-5)], "delivery", True),
        ({"nth": 3, "within": "1h", "by": "properties.category"}, [ticket(-9, "food"), ticket(-5)], "delivery", False),
        (
            {"nth": 3, "within": "1h", "by": "properties.category"},
            [ticket(-20), ticket(-9, "food"), ticket(-5)],
            "delivery",
            True,
        ),
        ({"nth": 3, "within": "1h", "by": "properties.category"}, [ticket(-9, None), ticket(-5, None)], None, False),
        ({"nth": 1, "within": "1h"}, [ticket(-90)], "delivery", True),
        ({"nth": 1, "within": "1h"}, [ticket(-30)], "delivery", False),
    ],
)
def test_the_event_that_makes_so_many_is_heard(
    occurrence: dict[str, Any], before: list[PastEvent], category: str | None, heard: bool
) -> None:
    found = read(trigger({"event": "ticket.opened", "occurrence": occurrence}), read_trigger)
    facts = Facts({"properties": {"category": category}}, NOON, {"ticket.opened": before})
    assert found.occurs(facts, first=not before) is heard
