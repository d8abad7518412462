"""Charts as small trees of SVG: straight segments, a pale band for the interval, gaps where there are too few answers.

A tree is ``[tag, attributes, children]`` with React's names of attributes; the page's own component draws it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from dashboards import words
from dashboards.figures import Metric, Month, Point, Row, half_of
from dashboards.readers import Marker
from dashboards.words import _
from surveys.statistics import Figure

Tree = list[Any]
SIZES = {"wide": (720, 280), "narrow": (346, 220)}
LABEL_MIN = 11
"""Percent of a bar that has room for its number."""


def node(tag: str, children: Sequence[Any] = (), **attributes: Any) -> Tree:
    return [tag, attributes, list(children)]


def text(content: str, x: float, y: float, anchor: str = "start", kind: str = "tick") -> Tree:
    return node("text", [content], x=round(x, 1), y=round(y, 1), textAnchor=anchor, className=kind)


def runs(points: Sequence[Point]) -> list[list[int]]:
    """Neighbours that can be joined by a line: indexes of figures that are shown."""
    found: list[list[int]] = []
    for i, point in enumerate(points):
        if point.figure.value is None:
            continue
        if found and found[-1][-1] == i - 1:
            found[-1].append(i)
        else:
            found.append([i])
    return found


@dataclass(frozen=True)
class Frame:
    """Where a chart is drawn, and how values become places."""

    left: float
    right: float
    top: float
    bottom: float
    low: float
    high: float
    count: int

    def x(self, i: float) -> float:
        return round(self.left + (self.right - self.left) * (i + 0.5) / self.count, 1)

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1)
        return round(self.bottom - (self.bottom - self.top) * share, 1)


def bounds(figure: Figure) -> tuple[float, float]:
    value = figure.value or 0.0
    return (value if figure.low is None else figure.low, value if figure.high is None else figure.high)


def span(metric: Metric, figures: Sequence[Figure]) -> tuple[float, float, float]:
    """The ends and the step of the axis that these figures need, within the metric's scale."""
    least, most = metric.scale
    shown = [bounds(f) for f in figures if f.value is not None]
    if not shown:
        return least, most, (most - least) / 4
    low, high = min(low for low, _high in shown), max(high for _low, high in shown)
    wanted = max((high - low) / 4, (most - least) / 40)
    step = next((s for s in (0.25, 0.5, 1, 2, 5, 10, 25, 50) if s >= wanted), 50)
    low, high = max(least, floor(low / step) * step), min(most, ceil(high / step) * step)
    return low, high if high > low else low + step, step


def trend(metric: Metric, points: Sequence[Point], markers: Sequence[Marker], hrefs: Sequence[str], size: str) -> Tree:
    """A figure over time."""
    width, height = SIZES[size]
    low, high, step = span(metric, [p.figure for p in points])
    frame = Frame(40, width - 6, 22 if markers else 10, height - 24, low, high, len(points))
    parts = [*_axis(metric, frame, step), *_dates(frame, points, 4 if size == "narrow" else 7)]
    parts += _markers(frame, points, markers, wide=size == "wide")
    for run in runs(points):
        parts += _run(frame, points, run)
    parts += [_dot(metric, frame, i, points[i], hrefs[i]) for run in runs(points) for i in run]
    return node("svg", parts, viewBox=f"0 0 {width} {height}", className=f"chart {size}")


def _axis(metric: Metric, frame: Frame, step: float) -> list[Tree]:
    digits = 0 if step >= 1 else 1 if step == 0.5 else 2  # noqa: PLR2004 half steps
    ticks = [frame.low + step * i for i in range(round((frame.high - frame.low) / step) + 1)]
    lines = []
    for tick in ticks:
        y = frame.y(tick)
        kind = "zero" if tick == 0 and frame.low < 0 else "grid"
        lines.append(node("line", x1=frame.left, x2=frame.right, y1=y, y2=y, className=kind))
        lines.append(text(words.number(tick, digits) + metric.unit, frame.left - 6, y + 4, "end"))
    return lines


def _dates(frame: Frame, points: Sequence[Point], most: int) -> list[Tree]:
    every = max(1, ceil(len(points) / most))
    shown = range(len(points) - 1, -1, -every)
    return [text(words.short_day(points[i].days.end), frame.x(i), frame.bottom + 18, "middle") for i in shown]


def _markers(frame: Frame, points: Sequence[Point], markers: Sequence[Marker], *, wide: bool) -> list[Tree]:
    if not points:
        return []
    first, step = points[0].days.begin, points[0].days.length
    drawn = []
    for number, marker in enumerate(markers, 1):
        x = frame.x((marker.day - first).days / step - 0.5)
        x = min(max(x, frame.left), frame.right)
        label = f"{number}"
        if wide and len(markers) <= 2:  # noqa: PLR2004 more would stand on each other
            label = marker.text if len(marker.text) <= 32 else marker.text[:31] + "\u2026"  # noqa: PLR2004 what fits
        anchor = "end" if x > (frame.left + frame.right) / 2 else "start"
        drawn.append(
            node(
                "g",
                [
                    node("title", [f"{words.day(marker.day)}: {marker.text}"]),
                    node("line", x1=x, x2=x, y1=frame.top - 8, y2=frame.bottom, className="marker"),
                    text(label, x + (-5 if anchor == "end" else 5), frame.top - 6, anchor, "marker-text"),
                ],
            )
        )
    return drawn


