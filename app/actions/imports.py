"""Answers that were given elsewhere, long ago: stored once, counted as all others, never acted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.extensions import among, insert_rows, transaction
from app.links import new_public_id
from app.models.events import Event, EventKey, PendingEvent
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.surveys import Survey, SurveyVersion
from app.models.triggers import Trigger, TriggerVersion

IMPORTED = "answer.imported"
"""The event of such an answer: history, so nothing ever acts on it."""
NAME_MAX = 64


@dataclass(frozen=True)
class ImportedAnswer:
    """A filled-in survey of an older tool; ``external_id`` is that of its event."""

    external_id: str
    answered_at: datetime
    language: str
    channel: str
    touchpoint: str | None
    answers: Mapping[str, Any]


def store_imported(survey: str, source_id: int, given: Sequence[ImportedAnswer], now: datetime) -> tuple[int, int]:
    """Store answers to the present version of a survey whose events are recorded: how many, and how many wait.

    Those wait whose event has not found its customer yet. What is stored already is stored once.
    """
    with transaction() as session:
        row = session.execute(
            select(Survey.id, Survey.version).where(Survey.slug == survey).with_for_update()  # one import at a time
        ).one()
        version_id = session.scalar(
            select(SurveyVersion.id).where(SurveyVersion.survey_id == row.id, SurveyVersion.number == row.version)
        )
        assert version_id is not None  # a survey is never without a version
        trigger_id = _trigger_of(session, survey, now)
        events = _events_of(session, source_id, given)
        known = set(
            session.scalars(
                select(Invitation.event_id).where(
                    Invitation.trigger_id == trigger_id, among(Invitation.event_id, [e.id for e in events.values()])
                )
            )
        )
        fresh = {
            events[one.external_id].id: (one, events[one.external_id].contact_id)
            for one in given
            if one.external_id in events and not events[one.external_id].waits
        }
        fresh = {event_id: found for event_id, found in fresh.items() if event_id not in known}
        _store(session, version_id, trigger_id, fresh, now)
        return len(fresh), sum(1 for event in events.values() if event.waits)


def _events_of(session: Session, source_id: int, given: Sequence[ImportedAnswer]) -> dict[str, Any]:
    """The recorded events by external id, and whether they still wait for their customer."""
    waits = PendingEvent.event_id.is_not(None).label("waits")
    rows = session.execute(
        select(EventKey.external_id, Event.id, Event.contact_id, waits)
        .join(Event, Event.id == EventKey.event_id)
        .outerjoin(PendingEvent, (PendingEvent.event_id == Event.id) & PendingEvent.dead_at.is_(None))
        .where(
            EventKey.source_id == source_id,
            among(EventKey.external_id, [one.external_id for one in given]),
            Event.type == IMPORTED,
        )
    )
    return {row.external_id: row for row in rows}


def _trigger_of(session: Session, survey: str, now: datetime) -> int:
    """The trigger that such answers count under: one that is out of force, and was never in it."""
    slug = f"imported-{survey}"[:NAME_MAX].rstrip("-")
    found = session.scalar(select(Trigger.id).where(Trigger.slug == slug))
    if found is not None:
        return found
    body = {
        "slug": slug,
        "name": "Imported answers",
        "status": "draft",
        "when": {"event": IMPORTED},
        "then": [{"send": {"survey": survey}}],
    }
    trigger = Trigger(slug=slug, version=1, archived_at=now)
    session.add(trigger)
    session.flush()
    session.add(TriggerVersion(trigger_id=trigger.id, number=1, body=body, created_at=now))
    return trigger.id


def _store(
    session: Session,
    version_id: int,
    trigger_id: int,
    fresh: Mapping[int, tuple[ImportedAnswer, int | None]],
    now: datetime,
) -> None:
    """An invitation that was never sent, and its answer; scores are read later, as always."""
    rows = [
        {
            "public_id": new_public_id(),
            "event_id": event_id,
            "trigger_id": trigger_id,
            "trigger_version": 1,
            "action": 0,
            "contact_id": contact_id,
            "address_id": None,
            "survey_version_id": version_id,
            "class": "transactional",
            "channel": one.channel,
            "touchpoint": one.touchpoint,
            "language": one.language,
            "probability": 1.0,
            "state": "completed",
            "created_at": now,
            "planned_at": one.answered_at,
            "stale_at": one.answered_at,
            "started_at": one.answered_at,
            "completed_at": one.answered_at,
            "reminders": 0,
        }
        for event_id, (one, contact_id) in fresh.items()
    ]
    ids = {event_id: number for event_id, number in insert_rows(session, Invitation, rows, ("event_id", "id"))}
    answered = [
        {
            "invitation_id": ids[event_id],
            "survey_version_id": version_id,
            "contact_id": contact_id,
            "language": one.language,
            "answers": dict(one.answers),
            "complete": True,
            "started_at": one.answered_at,
            "changed_at": one.answered_at,
            "completed_at": one.answered_at,
            "announced_at": now,
        }
        for event_id, (one, contact_id) in fresh.items()
    ]
    insert_rows(session, Response, answered)
