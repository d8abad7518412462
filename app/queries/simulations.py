"""Rehearsals as people and the API look at them."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import defer

from app.extensions import db
from app.models.simulations import Simulation, SimulationContact

ID_MAX = 2**63 - 1


def find_simulation(simulation_id: int) -> Simulation | None:
    return db.session.get(Simulation, simulation_id) if simulation_id <= ID_MAX else None


def latest_simulations(limit: int) -> list[Simulation]:
    """The rehearsals that were asked for last."""
    newest = select(Simulation).options(defer(Simulation.result)).order_by(Simulation.id.desc())
    return list(db.session.scalars(newest.limit(limit)))


def differing_contacts(simulation_id: int, *, offset: int, limit: int) -> list[dict[str, Any]]:
    """Some of those whose outcome differs, in an order that stays."""
    found = (
        select(SimulationContact.told)
        .where(SimulationContact.simulation_id == simulation_id)
        .order_by(SimulationContact.contact_id)
    )
    return list(db.session.scalars(found.offset(offset).limit(limit)))
