"""Services that post events, and the payloads of theirs that could not be read."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Source(Model):
    """A service: its definition, and its secrets encrypted under the installation's key."""

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    body: Mapped[dict[str, Any]] = mapped_column(Document)
    secrets: Mapped[list[str]] = mapped_column(Document)
    mapped: Mapped[bool] = mapped_column(default=False)  # what it sent before is held until it is
    archived_at: Mapped[datetime | None]


class Payload(Model):
    """An authenticated request kept aside: held until its source is mapped, or refused with the faults found."""

    __tablename__ = "payloads"
    __table_args__ = (Index("ix_payloads_source_state", "source_id", "state", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    received_at: Mapped[datetime]
    state: Mapped[str]  # held, refused, read
    content_type: Mapped[str]
    headers: Mapped[dict[str, Any]] = mapped_column(Document)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    errors: Mapped[dict[str, Any] | None] = mapped_column(Document)
