"""What the overview says: figures with their verdicts, worked out of counts and put into words, not yet drawn."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import reduce
from operator import add

from dashboards import words
from dashboards.filters import Filters
from dashboards.readers import Cell, Counts, Days, Funnel, Marker
from dashboards.words import _, ngettext
from surveys import statistics
from surveys.statistics import MINIMUM, Comparison, Figure

SPARKS = 12
MONTHS = 6
WEEKS_MAX = 30
ANSWERS = "/answers"
NOUGHT = Counts()


@dataclass(frozen=True)
class Metric:
    """A way to look at counts. ``key`` also names the answers behind it."""

    key: str
    digits: int
    unit: str
    scale: tuple[float, float]
    figure: Callable[[Counts], Figure]
    compare: Callable[[Counts, Counts], Comparison]

    def written(self, value: float | None) -> str:
        text = words.number(value, self.digits)
        return f"{text}{self.unit}" if value is not None else text


NPS = Metric(
    "nps", 0, "", (-100, 100),
    lambda c: statistics.nps(c.promoters, c.passives, c.detractors),
    lambda now, before: statistics.compare_nps(
        (now.promoters, now.passives, now.detractors), (before.promoters, before.passives, before.detractors)
    ),
)  # fmt: skip
CSAT = Metric(
    "csat", 0, "\u00a0%", (0, 100),
    lambda c: statistics.share(c.satisfied, c.csat_count),
    lambda now, before: statistics.compare_shares(
        (now.satisfied, now.csat_count), (before.satisfied, before.csat_count)
    ),
)  # fmt: skip
SATISFACTION = Metric(
    "csat", 1, "", (1, 5),
    lambda c: statistics.mean(c.csat_sum, c.csat_squares, c.csat_count),
    lambda now, before: statistics.compare_means(
        (now.csat_sum, now.csat_squares, now.csat_count), (before.csat_sum, before.csat_squares, before.csat_count)
    ),
)  # fmt: skip
EFFORT = Metric(
    "ces", 1, "", (1, 7),
    lambda c: statistics.mean(c.ces_sum, c.ces_squares, c.ces_count),
    lambda now, before: statistics.compare_means(
        (now.ces_sum, now.ces_squares, now.ces_count), (before.ces_sum, before.ces_squares, before.ces_count)
    ),
)  # fmt: skip
RATE = Metric(
    "rate", 0, "\u00a0%", (0, 100),
    lambda c: statistics.share(c.answered, c.handed_over),
    lambda now, before: statistics.compare_shares(
        (now.answered, now.handed_over), (before.answered, before.handed_over)
    ),
)  # fmt: skip


def main_metric(counts: Counts) -> Metric:
    """The score that most of the answers carry."""
    carried = {NPS: counts.nps_count, SATISFACTION: counts.csat_count, EFFORT: counts.ces_count}
    return max(carried, key=lambda metric: carried[metric])


def name_of(metric: Metric) -> str:
    return {
        "nps": _("NPS"),
        "csat": _("CSAT") if metric is CSAT else _("CSAT, mean of 1 to 5"),
        "ces": _("CES, mean of 1 to 7"),
        "rate": _("Response rate"),
    }[metric.key]


def total(cells: Iterable[Cell]) -> Counts:
    return reduce(add, (cell.counts for cell in cells), NOUGHT)


def within(cells: Iterable[Cell], days: Days) -> list[Cell]:
    return [cell for cell in cells if cell.day and days.begin <= cell.day <= days.end]


# -- One figure


@dataclass(frozen=True)
class Chip:
    """A verdict as it is shown."""

    kind: str
    """good, bad, neutral or outline"""
    text: str


@dataclass(frozen=True)
class Shown:
    """A figure as it is shown: value, half-width, n, verdict, and how it was computed."""

    metric: Metric
    figure: Figure
    """Hidden, but for its n, where there are too few answers."""
    comparison: Comparison
    value: str
    half: str
    chip: Chip
    how: Sequence[str]
    href: str


def show(metric: Metric, now: Counts, before: Counts, filters: Filters) -> Shown:
    """A figure and what has become of it since the days it is compared with."""
    full, earlier, comparison = metric.figure(now), metric.figure(before), metric.compare(now, before)
    figure = statistics.shown(full)
    return Shown(
        metric=metric,
        figure=figure,
        comparison=comparison,
        value=metric.written(figure.value),
        half=half_of(metric, figure),
        chip=chip(metric, comparison),
        how=how(metric, figure, statistics.shown(earlier), comparison, filters),
        href=behind(filters, of=metric.key if metric is not RATE else None),
    )


def aim(metric: Metric, figure: Figure, target: float) -> str:
    """A target, and whether it is reached: said only where the interval does not hold it."""
    written = words.plain(target) + metric.unit
    if figure.low is None or figure.high is None:
        return _("Target %(target)s", target=written)
    if figure.low >= target:
        return _("Target %(target)s: reached", target=written)
    if figure.high < target:
        return _("Target %(target)s: not reached", target=written)
    return _("Target %(target)s: too close to tell", target=written)


def half_of(metric: Metric, figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return "\u00b1\u00a0" + words.number((figure.high - figure.low) / 2, metric.digits)


def chip(metric: Metric, comparison: Comparison) -> Chip:
    """The verdict in a word or two; coloured only when it is *changed*."""
    if comparison.verdict == "too_few":
        if comparison.n < MINIMUM:
            return Chip("outline", _("too few answers (%(n)s of %(least)s)", n=comparison.n, least=MINIMUM))
        if comparison.before == 0:
            return Chip("outline", _("nothing to compare with"))
        return Chip("outline", _("too few answers before (%(n)s of %(least)s)", n=comparison.before, least=MINIMUM))
    if comparison.verdict == "no_change_seen":
        return Chip("neutral", _("no change seen"))
    difference, half = comparison.difference or 0, comparison.half_width or 0
    digits = metric.digits
    by = {"by": words.number(abs(difference), digits), "half": words.number(half, digits)}
    if difference > 0:
        return Chip("good", "\u25b2 " + _("up %(by)s \u00b1 %(half)s", **by))
    return Chip("bad", "\u25bc " + _("down %(by)s \u00b1 %(half)s", **by))


def behind(filters: Filters, **also: str | None) -> str:
    """The address of the answers behind a figure."""
    days = {"period": None, "with": None, "from": filters.days.begin.isoformat(), "to": filters.days.end.isoformat()}
    return filters.address(ANSWERS, **days, **also)


def how(metric: Metric, now: Figure, before: Figure, comparison: Comparison, filters: Filters) -> list[str]:
    """How a figure was computed, from which answers, and what the comparison says."""
    said = [_method(metric)]
    span = {"begin": words.day(filters.days.begin), "end": words.day(filters.days.end)}
    if metric is RATE:
        said.append(_("%(n)s invitations handed over from %(begin)s to %(end)s.", n=words.number(now.n), **span))
    else:
        said.append(_("%(n)s answers given from %(begin)s to %(end)s.", n=words.number(now.n), **span))
    if now.value is None and now.n:
        said.append(_("Hidden: fewer than ten answers say too little."))
    said.append(_compared(metric, now, before, comparison, filters))
    return said


def _method(metric: Metric) -> str:
    return {
        NPS: _("Share of 9 and 10 minus share of 0 to 6; \u00b1 is the 95-percent interval (adjusted Wald)."),
        CSAT: _("Share of 4 and 5 among scores of 1 to 5; \u00b1 is the 95-percent interval (Wilson)."),
        SATISFACTION: _("Mean of scores of 1 to 5; \u00b1 is the 95-percent interval (Student's t)."),
        EFFORT: _("Mean of scores of 1 to 7; \u00b1 is the 95-percent interval (Student's t)."),
        RATE: _(
            "Share of invitations that were answered, by day of hand-over; \u00b1 is the 95-percent interval (Wilson)."
        ),
    }[metric]


def _compared(metric: Metric, now: Figure, before: Figure, comparison: Comparison, filters: Filters) -> str:
    span = {"begin": words.day(filters.before.begin), "end": words.day(filters.before.end)}
    if comparison.verdict == "too_few":
        least = words.number(MINIMUM)
        return _(
            "Compared with %(begin)s to %(end)s (n %(n)s): a verdict needs at least %(least)s on both sides.",
            n=words.number(before.n), least=least, **span,
        )  # fmt: skip
    pair = {
        "now": metric.written(now.value), "then": metric.written(before.value), "n": words.number(now.n),
        "m": words.number(before.n), "half": words.number(comparison.half_width, metric.digits),
    }  # fmt: skip
    if comparison.verdict == "no_change_seen":
        return _(
            "%(now)s now and %(then)s from %(begin)s to %(end)s, from %(n)s and %(m)s: "
            "such a step happens by chance, up to \u00b1 %(half)s.",
            **pair, **span,
        )  # fmt: skip
    return _(
        "%(now)s now and %(then)s from %(begin)s to %(end)s, from %(n)s and %(m)s: "
        "more than chance makes of it, which is \u00b1 %(half)s.",
        **pair, **span,
    )  # fmt: skip


# -- Over time


@dataclass(frozen=True)
class Point:
    """A figure of some days; hidden where there are too few answers."""

    days: Days
    figure: Figure


def series(cells: Sequence[Cell], metric: Metric, end: date, step: int, count: int) -> list[Point]:
    """``count`` figures of ``step`` days each, the last of which ends with ``end``."""
    buckets: dict[int, Counts] = defaultdict(Counts)
    for cell in cells:
        if cell.day and cell.day <= end:
            buckets[(end - cell.day).days // step] += cell.counts
    points = []
    for back in range(count - 1, -1, -1):
        last = end - timedelta(days=step * back)
        days = Days(last - timedelta(days=step - 1), last)
        points.append(Point(days, statistics.shown(metric.figure(buckets[back]))))
    return points


def spark_step(filters: Filters) -> int:
    """Days in one of the twelve periods of a card's line."""
    for longest, step in ((30, 7), (60, 14), (120, 28)):
        if filters.days.length <= longest:
            return step
    return 56


