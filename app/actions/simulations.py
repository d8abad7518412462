"""Rehearsals: asked for, run under a lease, cancelled, finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update

from app.extensions import among, beside, insert_rows, transaction
from app.models.simulations import Simulation, SimulationContact
from surveys.lifecycle import ATTEMPTS_MAX

LEASE = timedelta(seconds=60)
"""A worker that says nothing for so long has died; another one begins anew."""
KEPT = timedelta(days=90)
"""How long what came of a rehearsal can be looked at."""


class UnknownSimulation(LookupError):
    """No rehearsal has this id."""


@dataclass(frozen=True)
class AskedFor:
    """A draft to rehearse on the events of a time; ``page`` is where it was written, if on a page of the site."""

    text: str
    since: datetime
    until: datetime
    page: str | None = None


@dataclass(frozen=True)
class ClaimedSimulation:
    """A rehearsal that is ours as long as we say how far it is."""

    id: int
    text: str
    since: datetime
    until: datetime


def ask_for_simulation(draft: AskedFor, *, total: int, actor: str, now: datetime) -> int:
    """Note that a draft is to be rehearsed; returns the rehearsal's id. ``total`` is how many events there are."""
    with transaction() as session:
        row = Simulation(
            text=draft.text,
            since=draft.since,
            until=draft.until,
            page=draft.page,
            state="waiting",
            asked_by=actor,
            created_at=now,
            done=0,
            total=total,
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
        session.execute(delete(SimulationContact).where(SimulationContact.simulation_id == row.id))
        return ClaimedSimulation(row.id, row.text, row.since, row.until)


def note_progress(simulation_id: int, done: int, now: datetime) -> bool:
    """Say how far a rehearsal is, beside what is being read for it; False when nobody wants to know any more."""
    with beside() as connection:
        running = update(Simulation).where(Simulation.id == simulation_id, Simulation.state == "running")
        return connection.execute(running.values(done=done, lease_until=now + LEASE)).rowcount == 1


def keep_differing(simulation_id: int, told: Sequence[Mapping[str, Any]]) -> None:
    """Keep some of those whose outcome differs, as long as somebody wants to know."""
    with transaction() as session:
        wanted = select(Simulation.id).where(Simulation.id == simulation_id, Simulation.state == "running")
        if session.scalar(wanted.with_for_update()) is None:
            return
        again = among(SimulationContact.contact_id, [one["contact"] for one in told])
        session.execute(delete(SimulationContact).where(SimulationContact.simulation_id == simulation_id, again))
        rows = [{"simulation_id": simulation_id, "contact_id": one["contact"], "told": one} for one in told]
        insert_rows(session, SimulationContact, rows)


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


def forget_simulations(limit: int, now: datetime) -> int:
    """Remove rehearsals that ended long ago, with all that came of them; returns how many there were."""
    with transaction() as session:
        old = select(Simulation.id).where(Simulation.finished_at < now - KEPT).order_by(Simulation.id).limit(limit)
        ids = session.scalars(old).all()
        session.execute(delete(SimulationContact).where(among(SimulationContact.simulation_id, ids)))
        session.execute(delete(Simulation).where(among(Simulation.id, ids)))
        return len(ids)
