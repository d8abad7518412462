"""Drafts of surveys: what is written, and what is in force beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.extensions import db
from app.models.accounts import User
from app.models.contacts import Contact
from app.models.events import Event
from app.models.responses import Response
from app.models.surveys import Survey, SurveyDraft, SurveyVersion
from app.queries.contacts import contact_facts
from app.queries.surveys import survey_definitions
from surveys.drafts import Draft, from_stored, put_together, take_apart


@dataclass(frozen=True)
class Written:
    """A survey as its editors have it: the draft, or what is in force where nobody has begun one."""

    slug: str
    draft: Draft
    revision: int
    based_on: int | None
    present: Mapping[str, Any]
    changed_by: str
    changed_at: datetime | None

    @property
    def body(self) -> dict[str, Any]:
        return put_together(self.draft, self.slug)


def find_written(slug: str) -> Written | None:
    """The draft of a survey, else what is in force in parts; None where there is neither."""
    row = db.session.scalar(select(SurveyDraft).where(SurveyDraft.slug == slug))
    if row is not None:
        draft = from_stored(row.content)
        return Written(slug, draft, row.revision, row.based_on, row.present, row.changed_by, row.changed_at)
    found = in_force(slug)
    return Written(slug, take_apart(found[1]), 0, found[0], {}, "", None) if found else None


def in_force(slug: str) -> tuple[int, dict[str, Any]] | None:
    """The number of the version in force, and its body."""
    row = db.session.execute(
        select(SurveyVersion.number, SurveyVersion.body)
        .join(Survey, (Survey.id == SurveyVersion.survey_id) & (Survey.version == SurveyVersion.number))
        .where(Survey.slug == slug, Survey.archived_at.is_(None))
    ).one_or_none()
    return (row.number, row.body) if row else None


@dataclass(frozen=True)
class DraftRow:
    """A draft in the list of surveys; ``body`` is what is written, ``live`` what is in force."""

    slug: str
    body: dict[str, Any]
    live: dict[str, Any] | None
    changed_by: str
    changed_at: datetime

    @property
    def differs(self) -> bool:
        return self.live is None or put_together(take_apart(self.live), self.slug) != self.body


def draft_rows() -> dict[str, DraftRow]:
    """Every draft by its survey's slug; those of archived surveys rest."""
    live = survey_definitions()
    archived = select(Survey.slug).where(Survey.archived_at.is_not(None))
    rows = db.session.scalars(select(SurveyDraft).where(SurveyDraft.slug.not_in(archived)).order_by(SurveyDraft.slug))
    return {
        row.slug: DraftRow(
            row.slug,
            put_together(from_stored(row.content), row.slug),
            live.get(row.slug),
            row.changed_by,
            row.changed_at,
        )
        for row in rows
    }


def taken_slugs() -> set[str]:
    """The slugs that a new survey cannot have, those of archived ones among them."""
    return {*db.session.scalars(select(Survey.slug)), *db.session.scalars(select(SurveyDraft.slug))}


@dataclass(frozen=True)
class VersionRow:
    """A version of a survey as it was published."""

    number: int
    body: dict[str, Any]
    created_at: datetime


def version_rows(slug: str) -> list[VersionRow]:
    """Every version of a survey, the newest first."""
    rows = db.session.execute(
        select(SurveyVersion.number, SurveyVersion.body, SurveyVersion.created_at)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .where(Survey.slug == slug)
        .order_by(SurveyVersion.number.desc())
    )
    return [VersionRow(row.number, row.body, row.created_at) for row in rows]


def has_answers(slug: str) -> bool:
    """Whether anybody has answered any version of a survey."""
    found = (
        select(Response.id)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .where(Survey.slug == slug)
    )
    return db.session.scalar(found.limit(1)) is not None


def customer_facts(public_id: str) -> dict[str, Any] | None:
    """What a survey would know of a customer, with the last that happened to them; None where nobody has this id."""
    contact = db.session.scalar(select(Contact).where(Contact.public_id == public_id, Contact.erased_at.is_(None)))
    if contact is None:
        return None
    last = db.session.scalar(
        select(Event).where(Event.contact_id == contact.id).order_by(Event.occurred_at.desc()).limit(1)
    )
    return {
        "type": last.type if last else "",
        "properties": last.properties if last else {},
        "contact": contact_facts(None, contact.name, contact.locale, contact.timezone, contact.attributes),
    }


def people_names() -> dict[str, str]:
    """Names of the company's people by address."""
    return {email: name for email, name in db.session.execute(select(User.email, User.name))}
