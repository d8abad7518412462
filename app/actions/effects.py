"""Effects that fail: counted, and after the fifth time set aside where they can be seen."""

from datetime import datetime

from sqlalchemy import select

from app.extensions import transaction
from app.models.accounts import AuditEntry
from app.models.decisions import Effect
from surveys.lifecycle import ATTEMPTS_MAX


def redrive_effects(actor: str, now: datetime) -> int:
    """Give dead effects another five attempts. Returns how many."""
    with transaction() as session:
        dead = session.scalars(select(Effect).where(Effect.dead_at.is_not(None), Effect.created_at <= now)).all()
        for effect in dead:
            effect.dead_at, effect.attempts, effect.error = None, 0, None
        if dead:
            session.add(
                AuditEntry(at=now, actor=actor, verb="redrive", kind="effects", object="all", detail={"n": len(dead)})
            )
    return len(dead)


def fail_effect(effect_id: int, error: str, now: datetime) -> bool:
    """Count a failed attempt and keep why; returns whether the effect is dead now."""
    with transaction() as session:
        effect = session.get(Effect, effect_id)
        if effect is None or effect.done_at is not None:
            return False
        effect.attempts += 1
        effect.error = error[:500]
        effect.dead_at = now if effect.attempts >= ATTEMPTS_MAX else None
        return effect.dead_at is not None
