"""Views of the overview that are sent to the company's people again and again."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class Digest(Model):
    """One view that one person gets; ``next_at`` moves in the transaction that makes the mail, so each comes once."""

    __tablename__ = "digests"
    __table_args__ = (UniqueConstraint("user_id", "address", "rhythm"), Index("ix_digests_next", "next_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    address: Mapped[str]  # the query of the overview's address
    rhythm: Mapped[str]  # weekly monthly
    next_at: Mapped[datetime]
    author: Mapped[str]
    created_at: Mapped[datetime]
