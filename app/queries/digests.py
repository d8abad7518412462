"""Views that are sent again and again: who gets which, and when the next one is due."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.extensions import db
from app.models.accounts import User
from app.models.digests import Digest

RHYTHMS = ("weekly", "monthly")
AT = time(9)
"""By the company's clock: on Mondays, or on the first of a month."""


@dataclass(frozen=True)
class Sent:
    """A view that somebody gets."""

    id: int
    email: str
    name: str
    address: str
    rhythm: str
    author: str
    next_at: datetime


_SENT = select(Digest.id, User.email, User.name, Digest.address, Digest.rhythm, Digest.author, Digest.next_at).join(
    User, User.id == Digest.user_id
)


def digests_of(user_id: int) -> list[Sent]:
    """What a person gets."""
    return [Sent(*row) for row in db.session.execute(_SENT.where(Digest.user_id == user_id).order_by(Digest.id))]


def digests_at(address: str) -> list[Sent]:
    """Who gets a view."""
    return [Sent(*row) for row in db.session.execute(_SENT.where(Digest.address == address).order_by(User.name))]


def next_due(rhythm: str, after: datetime, zone: str) -> datetime:
    """The first moment after another at which a view of this rhythm is due."""
    clock = ZoneInfo(zone)
    day = after.astimezone(clock).date()
    while True:
        due = datetime.combine(day, AT, clock).astimezone(UTC)
        if _is_due(rhythm, day) and due > after:
            return due
        day += timedelta(days=1)


def _is_due(rhythm: str, day: date) -> bool:
    return day.day == 1 if rhythm == "monthly" else day.weekday() == 0
