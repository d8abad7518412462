"""The overview's place in the site: the shell around it, marked changes, and its figures as files."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import DateField, FloatField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange
from wtforms.validators import Optional as Blank
from wtforms.widgets import TextInput

from app.actions.rollups import UnknownMarker, add_marker, remove_marker, set_targets
from app.admin import blueprint
from app.admin.shell import whole
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.exports import Sheet, as_csv, as_xlsx
from app.queries import overview as readers
from dashboards import figures
from dashboards import words as pictured
from dashboards.filters import COMPARED, PERIODS, STANDARD, Filters, read_filters
from dashboards.readers import Days

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MARKER_MAX = 120
AIMED = {"nps": figures.NPS, "csat": figures.CSAT, "ces": figures.EFFORT, "rate": figures.RATE}
"""The figures that may have a target, by its name."""


def page(parts: Mapping[str, str]) -> str:
    """The shell around the pictures; what is chosen stands in the address, and in the form above them."""
    filters = asked_filters()
    return render_template(
        "admin/dashboard.html",
        parts={name: Markup(part) for name, part in parts.items()},  # noqa: S704 Dash's own tags
        filters=filters,
        **filter_words(filters),
    )


def asked_filters() -> Filters:
    return read_filters(request.args, readers.today())


def filter_words(filters: Filters) -> dict[str, Any]:
    """What the form of filters offers; what is chosen is among it even where nothing of it is left."""
    choices = readers.choices(signed_in())
    offered = {
        "touchpoint": [(name, name) for name in choices.touchpoints],
        "place": [(name, name) for name in choices.places],
        "survey": list(choices.surveys),
        "channel": [(name, pictured.channel(name)) for name in choices.channels],
        "segment": list(choices.segments),
    }
    labels = {
        "touchpoint": (_("Touchpoint"), _("All touchpoints")),
        "place": (_("Place"), _("All places")),
        "survey": (_("Survey"), _("All surveys")),
        "channel": (_("Channel"), _("All channels")),
        "segment": (_("Segment"), _("All segments")),
    }
    narrowed = []
    for name, options in offered.items():
        chosen = getattr(filters.where, name)
        if chosen and chosen not in dict(options):
            options.append((chosen, _("%(name)s (not there any more)", name=chosen)))
        if options:
            narrowed.append((name, *labels[name], options, chosen))
    periods = {
        "7d": _("Last 7 days"), "30d": _("Last 30 days"), "6w": _("Last 6 weeks"), "90d": _("Last 90 days"),
        "180d": _("Last 180 days"), "365d": _("Last 365 days"),
    }  # fmt: skip
    compared = {"previous": _("the days before"), "year": _("the same days a year ago")}
    return {
        "narrowed": narrowed,
        "periods": [(name, periods[name]) for name in PERIODS],
        "compared": [(name, compared[name]) for name in COMPARED],
        "standard": STANDARD,
    }


class MarkerForm(FlaskForm):
    """A change to be marked."""

    day = DateField(validators=[InputRequired()])
    text = StringField(validators=[InputRequired(), Length(max=MARKER_MAX)])
    place = SelectField(validate_choice=False)
    touchpoint = SelectField(validate_choice=False)

    def offer(self) -> None:
        choices = readers.choices(signed_in())
        self.place.choices = [("", _("All places")), *((p, p) for p in choices.places)]
        self.touchpoint.choices = [("", _("All touchpoints")), *((t, t) for t in choices.touchpoints)]


@blueprint.route("/changes", methods=["GET", "POST"])
@staff("dashboard")
def changes() -> Any:
    form = MarkerForm()
    form.offer()
    today = readers.today()
    if form.validate_on_submit():
        if form.day.data <= today:
            place, touchpoint = (str(field.data or "")[:100] or None for field in (form.place, form.touchpoint))
            add_marker(form.day.data, form.text.data.strip(), place, touchpoint, signed_in().email, utcnow())
            flash(_("Marked. It stands in the line over time, and figures before and after it are compared."), "good")
            return redirect(url_for("admin.changes"))
        form.day.errors = [*form.day.errors, _("This day has not come yet.")]
    if not form.is_submitted():
        form.day.data = today
    status = 422 if form.is_submitted() else 200
    return render_template("admin/changes.html", form=form, markers=readers.all_markers(), today=today), status


@blueprint.post("/changes/remove")
@staff("dashboard")
def forget_change() -> Any:
    try:
        remove_marker(whole(request.form, "id"), signed_in().email, utcnow())
    except UnknownMarker:
        flash(_("It was taken away already."), "neutral")
    else:
        flash(_("Taken away."), "good")
    return redirect(url_for("admin.changes"))


class NumberField(FloatField):
    """A number as people type it, with a point or a comma."""

    widget = TextInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata([value.strip().replace(",", ".").replace("\u2212", "-") for value in valuelist])

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else "" if self.data is None else f"{self.data:g}"


def _aim(metric: figures.Metric) -> NumberField:
    least, most = metric.scale
    return NumberField(validators=[Blank(), NumberRange(least, most)], render_kw={"inputmode": "decimal"})


class TargetForm(FlaskForm):
    """What the figures of the overview are to reach; an empty one has no target."""

    nps = _aim(figures.NPS)
    csat = _aim(figures.CSAT)
    ces = _aim(figures.EFFORT)
    rate = _aim(figures.RATE)


@blueprint.route("/targets", methods=["GET", "POST"])
@staff("dashboard")
def targets() -> Any:
    form = TargetForm(data=dict(readers.targets(signed_in())))
    if form.validate_on_submit():
        set_targets({name: getattr(form, name).data for name in AIMED}, signed_in().email, utcnow())
        flash(_("Saved. A target stands as a dotted line in its card."), "good")
        return redirect(url_for("admin.targets"))
    fields = [(form[name], figures.name_of(metric), metric.scale, metric.unit) for name, metric in AIMED.items()]
    return render_template("admin/targets.html", form=form, fields=fields), 422 if form.is_submitted() else 200


@blueprint.get("/overview.<kind>")
@staff("dashboard")
def export_overview(kind: str) -> Response:
    filters = asked_filters()
    name = f"otklik-{filters.days.begin}-{filters.days.end}.{kind}"
    if kind == "xlsx":
        return as_file(as_xlsx(overview_sheets(filters)), XLSX, name)
    if kind != "csv":
        abort(404)
    return as_file(as_csv(_touchpoints(filters)), "text/csv; charset=utf-8", name)


def as_file(content: bytes, mimetype: str, name: str) -> Response:
    return Response(content, content_type=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def overview_sheets(filters: Filters) -> Iterator[Sheet]:
    """The overview in tables: what is hidden on screen is hidden here."""
    yield _key_figures(filters)
    yield _touchpoints(filters)
    yield _over_time(filters)
    funnel = readers.funnel(signed_in(), filters.where, filters.days)
    steps = [(step.name, step.n, step.lost) for step in figures.steps(funnel)]
    yield Sheet(_("From event to task"), [_("Step"), _("Count"), _("Largest loss before it")], steps)


def _numbers(shown: figures.Shown) -> list[Any]:
    figure, comparison = shown.figure, shown.comparison
    known = comparison.verdict != "too_few"
    return [
        *(_rounded(value) for value in (figure.value, figure.low, figure.high)),
        figure.n,
        comparison.verdict,
        _rounded(comparison.difference) if known else None,
        _rounded(comparison.half_width) if known else None,
    ]


def _number_heads() -> list[str]:
    return [_("Value"), _("Low"), _("High"), "n", _("Verdict"), _("Difference"), "\u00b1"]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _totals(filters: Filters) -> tuple[Any, Any]:
    now, before = (
        figures.total(readers.counts(signed_in(), filters.where, days, ())) for days in (filters.days, filters.before)
    )
    return now, before


def _key_figures(filters: Filters) -> Sheet:
    (now, before), targets = _totals(filters), readers.targets(signed_in())
    rows = [
        [figures.name_of(metric), *vars(filters.days).values(), *_numbers(figures.show(metric, now, before, filters)),
         targets.get(metric.key) if metric is not figures.SATISFACTION else None]
        for metric in (figures.NPS, figures.CSAT, figures.SATISFACTION, figures.EFFORT, figures.RATE)
    ]  # fmt: skip
    return Sheet(_("Figures"), [_("Figure"), _("From"), _("To"), *_number_heads(), _("Target")], rows)


def _touchpoints(filters: Filters) -> Sheet:
    who = signed_in()
    now, before = (
        [
            cell
            for by in (("touchpoint",), ("touchpoint", "place"))
            for cell in readers.counts(who, filters.where, days, by)
        ]
        for days in (filters.days, filters.before)
    )
    rows = []
    for row in figures.every_row(now, before, readers.reasons(who, filters.where, filters.days), filters):
        reason = pictured.topic(row.reason) if row.reason else ""
        rows.append([pictured.touchpoint(row.touchpoint), row.place or "", figures.name_of(row.shown.metric),
                     *_numbers(row.shown), reason])  # fmt: skip
    heads = [_("Touchpoint"), _("Place"), _("Score"), *_number_heads(), _("First reason")]
    return Sheet(_("Touchpoints"), heads, rows)


def _over_time(filters: Filters) -> Sheet:
    days: Days = figures.trend_days(filters)
    step, count = figures.trend_step(filters)
    cells = readers.counts(signed_in(), filters.where, days, ("day",))
    rows: list[list[Any]] = []
    for metric in (figures.NPS, figures.SATISFACTION, figures.EFFORT):
        for point in figures.series(cells, metric, filters.days.end, step, count):
            figure = point.figure
            first: date = point.days.begin
            rows.append([figures.name_of(metric), first, point.days.end, _rounded(figure.value), _rounded(figure.low),
                         _rounded(figure.high), figure.n])  # fmt: skip
    heads = [_("Score"), _("From"), _("To"), _("Value"), _("Low"), _("High"), "n"]
    return Sheet(_("Over time"), heads, rows)
