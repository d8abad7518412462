"""Surveys and their versions, read once per version."""

from typing import Any

from sqlalchemy import select

from app.extensions import db, remembered
from app.models.surveys import Picture, Survey, SurveyVersion
from surveys.definition import read
from surveys.survey import Survey as Form
from surveys.survey import read_survey


def current_surveys() -> dict[str, tuple[int, tuple[str, ...]]]:
    """By slug: the id of the version that new invitations ask, and its languages."""
    rows = db.session.execute(
        select(Survey.slug, SurveyVersion.id).join(
            SurveyVersion, (SurveyVersion.survey_id == Survey.id) & (SurveyVersion.number == Survey.version)
        )
    )
    return {slug: (version_id, survey_version(version_id).languages) for slug, version_id in rows.all()}


def find_version(version_id: int) -> Form | None:
    """A version of a survey, or None when there is none with this id."""
    known = db.session.scalar(select(SurveyVersion.id).where(SurveyVersion.id == version_id))
    return survey_version(version_id) if known else None


@remembered
def survey_version(version_id: int) -> Form:
    """A version of a survey, ready to be asked."""
    body = db.session.scalar(select(SurveyVersion.body).where(SurveyVersion.id == version_id))
    return read(body, read_survey)


def survey_definitions() -> dict[str, dict[str, Any]]:
    rows = db.session.execute(
        select(Survey.slug, SurveyVersion.body)
        .join(SurveyVersion, (SurveyVersion.survey_id == Survey.id) & (SurveyVersion.number == Survey.version))
        .where(Survey.archived_at.is_(None))
        .order_by(Survey.slug)
    )
    return {slug: body for slug, body in rows}


def stored_picture(name: str) -> tuple[bytes, str] | None:
    """A picture and its type."""
    row = db.session.execute(select(Picture.content, Picture.type).where(Picture.name == name)).one_or_none()
    return (row.content, row.type) if row else None


def sensitive_versions() -> list[int]:
    """The versions whose answers stand in no list."""
    named = SurveyVersion.body["sensitive"].as_string().is_not(None)
    return list(db.session.scalars(select(SurveyVersion.id).where(named)))


def may_read_all(slug: str, role: str) -> bool:
    """Whether a role may read the answers to every version of a survey."""
    return all(role in version.sensitive for version in all_versions(slug) if version.sensitive)


def is_sensitive(slug: str) -> bool:
    """Whether any version of a survey is."""
    return any(version.sensitive for version in all_versions(slug))


def all_versions(slug: str) -> list[Form]:
    """Every version of a survey, the newest first."""
    ids = db.session.scalars(
        select(SurveyVersion.id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .where(Survey.slug == slug)
        .order_by(SurveyVersion.number.desc())
    ).all()
    return [survey_version(version_id) for version_id in ids]
