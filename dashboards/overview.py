"""The cards of the overview, each worked out for itself."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from dash import html

from dashboards import charts, figures, parts, words
from dashboards.asked import Asked, key_metrics, marked_changes, overall_of, rows_of
from dashboards.figures import CSAT, NPS, Metric, Shown, behind, name_of
from dashboards.filters import Filters
from dashboards.readers import Comment, Days
from dashboards.words import _, ngettext, number
from surveys.statistics import MINIMUM

COMMENTS = 6
TASKS_PAGE = "/tasks"
CUSTOMER_PAGE = "/customers/"
GOOD = {"nps": 9, "csat": 4, "ces": 5}
BAD = {"nps": 6, "csat": 2, "ces": 3}


def changes(asked: Asked) -> tuple[Any, Any]:
    """What changed and what did not: in a sentence, and touchpoint by touchpoint. Both are read from one count."""
    rows = rows_of(asked)
    return sentence(asked, rows), touchpoints(asked, rows)


def sentence(asked: Asked, rows: Sequence[figures.Row]) -> Any:
    """What changed and what did not, in words."""
    filters = asked.filters
    overall = overall_of(asked)
    if not overall.figure.n and not rows:
        return html.P(_nothing(asked), className="sentence")
    said = figures.sentence(rows, overall, marked_changes(asked), filters)
    spoken: list[Any] = []
    for part in said:
        text = html.A(part.text, href=part.href, className=f"said said-{part.kind}") if part.href else part.text
        spoken += [text, " "]
    return html.P(spoken, className="sentence", role="status")


def _nothing(asked: Asked) -> Any:
    if asked.filters.active:
        return [
            _("Nothing was answered that these filters let through."),
            " ",
            html.A(
                _("Show everything"), href=asked.filters.address("", **dict.fromkeys(vars(asked.filters.where))) or "?"
            ),
        ]
    out = asked.readers.outlook(asked.viewer, asked.filters.where)
    return figures.outlook_sentence(out.out, out.hours)


def cards(asked: Asked) -> Any:
    """NPS, CSAT, response rate, open tasks."""
    filters = asked.filters
    now, before = asked.totals()
    daily = asked.cells(figures.spark_days(filters), "day")
    targets = asked.readers.targets(asked.viewer)
    shown = [
        _card(metric, figures.show(metric, now, before, filters), daily, asked, targets.get(metric.key))
        for metric in key_metrics(now)
    ]
    return html.Div([*shown, _tasks(asked)], className="cards")


def _card(metric: Metric, shown: Shown, daily: Any, asked: Asked, target: float | None) -> Any:
    title = name_of(metric)
    if not shown.figure.n and not shown.comparison.before:
        return parts.coming(title, _coming(metric))
    step = figures.spark_step(asked.filters)
    points = figures.series(daily, metric, asked.filters.days.end, step, figures.SPARKS)
    label = _("%(name)s in twelve periods of %(n)s days", name=title, n=step)
    aimed = [] if target is None else [html.P(figures.aim(metric, shown.figure, target), className="aim")]
    label += f". {aimed[0].children}" if aimed else ""
    drawn = [parts.picture(charts.spark(metric, points, target), label)] if any(p.figure.n for p in points) else []
    return parts.card(
        title,
        html.P(parts.figure(shown), className="figure"),
        html.P([parts.count(shown.figure.n), " ", parts.chip(shown.chip)], className="verdict"),
        *drawn,
        *aimed,
        beside=parts.hint(_("How %(name)s was computed", name=title), shown.how),
        kind="kpi",
    )


def _coming(metric: Metric) -> str:
    return {
        "nps": _(
            "The share of promoters minus that of detractors, once customers say how likely they are to recommend you."
        ),
        "csat": _("The share of 4 and 5, once customers say how satisfied they are."),
        "ces": _("The mean, once customers say how easy it was."),
        "rate": _("The share of invitations that are answered, once the first have gone out."),
    }[metric.key]


def _tasks(asked: Asked) -> Any:
    found = asked.readers.tasks(asked.viewer, asked.filters.where)
    if found.overdue:
        late = ngettext("%(num)d is overdue", "%(num)d are overdue", found.overdue)
        state = parts.chip(figures.Chip("bad", late))
    else:
        state = parts.chip(figures.Chip("neutral", _("none is overdue")))
    how = [_("Tasks that are not closed, at this moment, whenever they were opened."), _("Overdue: due before now.")]
    return parts.card(
        _("Open tasks"),
        html.P(html.A(html.Span(number(found.open), className="value"), href=TASKS_PAGE), className="figure"),
        html.P(state, className="verdict"),
        beside=parts.hint(_("What counts as an open task"), how),
        kind="kpi",
    )


def trend(asked: Asked) -> Any:
    """The main score over time, with its band and what was marked."""
    filters = asked.filters
    step, count = figures.trend_step(filters)
    days = figures.trend_days(filters)
    cells = asked.cells(days, "day")
    whole = figures.total(cells)
    metric = NPS if whole.nps_count >= MINIMUM else figures.main_metric(whole)
    title = _("%(name)s over time", name=name_of(metric))
    points = figures.series(cells, metric, filters.days.end, step, count)
    if not any(p.figure.n for p in points):
        return parts.coming(_("Score over time"), _("A line with its band, as soon as a week has ten answers."))
    markers = asked.readers.markers(asked.viewer, filters.where, days)
    hrefs = [_of_days(filters, p.days, metric.key) for p in points]
    drawn = [charts.trend(metric, points, markers, hrefs, size) for size in charts.SIZES]
    rows = [[words.span(p.days.begin, p.days.end), *_numbers(metric, p.figure)] for p in points]
    heads = [_("Days"), name_of(metric), _("95-percent interval"), "n"]
    how = [
        _("Every point stands for %(n)s days; the band is the 95-percent interval.", n=step),
        _("A gap: fewer than ten answers."),
    ]
    below = _("Its numbers stand in the table below.")
    return parts.card(
        title,
        *(parts.picture(tree, f"{title}. {below}") for tree in drawn),
        *_marked(markers),
        parts.table(title, heads, rows),
        beside=parts.hint(_("How the line is drawn"), how),
        kind="trend",
    )


def _of_days(filters: Filters, days: Days, of: str) -> str:
    return filters.address(
        figures.ANSWERS,
        **{"period": None, "with": None, "from": days.begin.isoformat(), "to": days.end.isoformat()},
        of=of,
    )


def _numbers(metric: Metric, figure: Any) -> list[str]:
    if figure.value is None:
        return [_("hidden"), "", number(figure.n)]
    interval = ""
    if figure.low is not None:
        interval = f"{metric.written(figure.low)} {words.NONE} {metric.written(figure.high)}"
    return [metric.written(figure.value), interval, number(figure.n)]


def _marked(markers: Any) -> list[Any]:
    if not markers:
        return []
    items = [
        html.Li(
            [html.B(words.day(m.day)), " ", m.text]
            + (
                [html.Span(f" \u00b7 {where}", className="muted")]
                if (where := _whereabouts(m.touchpoint, m.place))
                else []
            )
        )
        for m in markers
    ]
    return [parts.aria(html.Ol(items, className="markers"), label=_("Marked changes"))]


def _whereabouts(touchpoint: str | None, place: str | None) -> str:
    return ", ".join(part for part in (touchpoint, place) if part)


def months(asked: Asked) -> Any:
    """How the answers fall into classes, month by month."""
    filters = asked.filters
    cells = asked.cells(figures.months_days(filters.days.end), "day")
    whole = figures.total(cells)
    metric = NPS if whole.nps_count or not whole.csat_count else CSAT
    names = {
        "promoters": _("Promoters"), "passives": _("Passives"), "detractors": _("Detractors"),
        "satisfied": _("4 and 5"), "unsatisfied": _("1 to 3"),
    }  # fmt: skip
    kinds = list(figures.classes(whole, metric))
    title = _("Promoters, passives, detractors") if metric is NPS else _("Satisfied and not, by month")
    found = figures.months(cells, metric, filters.days.end)
    if not any(month.n for month in found):
        return parts.coming(title, _("One bar per month, as soon as a month has ten answers."))
    hrefs = {(m.first, kind): _of_days(filters, _month_days(m.first, filters), kind) for m in found for kind in kinds}
    legend = html.Ul([html.Li(names[k], className=f"key {k}") for k in kinds], className="legend")
    rows = [
        [
            words.month(m.first),
            *(f"{number(m.shares[k])}\u00a0%" if m.shares else _("hidden") for k in kinds),
            number(m.n),
        ]
        for m in found
    ]
    below = _("Its numbers stand in the table below.")
    return parts.card(
        title,
        legend,
        parts.picture(charts.months(found, names, hrefs), f"{title}. {below}"),
        parts.table(title, [_("Month"), *(names[k] for k in kinds), "n"], rows),
        kind="months",
    )


def _month_days(first: date, filters: Filters) -> Days:
    after = (first + timedelta(days=31)).replace(day=1)
    return Days(first, min(after - timedelta(days=1), filters.days.end))


def touchpoints(asked: Asked, rows: Sequence[figures.Row]) -> Any:
    """Every touchpoint with its score, the worst change on top."""
    title = _("Touchpoints")
    if not rows:
        return parts.coming(title, _("One row per touchpoint: its score, how sure it is, and the first reason."))
    heads = [_("Touchpoint"), _("Score"), _("On its scale"), "n", _("Change"), _("First reason")]
    lines = []
    for row in rows:
        lines.append(_row(row, asked, inner=False))
        lines += [_row(place, asked, inner=True) for place in figures.changed_places(row)]
    how = [
        _("The line is the 95-percent interval, the ring where the score was before."),
        _("First reason: the topic most often touched by unhappy answers."),
        _("A place is named only if its change stands although all places were looked at (Benjamini and Hochberg)."),
    ]
    head = html.Thead(html.Tr([html.Th(h, scope="col") for h in heads]))
    return parts.card(
        title,
        html.Div(html.Table([head, html.Tbody(lines)], className="plain touchpoints")),
        beside=parts.hint(_("How the touchpoints are compared"), how),
        kind="wide-card",
    )


def _row(row: figures.Row, asked: Asked, *, inner: bool) -> Any:
    shown = row.shown
    name = (
        html.A(
            row.name,
            href=asked.filters.address(touchpoint=row.touchpoint, place=row.place or asked.filters.where.place),
        )
        if (row.touchpoint)
        else row.name
    )
    reason: Any = ""
    if row.reason:
        reason = html.A(
            words.topic(row.reason),
            href=behind(asked.filters.only(touchpoint=row.touchpoint), of="unhappy", topic=row.reason),
            className="topic",
        )
    return html.Tr(
        [
            html.Th([name, html.Small(name_of(shown.metric), className="muted")], scope="row"),
            html.Td(parts.figure(shown)),
            html.Td(
                parts.picture(charts.whisker(row), charts.written(shown.metric, shown.figure)), className="on-scale"
            ),
            html.Td(parts.count(shown.figure.n), className="muted"),
            html.Td([parts.chip(shown.chip), " ", parts.hint(_how_of(row), shown.how)], className="told"),
            html.Td(reason),
        ],
        className="inner" if inner else "",
    )


def _how_of(row: figures.Row) -> str:
    """Of a row, and of no other on the page."""
    named = ", ".join(part for part in (words.touchpoint(row.touchpoint), row.place) if part)
    return _("How %(name)s was computed", name=f"{named}, {name_of(row.shown.metric)}")


def funnel(asked: Asked) -> Any:
    """The way from event to task, with the largest loss in words."""
    title = _("From event to task")
    found = asked.readers.funnel(asked.viewer, asked.filters.where, asked.filters.days)
    if not found.events and not found.sent:
        return parts.coming(
            title, _("How many events come in, are asked about and are answered; and where most are lost.")
        )
    hrefs = {"answered": behind(asked.filters), "tasks": TASKS_PAGE}
    items = []
    for step in figures.steps(found):
        value = html.B(number(step.n))
        share = f" \u00b7 {number(step.share, 0 if step.share >= 1 else 1)}\u00a0%" if step.share is not None else ""
        items.append(
            html.Li(
                [
                    html.Span(step.lost or "", className="loss"),
                    html.A(value, href=hrefs[step.key]) if step.key in hrefs else value,
                    html.Small(f"{step.name}{share}"),
                ]
            )
        )
    how = [
        _("Every step is counted on its own day; percentages are of the step before."),
        _("Between two steps stands the most frequent reason why it went no further."),
    ]
    if found.first != "events":
        how.append(_("Of a segment it is counted from the sending on: who was in it is looked at then."))
    return parts.card(
        title,
        html.Ol(items, className="funnel"),
        beside=parts.hint(_("How the steps are counted"), how),
        kind="wide-card",
    )


def comments(asked: Asked) -> Any:
    """The latest comments, with what they are about."""
    title = _("Latest comments")
    found = asked.readers.comments(asked.viewer, asked.filters.where, asked.filters.days, COMMENTS)
    if not found:
        return parts.coming(title, _("What customers say in their own words, the latest first."))
    return parts.card(
        title,
        html.Ul([_comment(c, asked) for c in found], className="rows comments"),
        beside=html.A(_("All answers"), href=behind(asked.filters)),
        kind="wide-card",
    )


def _comment(comment: Comment, asked: Asked) -> Any:
    about = [words.moment(comment.at), *(p for p in (comment.touchpoint, comment.place) if p)]
    who: list[Any] = []
    if comment.customer:
        who = [html.A(comment.customer, href=CUSTOMER_PAGE + str(comment.customer_id)), " \u00b7 "]
    topics = [
        html.A(words.topic(t), href=behind(asked.filters, of=None, topic=t), className="topic") for t in comment.topics
    ]
    return html.Li(
        html.Div(
            [
                score(comment),
                html.Div(
                    [
                        html.P(comment.text, className="quote", dir="auto"),
                        html.P([*who, " \u00b7 ".join(about), " ", *topics], className="small muted"),
                    ],
                    className="row-main",
                ),
            ],
            className="row-in",
        )
    )


def score(comment: Comment) -> Any:
    if comment.value is None or comment.metric is None:
        return html.Span(words.NONE, className="score")
    kind = "good" if comment.value >= GOOD[comment.metric] else "bad" if comment.value <= BAD[comment.metric] else ""
    label = f"{comment.metric.upper()} {words.plain(comment.value)}"
    return html.Span(words.plain(comment.value), className=f"score score-{kind}", title=label)


Card = Callable[[Asked], Any]
CARDS: Mapping[tuple[str, ...], Card] = {
    ("sentence", "touchpoints"): changes,
    ("cards",): cards,
    ("trend",): trend,
    ("months",): months,
    ("funnel",): funnel,
    ("comments",): comments,
}
"""What is worked out together, and by what."""
PLACES = ("sentence", "cards", "trend", "months", "touchpoints", "funnel", "comments")
"""The cards as they stand on the page."""


def title_of(name: str) -> str:
    return {
        "sentence": _("What changed"), "cards": _("Figures"), "trend": _("Score over time"),
        "months": _("Promoters, passives, detractors"), "touchpoints": _("Touchpoints"),
        "funnel": _("From event to task"), "comments": _("Latest comments"),
    }[name]  # fmt: skip
