"""What every installation has before anything else: salts, duties, the built-in sources."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from app.extensions import insert_into, transaction
from app.models.accounts import Heartbeat, Installation, Lease
from app.models.contacts import ContactLock
from app.models.sources import Source

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
