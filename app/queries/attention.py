"""What is going on: the loop from event to task, and which sources have fallen silent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.decisions import Decision
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.sources import Source
from app.models.tasks import Task
from surveys.decision import GATE_OF, TRIGGER_GATES

SILENT_AFTER = timedelta(hours=3)
RECENT_EVENTS = 20_000


@dataclass(frozen=True)
class Loop:
    """Counts of one period: each thing by its own time. ``worst`` is the reason that stopped most, and how many."""

    events: int
    matched: int
    in_sample: int
    asked: int
    sent: int
    answered: int
    tasks: int
    worst: tuple[str, int]


def loop_counts(begin: datetime, end: datetime) -> Loop:
    """The way from event to task between two moments."""
    decided = db.session.execute(
        select(Decision.outcome, Decision.reason, func.count())
        .where(Decision.decided_at >= begin, Decision.decided_at < end, Decision.outcome != "acted")
        .group_by(Decision.outcome, Decision.reason)
    ).all()
    early = {reason for reason, gate in GATE_OF.items() if gate in TRIGGER_GATES}
    matched = sum(n for *_, n in decided)
    in_sample = sum(n for _, reason, n in decided if reason not in early)
    lost = sorted(((n, reason) for _, reason, n in decided if reason), reverse=True)
    events = select(func.count()).select_from(Event).join(Source, Source.id == Event.source_id)
    events = events.where(Event.received_at >= begin, Event.received_at < end, Source.slug != "otklik")
    return Loop(
        events=db.session.scalar(events) or 0,
        matched=matched,
        in_sample=in_sample,
        asked=sum(n for outcome, _, n in decided if outcome == "invited"),
        sent=_count(Invitation.handed_over_at, begin, end),
        answered=_count(Response.completed_at, begin, end),
        tasks=_count(Task.created_at, begin, end),
        worst=(lost[0][1], lost[0][0]) if lost else ("", 0),
    )


def _count(column: Any, begin: datetime, end: datetime) -> int:
    return db.session.scalar(select(func.count()).where(column >= begin, column < end)) or 0


def silent_sources(now: datetime) -> list[tuple[str, str, timedelta]]:
    """Sources that usually speak every hour and have not for three: slug, name, how long."""
    recent = select(Event.source_id, Event.received_at).order_by(Event.id.desc()).limit(RECENT_EVENTS).subquery()
    rows = db.session.execute(
        select(
            Source.slug,
            Source.body,
            func.max(recent.c.received_at),
            func.count(),
            func.min(recent.c.received_at),
        )
        .join(recent, recent.c.source_id == Source.id)
        .where(Source.slug != "otklik", Source.archived_at.is_(None))
        .group_by(Source.id)
    )
    found = []
    for slug, body, last, n, first in rows:
        usual = (last - first) / max(1, n - 1)
        if now - last > max(SILENT_AFTER, 20 * usual) and usual < timedelta(hours=1) and n >= 24:  # noqa: PLR2004 a day of hours
            found.append((slug, body.get("name") or slug, now - last))
    return found
