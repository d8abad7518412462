"""Pressure: how often contacts are asked, and what being written to did to their answers and to their leaving."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Select, and_, case, func, select

from app.extensions import among, db, seconds
from app.models.contacts import Contact
from app.models.decisions import Reservation
from app.models.invitations import Invitation
from app.queries.members import contacts_in
from surveys.statistics import Comparison, Figure, compare_shares, share, shown, stand_together

SPANS = (30, 90, 365)
"""Days over which it is counted how often a contact was asked."""
BEFORE = timedelta(days=90)
"""How far back messages are counted before the one whose answer is looked at."""
LEAVES = timedelta(days=30)
"""Who unsubscribes within this time of a message, and before the next one, left because of it."""
BATCH = 2_000
MOST = 3
"""So many, or more, are one group."""


@dataclass(frozen=True)
class Asked:
    """How many contacts were asked 0, 1, 2 and at least 3 times in the last ``days``."""

    days: int
    segment: str | None
    contacts: int
    times: tuple[int, ...]


@dataclass(frozen=True)
class Effect:
    """Surveys handed over to contacts who had got ``messages`` (or more, in the last group) in the 90 days before.

    Each rate is compared with that of the first group: contacts who had been left in peace.
    """

    messages: int
    n: int
    response: Figure
    unsubscribe: Figure
    response_compared: Comparison | None
    unsubscribe_compared: Comparison | None


def times_asked(now: datetime, segment: str | None = None) -> list[Asked]:
    """Contacts, or those of a segment, by how often they were asked over each of the spans; erased ones left out."""
    found = {days: [0] * (MOST + 1) for days in SPANS}
    if segment is None:
        everybody = db.session.scalar(select(func.count()).select_from(Contact).where(Contact.erased_at.is_(None))) or 0
        _count(found, _asked(now))
    else:
        everybody, members = 0, contacts_in(segment, now)
        while batch := list(islice(members, BATCH)):
            everybody += len(batch)
            _count(found, _asked(now).where(among(Invitation.contact_id, batch)))
    return [Asked(days, segment, everybody, (everybody - sum(times), *times[1:])) for days, times in found.items()]


def _asked(now: datetime) -> Select[Any]:
    """How often each contact was asked in each of the spans."""
    return (
        select(
            *(
                func.sum(case((Invitation.handed_over_at > now - timedelta(days=days), 1), else_=0)).label(f"in_{days}")
                for days in SPANS
            )
        )
        .join(Contact, Contact.id == Invitation.contact_id)
        .where(
            Invitation.handed_over_at > now - timedelta(days=max(SPANS)),
            Invitation.survey_version_id.is_not(None),
            Contact.erased_at.is_(None),
        )
        .group_by(Invitation.contact_id)
    )


def _count(found: dict[int, list[int]], asked: Select[Any]) -> None:
    each = asked.subquery()
    for days, times in found.items():
        group = _at_most(each.c[f"in_{days}"])
        for n, contacts in db.session.execute(select(group, func.count()).where(group > 0).group_by(group)):
            times[n] += contacts


def effects(begin: datetime, end: datetime) -> list[Effect]:
    """What the messages of the 90 days before did to the surveys handed over from ``begin`` to ``end``."""
    at = seconds(Reservation.counts_at)
    whose = {"partition_by": Reservation.contact_id, "order_by": at}
    message = (
        select(
            Reservation.invitation_id,
            Reservation.contact_id,
            Reservation.counts_at,
            (func.count().over(**whose, range_=(-int(BEFORE.total_seconds()), 0)) - 1).label("before"),
            func.lead(at).over(**whose).label("next"),
        )
        .where(Reservation.counts_at > begin - BEFORE, Reservation.counts_at <= end + LEAVES)
        .subquery()
    )
    left = seconds(Contact.unsubscribed_at)
    handed = seconds(message.c.counts_at)
    left_then = and_(
        left >= handed, left < handed + LEAVES.total_seconds(), left < func.coalesce(message.c.next, left + 1)
    )
    group = _at_most(message.c.before)
    rows = db.session.execute(
        select(
            group,
            func.count(),
            func.sum(case((Invitation.completed_at.is_not(None), 1), else_=0)),
            func.sum(case((left_then, 1), else_=0)),
        )
        .select_from(message)
        .join(Invitation, Invitation.id == message.c.invitation_id)
        .join(Contact, Contact.id == message.c.contact_id)
        .where(
            Invitation.handed_over_at >= begin,
            Invitation.handed_over_at < end,
            Invitation.survey_version_id.is_not(None),
        )
        .group_by(group)
    )
    counted = {messages: (n, answered, gone) for messages, n, answered, gone in rows}
    return _compared([(messages, *counted.get(messages, (0, 0, 0))) for messages in range(MOST + 1)])


def _compared(counted: Sequence[tuple[int, int, int, int]]) -> list[Effect]:
    """Figures with their comparisons; what is called *changed* stands among all that were looked at."""
    _none, n, answered, gone = counted[0]
    pairs = [
        (compare_shares((a, m), (answered, n)), compare_shares((g, m), (gone, n))) for _messages, m, a, g in counted[1:]
    ]
    stands = iter(stand_together([c for pair in pairs for c in pair]))
    kept = [tuple(_standing(c, next(stands)) for c in pair) for pair in pairs]
    compared: list[tuple[Comparison | None, ...]] = [(None, None), *kept]
    return [
        Effect(messages, m, shown(share(a, m)), shown(share(g, m)), *comparisons)
        for (messages, m, a, g), comparisons in zip(counted, compared, strict=True)
    ]


def _standing(comparison: Comparison, stands: bool) -> Comparison:
    if comparison.verdict != "changed" or stands:
        return comparison
    return Comparison("no_change_seen", comparison.difference, comparison.half_width, comparison.n, comparison.before)


def _at_most(count: Any) -> Any:
    return case((count > MOST, MOST), else_=count)
