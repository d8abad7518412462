"""People: who may sign in, as what, and how they want to see things."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.extensions import insert_into, lock_rows, transaction
from app.models.accounts import AuditEntry, EndedSession, Lease, StartCode, User
from app.models.departments import Department
from app.models.tasks import Task
from app.queries.accounts import password_of
from surveys.lifecycle import TASK_CLOSED

PASSWORD_MIN = 10
CODE_LASTS = timedelta(minutes=15)
SESSION_LASTS = timedelta(days=14)
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without what looks alike."""
# fmt: off
WORDS = (
    "pearl", "otter", "lantern", "maple", "river", "copper", "violet", "harbour", "silver", "meadow", "falcon",
    "amber", "willow", "comet", "garden", "marble", "thunder", "velvet", "canyon", "orchid", "ember", "glacier",
    "saffron", "breeze", "cedar", "dolphin", "summit", "coral", "meteor", "juniper", "walnut", "indigo",
)
# fmt: on
_hasher = PasswordHasher()


def make_password() -> str:
    """Six words and two digits, 37 bits: easy to type once, slow to guess where attempts are counted."""
    return "-".join([*(secrets.choice(WORDS) for _ in range(6)), f"{secrets.randbelow(100):02}"])


class EmailTaken(ValueError):
    """Another account signs in with this address."""


class UnknownUser(LookupError):
    """No account has this id."""


class LastAdmin(ValueError):
    """Nobody would be left who may manage people."""


class WrongPassword(ValueError):
    """The password is not the account's."""


class CodeSpent(ValueError):
    """A one-time link that was used, is too old, or was never made."""


def add_user(email: str, name: str, role: str, password: str, now: datetime, *, actor: str, **more: str | None) -> int:
    """Make an account; ``more`` may name ``language``, ``zone`` and ``department``. Returns its id.

    Raises :class:`EmailTaken`.
    """
    try:
        with transaction() as session:
            return _add(session, email, name, role, password, now, actor, more)
    except IntegrityError as error:  # somebody else made the same account this moment
        raise EmailTaken(email) from error


def _add(  # noqa: PLR0913, PLR0917 the columns of one row
    session: Session,
    email: str,
    name: str,
    role: str,
    password: str,
    now: datetime,
    actor: str,
    more: Mapping[str, str | None],
) -> int:
    if session.scalar(select(User.id).where(User.email == email)) is not None:
        raise EmailTaken(email)
    user = User(
        email=email,
        name=name,
        role=role,
        department_id=_department(session, more.get("department")),
        password_hash=_hasher.hash(password),
        session_key=secrets.token_hex(16),
        language=more.get("language"),
        zone=more.get("zone"),
        created_at=now,
    )
    session.add(user)
    session.add(
        AuditEntry(at=now, actor=actor or email, verb="create", kind="people", object=email, detail={"role": role})
    )
    session.flush()
    return user.id


def _release_tasks(session: Session, user: User) -> None:
    """Open tasks that somebody can work no longer are without an owner again, so that others take them."""
    held = select(Task.id).where(Task.owner == user.email, Task.status.not_in(TASK_CLOSED))
    if not user.disabled_at:
        if user.role != "agent":
            return
        held = held.where(Task.department_id.is_distinct_from(user.department_id))
    session.execute(update(Task).where(Task.id.in_(held)).values(owner=None))


def _department(session: Session, slug: str | None) -> int | None:
    return session.scalar(select(Department.id).where(Department.slug == slug)) if slug else None


def add_first_user(code: str, email: str, name: str, password: str, now: datetime, **more: str | None) -> int:
    """Make the first account, an admin's, with the one-time link that was printed. Returns its id.

    Raises :class:`CodeSpent`, also when somebody else was first.
    """
    with transaction() as session:
        lock_rows(session, Lease.name, ["definitions"])  # of two with a code each, one is first
        if session.scalar(select(func.count()).select_from(User)):
            raise CodeSpent
        _spend(session, code, now)
        return _add(session, email, name, "admin", password, now, email, more)


def make_start_code(user_id: int | None, now: datetime) -> str:
    """A one-time code, valid for a quarter of an hour: to sign in as ``user_id``, or to make the first account."""
    letters = [secrets.choice(CODE_LETTERS) for _ in range(8)]
    code = "".join(letters[:4]) + "-" + "".join(letters[4:])
    with transaction() as session:
        session.execute(delete(StartCode).where(StartCode.user_id.is_not_distinct_from(user_id)))  # the last one holds
        session.add(StartCode(code_hash=_hash_code(code), user_id=user_id, expires_at=now + CODE_LASTS))
    return code


