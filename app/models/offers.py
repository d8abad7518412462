"""Offers and their pools of codes."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Offer(Model):
    """A pool of codes by its immutable slug; the codes are not part of the definition."""

    __tablename__ = "offers"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    body: Mapped[dict[str, Any]] = mapped_column(Document)
    archived_at: Mapped[datetime | None]


class OfferCode(Model):
    """One code: free, or given for one response or by one effect of a trigger."""

    __tablename__ = "offer_codes"
    __table_args__ = (
        UniqueConstraint("offer_id", "code"),
        UniqueConstraint("response_id"),
        UniqueConstraint("effect_id"),
        Index("ix_offer_codes_free", "offer_id", "id", postgresql_where="given_at IS NULL"),
        Index(
            "ix_offer_codes_expiring", "expires_at", postgresql_where="expires_at IS NOT NULL AND expired_at IS NULL"
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offers.id"))
    code: Mapped[str]
    response_id: Mapped[int | None] = mapped_column(BigInteger)
    effect_id: Mapped[int | None] = mapped_column(BigInteger)
    given_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]
