"""The check of the limits: what the last audits of the contact policy found, and one more at the press of a button."""

from datetime import datetime
from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from app.actions.audits import ask_for_audit, see_audit
from app.admin import blueprint
from app.admin.kinds import actor_word
from app.admin.shell import ID_MAX
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.jobs import ring
from app.queries.audits import audit_rows, latest_audit
from app.queries.contacts import public_ids

SHOWN = 20


@blueprint.get("/policy/audits")
@staff("read")
def policy_audits() -> Any:
    latest, rows = latest_audit(), audit_rows(SHOWN)
    return render_template(
        "admin/audits.html",
        latest=latest,
        rows=rows,
        running=any(row.ended_at is None for row in rows),
        actor_word=actor_word,
        broken=[v | {"until": datetime.fromisoformat(v["until"])} for v in latest.violations] if latest else [],
        known=public_ids({v["contact"] for v in latest.violations} if latest else set()),
    )


@blueprint.post("/policy/audits")
@staff("settings")
def ask_policy_audit() -> Any:
    ask_for_audit(signed_in().email, utcnow())
    ring("audit")
    flash(_("The limits are being checked."), "good")
    return redirect(url_for("admin.policy_audits"), 303)


@blueprint.post("/policy/audits/<int:audit_id>/seen")
@staff("settings")
def see_policy_audit(audit_id: int) -> Any:
    if audit_id > ID_MAX:
        abort(404)
    see_audit(audit_id, signed_in().email, utcnow())
    return redirect(url_for("admin.policy_audits"), 303)