def use_start_code(code: str, now: datetime) -> int:
    """Spend a code that signs somebody in; returns whom. Raises :class:`CodeSpent`."""
    with transaction() as session:
        user_id = _spend(session, code, now)
        if user_id is None:
            raise CodeSpent
        session.execute(update(User).where(User.id == user_id).values(signed_in_at=now))
        return user_id


def _spend(session: Session, code: str, now: datetime) -> int | None:
    found = session.get(StartCode, _hash_code(code), with_for_update=True)
    if found is None or found.used_at or found.expires_at <= now:
        raise CodeSpent
    found.used_at = now
    return found.user_id


def _hash_code(code: str) -> bytes:
    return sha256(code.strip().upper().encode()).digest()


@cache
def _nobody() -> str:
    """The hash of no password: an unknown address takes as long to refuse as a wrong password."""
    return _hasher.hash(secrets.token_hex(16))


def sign_in(email: str, password: str, now: datetime) -> int:
    """The id of the account that these belong to. Raises :class:`WrongPassword`, in equal time for every reason."""
    found = password_of(email)
    user_id, stored = found or (0, _nobody())
    if not _fits(stored, password) or found is None:
        raise WrongPassword
    with transaction() as session:
        values: dict[str, Any] = {"signed_in_at": now}
        if _hasher.check_needs_rehash(stored):
            values["password_hash"] = _hasher.hash(password)
        session.execute(update(User).where(User.id == user_id).values(**values))
    return user_id


def sign_out(tag: str, now: datetime) -> None:
    """End one session for good; what is older than any cookie lives is forgotten."""
    with transaction() as session:
        session.execute(delete(EndedSession).where(EndedSession.ended_at < now - SESSION_LASTS))
        session.execute(insert_into(EndedSession).values(tag=tag, ended_at=now).on_conflict_do_nothing())


def _fits(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def change_password(user_id: int, old: str, new: str, now: datetime) -> None:
    """A new password ends every session of the account. Raises :class:`WrongPassword`."""
    with transaction() as session:
        user = _user(session, user_id)
        if not _fits(user.password_hash, old):
            raise WrongPassword
        _set_password(session, user, new, user.email, now)


def reset_password(user_id: int, new: str, actor: str, now: datetime) -> None:
    """An admin's new password for somebody. Raises :class:`UnknownUser`."""
    with transaction() as session:
        _set_password(session, _user(session, user_id), new, actor, now)


def _set_password(session: Session, user: User, new: str, actor: str, now: datetime) -> None:
    user.password_hash, user.session_key = _hasher.hash(new), secrets.token_hex(16)
    session.execute(delete(StartCode).where(StartCode.user_id == user.id))
    session.add(AuditEntry(at=now, actor=actor, verb="password", kind="people", object=user.email))


def _user(session: Session, user_id: int) -> User:
    user = session.get(User, user_id, with_for_update=True)
    if user is None:
        raise UnknownUser(user_id)
    return user


def change_profile(user_id: int, changes: Mapping[str, str | None], now: datetime) -> None:
    """A person's own name, language, zone and theme."""
    with transaction() as session:
        user = _user(session, user_id)
        moved = [n for n in ("name", "language", "zone", "theme") if n in changes and changes[n] != getattr(user, n)]
        for name in moved:
            setattr(user, name, changes[name])
        if moved:
            detail = {"fields": moved}
            session.add(
                AuditEntry(at=now, actor=user.email, verb="update", kind="profile", object=user.email, detail=detail)
            )


def change_user(user_id: int, changes: Mapping[str, Any], actor: str, now: datetime) -> None:
    """An admin's changes: ``role``, ``department`` (slug or None) and ``disabled``.

    Raises :class:`UnknownUser`, or :class:`LastAdmin`.
    """
    with transaction() as session:
        # First all administrators, in one order: two who demote each other wait, and do not lock each other out.
        session.scalars(select(User.id).where(User.role == "admin").order_by(User.id).with_for_update()).all()
        user = _user(session, user_id)
        if "role" in changes:
            user.role = changes["role"]
        if "department" in changes:
            user.department_id = _department(session, changes["department"])
        if "disabled" in changes:
            user.disabled_at = now if changes["disabled"] else None
            user.session_key = secrets.token_hex(16)
            session.execute(delete(StartCode).where(StartCode.user_id == user.id))
        session.flush()
        _release_tasks(session, user)
        admins = select(User.id).where(User.role == "admin", User.disabled_at.is_(None))
        if not session.scalars(admins).all():
            raise LastAdmin
        session.add(
            AuditEntry(at=now, actor=actor, verb="update", kind="people", object=user.email, detail=dict(changes))
        )
