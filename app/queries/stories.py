"""Customers as people read them: found by what one knows of them, and everything that happened, in order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from app.extensions import among, db
from app.models.contacts import Contact, Identity
from app.models.decisions import Reservation
from app.models.departments import Department
from app.models.events import Event, EventKey
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.sources import Source
from app.models.surveys import Survey, SurveyVersion
from app.models.tasks import Task
from app.queries.contacts import newest_addresses, public_ids, references
from app.queries.explanations import Explained, list_decisions
from app.queries.members import Page, matching
from app.queries.sealed import Sealed, sealed
from app.queries.surveys import survey_version
from surveys.conditions import Condition
from surveys.scoring import scores


@dataclass(frozen=True)
class CustomerRow:
    """A customer in a list."""

    id: int
    reference: str
    external: str
    name: str | None
    email: str | None
    phone: str | None
    created_at: datetime
    last_event_at: datetime | None


def _seen_by(query: Select[Any], department: str | None) -> Select[Any]:
    """An agent sees the customers of their department's tasks, and nobody else."""
    if department is None:
        return query
    mine = (
        select(Task.contact_id)
        .join(Department, Department.id == Task.department_id)
        .where(Department.slug == department, Task.contact_id.is_not(None))
    )
    return query.where(Contact.id.in_(mine))


def may_see(contact_id: int, department: str | None) -> bool:
    query = _seen_by(select(Contact.id).where(Contact.id == contact_id, Contact.erased_at.is_(None)), department)
    return db.session.scalar(query) is not None


def customers_seen(contact_ids: Collection[int], department: str | None) -> dict[int, CustomerRow]:
    """Those of these customers whom somebody may see; who was erased, nobody may."""
    query = select(Contact).where(among(Contact.id, contact_ids), Contact.erased_at.is_(None))
    contacts = db.session.scalars(_seen_by(query, department)).all()
    return {row.id: row for row in customer_rows(contacts)}


def customers_in(
    condition: Condition, at: datetime, words: str, *, department: str | None, limit: int, after: int = 0
) -> list[CustomerRow]:
    """Like :func:`search_customers`, those only for whom a condition holds as of ``at``."""
    ids = _searched(words, department).with_only_columns(Contact.id)
    found = list(matching(condition, at, Page(after, limit, newest_first=True, among=ids)))
    contacts = db.session.scalars(select(Contact).where(Contact.id.in_(found)).order_by(Contact.id.desc())).all()
    return customer_rows(contacts)


def search_customers(words: str, *, department: str | None, limit: int, after: int = 0) -> list[CustomerRow]:
    """Customers by part of a name, by e-mail, phone, external id, or the id of one of their events; else the newest."""
    query = _searched(words, department)
    if after:
        query = query.where(Contact.id < after)
    return customer_rows(db.session.scalars(query.order_by(Contact.id.desc()).limit(limit)).all())


def _searched(words: str, department: str | None) -> Select[Any]:
    query = _seen_by(select(Contact).where(Contact.erased_at.is_(None)), department)
    wanted = words.strip()
    if wanted:
        lower = wanted.lower()
        digits = "+" + "".join(c for c in wanted if c.isdigit())
        owners = select(Identity.contact_id).where(
            or_(
                Identity.value == wanted,
                and_(Identity.kind == "email", Identity.value.startswith(lower, autoescape=True)),
                and_(Identity.kind == "phone", Identity.value == digits),
            )
        )
        by_event = (
            select(Event.contact_id)
            .join(EventKey, EventKey.event_id == Event.id)
            .where(
                EventKey.source_id.in_(list(db.session.scalars(select(Source.id)))),  # named, so that the index serves
                EventKey.external_id == wanted,
                Event.contact_id.is_not(None),
            )
        )
        named = or_(*(Contact.name.contains(form, autoescape=True) for form in {wanted, wanted.title(), lower}))
        query = query.where(or_(named, Contact.public_id == wanted, Contact.id.in_(owners), Contact.id.in_(by_event)))
    return query


def customer_rows(contacts: Sequence[Contact]) -> list[CustomerRow]:
    ids = [c.id for c in contacts]
    known, reached = references(ids), newest_addresses(ids)
    last = {
        contact_id: at
        for contact_id, at in db.session.execute(
            select(Event.contact_id, func.max(Event.occurred_at))
            .where(Event.contact_id.in_(ids))
            .group_by(Event.contact_id)
        )
    }
    return [
        CustomerRow(
            id=c.id,
            reference=c.public_id,
            external=known[c.id],
            name=c.name,
            email=reached[c.id]["email"].value if "email" in reached.get(c.id, {}) else None,
            phone=reached[c.id]["sms"].value if "sms" in reached.get(c.id, {}) else None,
            created_at=c.created_at,
            last_event_at=last.get(c.id),
        )
        for c in contacts
    ]


def count_customers() -> int:
    return db.session.scalar(select(func.count()).select_from(Contact).where(Contact.erased_at.is_(None))) or 0


@dataclass
class Happened:
    """One thing of a customer's story: ``kind`` is event, decision, message, answer or task."""

    at: datetime
    kind: str
    event_type: str = ""
    source: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    decision: Explained | None = None
    survey: str = ""
    state: str = ""
    reason: str | None = None
    channel: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    score: tuple[str, float] | None = None
    task_id: int | None = None
    sealed: Sealed | None = None
    """Of an answer that is not told here."""
    times: int = 1
    """How many alike stand folded here."""


HIDDEN = (
    *("survey.answered", "task.resolved", "contact.created", "contact.changed"),
    *("invitation.sent", "invitation.expired"),
)
"""Told by the thing itself."""


