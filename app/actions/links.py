"""Open links: made, closed, opened again; and the answers that are begun by them."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.extensions import insert_into, transaction
from app.links import new_public_id
from app.models.accounts import AuditEntry
from app.models.events import Event, EventKey, PendingEvent
from app.models.invitations import Invitation
from app.models.links import OpenLink
from app.models.sources import Source
from app.models.surveys import Survey, SurveyVersion
from app.models.triggers import Trigger, TriggerVersion

OPENED = "survey.opened"
"""The event of somebody who begins to answer by an open link, or with whom an employee does."""
INTERNAL = "otklik"
LINK_LIFE = timedelta(days=7)
NAME_MAX, SLUG_MAX = 100, 64
RESTARTS = (5, 600)
"""How many seconds a tablet may wait for the next person, at least and at most."""
ORIGIN = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?")


class UnknownLink(LookupError):
    """No open link has this id."""


class InvalidOrigin(ValueError):
    """What is no origin of a page, like ``https://shop.example``."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.origin = origin


@dataclass(frozen=True)
class Wanted:
    """What a link is to be like: ``origins`` of pages that may frame it, seconds until a tablet ``restarts_after``."""

    name: str
    touchpoint: str | None
    place: str | None
    origins: tuple[str, ...]
    restarts_after: int | None


def make_link(survey: str, wanted: Wanted, *, actor: str, now: datetime) -> int:
    """Make an open link to a survey; returns its id. Raises :class:`InvalidOrigin`, or LookupError for the survey."""
    for origin in wanted.origins:
        if not ORIGIN.fullmatch(origin):
            raise InvalidOrigin(origin)
    with transaction() as session:
        survey_id = session.scalar(select(Survey.id).where(Survey.slug == survey, Survey.archived_at.is_(None)))
        if survey_id is None:
            raise LookupError(survey)
        public_id = new_public_id()
        slug = f"link-{re.sub(r'[^a-z0-9]', '', public_id.lower())}"
        link = OpenLink(
            public_id=public_id,
            survey_id=survey_id,
            trigger_id=_stand_in(session, slug, survey, wanted.name, now),
            name=wanted.name,
            touchpoint=wanted.touchpoint,
            place=wanted.place,
            origins=" ".join(wanted.origins),
            restarts_after=wanted.restarts_after,
            created_at=now,
        )
        session.add(link)
        session.add(
            AuditEntry(at=now, actor=actor, verb="create", kind="links", object=wanted.name, detail={"survey": survey})
        )
        session.flush()
        return link.id


def _stand_in(session: Session, slug: str, survey: str, name: str, now: datetime) -> int:
    """The trigger that such answers count under, made by the first: out of force from the start, it only names them."""
    statement = insert_into(Trigger).values(slug=slug, version=1, archived_at=now).on_conflict_do_nothing()
    trigger_id: int | None = session.scalar(statement.returning(Trigger.id))
    if trigger_id is None:
        return session.scalars(select(Trigger.id).where(Trigger.slug == slug)).one()
    body = {
        "slug": slug,
        "name": name,
        "status": "draft",
        "when": {"event": OPENED},
        "then": [{"send": {"survey": survey}}],
    }
    session.add(TriggerVersion(trigger_id=trigger_id, number=1, body=body, created_at=now))
    return trigger_id


def switch_link(link_id: int, *, actor: str, now: datetime) -> bool:
    """Close a link that is open, or open it again; returns whether it is closed. Raises :class:`UnknownLink`.

    Who has begun may come to the end.
    """
    with transaction() as session:
        link = session.get(OpenLink, link_id, with_for_update=True)
        if link is None:
            raise UnknownLink(link_id)
        link.closed_at = None if link.closed_at else now
        verb = "stop" if link.closed_at else "start"
        session.add(AuditEntry(at=now, actor=actor, verb=verb, kind="links", object=link.name))
        return link.closed_at is not None


