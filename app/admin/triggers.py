"""Triggers: four sentences each, on and off, what they did; and the bonuses and departments they speak of."""

import json
from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import DecimalField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from app.actions.definitions import ChangedMeanwhile
from app.admin import blueprint
from app.admin.conditions import condition_given
from app.admin.editing import changed_body, matching_words, put_in_force
from app.admin.reading import condition_words, sample_words, then_words, trigger_notes, when_words
from app.admin.reasons import (
    outcome_heading,
    outcome_word,
    plain_reason,
    rung_words,
    sentence,
    short_reason,
    survey_name,
)
from app.admin.telling import source_names
from app.admin.words import SHOWN_OF_A_NAME, choices, chosen, number, span
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.definitions import write_definition
from app.queries.catalogue import missed, trigger_rows, trigger_story
from app.queries.contacts import public_ids
from app.queries.definitions import body_in_force
from app.queries.departments import department_definitions
from app.queries.explanations import list_decisions
from app.queries.installation import company
from app.queries.offers import offer_definitions, offer_stock
from app.queries.surveys import survey_definitions
from app.queries.timers import count_matching
from app.queries.triggers import trigger_definitions, trigger_id, trigger_names, trigger_versions
from surveys.gates import ACTIVE
from surveys.occasions import Absence, Once, asks_of_present
from surveys.statistics import days_to_see, smallest_difference
from surveys.triggers import Trigger

WEEK = timedelta(days=7)
STORY_DAYS = timedelta(days=30)
QUARTER = 90
"""Days after which it is said what a control group will have shown."""
WORTH_SEEING = 10
"""Percentage points: a difference that most would act on."""
DIGITS_MAX = 8


class TriggerForm(FlaskForm):
    """What is simple about a trigger; the rest is edited as text."""

    name = StringField(lazy_gettext("Name"), [InputRequired(), Length(max=200)])
    status = SelectField(
        lazy_gettext("State"),
        choices=choices(
            {
                "live": lazy_gettext("live"),
                "pilot": lazy_gettext("pilot: 5 of 100 in the sample"),
                "paused": lazy_gettext("on pause"),
                "draft": lazy_gettext("draft"),
            }
        ),
    )
    priority = IntegerField(lazy_gettext("Priority, 0 to 100"), [InputRequired(), NumberRange(0, 100)])
    rate = DecimalField(lazy_gettext("Ask how many of 100"), [InputRequired(), NumberRange(0, 100)], places=None)
    redraw = IntegerField(
        lazy_gettext("A new draw every … days (empty: it holds for good)"), [Optional(), NumberRange(1, 3650)]
    )
    condition = TextAreaField(lazy_gettext("If"), [Optional(), Length(max=20_000)])
    existing = IntegerField(
        lazy_gettext("Of those who match already, how many a day"), [Optional(), NumberRange(1, 1_000_000)]
    )
    holdout = DecimalField(lazy_gettext("Never ask how many of 100"), [Optional(), NumberRange(0, 100)], places=None)

    def validate_condition(self, field: TextAreaField) -> None:
        try:
            json.loads(field.data)
        except ValueError as fault:
            raise ValidationError(lazy_gettext("This cannot be read as a condition; it must be JSON.")) from fault


@blueprint.get("/triggers")
@staff("read")
def triggers() -> Any:
    rows = trigger_rows(utcnow() - WEEK)
    surveys = survey_definitions()
    return render_template(
        "admin/triggers.html",
        rows=rows,
        names={slug: survey_name(surveys, slug) for slug in surveys},
        when_words=when_words,
        live=sum(r.rule.status in ("live", "pilot") for r in rows),
    )


def _find(slug: str) -> Any:
    row = next((r for r in trigger_rows(utcnow() - WEEK) if r.rule.slug == slug), None)
    return row or abort(404)


@blueprint.get("/triggers/<slug>")
@staff("read")
def trigger(slug: str) -> Any:
    row, body = _find(slug), trigger_definitions()[slug]
    surveys, departments = survey_definitions(), department_definitions()
    names = {s: survey_name(surveys, s) for s in surveys}
    teams = {s: b.get("name") or s for s, b in departments.items()}
    days = trigger_story(row.id, utcnow() - STORY_DAYS)
    return render_template(
        "admin/trigger.html",
        row=row,
        slug=slug,
        when=when_words(row.rule),
        condition=condition_words(body["if"]) if body.get("if") else _("always"),
        sample=sample_words(row.rule),
        notes=trigger_notes(row.rule),
        actions=then_words(row.rule, names, teams),
        days=days,
        missed=missed(row.id, (utcnow() - WEEK).date()),
        reasons=_totals(days),
        word=lambda code: (
            outcome_heading(code).lower() if code in ("invited", "acted", "deferred") else short_reason(code)
        ),
        versions=trigger_versions(slug)[:10],
        matching=_matching(row.rule),
        once=isinstance(row.rule.when, Once),
        control=control_words(row.rule, _totals(days)),
    )


