"""The limits that protect contacts: rolling caps, quiet hours, complaints first, consent."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from surveys.definition import Node
from surveys.triggers import CHANNELS, CLASSES

COMPLAINT_LAPSES = timedelta(days=30)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A place taken, or asked for, in an allowance; counted at ``counts_at``."""

    counts_at: datetime
    class_: str
    channel: str
    survey: str | None
    trigger: str


@dataclass(frozen=True)
class Limit:
    """At most ``max`` within any ``per``, of the messages it names; an empty filter names all."""

    name: str
    max: int
    per: timedelta
    classes: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    surveys: frozenset[str] = frozenset()
    triggers: frozenset[str] = frozenset()

    def counts(self, message: Reservation, exempt: frozenset[str]) -> bool:
        """Whether this limit is about ``message``. Exempt classes count only where a limit names them."""
        if message.class_ not in self.classes and (self.classes or message.class_ in exempt):
            return False
        return (
            (not self.channels or message.channel in self.channels)
            and (not self.surveys or message.survey in self.surveys)
            and (not self.triggers or message.trigger in self.triggers)
        )


@dataclass(frozen=True)
class QuietHours:
    """From ``begin`` to ``end`` on the clock of the contact (else the company) nothing is handed over."""

    begin: time
    end: time
    of_contact: bool

    def covers(self, clock: time) -> bool:
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end


@dataclass(frozen=True)
class ContactPolicy:
    """A policy ready to check with. A key that is not written means no such limit."""

    limits: tuple[Limit, ...] = ()
    exempt: frozenset[str] = frozenset()
    quiet_hours: QuietHours | None = None
    complaint_opens: frozenset[str] = frozenset()
    complaint_closes: frozenset[str] = frozenset()
    consent_required: frozenset[str] = frozenset()

    @property
    def longest(self) -> timedelta:
        """How far back, and ahead, reservations can matter."""
        return max((limit.per for limit in self.limits), default=timedelta(0))


@dataclass(frozen=True, slots=True)
class Refusal:
    """The limit that is in the way: what it counted, and when it would not be."""

    limit: Limit
    observed: int
    next_possible_at: datetime


def read_policy(node: Node) -> ContactPolicy:
    """Read a policy definition; faults gather in the node."""
    fields = node.mapping(("limits", "exempt", "quiet_hours", "complaint", "consent"))
    opens, closes = _read_complaint(fields["complaint"]) if "complaint" in fields else (frozenset(), frozenset())
    limits = tuple(_read_limit(item) for item in fields["limits"].items()) if "limits" in fields else ()
    if len({limit.name for limit in limits}) != len(limits):
        node.fault("two limits have the same name", "limits")
    return ContactPolicy(
        limits=limits,
        exempt=frozenset(i.one_of(CLASSES) for i in fields["exempt"].items()) if "exempt" in fields else frozenset(),
        quiet_hours=_read_quiet_hours(fields["quiet_hours"]) if "quiet_hours" in fields else None,
        complaint_opens=opens,
        complaint_closes=closes,
        consent_required=_read_consent(fields["consent"]) if "consent" in fields else frozenset(),
    )


def _read_limit(node: Node) -> Limit:
    fields = node.mapping(("name", "max", "per", "classes", "channels", "surveys", "triggers"), ("name", "max", "per"))
    per = fields["per"].duration() if "per" in fields else timedelta(days=1)
    if per <= timedelta(0):
        fields["per"].fault("must be longer than nothing")
    return Limit(
        name=fields["name"].text(longest=64) if "name" in fields else "",
        max=fields["max"].integer(0, 1000) if "max" in fields else 0,
        per=per,
        classes=_read_names(fields, "classes", CLASSES),
        channels=_read_names(fields, "channels", (*CHANNELS, "sms", "telegram")),
        surveys=frozenset(fields["surveys"].slugs()) if "surveys" in fields else frozenset(),
        triggers=frozenset(fields["triggers"].slugs()) if "triggers" in fields else frozenset(),
    )


def _read_names(fields: Mapping[str, Node], key: str, known: Sequence[str]) -> frozenset[str]:
    return frozenset(item.one_of(known) for item in fields[key].items(least=1)) if key in fields else frozenset()


def _read_quiet_hours(node: Node) -> QuietHours | None:
    fields = node.mapping(("from", "to", "zone"), ("from", "to"))
    if "from" not in fields or "to" not in fields:
        return None
    begin, end = _read_clock(fields["from"]), _read_clock(fields["to"])
    if begin == end:
        node.fault("from and to are the same")
    return QuietHours(begin, end, "zone" not in fields or fields["zone"].one_of(("contact", "company")) == "contact")


