"""The limits that protect contacts: rolling caps, quiet hours and days, complaints first, consent, legal basis."""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from surveys.definition import Node
from surveys.lifecycle import DAYS
from surveys.triggers import CHANNELS, CLASSES

COMPLAINT_LAPSES = timedelta(days=30)
NEVER = datetime.max.replace(tzinfo=UTC)
BASES = ("consent", "customer", "assumed")
INFORMED = "informed"
"""The scope under which a contact's record says that they were told of the way out when they gave their address."""
OF_CONTACT = "contact"
COUNTRY_LETTERS = 2
ANY_CHANNEL = (*CHANNELS, "sms", "telegram")
"""Channels a policy can speak of: ours, and those of other systems."""


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
class QuietDays:
    """Weekdays (0 is Monday) and the holidays of a country on which nothing is handed over.

    ``holidays`` is a country like ``RU``, ``contact`` for the contact's own, or empty.
    """

    weekdays: frozenset[int]
    holidays: str


@dataclass(frozen=True)
class Basis:
    """On which legal basis contacts of some countries get messages of some classes and channels; empty names all.

    ``consent``: only who said yes. ``customer``: who was told of the way out at collection, and did not take it.
    """

    basis: str
    countries: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()

    def rules(self, country: str | None, class_: str, channel: str) -> bool:
        """Whether it is about such a message. Whose country is unknown falls under every rule: the strict reading."""
        return (
            (not self.countries or country is None or country in self.countries)
            and (not self.classes or class_ in self.classes)
            and (not self.channels or channel in self.channels)
        )


@dataclass(frozen=True)
class ContactPolicy:
    """A policy ready to check with. A key that is not written means no such limit."""

    limits: tuple[Limit, ...] = ()
    exempt: frozenset[str] = frozenset()
    quiet_hours: QuietHours | None = None
    quiet_days: QuietDays | None = None
    complaint_opens: frozenset[str] = frozenset()
    complaint_closes: frozenset[str] = frozenset()
    consent_required: frozenset[str] = frozenset()
    legal_basis: tuple[Basis, ...] = ()
    holdout: float = 0.0
    crisis_limits: tuple[Limit, ...] = ()

    @cached_property
    def in_crisis(self) -> "ContactPolicy":
        """The policy with the limits that a crisis adds."""
        return replace(self, limits=(*self.limits, *self.crisis_limits)) if self.crisis_limits else self

    @cached_property
    def by_country(self) -> bool:
        """Whether it matters which country a contact is of."""
        of_contact = self.quiet_days is not None and self.quiet_days.holidays == OF_CONTACT
        return of_contact or any(rule.countries for rule in self.legal_basis)

    @property
    def of_contact(self) -> bool:
        """Whether quiet times go by the contact's own clock."""
        return self.quiet_hours.of_contact if self.quiet_hours else self.quiet_days is not None

    @property
    def longest(self) -> timedelta:
        """How far back, and ahead, reservations can matter."""
        return max((limit.per for limit in (*self.limits, *self.crisis_limits)), default=timedelta(0))


@dataclass(frozen=True, slots=True)
class Refusal:
    """The limit that is in the way: what it counted, and when it would not be."""

    limit: Limit
    observed: int
    next_possible_at: datetime


