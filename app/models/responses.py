"""Filled-in surveys, their answers, and the scores read from them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Response(Model):
    """One filled-in survey: one per invitation, however often it is sent.

    ``scored_at`` and ``announced_at`` are the stamps of what follows from it.
    """

    __tablename__ = "responses"
    __table_args__ = (
        Index("ix_responses_unscored", "id", postgresql_where="scored_at IS NULL AND complete"),
        Index("ix_responses_unannounced", "id", postgresql_where="announced_at IS NULL"),
        Index("ix_responses_changed", "changed_at"),
        Index("ix_responses_contact", "contact_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitations.id"), unique=True)
    survey_version_id: Mapped[int] = mapped_column(ForeignKey("survey_versions.id"))
    contact_id: Mapped[int] = mapped_column(BigInteger, nullable=True)  # none: nobody knows whose it is
    language: Mapped[str]
    answers: Mapped[dict[str, Any]] = mapped_column(Document)  # {question id: value}
    complete: Mapped[bool]
    started_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    scored_at: Mapped[datetime | None]
    announced_at: Mapped[datetime | None]
    segments: Mapped[str | None]  # |a|b| the contact belonged to when they answered; none: not looked at


class Score(Model):
    """One NPS, CSAT or CES value of a response."""

    __tablename__ = "scores"

    response_id: Mapped[int] = mapped_column(ForeignKey("responses.id"), primary_key=True)
    question: Mapped[str] = mapped_column(primary_key=True)
    metric: Mapped[str]  # nps csat ces
    value: Mapped[float] = mapped_column(Float)
