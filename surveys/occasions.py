"""When a trigger is heard: at an event, or at a moment that no event tells of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import ClassVar

from cronsim import CronSim, CronSimError

from surveys.conditions import Condition, read_condition
from surveys.definition import SOME, Node

MORNING = time(10)
"""When the day of a date begins to matter, where nothing is said."""
ATTRIBUTE = "contact.attributes."
TIMER = "timer."
"""What the types of events begin with that come of moments; only Otklik makes them."""
YEAR = timedelta(days=365)
_LEAP = 2024
_ANY_DAY = datetime(_LEAP, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Occurs:
    """An event; with ``nth`` only the one that makes so many, ``within`` a time and alike ``by`` a property."""

    kind: ClassVar[str] = "event"
    event: str
    nth: int | None = None
    within: timedelta | None = None
    by: str | None = None

    @property
    def first_only(self) -> bool:
        return self.nth == 1 and self.within is None and self.by is None

    @cached_property
    def counted(self) -> Condition | None:
        """What must hold of the events before this one; None where that is nothing, or only that there are none."""
        if self.nth is None or self.first_only:
            return None
        tree = {"events": self.event, "count": True, "op": "eq", "value": self.nth - 1}
        tree |= {"within": f"{int(self.within.total_seconds())}s"} if self.within else {}
        tree |= {"by": self.by} if self.by else {}
        return read_condition(Node(tree, []))


@dataclass(frozen=True)
class Absence:
    """``event`` is not followed by ``without`` in time. The next ``event`` begins anew: for each value of ``on``."""

    kind: ClassVar[str] = "absence"
    event: str
    without: str
    within: timedelta
    on: str | None = None


@dataclass(frozen=True)
class Usage:
    """So many times in the time up to the last one."""

    times: int
    per: timedelta


@dataclass(frozen=True)
class Silence:
    """Nothing of the types ``since`` for so long; once per lapse. With ``used`` only after such use."""

    kind: ClassVar[str] = "silence"
    period: timedelta
    since: tuple[str, ...]
    used: Usage | None = None


@dataclass(frozen=True)
class Anniversary:
    """The day in an attribute of the contact, or its return every year, moved by ``offset``; by the contact's clock."""

    kind: ClassVar[str] = "date"
    attribute: str
    yearly: bool
    offset: timedelta
    at: time


@dataclass(frozen=True)
class Holiday:
    """A day of every year, by the contact's clock; for everybody or a segment."""

    kind: ClassVar[str] = "holiday"
    month: int
    day: int
    at: time
    segment: str | None = None


@dataclass(frozen=True)
class Schedule:
    """The moments of a cron expression, by the company's clock, for everybody in a segment then."""

    kind: ClassVar[str] = "cron"
    cron: str
    segment: str


@dataclass(frozen=True)
class Entry:
    """The contact comes to belong to a segment."""

    kind: ClassVar[str] = "enters"
    segment: str


@dataclass(frozen=True)
class Exit:
    """The contact stops to belong to a segment."""

    kind: ClassVar[str] = "exits"
    segment: str


@dataclass(frozen=True)
class Once:
    """Everybody in a segment or a list, once, as soon as the trigger is live."""

    kind: ClassVar[str] = "now"
    audience: str


Timed = Absence | Silence | Anniversary | Holiday | Schedule | Entry | Exit | Once
Occasion = Occurs | Timed


def segment_of(occasion: Occasion) -> str | None:
    """The segment that an occasion speaks of by name; an audience may be one too, or a list."""
    return occasion.segment if isinstance(occasion, Holiday | Schedule | Entry | Exit) else None


def read_occasion(node: Node) -> Occasion:
    """Read a trigger's ``when``; faults gather in the node."""
    if not isinstance(node.value, dict):
        node.fault("must be a mapping of fields")
        return Occurs("")
    for key, reader in _READERS.items():
        if key in node.value:
            return reader(node)
    node.fault(f"must say when: {', '.join(k for k in _READERS if k != 'without')}")
    return Occurs("")


def _read_event(node: Node) -> Occasion:
    fields = node.mapping(("event", "occurrence"), ("event",))
    event = _read_type(fields, "event")
    if "occurrence" not in fields:
        return Occurs(event)
    occurrence = fields["occurrence"]
    if isinstance(occurrence.value, dict):
        counted = occurrence.mapping(("nth", "within", "by"), ("nth",))
        return Occurs(
            event,
            nth=counted["nth"].integer(1, 1_000) if "nth" in counted else 1,
            within=counted["within"].duration(least=SOME) if "within" in counted else None,
            by=_read_property(counted["by"]) if "by" in counted else None,
        )
    occurrence.one_of(("first",))
    return Occurs(event, nth=1)


def _read_absence(node: Node) -> Occasion:
    fields = node.mapping(("event", "without", "within", "on"), ("event", "without", "within"))
    event, without = _read_type(fields, "event"), _read_type(fields, "without")
    if without and without == event:
        fields["without"].fault("is the event itself, so it could never stay away")
    return Absence(
        event,
        without,
        within=_read_period(fields, "within"),
        on=_read_property(fields["on"]) if "on" in fields else None,
    )


