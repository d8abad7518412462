"""Which kinds of work are ready, for the clock; and how it all is, for probes and metrics."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, inspect, literal, or_, select, text

from app.extensions import db
from app.models.accounts import Heartbeat, Installation
from app.models.contacts import Complaint, ContactChange, ContactLock
from app.models.decisions import Decision, Effect
from app.models.deliveries import Delivery
from app.models.digests import Digest
from app.models.events import Event, PendingEvent
from app.models.invitations import UNSEGMENTED, Invitation, InvitationNews
from app.models.offers import OfferCode
from app.models.responses import Response
from app.models.rollups import DirtyDay, TallyCorrection, TallyMark
from app.models.simulations import Simulation
from app.models.sources import Payload, Source
from app.models.tasks import Task
from app.models.timers import Timer, TimerWatch
from app.queries.audits import audits_waiting, night_of
from app.queries.rollups import is_untallied
from app.queries.timers import SETTLED
from surveys.contact_policy import COMPLAINT_LAPSES
from surveys.lifecycle import ANSWERABLE, PARTIAL_RESTS


def ready_kinds(now: datetime) -> list[str]:
    """The kinds of jobs that would find something to do."""
    stopped = select(Installation.sending_stopped_at).where(Installation.sending_stopped_at.is_not(None)).exists()
    tallied = func.coalesce(select(func.max(TallyMark.event_id)).scalar_subquery(), 0)
    ready: dict[str, list[Select[Any]]] = {
        "read_held": [
            select(1)
            .select_from(Payload)
            .join(Source, Source.id == Payload.source_id)
            .where(Payload.state == "held", Source.mapped)
        ],
        "resolve": [select(1).where(PendingEvent.contact_id.is_(None), PendingEvent.dead_at.is_(None))],
        "decide": [select(1).where(ContactLock.ready_at <= now), select(1).where(Decision.retry_at <= now)],
        "carry_out": [select(1).where(Effect.done_at.is_(None), Effect.dead_at.is_(None)).select_from(Effect)],
        "announce": [
            select(1).where(
                Response.announced_at.is_(None),
                or_(Response.complete.is_(True), Response.changed_at < now - PARTIAL_RESTS),
            ),
            select(1).where(Task.resolved_at.is_not(None), Task.announced_at.is_(None)),
            select(1).select_from(ContactChange),
            select(1).select_from(InvitationNews),
            select(1).where(OfferCode.expires_at <= now, OfferCode.expired_at.is_(None)),
            select(1).where(
                Complaint.opened_at <= now - COMPLAINT_LAPSES,
                Complaint.closed_at.is_(None),
                Complaint.lapsed_at.is_(None),
            ),
        ],
        "wake": [
            select(1).where(TimerWatch.next_at <= now),
            select(1).where(Timer.state == "ripe"),
            select(1).where(Timer.state == "waiting", Timer.due_at <= now - SETTLED),
        ],
        "send": [
            select(1).where(Invitation.due_at <= now, ~stopped),
            select(1).where(Invitation.remind_at <= now, ~stopped),
            select(1).where(Delivery.act_at <= now, or_(Delivery.state == "handing_over", ~stopped)),
        ],
        "score": [
            select(1).where(Response.scored_at.is_(None), Response.complete.is_(True)),
            select(1).select_from(DirtyDay),
            select(1).select_from(Invitation).where(UNSEGMENTED),
            select(1).select_from(Event).where(*is_untallied(now)),
            select(1).select_from(TallyCorrection).where(TallyCorrection.event_id <= tallied),
        ],
        "rehearse": [
            select(1).where(
                or_(
                    Simulation.state == "waiting",
                    (Simulation.state == "running") & (Simulation.lease_until < now),
                )
            )
        ],
        "expire": [
            select(1).where(Invitation.expires_at <= now, Invitation.state.in_(ANSWERABLE)),
            select(1).where(Invitation.channel == "web", Invitation.state == "planned", Invitation.stale_at < now),
        ],
        "audit": audits_waiting(now),
        "digest": [select(1).where(Digest.next_at <= now)],
        "tidy": [
            select(1).where(
                func.coalesce(Installation.tidied_at, Installation.created_at) < night_of(now)[1],
            )
        ],
    }
    checks = [
        select(literal(kind)).where(or_(*(query.limit(1).exists() for query in queries)))
        for kind, queries in ready.items()
    ]
    return list(db.session.scalars(checks[0].union_all(*checks[1:])))


def schema_revision() -> str | None:
    """The revision the tables are at; None before the first migration."""
    if not inspect(db.engine).has_table("alembic_version"):
        return None
    revision: str | None = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    db.session.rollback()
    return revision


def youngest_heartbeat() -> datetime | None:
    """When any worker last gave a sign of life."""
    return db.session.scalar(select(func.max(Heartbeat.beat_at)))


def oldest_ready_since() -> datetime | None:
    """Since when the oldest contact with undecided events has been ready."""
    return db.session.scalar(select(func.min(ContactLock.ready_at)).where(ContactLock.ready_at.is_not(None)))
