"""What happened, and which of it still waits for a decision."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class EventKey(Model):
    """The one place where an event is new: hands out the event's id, and tells copies from clashes by hash.

    Never partitioned; ``events`` may be, by its growing id.
    """

    __tablename__ = "event_keys"
    __table_args__ = (UniqueConstraint("source_id", "external_id"),)

    event_id: Mapped[int] = mapped_column(Id, primary_key=True)
    source_id: Mapped[int] = mapped_column(Id)
    external_id: Mapped[str]
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)


class Event(Model):
    """One event as it was posted; ``contact_id`` is filled in when it is known who it was about."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_story", "contact_id", "type", "occurred_at", postgresql_where="contact_id IS NOT NULL"),
        # Events come in about the order they happen in, so a sketch of a few kilobytes finds a day of them.
        Index(
            "ix_events_occurred",
            "occurred_at",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    external_id: Mapped[str]
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    contact: Mapped[dict[str, Any] | None]
    properties: Mapped[dict[str, Any]]
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    cause_id: Mapped[int | None] = mapped_column(BigInteger)
    depth: Mapped[int] = mapped_column(SmallInteger, default=0)
    history: Mapped[bool] = mapped_column(default=False)  # imported to be counted, never acted on


class PendingEvent(Model):
    """An event not yet decided: first without, then with the contact whose lock guards it.

    ``contact_id`` 0 stands for events that name nobody, or more than one contact (``ambiguous``).
    """

    __tablename__ = "pending_events"
    __table_args__ = (
        Index("ix_pending_events_unresolved", "event_id", postgresql_where="contact_id IS NULL AND dead_at IS NULL"),
        Index("ix_pending_events_contact", "contact_id"),
    )

    event_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    ambiguous: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    dead_at: Mapped[datetime | None]
    error: Mapped[str | None]
