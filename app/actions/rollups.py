"""Figures: a dirty day is counted again from the facts, whole, so that counting twice changes nothing."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session

from app.extensions import insert_rows, lock_rows, transaction
from app.models.accounts import Lease
from app.models.invitations import Invitation
from app.models.responses import Response, Score
from app.models.rollups import DirtyDay, Rollup
from app.models.surveys import SurveyVersion
from surveys.scoring import PASSIVE, PROMOTER, SATISFIED

DIMENSIONS = ("survey_id", "trigger_id", "touchpoint", "channel")


def recount_days(limit: int, company_zone: str) -> int:
    """Recount the company days that became dirty; returns how many marks were worked off. One process at a time."""
    with transaction() as session:
        lock_rows(session, Lease.name, ["rollups"])
        marks = session.execute(select(DirtyDay.id, DirtyDay.moment).order_by(DirtyDay.id).limit(limit)).all()
        zone = ZoneInfo(company_zone)
        for day in sorted({moment.astimezone(zone).date() for _, moment in marks}):
            _recount(session, day, zone)
        session.execute(delete(DirtyDay).where(DirtyDay.id.in_([i for i, _ in marks])))
    return len(marks)


def _recount(session: Session, day: date, zone: ZoneInfo) -> None:
    begin = datetime.combine(day, time(0), zone)
    end = datetime.combine(day + timedelta(days=1), time(0), zone)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for found in (*_sent(session, begin, end), *_scored(session, begin, end)):
        key = tuple(found[name] for name in DIMENSIONS)
        rows[key] = rows.get(key, _empty(day)) | found
    session.execute(delete(Rollup).where(Rollup.day == day))
    insert_rows(session, Rollup, list(rows.values()))


def _empty(day: date) -> dict[str, Any]:
    counts = [c.name for c in Rollup.__table__.columns if c.name not in ("id", "day", *DIMENSIONS)]
    return {"day": day, **dict.fromkeys(counts, 0)}


def _sent(session: Session, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    rows = session.execute(
        select(
            SurveyVersion.survey_id,
            Invitation.trigger_id,
            Invitation.touchpoint,
            Invitation.channel,
            func.count().label("handed_over"),
            func.count(Invitation.completed_at).label("answered"),
        )
        .join(SurveyVersion, SurveyVersion.id == Invitation.survey_version_id)
        .where(Invitation.handed_over_at >= begin, Invitation.handed_over_at < end)
        .group_by(SurveyVersion.survey_id, Invitation.trigger_id, Invitation.touchpoint, Invitation.channel)
    )
    return [dict(row) for row in rows.mappings()]


def _scored(session: Session, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    def counted(metric: str, *conditions: Any) -> Any:
        wanted = Score.metric == metric
        for condition in conditions:
            wanted &= condition
        return func.coalesce(func.sum(case((wanted, 1), else_=0)), 0)

    def total(value: Any) -> Any:
        return func.coalesce(func.sum(case((Score.metric == "ces", value), else_=0)), 0)

    rows = session.execute(
        select(
            SurveyVersion.survey_id,
            Invitation.trigger_id,
            Invitation.touchpoint,
            Invitation.channel,
            counted("nps", Score.value >= PROMOTER).label("promoters"),
            counted("nps", Score.value >= PASSIVE, Score.value < PROMOTER).label("passives"),
            counted("nps", Score.value < PASSIVE).label("detractors"),
            counted("csat", Score.value >= SATISFIED).label("satisfied"),
            counted("csat").label("csat_count"),
            counted("ces").label("ces_count"),
            total(Score.value).label("ces_sum"),
            total(Score.value * Score.value).label("ces_squares"),
        )
        .select_from(Score)
        .join(Response, Response.id == Score.response_id)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .where(Response.completed_at >= begin, Response.completed_at < end)
        .group_by(SurveyVersion.survey_id, Invitation.trigger_id, Invitation.touchpoint, Invitation.channel)
    )
    return [dict(row) for row in rows.mappings()]
