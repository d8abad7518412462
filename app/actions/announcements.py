"""What happened inside becomes an event like any other: once, with its cause and its depth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.extensions import among, insert_into, insert_rows, transaction
from app.models.contacts import Complaint, ContactChange
from app.models.events import Event, EventKey, PendingEvent
from app.models.invitations import InvitationNews
from app.models.offers import OfferCode
from app.models.responses import Response
from app.models.sources import Source
from app.models.tasks import Task
from app.models.timers import Timer
from app.queries.events import CARRIED
from app.queries.invitations import ToldInvitation, told_invitations
from app.queries.offers import GivenCode, given_codes
from app.queries.responses import Announceable, announceable_responses
from app.queries.sealed import told_of
from app.queries.tasks import task_origins
from app.queries.timers import event_properties, living
from surveys.contact_policy import COMPLAINT_LAPSES
from surveys.occasions import TIMER

INTERNAL = "otklik"
"""The source of internal events."""


@dataclass(slots=True)
class _News:
    external_id: str
    type: str
    occurred_at: datetime
    contact_id: int | None
    properties: dict[str, Any]
    cause_id: int | None
    depth: int
    contact: dict[str, Any] | None = None
    """Who it is about, in an answer's own words, where nobody knows them yet."""


def announce_responses(limit: int, now: datetime) -> int:
    """``survey.answered`` for responses that are complete, or were given up; once each. Returns how many."""
    with transaction() as session:
        found = announceable_responses(limit, now)
        _store(session, [_answered(a) for a in found], now)
        if found:
            ids = [a.response_id for a in found]
            session.execute(update(Response).where(Response.id.in_(ids)).values(announced_at=now))
    return len(found)


