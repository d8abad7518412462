"""Publishing a draft, with what it means; the versions of a survey, their differences, and the way back to one."""

from collections.abc import Mapping
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from app.actions.definitions import ChangedMeanwhile
from app.actions.drafts import UnknownDraft, note_published, replace_draft
from app.admin import blueprint
from app.admin.builder import draft_faults
from app.admin.builder_words import warning_words
from app.admin.differences import break_words, difference_words, going_on_words
from app.admin.editing import put_in_force
from app.admin.reasons import survey_name
from app.admin.shell import whole
from app.admin.words import chosen, inner
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.definitions import write_definition
from app.queries.catalogue import Hearing, hearing_triggers
from app.queries.drafts import Written, find_written, has_answers, in_force, version_rows
from surveys.drafts import FIXED, Draft
from surveys.versions import breaks, differences, going_on


@blueprint.route("/surveys/<slug>/publish", methods=["GET", "POST"])
@staff("design")
def publish_survey(slug: str) -> Any:
    """What changes for customers, what becomes of the figures, what is missing; and the button."""
    written = find_written(slug)
    if written is None:
        abort(404)
    live = in_force(slug)
    form, told = FlaskForm(), ""
    if form.validate_on_submit():
        if (whole(request.form, "revision"), whole(request.form, "live")) != (written.revision, live[0] if live else 0):
            told = _("Something changed since this page was opened. Read it once more, then publish.")
        elif done := _publish(written, live[1] if live else None):
            told = done
        else:
            flash(_("Live: whoever is asked from now on gets this version."), "good")
            return redirect(url_for("admin.survey", slug=slug), 303)
    return _sheet(written, live, form, told), 409 if told else 200


def _publish(written: Written, present: dict[str, Any] | None) -> str:
    """Freeze what is written as the next version; returns why it could not be."""
    slug = written.slug
    try:
        faults = put_in_force("surveys", slug if present else "", write_definition("surveys", written.body), present)
    except ChangedMeanwhile:
        return _("Something changed since this page was opened. Read it once more, then publish.")
    if faults:
        return faults[0].message
    if live := in_force(slug):
        note_published(slug, live[0])
    return ""


def _sheet(written: Written, live: tuple[int, dict[str, Any]] | None, form: FlaskForm, told: str) -> str:
    before, after = live[1] if live else None, written.body
    return render_template(
        "admin/builder_publish.html",
        slug=written.slug,
        name=survey_name({written.slug: after}, written.slug),
        form=form,
        told=told,
        revision=written.revision,
        live=live[0] if live else 0,
        moved=bool(live and written.based_on != live[0]),
        faults=list(dict.fromkeys(_placed(fault, written.draft) for fault in draft_faults(written.draft, after))),
        changes=[difference_words(d, after) for d in differences(before, after)] if before else [],
        same=before == after,
        breaks=[break_words(b, before) for b in breaks(before, after)] if before else [],
        goes_on=going_on_words(going_on(before, after)) if before else "",
        answered=live is not None and has_answers(written.slug),
        heard=[(one.slug, _hearing_words(one)) for one in hearing_triggers(written.slug)]
        if after.get("sensitive")
        else [],
        warnings=[text for _key, _place, text in warning_words(written.draft, after)],
    )


def _heard(slug: str) -> list[tuple[str, str]]:
    """The triggers that do something with the answers, and what becomes of it where few may read them."""
    return [(one.slug, _hearing_words(one)) for one in hearing_triggers(slug)]


def _hearing_words(one: Hearing) -> str:
    """What a trigger cannot do with answers that only some may read, and what it does all the same."""
    name = inner(one.name)
    if not one.tells:
        return _("“%(name)s” depends on the answers: that it acts tells something of them.", name=name)
    if not one.reads:
        return _("“%(name)s” puts answers into texts or attributes: they stay empty.", name=name)
    return _(
        "“%(name)s” puts answers into texts or attributes: they stay empty. "
        "It depends on the answers, too: that it acts tells something of them.",
        name=name,
    )


def _placed(fault: Mapping[str, Any], draft: Draft) -> str:
    """A fault with what it is about."""
    key = fault["key"]
    text = chosen(draft.parts[key].get("text")) if key in draft.parts and key not in FIXED else ""
    where = ".".join(map(str, fault["place"]))
    about = f"“{inner(text)}”" if text else ""
    return ": ".join(filter(None, (about, where, fault["text"])))


@blueprint.get("/surveys/<slug>/versions")
@staff("read")
def survey_versions(slug: str) -> Any:
    """Every version, what each changed, and what the draft would change."""
    written, rows = find_written(slug), version_rows(slug)
    if written is None:
        abort(404)
    bodies: list[tuple[int | None, Any, Mapping[str, Any]]] = [(row.number, row.created_at, row.body) for row in rows]
    if not rows or written.body != rows[0].body:
        bodies.insert(0, (None, written.changed_at, written.body))
    earlier: list[Mapping[str, Any] | None] = [body for _n, _at, body in bodies[1:]] + [None]
    told = [
        (number, at, [difference_words(d, body) for d in differences(before, body)] if before else None)
        for (number, at, body), before in zip(bodies, earlier, strict=True)
    ]
    return render_template(
        "admin/builder_versions.html",
        slug=slug,
        name=survey_name({slug: written.body}, slug),
        versions=told,
        live=rows[0].number if rows and in_force(slug) else None,
    )


@blueprint.post("/surveys/<slug>/versions/<int:number>/restore")
@staff("design")
def restore_version(slug: str, number: int) -> Any:
    """Make a version of before the draft; what is in force stays until it is published."""
    row = next((row for row in version_rows(slug) if row.number == number), None)
    if row is None:
        abort(404)
    try:
        replace_draft(slug, row.body, actor=signed_in().email, now=utcnow())
    except UnknownDraft:  # archived, and nobody writes on it
        abort(404)
    flash(_("Version %(n)s is the draft now. Look it through, then publish.", n=number), "good")
    return redirect(url_for("admin.build_survey", slug=slug), 303)
