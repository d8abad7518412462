"""The company's people, and what was changed by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.accounts import AuditEntry, EndedSession, User
from app.models.departments import Department

SEE_FIGURES = frozenset({"admin", "designer", "manager"})
"""The roles that may see figures."""


@dataclass(frozen=True)
class Account:
    """A person who may sign in. ``zone`` and ``language`` None: the company's."""

    id: int
    email: str
    name: str
    role: str
    department: str | None
    language: str | None
    zone: str | None
    theme: str | None
    session_key: str
    disabled_at: datetime | None
    signed_in_at: datetime | None


_ACCOUNT = select(
    User.id,
    User.email,
    User.name,
    User.role,
    Department.slug,
    User.language,
    User.zone,
    User.theme,
    User.session_key,
    User.disabled_at,
    User.signed_in_at,
).outerjoin(Department, Department.id == User.department_id)


def find_account(user_id: int, session_tag: str = "") -> Account | None:
    """The person with this id, unless the account is closed, or the session of that tag has ended."""
    query = _ACCOUNT.where(User.id == user_id, User.disabled_at.is_(None))
    if session_tag:
        query = query.where(~select(EndedSession.tag).where(EndedSession.tag == session_tag).exists())
    row = db.session.execute(query).one_or_none()
    return Account(*row) if row else None


def list_accounts() -> list[Account]:
    """Everybody, who may sign in first."""
    return [Account(*row) for row in db.session.execute(_ACCOUNT.order_by(User.disabled_at.is_not(None), User.name))]


def password_of(email: str) -> tuple[int, str] | None:
    """The id and password hash of the account that signs in with this address."""
    row = db.session.execute(
        select(User.id, User.password_hash).where(User.email == email, User.disabled_at.is_(None))
    ).one_or_none()
    return (row[0], row[1]) if row else None


def nobody_yet() -> bool:
    """Whether no account was ever made."""
    return db.session.scalar(select(func.count()).select_from(User)) == 0


@dataclass(frozen=True)
class Audited:
    """One change as the log shows it."""

    id: int
    at: datetime
    actor: str
    verb: str
    kind: str
    object: str
    detail: dict[str, Any] | None


def audit_entries(*, before: int | None, limit: int, kind: str = "", name: str = "") -> Sequence[Audited]:
    """Changes, the newest first; of one object when it is named."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if kind:
        query = query.where(AuditEntry.kind == kind)
    if name:
        query = query.where(AuditEntry.object == name)
    return [Audited(e.id, e.at, e.actor, e.verb, e.kind, e.object, e.detail) for e in db.session.scalars(query)]
