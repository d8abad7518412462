"""How the answers to each question look: figures with their intervals, bars that are a table too, small columns."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import ceil, floor, log10
from typing import Any

from dashboards import words
from dashboards.charts import Frame, Tree, node, text
from dashboards.words import _
from surveys import statistics
from surveys.questions import OTHER, Chart
from surveys.results import Page, Result, Results, Said, named
from surveys.scoring import PASSIVE, PROMOTER, SATISFIED
from surveys.statistics import MINIMUM, Figure
from surveys.wording import pick

BINS = 12
MONTHS_MAX = 24
WIDTH, HEIGHT = 400, 130
LETTER = 8
"""How much room a letter needs below a column."""
HUNDRED = (0.0, 100.0)
PERCENT = "\u00a0%"


@dataclass(frozen=True)
class Headline:
    """A figure as it is said: its name, value, half-width, and how it was computed."""

    name: str
    value: str
    half: str
    how: str


@dataclass(frozen=True)
class Bar:
    """A line of a table: what it is about, how many, and its figure on a scale."""

    label: str
    n: int
    figure: Figure
    said: str
    scale: tuple[float, float] = HUNDRED
    kind: str = ""
    pointed: bool = False
    """Where less is better nothing is filled: a point with its whisker."""
    short: str = ""
    """What stands below its column, where the label is too long for that."""


@dataclass(frozen=True)
class Line:
    """A row of a matrix: of how many answers, and a bar for each column; none where there are too few."""

    label: str
    n: int
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Card:
    """Everything that is shown of one question."""

    id: str
    text: str
    type: str
    chart: Chart
    n: int
    asked: int
    gone: bool = False
    unlike: int = 0
    hidden: bool = False
    headlines: Sequence[Headline] = ()
    columns: Tree | None = None
    bars: Sequence[Bar] = ()
    heads: Sequence[str] = ()
    lines: Sequence[Line] = ()
    said: Sequence[Said] = ()


@dataclass(frozen=True)
class Asked:
    """A result, and the language in which its words are told."""

    result: Result
    language: str
    names: Mapping[Any, str] = field(default_factory=dict)


def cards(results: Results, language: str) -> list[Card]:
    """A card for every question, in the order of the newest version."""
    return [_card(result, results.complete, language) for result in results.questions.values()]


def _card(result: Result, asked: int, language: str) -> Card:
    question = result.question
    latest = sorted(result.words, key=lambda said: said.at, reverse=True)
    plain = Card(
        question.id, pick(question.text, language), question.type, result.chart, result.n, asked,
        gone=result.gone, unlike=result.unlike, said=latest,
    )  # fmt: skip
    if result.chart in ("words", "none"):
        return plain
    if result.n < MINIMUM:
        return replace(plain, hidden=True, said=[])
    return replace(plain, **DRAWN[result.chart](Asked(result, language, _names(result, language))))


def _names(result: Result, language: str) -> dict[Any, str]:
    told = {True: _("Yes"), False: _("No"), OTHER: _("Other")}
    return {value: pick(t, language) if t else told.get(value, str(value)) for value, t in named(result).items()}


def as_share(part: int, n: int, label: str, kind: str = "") -> Bar:
    figure = statistics.share(part, n)
    return Bar(label, part, figure, _said(figure, 0, PERCENT), HUNDRED, kind)


def _said(figure: Figure, digits: int, unit: str = "") -> str:
    if figure.value is None:
        return words.NONE
    half = half_of(figure, digits)
    return words.number(figure.value, digits) + unit + (f" {half}" if half else "")


def half_of(figure: Figure, digits: int) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return "\u00b1\u00a0" + words.number((figure.high - figure.low) / 2, digits)


# -- One way to draw for each chart


def _draw_scale(asked: Asked) -> dict[str, Any]:
    """A score: its figure, and how often each value was given."""
    result, values = asked.result, asked.result.values
    scale = result.question.scale
    bars = [as_share(values[v], result.n, words.number(v), _class(result.question.type, v)) for v in scale]
    ends = {scale[0]: result.question.low, scale[-1]: result.question.high}
    told = [
        replace(bar, label=f"{bar.label} \u00b7 {pick(end, asked.language)}") if (end := ends.get(v)) else bar
        for v, bar in zip(scale, bars, strict=True)
    ]
    return {"headlines": _scores(result), "columns": columns(bars), "bars": told}


def _scores(result: Result) -> list[Headline]:
    values, scale = result.values, result.question.scale
    average = _mean(values)
    told = Headline(
        _("Mean of %(least)s to %(most)s", least=scale[0], most=scale[-1]),
        words.number(average.value, 1), half_of(average, 1), _by_t(result.n),
    )  # fmt: skip
    if result.question.type == "nps":
        promoters = sum(n for v, n in values.items() if v >= PROMOTER)
        passives = sum(n for v, n in values.items() if PASSIVE <= v < PROMOTER)
        figure = statistics.nps(promoters, passives, result.n - promoters - passives)
        how = _("Share of 9 and 10 minus share of 0 to 6; \u00b1 is the 95-percent interval (adjusted Wald).")
        return [Headline(_("NPS"), words.number(figure.value), half_of(figure, 0), how)]
    if result.question.type == "csat":
        figure = statistics.share(sum(n for v, n in values.items() if v >= SATISFIED), result.n)
        how = _("Share of 4 and 5 among scores of 1 to 5; \u00b1 is the 95-percent interval (Wilson).")
        return [Headline(_("CSAT"), words.number(figure.value) + PERCENT, half_of(figure, 0), how), told]
    return [told]


def _class(kind: str, value: int) -> str:
    """The colour of a value: only scores whose classes have a name have one."""
    if kind == "nps":
        return "promoters" if value >= PROMOTER else "passives" if value >= PASSIVE else "detractors"
    if kind == "csat":
        return "satisfied" if value >= SATISFIED else "unsatisfied"
    return ""


def _by_t(n: int) -> str:
    return _("Mean of %(n)s answers; \u00b1 is the 95-percent interval (Student's t).", n=words.number(n))


def _mean(values: Counter[Any]) -> Figure:
    total = sum(v * n for v, n in values.items())
    return statistics.mean(total, sum(v * v * n for v, n in values.items()), sum(values.values()))


def _draw_options(asked: Asked) -> dict[str, Any]:
    """Each thing that can be chosen, with its share of those who answered."""
    result = asked.result
    known = {**asked.names, **{v: str(v) for v in result.values if v not in asked.names}}
    return {"bars": [as_share(result.values[v], result.n, label) for v, label in known.items()]}


def _draw_rows(asked: Asked) -> dict[str, Any]:
    """A table: each row by itself, of those who answered it."""
    result = asked.result
    labels = {**{v: pick(t, asked.language) for v, t in result.lines.items()}, **{v: v for v in result.rows}}
    labels |= {v: pick(t, asked.language) for v, t in result.lines.items()}
    lines = []
    for row, label in labels.items():
        counts = result.rows.get(row, Counter())
        n = counts[None]
        bars = [as_share(counts[v], n, head) for v, head in asked.names.items()] if n >= MINIMUM else []
        lines.append(Line(label, n, bars))
    return {"heads": list(asked.names.values()), "lines": lines}


def _draw_places(asked: Asked) -> dict[str, Any]:
    """A ranking: the mean place of each thing, the best first."""
    result = asked.result
    most = max([len(asked.names), *(place for counts in result.rows.values() for place in counts)])
    bars = []
    for value, label in asked.names.items():
        places = result.rows.get(value, Counter())
        figure = statistics.shown(_mean(places))
        bars.append(Bar(label, figure.n, figure, _said(figure, 1), (1.0, float(most)), pointed=True))
    bars.sort(key=lambda bar: (bar.figure.value is None, bar.figure.value or 0))
    return {"bars": bars}


def _draw_numbers(asked: Asked) -> dict[str, Any]:
    """A mean, and how the numbers are spread."""
    result = asked.result
    figure = _mean(result.values)
    spread = max(result.values) - min(result.values)
    digits = max(0, min(4, 1 - floor(log10(spread)))) if spread else 0
    unit = result.question.unit
    value = words.number(figure.value, digits) + (f"\u00a0{pick(unit, asked.language)}" if unit else "")
    bars = _bins(result)
    return {
        "headlines": [Headline(_("Mean"), value, half_of(figure, digits), _by_t(result.n))],
        "columns": columns(bars),
        "bars": bars,
    }


def _bins(result: Result) -> list[Bar]:
    """Every number by itself, or where there are many, in about ten even steps."""
    values = result.values
    if len(values) <= BINS:
        return [as_share(values[v], result.n, words.plain(v)) for v in sorted(values)]
    step = nice_step((max(values) - min(values)) / 10)
    counts: Counter[int] = Counter()
    for value, n in values.items():
        counts[floor(value / step + 1e-9)] += n
    digits = max(0, -floor(log10(step)))

    def told(at: int) -> Bar:
        least, most = words.number(at * step, digits), words.number((at + 1) * step, digits)
        bar = as_share(counts[at], result.n, _("%(least)s to below %(most)s", least=least, most=most))
        return replace(bar, short=least)

    return [told(at) for at in range(min(counts), max(counts) + 1)]


def nice_step(wanted: float) -> float:
    """The smallest of 1, 2, 5, 10 … that is not smaller."""
    size: float = 10.0 ** floor(log10(wanted))
    return next(factor * size for factor in (1, 2, 5, 10) if factor * size >= wanted * (1 - 1e-9))


def _draw_days(asked: Asked) -> dict[str, Any]:
    """Dates by their month, the last two years of them."""
    values = asked.result.values
    months = [min(values)]
    while months[-1] < max(values) and len(months) < 10 * MONTHS_MAX:
        months.append(_next_month(months[-1]))
    if len(months) > MONTHS_MAX:
        months = sorted(values)[-MONTHS_MAX:]
    bars = [as_share(values[m], asked.result.n, words.month_of_year(m)) for m in months]
    return {"columns": columns(bars), "bars": bars}


def _next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


DRAWN: Mapping[Chart, Callable[[Asked], dict[str, Any]]] = {
    "scale": _draw_scale,
    "options": _draw_options,
    "rows": _draw_rows,
    "places": _draw_places,
    "numbers": _draw_numbers,
    "days": _draw_days,
}
"""How a question is drawn, by its chart; the template of the same name shows it."""


# -- Pictures


def columns(bars: Sequence[Bar]) -> Tree:
    """How often each value was given, as small columns beside each other."""
    frame = Frame(4, WIDTH - 4, 22, HEIGHT - 22, 0, max(bar.figure.value or 0 for bar in bars) or 1, len(bars))
    wide = round(min(48.0, (frame.right - frame.left) / len(bars) * 0.72), 1)
    longest = max(len(bar.short or bar.label) for bar in bars) + 1
    every = ceil(longest * LETTER * len(bars) / (frame.right - frame.left))
    parts: list[Tree] = [
        node("line", x1=frame.left, x2=frame.right, y1=frame.bottom, y2=frame.bottom, className="grid")
    ]
    for i, bar in enumerate(bars):
        share = bar.figure.value or 0
        y = frame.y(share)
        parts.append(
            node(
                "rect",
                [node("title", [f"{bar.label}: {bar.said}, n {words.number(bar.n)}"])],
                x=round(frame.x(i) - wide / 2, 1),
                y=y,
                width=wide,
                height=round(frame.bottom - y, 1),
                className=f"part {bar.kind or 'plain'}",
            )
        )
        if bar.n:
            parts.append(text(words.number(share) + PERCENT, frame.x(i), y - 5, "middle"))
        if i % every == 0:
            parts.append(text(bar.short or bar.label, frame.x(i), frame.bottom + 16, "middle"))
    return node("svg", parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", className="columns")


def bar_picture(bar: Bar) -> Tree:
    """A bar on its scale, with the whisker of its interval; where small is good, only the point and its whisker."""
    low, high = bar.scale

    def x(value: float) -> float:
        return round(160 * (min(max(value, low), high) - low) / ((high - low) or 1), 1)

    parts = [node("rect", x=0, y=5, width=160, height=14, rx=3, className="rail")]
    if bar.figure.value is not None:
        at = x(bar.figure.value)
        if not bar.pointed:
            parts.append(node("rect", x=0, y=5, width=at, height=14, rx=3, className=f"part {bar.kind or 'plain'}"))
        if bar.figure.low is not None and bar.figure.high is not None:
            left, right = x(bar.figure.low), x(bar.figure.high)
            parts.append(node("line", x1=left, x2=right, y1=12, y2=12, className="reach"))
        if bar.pointed:
            parts.append(node("circle", cx=at, cy=12, r=4.5, className="dot"))
    return node("svg", parts, viewBox="0 0 160 24", className="bar-chart")


@dataclass(frozen=True)
class Stop:
    """A page, and the share of those who began that stopped there."""

    number: int
    text: str
    bar: Bar


def stops(results: Results, language: str) -> list[Stop]:
    """Where people stop, page by page."""

    def told(page: Page) -> str:
        return pick(page.question.text, language)

    return [
        Stop(number, told(page), as_share(page.left, results.begun, told(page), "detractors"))
        for number, page in enumerate(results.pages, 1)
    ]
