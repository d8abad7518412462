"""The states of what is promised, sent and worked, and when work is due."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from surveys.definition import Node

TASK_STATUSES = ("open", "in_progress", "waiting", "resolved", "dismissed")
TASK_CLOSED = frozenset({"resolved", "dismissed"})
OUTCOMES = ("recovered", "lost", "no_contact", "not_needed")
ANSWERABLE = frozenset({"open", "started"})
ATTEMPTS_MAX = 5
DEPTH_MAX = 8
PARTIAL_RESTS = timedelta(minutes=30)
"""So long after the last partial answer a response counts as given up."""

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_SPAN = re.compile(r"(Mo|Tu|We|Th|Fr|Sa|Su)(?:-(Mo|Tu|We|Th|Fr|Sa|Su))? (\d\d:\d\d)-(\d\d:\d\d)")


@dataclass(frozen=True)
class WorkingHours:
    """The hours of a department by weekday (0 is Monday), on the clock of ``zone``."""

    spans: Mapping[int, tuple[time, time]]
    zone: ZoneInfo


@dataclass(frozen=True)
class Department:
    """Who works tasks: where they are told, and when they work (None: always)."""

    slug: str
    name: str
    email: str | None
    hours: WorkingHours | None


def read_department(node: Node) -> Department:
    """Read a department definition; faults gather in the node."""
    fields = node.mapping(("slug", "name", "email", "hours", "zone"), ("slug",))
    slug = fields["slug"].slug() if "slug" in fields else ""
    email = fields["email"].text(longest=200) if "email" in fields else None
    if email is not None and "@" not in email:
        fields["email"].fault("must be an e-mail address")
    where = _read_zone(fields["zone"]) if "zone" in fields else ZoneInfo("UTC")
    hours = WorkingHours(_read_hours(fields["hours"]), where) if "hours" in fields else None
    return Department(slug, fields["name"].text(longest=200) if "name" in fields else slug, email, hours)


def _read_zone(node: Node) -> ZoneInfo:
    try:
        return ZoneInfo(node.text(longest=64))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        node.fault("must be a time zone like Europe/Moscow")
        return ZoneInfo("UTC")


def _read_hours(node: Node) -> Mapping[int, tuple[time, time]]:
    """Opening hours as OpenStreetMap writes them: ``Mo-Fr 09:00-18:00; Sa 10:00-14:00``."""
    spans: dict[int, tuple[time, time]] = {}
    for part in node.text(longest=200).split(";"):
        found = _SPAN.fullmatch(part.strip())
        try:
            begin, end = (time.fromisoformat(found[n]) for n in (3, 4)) if found else (time(0), time(0))
        except ValueError:
            begin = end = time(0)
        if found is None or begin >= end:
            node.fault('must be hours like "Mo-Fr 09:00-18:00; Sa 10:00-14:00"')
            break
        first, last = DAYS.index(found[1]), DAYS.index(found[2] or found[1])
        spans |= {(first + n) % 7: (begin, end) for n in range((last - first) % 7 + 1)}
    return spans


def due_time(at: datetime, needed: timedelta, hours: WorkingHours | None) -> datetime:
    """When ``needed`` of working time have passed since ``at``."""
    if hours is None:
        return at + needed
    left, now = needed, at
    day = at.astimezone(hours.zone).date()
    while True:
        if day.weekday() in hours.spans:
            begin, end = (
                datetime.combine(day, clock, hours.zone).astimezone(UTC) for clock in hours.spans[day.weekday()]
            )
            now = max(now, begin)
            if now <= end and left <= end - now:
                return now + left
            left -= max(end - now, timedelta(0))
            now = max(now, end)
        day += timedelta(days=1)


def retry_delay(attempt: int) -> timedelta:
    """How long to wait after the ``attempt``-th temporary failure: 1, 4, 16, 64 minutes, then every 4 hours."""
    return min(timedelta(minutes=4 ** min(attempt - 1, 4)), timedelta(hours=4))
