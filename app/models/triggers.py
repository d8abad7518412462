"""Triggers and their versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Trigger(Model):
    """A trigger by its immutable slug; ``version`` is the one in force."""

    __tablename__ = "triggers"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]
    archived_at: Mapped[datetime | None]


class TriggerVersion(Model):
    """A trigger as it was written; never changes."""

    __tablename__ = "trigger_versions"

    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(Document)
    created_at: Mapped[datetime]
