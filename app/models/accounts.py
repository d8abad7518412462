"""The installation, its people and API keys, what they changed, and who leads or lives."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Installation(Model):
    """One row: the salts of every draw, never rotated, the switch that stops all sending, and the company itself."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sampling_salt: Mapped[bytes] = mapped_column(LargeBinary)
    holdout_salt: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    sending_stopped_at: Mapped[datetime | None]
    company_name: Mapped[str | None]
    company_zone: Mapped[str | None]
    language: Mapped[str | None]
    mail_from: Mapped[str | None]
    brand_colour: Mapped[str | None]
    logo: Mapped[bytes | None] = mapped_column(LargeBinary)
    logo_type: Mapped[str | None]
    logo_tag: Mapped[str | None]
    tidied_at: Mapped[datetime | None]  # when what nobody needs any more was removed last


class User(Model):
    """A person of the company. ``session_key`` changes with the password, which ends every session."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]  # admin designer manager agent
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    password_hash: Mapped[str]
    session_key: Mapped[str]
    language: Mapped[str | None]
    zone: Mapped[str | None]
    theme: Mapped[str | None]  # light or dark; None: as the machine is set
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    signed_in_at: Mapped[datetime | None]


class EndedSession(Model):
    """A session that was signed out of: a copy of its cookie opens nothing either."""

    __tablename__ = "ended_sessions"

    tag: Mapped[str] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime]


class StartCode(Model):
    """A one-time link: to make the first account, or to sign in as one that there is."""

    __tablename__ = "start_codes"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class AuditEntry(Model):
    """Who changed what, and when: written in the transaction of the change itself."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_object", "kind", "object", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    verb: Mapped[str]
    kind: Mapped[str]
    object: Mapped[str]
    detail: Mapped[dict[str, Any] | None] = mapped_column(Document)


class ApiKey(Model):
    """A key of one source: an id that may be shown, and the hash of what may not."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(Document)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Lease(Model):
    """A duty that one process at a time performs (``clock``), or a row to queue at (``resolve``, ``email``)."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str | None]
    until: Mapped[datetime | None]


class Heartbeat(Model):
    """The last sign of life of a worker process."""

    __tablename__ = "heartbeats"

    worker: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime]
