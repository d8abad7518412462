"""Effects: actions other than sends that wait to be carried out."""

from collections.abc import Collection

from sqlalchemy import func, select

from app.extensions import db
from app.models.decisions import Effect
from app.models.triggers import Trigger


def waiting_effects(kind: str, limit: int) -> list[int]:
    """The ids of effects to carry out; those that failed before come last."""
    waiting = (
        select(Effect.id)
        .where(Effect.kind == kind, Effect.done_at.is_(None), Effect.dead_at.is_(None))
        .order_by(Effect.attempts, Effect.id)
        .limit(limit)
    )
    return list(db.session.scalars(waiting))


def lock_effects(effect_ids: Collection[int]) -> list[Effect]:
    """Take those of the effects that are still to be done and that nobody else is at."""
    still = (
        select(Effect)
        .where(Effect.id.in_(effect_ids), Effect.done_at.is_(None), Effect.dead_at.is_(None))
        .order_by(Effect.id)
        .with_for_update(skip_locked=True)
    )
    return list(db.session.scalars(still))


def dead_effects(limit: int) -> list[tuple[int, str, str, str | None]]:
    """Dead effects: id, kind, trigger, error."""
    rows = db.session.execute(
        select(Effect.id, Effect.kind, Trigger.slug, Effect.error)
        .join(Trigger, Trigger.id == Effect.trigger_id)
        .where(Effect.dead_at.is_not(None))
        .order_by(Effect.id)
        .limit(limit)
    )
    return [(r[0], r[1], r[2], r[3]) for r in rows]


def count_effects() -> tuple[int, int]:
    """How many effects wait, and how many are dead."""
    waiting = select(func.count()).where(Effect.done_at.is_(None), Effect.dead_at.is_(None))
    dead = select(func.count()).where(Effect.dead_at.is_not(None))
    return db.session.scalar(waiting) or 0, db.session.scalar(dead) or 0
