"""Sharing a survey: open links for posters, pages and tablets, with their QR codes and what came by them."""

from io import BytesIO
from typing import Any

import segno
from flask import Response, abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.actions.links import NAME_MAX, RESTARTS, InvalidOrigin, UnknownLink, Wanted, make_link, switch_link
from app.admin import blueprint
from app.admin.reasons import survey_name
from app.admin.shell import ID_MAX
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.links import open_url
from app.queries.links import links_of
from app.queries.surveys import survey_definitions


class LinkForm(FlaskForm):
    """A new open link."""

    name = StringField(lazy_gettext("Name, for you"), [InputRequired(), Length(max=NAME_MAX)])
    touchpoint = StringField(lazy_gettext("Touchpoint"), [Length(max=NAME_MAX)])
    place = StringField(lazy_gettext("Place"), [Length(max=NAME_MAX)])
    restarts_after = IntegerField(
        lazy_gettext("On a tablet: begins again after … seconds"), [Optional(), NumberRange(*RESTARTS)]
    )
    origins = TextAreaField(lazy_gettext("Pages that may show it in a frame"), [Length(max=2_000)])


@blueprint.get("/surveys/<slug>/share")
@staff("read")
def share_survey(slug: str) -> Any:
    return _page(slug, LinkForm())


@blueprint.post("/surveys/<slug>/share")
@staff("design")
def make_open_link(slug: str) -> Any:
    form = LinkForm()
    if not form.validate_on_submit():
        return _page(slug, form), 422
    wanted = Wanted(
        form.name.data.strip(),
        (form.touchpoint.data or "").strip() or None,
        (form.place.data or "").strip() or None,
        tuple((form.origins.data or "").split()),
        form.restarts_after.data,
    )
    try:
        make_link(slug, wanted, actor=signed_in().email, now=utcnow())
    except InvalidOrigin as error:
        said = _("“%(origin)s” is no page's origin; write it like https://shop.example.", origin=error.origin)
        form.origins.errors = [said]
        return _page(slug, form), 422
    except LookupError:
        abort(404)
    flash(_("The link is open."), "good")
    return redirect(url_for("admin.share_survey", slug=slug), 303)


@blueprint.post("/surveys/<slug>/share/<int:link_id>")
@staff("design")
def switch_open_link(slug: str, link_id: int) -> Any:
    """Close an open link, or open a closed one again."""
    if link_id > ID_MAX:
        abort(404)
    try:
        closed = switch_link(link_id, actor=signed_in().email, now=utcnow())
    except UnknownLink:
        abort(404)
    flash(_("The link is closed.") if closed else _("The link is open."), "good")
    return redirect(url_for("admin.share_survey", slug=slug), 303)


@blueprint.get("/surveys/<slug>/share/<int:link_id>.svg")
@staff("read")
def show_qr_code(slug: str, link_id: int) -> Any:
    """The link as a QR code, to be printed in any size."""
    link = next((link for link in links_of(slug) if link.id == link_id), None)
    if link is None:
        abort(404)
    drawn = BytesIO()
    segno.make(open_url(link.public_id), error="m").save(drawn, kind="svg", scale=8, border=4, light="#fff")
    response = Response(drawn.getvalue(), mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response


def _page(slug: str, form: LinkForm) -> Any:
    body = survey_definitions().get(slug)
    if body is None:
        abort(404)
    return render_template(
        "admin/share.html",
        slug=slug,
        name=survey_name({slug: body}, slug),
        links=[(link, open_url(link.public_id)) for link in links_of(slug)],
        form=form,
    )
