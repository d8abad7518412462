"""Rehearsals as people and the API look at them."""

from sqlalchemy import select

from app.extensions import db
from app.models.simulations import Simulation

ID_MAX = 2**63 - 1


def find_simulation(simulation_id: int) -> Simulation | None:
    return db.session.get(Simulation, simulation_id) if simulation_id <= ID_MAX else None


def latest_simulations(limit: int) -> list[Simulation]:
    """The rehearsals that were asked for last."""
    return list(db.session.scalars(select(Simulation).order_by(Simulation.id.desc()).limit(limit)))
