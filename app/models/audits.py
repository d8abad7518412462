"""Audits of the contact policy: every window over the ledger, counted again."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Audit(Model):
    """One audit: nightly (``night`` is the company's day) or because somebody asked for it.

    ``found`` are all violations, ``violations`` the first of them; ``fresh`` are those that nobody had seen before.
    """

    __tablename__ = "audits"
    __table_args__ = (Index("ix_audits_waiting", "id", postgresql_where="ended_at IS NULL"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    night: Mapped[date | None] = mapped_column(unique=True)
    asked_by: Mapped[str | None]
    asked_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]  # set again when whoever began was lost
    ended_at: Mapped[datetime | None]
    places: Mapped[int] = mapped_column(default=0)
    looked_at: Mapped[int] = mapped_column(default=0)  # contacts and addresses that could be over a limit
    policy_version: Mapped[int] = mapped_column(default=0)
    found: Mapped[int] = mapped_column(default=0)
    fresh: Mapped[int] = mapped_column(default=0)
    violations: Mapped[list[dict[str, Any]]] = mapped_column(Document, default=list)
    seen_at: Mapped[datetime | None]
    seen_by: Mapped[str | None]
