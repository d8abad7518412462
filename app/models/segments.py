"""Named conditions over contacts."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Segment(Model):
    """A segment by its immutable slug."""

    __tablename__ = "segments"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    body: Mapped[dict[str, Any]] = mapped_column(Document)
    archived_at: Mapped[datetime | None]
