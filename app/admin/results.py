"""What was answered to a survey: question by question, in all its versions, and where people stop."""

from datetime import date, timedelta
from typing import Any

from flask import abort, render_template, request
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup, escape

from app.admin import blueprint
from app.admin.reasons import survey_name
from app.admin.segments import segment_names
from app.admin.surveys import question_types
from app.admin.words import not_there
from app.auth.staff import signed_in, staff
from app.queries.overview import today
from app.queries.results import survey_channels, survey_results
from app.queries.surveys import is_sensitive, may_read_all, survey_definitions
from dashboards import words
from dashboards.charts import Tree
from dashboards.readers import Days
from dashboards.results import bar_picture, cards, stops
from surveys.statistics import MINIMUM

PERIODS = {"30d": 30, "90d": 90, "365d": 365, "all": None}
STANDARD = "365d"
FIRST = date(1990, 1, 1)
SVG_NAMES = {"className": "class", "textAnchor": "text-anchor"}
"""What React calls otherwise than SVG does."""


@blueprint.get("/surveys/<slug>/results")
@staff("dashboard")
def survey_answers(slug: str) -> Any:
    body = survey_definitions().get(slug)
    if body is None:
        abort(404)
    sealed, name = is_sensitive(slug), survey_name({slug: body}, slug)
    if sealed and not may_read_all(slug, signed_in().role):
        return render_template("admin/results_closed.html", slug=slug, name=name), 403
    channels = survey_channels(slug)
    period = request.args.get("period", STANDARD)
    period = period if period in PERIODS else STANDARD
    channel = request.args.get("channel", "")
    channel = channel if channel in channels else ""
    segments = segment_names()
    segment = request.args.get("segment", "")
    segment = segment if segment in segments else ""
    results = survey_results(slug, _days(period), channel or None, segment or None)
    return render_template(
        "admin/results.html",
        slug=slug,
        name=name,
        sealed=sealed,
        may_read=True,
        results=results,
        cards=cards(results, str(get_locale())),
        stops=stops(results, str(get_locale())),
        period=period,
        periods=[("30d", _("Last 30 days")), ("90d", _("Last 90 days")), ("365d", _("Last 365 days")),
                 ("all", _("All the time"))],
        channel=channel,
        channels=[(name, words.channel(name)) for name in channels],
        segment=segment,
        gone=not_there(request.args.get("segment", ""), segments),
        segments=sorted(segments.items(), key=lambda named: named[1].casefold()),
        types=question_types(),
        least=MINIMUM,
        picture=picture,
        bar_picture=bar_picture,
    )  # fmt: skip


def _days(period: str) -> Days:
    end, length = today(), PERIODS[period]
    return Days(end - timedelta(days=length - 1) if length else FIRST, end)


def picture(tree: Tree, label: str = "") -> Markup:
    """A tree of SVG as it stands in a page; without a label it only repeats what is said beside it."""
    tag, attributes, children = tree
    named = {"role": "img", "aria-label": label} if label else {"aria-hidden": "true"}
    return _element(tag, {**attributes, **named}, children)


def _element(tag: str, attributes: dict[str, Any], children: list[Any]) -> Markup:
    told = Markup("").join(
        Markup(' {}="{}"').format(SVG_NAMES.get(name, name), value) for name, value in attributes.items()
    )
    inner = Markup("").join(escape(c) if isinstance(c, str) else _element(*c) for c in children)
    return Markup("<{tag}{told}>{inner}</{tag}>").format(tag=tag, told=told, inner=inner)
