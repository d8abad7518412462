"""Offers in force, and how many codes they have left."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select

from app.extensions import db
from app.models.decisions import Effect
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.offers import Offer, OfferCode
from app.models.responses import Response
from app.models.surveys import Survey, SurveyVersion
from surveys.definition import read
from surveys.offers import read_offer


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
        select(Offer.slug, func.count() - func.count(OfferCode.given_at), func.count(OfferCode.given_at))
        .join(OfferCode, OfferCode.offer_id == Offer.id)
        .group_by(Offer.slug)
    )
    return {slug: (free, given) for slug, free, given in rows}


@dataclass(frozen=True)
class GivenCode:
    """A code that somebody has: of which offer, for an answer to which survey (or from a trigger), and until when."""

    code_id: int
    offer: str
    survey: str | None
    contact_id: int
    expires_at: datetime | None
    event_id: int
    depth: int


def given_codes(code_ids: Collection[int]) -> dict[int, GivenCode]:
    rows = db.session.execute(
        select(
            OfferCode.id,
            Offer.slug,
            Survey.slug,
            func.coalesce(Response.contact_id, Effect.contact_id),
            OfferCode.expires_at,
            Event.id,
            Event.depth,
        )
        .join(Offer, Offer.id == OfferCode.offer_id)
        .outerjoin(Effect, Effect.id == OfferCode.effect_id)
        .outerjoin(Response, Response.id == OfferCode.response_id)
        .outerjoin(Invitation, Invitation.id == Response.invitation_id)
        .outerjoin(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .outerjoin(Survey, Survey.id == SurveyVersion.survey_id)
        .join(Event, Event.id == func.coalesce(Invitation.event_id, Effect.event_id))
        .where(OfferCode.id.in_(code_ids))
    )
    return {row[0]: GivenCode(*row) for row in rows}


def take_code(offer: str, now: datetime) -> OfferCode | None:
    """Take the next free code out of an offer's pool, for the caller to say for what; None when the pool is empty."""
    found = db.session.execute(
        select(OfferCode, Offer.body)
        .join(Offer, Offer.id == OfferCode.offer_id)
        .where(Offer.slug == offer, Offer.archived_at.is_(None), OfferCode.given_at.is_(None))
        .order_by(OfferCode.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=OfferCode)
    ).one_or_none()
    if found is None:
        return None
    free, lasts = found[0], read(found[1], read_offer).expires
    free.given_at, free.expires_at = now, now + lasts if lasts else None
    return cast("OfferCode", free)


def code_of_trigger(event_id: int, trigger_id: int) -> str | None:
    """The code that a trigger gave for an event; None when it has not yet, or gives none."""
    return db.session.scalar(
        select(OfferCode.code)
        .join(Effect, Effect.id == OfferCode.effect_id)
        .where(Effect.event_id == event_id, Effect.trigger_id == trigger_id)
        .order_by(Effect.action)
        .limit(1)
    )
