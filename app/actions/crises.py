"""Crisis mode: declared, always with an end, and ended."""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.extensions import transaction
from app.models.accounts import AuditEntry
from app.models.crises import Crisis
from app.models.decisions import Decision

LONGEST = timedelta(days=90)


class UnknownCrisis(LookupError):
    """No crisis of this id lasts."""


class EndlessCrisis(ValueError):
    """A crisis needs an end, later than now and not too far away."""


def declare_crisis(scope: str, value: str, ends_at: datetime, *, actor: str, now: datetime) -> int:
    """Begin a crisis; returns its id. Raises :class:`EndlessCrisis`."""
    if not now < ends_at <= now + LONGEST:
        raise EndlessCrisis(ends_at)
    with transaction() as session:
        crisis = Crisis(scope=scope, value=value, starts_at=now, ends_at=ends_at, declared_by=actor)
        session.add(crisis)
        session.flush()
        detail = {"scope": scope, "ends_at": ends_at.isoformat()}
        session.add(AuditEntry(at=now, actor=actor, verb="start", kind="crisis", object=value or scope, detail=detail))
        return crisis.id


def end_crisis(crisis_id: int, *, actor: str, now: datetime) -> None:
    """End a crisis before its time; whoever waited for that is decided again. Raises :class:`UnknownCrisis`."""
    with transaction() as session:
        crisis = session.scalar(select(Crisis).where(Crisis.id == crisis_id, Crisis.ends_at > now).with_for_update())
        if crisis is None:
            raise UnknownCrisis(crisis_id)
        crisis.ends_at = now
        session.add(
            AuditEntry(at=now, actor=actor, verb="end", kind="crisis", object=crisis.value or crisis.scope, detail=None)
        )
        waiting = (Decision.retry_at > now, Decision.reason == "crisis")
        session.execute(update(Decision).where(*waiting).values(retry_at=now))
