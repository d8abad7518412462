"""Figures over a period, added up from the days; and what is not counted yet."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from app.extensions import among, db
from app.models.decisions import Decision
from app.models.events import Event, PendingEvent
from app.models.rollups import Rollup, Tally, TallyMark
from app.models.sources import Source
from app.models.surveys import Survey
from app.models.triggers import Trigger
from app.queries.triggers import trigger_version
from surveys import statistics
from surveys.occasions import TIMER
from surveys.statistics import Figure
from surveys.triggers import Send
from surveys.triggers import Trigger as Rule

SETTLED = timedelta(seconds=5)
"""After which an event of a smaller id cannot appear any more: what is tallied is passed for good."""
BEYOND = 2**62
"""Greater than every id."""


def seen_types(since: date) -> list[str]:
    """The kinds of events that came since that day; not the moments that Otklik makes for its triggers."""
    query = select(Tally.type).distinct().where(Tally.day >= since, Tally.outcome == "event")
    return sorted(kind for kind in db.session.scalars(query) if not kind.startswith(TIMER))


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
DIMENSIONS = ("place", "employee", "product", "topic", "segment")
"""Further groups, of which one at a time is counted."""
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


class TooManyDimensions(ValueError):
    """Places, employees, products, topics and segments are counted one at a time, never across each other."""


def figures(
    metric: str, begin: date | None, end: date | None, group: str | None, only: Mapping[str, str] | None = None
) -> list[GroupFigure]:
    """A metric over the company days from ``begin`` to ``end``, both included; per value of ``group`` if named.

    ``only`` holds the one value of a group to look at, by group. Raises :class:`TooManyDimensions`.
    """
    only = only or {}
    dimension = one_dimension({*only, group})
    sums = [func.coalesce(func.sum(getattr(Rollup, name)), 0).label(name) for name in COUNTS]
    columns = [_column(group).label("value"), *sums] if group else sums
    query: Any = (
        select(*columns)
        .select_from(Rollup)
        .join(Survey, Survey.id == Rollup.survey_id)
        .join(Trigger, Trigger.id == Rollup.trigger_id)
        .where(Rollup.dimension == dimension)
    )
    if begin:
        query = query.where(Rollup.day >= begin)
    if end:
        query = query.where(Rollup.day <= end)
    for name, value in only.items():
        query = query.where(_column(name) == value)
    if group:
        query = query.group_by(_column(group)).order_by(_column(group))
    return [
        GroupFigure(str(row.value) if group and row.value is not None else None, METRICS[metric](row))
        for row in db.session.execute(query)
    ]


def one_dimension(groups: set[str | None]) -> str:
    """The further dimension among these groups; empty for none. Raises :class:`TooManyDimensions`."""
    wanted = sorted(groups & {*DIMENSIONS}, key=str)
    if len(wanted) > 1:
        raise TooManyDimensions(f"{' and '.join(map(str, wanted))} cannot be looked at together.")
    return str(wanted[0]) if wanted else ""


def _column(group: str) -> Any:
    return Rollup.value if group in DIMENSIONS else GROUPS[group]


@dataclass(frozen=True)
class Untallied:
    """An event that was decided, or never will be, and is not tallied yet."""

    id: int
    type: str
    occurred_at: datetime
    internal: bool
    history: bool
    touchpoint: str | None
    place: Any


def untallied_events(limit: int, now: datetime) -> list[Untallied]:
    """Decided events after the last one that is tallied, by id, up to the first that still waits."""
    rows = db.session.execute(_tallied_columns().where(*is_untallied(now)).order_by(Event.id).limit(limit))
    return [Untallied(*row) for row in rows]


def tallied_events(event_ids: Collection[int]) -> dict[int, Untallied]:
    """Events that are tallied already, by id."""
    if not event_ids:
        return {}
    rows = db.session.execute(_tallied_columns().where(among(Event.id, event_ids)))
    return {row[0]: Untallied(*row) for row in rows}


def _tallied_columns() -> Select[Any]:
    own = select(Source.id).where(Source.slug == "otklik").scalar_subquery()
    return select(
        Event.id,
        Event.type,
        Event.occurred_at,
        Event.source_id == own,
        Event.history,
        Event.properties["touchpoint"].as_string(),
        Event.properties["place"].as_string(),
    )


def tally_mark() -> int:
    """The last event that is tallied."""
    return db.session.scalar(select(func.max(TallyMark.event_id))) or 0


def is_untallied(now: datetime) -> Sequence[Any]:
    """What holds for an event that can be tallied now."""
    mark = func.coalesce(select(func.max(TallyMark.event_id)).scalar_subquery(), 0)
    waiting = select(func.min(PendingEvent.event_id)).where(PendingEvent.dead_at.is_(None)).scalar_subquery()
    return Event.id > mark, Event.id < func.coalesce(waiting, BEYOND), Event.received_at < now - SETTLED


def came_to(outcome: str, reason: str | None) -> str:
    """What a decision is tallied as."""
    return "invited" if outcome == "invited" else reason or outcome


@dataclass(frozen=True, slots=True)
class TalliedDecision:
    """What an event came to for one trigger, and when that was so."""

    event_id: int
    trigger_id: int
    came_to: str
    decided_at: datetime


def untallied_decisions(first: int, last: int) -> list[TalliedDecision]:
    """What was decided about the events from one id to another."""
    rows = db.session.execute(
        select(Decision.event_id, Decision.trigger_id, Decision.outcome, Decision.reason, Decision.decided_at).where(
            Decision.event_id.between(first, last)
        )
    )
    return [TalliedDecision(r[0], r[1], came_to(r[2], r[3]), r[4]) for r in rows]


def asking_triggers() -> dict[int, Rule]:
    """Every trigger that asks a survey, archived ones too, as it is now."""
    rows = db.session.execute(select(Trigger.id, Trigger.version)).all()
    found = {trigger_id: trigger_version(trigger_id, version) for trigger_id, version in rows}
    return {i: rule for i, rule in found.items() if any(isinstance(a, Send) and a.survey for a in rule.actions)}
