"""Why someone was asked or not, what was promised, and what else is to be done."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class Decision(Model):
    """The result for one event and one trigger whose condition held: codes only.

    ``observed`` and ``limit`` are what the closing gate saw and allowed; passed gates are rebuilt from the versions.
    ``retry_at`` is set while it is ``deferred``: then it is decided again, and this row replaced.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_contact", "contact_id", "event_id"),
        Index("ix_decisions_trigger", "trigger_id", "event_id"),
        Index("ix_decisions_deferred", "contact_id", postgresql_where="retry_at IS NOT NULL"),
        Index("ix_decisions_retry", "retry_at", postgresql_where="retry_at IS NOT NULL"),
    )

    event_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"), primary_key=True)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[dict[str, Any] | None]  # rule, observed, limit of the gate that closed
    next_possible_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    decided_at: Mapped[datetime]
    trigger_version: Mapped[int]
    policy_version: Mapped[int]


class ConditionMiss(Model):
    """How many events of a day failed which clause of a trigger; added to, summed on read."""

    __tablename__ = "condition_misses"
    __table_args__ = (Index("ix_condition_misses_day", "trigger_id", "day"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"))
    day: Mapped[date]
    clause: Mapped[int] = mapped_column(SmallInteger)
    events: Mapped[int]


class Reservation(Model):
    """A place in the allowance of a contact and of an address, counted at ``counts_at``.

    An invitation takes one, and each reminder of it another (``reminder`` counts from 1). What another system sent has
    no invitation, but the event that told of it.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        Index("ix_reservations_contact", "contact_id", "counts_at"),
        Index("ix_reservations_address", "address_id", "counts_at"),
        UniqueConstraint("invitation_id", "reminder"),
        UniqueConstraint("event_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitations.id"))
    reminder: Mapped[int] = mapped_column(SmallInteger, default=0)
    event_id: Mapped[int | None] = mapped_column(BigInteger)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    address_id: Mapped[int | None] = mapped_column(ForeignKey("addresses.id"))
    class_: Mapped[str] = mapped_column("class")
    channel: Mapped[str]
    survey: Mapped[str | None]
    trigger: Mapped[str]  # empty for what another system sent
    counts_at: Mapped[datetime]


class Effect(Model):
    """An action other than a send, to be carried out once: a task, a notice, an attribute, a code."""

    __tablename__ = "effects"
    __table_args__ = (
        Index("ix_effects_waiting", "id", postgresql_where="done_at IS NULL AND dead_at IS NULL"),
        Index("uq_effects_once", "event_id", "trigger_id", "action", unique=True),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    event_id: Mapped[int] = mapped_column(BigInteger)
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"))
    trigger_version: Mapped[int]
    action: Mapped[int] = mapped_column(SmallInteger)  # its place in the trigger's `then`
    kind: Mapped[str]  # task, notify, set, offer
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    error: Mapped[str | None]


class QuotaUse(Model):
    """How many invitations a trigger's quota has given away in the period that starts at ``starts_at``."""

    __tablename__ = "quota_uses"

    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(default=0)
