"""Figures by company day, made from the facts and made again whenever a day is dirty; and what people marked there."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Float, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class Rollup(Model):
    """Counts of one day, survey, trigger, touchpoint and channel; counts add up, percentages never do.

    The same answers are counted once without a further dimension (``dimension`` empty), and once for each dimension
    for which they have a value: place, employee, product, topic, segment. So one looks at one dimension at a time.
    ``handed_over`` and ``answered`` are by day of hand-over, the scores by day of answer.
    """

    __tablename__ = "rollups"
    __table_args__ = (Index("ix_rollups_dimension", "dimension", "day"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    day: Mapped[date]
    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id"))
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"))
    touchpoint: Mapped[str | None]
    channel: Mapped[str]
    dimension: Mapped[str] = mapped_column(default="")
    value: Mapped[str] = mapped_column(default="")
    handed_over: Mapped[int] = mapped_column(default=0)
    answered: Mapped[int] = mapped_column(default=0)
    promoters: Mapped[int] = mapped_column(default=0)
    passives: Mapped[int] = mapped_column(default=0)
    detractors: Mapped[int] = mapped_column(default=0)
    satisfied: Mapped[int] = mapped_column(default=0)
    csat_count: Mapped[int] = mapped_column(default=0)
    csat_sum: Mapped[float] = mapped_column(Float, default=0)
    csat_squares: Mapped[float] = mapped_column(Float, default=0)
    ces_count: Mapped[int] = mapped_column(default=0)
    ces_sum: Mapped[float] = mapped_column(Float, default=0)
    ces_squares: Mapped[float] = mapped_column(Float, default=0)


class DirtyDay(Model):
    """A moment whose company day has figures older than its facts."""

    __tablename__ = "dirty_days"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    moment: Mapped[datetime]


class Tally(Model):
    """How many events of a company day came to what: for the way from event to question.

    ``outcome`` is ``event`` for the event itself (``trigger_id`` 0); for each trigger that asks and whose condition
    held it is ``invited``, or the reason why not. Added to as events are decided, up to ``TallyMark.event_id``.
    """

    __tablename__ = "tallies"
    __table_args__ = (
        UniqueConstraint("day", "type", "trigger_id", "touchpoint", "dimension", "value", "outcome", name="uq_tallies"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    day: Mapped[date]
    type: Mapped[str]
    trigger_id: Mapped[int] = mapped_column(Id)
    touchpoint: Mapped[str]
    dimension: Mapped[str]
    value: Mapped[str]
    outcome: Mapped[str]
    events: Mapped[int]


class TallyMark(Model):
    """The last event that is tallied; one row."""

    __tablename__ = "tally_marks"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(Id)


class TallyCorrection(Model):
    """A decision that was deferred and came to something since: what it was tallied as, and what it is now."""

    __tablename__ = "tally_corrections"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    event_id: Mapped[int] = mapped_column(BigInteger)
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"))
    was: Mapped[str]
    became: Mapped[str]
    at: Mapped[datetime]


class ResponseTopic(Model):
    """What a comment is about, by our own small lexicon; it says nothing about who wrote it."""

    __tablename__ = "response_topics"

    response_id: Mapped[int] = mapped_column(ForeignKey("responses.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)


class Target(Model):
    """What a figure is meant to reach: of the company, whatever is looked at."""

    __tablename__ = "targets"

    metric: Mapped[str] = mapped_column(primary_key=True)  # nps csat ces rate
    value: Mapped[float] = mapped_column(Float)


class Marker(Model):
    """Something that changed on a day, marked by a person so that figures before and after can be compared."""

    __tablename__ = "markers"
    __table_args__ = (Index("ix_markers_day", "day"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    day: Mapped[date]
    text: Mapped[str]
    place: Mapped[str | None]
    touchpoint: Mapped[str | None]
    author: Mapped[str]
    created_at: Mapped[datetime]
