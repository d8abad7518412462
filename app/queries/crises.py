"""Crises: those that last, and those that were."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.extensions import db
from app.models.crises import Crisis
from app.queries.triggers import trigger_definitions
from surveys.crisis import IN_CRISIS
from surveys.crisis import Crisis as Rule
from surveys.gates import ACTIVE
from surveys.triggers import USUAL_CLASS


def crises_at(now: datetime) -> tuple[Rule, ...]:
    """The crises that last now, as the rules see them."""
    rows = db.session.execute(
        select(Crisis.scope, Crisis.value, Crisis.starts_at, Crisis.ends_at)
        .where(Crisis.starts_at <= now, Crisis.ends_at > now)
        .order_by(Crisis.id)
    )
    return tuple(Rule(scope, value, starts_at, ends_at) for scope, value, starts_at, ends_at in rows)


def lasting_crises(now: datetime) -> list[Crisis]:
    """The crises that last now, for people to see and end."""
    return list(
        db.session.scalars(select(Crisis).where(Crisis.starts_at <= now, Crisis.ends_at > now).order_by(Crisis.id))
    )


def paused_triggers(crisis: Crisis) -> int:
    """How many of the triggers that would ask are paused by it, for all or for some of their events."""
    bodies = trigger_definitions().values()
    return sum(
        body.get("status") in ACTIVE
        and body.get("crisis", IN_CRISIS[0]) == IN_CRISIS[0]
        and (crisis.scope != "touchpoint" or body.get("touchpoint") in (None, crisis.value))
        and any(_is_paused(action, body.get("class", USUAL_CLASS)) for action in body["then"])
        for body in bodies
    )


def _is_paused(action: Mapping[str, Any], class_: str) -> bool:
    """Whether it is a message that a crisis holds back: not a service message, and no work of ours."""
    message = action.get("send", action.get("message"))
    return message is not None and message.get("class", class_) != "service"


def crises_between(since: datetime, until: datetime) -> tuple[Rule, ...]:
    """The crises that lasted at any moment from ``since`` to ``until``."""
    rows = db.session.execute(
        select(Crisis.scope, Crisis.value, Crisis.starts_at, Crisis.ends_at)
        .where(Crisis.starts_at < until, Crisis.ends_at > since)
        .order_by(Crisis.id)
    )
    return tuple(Rule(scope, value, starts_at, ends_at) for scope, value, starts_at, ends_at in rows)
