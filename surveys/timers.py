"""Moments that no event tells of: when they come, and for whom. Pure, and told what time it is."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim

from surveys.contact_policy import zone
from surveys.occasions import Absence, Anniversary, Holiday, Schedule, Silence, Usage

DAY = timedelta(days=1)
EASTERNMOST, WESTERNMOST = timedelta(hours=14), timedelta(hours=-12)
"""How far the clocks of the world go before and behind UTC."""


@dataclass(frozen=True, slots=True)
class Due:
    """A moment that concerns one contact. ``key`` tells it from others of the same trigger: each comes once."""

    key: str
    at: datetime
    told: Mapping[str, Any] = field(default_factory=dict)
    """What the event will say of it."""


def local_moment(day: date, at: time, where: ZoneInfo) -> datetime:
    """When the clock of ``where`` first shows ``at`` on ``day``; if it is put forward over it, the moment of that."""
    wall = datetime.combine(day, at)
    moment = wall.replace(tzinfo=where).astimezone(UTC)
    if moment.astimezone(where).replace(tzinfo=None) == wall:
        return moment
    # Put forward over it. The offset from after the change, applied to the time that is left out, leads before it.
    before = wall.replace(tzinfo=where, fold=1).astimezone(UTC)
    seconds = range(int((moment - before).total_seconds()))
    old = before.astimezone(where).utcoffset()
    return before + timedelta(
        seconds=bisect_left(
            seconds,
            True,  # noqa: FBT003 what is looked for
            key=lambda second: (before + timedelta(seconds=second)).astimezone(where).utcoffset() != old,
        )
    )


def returned(born: date, year: int) -> date:
    """The day of ``born`` in another year; 29 February is the 28th where there is no 29th."""
    if (born.month, born.day) == (2, 29) and not _is_leap(year):
        return date(year, 2, 28)
    return born.replace(year=year)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def written_day(value: Any) -> date | None:
    """The day an attribute tells of: ISO 8601, of a date and time its date as it is written."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def days_looked_at(since: datetime, until: datetime, offset: timedelta = timedelta(0)) -> tuple[date, date]:
    """The first and last day that can lead to a moment between the two, somewhere on earth."""
    first = (since + WESTERNMOST).date() - DAY
    last = (until + EASTERNMOST).date() + DAY
    whole = offset // DAY
    return _moved(first, -whole - 1), _moved(last, -whole)


def _moved(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


def anniversary_due(
    rule: Anniversary, value: Any, since: datetime | None, until: datetime, where: ZoneInfo
) -> Due | None:
    """The latest moment in (since, until] that the attribute leads to; with ``since`` None any up to ``until``."""
    born = written_day(value)
    if born is None:
        return None
    years = range(until.year + 2, (since or until).year - 3, -1) if rule.yearly else [born.year]
    for year in years:
        if year < born.year or not date.min.year <= year <= date.max.year:
            continue
        day = returned(born, year)
        at = _day_moment(day, rule.offset, rule.at, where)
        if at is not None and at <= until and (since is None or at > since):
            told = {"date": day.isoformat(), "years": year - born.year} if rule.yearly else {"date": day.isoformat()}
            return Due(str(year) if rule.yearly else day.isoformat(), at, told)
    return None


def _day_moment(day: date, offset: timedelta, at: time, where: ZoneInfo) -> datetime | None:
    """Whole days of the offset move the day, the rest moves the moment. None beyond the end of the calendar."""
    days, rest = divmod(offset, DAY)
    try:
        return local_moment(day + timedelta(days=days), at, where) + rest
    except OverflowError:
        return None


def holiday_due(rule: Holiday, since: datetime, until: datetime, where: ZoneInfo) -> Due | None:
    """The latest moment in (since, until] of a day that returns every year."""
    for year in range(until.year + 1, since.year - 2, -1):
        day = returned(date(2024, rule.month, rule.day), year)
        at = local_moment(day, rule.at, where)
        if since < at <= until:
            return Due(str(year), at, {"date": day.isoformat()})
    return None


def next_cron(rule: Schedule, after: datetime, company_zone: str) -> datetime | None:
    """The first moment after ``after`` that the expression names, by the company's clock; None: never again."""
    local = after.astimezone(ZoneInfo(company_zone))
    found = next(CronSim(rule.cron, local), None)
    return found.astimezone(UTC) if found else None


def silence_due(rule: Silence, moments: Sequence[datetime], since: datetime | None, until: datetime) -> Due | None:
    """The last silence after one of ``moments`` (in order) that was full in (since, until]; once for each lapse.

    With ``since`` None the one that lasts at ``until``, since whenever.
    """
    for number in range(len(moments) - 1, -1, -1):
        at = moments[number] + rule.period
        if since is None and (at > until or number < len(moments) - 1):
            return None
        if since is not None and at <= since:
            return None
        ended = number + 1 < len(moments) and moments[number + 1] <= at
        if at <= until and not ended and used_enough(rule.used, moments[: number + 1]):
            last = moments[number]
            return Due(moment_key(last), at, {"last_at": last.isoformat()})
    return None


def used_enough(used: Usage | None, moments: Sequence[datetime]) -> bool:
    """Whether so many of ``moments``, the last among them, lie in the time up to the last."""
    if used is None:
        return True
    return len(moments) - bisect_right(moments, moments[-1] - used.per) >= used.times


def moment_key(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Later:
    """An event of the same contact that came after the one at which a timer was set."""

    type: str
    occurred_at: datetime
    properties: Mapping[str, Any]


def subject(rule: Absence, properties: Mapping[str, Any]) -> str | None:
    """What an event is about: the value of ``on``; all the same without it. None where the event does not say."""
    if rule.on is None:
        return ""
    value: Any = properties
    for part in rule.on.split(".")[1:]:
        value = value.get(part) if isinstance(value, Mapping) else None
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def stays_away(rule: Absence, opened: Mapping[str, Any], due_at: datetime, later: Sequence[Later]) -> bool:
    """Whether nothing about the same came in time: not what closes it, and not what sets a timer of its own."""
    about = subject(rule, opened)
    return not any(
        event.type in (rule.event, rule.without)
        and event.occurred_at <= due_at
        and subject(rule, event.properties) == about
        for event in later
    )


def spread(start: datetime, number: int, per_day: int) -> datetime:
    """When the customer with this number, from 0, comes up where so many a day do."""
    return start + number * DAY / per_day


def place_of(contact_zone: str | None, company_zone: str) -> ZoneInfo:
    """Whose clock counts for days: the contact's, else the company's."""
    return zone(contact_zone, company_zone)
