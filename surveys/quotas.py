"""Quotas: how many are asked, or answer, within a period: the same for everybody, on the company's clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from surveys.definition import SOME, Node

MONDAY = datetime(2020, 1, 6)  # noqa: DTZ001 where weeks begin, on whatever clock
QUOTA_MAX = 10_000_000
USUAL_RATE = 0.25
"""Which share is taken to answer while too few have been asked to know."""
ENOUGH_ASKED = 20


@dataclass(frozen=True)
class Quota:
    """At most ``max`` invitations within a period, or no more than it takes for about ``max`` responses."""

    of: str  # responses or invitations
    max: int
    per: timedelta


@dataclass(slots=True)
class Standing:
    """How far a quota is used in the period from ``starts`` to ``ends``; what is promised while deciding is added.

    ``used`` are invitations promised, or responses that are in plus those expected of invitations still out. ``each``
    is what one more invitation uses: 1, or the share that answers.
    """

    starts: datetime
    ends: datetime
    used: float = 0.0
    each: float = 1.0
    promised: int = 0


def read_quota(node: Node) -> Quota | None:
    """Read ``{responses | invitations: n, per: 7d}``; faults gather in the node."""
    fields = node.mapping(("responses", "invitations", "per"), ("per",))
    if not isinstance(node.value, dict):
        return None
    kinds = [kind for kind in ("responses", "invitations") if kind in fields]
    if len(kinds) != 1:
        node.fault("needs either responses or invitations")
        return None
    per = fields["per"].duration(least=SOME) if "per" in fields else timedelta(days=1)
    if per < timedelta(hours=1):
        fields["per"].fault("must be at least an hour")
    return Quota(kinds[0], fields[kinds[0]].integer(1, QUOTA_MAX), per)


def period(at: datetime, per: timedelta, where: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end (UTC) of the period that ``at`` falls in: whole days begin at midnight, whole weeks on Monday."""
    local = at.astimezone(where).replace(tzinfo=None)
    begins = MONDAY + (local - MONDAY) // per * per
    starts, ends = (moment.replace(tzinfo=where).astimezone(UTC) for moment in (begins, begins + per))
    return starts, ends


def answer_rate(answered: int, asked: int) -> float:
    """The share that answers, as seen; the usual one while fewer than 20 were asked."""
    return answered / asked if asked >= ENOUGH_ASKED else USUAL_RATE


def allowed(quota: Quota, standing: Standing, at: datetime) -> int:
    """How much of the quota may be used by now: responses are spread evenly over the period."""
    if quota.of == "invitations":
        return quota.max
    return max(1, ceil(quota.max * min(1.0, (at - standing.starts) / (standing.ends - standing.starts))))


def is_full(quota: Quota, standing: Standing, at: datetime) -> bool:
    return standing.used >= allowed(quota, standing, at)


def opens_at(quota: Quota, standing: Standing, at: datetime) -> datetime:
    """When a full quota will take one more, as things stand: when the pace allows it, else with the next period.

    At least a hundredth of the period away: whoever waits is not to ask again at every step of the pace.
    """
    paced = standing.starts + (standing.ends - standing.starts) * (standing.used / quota.max) + SOME
    return min(standing.ends, max(paced, at + quota.per / 100))


def roll(quota: Quota, standing: Standing, at: datetime, where: ZoneInfo) -> None:
    """Begin anew when ``at`` is past the standing's period."""
    if at >= standing.ends:
        standing.starts, standing.ends = period(at, quota.per, where)
        standing.used, standing.promised = 0.0, 0