def begin_answer(link_id: int, ticket: str, language: str, now: datetime) -> str:
    """Begin an answer by an open link; the same ticket, pressed twice or sent again, begins one.

    Returns the public id to answer by. Raises :class:`UnknownLink` where the link is closed meanwhile.
    """
    with transaction() as session:
        row = session.execute(
            select(OpenLink, Survey.slug, SurveyVersion.id)
            .join(Survey, Survey.id == OpenLink.survey_id)
            .join(SurveyVersion, (SurveyVersion.survey_id == Survey.id) & (SurveyVersion.number == Survey.version))
            .where(OpenLink.id == link_id, OpenLink.closed_at.is_(None))
        ).one_or_none()
        if row is None:
            raise UnknownLink(link_id)
        link, survey, version_id = row
        told = {"survey": survey, "link": link.name, "place": link.place, "touchpoint": link.touchpoint}
        event_id = _record(session, f"open-{link.id}-{ticket}", {k: v for k, v in told.items() if v}, now)
        if event_id is None:
            return _begun(session, f"open-{link.id}-{ticket}")
        return _open(
            session,
            now,
            event_id=event_id,
            trigger_id=link.trigger_id,
            survey_version_id=version_id,
            channel="link",
            touchpoint=link.touchpoint,
            language=language,
        )


def begin_interview(contact_id: int, version_id: int, language: str, employee: str, now: datetime) -> str:
    """Begin the answer of a customer who tells it to an employee, whom its event names; returns its public id."""
    with transaction() as session:
        survey = session.scalars(
            select(Survey.slug)
            .join(SurveyVersion, SurveyVersion.survey_id == Survey.id)
            .where(SurveyVersion.id == version_id)
        ).one()
        told = {"survey": survey, "interviewer": employee}
        event_id = _record(session, f"interview-{new_public_id()}", told, now, contact_id)
        public_id = _open(
            session,
            now,
            event_id=event_id,
            trigger_id=_stand_in(session, f"interview-{survey}"[:SLUG_MAX].rstrip("-"), survey, "Interviews", now),
            contact_id=contact_id,
            survey_version_id=version_id,
            channel="interview",
            language=language,
        )
        detail = {"survey": survey}
        session.add(
            AuditEntry(at=now, actor=employee, verb="interview", kind="customers", object=public_id, detail=detail)
        )
        return public_id


def _open(session: Session, now: datetime, **asked: Any) -> str:
    """An invitation that is open from the start, because nobody had to be asked; returns its public id."""
    public_id = new_public_id()
    session.add(
        Invitation(
            public_id=public_id,
            trigger_version=1,
            action=0,
            class_="transactional",
            probability=1.0,
            state="open",
            created_at=now,
            planned_at=now,
            stale_at=now + LINK_LIFE,
            expires_at=now + LINK_LIFE,
            **asked,
        )
    )
    return public_id


def _record(
    session: Session, external_id: str, properties: dict[str, Any], now: datetime, contact_id: int | None = None
) -> int | None:
    """Store the event; None when it is there already."""
    source_id = session.scalars(select(Source.id).where(Source.slug == INTERNAL)).one()
    key = {
        "source_id": source_id,
        "external_id": external_id,
        "body_hash": blake2b(external_id.encode(), digest_size=16).digest(),
    }
    event_id: int | None = session.scalar(
        insert_into(EventKey).values(key).on_conflict_do_nothing().returning(EventKey.event_id)
    )
    if event_id is not None:
        session.add(
            Event(
                id=event_id,
                source_id=source_id,
                external_id=external_id,
                type=OPENED,
                occurred_at=now,
                received_at=now,
                properties=properties,
                contact_id=contact_id,
                depth=0,
            )
        )
        session.add(PendingEvent(event_id=event_id, attempts=0))
    return event_id


def _begun(session: Session, external_id: str) -> str:
    return session.scalars(
        select(Invitation.public_id)
        .join(EventKey, EventKey.event_id == Invitation.event_id)
        .join(Source, Source.id == EventKey.source_id)
        .where(Source.slug == INTERNAL, EventKey.external_id == external_id)
    ).one()
