"""Offers in force, and how many codes they have left."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.offers import Offer, OfferCode
from app.models.responses import Response
from app.models.surveys import Survey, SurveyVersion


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


@dataclass(frozen=True)
class GivenCode:
    """A code that somebody has: of which offer, for which answer, and until when."""

    code_id: int
    offer: str
    survey: str
    contact_id: int
    expires_at: datetime | None
    event_id: int
    depth: int


def given_codes(code_ids: Collection[int]) -> dict[int, GivenCode]:
    rows = db.session.execute(
        select(OfferCode.id, Offer.slug, Survey.slug, Response.contact_id, OfferCode.expires_at, Event.id, Event.depth)
        .join(Offer, Offer.id == OfferCode.offer_id)
        .join(Response, Response.id == OfferCode.response_id)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .join(Event, Event.id == Invitation.event_id)
        .where(OfferCode.id.in_(code_ids))
    )
    return {row[0]: GivenCode(*row) for row in rows}
