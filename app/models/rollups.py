"""Figures by company day, made from the facts and made again whenever a day is dirty."""

from datetime import date, datetime

from sqlalchemy import Float, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class Rollup(Model):
    """Counts of one day, survey, trigger, touchpoint and channel; counts add up, percentages never do.

    ``handed_over`` and ``answered`` are by day of hand-over, the scores by day of answer.
    """

    __tablename__ = "rollups"
    __table_args__ = (Index("ix_rollups_day", "day"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    day: Mapped[date]
    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id"))
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"))
    touchpoint: Mapped[str | None]
    channel: Mapped[str]
    handed_over: Mapped[int] = mapped_column(default=0)
    answered: Mapped[int] = mapped_column(default=0)
    promoters: Mapped[int] = mapped_column(default=0)
    passives: Mapped[int] = mapped_column(default=0)
    detractors: Mapped[int] = mapped_column(default=0)
    satisfied: Mapped[int] = mapped_column(default=0)
    csat_count: Mapped[int] = mapped_column(default=0)
    ces_count: Mapped[int] = mapped_column(default=0)
    ces_sum: Mapped[float] = mapped_column(Float, default=0)
    ces_squares: Mapped[float] = mapped_column(Float, default=0)


class DirtyDay(Model):
    """A moment whose company day has figures older than its facts."""

    __tablename__ = "dirty_days"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    moment: Mapped[datetime]