def control_words(rule: Trigger, totals: Sequence[tuple[str, int]]) -> str | None:
    """What the control group can reveal, and by when, if things go on as in the last 30 days."""
    counts = dict(totals)
    asked, never = (counts.get(code, 0) / STORY_DAYS.days for code in ("invited", "holdout"))
    if not rule.sample.holdout:
        return None
    days = days_to_see(WORTH_SEEING, asked, never)
    if days is None:
        return _("Nobody is in the control group yet, so it can show nothing.")
    seen = smallest_difference(asked * QUARTER, never * QUARTER)
    return _(
        "As things go, the control group can show a difference of %(points)s points or more within 90 days;"
        " for %(wanted)s points it takes %(time)s.",
        points=number(seen, 0),
        wanted=WORTH_SEEING,
        time=span(timedelta(days=ceil(days))),
    )


def _matching(rule: Trigger) -> str | None:
    """How many match already, where going live asks what is to become of them."""
    if rule.status in ACTIVE or not asks_of_present(rule.when) or not signed_in().may("design"):
        return None
    return matching_words(count_matching(rule.when, utcnow(), company().zone))


def _totals(days: Any) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for day in days:
        for code, n in day.counts.items():
            counts[code] = counts.get(code, 0) + n
    return sorted(counts.items(), key=lambda item: -item[1])


@blueprint.post("/triggers/<slug>/status")
@staff("design")
def switch_trigger(slug: str) -> Any:
    """Pause, or go on. What was promised meanwhile is read again at hand-over."""
    body = body_in_force("triggers", slug)
    status = request.form.get("status", "")
    if body is None:
        abort(404)
    changes: dict[str, Any] = {"status": status}
    if "existing" in request.form:
        spread = request.form["existing"] == "per_day"
        changes["existing"] = _existing(request.form.get("per_day", "")) if spread else None
    try:
        faults = put_in_force("triggers", slug, write_definition("triggers", changed_body(body, changes)), body)
    except ChangedMeanwhile:
        flash(_("Somebody changed this trigger at the same moment. Look at it, then try again."), "wait")
        return redirect(url_for("admin.trigger", slug=slug), 303)
    if faults:
        flash(" ".join(f.message for f in faults), "bad")
    else:
        flash(_("In force."), "good")
    return redirect(url_for("admin.trigger", slug=slug), 303)


def _existing(per_day: str) -> dict[str, Any]:
    """So many a day of those who match already; what is no number is told by the rule that reads it."""
    number = per_day.isascii() and per_day.isdecimal() and len(per_day) < DIGITS_MAX
    return {"per_day": int(per_day) if number else per_day}


def _spread(per_day: int | None) -> dict[str, Any] | None:
    return {"per_day": per_day} if per_day else None


@blueprint.route("/triggers/<slug>/edit", methods=["GET", "POST"])
@staff("design")
def edit_trigger(slug: str) -> Any:
    row, body = _find(slug), body_in_force("triggers", slug) or {}
    sample = row.rule.sample
    rate = body.get("sample", {}).get("rate", 1)  # as written: a pilot asks a part of it
    form = TriggerForm(
        name=row.rule.name,
        status=row.rule.status,
        priority=row.rule.priority,
        rate=round(100 * rate, 4),
        redraw=sample.redraw.days if sample.redraw else None,
        holdout=round(100 * sample.holdout, 4) or None,
        existing=row.rule.existing,
        condition=json.dumps(body["if"], ensure_ascii=False, indent=1) if "if" in body else "",
    )
    if not asks_of_present(row.rule.when):
        del form.existing
    faults, conflict = [], False
    if form.validate_on_submit():
        made_from = body if request.form.get("version") == str(row.version) else None
        try:
            faults = put_in_force("triggers", slug, write_definition("triggers", _edited(body, form)), made_from)
        except ChangedMeanwhile:
            conflict = True
        if not faults and not conflict:
            flash(_("In force."), "good")
            return redirect(url_for("admin.trigger", slug=slug), 303)
    status = 409 if conflict else 422 if faults or form.is_submitted() else 200
    return render_template(
        "admin/trigger_edit.html",
        form=form,
        slug=slug,
        name=row.rule.name,
        version=row.version,
        faults=faults,
        conflict=conflict,
        given=condition_given(_heard(row.rule), body.get("if")),
        matching=_matching(row.rule),
        once=isinstance(row.rule.when, Once),
    ), status


