"""Figures over a period, added up from the days."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.rollups import Rollup
from app.models.surveys import Survey
from app.models.triggers import Trigger
from surveys import statistics
from surveys.statistics import Figure

METRICS: dict[str, Callable[[Any], Figure]] = {
    "nps": lambda c: statistics.nps(c.promoters, c.passives, c.detractors),
    "csat": lambda c: statistics.share(c.satisfied, c.csat_count),
    "ces": lambda c: statistics.mean(c.ces_sum, c.ces_squares, c.ces_count),
    "response-rate": lambda c: statistics.share(c.answered, c.handed_over),
}
GROUPS = {
    "survey": Survey.slug,
    "trigger": Trigger.slug,
    "touchpoint": Rollup.touchpoint,
    "channel": Rollup.channel,
    "day": Rollup.day,
}
COUNTS = (
    "handed_over",
    "answered",
    "promoters",
    "passives",
    "detractors",
    "satisfied",
    "csat_count",
    "ces_count",
    "ces_sum",
    "ces_squares",
)


@dataclass(frozen=True)
class GroupFigure:
    """A figure of one group; ``group`` is None for the whole."""

    group: str | None
    figure: Figure


def figures(
    metric: str, begin: date | None, end: date | None, group: str | None, only: Mapping[str, str] | None = None
) -> list[GroupFigure]:
    """A metric over the company days from ``begin`` to ``end``, both included; per value of ``group`` if named.

    ``only`` holds the one value of a group to look at, by group.
    """
    sums = [func.coalesce(func.sum(getattr(Rollup, name)), 0).label(name) for name in COUNTS]
    columns = [GROUPS[group].label("value"), *sums] if group else sums
    query: Any = (
        select(*columns)
        .select_from(Rollup)
        .join(Survey, Survey.id == Rollup.survey_id)
        .join(Trigger, Trigger.id == Rollup.trigger_id)
    )
    if begin:
        query = query.where(Rollup.day >= begin)
    if end:
        query = query.where(Rollup.day <= end)
    for name, value in (only or {}).items():
        query = query.where(GROUPS[name] == value)
    if group:
        query = query.group_by(GROUPS[group]).order_by(GROUPS[group])
    return [
        GroupFigure(str(row.value) if group and row.value is not None else None, METRICS[metric](row))
        for row in db.session.execute(query)
    ]
