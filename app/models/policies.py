"""The contact policy, version by version; the newest is in force."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Model


class PolicyVersion(Model):
    """A contact policy as it was written; never changes."""

    __tablename__ = "policy_versions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[dict[str, Any]] = mapped_column(Document)
    created_at: Mapped[datetime]
