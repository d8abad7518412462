"""Effects that fail: counted, and after the fifth time set aside where they can be seen."""

from datetime import datetime

from app.extensions import transaction
from app.models.decisions import Effect
from surveys.lifecycle import ATTEMPTS_MAX


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
