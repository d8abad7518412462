"""Invitations: what a link leads to, and what the API lists."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from app.extensions import db, read_alone
from app.models.contacts import Contact
from app.models.deliveries import Delivery
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.offers import Offer, OfferCode
from app.models.responses import Response
from app.models.surveys import Survey, SurveyVersion
from app.models.triggers import Trigger
from app.queries.contacts import contact_facts, references
from app.queries.surveys import survey_version
from surveys.lifecycle import ANSWERABLE
from surveys.survey import Survey as Form


@dataclass(frozen=True)
class Asked:
    """What a personal link leads to: the survey, what is known, and what was answered so far."""

    invitation_id: int
    survey: Form
    language: str
    known: Mapping[str, Any]
    answers: Mapping[str, Any]
    state: str

    def answerable(self) -> bool:
        return self.state in ANSWERABLE


_ASKED = (
    select(
        Invitation.id,
        Invitation.survey_version_id,
        Invitation.language,
        Invitation.state,
        Invitation.expires_at,
        Invitation.contact_id,
        Event.type,
        Event.properties,
        Contact.name,
        Contact.locale,
        Contact.timezone,
        Contact.attributes,
        Response.answers,
    )
    .join(Event, Event.id == Invitation.event_id)
    .outerjoin(Contact, Contact.id == Invitation.contact_id)
    .outerjoin(Response, Response.invitation_id == Invitation.id)
    .where(Invitation.public_id == bindparam("public_id"), Invitation.survey_version_id.is_not(None))
)


def find_asked(public_id: str, now: datetime) -> Asked | None:
    """What the link with this public id leads to, or None. An invitation past its time reads ``expired``."""
    row = read_alone(_ASKED, {"public_id": public_id})
    if row is None:
        return None
    over = row.state in ANSWERABLE and row.expires_at is not None and row.expires_at <= now
    return Asked(
        invitation_id=row.id,
        survey=survey_version(row.survey_version_id),
        language=row.language,
        known={
            "type": row.type,
            "properties": row.properties,
            "contact": _known(row),
        },
        answers=row.answers or {},
        state="expired" if over else row.state,
    )


def _known(row: Any) -> dict[str, Any]:
    """What is known of whoever answers: nothing, where an open link led here."""
    if row.contact_id is None:
        return {}
    return contact_facts(None, row.name, row.locale, row.timezone, row.attributes)


def popup_waits(contact_id: int, now: datetime) -> bool:
    """Whether a popup is due that the contact's page could come for."""
    due = select(Invitation.id).where(
        Invitation.contact_id == contact_id,
        Invitation.channel == "web",
        Invitation.state == "planned",
        Invitation.planned_at <= now,
    )
    return db.session.scalar(due.limit(1)) is not None


def invitation_language(public_id: str) -> str | None:
    """The language of an invitation, or None when there is none with this public id."""
    return db.session.scalar(select(Invitation.language).where(Invitation.public_id == public_id))


def given_code(invitation_id: int) -> str | None:
    """The offer code that was given for the response to this invitation."""
    return db.session.scalar(
        select(OfferCode.code)
        .join(Response, Response.id == OfferCode.response_id)
        .join(Offer, Offer.id == OfferCode.offer_id)
        .where(Response.invitation_id == invitation_id)
    )


@dataclass(frozen=True)
class InvitationView:
    """An invitation as the API shows it."""

    id: int
    public_id: str
    contact: str
    survey: str
    version: int
    trigger: str
    channel: str
    state: str
    reason: str | None
    delivery: str | None
    planned_at: datetime
    handed_over_at: datetime | None
    expires_at: datetime | None
    completed_at: datetime | None


def list_invitations(contact_id: int | None, state: str | None, after: int, limit: int) -> Sequence[InvitationView]:
    """Invitations to surveys, by id, with the state of their last delivery."""
    query = (
        select(Invitation, Survey.slug, SurveyVersion.number, Trigger.slug)
        .join(SurveyVersion, SurveyVersion.id == Invitation.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .join(Trigger, Trigger.id == Invitation.trigger_id)
        .where(Invitation.id > after, Invitation.address_id.is_not(None))  # what was given elsewhere was never promised
        .order_by(Invitation.id)
        .limit(limit)
    )
    if contact_id is not None:
        query = query.where(Invitation.contact_id == contact_id)
    if state:
        query = query.where(Invitation.state == state)
    rows = db.session.execute(query).all()
    known = references({i.contact_id for i, *_ in rows})
    states = db.session.execute(
        select(Delivery.invitation_id, Delivery.state)
        .where(Delivery.invitation_id.in_([i.id for i, *_ in rows]), Delivery.reminder == 0)
        .order_by(Delivery.id)
    )
    delivered = {invitation_id: state for invitation_id, state in states}
    return [
        InvitationView(
            id=invitation.id,
            public_id=invitation.public_id,
            contact=known[invitation.contact_id],
            survey=survey,
            version=version,
            trigger=trigger,
            channel=invitation.channel,
            state=invitation.state,
            reason=invitation.reason,
            delivery=delivered.get(invitation.id),
            planned_at=invitation.planned_at,
            handed_over_at=invitation.handed_over_at,
            expires_at=invitation.expires_at,
            completed_at=invitation.completed_at,
        )
        for invitation, survey, version, trigger in rows
    ]


@dataclass(frozen=True)
class ToldInvitation:
    """An invitation as an event tells of it, with where it came from."""

    public_id: str
    contact_id: int
    survey: str | None
    trigger: str
    channel: str
    touchpoint: str | None
    event_id: int
    depth: int
    origin: Mapping[str, Any]


def told_invitations(invitation_ids: Collection[int]) -> dict[int, ToldInvitation]:
    rows = db.session.execute(
        select(Invitation, Survey.slug, Trigger.slug, Event.depth, Event.properties)
        .join(Trigger, Trigger.id == Invitation.trigger_id)
        .join(Event, Event.id == Invitation.event_id)
        .outerjoin(SurveyVersion, SurveyVersion.id == Invitation.survey_version_id)
        .outerjoin(Survey, Survey.id == SurveyVersion.survey_id)
        .where(Invitation.id.in_(invitation_ids))
    )
    return {
        i.id: ToldInvitation(
            i.public_id, i.contact_id, survey, trigger, i.channel, i.touchpoint, i.event_id, depth, origin
        )
        for i, survey, trigger, depth, origin in rows
    }
