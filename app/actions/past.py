"""A past, stored set by set: what hand-overs, answers and finished work leave behind, without living through them.

Used where there was nobody to live through it: for the company that a newcomer is shown. Deciding is not done here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from app.extensions import db, insert_rows, transaction, update_rows
from app.models.accounts import Installation
from app.models.contacts import Address, Contact
from app.models.decisions import Effect, Reservation
from app.models.deliveries import Delivery
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.offers import Offer, OfferCode
from app.models.responses import Response
from app.models.rollups import DirtyDay
from app.models.tasks import Task, TaskComment
from app.queries.past import Promised
from surveys.lifecycle import ANSWERABLE

BAD_ADDRESS = "550 5.1.1 mailbox unavailable"
LOST = "the worker stopped in the middle of handing over"


@dataclass
class HandOvers:
    """What became of promises that fell due, each at its moment."""

    sent: list[tuple[Promised, datetime]] = field(default_factory=list)
    bounced: list[tuple[Promised, datetime]] = field(default_factory=list)
    unknown: list[tuple[Promised, datetime]] = field(default_factory=list)
    closed: list[tuple[Promised, datetime]] = field(default_factory=list)
    """Called off before anything left."""


@dataclass(frozen=True)
class Finished:
    """A response that came in, with the offer its ending gives."""

    promised: Promised
    started_at: datetime
    completed_at: datetime
    answers: dict[str, Any]
    offer: str | None


@dataclass(frozen=True)
class Solved:
    """A task that somebody solved."""

    task_id: int
    at: datetime
    owner: str
    outcome: str
    cause: str
    comment: str | None


def hurry() -> None:
    """Trade durability for speed on this connection: for a file that is thrown away when its making is interrupted."""
    connection = db.engine.raw_connection()
    try:
        for pragma in ("synchronous=OFF", "temp_store=MEMORY", "cache_size=-100000"):
            connection.cursor().execute(f"PRAGMA {pragma}")
    finally:
        connection.close()


def pack() -> None:
    """Put everything into the one file, and let the database look at what it holds."""
    db.session.rollback()
    connection = db.engine.raw_connection()
    try:
        for statement in ("ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"):
            connection.cursor().execute(statement)
    finally:
        connection.close()


def fix_draws(sampling_salt: bytes, holdout_salt: bytes) -> None:
    """Draws that fall the same whenever this company is made. Only before the first of them."""
    with transaction() as session:
        session.execute(update(Installation).values(sampling_salt=sampling_salt, holdout_salt=holdout_salt))


def store_hand_overs(done: HandOvers, sender_domain: str) -> None:
    """What :mod:`app.actions.deliveries` leaves, for many invitations at once."""
    left = [*done.sent, *done.unknown]
    with transaction() as session:
        _open(session, left)
        _close(session, [(promised.id, promised.closed or "cancelled") for promised, _ in done.closed])
        _close(session, [(promised.id, "suppressed") for promised, _ in done.bounced])
        insert_rows(session, Delivery, [row for row in _deliveries(done, sender_domain)])
        update_rows(
            session,
            Address,
            "id",
            [{"id": p.address_id, "suppressed_at": at, "suppressed_because": BAD_ADDRESS} for p, at in done.bounced],
        )
        _mark_days(session, [at for _, at in (*left, *done.bounced)])


def _open(session: Session, left: Sequence[tuple[Promised, datetime]]) -> None:
    opened = [
        {
            "id": promised.id,
            "state": "open",
            "due_at": None,
            "handed_over_at": at,
            "expires_at": None if promised.expires_after is None else at + timedelta(seconds=promised.expires_after),
        }
        for promised, at in left
    ]
    update_rows(session, Invitation, "id", opened)
    counted = [{"invitation_id": promised.id, "counts_at": at} for promised, at in left]
    update_rows(session, Reservation, "invitation_id", counted)


def _close(session: Session, closed: Sequence[tuple[int, str]]) -> None:
    rows = [{"id": i, "state": "cancelled", "reason": reason, "due_at": None} for i, reason in closed]
    update_rows(session, Invitation, "id", rows)
    session.execute(delete(Reservation).where(Reservation.invitation_id.in_([i for i, _ in closed])))


def _deliveries(done: HandOvers, sender_domain: str) -> list[dict[str, Any]]:
    ends: list[tuple[str, Sequence[tuple[Promised, datetime]], Callable[[Promised], str | None]]] = [
        ("sent", done.sent, lambda _: None),
        ("refused", done.bounced, lambda _: BAD_ADDRESS),
        ("refused", done.closed, lambda promised: promised.closed),
        ("unknown", done.unknown, lambda _: LOST),
    ]
    return [
        {
            "invitation_id": promised.id,
            "channel": "email",
            "state": state,
            "attempt": 1,
            "act_at": None,
            "claimed_at": at,
            "begun_at": None if state == "refused" and promised.closed else at,
            "settled_at": None if state == "unknown" else at,
            "message_id": f"<{promised.public_id}@{sender_domain}>" if state == "sent" else None,
            "error": error(promised),
            "created_at": at,
        }
        for state, ended, error in ends
        for promised, at in ended
    ]


def _mark_days(session: Session, moments: Collection[datetime]) -> None:
    """One mark per day is enough: whole days are counted again."""
    insert_rows(
        session, DirtyDay, [{"moment": m} for m in {m.replace(minute=0, second=0, microsecond=0) for m in moments}]
    )


def store_responses(finished: Sequence[Finished]) -> None:
    """What :func:`app.actions.responses.record_response` leaves; scores and news are read later, as always."""
    with transaction() as session:
        rows = [
            {
                "invitation_id": f.promised.id,
                "survey_version_id": f.promised.survey_version_id,
                "contact_id": f.promised.contact_id,
                "language": f.promised.language,
                "answers": f.answers,
                "complete": True,
                "started_at": f.started_at,
                "changed_at": f.completed_at,
                "completed_at": f.completed_at,
            }
            for f in finished
        ]
        stored = insert_rows(session, Response, rows, ("invitation_id", "id"))
        ids = {invitation_id: response_id for invitation_id, response_id in stored}
        answered = [
            {
                "id": f.promised.id,
                "state": "completed",
                "started_at": f.started_at,
                "completed_at": f.completed_at,
            }
            for f in finished
        ]
        update_rows(session, Invitation, "id", answered)
        _give_codes(session, [(f.offer, ids[f.promised.id], f.completed_at) for f in finished if f.offer])


def _give_codes(session: Session, given: Sequence[tuple[str, int, datetime]]) -> None:
    """The next free code of the pool for each; none when it is empty."""
    for slug in {slug for slug, _, _ in given}:
        wanted = [(response_id, at) for offer, response_id, at in given if offer == slug]
        free = session.scalars(
            select(OfferCode.id)
            .join(Offer, Offer.id == OfferCode.offer_id)
            .where(Offer.slug == slug, OfferCode.given_at.is_(None))
            .order_by(OfferCode.id)
            .limit(len(wanted))
        ).all()
        rows = [
            {"id": code_id, "response_id": response_id, "given_at": at}
            for code_id, (response_id, at) in zip(free, wanted, strict=False)
        ]
        update_rows(session, OfferCode, "id", rows)


def store_solved(solved: Sequence[Solved]) -> None:
    """What :func:`app.actions.tasks.work_task` leaves, for many tasks at once."""
    with transaction() as session:
        rows = [
            {
                "id": s.task_id,
                "status": "resolved",
                "owner": s.owner,
                "outcome": s.outcome,
                "cause": s.cause,
                "resolved_at": s.at,
            }
            for s in solved
        ]
        update_rows(session, Task, "id", rows)
        notes = [{"task_id": s.task_id, "author": s.owner, "text": s.comment, "at": s.at} for s in solved if s.comment]
        insert_rows(session, TaskComment, notes)


def take_over(owners: Mapping[int, str]) -> None:
    """Somebody is at work on these tasks."""
    with transaction() as session:
        rows = [{"id": task_id, "status": "in_progress", "owner": owner} for task_id, owner in owners.items()]
        update_rows(session, Task, "id", rows)


def close_expired(now: datetime) -> None:
    """What :func:`app.actions.deliveries.expire_invitations` leaves."""
    with transaction() as session:
        over = update(Invitation).where(Invitation.expires_at <= now, Invitation.state.in_(ANSWERABLE))
        session.execute(over.values(state="expired", reason="expired"))


def set_clocks() -> None:
    """Give every row that was written in one go the moment at which it would have been written.

    Events were received as they happened, and what follows from them followed at once.
    """
    with transaction() as session:
        cause = Event.__table__.alias("cause")
        began = select(cause.c.occurred_at).where(cause.c.id == Event.cause_id).scalar_subquery()
        session.execute(
            update(Event)
            .where(Event.type == "contact.created", Event.cause_id.is_not(None))
            .values(occurred_at=began)
            .execution_options(synchronize_session=False)
        )
        came = (
            select(Event.occurred_at)
            .where(Event.contact_id == Contact.id, Event.type == "contact.created")
            .limit(1)
            .scalar_subquery()
        )
        session.execute(update(Contact).values(created_at=func.coalesce(came, Contact.created_at)))
        session.execute(update(Event).values(received_at=Event.occurred_at))
        opened = select(Effect.created_at).where(Effect.id == Task.effect_id).scalar_subquery()
        session.execute(update(Task).values(created_at=opened).execution_options(synchronize_session=False))
        session.execute(update(Task).values(announced_at=case((Task.announced_at.is_not(None), Task.resolved_at))))
        session.execute(update(Effect).values(done_at=case((Effect.done_at.is_not(None), Effect.created_at))))
        _send_notices(session)
        session.execute(
            update(Response).values(
                scored_at=case((Response.scored_at.is_not(None), Response.completed_at)),
                announced_at=case((Response.announced_at.is_not(None), Response.completed_at)),
            )
        )


def _send_notices(session: Session) -> None:
    """The departments have long read what they were told of their tasks."""
    told = select(Effect.created_at).where(Effect.id == Delivery.effect_id).scalar_subquery()
    session.execute(
        update(Delivery)
        .where(Delivery.effect_id.is_not(None), Delivery.state == "claimed")
        .values(state="sent", attempt=1, act_at=None, claimed_at=told, begun_at=told, settled_at=told, created_at=told)
        .execution_options(synchronize_session=False)
    )
