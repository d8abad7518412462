"""What is asked of the readers, by whom, and worked out before anything is drawn."""

from dataclasses import dataclass, replace
from typing import Any

from dashboards import figures
from dashboards.figures import CSAT, EFFORT, NPS, RATE, Metric, Shown
from dashboards.filters import Filters
from dashboards.readers import Counts, Days, Marker, Readers, Viewer
from surveys.statistics import MINIMUM

MARKERS = 4


@dataclass(frozen=True)
class Asked:
    """Who asks, of what, and of whom it can be learned."""

    readers: Readers
    viewer: Viewer
    filters: Filters

    def cells(self, days: Days, *by: str) -> Any:
        return self.readers.counts(self.viewer, self.filters.where, days, by)

    def totals(self) -> tuple[Counts, Counts]:
        """The counts of the days looked at, and of those they are compared with."""
        return figures.total(self.cells(self.filters.days)), figures.total(self.cells(self.filters.before))


def key_metrics(now: Counts) -> list[Metric]:
    """The three figures that stand first."""
    scores = [NPS, CSAT] if not now.ces_count or (now.nps_count and now.csat_count) else [NPS, EFFORT]
    if not now.nps_count and now.csat_count and now.ces_count:
        scores = [CSAT, EFFORT]
    return [*scores, RATE]


def overall_of(asked: Asked) -> Shown:
    """The main score of everything."""
    now, before = asked.totals()
    metric = NPS if now.nps_count >= MINIMUM else figures.main_metric(now)
    return figures.show(metric, now, before, asked.filters)


def marked_changes(asked: Asked) -> list[tuple[Marker, figures.Row]]:
    """What changed since each of the latest marked days; a marker looks only at the touchpoint and place it names."""
    filters = asked.filters
    marked = asked.readers.markers(asked.viewer, filters.where, figures.trend_days(filters))
    found = []
    for marker in marked[-MARKERS:]:
        where = replace(
            filters.where,
            touchpoint=marker.touchpoint or filters.where.touchpoint,
            place=marker.place or filters.where.place,
        )
        now, before = (
            asked.readers.counts(asked.viewer, where, days, ("touchpoint", "place"))
            for days in figures.around_marker(marker, filters)
        )
        found += [(marker, row) for row in figures.since_marker(now, before, filters)]
    return found


def rows_of(asked: Asked) -> list[figures.Row]:
    filters = asked.filters
    now, before = (
        [*asked.cells(days, "touchpoint"), *asked.cells(days, "touchpoint", "place")]
        for days in (filters.days, filters.before)
    )
    if filters.where.place:  # its place is the whole
        now, before = (asked.cells(days, "touchpoint") for days in (filters.days, filters.before))
    reasons = asked.readers.reasons(asked.viewer, filters.where, filters.days)
    return figures.touchpoint_rows(now, before, reasons, filters)