def story(contact_id: int, *, limit: int, company_zone: str, department: str | None = None) -> list[Happened]:
    """What happened to a customer, the newest first; runs of one kind of event are folded.

    With ``department`` no task of another one is told.
    """
    told = [
        *_events(contact_id, limit),
        *_decisions(contact_id, limit, company_zone),
        *_messages(contact_id, limit),
        *_answers(contact_id, limit),
        *_tasks(contact_id, limit, department),
    ]
    told.sort(key=lambda h: h.at, reverse=True)
    return _folded(told)[:limit]


def _folded(told: Sequence[Happened]) -> list[Happened]:
    found: list[Happened] = []
    for this in told:
        last = found[-1] if found else None
        if (
            last
            and this.kind == last.kind == "event"
            and (this.event_type, this.at.date())
            == (
                last.event_type,
                last.at.date(),
            )
        ):
            last.times += 1
        else:
            found.append(this)
    return found


def _events(contact_id: int, limit: int) -> list[Happened]:
    rows = db.session.execute(
        select(Event.occurred_at, Event.type, Source.slug, Event.properties)
        .join(Source, Source.id == Event.source_id)
        .where(Event.contact_id == contact_id, Event.type.not_in(HIDDEN))
        .order_by(Event.occurred_at.desc())
        .limit(limit)
    )
    return [Happened(at, "event", event_type=kind, source=slug, properties=p) for at, kind, slug, p in rows]


def _decisions(contact_id: int, limit: int, company_zone: str) -> list[Happened]:
    rows = list_decisions(
        contact_id=contact_id, trigger=None, outcome=None, before="", limit=limit, company_zone=company_zone
    )
    return [Happened(d.decided_at, "decision", decision=d) for d in rows if d.outcome != "acted"]


def _messages(contact_id: int, limit: int) -> list[Happened]:
    rows = db.session.execute(
        select(Invitation, Survey.slug)
        .outerjoin(SurveyVersion, SurveyVersion.id == Invitation.survey_version_id)
        .outerjoin(Survey, Survey.id == SurveyVersion.survey_id)
        .where(Invitation.contact_id == contact_id)
        .order_by(Invitation.id.desc())
        .limit(limit)
    ).all()
    found = [
        Happened(i.handed_over_at, "message", survey=slug or "", state=i.state, channel=i.channel)
        for i, slug in rows
        if i.handed_over_at
    ]
    return found + [
        Happened(i.planned_at, "message", survey=slug or "", state="cancelled", reason=i.reason, channel=i.channel)
        for i, slug in rows
        if i.state == "cancelled" and not i.handed_over_at
    ]


def _answers(contact_id: int, limit: int) -> list[Happened]:
    rows = db.session.execute(
        select(Response, Survey.slug)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .where(Response.contact_id == contact_id)
        .order_by(Response.id.desc())
        .limit(limit)
    )
    found = []
    for response, slug in rows:
        closed = sealed(response.id, response.survey_version_id)
        read = [] if closed else scores(survey_version(response.survey_version_id), response.answers)
        found.append(
            Happened(
                response.completed_at or response.changed_at,
                "answer",
                survey=slug,
                state="complete" if response.complete else "partial",
                answers={} if closed else response.answers,
                score=(read[0].metric, read[0].value) if read else None,
                sealed=closed,
            )
        )
    return found


def _tasks(contact_id: int, limit: int, department: str | None) -> list[Happened]:
    query = (
        select(Task, Department.slug)
        .join(Department, Department.id == Task.department_id)
        .where(Task.contact_id == contact_id)
        .order_by(Task.id.desc())
        .limit(limit)
    )
    if department is not None:
        query = query.where(Department.slug == department)
    rows = db.session.execute(query).all()
    found = [
        Happened(t.created_at, "task", state="open", source=slug, task_id=t.id, properties={"status": t.status})
        for t, slug in rows
    ]
    return found + [
        Happened(t.resolved_at, "task", state="resolved", source=slug, task_id=t.id, reason=t.outcome)
        for t, slug in rows
        if t.resolved_at
    ]


def heard_before(contact_ids: Collection[int]) -> dict[int, list[datetime]]:
    """When messages to these customers were, or will be, counted: the oldest first."""
    rows = db.session.execute(
        select(Reservation.contact_id, Reservation.counts_at)
        .where(Reservation.contact_id.in_(contact_ids))
        .order_by(Reservation.counts_at)
    )
    found: dict[int, list[datetime]] = {}
    for contact_id, at in rows:
        found.setdefault(contact_id, []).append(at)
    return found


@dataclass(frozen=True)
class LatestAnswer:
    """An answer as it came in."""

    contact_id: int
    reference: str
    name: str | None
    survey: str
    touchpoint: str | None
    answers: dict[str, Any]
    score: tuple[str, float] | None
    at: datetime
    sealed: Sealed | None


def latest_answers(limit: int) -> list[LatestAnswer]:
    """The last complete answers."""
    rows = db.session.execute(
        select(Response, Survey.slug, Invitation.touchpoint, Contact.name)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .join(Contact, Contact.id == Response.contact_id)
        .where(Response.complete.is_(True))
        .order_by(Response.changed_at.desc())
        .limit(limit)
    ).all()
    known = public_ids({response.contact_id for response, *_ in rows})
    found = []
    for response, slug, touchpoint, name in rows:
        closed = sealed(response.id, response.survey_version_id)
        read = [] if closed else scores(survey_version(response.survey_version_id), response.answers)
        found.append(
            LatestAnswer(
                response.contact_id,
                known[response.contact_id],
                name,
                slug,
                touchpoint,
                {} if closed else response.answers,
                (read[0].metric, read[0].value) if read else None,
                response.completed_at or response.changed_at,
                closed,
            )
        )
    return found
