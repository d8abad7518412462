"""Crises: those that last, and those that were."""

from datetime import datetime

from sqlalchemy import select

from app.extensions import db
from app.models.crises import Crisis
from surveys.crisis import Crisis as Rule


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


def crises_between(since: datetime, until: datetime) -> tuple[Rule, ...]:
    """The crises that lasted at any moment from ``since`` to ``until``."""
    rows = db.session.execute(
        select(Crisis.scope, Crisis.value, Crisis.starts_at, Crisis.ends_at)
        .where(Crisis.starts_at < until, Crisis.ends_at > since)
        .order_by(Crisis.id)
    )
    return tuple(Rule(scope, value, starts_at, ends_at) for scope, value, starts_at, ends_at in rows)
