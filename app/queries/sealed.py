"""Answers to sensitive surveys: they stand in their response alone, and are opened one by one, by whoever is named."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.extensions import among, db
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.surveys import Survey, SurveyVersion
from app.queries.surveys import survey_version
from surveys.scoring import scores
from surveys.survey import Survey as Form

WITHHELD = "withheld"
"""What the event of a sensitive answer says instead of answers and scores: they stand in the response alone."""
TELLING = frozenset({"survey.answered", "survey.call_wanted"})
"""Events that tell what was answered."""


def is_withheld(kind: str, properties: Mapping[str, Any]) -> bool:
    """Whether this event is of an answer that only some may read."""
    return kind in TELLING and WITHHELD in properties


@dataclass(frozen=True)
class Sealed:
    """An answer to a sensitive survey, as lists show it: which it is, and the roles that may open it."""

    response_id: int
    readers: tuple[str, ...]


def sealed(response_id: int, version_id: int) -> Sealed | None:
    """None where the answer may stand in lists like any other."""
    readers = survey_version(version_id).sensitive
    return Sealed(response_id, readers) if readers else None


def sealed_behind(events: Collection[tuple[str, Mapping[str, Any]]]) -> dict[str, Sealed]:
    """The sealed answers of those events that withhold one, by the invitation that they name."""
    named = {properties["invitation"] for kind, properties in events if is_withheld(kind, properties)}
    if not named:
        return {}
    rows = db.session.execute(
        select(Invitation.public_id, Response.id, Response.survey_version_id)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .where(among(Invitation.public_id, named))
    )
    found = {public_id: sealed(response_id, version_id) for public_id, response_id, version_id in rows}
    return {public_id: one for public_id, one in found.items() if one}


@dataclass(frozen=True)
class SealedResponse:
    """A sealed answer, opened: to be shown to one of its ``readers``, once that they read it is recorded."""

    id: int
    contact_id: int | None
    survey: str
    body: Mapping[str, Any]
    readers: tuple[str, ...]
    answers: Mapping[str, Any]
    scores: Mapping[str, float]
    complete: bool
    at: datetime


def find_sealed(response_id: int) -> SealedResponse | None:
    """None when there is no such answer, or it is not sealed."""
    row = db.session.execute(
        select(Response, Survey.slug, SurveyVersion.body)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .where(Response.id == response_id)
    ).one_or_none()
    if row is None:
        return None
    response, slug, body = row
    survey = survey_version(response.survey_version_id)
    if not survey.sensitive:
        return None
    return SealedResponse(
        response.id,
        response.contact_id,
        slug,
        body,
        survey.sensitive,
        response.answers,
        scores_of(survey, response.answers),
        response.complete,
        response.completed_at or response.changed_at,
    )


def told_of(version_id: int, answers: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says of answers: everything, but of those to a sensitive survey nothing."""
    survey = survey_version(version_id)
    if survey.sensitive:
        return {WITHHELD: True}
    return {"answers": dict(answers), "scores": scores_of(survey, answers)}


def scores_of(survey: Form, answers: Mapping[str, Any]) -> dict[str, float]:
    return {s.metric: s.value for s in scores(survey, answers)}


def opened(events: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The properties of events, by type and properties, with what they withhold: for deciding, never to be shown."""
    named = {properties["invitation"] for kind, properties in events if is_withheld(kind, properties)}
    if not named:
        return [properties for _, properties in events]
    rows = db.session.execute(
        select(Invitation.public_id, Response.survey_version_id, Response.answers)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .where(among(Invitation.public_id, named))
    )
    behind = {
        public_id: {"answers": answers, "scores": scores_of(survey_version(version_id), answers)}
        for public_id, version_id, answers in rows
    }
    return [
        {**properties, **behind.get(properties["invitation"], {})} if is_withheld(kind, properties) else properties
        for kind, properties in events
    ]
