"""Sending: what is due, what failed, what nobody is sure of; and the switch that stops it all."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.actions.deliveries import NotUnknown, settle_by_hand, switch_sending
from app.actions.effects import redrive_effects
from app.actions.events import redrive_events
from app.admin import blueprint
from app.admin.faults import fault_words
from app.admin.kinds import channel_word
from app.admin.shell import ID_MAX
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.jobs import ring
from app.queries.deliveries import (
    delivery_rows,
    outgoing_counts,
    sending_stopped,
)
from app.queries.effects import dead_effects
from app.queries.events import dead_events

SHOWN = 50


@blueprint.get("/sending")
@staff("sending")
def sending() -> Any:
    now = utcnow()
    return render_template(
        "admin/sending.html",
        stopped=sending_stopped(),
        channel_word=channel_word,
        fault_words=fault_words,
        counts=outgoing_counts(now),
        unknown=delivery_rows("unknown", SHOWN),
        failed=delivery_rows("refused", SHOWN),
        retrying=delivery_rows("retrying", SHOWN),
        dead=[(f"{source} / {external_id}", kind, error) for _i, source, external_id, kind, error in dead_events(SHOWN)]
        + [(trigger, kind, error) for _i, kind, trigger, error in dead_effects(SHOWN)],
    )


@blueprint.post("/sending/switch")
@staff("design")
def switch() -> Any:
    switch_sending(stopped=request.form.get("to") == "stop", now=utcnow(), actor=signed_in().email)
    if request.form.get("to") != "stop":
        ring("send")
    return redirect(url_for("admin.sending"), 303)


@blueprint.post("/sending/<int:delivery_id>")
@staff("design")
def settle(delivery_id: int) -> Any:
    """A person says what became of a sending that nobody was sure of. It is never sent again."""
    said = request.form.get("became")
    if said not in ("arrived", "lost"):
        abort(422)
    if delivery_id > ID_MAX:
        abort(404)
    try:
        settle_by_hand(delivery_id, said == "arrived", utcnow(), actor=signed_in().email)
    except NotUnknown:
        flash(_("Somebody settled this one already."), "wait")
    else:
        ring("score")
        flash(_("Settled."), "good")
    return redirect(url_for("admin.sending"), 303)


@blueprint.post("/sending/again")
@staff("design")
def redrive() -> Any:
    """Five more attempts for everything that was set aside."""
    who = signed_in().email
    n = redrive_events(None, who, utcnow()) + redrive_effects(who, utcnow())
    ring("decide")
    ring("carry_out")
    flash(_("%(n)s are tried again.", n=n), "good")
    return redirect(url_for("admin.sending"), 303)
