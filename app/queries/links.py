"""Open links: what one leads to, and which there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.invitations import Invitation
from app.models.links import OpenLink
from app.models.surveys import Survey, SurveyVersion


@dataclass(frozen=True)
class FoundLink:
    """An open link as its visitors meet it: the present version of its survey."""

    id: int
    public_id: str
    version_id: int
    origins: tuple[str, ...]
    restarts_after: int | None


def find_link(public_id: str) -> FoundLink | None:
    """What an open link leads to; None where there is none, or it is closed."""
    row = db.session.execute(
        select(OpenLink.id, SurveyVersion.id, OpenLink.origins, OpenLink.restarts_after)
        .join(Survey, Survey.id == OpenLink.survey_id)
        .join(SurveyVersion, (SurveyVersion.survey_id == Survey.id) & (SurveyVersion.number == Survey.version))
        .where(OpenLink.public_id == public_id, OpenLink.closed_at.is_(None), Survey.archived_at.is_(None))
    ).one_or_none()
    return FoundLink(row[0], public_id, row[1], tuple(row[2].split()), row[3]) if row else None


@dataclass(frozen=True)
class ListedLink:
    """An open link with what came by it: how many began, and how many of them came to the end."""

    id: int
    public_id: str
    name: str
    touchpoint: str | None
    place: str | None
    origins: str
    restarts_after: int | None
    closed_at: datetime | None
    began: int
    answered: int


def links_of(survey: str) -> Sequence[ListedLink]:
    """The open links of a survey, those that are open first."""
    rows: Any = db.session.execute(
        select(
            OpenLink.id,
            OpenLink.public_id,
            OpenLink.name,
            OpenLink.touchpoint,
            OpenLink.place,
            OpenLink.origins,
            OpenLink.restarts_after,
            OpenLink.closed_at,
            func.count(Invitation.id),
            func.count(Invitation.completed_at),
        )
        .join(Survey, Survey.id == OpenLink.survey_id)
        .outerjoin(Invitation, Invitation.trigger_id == OpenLink.trigger_id)
        .where(Survey.slug == survey)
        .group_by(OpenLink.id)
        .order_by(OpenLink.closed_at.is_not(None), OpenLink.id)
    )
    return [ListedLink(*row) for row in rows]
