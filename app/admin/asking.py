"""Ask customers: what, when, and how many. It becomes a draft trigger, and nobody is asked before it is live."""

import re
from datetime import timedelta
from itertools import count
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from app.actions.definitions import ChangedMeanwhile
from app.admin import blueprint
from app.admin.editing import put_in_force
from app.admin.kinds import event_names, event_words
from app.admin.reading import when_words
from app.admin.reasons import survey_name
from app.admin.words import choices, chosen
from app.auth.staff import staff
from app.clock import utcnow
from app.definitions import write_definition
from app.queries.definitions import CURRENT
from app.queries.rollups import seen_types
from app.queries.segments import segment_definitions
from app.queries.surveys import survey_definitions
from surveys.definition import read
from surveys.triggers import read_trigger

KINDS = ("event", "silence", "date", "now")
NEEDS = {"event": ("event",), "silence": ("days", "since"), "date": ("attribute",), "now": ("segment",)}
"""Which fields each beginning has to have."""
SLUG_MAX = 60
SEEN = timedelta(days=90)


class AskForm(FlaskForm):
    survey = SelectField(lazy_gettext("Which survey?"))
    kind = RadioField(lazy_gettext("When?"), choices=choices({k: k for k in KINDS}), default="event")
    event = SelectField(lazy_gettext("After which event?"), [Optional()])
    days = IntegerField(lazy_gettext("Silent for how many days?"), [Optional(), NumberRange(1, 3650)], default=60)
    since = SelectField(lazy_gettext("Without what?"), [Optional()])
    attribute = StringField(
        lazy_gettext("The attribute that holds the date"), [Optional(), Length(max=64)], default="birthday"
    )
    before = IntegerField(lazy_gettext("How many days before?"), [Optional(), NumberRange(0, 364)], default=0)
    yearly = BooleanField(lazy_gettext("Every year"), default=True)
    segment = SelectField(lazy_gettext("Whom?"), [Optional()])
    rate = IntegerField(lazy_gettext("How many of 100?"), [InputRequired(), NumberRange(1, 100)], default=100)

    def validate(self, extra_validators: Any = None) -> bool:
        """Each beginning has fields of its own; what the others hold is passed over."""
        fine = super().validate(extra_validators)
        lacking = [self[name] for name in NEEDS.get(self.kind.data, ()) if not self[name].data]
        for field in lacking:
            field.errors = field.errors or [_("This is missing.")]
        return bool(fine and not lacking)

    def validate_attribute(self, field: Any) -> None:
        if not re.fullmatch(r"\w*", field.data or ""):
            raise ValidationError(_("Letters, digits and underscores only."))

    def when(self) -> dict[str, Any]:
        """The choice as a trigger says it."""
        if self.kind.data == "silence":
            return {"inactive_for": f"{self.days.data}d", "since": [self.since.data]}
        if self.kind.data == "now":
            return {"now": self.segment.data}
        if self.kind.data == "event":
            return {"event": self.event.data}
        date = {"date": f"contact.attributes.{self.attribute.data}", "yearly": bool(self.yearly.data)}
        return date | ({"offset": f"-{self.before.data}d"} if self.before.data else {})


def _form() -> AskForm:
    form = AskForm()
    surveys, events = survey_definitions(), _events()
    form.survey.choices = choices({slug: survey_name(surveys, slug) for slug in surveys})
    form.event.choices = form.since.choices = choices(events)
    form.segment.choices = choices(
        {slug: chosen(body.get("name")) or slug.replace("-", " ") for slug, body in segment_definitions().items()}
    )
    return form


def _events() -> dict[str, str]:
    """Kinds of events by name: what has come first, then the usual ones that have not."""
    seen = {kind: event_words(kind) for kind in seen_types((utcnow() - SEEN).date())}
    usual = {kind: _("%(event)s (not seen yet)", event=said) for kind, said in event_names().items()}
    return dict(sorted(seen.items(), key=lambda item: item[1])) | {k: v for k, v in usual.items() if k not in seen}


@blueprint.route("/ask", methods=["GET", "POST"])
@staff("design")
def ask() -> Any:
    form, faults = _form(), []
    if form.validate_on_submit():
        body = _draft(form)
        try:
            faults = put_in_force("triggers", "", write_definition("triggers", body), None)
        except ChangedMeanwhile:  # somebody made one of this name at the same moment
            return redirect(url_for("admin.ask"), 303)
        if not faults:
            flash(_("A draft. Nobody is asked before you let it go live."), "good")
            return redirect(url_for("admin.trigger", slug=body["slug"]), 303)
    return render_template(
        "admin/ask.html",
        form=form,
        faults=faults,
        tiles=_tiles(segments=bool(form.segment.choices)),
    ), 422 if form.is_submitted() else 200


def _tiles(*, segments: bool) -> dict[str, tuple[str, str]]:
    found = {
        "event": (_("After an event"), _("An order, a delivery, a closed ticket.")),
        "silence": (_("After a silence"), _("Nothing bought or opened for a while.")),
        "date": (_("On a date"), _("A birthday, an anniversary, the end of a contract.")),
        "now": (_("Now"), _("Everybody in a segment, once, through the same checks.")),
    }
    return {kind: said for kind, said in found.items() if kind != "now" or segments}


def _draft(form: AskForm) -> dict[str, Any]:
    """The trigger that these answers mean."""
    rate = form.rate.data or 100
    body: dict[str, Any] = {
        "slug": "draft",
        "status": "draft",
        "when": form.when(),
        "sample": {"rate": rate / 100, "redraw": "90d"} if rate < 100 else None,  # noqa: PLR2004 a hundred of a hundred
        "then": [{"send": {"survey": form.survey.data, "expires": "7d"}}],
    }
    body = {name: value for name, value in body.items() if value is not None}
    name = f"{survey_name(survey_definitions(), form.survey.data)}: {when_words(read(body, read_trigger))}"
    return {"slug": _free_slug(f"{form.survey.data}-{form.kind.data}"), "name": name[:200]} | {
        key: value for key, value in body.items() if key != "slug"
    }


def _free_slug(wanted: str) -> str:
    taken, wanted = CURRENT["triggers"](), wanted[:SLUG_MAX].strip("-")
    return next(slug for n in count(1) if (slug := wanted if n == 1 else f"{wanted}-{n}") not in taken)
