"""What the makers of a past have to see: promises that fall due, and tasks that wait for somebody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select

from app.extensions import db
from app.models.contacts import Address, Complaint, Contact
from app.models.decisions import Effect
from app.models.departments import Department
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.sources import Source
from app.models.surveys import Survey, SurveyVersion
from app.models.tasks import Task

GATES = ("unsubscribed", "suppressed", "complaint_open")


@dataclass(frozen=True, slots=True)
class Promised:
    """An invitation to a survey that is to be handed over, and what led to it."""

    id: int
    public_id: str
    contact_id: int
    address_id: int
    survey: str
    survey_version_id: int
    language: str
    planned_at: datetime
    expires_after: int | None
    event: str
    properties: Mapping[str, Any]
    closed: str | None
    """Why it must not go out after all."""


def promised_until(until: datetime) -> list[Promised]:
    """Invitations due before ``until``, the earliest first, with the gates read as of their planned time."""
    complaining = (
        select(Complaint.contact_id)
        .where(
            Complaint.contact_id == Invitation.contact_id,
            Complaint.opened_at <= Invitation.planned_at,
            or_(Complaint.closed_at.is_(None), Complaint.closed_at > Invitation.planned_at),
            Invitation.class_ != "service",
        )
        .exists()
    )
    rows = db.session.execute(
        select(
            Invitation.id,
            Invitation.public_id,
            Invitation.contact_id,
            Invitation.address_id,
            Survey.slug,
            Invitation.survey_version_id,
            Invitation.language,
            Invitation.planned_at,
            Invitation.expires_after,
            Event.external_id,
            Event.properties,
            Contact.unsubscribed_at.is_not(None),
            Address.suppressed_at.is_not(None),
            complaining,
        )
        .join(SurveyVersion, SurveyVersion.id == Invitation.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .join(Event, Event.id == Invitation.event_id)
        .join(Contact, Contact.id == Invitation.contact_id)
        .join(Address, Address.id == Invitation.address_id)
        .where(Invitation.due_at < until)
        .order_by(Invitation.planned_at, Event.external_id, Invitation.id)
    ).all()
    found = []
    for row in rows:
        *asked, unsubscribed, suppressed, complaint_open = row
        shut = zip(GATES, (unsubscribed, suppressed, complaint_open), strict=True)
        known: list[Any] = [*asked, next((gate for gate, closes in shut if closes), None)]
        found.append(Promised(*known))
    return found


@dataclass(frozen=True, slots=True)
class Unworked:
    """An open task, and what it came from."""

    id: int
    department: str
    opened_at: datetime
    due_at: datetime
    event: str
    properties: Mapping[str, Any]


def unworked_tasks(after: int) -> list[Unworked]:
    """Open tasks with an id beyond ``after``. They were opened the moment their trigger fired."""
    rows = db.session.execute(
        select(Task.id, Department.slug, Effect.created_at, Task.due_at, Event.external_id, Event.properties)
        .join(Department, Department.id == Task.department_id)
        .join(Effect, Effect.id == Task.effect_id)
        .join(Event, Event.id == Task.event_id)
        .where(and_(Task.id > after, Task.resolved_at.is_(None)))
        .order_by(Task.id)
    )
    return [Unworked(*row) for row in rows]


def lively_invitation(contact_id: int) -> str | None:
    """The public id of the newest survey that a contact was asked."""
    return db.session.scalar(
        select(Invitation.public_id)
        .where(Invitation.contact_id == contact_id, Invitation.handed_over_at.is_not(None))
        .order_by(Invitation.handed_over_at.desc())
        .limit(1)
    )


def source_ids() -> dict[str, int]:
    """The ids of the sources in force, by slug."""
    rows = db.session.execute(select(Source.slug, Source.id).where(Source.archived_at.is_(None)))
    return {slug: source_id for slug, source_id in rows}
