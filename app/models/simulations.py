"""Rehearsals that were asked for, and what came of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Simulation(Model):
    """A draft, as text, to be rehearsed on the events from ``since`` to ``until``.

    A worker runs it under a lease and says how far it is. ``page`` is where the draft was written, if on a page.
    """

    __tablename__ = "simulations"
    __table_args__ = (Index("ix_simulations_waiting", "id", postgresql_where="state IN ('waiting', 'running')"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    text: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]
    page: Mapped[str | None]
    state: Mapped[str]  # waiting running done failed cancelled
    asked_by: Mapped[str]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(Document)
    error: Mapped[str | None]


class SimulationContact(Model):
    """A contact whose outcome differs in a rehearsal, and why: nothing that tells who it is but the id."""

    __tablename__ = "simulation_contacts"
    __table_args__ = (Index("ix_simulation_contacts_contact", "contact_id"),)

    simulation_id: Mapped[int] = mapped_column(ForeignKey("simulations.id", ondelete="CASCADE"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    told: Mapped[dict[str, Any]]