def _read_clock(node: Node) -> time:
    try:
        clock = time.fromisoformat(node.value)
    except (TypeError, ValueError):
        clock = None
    if clock is None or clock.tzinfo is not None:
        node.fault('must be a time of day in quotes, like "21:00"')
        return time(0)
    return clock


def _read_complaint(node: Node) -> tuple[frozenset[str], frozenset[str]]:
    fields = node.mapping(("opens_on", "closes_on"), ("opens_on", "closes_on"))
    opens, closes = (
        frozenset(item.text(longest=200) for item in fields[key].items(least=1)) if key in fields else frozenset()
        for key in ("opens_on", "closes_on")
    )
    return opens, closes


def _read_consent(node: Node) -> frozenset[str]:
    fields = node.mapping((*CHANNELS, "sms", "telegram", *CLASSES))
    return frozenset(key for key, value in fields.items() if value.one_of(("assumed", "required")) == "required")


def refusal(policy: ContactPolicy, taken: Iterable[Reservation], asked: Reservation) -> Refusal | None:
    """The first limit that ``asked`` would break beside the places ``taken``; None when there is room under all.

    There is room when no window (x - per, x] that contains the asked time holds more than ``max``, places in the future
    included: so exactly ``per`` later is free again.
    """
    places = list(taken)
    if all(_few_near(limit, places, asked, policy.exempt) for limit in policy.limits):
        return None
    counted = [
        (limit, sorted(p.counts_at for p in places if limit.counts(p, policy.exempt)))
        for limit in policy.limits
        if limit.counts(asked, policy.exempt)
    ]
    for limit, times in counted:
        observed = _fullest(times, asked.counts_at, limit.per)
        if observed >= limit.max:
            return Refusal(limit, observed, _next_free(counted, asked.counts_at))
    return None


def _few_near(limit: Limit, places: Sequence[Reservation], asked: Reservation, exempt: frozenset[str]) -> bool:
    """Whether so few places are near that no window can be full: the common case, found without sorting."""
    if len(places) < limit.max:
        return True
    first, last = asked.counts_at - limit.per, asked.counts_at + limit.per
    near = [p for p in places if first < p.counts_at < last]
    return len(near) < limit.max or not limit.counts(asked, exempt)


def _fullest(times: Sequence[datetime], at: datetime, per: timedelta) -> int:
    """The most places that one window of ``per`` around ``at`` already holds."""
    near = [t for t in times if at - per < t < at + per]
    ends = [at, *(t for t in near if t >= at)]
    return max(sum(1 for t in near if end - per < t <= end) for end in ends)


def _next_free(counted: Sequence[tuple[Limit, Sequence[datetime]]], at: datetime) -> datetime:
    """The earliest time from ``at`` on with room under every limit, as things stand."""
    if any(limit.max == 0 for limit, _ in counted):
        return NEVER
    while late := [
        min(t + limit.per for t in times if t + limit.per > at)
        for limit, times in counted
        if _fullest(times, at, limit.per) >= limit.max
    ]:
        at = max(late)
    return at


def zone(name: str | None, company_zone: str) -> ZoneInfo:
    """The contact's zone, else the company's."""
    try:
        return ZoneInfo(name or company_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(company_zone)


def open_time(quiet: QuietHours | None, at: datetime, where: ZoneInfo) -> datetime:
    """The first moment from ``at`` on (UTC) that is outside the quiet hours of ``where``, also across clock changes."""
    if quiet is None:
        return at
    local = at.astimezone(where)
    if not quiet.covers(local.time()):
        return at
    day = local.date() if local.time() < quiet.end else local.date() + timedelta(days=1)
    end = local.astimezone(UTC) + (datetime.combine(day, quiet.end) - local.replace(tzinfo=None))
    if end.astimezone(where).utcoffset() == local.utcoffset():
        return end
    return open_time(quiet, _clock_change(local, end, where), where)


def _clock_change(after: datetime, until: datetime, where: ZoneInfo) -> datetime:
    """The moment between the two at which the clock of ``where`` is put forward or back."""
    start = after.astimezone(UTC).replace(microsecond=0)
    seconds = range(int((until - start).total_seconds()))

    def changed(second: int) -> bool:
        return (start + timedelta(seconds=second)).astimezone(where).utcoffset() != after.utcoffset()

    return start + timedelta(seconds=bisect_left(seconds, True, key=changed))  # noqa: FBT003 what is looked for
