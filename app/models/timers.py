"""Wake-ups that become events, and how far contacts have been looked through for them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class Timer(Model):
    """A moment that concerns one contact and one trigger; ``key`` tells it from others, each comes once.

    ``waiting`` until ``due_at``, then ``ripe`` until its event is made, then ``fired``. What comes to nothing goes.
    """

    __tablename__ = "timers"
    __table_args__ = (
        UniqueConstraint("trigger_id", "contact_id", "key"),
        Index("ix_timers_waiting", "due_at", postgresql_where="state = 'waiting'"),
        Index("ix_timers_ripe", "id", postgresql_where="state = 'ripe'"),
        Index("ix_timers_contact", "contact_id"),
        {"sqlite_autoincrement": True},  # its ids name events, and are never used again
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"))
    contact_id: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str]
    due_at: Mapped[datetime]
    state: Mapped[str]
    opened_at: Mapped[datetime | None]  # when the event happened that it was set at
    event_id: Mapped[int | None] = mapped_column(BigInteger)  # that event
    depth: Mapped[int] = mapped_column(SmallInteger, default=0)
    told: Mapped[dict[str, Any]]  # what its event will say


class TimerWatch(Model):
    """How far contacts were looked through for one trigger. Whoever looks holds the row.

    Up to ``scanned_until`` all is found; up to ``scanning_until`` for contacts up to ``after_id``. Without
    ``scanned_until`` those are still looked for who matched before the trigger went live.
    """

    __tablename__ = "timer_watches"
    __table_args__ = (Index("ix_timer_watches_next", "next_at"),)

    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"), primary_key=True)
    version: Mapped[int | None]
    live_at: Mapped[datetime | None]
    scanned_until: Mapped[datetime | None]
    scanning_until: Mapped[datetime | None]
    began_at: Mapped[datetime | None]
    after_id: Mapped[int] = mapped_column(BigInteger, default=0)
    found: Mapped[int] = mapped_column(BigInteger, default=0)  # of those who matched before
    next_at: Mapped[datetime | None]
