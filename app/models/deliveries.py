"""Attempts to hand an invitation, a message or a notice over through a channel."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model

LOOKED_AT = "state IN ('unknown', 'refused', 'retrying')"
"""What people look at: few of very many."""


class Delivery(Model):
    """One hand-over, at most: fenced by ``attempt``, never begun again once it may have happened.

    ``act_at`` is when a worker is to look at it again: the end of a lease or of a back-off. A notice to the team has no
    invitation, and brings its own address and text.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_act", "act_at", postgresql_where="act_at IS NOT NULL"),
        Index("ix_deliveries_looked_at", "state", "id", postgresql_where=LOOKED_AT),
        Index("ix_deliveries_invitation", "invitation_id"),
        Index("ix_deliveries_pace", "channel", "claimed_at"),
        Index("uq_deliveries_effect", "effect_id", unique=True),
        {"sqlite_autoincrement": True},  # an id names one hand-over, and is never used again
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitations.id"))
    effect_id: Mapped[int | None] = mapped_column(ForeignKey("effects.id"))
    channel: Mapped[str]
    reminder: Mapped[int] = mapped_column(SmallInteger, default=0)  # 0: the invitation itself
    notice: Mapped[dict[str, Any] | None] = mapped_column(Document)  # {"to", "subject", "text"}
    state: Mapped[str]  # claimed handing_over sent refused retrying unknown delivered bounced complained
    attempt: Mapped[int] = mapped_column(SmallInteger, default=0)
    act_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    message_id: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
