"""Offers in force, and how many codes they have left."""

from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.offers import Offer, OfferCode


def offer_definitions() -> dict[str, dict[str, Any]]:
    rows = db.session.execute(select(Offer.slug, Offer.body).where(Offer.archived_at.is_(None)).order_by(Offer.slug))
    return {slug: body for slug, body in rows}


def known_codes(slug: str) -> set[str]:
    """The codes of an offer's pool, given or free."""
    rows = select(OfferCode.code).join(Offer, Offer.id == OfferCode.offer_id).where(Offer.slug == slug)
    return set(db.session.scalars(rows))


def offer_stock() -> dict[str, tuple[int, int]]:
    """By offer: codes that are free, and codes given."""
    rows = db.session.execute(
        select(Offer.slug, func.count() - func.count(OfferCode.response_id), func.count(OfferCode.response_id))
        .join(OfferCode, OfferCode.offer_id == Offer.id)
        .group_by(Offer.slug)
    )
    return {slug: (free, given) for slug, free, given in rows}
