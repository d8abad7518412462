"""Crisis mode on screen: begun, always with an end, and ended."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, flash, redirect, request, url_for
from flask_babel import gettext as _

from app.actions.crises import EndlessCrisis, UnknownCrisis, declare_crisis, end_crisis
from app.admin import blueprint
from app.admin.session import safe_back
from app.admin.shell import ID_MAX
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.queries.installation import company
from surveys.crisis import SCOPES

VALUE_MAX = 200


@blueprint.post("/policy/crisis")
@staff("crisis")
def begin_crisis() -> Any:
    """Begin one for the whole company or a part of it; its end is on the company's clock."""
    scope, value = request.form.get("scope", ""), request.form.get("value", "").strip()[:VALUE_MAX]
    here = redirect(url_for("admin.policy"), 303)
    if scope not in SCOPES or (scope != "all" and not value):
        flash(_("Say which part of the company it is about."), "bad")
        return here
    try:
        ends_at = datetime.fromisoformat(request.form.get("until", "")).replace(tzinfo=ZoneInfo(company().zone))
        declare_crisis(scope, "" if scope == "all" else value, ends_at, actor=signed_in().email, now=utcnow())
    except (ValueError, EndlessCrisis):
        flash(_("A crisis needs an end: later than now, and within 90 days."), "bad")
    else:
        flash(_("Crisis mode has begun."), "good")
    return here


@blueprint.post("/policy/crisis/<int:crisis_id>/end")
@staff("crisis")
def stop_crisis(crisis_id: int) -> Any:
    if crisis_id > ID_MAX:
        abort(404)
    try:
        end_crisis(crisis_id, actor=signed_in().email, now=utcnow())
    except UnknownCrisis:
        flash(_("It is over already."), "bad")
    else:
        flash(_("Crisis mode is over."), "good")
    return redirect(safe_back(request.form.get("back")) or url_for("admin.policy"), 303)
