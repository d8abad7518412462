"""Responses: what was answered, and what still follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from app.extensions import db
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.surveys import Survey, SurveyVersion
from app.models.triggers import Trigger
from app.queries.contacts import references
from app.queries.sealed import WITHHELD, told_of
from app.queries.surveys import survey_version
from surveys.lifecycle import PARTIAL_RESTS

NAMED = "name"
"""The question whose answer is the name of whoever answers."""


@dataclass(frozen=True)
class Announceable:
    """A response that is to become ``survey.answered``, with where it came from."""

    response_id: int
    contact_id: int
    answered_at: datetime
    complete: bool
    told: dict[str, Any]
    """Answers and scores, or that they are withheld."""
    survey: str
    version: int
    trigger: str
    channel: str
    language: str
    touchpoint: str | None
    invitation: str
    event_id: int
    depth: int
    origin: dict[str, Any]
    named: dict[str, Any] | None
    """Whom the answers name, where nobody knew before who answers."""


def announceable_responses(limit: int, now: datetime) -> list[Announceable]:
    """Lock responses that are complete, or whose last partial answer has rested, and were not announced."""
    rows = db.session.execute(
        select(Response, SurveyVersion.number, Survey.slug, Trigger.slug, Invitation, Event)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .join(Trigger, Trigger.id == Invitation.trigger_id)
        .join(Event, Event.id == Invitation.event_id)
        .where(
            Response.announced_at.is_(None),
            or_(Response.complete.is_(True), Response.changed_at < now - PARTIAL_RESTS),
        )
        .order_by(Response.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Response)
    ).all()
    return [
        Announceable(
            response_id=response.id,
            contact_id=response.contact_id,
            answered_at=response.completed_at or response.changed_at,
            complete=response.complete,
            told=told_of(response.survey_version_id, response.answers),
            survey=survey,
            version=version,
            trigger=trigger,
            channel=invitation.channel,
            language=response.language,
            touchpoint=invitation.touchpoint,
            invitation=invitation.public_id,
            event_id=event.id,
            depth=event.depth,
            origin=event.properties,
            named=_named_in(response) if response.contact_id is None else None,
        )
        for response, version, survey, trigger, invitation, event in rows
    ]


def _named_in(response: Response) -> dict[str, Any] | None:
    """Whoever answers by an open link may say who they are: by their address, and by their name beside it."""
    survey, answers = survey_version(response.survey_version_id), response.answers
    if survey.anonymous:
        return None
    asked = survey.questions
    address = next((answers[q.id] for q in asked if q.type == "email" and answers.get(q.id)), None)
    if address is None:
        return None
    name = answers.get(NAMED)
    return {"email": address, **({"name": name} if isinstance(name, str) else {})}


@dataclass(frozen=True)
class ResponseView:
    """A response as the API shows it: of one to a sensitive survey, no answer."""

    id: int
    survey: str
    version: int
    trigger: str
    contact: str | None
    language: str
    complete: bool
    withheld: bool
    answers: dict[str, Any]
    scores: dict[str, float]
    started_at: datetime
    completed_at: datetime | None


def list_responses(
    survey: str | None, begin: datetime | None, end: datetime | None, after: int, limit: int
) -> Sequence[ResponseView]:
    """Responses by id; ``begin`` and ``end`` bound the last change."""
    query = (
        select(Response, SurveyVersion.number, Survey.slug, Trigger.slug)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .join(Trigger, Trigger.id == Invitation.trigger_id)
        .where(Response.id > after)
        .order_by(Response.id)
        .limit(limit)
    )
    if survey:
        query = query.where(Survey.slug == survey)
    if begin:
        query = query.where(Response.changed_at >= begin)
    if end:
        query = query.where(Response.changed_at < end)
    rows = db.session.execute(query).all()
    known = references({row[0].contact_id for row in rows})
    return [
        ResponseView(
            id=response.id,
            survey=slug,
            version=version,
            trigger=trigger,
            contact=known.get(response.contact_id),
            language=response.language,
            complete=response.complete,
            **_shown(response),
            started_at=response.started_at,
            completed_at=response.completed_at,
        )
        for response, version, slug, trigger in rows
    ]


def _shown(response: Response) -> dict[str, Any]:
    told = told_of(response.survey_version_id, response.answers)
    return {WITHHELD: False, "answers": {}, "scores": {}, **told}


def unscored_responses(limit: int) -> list[Response]:
    """Lock complete responses whose scores were not read yet."""
    waiting = (
        select(Response)
        .where(Response.scored_at.is_(None), Response.complete.is_(True))
        .order_by(Response.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(db.session.scalars(waiting))


@dataclass(frozen=True)
class RawResponse:
    """A response as it was given, with who gave it to which version."""

    id: int
    contact: str | None
    version: int
    language: str
    trigger: str
    channel: str
    complete: bool
    started_at: datetime
    completed_at: datetime | None
    answers: dict[str, Any]


def raw_responses(survey: str, after: int, limit: int) -> list[RawResponse]:
    """Responses to all versions of a survey, by id."""
    rows = db.session.execute(
        select(Response, SurveyVersion.number, Trigger.slug, Invitation.channel)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .join(Trigger, Trigger.id == Invitation.trigger_id)
        .where(Survey.slug == survey, Response.id > after)
        .order_by(Response.id)
        .limit(limit)
    ).all()
    known = references({response.contact_id for response, *_ in rows})
    return [
        RawResponse(
            response.id,
            known.get(response.contact_id),
            number,
            response.language,
            trigger,
            channel,
            response.complete,
            response.started_at,
            response.completed_at,
            response.answers,
        )
        for response, number, trigger, channel in rows
    ]
