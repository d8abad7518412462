"""Crises: while one lasts, nobody it concerns is asked as if nothing had happened."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class Crisis(Model):
    """A crisis mode that was declared, always with an end; ``ends_at`` is moved when it is ended before."""

    __tablename__ = "crises"
    __table_args__ = (Index("ix_crises_ends_at", "ends_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    scope: Mapped[str]  # all place product touchpoint segment
    value: Mapped[str]  # empty for all
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    declared_by: Mapped[str]
