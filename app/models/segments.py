"""Named conditions over contacts."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Segment(Model):
    """A segment by its immutable slug."""

    __tablename__ = "segments"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    body: Mapped[dict[str, Any]] = mapped_column(Document)
    archived_at: Mapped[datetime | None]


class SegmentMember(Model):
    """Who belonged to the segment whose entry or exit a trigger hears, when it was last looked at."""

    __tablename__ = "segment_members"

    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    since: Mapped[datetime]
