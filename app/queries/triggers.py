"""Triggers in force, read once per version."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.extensions import db, remembered
from app.models.triggers import Trigger, TriggerVersion
from surveys.definition import read
from surveys.gates import in_order
from surveys.triggers import Trigger as Rule
from surveys.triggers import read_trigger

CurrentTrigger = tuple[int, int, Rule]
"""id, version, the trigger"""


def current_triggers() -> list[CurrentTrigger]:
    """Every trigger that is not a draft, in the order they are decided."""
    rows = db.session.execute(select(Trigger.id, Trigger.version).where(Trigger.archived_at.is_(None))).all()
    found = {(i, v): trigger_version(i, v) for i, v in rows}
    ranks = {rule.slug: rank for rank, rule in enumerate(in_order(found.values()))}
    current = [(i, v, rule) for (i, v), rule in found.items() if rule.status != "draft"]
    return sorted(current, key=lambda t: ranks[t[2].slug])


def asks_through(channel: str, event_type: str) -> bool:
    """Whether an event of this type may lead to a question through this channel."""
    return any(
        rule.event == event_type and any(channel in send.channels for _, send in rule.sends)
        for _, _, rule in current_triggers()
    )


@remembered
def trigger_version(trigger_id: int, number: int) -> Rule:
    """A version of a trigger, ready to decide with. Versions never change, so neither does this."""
    body = db.session.scalar(
        select(TriggerVersion.body).where(TriggerVersion.trigger_id == trigger_id, TriggerVersion.number == number)
    )
    return read(body, read_trigger)


def in_force_since(trigger_id: int, number: int) -> datetime:
    """When a version was put in force."""
    return db.session.scalars(
        select(TriggerVersion.created_at).where(
            TriggerVersion.trigger_id == trigger_id, TriggerVersion.number == number
        )
    ).one()


def trigger_definitions() -> dict[str, dict[str, Any]]:
    """The bodies in force by slug."""
    rows = db.session.execute(
        select(Trigger.slug, TriggerVersion.body)
        .join(TriggerVersion, (TriggerVersion.trigger_id == Trigger.id) & (TriggerVersion.number == Trigger.version))
        .where(Trigger.archived_at.is_(None))
        .order_by(Trigger.slug)
    )
    return {slug: body for slug, body in rows}


def trigger_names() -> dict[str, str]:
    """What every trigger is called, by slug."""
    return {slug: body.get("name") or slug for slug, body in trigger_definitions().items()}


def trigger_versions(slug: str) -> list[tuple[int, dict[str, Any], datetime]]:
    """Every version of a trigger, the newest first: number, body, since when."""
    rows = db.session.execute(
        select(TriggerVersion.number, TriggerVersion.body, TriggerVersion.created_at)
        .join(Trigger, Trigger.id == TriggerVersion.trigger_id)
        .where(Trigger.slug == slug)
        .order_by(TriggerVersion.number.desc())
    )
    return [(number, body, at) for number, body, at in rows]


def trigger_id(slug: str) -> int | None:
    return db.session.scalar(select(Trigger.id).where(Trigger.slug == slug))