def _run(frame: Frame, points: Sequence[Point], run: Sequence[int]) -> list[Tree]:
    sides = [bounds(points[i].figure) for i in run]
    if len(run) == 1:
        x = frame.x(run[0])
        return [node("line", x1=x, x2=x, y1=frame.y(sides[0][0]), y2=frame.y(sides[0][1]), className="whisker")]
    upper = [f"{frame.x(i)} {frame.y(high)}" for i, (_low, high) in zip(run, sides, strict=True)]
    lower = [f"{frame.x(i)} {frame.y(low)}" for i, (low, _high) in zip(run, sides, strict=True)]
    line = [f"{frame.x(i)} {frame.y(points[i].figure.value or 0)}" for i in run]
    return [
        node("path", d="M" + "L".join([*upper, *reversed(lower)]) + "Z", className="band"),
        node("path", d="M" + "L".join(line), className="line"),
    ]


def _dot(metric: Metric, frame: Frame, i: int, point: Point, href: str) -> Tree:
    told = f"{words.span(point.days.begin, point.days.end)}: {written(metric, point.figure)}"
    dot = node("circle", cx=frame.x(i), cy=frame.y(point.figure.value or 0), r=4, className="dot")
    touch = node("circle", cx=frame.x(i), cy=frame.y(point.figure.value or 0), r=14, className="touch")
    return ["a", {"href": href, "className": "spot", "aria-label": told}, [node("title", [told]), touch, dot]]


def written(metric: Metric, figure: Figure) -> str:
    """A figure in one line: value, half-width and n."""
    if figure.value is None:
        return _("too few answers (n %(n)s)", n=words.number(figure.n))
    return f"{metric.written(figure.value)} {half_of(metric, figure)}, n {words.number(figure.n)}"


def spark(metric: Metric, points: Sequence[Point], target: float | None = None) -> Tree:
    """Twelve periods as a small line with its band, and the target as a dotted line."""
    aimed = [] if target is None else [Figure(target, 0, None, None)]
    low, high, _step = span(metric, [*(p.figure for p in points), *aimed])
    frame = Frame(0, 240, 3, 45, low, high, len(points))
    parts: list[Tree] = []
    if target is not None:
        parts.append(node("line", x1=0, x2=240, y1=frame.y(target), y2=frame.y(target), className="target"))
    for run in runs(points):
        parts += _run(frame, points, run)
    return node("svg", parts, viewBox="0 0 240 48", className="spark-chart", preserveAspectRatio="none")


def whisker(row: Row) -> Tree:
    """A score on its scale, with its interval, and where it was before."""
    low, high = row.shown.metric.scale
    frame = Frame(6, 154, 0, 0, 0, 1, 1)

    def x(value: float) -> float:
        return round(frame.left + (frame.right - frame.left) * (value - low) / (high - low), 1)

    parts = [node("line", x1=x(low), x2=x(high), y1=12, y2=12, className="grid")]
    if row.before.value is not None:
        parts.append(node("circle", cx=x(row.before.value), cy=12, r=4, className="before"))
    if row.shown.figure.value is not None:
        left, right = bounds(row.shown.figure)
        parts.append(node("line", x1=x(left), x2=x(right), y1=12, y2=12, className="interval"))
        parts.append(node("circle", cx=x(row.shown.figure.value), cy=12, r=4.5, className="dot"))
    return node("svg", parts, viewBox="0 0 160 24", className="whiskers")


BAR, GAP = 24, 12


def months(found: Sequence[Month], names: Mapping[str, str], hrefs: Mapping[tuple[Any, str], str]) -> Tree:
    """One labelled bar per month."""
    width, left, right = 346, 42, 300
    parts: list[Tree] = []
    for i, month in enumerate(found):
        y = i * (BAR + GAP) + 2
        parts.append(text(words.month(month.first), left - 8, y + 17, "end"))
        parts.append(text(f"n {words.number(month.n)}", right + 8, y + 17))
        if not month.shares:
            parts.append(text(_("too few answers"), left + 4, y + 17))
        x = float(left)
        for name, share in month.shares.items():
            wide = (right - left) * share / 100
            told = f"{words.month(month.first)}: {names[name]} {words.number(share)}\u00a0%"
            bar = [
                node("title", [told]),
                node(
                    "rect", x=round(x, 1), y=y, width=round(max(wide - 1, 0), 1), height=BAR, className=f"part {name}"
                ),
            ]
            if share >= LABEL_MIN:
                bar.append(text(words.number(share), x + wide / 2, y + 17, "middle", f"on {name}"))
            parts.append(["a", {"href": hrefs[month.first, name], "className": "spot", "aria-label": told}, bar])
            x += wide
    height = len(found) * (BAR + GAP)
    return node("svg", parts, viewBox=f"0 0 {width} {height}", className="bars")
