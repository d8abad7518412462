"""Audits of the contact policy: what is to be looked at, what was found, and the counting itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Select, func, literal, or_, select
from sqlalchemy.orm import aliased

from app.extensions import UtcDateTime, db, seconds
from app.models.audits import Audit
from app.models.decisions import Reservation
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.policies import PolicyVersion
from app.queries.installation import company
from app.queries.policies import policy_version
from surveys.auditor import Cap, InForce, Place, Violation, violations

AT = time(3, 30)
"""When the night's audit is due, by the company's clock."""
LEASE = timedelta(minutes=15)
"""An audit that began longer ago and has not ended was lost, and begins again."""
KEPT = 500
"""So many violations are kept word for word; the others are counted."""
STREAM = 5_000
ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass
class Audited:
    """What one audit came to."""

    policy_version: int
    places: int = 0
    looked_at: int = 0
    found: int = 0
    violations: list[dict[str, Any]] = field(default_factory=list)


def night_of(now: datetime) -> tuple[date, datetime]:
    """The company's day whose audit is the latest that is due, and since when it is."""
    zone = ZoneInfo(company().zone)
    day = now.astimezone(zone).date()
    due = datetime.combine(day, AT, zone).astimezone(UTC)
    if due > now:
        day -= timedelta(days=1)
        due = datetime.combine(day, AT, zone).astimezone(UTC)
    return day, due


def nightly_due(now: datetime) -> Select[Any]:
    """Finds something while the night's audit was not begun, and there is anything to audit."""
    night, due = night_of(now)
    done = select(Audit.id).where(Audit.night == night).exists()
    return select(literal(1)).where(select(Reservation.contact_id).where(Reservation.counts_at < due).exists(), ~done)


def audits_waiting(now: datetime) -> list[Select[Any]]:
    """Queries that find something when an audit is to be made: it is due, was asked for, or was lost half-way."""
    lost = Audit.begun_at < now - LEASE
    return [nightly_due(now), select(literal(1)).where(Audit.ended_at.is_(None), or_(Audit.begun_at.is_(None), lost))]


def latest_audit() -> Audit | None:
    """The last audit that ended."""
    return db.session.scalar(select(Audit).where(Audit.ended_at.is_not(None)).order_by(Audit.id.desc()).limit(1))


def audit_rows(limit: int) -> list[Audit]:
    """Audits, the newest first, with those that still run."""
    return list(db.session.scalars(select(Audit).order_by(Audit.id.desc()).limit(limit)))


def audit_ledger(now: datetime) -> Audited:
    """Count every window of every contact and every address again, in memory for one of them at a time.

    SQL narrows down to those who have more places close together than the strictest limits of any policy allow,
    whatever the messages were; :func:`surveys.auditor.violations` decides.
    """
    versions = policies_in_force()
    audited = Audited(policy_version=versions[-1].number)
    audited.places = db.session.scalar(select(func.count()).select_from(Reservation)) or 0
    for owner in (Reservation.contact_id, Reservation.address_id):
        for owner_id, held in _held(owner, versions):
            audited.looked_at += 1
            found = violations(held, versions, now)
            audited.found += len(found)
            room = KEPT - len(audited.violations)
            audited.violations += [_as_row(owner.key, owner_id, v) for v in found[:room]]
    return audited


def policies_in_force() -> list[InForce]:
    """Every version of the contact policy; before the first nothing was limited."""
    rows = db.session.execute(select(PolicyVersion.number, PolicyVersion.created_at).order_by(PolicyVersion.number))
    found = [InForce(0, ALWAYS, ())]
    for number, since in rows:
        policy = policy_version(number)
        caps = tuple(
            Cap(limit.name, limit.max, limit.per, limit.classes, limit.channels, limit.surveys, limit.triggers)
            for limit in policy.limits
        )
        found.append(InForce(number, max(since, found[-1].since), caps, policy.exempt))
    return found


def _held(owner: Any, versions: list[InForce]) -> Iterator[tuple[int, list[Place]]]:
    """Owners who could be over a limit, and all places of each."""
    widest: dict[int, timedelta] = {}
    for cap in (cap for version in versions for cap in version.caps):
        widest[cap.max] = max(cap.per, widest.get(cap.max, timedelta(0)))
    if not widest:
        return
    rows = db.session.execute(
        select(
            owner,
            Reservation.id,
            Reservation.contact_id,
            Reservation.address_id,
            Reservation.class_,
            Reservation.channel,
            Reservation.survey,
            Reservation.trigger,
            Reservation.counts_at,
            func.coalesce(Invitation.created_at, Event.received_at, type_=UtcDateTime()),
            or_(Invitation.handed_over_at.is_not(None), Reservation.reminder > 0, Reservation.event_id.is_not(None)),
            Reservation.event_id.is_(None),
        )
        .outerjoin(Invitation, Invitation.id == Reservation.invitation_id)
        .outerjoin(Event, Event.id == Reservation.event_id)
        .where(owner.in_(_crowded(owner, widest)))
        .order_by(owner)
        .execution_options(yield_per=STREAM)
    )
    for owner_id, found in groupby(rows, key=lambda row: row[0]):
        yield owner_id, [Place(*row[1:]) for row in found]


def _crowded(owner: Any, widest: dict[int, timedelta]) -> Any:
    """Owners with more than ``max`` places within the longest ``per`` that goes with it."""
    place = aliased(Reservation)
    of = getattr(place, owner.key)
    at = seconds(place.counts_at)
    spans = [
        (at - func.lag(at, literal(most, Integer)).over(partition_by=of, order_by=place.counts_at)).label(
            f"span_{most}"
        )
        for most in widest
    ]
    spread = select(of.label("owner"), *spans).where(of.is_not(None)).subquery()
    near = [spread.c[f"span_{most}"] <= per.total_seconds() + 1 for most, per in widest.items()]
    return select(spread.c.owner).where(or_(*near))


def _as_row(owner: str, owner_id: int, found: Violation) -> dict[str, Any]:
    """A violation in ids, as it is kept, shown and logged."""
    return {
        "owner": owner.removesuffix("_id"),
        "id": owner_id,
        "place": found.place.id,
        "contact": found.place.contact,
        "limit": found.cap.name,
        "max": found.cap.max,
        "seconds": int(found.cap.per.total_seconds()),
        "inside": found.inside,
        "until": found.place.counts_at.isoformat(),
        "policy": found.policy,
    }
