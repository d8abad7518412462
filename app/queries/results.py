"""The responses to a survey, in all its versions, to be counted question by question."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.extensions import db
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.surveys import Survey, SurveyVersion
from app.queries.overview import in_segment, moments
from app.queries.surveys import survey_version
from dashboards.readers import Days
from surveys.results import Given, Results, gather
from surveys.statistics import MINIMUM, Figure, share

STREAM = 1_000
COLUMNS = (
    *(Response.survey_version_id, Response.answers, Response.completed_at),
    *(Response.changed_at, Response.contact_id),
)
_asked = aliased(Invitation)  # a query may join the invitations themselves
COUNTED = ~select(_asked.id).where(_asked.id == Response.invitation_id, _asked.reason == "quota_full").exists()
"""Whether a response counts: what is answered when a quota is full is only kept."""
LATEST = 500
"""How many responses tell where people leave."""


def survey_results(slug: str, days: Days, channel: str | None, segment: str | None = None) -> Results:
    """What was answered in these days, by everybody or by one channel, by those of a segment."""
    ids = _versions(slug)
    return gather({i: survey_version(i) for i in ids}, _given(ids, days, channel, segment))


def _versions(slug: str) -> list[int]:
    """The newest first."""
    query = select(SurveyVersion.id).join(Survey, Survey.id == SurveyVersion.survey_id).where(Survey.slug == slug)
    return list(db.session.scalars(query.order_by(SurveyVersion.number.desc())))


def _given(ids: list[int], days: Days, channel: str | None, segment: str | None) -> Iterator[Given]:
    begin, end = moments(days)
    query: Any = select(*COLUMNS).where(
        Response.survey_version_id.in_(ids), Response.changed_at >= begin, Response.changed_at < end, COUNTED
    )
    if channel:
        query = query.join(Invitation, Invitation.id == Response.invitation_id).where(Invitation.channel == channel)
    if segment:
        query = query.where(in_segment(Response.segments, segment))
    rows = db.session.execute(query.order_by(Response.changed_at).execution_options(yield_per=STREAM))
    yield from map(_read, rows)


def _read(row: Any) -> Given:
    version, answers, completed_at, changed_at, contact_id = row
    done = completed_at is not None
    return Given(version, answers, completed_at or changed_at, complete=done, known=contact_id is not None)


def survey_channels(slug: str) -> list[str]:
    """The channels by which answers to a survey came."""
    query = select(Invitation.channel).distinct().join(Response, Response.invitation_id == Invitation.id)
    found = db.session.scalars(query.where(Response.survey_version_id.in_(_versions(slug))))
    return sorted(found)


@dataclass(frozen=True)
class Leaving:
    """The page at which most of those leave who do not send in their answers: its number, and the share of all."""

    page: int
    share: float


def leaving(slug: str, since: datetime) -> Leaving | None:
    """Where people leave, of the latest responses since then; None while there are too few."""
    results = _latest(slug, since)
    if results is None or results.begun == results.complete:
        return None
    number, page = max(enumerate(results.pages, 1), key=lambda found: found[1].left)
    return Leaving(number, 100 * page.left / results.begun)


@dataclass(frozen=True)
class Stops:
    """The share that stopped at each page of the newest version, by its first question; and that of all pages."""

    pages: dict[str, Figure]
    all: Figure


def stops(slug: str, since: datetime) -> Stops | None:
    """Where people stop, page by page, of the latest responses since then; None while there are too few."""
    results = _latest(slug, since)
    if results is None:
        return None
    pages = {page.question.id: share(page.left, results.begun) for page in results.pages}
    return Stops(pages, share(results.begun - results.complete, results.begun))


def _latest(slug: str, since: datetime) -> Results | None:
    """The latest responses, counted; None while there are too few."""
    ids = _versions(slug)
    rows = db.session.execute(
        select(*COLUMNS)
        .where(Response.survey_version_id.in_(ids), Response.changed_at >= since, COUNTED)
        .order_by(Response.changed_at.desc())
        .limit(LATEST)
    ).all()
    return gather({i: survey_version(i) for i in ids}, map(_read, rows)) if len(rows) >= MINIMUM else None
