"""What every installation has before anything else: salts, duties, built-in sources; and the company it serves."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256

from flask import current_app
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.extensions import insert_into, insert_rows, transaction
from app.models.accounts import AuditEntry, Heartbeat, Installation, Lease
from app.models.contacts import ContactLock
from app.models.rollups import DirtyDay, Rollup
from app.models.sources import Source
from app.queries.installation import SETTABLE

BUILT_IN = ("api", "otklik")
DUTIES = ("clock", "resolve", "email", "rollups", "definitions")


def prepare_installation(now: datetime) -> None:
    """Make what is missing; what is there stays. The salts decide who is in a sample, for good."""
    with transaction() as session:
        session.execute(
            insert_into(Installation).on_conflict_do_nothing(),
            [
                {
                    "id": 1,
                    "sampling_salt": secrets.token_bytes(32),
                    "holdout_salt": secrets.token_bytes(32),
                    "created_at": now,
                }
            ],
        )
        session.execute(
            insert_into(Source).on_conflict_do_nothing(),
            [{"slug": slug, "body": {"slug": slug}, "secrets": [], "mapped": False} for slug in BUILT_IN],
        )
        session.execute(insert_into(Lease).on_conflict_do_nothing(), [{"name": name} for name in DUTIES])
        session.execute(insert_into(ContactLock).on_conflict_do_nothing(), [{"contact_id": 0, "seq": 0}])


@dataclass(frozen=True)
class Logo:
    """A picture that was checked to be one; without content, none."""

    content: bytes | None
    type: str | None

    @property
    def tag(self) -> str | None:
        return sha256(self.content).hexdigest()[:16] if self.content else None


def change_company(changes: Mapping[str, str | None], now: datetime, *, actor: str, logo: Logo | None = None) -> None:
    """Set what the company is called and how it looks; None: as usual again. Without a ``logo`` it stays as it is.

    With another time zone every day that figures were counted for is another, so all are counted again.
    """
    with transaction() as session:
        held = session.scalars(select(Installation).with_for_update()).one()
        changed = [name for name in SETTABLE if name in changes and getattr(held, name) != changes[name]]
        for name in changed:
            setattr(held, name, changes[name])
        if logo and logo.tag != held.logo_tag:
            held.logo, held.logo_type, held.logo_tag = logo.content, logo.type, logo.tag
            changed.append("logo")
        if "company_zone" in changed:
            _count_again(session)
        if changed:
            detail = {"fields": changed}
            session.add(
                AuditEntry(at=now, actor=actor, verb="update", kind="settings", object="company", detail=detail)
            )
    current_app.extensions["otklik_company"].clear()  # whoever changed it sees it at once


def _count_again(session: Session) -> None:
    """Every counted day becomes dirty, and so do its neighbours, where its edges move to."""
    days = session.scalars(select(Rollup.day).distinct()).all()
    around = {day + timedelta(days=n) for day in days for n in (-1, 0, 1)}
    insert_rows(session, DirtyDay, [{"moment": datetime.combine(day, time(12), UTC)} for day in sorted(around)])


def hold_lease(name: str, holder: str, now: datetime, lasts: timedelta) -> bool:
    """Take or renew a duty; False while somebody else holds it."""
    with transaction() as session:
        free = or_(Lease.holder.is_(None), Lease.holder == holder, Lease.until < now)
        taken = session.scalar(select(Lease.name).where(Lease.name == name, free).with_for_update(skip_locked=True))
        if taken:
            session.execute(update(Lease).where(Lease.name == name).values(holder=holder, until=now + lasts))
    return taken is not None


def beat(worker: str, now: datetime) -> None:
    """A worker's sign of life."""
    with transaction() as session:
        statement = insert_into(Heartbeat).values(worker=worker, beat_at=now)
        session.execute(statement.on_conflict_do_update(index_elements=["worker"], set_={"beat_at": now}))


def note_tidied(now: datetime) -> None:
    """Say that what nobody needs any more is removed, for this night."""
    with transaction() as session:
        session.execute(update(Installation).values(tidied_at=now))