def spark_days(filters: Filters) -> Days:
    return Days(filters.days.end - timedelta(days=SPARKS * spark_step(filters) - 1), filters.days.end)


def trend_step(filters: Filters) -> tuple[int, int]:
    """Days in one point of the large line, and how many points: both periods, and at least twelve weeks."""
    covered = (filters.days.end - min(filters.before.begin, filters.days.begin)).days + 1
    covered = min(covered, 2 * filters.days.length) if filters.compared == "year" else covered
    step = 7 if covered <= WEEKS_MAX * 7 else 28
    return step, max(SPARKS, -(-covered // step))


def trend_days(filters: Filters) -> Days:
    step, count = trend_step(filters)
    return Days(filters.days.end - timedelta(days=step * count - 1), filters.days.end)


@dataclass(frozen=True)
class Month:
    """How the answers of a calendar month fall into classes, in percent; empty where there are too few."""

    first: date
    n: int
    shares: Mapping[str, float]


def months(cells: Sequence[Cell], metric: Metric, end: date) -> list[Month]:
    """The last six calendar months."""
    firsts = [end.replace(day=1)]
    while len(firsts) < MONTHS:
        firsts.append((firsts[-1] - timedelta(days=1)).replace(day=1))
    found = []
    for first in reversed(firsts):
        counts = total(c for c in cells if c.day and c.day.replace(day=1) == first and c.day <= end)
        parts = classes(counts, metric)
        n = sum(parts.values())
        shares = {name: 100 * part / n for name, part in parts.items()} if n >= MINIMUM else {}
        found.append(Month(first, n, shares))
    return found


def months_days(end: date) -> Days:
    first = end.replace(day=1)
    for _month in range(MONTHS - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    return Days(first, end)


def classes(counts: Counts, metric: Metric) -> dict[str, int]:
    """Answers by class, from good to bad."""
    if metric is NPS:
        return {"promoters": counts.promoters, "passives": counts.passives, "detractors": counts.detractors}
    return {"satisfied": counts.satisfied, "unsatisfied": counts.csat_count - counts.satisfied}


# -- Touchpoints, and the sentence


@dataclass(frozen=True)
class Row:
    """A touchpoint, or a place of it."""

    name: str
    touchpoint: str | None
    place: str | None
    shown: Shown
    before: Figure
    reason: str | None = None
    places: Sequence["Row"] = field(default=())
    stands: bool = False
    """It changed, and would be said to have changed although many others were looked at too."""

    @property
    def rank(self) -> tuple[int, float]:
        """The worst change first, also that of a place; what is hidden last."""
        return min([self._rank, *(place._rank for place in self.places if place.stands)])  # noqa: SLF001 of its own kind

    @property
    def _rank(self) -> tuple[int, float]:
        comparison = self.shown.comparison
        if comparison.verdict == "too_few":
            return 2, -comparison.n
        size = (comparison.difference or 0) / (comparison.half_width or 1)
        return (0 if comparison.verdict == "changed" and size < 0 else 1), size


def touchpoint_rows(
    now: Sequence[Cell], before: Sequence[Cell], reasons: Mapping[str | None, Mapping[str, int]], filters: Filters
) -> list[Row]:
    """A row for every touchpoint, the worst change on top, each with all of its places, the worst first.

    Cells are by touchpoint, and by touchpoint and place.
    """
    rows = []
    for point in {c.touchpoint for c in (*now, *before) if c.place is None}:
        mine = [c for c in now if c.touchpoint == point], [c for c in before if c.touchpoint == point]
        whole = tuple(total(c for c in side if c.place is None) for side in mine)
        metric = main_metric(whole[0] + whole[1])
        if not metric.figure(whole[0] + whole[1]).n:
            continue
        named = reasons.get(point) or {}
        reason = max(sorted(named), key=lambda topic: named[topic]) if named else None
        places = [
            _row(metric, (point, place), tuple(total(c for c in side if c.place == place) for side in mine), filters)
            for place in sorted({c.place for side in mine for c in side if c.place})
        ]
        rows.append(_row(metric, (point, None), whole, filters, reason, places))
    return sorted(_judged_together(rows), key=lambda row: (*row.rank, row.name))


def _judged_together(rows: Sequence[Row]) -> list[Row]:
    every = [each for row in rows for each in (row, *row.places)]
    stood = iter(statistics.stand_together([each.shown.comparison for each in every]))
    judged = []
    for row in rows:
        own = next(stood)
        places = [replace(place, stands=next(stood)) for place in row.places]
        places.sort(key=lambda place: (*place.rank, place.name))
        judged.append(replace(row, stands=own, places=places))
    return judged


def every_row(
    now: Sequence[Cell], before: Sequence[Cell], reasons: Mapping[str | None, Mapping[str, int]], filters: Filters
) -> list[Row]:
    """Touchpoints and their places, one after the other."""
    return [each for row in touchpoint_rows(now, before, reasons, filters) for each in (row, *row.places)]


def changed_places(row: Row) -> list[Row]:
    return [place for place in row.places if place.stands]


def _row(
    metric: Metric,
    of: tuple[str | None, str | None],
    counts: tuple[Counts, ...],
    filters: Filters,
    reason: str | None = None,
    places: Sequence[Row] = (),
) -> Row:
    """``of`` is a touchpoint and perhaps a place, ``counts`` are those of now and before."""
    mine = filters.only(**{k: v for k, v in zip(("touchpoint", "place"), of, strict=True) if v})
    before = statistics.shown(metric.figure(counts[1]))
    name = of[1] or words.touchpoint(of[0])
    return Row(name, *of, show(metric, counts[0], counts[1], mine), before, reason, places)


@dataclass(frozen=True)
class Said:
    """A part of the sentence; with the answers it speaks of, if it speaks of some."""

    text: str
    href: str | None = None
    kind: str = ""


def sentence(rows: Sequence[Row], overall: Shown, marked: Sequence[tuple[Marker, Row]], filters: Filters) -> list[Said]:
    """What changed, and what did not, in words: every part of it is a verdict."""
    said = [_changed(part, filters.days.begin, filters) for row in rows for part in _most_exact(row)]
    told = {(part.touchpoint, part.place) for row in rows for part in _most_exact(row)}
    for marker, row in marked:
        if (row.touchpoint, row.place) not in told:
            said.append(_changed(row, marker.day, filters, marker))
            told.add((row.touchpoint, row.place))
    said.append(_overall(overall))
    if len(said) == 1 and rows and all(r.shown.comparison.verdict != "too_few" for r in rows):
        said.append(Said(_("No touchpoint has changed either.") if overall.chip.kind == "neutral" else ""))
    return [part for part in said if part.text]


def _most_exact(row: Row) -> Sequence[Row]:
    """The places that changed, else the touchpoint itself if it did."""
    return changed_places(row) or ([row] if row.stands else [])


def _changed(row: Row, since: date, filters: Filters, marker: Marker | None = None) -> Said:
    worse = (row.shown.comparison.difference or 0) < 0
    about = {
        "what": row.touchpoint or name_of(row.shown.metric), "where": row.place or "", "day": words.day(since),
        "then": row.shown.metric.written(row.before.value), "now": row.shown.value,
    }  # fmt: skip
    if row.place and worse:
        text = _("%(what)s got worse in %(where)s since %(day)s (%(then)s to %(now)s).", **about)
    elif row.place:
        text = _("%(what)s got better in %(where)s since %(day)s (%(then)s to %(now)s).", **about)
    elif worse:
        text = _("%(what)s got worse since %(day)s (%(then)s to %(now)s).", **about)
    else:
        text = _("%(what)s got better since %(day)s (%(then)s to %(now)s).", **about)
    days = {"from": since.isoformat(), "to": filters.days.end.isoformat(), "period": None, "with": None}
    unhappy = {"of": "unhappy"} if worse else {"of": row.shown.metric.key}
    where = filters.only(**{k: v for k, v in (("touchpoint", row.touchpoint), ("place", row.place)) if v})
    text += " " + _("Marked: \u201c%(text)s\u201d.", text=marker.text) if marker else ""
    return Said(text, where.address(ANSWERS, **days, **unhappy), "bad" if worse else "good")


def _overall(overall: Shown) -> Said:
    name = name_of(overall.metric)
    if overall.figure.n == 0:
        return Said("")
    return Said(_("%(name)s: %(verdict)s.", name=name, verdict=overall.chip.text), overall.href, overall.chip.kind)


def around_marker(marker: Marker, filters: Filters) -> tuple[Days, Days]:
    """The days since something changed, and as many before it."""
    length = timedelta(days=Days(marker.day, filters.days.end).length)
    return Days(marker.day, filters.days.end), Days(marker.day - length, marker.day - timedelta(days=1))


def since_marker(now: Sequence[Cell], before: Sequence[Cell], filters: Filters) -> list[Row]:
    """Which touchpoints and places changed at a marker. Cells are by touchpoint and place, of what it is about."""
    found = []
    keys = {(c.touchpoint, c.place) for c in (*now, *before) if c.touchpoint and c.place}
    for point, place in sorted(keys, key=str):
        counts = tuple(total(c for c in side if (c.touchpoint, c.place) == (point, place)) for side in (now, before))
        metric = main_metric(counts[0] + counts[1])
        found.append(_row(metric, (point, place), counts, filters))
    stood = statistics.stand_together([row.shown.comparison for row in found])
    return [replace(row, stands=True) for row, stands in zip(found, stood, strict=True) if stands]


# -- The funnel

STEPS = ("events", "matched", "sampled", "asked", "sent", "answered", "tasks")


@dataclass(frozen=True)
class Step:
    """One step of the way, and the largest loss before it in words."""

    key: str
    name: str
    n: int
    share: float | None
    """Percent of the step before."""
    lost: str | None


def steps(funnel: Funnel) -> list[Step]:
    """The way from event to task."""
    names = {
        "events": _("Events"), "matched": _("Matched"), "sampled": _("In sample"), "asked": _("Asked"),
        "sent": _("Sent"), "answered": _("Answered"), "tasks": _("Tasks"),
    }  # fmt: skip
    found: list[Step] = []
    for key in STEPS[STEPS.index(funnel.first) :]:
        n, previous = getattr(funnel, key), found[-1].n if found else 0
        lost = largest_loss(funnel, key) if found else None
        found.append(Step(key, names[key], n, 100 * n / previous if previous else None, lost))
    return found


def largest_loss(funnel: Funnel, key: str) -> str | None:
    lost = funnel.lost.get(key) or {}
    if not lost:
        return None
    reason = max(sorted(lost), key=lambda name: lost[name])
    return f"{words.number(lost[reason])}: {words.loss(reason)}"


def outlook_sentence(out: int, hours: float | None) -> str:
    """What will come, where there is nothing yet."""
    if not out:
        return _("No invitation is out. As soon as customers are asked and answer, their figures stand here.")
    sent = ngettext("%(num)d invitation is out.", "%(num)d invitations are out.", out)
    if hours is None:
        return f"{sent} " + _("The first answers will stand here.")
    within_hours = max(1, round(hours))
    return f"{sent} " + ngettext("Most answer within %(num)d hour.", "Most answer within %(num)d hours.", within_hours)
