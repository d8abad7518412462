"""Promises to ask one contact one survey version, or to tell them one thing."""

from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model

UNSEGMENTED = text("segments IS NULL AND handed_over_at IS NOT NULL AND survey_version_id IS NOT NULL")


class Invitation(Model):
    """A promise; without a survey version it is a plain message, with nothing to answer.

    ``due_at`` is set while a hand-over is to be started; the delivery carries on from there. On the channel ``web`` it
    is never set: the page of the customer comes for it, until ``stale_at``. An answer that was given elsewhere has one
    too, completed from the start and never handed over; only such a one may be of nobody, or of no address.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        UniqueConstraint("event_id", "trigger_id", "action"),
        Index("ix_invitations_due", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index("ix_invitations_remind", "remind_at", postgresql_where="remind_at IS NOT NULL"),
        Index("ix_invitations_contact", "contact_id"),
        Index("ix_invitations_out", "trigger_id", postgresql_where="state IN ('planned', 'open', 'started')"),
        Index("ix_invitations_completed", "completed_at", postgresql_where="completed_at IS NOT NULL"),
        Index("ix_invitations_handed_over", "handed_over_at"),
        Index("ix_invitations_unfetched", "stale_at", postgresql_where="channel = 'web' AND state = 'planned'"),
        Index("ix_invitations_unsegmented", "segments", postgresql_where=UNSEGMENTED, sqlite_where=UNSEGMENTED),
        Index("ix_invitations_expires", "expires_at", postgresql_where="state IN ('open', 'started')"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    public_id: Mapped[str] = mapped_column(unique=True)
    event_id: Mapped[int] = mapped_column(BigInteger)
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"))
    trigger_version: Mapped[int]
    action: Mapped[int] = mapped_column(SmallInteger)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), nullable=True)
    address_id: Mapped[int] = mapped_column(ForeignKey("addresses.id"), nullable=True)
    survey_version_id: Mapped[int | None] = mapped_column(ForeignKey("survey_versions.id"))
    class_: Mapped[str] = mapped_column("class")
    channel: Mapped[str]
    touchpoint: Mapped[str | None]
    language: Mapped[str]
    probability: Mapped[float] = mapped_column(Float)  # of being included, for weights
    state: Mapped[str]  # planned open started completed expired cancelled
    reason: Mapped[str | None]
    cause_id: Mapped[int | None] = mapped_column(BigInteger)  # the event that called it off
    created_at: Mapped[datetime]
    planned_at: Mapped[datetime]
    stale_at: Mapped[datetime]  # not handed over by then: too late to ask
    due_at: Mapped[datetime | None]
    expires_after: Mapped[int | None]  # seconds from hand-over to the end of the link
    handed_over_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]  # when whoever has not answered is to be reminded
    reminders: Mapped[int] = mapped_column(SmallInteger, default=0)  # how many were handed over
    segments: Mapped[str | None]  # |a|b| the contact belonged to at the hand-over; none: not looked at yet


class InvitationNews(Model):
    """Something that became of an invitation, until it has become an event of its own."""

    __tablename__ = "invitation_news"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 its ids name events, and are never used again

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitations.id"))
    kind: Mapped[str]  # sent, expired
    at: Mapped[datetime]