def read_policy(node: Node) -> ContactPolicy:
    """Read a policy definition; faults gather in the node."""
    fields = node.mapping(
        (
            "limits",
            "exempt",
            "quiet_hours",
            "quiet_days",
            "complaint",
            "consent",
            "legal_basis",
            "holdout",
            "crisis",
        )
    )
    opens, closes = _read_complaint(fields["complaint"]) if "complaint" in fields else (frozenset(), frozenset())
    crisis = fields["crisis"].mapping(("limits",), ("limits",)) if "crisis" in fields else {}
    limits, tighter = (_read_limits(f["limits"]) if "limits" in f else () for f in (fields, crisis))
    if len({limit.name for limit in (*limits, *tighter)}) != len(limits) + len(tighter):
        node.fault("two limits have the same name", "limits")
    return ContactPolicy(
        limits=limits,
        crisis_limits=tighter,
        exempt=frozenset(i.one_of(CLASSES) for i in fields["exempt"].items()) if "exempt" in fields else frozenset(),
        quiet_hours=_read_quiet_hours(fields["quiet_hours"]) if "quiet_hours" in fields else None,
        quiet_days=_read_quiet_days(fields["quiet_days"]) if "quiet_days" in fields else None,
        legal_basis=(
            tuple(_read_basis(item) for item in fields["legal_basis"].items()) if "legal_basis" in fields else ()
        ),
        holdout=fields["holdout"].number(0, 0.5) if "holdout" in fields else 0.0,
        complaint_opens=opens,
        complaint_closes=closes,
        consent_required=_read_consent(fields["consent"]) if "consent" in fields else frozenset(),
    )


def _read_limits(node: Node) -> tuple[Limit, ...]:
    return tuple(_read_limit(item) for item in node.items())


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
        channels=_read_names(fields, "channels", ANY_CHANNEL),
        surveys=frozenset(fields["surveys"].slugs()) if "surveys" in fields else frozenset(),
        triggers=frozenset(fields["triggers"].slugs()) if "triggers" in fields else frozenset(),
    )


def _read_names(fields: Mapping[str, Node], key: str, known: Sequence[str]) -> frozenset[str]:
    return frozenset(item.one_of(known) for item in fields[key].items(least=1)) if key in fields else frozenset()


def _read_quiet_hours(node: Node) -> QuietHours | None:
    fields = node.mapping(("from", "to", "zone"), ("from", "to"))
    if "from" not in fields or "to" not in fields:
        return None
    begin, end = fields["from"].clock(), fields["to"].clock()
    if begin == end:
        node.fault("from and to are the same")
    return QuietHours(begin, end, "zone" not in fields or fields["zone"].one_of(("contact", "company")) == "contact")


def _read_quiet_days(node: Node) -> QuietDays:
    fields = node.mapping(("weekdays", "holidays"))
    days = frozenset(i.one_of(DAYS) for i in fields["weekdays"].items(least=1)) if "weekdays" in fields else frozenset()
    if len(days) == len(DAYS):
        fields["weekdays"].fault("leaves no day on which anything could go out")
        days = frozenset()
    holidays = _read_country(fields["holidays"], also=OF_CONTACT) if "holidays" in fields else ""
    if fields == {}:
        node.fault("needs weekdays or holidays")
    return QuietDays(frozenset(DAYS.index(day) for day in days), holidays)


def _read_country(node: Node, also: str = "") -> str:
    """A country by its two letters (ISO 3166-1)."""
    value = node.text()
    if value and value != also and not (_is_country(value) and value.isupper()):
        node.fault("must be a country like RU or DE, or contact" if also else "must be a country like RU or DE")
    return value


def _is_country(text: str) -> bool:
    return len(text) == COUNTRY_LETTERS and text.isascii() and text.isalpha()


def _read_basis(node: Node) -> Basis:
    fields = node.mapping(("countries", "classes", "channels", "basis"), ("basis",))
    countries = [_read_country(item) for item in fields["countries"].items(least=1)] if "countries" in fields else []
    return Basis(
        basis=fields["basis"].one_of(BASES) if "basis" in fields else BASES[0],
        countries=frozenset(countries),
        classes=_read_names(fields, "classes", CLASSES),
        channels=_read_names(fields, "channels", ANY_CHANNEL),
    )


def _read_complaint(node: Node) -> tuple[frozenset[str], frozenset[str]]:
    fields = node.mapping(("opens_on", "closes_on"), ("opens_on", "closes_on"))
    opens, closes = (
        frozenset(item.text(longest=200) for item in fields[key].items(least=1)) if key in fields else frozenset()
        for key in ("opens_on", "closes_on")
    )
    return opens, closes