def announce_tasks(limit: int, now: datetime) -> int:
    """``task.resolved`` for resolved tasks. Returns how many."""
    with transaction() as session:
        tasks = session.scalars(
            select(Task)
            .where(Task.resolved_at.is_not(None), Task.announced_at.is_(None))
            .order_by(Task.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        origins = task_origins([t.id for t in tasks])
        _store(session, [_resolved(t, *origins[t.id]) for t in tasks], now)
        for task in tasks:
            task.announced_at = now
    return len(tasks)


def announce_changes(limit: int, now: datetime) -> int:
    """``contact.created`` and ``contact.changed``. Returns how many."""
    with transaction() as session:
        changes = session.scalars(
            select(ContactChange).order_by(ContactChange.id).limit(limit).with_for_update(skip_locked=True)
        ).all()
        _store(session, [_changed(c) for c in changes], now)
        if changes:
            session.execute(delete(ContactChange).where(ContactChange.id.in_([c.id for c in changes])))
    return len(changes)


def announce_invitations(limit: int, now: datetime) -> int:
    """``invitation.sent`` and ``invitation.expired``. Returns how many."""
    with transaction() as session:
        rows = session.scalars(
            select(InvitationNews).order_by(InvitationNews.id).limit(limit).with_for_update(skip_locked=True)
        ).all()
        told = told_invitations({row.invitation_id for row in rows})
        _store(session, [_became(row, told[row.invitation_id]) for row in rows], now)
        if rows:
            session.execute(delete(InvitationNews).where(InvitationNews.id.in_([row.id for row in rows])))
    return len(rows)


def announce_call(invitation_id: int, phone: str, now: datetime) -> None:
    """``survey.call_wanted``: whoever answered wants to be called under this number; told once."""
    with transaction() as session:
        response = session.scalars(select(Response).where(Response.invitation_id == invitation_id)).one()
        told = told_invitations([invitation_id])[invitation_id]
        _store(session, [_call_wanted(response, told, phone, now)], now)


def announce_lapses(limit: int, now: datetime) -> int:
    """``offer.expired`` for codes whose time is over, ``contact.complaint_lapsed`` for complaints nobody closed."""
    with transaction() as session:
        codes = session.scalars(
            select(OfferCode)
            .where(OfferCode.expires_at <= now, OfferCode.expired_at.is_(None))
            .order_by(OfferCode.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        given = given_codes([code.id for code in codes])
        complaints = session.scalars(
            select(Complaint)
            .where(
                Complaint.opened_at <= now - COMPLAINT_LAPSES,
                Complaint.closed_at.is_(None),
                Complaint.lapsed_at.is_(None),
            )
            .order_by(Complaint.opened_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        _store(session, [*(_code_expired(given[c.id], now) for c in codes), *(_lapsed(c) for c in complaints)], now)
        for code in codes:
            code.expired_at = now
        for complaint in complaints:
            complaint.lapsed_at = now
    return len(codes) + len(complaints)


def _became(news: InvitationNews, told: ToldInvitation) -> _News:
    return _News(
        external_id=f"invitation-{news.id}",
        type=f"invitation.{news.kind}",
        occurred_at=news.at,
        contact_id=told.contact_id,
        properties={
            **{k: told.origin[k] for k in CARRIED if k in told.origin},
            **({"touchpoint": told.touchpoint} if told.touchpoint else {}),
            "survey": told.survey,
            "trigger": told.trigger,
            "channel": told.channel,
            "invitation": told.public_id,
        },
        cause_id=told.event_id,
        depth=told.depth + 1,
    )


def _call_wanted(response: Response, told: ToldInvitation, phone: str, now: datetime) -> _News:
    return _News(
        external_id=f"response-{response.id}-call",
        type="survey.call_wanted",
        occurred_at=now,
        contact_id=response.contact_id,
        properties={
            **{k: told.origin[k] for k in CARRIED if k in told.origin},
            **({"touchpoint": told.touchpoint} if told.touchpoint else {}),
            "survey": told.survey,
            "trigger": told.trigger,
            "channel": told.channel,
            "invitation": told.public_id,
            **told_of(response.survey_version_id, response.answers),
            "phone": phone,
        },
        cause_id=told.event_id,
        depth=told.depth + 1,
        contact=None if response.contact_id else {"phone": phone},
    )


def _code_expired(given: GivenCode, now: datetime) -> _News:
    return _News(
        external_id=f"code-{given.code_id}-expired",
        type="offer.expired",
        occurred_at=given.expires_at or now,
        contact_id=given.contact_id,
        properties={"offer": given.offer, "survey": given.survey},
        cause_id=given.event_id,
        depth=given.depth + 1,
    )


def _lapsed(complaint: Complaint) -> _News:
    at = complaint.opened_at + COMPLAINT_LAPSES
    return _News(
        external_id=f"complaint-{complaint.contact_id}-{complaint.key}-{int(at.timestamp())}",
        type="contact.complaint_lapsed",
        occurred_at=at,
        contact_id=complaint.contact_id,
        properties={"complaint": complaint.key, "opened_at": complaint.opened_at.isoformat()},
        cause_id=None,
        depth=1,
    )


def announce_timers(limit: int, now: datetime) -> int:
    """``timer.<slug>`` for timers that are ripe; for contacts that are erased meanwhile, nothing. Returns how many."""
    with transaction() as session:
        timers = session.scalars(
            select(Timer).where(Timer.state == "ripe").order_by(Timer.id).limit(limit).with_for_update(skip_locked=True)
        ).all()
        if not timers:
            return 0
        contacts, opened = living({t.contact_id for t in timers}), event_properties({t.event_id or 0 for t in timers})
        there = [t for t in timers if t.contact_id in contacts]
        _store(session, [_came(t, opened.get(t.event_id or 0, {})) for t in there], now)
        session.execute(update(Timer).where(among(Timer.id, [t.id for t in timers])).values(state="fired"))
    return len(timers)


def _came(timer: Timer, opened: Mapping[str, Any]) -> _News:
    """What the event said at which the timer was set, it says too."""
    return _News(
        external_id=f"timer-{timer.id}",
        type=f"{TIMER}{timer.told['trigger']}",
        occurred_at=timer.due_at,
        contact_id=timer.contact_id,
        properties={**timer.told, **opened},
        cause_id=timer.event_id,
        depth=timer.depth,
    )


def _answered(found: Announceable) -> _News:
    return _News(
        external_id=f"response-{found.response_id}",
        type="survey.answered",
        occurred_at=found.answered_at,
        contact_id=found.contact_id,
        properties={
            **{k: found.origin[k] for k in CARRIED if k in found.origin},
            **({"touchpoint": found.touchpoint} if found.touchpoint else {}),
            "survey": found.survey,
            "version": found.version,
            "trigger": found.trigger,
            "channel": found.channel,
            "language": found.language,
            "invitation": found.invitation,
            **found.told,
            "complete": found.complete,
        },
        cause_id=found.event_id,
        depth=found.depth + 1,
        contact=found.named,
    )


def _resolved(task: Task, department: str, origin: Event) -> _News:
    assert task.resolved_at is not None
    return _News(
        external_id=f"task-{task.id}-resolved",
        type="task.resolved",
        occurred_at=task.resolved_at,
        contact_id=task.contact_id,
        properties={
            **{k: origin.properties[k] for k in CARRIED if k in origin.properties},
            "task": task.id,
            "department": department,
            "priority": task.priority,
            "outcome": task.outcome,
            "cause": task.cause,
        },
        cause_id=task.event_id,
        depth=origin.depth + 1,
    )


def _changed(change: ContactChange) -> _News:
    properties = {
        "field": change.field,
        "from": change.old["value"] if change.old else None,
        "to": change.new["value"] if change.new else None,
    }
    return _News(
        external_id=f"change-{change.id}",
        type="contact.changed" if change.field else "contact.created",
        occurred_at=change.at,
        contact_id=change.contact_id,
        properties=properties if change.field else {},
        cause_id=change.cause_id,
        depth=change.depth,
    )


def _store(session: Session, news: Sequence[_News], now: datetime) -> None:
    if not news:
        return
    source_id = session.scalars(select(Source.id).where(Source.slug == INTERNAL)).one()
    statement = insert_into(EventKey).on_conflict_do_nothing().returning(EventKey.external_id, EventKey.event_id)
    rows = session.execute(
        statement,
        [
            {
                "source_id": source_id,
                "external_id": n.external_id,
                "body_hash": blake2b(n.external_id.encode(), digest_size=16).digest(),
            }
            for n in news
        ],
    )
    ids = {external_id: event_id for external_id, event_id in rows}  # what is missing was announced before
    insert_rows(
        session,
        Event,
        [
            {
                "id": ids[n.external_id],
                "source_id": source_id,
                "external_id": n.external_id,
                "type": n.type,
                "occurred_at": n.occurred_at,
                "received_at": now,
                "contact": n.contact,
                "properties": n.properties,
                "contact_id": n.contact_id,
                "cause_id": n.cause_id,
                "depth": n.depth,
                "history": False,
            }
            for n in news
            if n.external_id in ids
        ],
    )
    insert_rows(session, PendingEvent, [{"event_id": i, "ambiguous": False, "attempts": 0} for i in ids.values()])
