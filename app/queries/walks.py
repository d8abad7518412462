"""One customer followed step by step: what came of every event since a moment, with the time of each step."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from app.extensions import db
from app.models.contacts import Contact, Identity
from app.models.decisions import Reservation
from app.models.deliveries import Delivery
from app.models.departments import Department
from app.models.events import Event, PendingEvent
from app.models.invitations import Invitation
from app.models.responses import Response, Score
from app.models.rollups import DirtyDay
from app.models.sources import Source
from app.models.surveys import Survey, SurveyVersion
from app.models.tasks import Task
from app.models.triggers import Trigger
from app.queries.contacts import EXTERNAL
from app.queries.explanations import Explained, list_decisions
from app.queries.surveys import survey_version
from app.queries.tasks import list_tasks
from app.queries.triggers import trigger_version
from surveys.triggers import Task as TaskAction

ROUNDS_MAX = 12
DECISIONS_MAX = 40


@dataclass(frozen=True)
class Guest:
    """A customer whom one may follow; ``heard_at`` is when they last heard from us."""

    contact_id: int
    reference: str
    name: str
    heard_at: datetime | None


def guests(prefix: str) -> list[Guest]:
    """The customers whose external id begins so, in the order in which they came."""
    heard = select(func.max(Reservation.counts_at)).where(Reservation.contact_id == Contact.id).scalar_subquery()
    rows = db.session.execute(
        select(Contact.id, Identity.value, Contact.name, heard)
        .join(Identity, Identity.contact_id == Contact.id)
        .where(Identity.kind == EXTERNAL, Identity.value.startswith(prefix, autoescape=True))
        .order_by(Contact.id)
    )
    return [Guest(contact_id, reference, name or "", heard_at) for contact_id, reference, name, heard_at in rows]


def newest_event() -> int:
    """The id of the last event that came in."""
    return db.session.scalar(select(func.max(Event.id))) or 0


@dataclass
class Asked:
    """A message that followed, and what came back."""

    public_id: str
    survey: str
    class_: str
    state: str
    reason: str | None
    planned_at: datetime
    delivery: str | None
    handed_over_at: datetime | None
    answered_at: datetime | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    scores: list[tuple[str, float]] = field(default_factory=list)
    counted_at: datetime | None = None
    """When the answer was scored, once the figures hold it."""


@dataclass(frozen=True)
class OpenedTask:
    """A task that followed."""

    id: int
    title: str
    department: str
    due: timedelta | None
    """In working time."""
    due_at: datetime | None
    created_at: datetime
    resolved_at: datetime | None
    outcome: str | None


@dataclass
class Round:
    """One event, and everything that came of it."""

    event_id: int
    type: str
    source: str
    external_id: str
    received_at: datetime
    contact_id: int | None
    name: str | None
    properties: Mapping[str, Any]
    decisions: list[Explained] = field(default_factory=list)
    asked: dict[str, Asked] = field(default_factory=dict)
    """By trigger."""
    tasks: list[OpenedTask] = field(default_factory=list)


def rounds_since(after: int, contact_id: int, company_zone: str, passing: str, pages: str) -> list[Round]:
    """What came of the events after number ``after``: a contact's, and others' whose id does not begin ``passing``.

    Of what the source ``pages`` tells, only the contact's own, and it takes no other's place. Answers and solved tasks
    are events too, and each begins a round of its own.
    """
    rounds = _rounds(after, contact_id, passing, pages)
    if rounds:
        _add_decisions(rounds, company_zone)
        _add_asked(rounds)
        _add_tasks(rounds)
    return list(rounds.values())


def _rounds(after: int, contact_id: int, passing: str, pages: str) -> dict[int, Round]:
    own = Source.slug == "otklik"
    unread = select(PendingEvent.event_id).where(
        PendingEvent.event_id == Event.id, PendingEvent.contact_id.is_(None), PendingEvent.dead_at.is_(None)
    )  # a line is never changed, so it waits until it is known whom it is about
    others: ColumnElement[bool] = Event.external_id.not_like(f"{passing}%") & ~own & ~unread.exists()
    query = (
        select(
            Event.id,
            Event.type,
            Source.slug,
            Event.external_id,
            Event.received_at,
            Event.contact_id,
            Contact.name,
            Event.properties,
        )
        .join(Source, Source.id == Event.source_id)
        .outerjoin(Contact, Contact.id == Event.contact_id)
        .where(Event.id > after, Event.type.not_like("contact.%"), Event.type.not_like("invitation.%"))
        .order_by(Event.id.desc())
        .limit(ROUNDS_MAX)
    )
    hers = Event.contact_id == contact_id
    rows = [
        *db.session.execute(query.where(or_(hers, others), Source.slug != pages)),
        *db.session.execute(query.where(hers, Source.slug == pages)),
    ]
    return {row[0]: Round(*row) for row in sorted(rows, key=lambda row: row[0])}


def _add_decisions(rounds: Mapping[int, Round], company_zone: str) -> None:
    for contact_id in {r.contact_id for r in rounds.values() if r.contact_id}:
        found = list_decisions(
            contact_id=contact_id,
            trigger=None,
            outcome=None,
            before="",
            limit=DECISIONS_MAX,
            company_zone=company_zone,
        )
        for decision in reversed(found):
            if decision.event_id in rounds:
                rounds[decision.event_id].decisions.append(decision)


def _add_asked(rounds: Mapping[int, Round]) -> None:
    rows = db.session.execute(
        select(Invitation, Trigger.slug, Survey.slug, Delivery.state, Delivery.settled_at, Response)
        .join(Trigger, Trigger.id == Invitation.trigger_id)
        .join(SurveyVersion, SurveyVersion.id == Invitation.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .outerjoin(Delivery, (Delivery.invitation_id == Invitation.id) & (Delivery.reminder == 0))
        .outerjoin(Response, (Response.invitation_id == Invitation.id) & Response.complete.is_(True))
        .where(Invitation.event_id.in_(rounds))
    ).all()
    values = _scores([response.id for *_, response in rows if response])
    waiting = db.session.scalar(select(func.count()).select_from(DirtyDay)) or 0
    for invitation, trigger, survey, delivery, settled_at, response in rows:
        asked = Asked(
            public_id=invitation.public_id,
            survey=survey,
            class_=invitation.class_,
            state=invitation.state,
            reason=invitation.reason,
            planned_at=invitation.planned_at,
            delivery=delivery,
            handed_over_at=(settled_at or invitation.handed_over_at) if delivery not in (None, "claimed") else None,
        )
        if response:
            asked.answered_at, asked.counted_at = response.completed_at, None if waiting else response.scored_at
            if not survey_version(response.survey_version_id).sensitive:
                asked.answers, asked.scores = response.answers, values.get(response.id, [])
        rounds[invitation.event_id].asked[trigger] = asked


def _scores(response_ids: Collection[int]) -> dict[int, list[tuple[str, float]]]:
    found: dict[int, list[tuple[str, float]]] = {}
    rows = db.session.execute(
        select(Score.response_id, Score.metric, Score.value).where(Score.response_id.in_(response_ids))
    )
    for response_id, metric, value in rows:
        found.setdefault(response_id, []).append((metric, value))
    return found


def _add_tasks(rounds: Mapping[int, Round]) -> None:
    rows = db.session.execute(
        select(Task.event_id, Task.id, Task.trigger_id, Task.trigger_version, Task.action, Department.body)
        .join(Department, Department.id == Task.department_id)
        .where(Task.event_id.in_(rounds))
        .order_by(Task.id)
    ).all()
    for event_id, task_id, trigger_id, version, number, department in rows:
        (view,) = list_tasks(only=task_id)
        action = trigger_version(trigger_id, version).actions[number]
        assert isinstance(action, TaskAction)
        rounds[event_id].tasks.append(
            OpenedTask(
                id=task_id,
                title=view.title,
                department=str(department.get("name") or view.department),
                due=action.due,
                due_at=view.due_at,
                created_at=view.created_at,
                resolved_at=view.resolved_at,
                outcome=view.outcome,
            )
        )


def messages_to(contact_id: int) -> Sequence[str]:
    """The public ids of what was handed over to a contact, the newest first."""
    return db.session.scalars(
        select(Invitation.public_id)
        .where(Invitation.contact_id == contact_id, Invitation.handed_over_at.is_not(None))
        .order_by(Invitation.handed_over_at.desc(), Invitation.id.desc())
    ).all()