def _read_silence(node: Node) -> Occasion:
    fields = node.mapping(("inactive_for", "since", "used"), ("inactive_for", "since"))
    used = None
    if "used" in fields:
        parts = fields["used"].mapping(("times", "per"), ("times", "per"))
        used = Usage(parts["times"].integer(1, 1_000) if "times" in parts else 1, _read_period(parts, "per"))
    since = fields["since"].items(least=1) if "since" in fields else []
    return Silence(
        period=_read_period(fields, "inactive_for"),
        since=tuple(dict.fromkeys(item.text(longest=200) for item in since)),
        used=used,
    )


def _read_anniversary(node: Node) -> Occasion:
    fields = node.mapping(("date", "yearly", "offset", "at"), ("date",))
    path = fields["date"].text(longest=200)
    attribute = path.removeprefix(ATTRIBUTE)
    if path and (attribute == path or not attribute or "." in attribute):
        fields["date"].fault(f"must be an attribute, like {ATTRIBUTE}birthday")
    yearly = "yearly" in fields and fields["yearly"].boolean()
    offset = fields["offset"].offset() if "offset" in fields else timedelta(0)
    if yearly and abs(offset) >= YEAR:
        fields["offset"].fault("must be less than a year for a day of every year")
    return Anniversary(attribute, yearly, offset, at=fields["at"].clock() if "at" in fields else MORNING)


def _read_holiday(node: Node) -> Occasion:
    fields = node.mapping(("on", "at", "segment"), ("on",))
    month, day = _read_day(fields["on"])
    return Holiday(
        month,
        day,
        at=fields["at"].clock() if "at" in fields else MORNING,
        segment=fields["segment"].slug() if "segment" in fields else None,
    )


def _read_day(node: Node) -> tuple[int, int]:
    """``03-08``: a day that some year has, so 29 February too."""
    try:
        day = datetime.strptime(f"{_LEAP}-{node.value}", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        node.fault('must be a day of the year in quotes, like "03-08"; there is no such day')
        return 1, 1
    return day.month, day.day


def _read_schedule(node: Node) -> Occasion:
    fields = node.mapping(("cron", "segment"), ("cron", "segment"))
    cron = fields["cron"].text(longest=200)
    if cron and (fault := _cron_fault(cron)):
        fields["cron"].fault(fault)
    return Schedule(cron, fields["segment"].slug() if "segment" in fields else "")


def _cron_fault(cron: str) -> str | None:
    if len(cron.split()) != 5:  # noqa: PLR2004 minute, hour, day, month, weekday
        return 'must be five fields: minute, hour, day, month, weekday, like "0 10 1 * *"'
    try:
        next(CronSim(cron, _ANY_DAY))
    except CronSimError as error:
        return f"is not a cron expression: {error}"
    except StopIteration:
        return "never comes: no day is like that"
    return None


def _read_entry(node: Node) -> Occasion:
    return Entry(node.mapping(("enters",))["enters"].slug())


def _read_exit(node: Node) -> Occasion:
    return Exit(node.mapping(("exits",))["exits"].slug())


def _read_once(node: Node) -> Occasion:
    return Once(node.mapping(("now",))["now"].slug())


_READERS: Mapping[str, Callable[[Node], Occasion]] = {
    "without": _read_absence,
    "event": _read_event,
    "inactive_for": _read_silence,
    "date": _read_anniversary,
    "on": _read_holiday,
    "cron": _read_schedule,
    "enters": _read_entry,
    "exits": _read_exit,
    "now": _read_once,
}
"""By the field that tells the kind, in the order they are looked for."""


def _read_type(fields: Mapping[str, Node], name: str) -> str:
    return fields[name].text(longest=200) if name in fields else ""


def _read_period(fields: Mapping[str, Node], name: str) -> timedelta:
    return fields[name].duration(least=SOME) if name in fields else SOME


def _read_property(node: Node) -> str:
    path = node.text(longest=200)
    if path and not path.startswith("properties."):
        node.fault("must be a path that begins with properties")
    return path


def read_existing(node: Node, occasion: Occasion) -> int | None:
    """How many a day of those who match already when the trigger goes live; None: as the occasion is by itself."""
    spread = isinstance(node.value, dict)
    if not (asks_of_present(occasion) if spread else isinstance(occasion, Silence | Anniversary | Entry | Once)):
        node.fault("is for silence, a date that comes once, entering a segment and now; here nobody matches already")
        return None
    if spread:
        fields = node.mapping(("per_day",), ("per_day",))
        return fields["per_day"].integer(1, 1_000_000) if "per_day" in fields else None
    node.one_of(("skip",))
    if isinstance(occasion, Once):
        node.fault("now is for those who are there already; leave this out, or spread them with per_day")
    return None


def asks_of_present(occasion: Occasion) -> bool:
    """Whether somebody can match already when the trigger goes live."""
    return isinstance(occasion, Silence | Entry | Once) or (isinstance(occasion, Anniversary) and not occasion.yearly)
