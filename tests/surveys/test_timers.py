"""Moments that no event tells of: every year, over month ends, where clocks change; and what comes to nothing."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.definition import read
from surveys.occasions import Anniversary, Holiday, Schedule, Silence, Usage, read_occasion
from surveys.timers import (
    Later,
    anniversary_due,
    days_looked_at,
    holiday_due,
    local_moment,
    next_cron,
    returned,
    silence_due,
    spread,
    stays_away,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MOSCOW = ZoneInfo("Europe/Moscow")
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Kiritimati",
    "Pacific/Niue",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "clock", "zone", "expected"),
    [
        ("2026-03-08", "10:00", "Europe/Moscow", "2026-03-08T07:00"),
        ("2026-03-29", "02:30", "Europe/Berlin", "2026-03-29T01:00"),  # left out: the moment of the change
        ("2026-03-29", "03:00", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-10-25", "02:30", "Europe/Berlin", "2026-10-25T00:30"),  # twice: the first time
        ("2026-03-08", "02:00", "America/New_York", "2026-03-08T07:00"),
        ("2026-10-04", "02:10", "Australia/Lord_Howe", "2026-10-03T15:30"),  # a change of half an hour
        ("2011-12-30", "12:00", "Pacific/Apia", "2011-12-30T10:00"),  # a day that was left out whole
    ],
)
def test_a_time_of_day_is_a_moment_everywhere(day: str, clock: str, zone: str, expected: str) -> None:
    found = local_moment(date.fromisoformat(day), time.fromisoformat(clock), ZoneInfo(zone))
    assert found == at(expected)


@pytest.mark.parametrize(
    ("born", "year", "expected"),
    [("2000-02-29", 2024, "2024-02-29"), ("2000-02-29", 2026, "2026-02-28"), ("2000-02-29", 2100, "2100-02-28"),
     ("1990-12-31", 2026, "2026-12-31")],
)  # fmt: skip
def test_a_day_returns_every_year(born: str, year: int, expected: str) -> None:
    assert returned(date.fromisoformat(born), year) == date.fromisoformat(expected)


YEARLY = {"yearly": True}
DATES: list[tuple[dict[str, Any], Any, str, str, tuple[str, str] | None]] = [
    # when, the attribute, looked at from, until, the key and the moment (UTC; the contact lives in Moscow)
    (YEARLY, "1990-05-17", "2026-05-17T06:59", "2026-05-17T07:00", ("2026", "2026-05-17T07:00")),
    (YEARLY, "1990-05-17", "2026-05-17T07:00", "2027-05-17T06:59", None),
    (YEARLY, "2026-05-17", "2025-01-01T00:00", "2026-05-01T00:00", None),  # before it came to be
    (YEARLY, "2000-02-29", "2026-02-28T00:00", "2026-03-01T12:00", ("2026", "2026-02-28T07:00")),
    (YEARLY, "2000-02-29", "2028-02-28T00:00", "2028-02-28T23:00", None),
    (YEARLY | {"offset": "-7d"}, "1990-03-03", "2026-02-20T00:00", "2026-03-01T00:00", ("2026", "2026-02-24T07:00")),
    (YEARLY | {"offset": "-7d"}, "1990-03-03", "2028-02-20T00:00", "2028-03-01T00:00", ("2028", "2028-02-25T07:00")),
    (YEARLY | {"offset": "-7d"}, "1990-01-03", "2026-12-20T00:00", "2026-12-31T00:00", ("2027", "2026-12-27T07:00")),
    (YEARLY | {"offset": "30d"}, "1990-12-31", "2026-01-20T00:00", "2026-02-01T00:00", ("2025", "2026-01-30T07:00")),
    ({"offset": "-12h"}, "2026-03-01", "2026-02-28T00:00", "2026-03-02T00:00", ("2026-03-01", "2026-02-28T19:00")),
    ({"offset": "1d", "at": "00:30"}, "2026-01-31T23:59:00Z", "2026-01-01T00:00", "2026-03-01T00:00",
     ("2026-01-31", "2026-01-31T21:30")),
    ({}, "2026-03-01", "2026-03-02T00:00", "2026-04-02T00:00", None),
    ({}, "01.03.2026", "2026-01-01T00:00", "2026-12-01T00:00", None),
    ({}, "2026-02-31", "2026-01-01T00:00", "2026-12-01T00:00", None),
    ({}, 20260301, "2026-01-01T00:00", "2026-12-01T00:00", None),
    ({"offset": "3650d"}, "9999-12-31", "2026-01-01T00:00", "2026-12-01T00:00", None),
]  # fmt: skip


@pytest.mark.parametrize(("when", "value", "since", "until", "expected"), DATES)
def test_a_date_leads_to_a_moment(
    when: dict[str, Any], value: Any, since: str, until: str, expected: tuple[str, str] | None
) -> None:
    rule = read({"date": "contact.attributes.day", **when}, read_occasion)
    assert isinstance(rule, Anniversary)
    due = anniversary_due(rule, value, at(since), at(until), MOSCOW)
    assert (due and (due.key, due.at)) == (expected and (expected[0], at(expected[1])))


anniversaries = st.builds(
    Anniversary,
    attribute=st.just("day"),
    yearly=st.booleans(),
    offset=st.integers(-364 * 24, 364 * 24).map(lambda hours: hours * HOUR),
    at=st.times(),
)
moments = st.integers(0, 20 * 365 * 24 * 60).map(lambda minutes: at("2020-01-01T00:00") + timedelta(minutes=minutes))


@given(
    anniversaries,
    st.dates(date(2015, 1, 1), date(2042, 1, 1)),
    moments,
    st.lists(st.timedeltas(timedelta(minutes=1), timedelta(days=400)), min_size=1, max_size=6),
    st.sampled_from(ZONES),
)
def test_a_moment_is_found_once_however_the_time_is_cut_and_always_among_the_days_looked_at(
    rule: Anniversary, born: date, start: datetime, cuts: list[timedelta], zone: str
) -> None:
    where, found, since = ZoneInfo(zone), [], start
    for cut in cuts:
        until = since + cut
        if due := anniversary_due(rule, born.isoformat(), since, until, where):
            found.append(due)
            first, last = days_looked_at(since, until, rule.offset)
            assert first <= date.fromisoformat(due.told["date"]) <= last
            assert since < due.at <= until
        since = until
    assert len({due.key for due in found}) == len(found)
    whole = anniversary_due(rule, born.isoformat(), start, since, where)
    assert (found[-1] if found else None) == whole


@pytest.mark.parametrize(
    ("on", "since", "until", "expected"),
    [
        ("03-08", "2026-03-08T06:00", "2026-03-08T07:00", "2026-03-08T07:00"),
        ("03-08", "2026-03-08T07:00", "2027-03-01T07:00", None),
        ("02-29", "2026-02-01T00:00", "2026-03-10T00:00", "2026-02-28T07:00"),
        ("02-29", "2028-02-01T00:00", "2028-03-10T00:00", "2028-02-29T07:00"),
        ("01-01", "2025-12-31T20:00", "2026-01-01T07:00", "2026-01-01T07:00"),
    ],
)
def test_a_holiday_returns_every_year(on: str, since: str, until: str, expected: str | None) -> None:
    rule = read({"on": on}, read_occasion)
    assert isinstance(rule, Holiday)
    due = holiday_due(rule, at(since), at(until), MOSCOW)
    assert (due and due.at) == (expected and at(expected))


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 10 1 * *", "2026-03-02T00:00", "2026-04-01T08:00"),  # 10:00 in Berlin, in summer
        ("0 10 1 * *", "2026-10-02T00:00", "2026-11-01T09:00"),
        ("0 0 29 2 *", "2026-01-01T00:00", "2028-02-28T23:00"),
        ("30 9 * * MON", "2026-03-02T08:30", "2026-03-09T08:30"),
        ("0 10 L * *", "2026-02-01T00:00", "2026-02-28T09:00"),
    ],
)
def test_a_schedule_is_kept_by_the_companys_clock(cron: str, after: str, expected: str) -> None:
    assert next_cron(Schedule(cron, "premium"), at(after), "Europe/Berlin") == at(expected)


T = at("2026-03-01T12:00")


@pytest.mark.parametrize(
    ("days", "since", "until", "used", "expected"),
    [
        ([0], 59, 60, None, 60),
        ([0], 60, 61, None, None),  # found before
        ([0], 10, 59, None, None),  # not yet
        ([0, 60], 59, 70, None, None),  # in the very last moment
        ([0, 61], 59, 70, None, 60),  # came back too late
        ([0, 61], 60, 120, None, None),
        ([0, 70, 150], 59, 200, None, 130),  # of two lapses the later
        ([0, 1, 2], 59, 70, Usage(3, 10 * DAY), 62),
        ([-9, 1, 2], 59, 70, Usage(3, 10 * DAY), None),
        ([], 59, 70, None, None),
        ([0], None, 200, None, 60),
        ([0, 150], None, 200, None, None),
    ],
)
def test_a_silence_ends_once(
    days: list[int], since: int | None, until: int, used: Usage | None, expected: int | None
) -> None:
    rule = Silence(60 * DAY, ("order.paid",), used)
    due = silence_due(rule, [T + d * DAY for d in days], None if since is None else T + since * DAY, T + until * DAY)
    assert (due and due.at) == (expected and T + expected * DAY)


@given(
    st.lists(st.integers(0, 400), max_size=12).map(sorted),
    st.lists(st.integers(1, 4), min_size=1, max_size=60),
    st.integers(1, 60),
)
def test_every_lapse_is_found_exactly_once_by_frequent_looks(days: list[int], steps: list[int], period: int) -> None:
    rule, moments = Silence(period * DAY, ("order.paid",)), [T + d * DAY for d in days]
    lapses = {
        m + rule.period for m, n in zip(moments, [*moments[1:], None], strict=False) if not n or n > m + rule.period
    }
    found, since = [], T - DAY
    for step in steps:
        until = since + step * HOUR * 6
        if due := silence_due(rule, [m for m in moments if m <= until], since, until):
            found.append(due.at)
        since = until
    assert found == sorted(lapse for lapse in lapses if lapse <= since)


@pytest.mark.parametrize(
    ("kind", "hours", "cart", "away"),
    [
        ("order.paid", 1, "c-1", False),
        ("order.paid", 2, "c-1", False),
        ("order.paid", 3, "c-1", True),
        ("order.paid", 1, "c-2", True),
        ("order.paid", 1, None, True),
        ("cart.updated", 1, "c-1", False),
        ("cart.updated", 3, "c-1", True),
        ("visit.made", 1, "c-1", True),
    ],
)
def test_what_stays_away(kind: str, hours: int, cart: str | None, away: bool) -> None:
    rule: Any = read(
        {"event": "cart.updated", "without": "order.paid", "within": "2h", "on": "properties.cart"}, read_occasion
    )
    later = [Later(kind, T + hours * HOUR, {"cart": cart})]
    assert stays_away(rule, {"cart": "c-1"}, T + 2 * HOUR, later) is away


def test_so_many_a_day_come_up_evenly() -> None:
    assert [spread(T, n, 4) - T for n in (0, 1, 4, 10)] == [timedelta(0), DAY / 4, DAY, 2.5 * DAY]
