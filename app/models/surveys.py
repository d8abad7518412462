"""Surveys and their versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Survey(Model):
    """A survey by its immutable slug; ``version`` is the one that new invitations ask."""

    __tablename__ = "surveys"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]
    archived_at: Mapped[datetime | None]


class SurveyVersion(Model):
    """A survey as it was published; never changes, answers point to it."""

    __tablename__ = "survey_versions"
    __table_args__ = (UniqueConstraint("survey_id", "number"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id"))
    number: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(Document)
    created_at: Mapped[datetime]


class SurveyDraft(Model):
    """A survey while it is written, in parts; ``revision`` grows with every change.

    ``based_on`` is the version it was made from (None: there is none yet), ``present`` who has it open, by address.
    """

    __tablename__ = "survey_drafts"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    content: Mapped[dict[str, Any]] = mapped_column(Document)
    revision: Mapped[int]
    based_on: Mapped[int | None]
    present: Mapped[dict[str, Any]] = mapped_column(Document)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]


class Picture(Model):
    """A picture that answers are chosen by, named by what is in it."""

    __tablename__ = "pictures"

    name: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    type: Mapped[str]
    created_at: Mapped[datetime]


class AnswerQuotaUse(Model):
    """How many responses of a survey have taken a place in one of its quotas by answer."""

    __tablename__ = "answer_quota_uses"

    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id"), primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int]