def _heard(rule: Trigger) -> str:
    """The type of event that a trigger's condition looks at; of an absence, what would have to follow."""
    return rule.when.event if isinstance(rule.when, Absence) else rule.event


def _condition(form: TriggerForm) -> Any:
    """The tree as it was chosen or typed; None where everybody is meant."""
    return json.loads(form.condition.data) if (form.condition.data or "").strip() else None


def _edited(body: dict[str, Any], form: TriggerForm) -> dict[str, Any]:
    sample = changed_body(
        body.get("sample", {}),
        {
            "rate": float(form.rate.data) / 100,
            "redraw": f"{form.redraw.data}d" if form.redraw.data else None,
            "holdout": float(form.holdout.data) / 100 if form.holdout.data else None,
        },
    )
    spread = {} if form.existing is None else {"existing": _spread(form.existing.data)}
    return changed_body(
        body,
        spread
        | {
            "name": form.name.data,
            "status": form.status.data,
            "priority": form.priority.data,
            **({"if": _condition(form)} if form.condition.raw_data else {}),
            "sample": None if sample == {"rate": 1.0} else sample,
        },
    )


@blueprint.get("/decisions")
@staff("read")
def decisions() -> Any:
    """Decisions, the newest first, by trigger and outcome."""
    slug, outcome = request.args.get("trigger", ""), request.args.get("outcome", "")
    gone = slug if slug and trigger_id(slug) is None else ""
    slug = "" if gone else slug
    found = list_decisions(
        contact_id=None,
        trigger=slug or None,
        outcome=outcome if outcome in ("invited", "skipped", "acted") else None,
        before=_cursor(request.args.get("before", "")),
        limit=51,
        company_zone=company().zone,
    )
    leads = public_ids(d.contact_id for d in found if d.contact_id)
    return render_template(
        "admin/decisions.html",
        rows=[
            (d, sentence(d), [(*rung_words(r), r.passed) for r in d.gates], leads.get(d.contact_id or 0))
            for d in found[:50]
        ],
        more=found[49].cursor if len(found) > 50 else None,  # noqa: PLR2004 one more than a page
        slug=slug,
        gone=gone[:SHOWN_OF_A_NAME],
        outcome=outcome,
        outcome_word=outcome_word,
        source_names=source_names(),
        names=trigger_names(),
        plain_reason=plain_reason,
    )


def _cursor(value: str) -> str:
    parts = value.split("-")
    return value if len(parts) == 2 and all(p.isascii() and p.isdecimal() and len(p) < 19 for p in parts) else ""  # noqa: PLR2004 event and trigger


@blueprint.get("/offers")
@staff("read")
def offers() -> Any:
    stock = offer_stock()
    rows = [
        (
            slug,
            chosen(body.get("name")) or slug,
            _(
                "%(free)s codes left, %(given)s given",
                free=stock.get(slug, (0, 0))[0],
                given=stock.get(slug, (0, 0))[1],
            ),
        )
        for slug, body in offer_definitions().items()
    ]
    return render_template(
        "admin/list.html",
        kind="offers",
        title=_("Bonuses"),
        state=_("Codes that an ending of a survey can give."),
        rows=rows,
        empty_text=_("A bonus is a pool of codes; a survey's ending gives one to whoever answered."),
    )


@blueprint.get("/departments")
@staff("read")
def departments() -> Any:
    rows = [
        (slug, body.get("name") or slug, " · ".join(str(body[k]) for k in ("email", "hours", "zone") if body.get(k)))
        for slug, body in department_definitions().items()
    ]
    return render_template(
        "admin/list.html",
        kind="departments",
        title=_("Departments"),
        state=_("Who works the tasks, when, and where they are told."),
        rows=rows,
        empty_text=_("A department works tasks. It has a name, an address for new tasks, and working hours."),
    )
