"""The contact policy: rolling limits against a plain count, quiet hours in every zone, and its faults."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from time import tzset
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.contact_policy import (
    NEVER,
    Basis,
    ContactPolicy,
    Limit,
    QuietDays,
    QuietHours,
    Refusal,
    Reservation,
    allowed_time,
    open_time,
    read_policy,
    refusal,
    zone,
)
from surveys.definition import Path, read
from surveys.quotas import period
from tests.surveys.faults import assert_fault, faults_of

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)
WEEK, MONTH = 7 * DAY, 30 * DAY


def place(at: datetime, **fields: Any) -> Reservation:
    return replace(Reservation(at, "transactional", "email", "nps-upgrade", "upgrade-nps"), **fields)


def policy(*limits: Limit, exempt: Sequence[str] = ()) -> ContactPolicy:
    return ContactPolicy(limits=limits, exempt=frozenset(exempt))


# Rolling limits.

ONE_A_MONTH = Limit("one-a-month", 1, MONTH)
TWO_A_MONTH = Limit("two-a-month", 2, MONTH)


@pytest.mark.parametrize(
    ("limit", "taken", "room"),
    [
        (ONE_A_MONTH, [], True),
        (ONE_A_MONTH, [-MONTH], True),
        (ONE_A_MONTH, [INSTANT - MONTH], False),
        (ONE_A_MONTH, [-INSTANT], False),
        (ONE_A_MONTH, [timedelta(0)], False),
        (ONE_A_MONTH, [INSTANT], False),
        (ONE_A_MONTH, [MONTH - INSTANT], False),
        (ONE_A_MONTH, [MONTH], True),
        (ONE_A_MONTH, [-MONTH, MONTH], True),
        (ONE_A_MONTH, [-MONTH, -INSTANT], False),
        (TWO_A_MONTH, [-DAY], True),
        (TWO_A_MONTH, [-DAY, DAY], False),
        (TWO_A_MONTH, [-20 * DAY, 20 * DAY], True),
        (TWO_A_MONTH, [-20 * DAY, 10 * DAY], True),
        (TWO_A_MONTH, [-20 * DAY, 10 * DAY - INSTANT], False),
        (TWO_A_MONTH, [-15 * DAY, 15 * DAY, MONTH], True),
        (TWO_A_MONTH, [-MONTH, -15 * DAY, 15 * DAY], True),
        (TWO_A_MONTH, [10 * DAY, 20 * DAY], False),
        (TWO_A_MONTH, [10 * DAY, 10 * DAY], False),
        (TWO_A_MONTH, [-40 * DAY, -35 * DAY, 35 * DAY, 40 * DAY], True),
    ],
)
def test_there_is_room_when_no_window_around_it_would_hold_too_many(
    limit: Limit, taken: list[timedelta], room: bool
) -> None:
    found = refusal(policy(limit), [place(AT + moved) for moved in taken], place(AT))
    assert (found is None) is room


def test_a_limit_of_nought_never_has_room() -> None:
    never = Limit("no-sms", 0, DAY)
    assert refusal(policy(never), [], place(AT)) == Refusal(never, 0, NEVER)


def test_the_refusal_names_the_first_limit_in_the_way_and_what_it_counted() -> None:
    wide = Limit("wide", 5, MONTH)
    taken = [place(AT - n * DAY) for n in (1, 2)]
    assert refusal(policy(wide, TWO_A_MONTH, ONE_A_MONTH), taken, place(AT)) == Refusal(
        TWO_A_MONTH, 2, AT - DAY + MONTH
    )


def test_possible_again_means_under_every_limit() -> None:
    quarterly = Limit("quarterly", 1, 90 * DAY)
    found = refusal(policy(ONE_A_MONTH, quarterly), [place(AT - DAY)], place(AT))
    assert found == Refusal(ONE_A_MONTH, 1, AT + 89 * DAY)
    found = refusal(policy(ONE_A_MONTH, Limit("none", 0, DAY)), [place(AT - DAY)], place(AT))
    assert found == Refusal(ONE_A_MONTH, 1, NEVER)


def test_places_in_the_future_move_what_is_possible_again() -> None:
    taken = [place(AT - DAY), place(AT + 40 * DAY)]
    found = refusal(policy(ONE_A_MONTH), taken, place(AT))
    assert found is not None
    assert found.next_possible_at == AT + 70 * DAY


# Places are whole hours, so that a plain count can look at every hour there is.
hours = st.integers(0, 80)
limits = st.builds(lambda most, per: Limit("limit", most, per * HOUR), st.integers(1, 3), st.integers(1, 30))


def most_in_a_window(times: Sequence[datetime], per: timedelta) -> int:
    """The fullest window (x - per, x], counted at the only x where it can be fullest: at a place."""
    return max((sum(x - per < t <= x for t in times) for x in times), default=0)


@given(st.lists(hours, max_size=30), limits)
def test_places_accepted_in_any_order_never_overfill_a_window(asked: list[int], limit: Limit) -> None:
    taken: list[Reservation] = []
    for hour in asked:
        new = place(AT + hour * HOUR)
        refused = refusal(policy(limit), taken, new)
        with_it = [t.counts_at for t in (*taken, new)]
        assert (refused is None) == (most_in_a_window(with_it, limit.per) <= limit.max)
        if refused is None:
            taken.append(new)
    assert most_in_a_window([t.counts_at for t in taken], limit.per) <= limit.max


@given(st.lists(hours, max_size=30), st.lists(limits, min_size=1, max_size=3), hours)
def test_possible_again_is_the_earliest_time_that_is_free(filled: list[int], every: list[Limit], hour: int) -> None:
    taken: list[Reservation] = []
    for new in (place(AT + n * HOUR) for n in filled):
        if refusal(policy(*every), taken, new) is None:
            taken.append(new)

    def free(at: datetime) -> bool:
        times = [*(t.counts_at for t in taken), at]
        return all(most_in_a_window(times, limit.per) <= limit.max for limit in every)

    asked = AT + hour * HOUR
    refused = refusal(policy(*every), taken, place(asked))
    earliest = next(at for n in range(200) if free(at := asked + n * HOUR))
    assert (refused.next_possible_at if refused else asked) == earliest
    if refused:
        assert not free(refused.next_possible_at - INSTANT)
        assert refusal(policy(*every), taken, place(refused.next_possible_at)) is None


@given(st.lists(hours, min_size=1, max_size=8), limits)
def test_the_order_in_which_places_are_given_does_not_matter(filled: list[int], limit: Limit) -> None:
    taken = [place(AT + n * HOUR) for n in filled]
    found = refusal(policy(limit), taken, place(AT))
    assert found == refusal(policy(limit), list(reversed(taken)), place(AT))
    assert found == refusal(policy(limit), tuple(taken), place(AT))


# Which messages a limit is about.


@pytest.mark.parametrize(
    ("filters", "message", "counts"),
    [
        ({}, {}, True),
        ({"classes": {"relationship"}}, {}, False),
        ({"classes": {"relationship", "transactional"}}, {}, True),
        ({"channels": {"sms"}}, {}, False),
        ({"channels": {"sms", "email"}}, {}, True),
        ({"surveys": {"nps-upgrade"}}, {}, True),
        ({"surveys": {"csat"}}, {}, False),
        ({"surveys": {"nps-upgrade"}}, {"survey": None}, False),
        ({}, {"survey": None}, True),
        ({"triggers": {"upgrade-nps"}}, {}, True),
        ({"triggers": {"other"}}, {}, False),
        ({"triggers": {"upgrade-nps"}, "channels": {"sms"}}, {}, False),
        ({"triggers": {"upgrade-nps"}, "channels": {"email"}, "classes": {"transactional"}}, {}, True),
        # Service is exempt here: it counts only where a limit names it.
        ({}, {"class_": "service"}, False),
        ({"channels": {"email"}}, {"class_": "service"}, False),
        ({"triggers": {"upgrade-nps"}}, {"class_": "service"}, False),
        ({"classes": {"service"}}, {"class_": "service"}, True),
        ({"classes": {"service", "transactional"}}, {}, True),
        ({"classes": {"marketing"}}, {"class_": "service"}, False),
        ({"classes": {"service"}, "channels": {"sms"}}, {"class_": "service"}, False),
    ],
)
def test_a_limit_counts_what_its_filters_name(
    filters: dict[str, set[str]], message: dict[str, Any], counts: bool
) -> None:
    limit = Limit("limit", 1, DAY, **{key: frozenset(names) for key, names in filters.items()})
    assert limit.counts(place(AT, **message), frozenset({"service"})) is counts


def test_exempt_messages_are_neither_checked_nor_counted() -> None:
    service = place(AT, class_="service")
    in_force = policy(ONE_A_MONTH, exempt=["service"])
    assert refusal(in_force, [place(AT)], service) is None
    assert refusal(in_force, [service] * 5, place(AT)) is None
    assert refusal(policy(ONE_A_MONTH), [service], place(AT)) is not None


def test_a_limit_that_names_an_exempt_class_checks_and_counts_it() -> None:
    service = place(AT, class_="service")
    both = Limit("both", 2, DAY, classes=frozenset({"service", "transactional"}))
    in_force = policy(both, exempt=["service"])
    assert refusal(in_force, [service], service) is None
    assert refusal(in_force, [service, place(AT)], service) is not None
    assert refusal(in_force, [service, service], place(AT)) is not None


def test_the_longest_window_is_how_far_places_matter() -> None:
    assert policy().longest == timedelta(0)
    assert policy(ONE_A_MONTH, Limit("x", 3, 90 * DAY), TWO_A_MONTH).longest == 90 * DAY


# Quiet hours.


def clock(hour: int, minute: int = 0, second: int = 0) -> time:
    return time(hour, minute, second)


NIGHT = QuietHours(clock(21), clock(9), of_contact=True)
NOON = QuietHours(clock(12), clock(13, 30), of_contact=True)


@pytest.mark.parametrize(
    ("quiet", "at", "covered"),
    [
        (NIGHT, clock(20, 59, 59), False),
        (NIGHT, clock(21), True),
        (NIGHT, clock(23, 59, 59), True),
        (NIGHT, clock(0), True),
        (NIGHT, clock(8, 59, 59), True),
        (NIGHT, clock(9), False),
        (NOON, clock(11, 59, 59), False),
        (NOON, clock(12), True),
        (NOON, clock(13, 29, 59), True),
        (NOON, clock(13, 30), False),
        (NOON, clock(0), False),
        (QuietHours(clock(0), clock(8), of_contact=True), clock(0), True),
        (QuietHours(clock(20), clock(0), of_contact=True), clock(0), False),
        (QuietHours(clock(20), clock(0), of_contact=True), clock(23, 59, 59), True),
    ],
)
def test_quiet_hours_begin_at_from_and_end_before_to(quiet: QuietHours, at: time, covered: bool) -> None:
    assert quiet.covers(at) is covered


def test_without_quiet_hours_every_time_is_open() -> None:
    assert open_time(None, AT, ZoneInfo("Europe/Moscow")) == AT


BERLIN = "Europe/Berlin"
BEFORE_TWO, AFTER_TWO = (
    QuietHours(clock(21), clock(2, 30), of_contact=True),
    QuietHours(clock(2, 30), clock(5), of_contact=True),
)


@pytest.mark.parametrize(
    ("quiet", "where", "at", "expected"),
    [
        (NIGHT, "Europe/Moscow", "2026-11-21T10:00+03:00", "2026-11-21T10:00+03:00"),
        (NIGHT, "Europe/Moscow", "2026-11-21T21:00+03:00", "2026-11-22T09:00+03:00"),
        (NIGHT, "Europe/Moscow", "2026-11-22T01:00+03:00", "2026-11-22T09:00+03:00"),
        (NIGHT, "Asia/Kathmandu", "2026-11-21T23:30+05:45", "2026-11-22T09:00+05:45"),
        (NIGHT, "Pacific/Kiritimati", "2026-11-21T23:30+14:00", "2026-11-22T09:00+14:00"),
        (NOON, "UTC", "2026-11-21T13:29:59.999999+00:00", "2026-11-21T13:30+00:00"),
        # The night in which the clock goes from 2 to 3, and the one in which it goes from 3 to 2.
        (NIGHT, BERLIN, "2027-03-27T22:00+01:00", "2027-03-28T09:00+02:00"),
        (NIGHT, BERLIN, "2026-10-24T22:00+02:00", "2026-10-25T09:00+01:00"),
        # An end that the clock skips, and one that it shows twice.
        (BEFORE_TWO, BERLIN, "2027-03-28T01:30+01:00", "2027-03-28T03:00+02:00"),
        (BEFORE_TWO, BERLIN, "2026-10-25T01:30+02:00", "2026-10-25T02:30+02:00"),
        (BEFORE_TWO, BERLIN, "2026-10-25T02:15+01:00", "2026-10-25T02:30+01:00"),
        (BEFORE_TWO, BERLIN, "2026-10-25T02:45+02:00", "2026-10-25T02:45+02:00"),
        # A beginning that the clock skips, and one that it goes back behind.
        (AFTER_TWO, BERLIN, "2027-03-28T03:10+02:00", "2027-03-28T05:00+02:00"),
        (AFTER_TWO, BERLIN, "2026-10-25T02:40+02:00", "2026-10-25T02:00+01:00"),
        (AFTER_TWO, BERLIN, "2026-10-25T02:40+01:00", "2026-10-25T05:00+01:00"),
        # Half an hour, and a change at midnight.
        (NIGHT, "Australia/Lord_Howe", "2026-10-03T23:00+10:30", "2026-10-04T09:00+11:00"),
        (
            QuietHours(clock(21), clock(0, 30), of_contact=True),
            "Africa/Cairo",
            "2027-04-29T23:30+02:00",
            "2027-04-30T01:00+03:00",
        ),
    ],
)
def test_the_open_time_follows_the_clock_on_the_wall(quiet: QuietHours, where: str, at: str, expected: str) -> None:
    found = open_time(quiet, datetime.fromisoformat(at).astimezone(UTC), ZoneInfo(where))
    assert found.astimezone(ZoneInfo(where)).isoformat() == datetime.fromisoformat(expected).isoformat()


def test_the_zone_that_a_moment_is_written_in_does_not_matter() -> None:
    at = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)
    there = at.astimezone(ZoneInfo(BERLIN))
    assert open_time(NIGHT, there, ZoneInfo(BERLIN)) == open_time(NIGHT, at, ZoneInfo(BERLIN))


Offsets = tuple[tuple[datetime, timedelta], ...]
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
CONFIGURED = [
    QuietHours(clock(21), clock(9), of_contact=True),
    QuietHours(clock(22, 30), clock(2, 30), of_contact=True),
    QuietHours(clock(23, 45), clock(0, 15), of_contact=True),
    QuietHours(clock(0), clock(8), of_contact=True),
    QuietHours(clock(1, 20), clock(5), of_contact=True),
    QuietHours(clock(2), clock(3), of_contact=True),
    QuietHours(clock(9), clock(2, 10), of_contact=True),
]


def offset(at: datetime, where: ZoneInfo) -> timedelta:
    return at.astimezone(where).utcoffset() or timedelta(0)


def minutes_until_change(at: datetime, where: ZoneInfo) -> int:
    """How many minutes after ``at`` the offset becomes another one, within a week."""
    before = offset(at, where)

    def changed(minute: int) -> bool:
        return offset(at + minute * MINUTE, where) != before

    return bisect_left(range(7 * 1440), True, key=changed)  # noqa: FBT003 what is looked for


def clock_changes(where: ZoneInfo) -> Iterator[tuple[datetime, timedelta]]:
    """The first moment, then those at which the offset changes, to the minute; with the offset from then on."""
    at = FIRST
    yield at, offset(at, where)
    while at < LAST:
        if offset(at + WEEK, where) != offset(at, where):
            yield at + minutes_until_change(at, where) * MINUTE, offset(at + WEEK, where)
        at += WEEK


@pytest.fixture(scope="module")
def clocks() -> dict[Offsets, list[str]]:
    """Every zone there is, those whose clocks show the same until 2030 together."""
    alike: dict[Offsets, list[str]] = {}
    for name in sorted(available_timezones()):
        alike.setdefault(tuple(clock_changes(ZoneInfo(name))), []).append(name)
    return alike


def first_open_minutes(minutes: list[int], open_at: list[bool]) -> list[int | None]:
    """For each minute, given as what the wall shows, the number of the first one from there on that is open."""
    found: int | None = None
    result: list[int | None] = []
    for number in reversed(range(len(minutes))):
        if open_at[minutes[number]]:
            found = number
        result.append(found)
    return result[::-1]


def test_no_message_goes_out_in_quiet_hours_in_any_zone_around_any_change_of_the_clock(
    clocks: dict[Offsets, list[str]],
) -> None:
    assert sum(map(len, clocks.values())) == len(available_timezones())
    configured = [(q, [not q.covers(time(*divmod(n, 60))) for n in range(1440)]) for q in CONFIGURED]
    changes = 0
    for offsets, names in clocks.items():
        where = ZoneInfo(names[0])
        # A change of the clock, or the plain first day, with a day before it and two after it.
        for changed, _ in offsets:
            changes += 1
            start = changed - DAY
            local = [(start + n * MINUTE).astimezone(where) for n in range(3 * 1440)]
            minutes = [at.hour * 60 + at.minute for at in local]
            for quiet, open_at in configured:
                expected = first_open_minutes(minutes, open_at)
                for number in range(changes % 47, 2 * 1440, 47):
                    opens = expected[number]
                    assert opens is not None
                    found = open_time(quiet, start + number * MINUTE, where)
                    assert found == start + opens * MINUTE, (names[0], quiet, start + number * MINUTE)
    assert changes > 300


def test_every_zone_is_asked_by_its_own_name() -> None:
    for name in sorted(available_timezones()):
        where = ZoneInfo(name)
        for n in range(24):
            at = AT + n * HOUR + timedelta(seconds=n, microseconds=n)
            found = open_time(NIGHT, at, where)
            assert found >= at
            assert not NIGHT.covers(found.astimezone(where).time())
            assert found == at or found.astimezone(where).time() == NIGHT.end


@given(
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 12, 31)),  # noqa: DTZ001
    st.builds(time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)),
    st.builds(time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)),
)
def test_the_open_time_is_open_and_the_moment_before_it_is_not(
    name: str, naive: datetime, begin: time, end: time
) -> None:
    at, where = naive.replace(tzinfo=UTC), ZoneInfo(name)
    quiet = QuietHours(begin, end if end != begin else time(0), of_contact=True)
    if quiet.begin == quiet.end:
        return
    found = open_time(quiet, at, where)
    assert not quiet.covers(found.astimezone(where).time())
    assert found == at or (found > at and quiet.covers((found - INSTANT).astimezone(where).time()))
    assert all(quiet.covers((at + (found - at) * n / 16).astimezone(where).time()) for n in range(16) if found > at)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Asia/Tokyo", "Asia/Tokyo"),
        (None, "Europe/Moscow"),
        ("", "Europe/Moscow"),
        ("Moon/Base", "Europe/Moscow"),
        ("Europe", "Europe/Moscow"),
        ("../../etc/passwd", "Europe/Moscow"),
        ("/etc/localtime", "Europe/Moscow"),
        ("Europe/Moscow\0", "Europe/Moscow"),
        ("Европа/Москва", "Europe/Moscow"),
        ("x" * 5000, "Europe/Moscow"),
    ],
)
def test_a_zone_that_is_none_is_the_companys(name: str | None, expected: str) -> None:
    assert zone(name, "Europe/Moscow") == ZoneInfo(expected)


# Reading.

WRITTEN = {
    "limits": [
        {"name": "one-a-month", "max": 1, "per": "30d"},
        {"name": "quarterly-nps", "classes": ["relationship"], "max": 1, "per": "90d"},
        {"name": "sms", "channels": ["sms"], "surveys": ["nps"], "triggers": ["a", "b"], "max": 2, "per": "12w"},
    ],
    "exempt": ["service"],
    "quiet_hours": {"from": "21:00", "to": "09:00", "zone": "contact"},
    "quiet_days": {"weekdays": ["Sa", "Su"], "holidays": "contact"},
    "complaint": {"opens_on": ["complaint.opened"], "closes_on": ["complaint.resolved", "complaint.dropped"]},
    "consent": {"email": "assumed", "sms": "required", "marketing": "required"},
    "legal_basis": [
        {"countries": ["DE", "AT"], "classes": ["marketing"], "channels": ["email", "sms"], "basis": "customer"},
        {"basis": "assumed"},
    ],
    "holdout": 0.1,
    "crisis": {"limits": [{"name": "calm", "max": 1, "per": "90d"}]},
}


def test_a_policy_is_read_as_written() -> None:
    assert read(WRITTEN, read_policy) == ContactPolicy(
        limits=(
            ONE_A_MONTH,
            Limit("quarterly-nps", 1, 90 * DAY, classes=frozenset({"relationship"})),
            Limit(
                "sms",
                2,
                84 * DAY,
                channels=frozenset({"sms"}),
                surveys=frozenset({"nps"}),
                triggers=frozenset({"a", "b"}),
            ),
        ),
        exempt=frozenset({"service"}),
        quiet_hours=NIGHT,
        quiet_days=QuietDays(frozenset({5, 6}), "contact"),
        complaint_opens=frozenset({"complaint.opened"}),
        complaint_closes=frozenset({"complaint.resolved", "complaint.dropped"}),
        consent_required=frozenset({"sms", "marketing"}),
        legal_basis=(
            Basis("customer", frozenset({"DE", "AT"}), frozenset({"marketing"}), frozenset({"email", "sms"})),
            Basis("assumed"),
        ),
        holdout=0.1,
        crisis_limits=(Limit("calm", 1, 90 * DAY),),
    )


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ({"weekdays": ["Mo"]}, QuietDays(frozenset({0}), "")),
        ({"holidays": "RU"}, QuietDays(frozenset(), "RU")),
    ],
)
def test_quiet_days_are_weekdays_or_holidays(written: dict[str, Any], found: QuietDays) -> None:
    assert read({"quiet_days": written}, read_policy).quiet_days == found


def test_a_key_that_is_not_written_means_no_limit() -> None:
    assert read({}, read_policy) == ContactPolicy()
    assert refusal(ContactPolicy(), [place(AT)] * 1000, place(AT)) is None


@pytest.mark.parametrize(
    ("written", "of_contact"), [({}, True), ({"zone": "contact"}, True), ({"zone": "company"}, False)]
)
def test_quiet_hours_are_the_contacts_unless_said_otherwise(written: dict[str, str], of_contact: bool) -> None:
    found = read({"quiet_hours": {"from": "22:00", "to": "08:00", **written}}, read_policy).quiet_hours
    assert found == QuietHours(clock(22), clock(8), of_contact)


LIMIT = {"name": "a", "max": 1, "per": "30d"}
HOURS = {"from": "21:00", "to": "09:00"}
FAULTS: list[tuple[Any, Path, str]] = [
    (None, (), "must be a mapping"),
    ({"limit": []}, ("limit",), "unknown field"),
    ({"limits": LIMIT}, ("limits",), "must be a list"),
    ({"limits": [LIMIT, "x"]}, ("limits", 1), "must be a mapping"),
    ({"limits": [{"max": 1, "per": "1d"}]}, ("limits", 0), "name is missing"),
    ({"limits": [{"name": "a", "per": "1d"}]}, ("limits", 0), "max is missing"),
    ({"limits": [{"name": "a", "max": 1}]}, ("limits", 0), "per is missing"),
    ({"limits": [{**LIMIT, "name": ""}]}, ("limits", 0, "name"), "must be text"),
    ({"limits": [{**LIMIT, "name": "x" * 65}]}, ("limits", 0, "name"), "longer than 64"),
    ({"limits": [{**LIMIT, "max": -1}]}, ("limits", 0, "max"), "whole number from 0"),
    ({"limits": [{**LIMIT, "max": 1001}]}, ("limits", 0, "max"), "whole number from 0"),
    ({"limits": [{**LIMIT, "max": 1.5}]}, ("limits", 0, "max"), "whole number from 0"),
    ({"limits": [{**LIMIT, "max": True}]}, ("limits", 0, "max"), "whole number from 0"),
    ({"limits": [{**LIMIT, "per": "month"}]}, ("limits", 0, "per"), "must be a duration"),
    ({"limits": [{**LIMIT, "per": "0s"}]}, ("limits", 0, "per"), "longer than nothing"),
    ({"limits": [{**LIMIT, "classes": ["vip"]}]}, ("limits", 0, "classes", 0), "must be one of"),
    ({"limits": [{**LIMIT, "classes": []}]}, ("limits", 0, "classes"), "between 1 and"),
    ({"limits": [{**LIMIT, "channels": ["sms", "fax"]}]}, ("limits", 0, "channels", 1), "must be one of"),
    ({"limits": [{**LIMIT, "surveys": "nps"}]}, ("limits", 0, "surveys"), "must be a list"),
    ({"limits": [{**LIMIT, "surveys": [5]}]}, ("limits", 0, "surveys", 0), "must be text"),
    ({"limits": [{**LIMIT, "triggers": [[]]}]}, ("limits", 0, "triggers", 0), "must be text"),
    ({"limits": [{**LIMIT, "days": 5}]}, ("limits", 0, "days"), "unknown field"),
    ({"limits": [LIMIT, LIMIT]}, ("limits",), "same name"),
    ({"exempt": "service"}, ("exempt",), "must be a list"),
    ({"exempt": ["service", "vip"]}, ("exempt", 1), "must be one of"),
    ({"quiet_hours": []}, ("quiet_hours",), "must be a mapping"),
    ({"quiet_hours": {"from": "21:00"}}, ("quiet_hours",), "to is missing"),
    ({"quiet_hours": {"to": "21:00"}}, ("quiet_hours",), "from is missing"),
    ({"quiet_hours": {**HOURS, "from": 1260}}, ("quiet_hours", "from"), "in quotes"),
    ({"quiet_hours": {**HOURS, "to": "25:00"}}, ("quiet_hours", "to"), "in quotes"),
    ({"quiet_hours": {**HOURS, "to": "09:00Z"}}, ("quiet_hours", "to"), "in quotes"),
    ({"quiet_hours": {**HOURS, "to": "21:00"}}, ("quiet_hours",), "the same"),
    ({"quiet_hours": {**HOURS, "zone": "Europe/Moscow"}}, ("quiet_hours", "zone"), "contact, company"),
    ({"quiet_hours": {**HOURS, "days": []}}, ("quiet_hours", "days"), "unknown field"),
    ({"complaint": {"opens_on": ["a"]}}, ("complaint",), "closes_on is missing"),
    ({"complaint": {"closes_on": ["a"]}}, ("complaint",), "opens_on is missing"),
    ({"complaint": {"opens_on": [], "closes_on": ["a"]}}, ("complaint", "opens_on"), "between 1 and"),
    ({"complaint": {"opens_on": ["a"], "closes_on": ["a", 5]}}, ("complaint", "closes_on", 1), "must be text"),
    ({"complaint": {"opens_on": ["x" * 201], "closes_on": ["a"]}}, ("complaint", "opens_on", 0), "longer than 200"),
    ({"quiet_days": {}}, ("quiet_days",), "needs weekdays or holidays"),
    ({"quiet_days": {"holidays": ""}}, ("quiet_days", "holidays"), "must be text"),
    ({"quiet_days": {"holidays": "ru"}}, ("quiet_days", "holidays"), "like RU or DE, or contact"),
    ({"legal_basis": [{"countries": ["DE"]}]}, ("legal_basis", 0), "basis is missing"),
    *(
        ({"legal_basis": [{"countries": ["DE", name], "basis": "consent"}]}, ("legal_basis", 0, "countries", 1), "like")
        for name in ("de", "De", "D", "DEU", "D1", "РФ", "contact", "Deutschland und Österreich")
    ),
    ({"legal_basis": [{"classes": ["vip"], "basis": "consent"}]}, ("legal_basis", 0, "classes", 0), "must be one of"),
    ({"legal_basis": [{"channels": ["fax"], "basis": "consent"}]}, ("legal_basis", 0, "channels", 0), "must be one of"),
    ({"crisis": {}}, ("crisis",), "limits is missing"),
    ({"limits": [LIMIT], "crisis": {"limits": [LIMIT]}}, ("limits",), "same name"),
    ({"consent": {"fax": "required"}}, ("consent", "fax"), "unknown field"),
    ({"consent": {"email": "yes"}}, ("consent", "email"), "assumed, required"),
    ({"consent": ["email"]}, ("consent",), "must be a mapping"),
]


@pytest.mark.parametrize(("written", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(written: Any, path: Path, words: str) -> None:
    assert_fault(read_policy, written, path, words)


def test_every_fault_is_reported_at_once() -> None:
    written = {"limits": [{"name": "a", "max": -1, "per": 5}], "exempt": ["x"], "quiet_hours": {"from": 1, "to": 2}}
    assert [path for path, _ in faults_of(read_policy, written)] == [
        ("limits", 0, "per"),
        ("limits", 0, "max"),
        ("exempt", 0),
        ("quiet_hours", "from"),
        ("quiet_hours", "to"),
        ("quiet_hours",),
    ]


QUIET = QuietHours(time(21), time(9), of_contact=True)


@pytest.fixture(params=["UTC", "America/New_York", "Pacific/Auckland"])
def machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    tzset()
    yield
    monkeypatch.undo()
    tzset()


@pytest.mark.usefixtures("machine_zone")
@pytest.mark.parametrize(
    ("at", "free"),
    [
        (datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC)),  # the clock goes forward
        (datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 8, tzinfo=UTC)),  # and back
        (datetime(2026, 11, 21, 22, tzinfo=UTC), datetime(2026, 11, 22, 8, tzinfo=UTC)),
    ],
)
def test_moments_are_utc_wherever_the_machine_stands(at: datetime, free: datetime) -> None:
    assert open_time(QUIET, at, ZoneInfo(BERLIN)) == free
    assert open_time(QUIET, at, ZoneInfo(BERLIN)).tzinfo is UTC
    closed = ContactPolicy(quiet_days=QuietDays(frozenset({at.weekday()}), ""))
    assert allowed_time(closed, at, ZoneInfo("UTC")).tzinfo is UTC
    assert {moment.tzinfo for moment in period(at, timedelta(days=7), ZoneInfo(BERLIN))} == {UTC}
