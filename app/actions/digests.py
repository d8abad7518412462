"""Views that are sent again and again: ordered, called off, and written when they are due."""

from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.extensions import insert_into, transaction
from app.models.accounts import AuditEntry, User
from app.models.deliveries import Delivery
from app.models.digests import Digest
from app.queries.accounts import Account, find_account
from app.queries.digests import next_due

Write = Callable[[Account, str], dict[str, str]]
"""Makes the subject and text of a view for a person."""


def order_digest(address: str, rhythm: str, user_ids: Collection[int], author: str, zone: str, now: datetime) -> int:
    """Send a view to these people from now on; who gets it already goes on doing so. Returns to how many it is new."""
    with transaction() as session:
        people = session.scalars(select(User).where(User.id.in_(user_ids), User.disabled_at.is_(None))).all()
        made = 0
        for person in people:
            row = {"user_id": person.id, "address": address, "rhythm": rhythm, "author": author, "created_at": now,
                   "next_at": next_due(rhythm, now, zone)}  # fmt: skip
            statement = insert_into(Digest).on_conflict_do_nothing().returning(Digest.id)
            if session.execute(statement, row).one_or_none() is not None:
                _note(session, "create", person.email, author, now)
                made += 1
        return made


def call_off_digest(digest_id: int, user_id: int, now: datetime) -> bool:
    """Whoever gets a view does not want it any more. Returns whether there was one of theirs."""
    with transaction() as session:
        digest = session.get(Digest, digest_id, with_for_update=True)
        if digest is None or digest.user_id != user_id:
            return False
        person = session.get_one(User, user_id)
        _note(session, "remove", person.email, person.email, now)
        session.delete(digest)
        return True


def _note(session: Session, verb: str, email: str, actor: str, now: datetime) -> None:
    session.add(AuditEntry(at=now, actor=actor, verb=verb, kind="digests", object=email))


def write_digest(write: Write, roles: Collection[str], zone: str, now: datetime) -> int | None:
    """Write the view that has been due the longest; returns its id, None when none is due.

    The mail is made, and the next one set, in one transaction: however many look, each is written once. Who may not see
    figures any more gets nothing, until they may again.
    """
    with transaction() as session:
        digest = session.scalar(_first_due(now))
        if digest is None:
            return None
        digest.next_at = next_due(digest.rhythm, now, zone)
        person = find_account(digest.user_id)
        if person is not None and person.role in roles:
            notice = {"to": person.email, **write(person, digest.address)}
            session.add(
                Delivery(channel="email", notice=notice, state="claimed", attempt=0, act_at=now, created_at=now)
            )
        return digest.id


def put_off_digest(until: datetime, now: datetime) -> None:
    """The one that has been due the longest cannot be written: it is left alone for a while."""
    with transaction() as session:
        digest = session.scalar(_first_due(now))
        if digest is not None:
            digest.next_at = until


def _first_due(now: datetime) -> Select[Digest]:
    due = select(Digest).where(Digest.next_at <= now).order_by(Digest.next_at, Digest.id)
    return due.limit(1).with_for_update(skip_locked=True)
