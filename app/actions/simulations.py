"""Rehearsals: asked for, run under a lease, cancelled, finished."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update

from app.extensions import beside, transaction
from app.models.simulations import Simulation
from surveys.lifecycle import ATTEMPTS_MAX

LEASE = timedelta(seconds=60)
"""A worker that says nothing for so long has died; another one begins anew."""


class UnknownSimulation(LookupError):
    """No rehearsal has this id."""


@dataclass(frozen=True)
class ClaimedSimulation:
    """A rehearsal that is ours as long as we say how far it is."""

    id: int
    text: str
    since: datetime
    until: datetime


def ask_for_simulation(text: str, since: datetime, until: datetime, *, total: int, actor: str, now: datetime) -> int:
    """Note that a draft is to be rehearsed; returns the rehearsal's id. ``total`` is how many events there are."""
    with transaction() as session:
        row = Simulation(
            text=text, since=since, until=until, state="waiting", asked_by=actor, created_at=now, done=0, total=total
        )
        session.add(row)
        session.flush()
        return row.id


def claim_simulation(now: datetime) -> ClaimedSimulation | None:
    """Take the oldest rehearsal that waits, or whose worker has died; one that kills its workers is given up."""
    with transaction() as session:
        row = session.scalar(
            select(Simulation)
            .where(or_(Simulation.state == "waiting", (Simulation.state == "running") & (Simulation.lease_until < now)))
            .order_by(Simulation.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if row is None:
            return None
        row.attempts += 1
        if row.attempts > ATTEMPTS_MAX:
            row.state, row.finished_at, row.error = "failed", now, "the worker died of it, time and again"
            return None
        row.state, row.started_at, row.lease_until, row.done = "running", row.started_at or now, now + LEASE, 0
        return ClaimedSimulation(row.id, row.text, row.since, row.until)


def note_progress(simulation_id: int, done: int, now: datetime) -> bool:
    """Say how far a rehearsal is, beside what is being read for it; False when nobody wants to know any more."""
    with beside() as connection:
        running = update(Simulation).where(Simulation.id == simulation_id, Simulation.state == "running")
        return connection.execute(running.values(done=done, lease_until=now + LEASE)).rowcount == 1


def finish_simulation(simulation_id: int, result: dict[str, Any] | None, error: str | None, now: datetime) -> None:
    """Keep what came of a rehearsal, unless it was cancelled meanwhile."""
    with transaction() as session:
        row = session.scalar(
            select(Simulation).where(Simulation.id == simulation_id, Simulation.state == "running").with_for_update()
        )
        if row is not None:
            row.state, row.result, row.error, row.finished_at = "failed" if error else "done", result, error, now
            row.done, row.lease_until = row.total, None


def cancel_simulation(simulation_id: int, now: datetime) -> None:
    """Stop a rehearsal that is not done yet. Raises :class:`UnknownSimulation`."""
    with transaction() as session:
        row = session.scalar(select(Simulation).where(Simulation.id == simulation_id).with_for_update())
        if row is None:
            raise UnknownSimulation(simulation_id)
        if row.state in ("waiting", "running"):
            row.state, row.finished_at, row.lease_until = "cancelled", now, None
