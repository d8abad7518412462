"""Sending a view of the overview weekly or monthly: to whom, how it reads, and how to stop it."""

from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.actions.digests import call_off_digest, order_digest
from app.admin import blueprint
from app.admin.overview import asked_filters
from app.admin.shell import whole
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.queries import overview as readers
from app.queries.accounts import SEE_FIGURES, Account, list_accounts
from app.queries.digests import RHYTHMS, digests_at, next_due
from app.queries.installation import company
from dashboards import PATH
from dashboards.asked import Asked
from dashboards.digest import digest
from dashboards.filters import Filters, moving


def rhythm_words() -> dict[str, str]:
    return {"weekly": _("every Monday at 9:00"), "monthly": _("on the first of every month at 9:00")}


def people() -> list[Account]:
    """Everybody who may see figures."""
    return [a for a in list_accounts() if a.role in SEE_FIGURES and a.disabled_at is None]


@blueprint.route("/digests", methods=["GET", "POST"])
@staff("dashboard")
def digests() -> Any:
    filters = moving(asked_filters(), readers.today())
    rhythm = request.form.get("rhythm", RHYTHMS[0])
    chosen = set(request.form.getlist("to")) if request.method == "POST" else {str(signed_in().id)}
    to = [a for a in people() if str(a.id) in chosen]
    fault = None
    if request.method == "POST":
        if rhythm not in RHYTHMS:
            abort(422)
        if to:
            return _ordered(filters, rhythm, to)
        fault = _("Choose at least one person.")
    return render_template(
        "admin/digests.html",
        address=filters.address(),
        told=digest(Asked(readers, signed_in(), filters), company().name, _url(filters)),
        getting=digests_at(filters.address()),
        people=people(),
        chosen=chosen,
        rhythms=rhythm_words(),
        rhythm=rhythm,
        first={name: next_due(name, utcnow(), company().zone) for name in RHYTHMS},
        back=filters.address(PATH),
        fault=fault,
    ), 422 if fault else 200


def _url(filters: Filters) -> str:
    return f"{current_app.config['BASE_URL']}{PATH}{filters.address()}"


def _ordered(filters: Filters, rhythm: str, to: list[Account]) -> Any:
    ids = [account.id for account in to]
    made = order_digest(filters.address(), rhythm, ids, signed_in().email, company().zone, utcnow())
    if made:
        flash(ngettext("%(num)d person will get it.", "%(num)d people will get it.", made), "good")
    else:
        flash(_("They get it already."), "neutral")
    return redirect(filters.address(url_for("admin.digests")), 303)


@blueprint.post("/profile/digests")
@staff("self")
def stop_digest() -> Any:
    if call_off_digest(whole(request.form, "id"), signed_in().id, utcnow()):
        flash(_("Stopped. You do not get it any more."), "good")
    else:
        flash(_("It was stopped already."), "neutral")
    return redirect(url_for("admin.profile"), 303)
