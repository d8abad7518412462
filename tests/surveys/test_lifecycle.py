"""When work is due: working hours against a walk through the clock, and departments as they are written."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.definition import Path, read
from surveys.lifecycle import (
    ATTEMPTS_MAX,
    DEPTH_MAX,
    OUTCOMES,
    PARTIAL_RESTS,
    TASK_CLOSED,
    TASK_STATUSES,
    Department,
    WorkingHours,
    due_time,
    read_department,
    retry_delay,
)
from tests.surveys.faults import assert_fault, faults_of

BASE = {"slug": "care"}
QUARTER = timedelta(minutes=15)


def hours(written: str, zone: str = "Europe/Berlin") -> WorkingHours:
    found = read({**BASE, "hours": written, "zone": zone}, read_department).hours
    assert found is not None
    return found


OFFICE = "Mo-Fr 09:00-18:00"
OFFICE_AND_SATURDAY = "Mo-Fr 09:00-18:00; Sa 10:00-14:00"


# In November 2026 the 20th is a Friday; the clocks of Berlin change on 25 October 2026 and on 28 March 2027, at 1 UTC.
@pytest.mark.parametrize(
    ("written", "at", "needed", "due"),
    [
        (OFFICE, "2026-11-20T10:00+01:00", timedelta(hours=4), "2026-11-20T14:00+01:00"),
        (OFFICE, "2026-11-20T14:00+01:00", timedelta(hours=4), "2026-11-20T18:00+01:00"),
        (OFFICE, "2026-11-20T14:00+01:00", timedelta(hours=4, seconds=1), "2026-11-23T09:00:01+01:00"),
        (OFFICE, "2026-11-20T16:00+01:00", timedelta(hours=4), "2026-11-23T11:00+01:00"),
        (OFFICE, "2026-11-20T20:00+01:00", timedelta(hours=4), "2026-11-23T13:00+01:00"),
        (OFFICE, "2026-11-21T12:00+01:00", timedelta(hours=9), "2026-11-23T18:00+01:00"),
        (OFFICE, "2026-11-23T04:00+01:00", timedelta(minutes=30), "2026-11-23T09:30+01:00"),
        (OFFICE, "2026-11-20T10:00+01:00", timedelta(hours=45), "2026-11-27T10:00+01:00"),
        (OFFICE_AND_SATURDAY, "2026-11-20T17:00+01:00", timedelta(hours=6), "2026-11-23T10:00+01:00"),
        ("Fr-Mo 09:00-18:00", "2026-11-23T17:00+01:00", timedelta(hours=2), "2026-11-27T10:00+01:00"),
        # Moments far from the office: its own calendar day counts.
        (OFFICE, "2026-11-20T23:30-08:00", timedelta(hours=1), "2026-11-23T10:00+01:00"),
        # Over a change of the clock the hours on the wall stay the same.
        (OFFICE, "2026-10-23T17:00+02:00", timedelta(hours=2), "2026-10-26T10:00+01:00"),
        (OFFICE, "2027-03-26T17:00+01:00", timedelta(hours=2), "2027-03-29T10:00+02:00"),
        # On the very night it is an hour longer, or shorter.
        ("Su 00:00-06:00", "2026-10-24T12:00+02:00", timedelta(hours=7), "2026-10-25T06:00+01:00"),
        ("Su 00:00-06:00", "2027-03-27T12:00+01:00", timedelta(hours=5), "2027-03-28T06:00+02:00"),
        ("Su 00:00-06:00", "2027-03-27T12:00+01:00", timedelta(hours=6), "2027-04-04T01:00+02:00"),
        # At once: at work now, else when work begins.
        (OFFICE, "2026-11-20T10:00+01:00", timedelta(0), "2026-11-20T10:00+01:00"),
        (OFFICE, "2026-11-21T10:00+01:00", timedelta(0), "2026-11-23T09:00+01:00"),
    ],
)
def test_a_task_is_due_when_so_much_working_time_has_passed(written: str, at: str, needed: timedelta, due: str) -> None:
    assert due_time(datetime.fromisoformat(at), needed, hours(written)) == datetime.fromisoformat(due)


def test_without_hours_the_department_always_works() -> None:
    at = datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert due_time(at, timedelta(hours=4), None) == at + timedelta(hours=4)


def walked(at: datetime, needed: timedelta, working: WorkingHours) -> datetime:
    """When so much working time has passed, by looking at the wall every quarter of an hour."""
    while needed > timedelta(0):
        local = at.astimezone(working.zone)
        span = working.spans.get(local.weekday())
        if span and span[0] <= local.time() < span[1]:
            needed -= QUARTER
        at += QUARTER
    return at


@settings(max_examples=60)
@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]),
    st.sampled_from(
        [OFFICE, OFFICE_AND_SATURDAY, "Mo-Su 00:00-06:00", "Sa-Su 08:00-20:30", "We 11:45-12:00; Fr 06:15-23:45"]
    ),
    st.sampled_from([datetime(2026, 10, 1), datetime(2027, 3, 1), datetime(2027, 4, 1), datetime(2027, 10, 25)]),  # noqa: DTZ001
    st.integers(0, 40 * 96),
    st.integers(1, 4 * 12),
)
def test_due_times_agree_with_a_walk_through_the_clock(
    zone: str, written: str, start: datetime, moved: int, quarters: int
) -> None:
    working = hours(written, zone)
    at = start.replace(tzinfo=UTC) + moved * QUARTER
    found = due_time(at, quarters * QUARTER, working)
    assert found == walked(at, quarters * QUARTER, working)


@given(st.integers(0, 10_000), st.integers(0, 3_000), st.integers(0, 3_000))
def test_more_work_is_never_due_earlier(minute: int, needed: int, more: int) -> None:
    at, working = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=minute), hours(OFFICE_AND_SATURDAY)
    first = due_time(at, timedelta(minutes=needed), working)
    assert at <= first <= due_time(at, timedelta(minutes=needed + more), working)
    assert first - at >= timedelta(minutes=needed)


@pytest.mark.parametrize(("attempt", "minutes"), [(1, 1), (2, 4), (3, 16), (4, 64), (5, 240), (6, 240), (10_000, 240)])
def test_retries_wait_longer_and_longer_up_to_four_hours(attempt: int, minutes: int) -> None:
    assert retry_delay(attempt) == timedelta(minutes=minutes)


def test_the_states_and_bounds_of_work_are_these() -> None:
    assert TASK_STATUSES == ("open", "in_progress", "waiting", "resolved", "dismissed")
    assert set(TASK_STATUSES) > TASK_CLOSED
    assert "recovered" in OUTCOMES
    assert (ATTEMPTS_MAX, DEPTH_MAX, timedelta(minutes=30)) == (5, 8, PARTIAL_RESTS)


# Departments.


def test_a_department_is_read_as_written() -> None:
    written = {
        "slug": "care",
        "name": "Customer care",
        "email": "care@example.com",
        "hours": OFFICE_AND_SATURDAY,
        "zone": "Europe/Moscow",
    }
    weekdays = dict.fromkeys(range(5), (time(9), time(18)))
    assert read(written, read_department) == Department(
        "care",
        "Customer care",
        "care@example.com",
        WorkingHours({**weekdays, 5: (time(10), time(14))}, ZoneInfo("Europe/Moscow")),
    )


def test_a_department_without_hours_always_works_and_without_a_zone_is_in_utc() -> None:
    assert read(BASE, read_department) == Department("care", "care", None, None)
    assert hours("Mo 09:00-10:00", "UTC") == read({**BASE, "hours": "Mo 09:00-10:00"}, read_department).hours


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("Mo 09:00-18:00", {0}),
        ("Mo-Mo 09:00-18:00", {0}),
        ("Mo-Su 09:00-18:00", set(range(7))),
        ("Sa-Mo 09:00-18:00", {5, 6, 0}),
        ("Su-Sa 09:00-18:00", set(range(7))),
        ("Tu 09:00-18:00; Th 09:00-18:00", {1, 3}),
        (" Tu 09:00-18:00 ;Th 09:00-18:00 ", {1, 3}),
    ],
)
def test_days_are_ranges_that_may_pass_the_weekend(written: str, days: set[int]) -> None:
    assert set(hours(written).spans) == days


def test_a_later_rule_for_a_day_takes_the_place_of_an_earlier_one() -> None:
    assert hours("Mo-Fr 09:00-18:00; Fr 09:00-16:00").spans[4] == (time(9), time(16))


FAULTS: list[tuple[Any, Path, str]] = [
    ("care", (), "must be a mapping"),
    ({}, (), "slug is missing"),
    ({"slug": "Care"}, ("slug",), "lower-case"),
    ({**BASE, "name": 5}, ("name",), "must be text"),
    ({**BASE, "email": "care"}, ("email",), "must be an e-mail address"),
    ({**BASE, "phone": "1"}, ("phone",), "unknown field"),
    ({**BASE, "zone": "Moscow"}, ("zone",), "must be a time zone"),
    ({**BASE, "zone": "Europe"}, ("zone",), "must be a time zone"),
    ({**BASE, "zone": "../UTC"}, ("zone",), "must be a time zone"),
    ({**BASE, "hours": "9-18"}, ("hours",), "must be hours like"),
    ({**BASE, "hours": "Mo-Fr 9:00-18:00"}, ("hours",), "must be hours like"),
    ({**BASE, "hours": "Mo-Fr 18:00-09:00"}, ("hours",), "must be hours like"),
    ({**BASE, "hours": "Mo-Fr 09:00-09:00"}, ("hours",), "must be hours like"),
    ({**BASE, "hours": "Mo-Fr 09:00-24:00"}, ("hours",), "must be hours like"),
    ({**BASE, "hours": "Mo-Fr 09:00-25:00"}, ("hours",), "must be hours like"),
    ({**BASE, "hours": "Mo-Fr 09:00-13:00,14:00-18:00"}, ("hours",), "must be hours like"),
    ({**BASE, "hours": "Пн-Пт 09:00-18:00"}, ("hours",), "must be hours like"),
    ({**BASE, "hours": "Mo 09:00-18:00;"}, ("hours",), "must be hours like"),
]


@pytest.mark.parametrize(("written", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(written: Any, path: Path, words: str) -> None:
    assert_fault(read_department, written, path, words)


@pytest.mark.parametrize("field", ["email", "hours", "zone"])
def test_what_is_no_text_is_a_fault_at_its_field(field: str) -> None:
    assert {path for path, _ in faults_of(read_department, {**BASE, field: 5})} == {(field,)}
