"""What is looked at, as it stands in the address: a link shows everybody the same figures."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from urllib.parse import parse_qs, urlencode

from dashboards.readers import Days, Where

PERIODS = {"7d": 7, "30d": 30, "6w": 42, "90d": 90, "180d": 180, "365d": 365}
STANDARD = "6w"
COMPARED = ("previous", "year")
YEAR = timedelta(days=364)
"""The same weekdays a year ago."""
NAMES = tuple(f.name for f in fields(Where))
LONGEST = 100
SPAN_MAX = 1100


@dataclass(frozen=True)
class Filters:
    """The days looked at, those they are compared with, and of whom."""

    days: Days
    before: Days
    where: Where
    period: str
    """One of ``PERIODS``, or ``own`` for days of one's own."""
    compared: str

    @property
    def active(self) -> int:
        """How many of them narrow what is seen."""
        return sum(getattr(self.where, name) is not None for name in NAMES)

    def address(self, path: str = "", **changes: str | None) -> str:
        """The address of the same view, or with some of it changed; None takes a filter away."""
        given = self._as_query() | {name: value or "" for name, value in changes.items()}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{path}?{query}" if query else path

    def _as_query(self) -> dict[str, str]:
        own = {"from": self.days.begin.isoformat(), "to": self.days.end.isoformat()} if self.period == "own" else {}
        named = {} if self.period in ("own", STANDARD) else {"period": self.period}
        compared = {} if self.compared == COMPARED[0] else {"with": self.compared}
        return own | named | compared | {name: getattr(self.where, name) or "" for name in NAMES}

    def only(self, **where: str | None) -> "Filters":
        """The same days, of somebody else."""
        return replace(self, where=replace(self.where, **where))


def moving(filters: Filters, today: date) -> Filters:
    """The same view, of days that move with the calendar: days of one's own would always be the same ones."""
    if filters.period != "own":
        return filters
    fields = {name: value for name, value in vars(filters.where).items() if value}
    return read_filters({**fields, "with": filters.compared}, today)


def read_address(search: str | None, today: date) -> Filters:
    """The filters of an address's query; what cannot be read is as if it were not there."""
    given = {name: values[0] for name, values in parse_qs((search or "").removeprefix("?"), max_num_fields=50).items()}
    return read_filters(given, today)


def read_filters(given: Mapping[str, str], today: date) -> Filters:
    """The filters among these fields."""
    own = _own_days(given.get("from", ""), given.get("to", ""))
    period = "own" if own else given.get("period", STANDARD)
    if period not in PERIODS and not own:
        period = STANDARD
    days = own or Days(today - timedelta(days=PERIODS[period] - 1), today)
    compared = given.get("with", COMPARED[0])
    compared = compared if compared in COMPARED else COMPARED[0]
    apart = YEAR if compared == "year" else timedelta(days=days.length)
    before = Days(days.begin - apart, days.end - apart)
    where = Where(**{name: given.get(name, "").strip()[:LONGEST] or None for name in NAMES})
    return Filters(days, before, where, period, compared)


def _own_days(begin: str, end: str) -> Days | None:
    try:
        first, last = date.fromisoformat(begin), date.fromisoformat(end)
    except ValueError:
        return None
    sound = first.year > 1970 and last.year < 2200 and 0 <= (last - first).days < SPAN_MAX  # noqa: PLR2004 years of people
    return Days(first, last) if sound else None