def _read_consent(node: Node) -> frozenset[str]:
    fields = node.mapping((*ANY_CHANNEL, *CLASSES))
    return frozenset(key for key, value in fields.items() if value.one_of(("assumed", "required")) == "required")


def may_ask(
    policy: ContactPolicy, consents: Mapping[str, bool], country: str | None, class_: str, channel: str
) -> str | None:
    """The scope for which consent (or the knowledge of a way out) is missing; None when there is a legal basis.

    What a contact said decides, yes or no. Where they said nothing, the first rule of ``legal_basis`` about such a
    message does, else what ``consent`` asks of the class and of the channel.
    """
    for scope in (class_, channel):
        if consents.get(scope) is False:
            return scope
    rule = next((rule for rule in policy.legal_basis if rule.rules(country, class_, channel)), None)
    if rule is not None:
        if rule.basis == "assumed" or consents.get(class_) or consents.get(channel):
            return None
        return None if rule.basis == "customer" and consents.get(INFORMED) else class_
    for scope in (class_, channel):
        if scope in policy.consent_required and not consents.get(scope):
            return scope
    return None


def country_of(contact: Mapping[str, Any]) -> str | None:
    """A contact's country: the attribute ``country``, else the region of the locale (``de-AT``); None when unknown."""
    named = (contact.get("attributes") or {}).get("country")
    region = named or str(contact.get("locale") or "").replace("_", "-").partition("-")[2]
    return region.upper() if isinstance(region, str) and _is_country(region) else None


def refusal(policy: ContactPolicy, taken: Sequence[Reservation], asked: Reservation) -> Refusal | None:
    """The first limit that ``asked`` would break beside the places ``taken``; None when there is room under all.

    There is room when no window (x - per, x] that contains the asked time holds more than ``max``, places in the future
    included: so exactly ``per`` later is free again.
    """
    if all(
        len(taken) < limit.max or _few_near(limit, taken, asked, policy.exempt) for limit in policy.limits
    ):  # the common case, found without sorting
        return None
    counted = [
        (limit, sorted(p.counts_at for p in taken if limit.counts(p, policy.exempt)))
        for limit in policy.limits
        if limit.counts(asked, policy.exempt)
    ]
    for limit, times in counted:
        observed = _fullest(times, asked.counts_at, limit.per)
        if observed >= limit.max:
            return Refusal(limit, observed, _next_free(counted, asked.counts_at))
    return None


def _few_near(limit: Limit, places: Sequence[Reservation], asked: Reservation, exempt: frozenset[str]) -> bool:
    """Whether so few places are near that no window can be full."""
    first, last = asked.counts_at - limit.per, asked.counts_at + limit.per
    near = [p for p in places if first < p.counts_at < last]
    return len(near) < limit.max or not limit.counts(asked, exempt)


def _fullest(times: Sequence[datetime], at: datetime, per: timedelta) -> int:
    """The most places that one window of ``per`` around ``at`` already holds, of ``times`` in order."""
    first, last = at - per, at + per
    near = [t for t in times if first < t < last]
    if not near or near[-1] <= at:
        return len(near)
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


def allowed_time(policy: ContactPolicy, at: datetime, where: ZoneInfo, holidays: Collection[date] = ()) -> datetime:
    """The first moment from ``at`` on (UTC) that is outside the quiet hours, and not on a quiet day, of ``where``."""
    if policy.quiet_days is None:
        return open_time(policy.quiet_hours, at, where)
    while True:
        at = open_time(policy.quiet_hours, at, where)
        day = at.astimezone(where).date()
        if day.weekday() not in policy.quiet_days.weekdays and day not in holidays:
            return at
        at = datetime.combine(day + timedelta(days=1), time(0), where).astimezone(UTC)


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
