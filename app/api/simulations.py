"""Rehearsals: a draft on past events, in the background."""

from datetime import date
from typing import Any

import orjson
from flask import abort, g, jsonify
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields

from app.actions.simulations import AskedFor, UnknownSimulation, ask_for_simulation, cancel_simulation
from app.api.pages import ID_MAX
from app.auth import require
from app.clock import utcnow
from app.definitions import load_definitions
from app.definitions.drafts import span_of
from app.errors import answer
from app.jobs import ring
from app.queries.installation import company
from app.queries.rehearsals import DIFFERING_MAX, count_events
from app.queries.simulations import differing_contacts, find_simulation

blueprint = Blueprint("simulations", __name__, description="Rehearsals on past events: nothing is sent or changed")


class SimulationBody(Schema):
    """Definitions laid over what is in force, and the company days whose events are rehearsed, both included."""

    definitions = fields.Dict(required=True)
    begin = fields.Date(required=True, data_key="from")
    end = fields.Date(required=True, data_key="to")


@blueprint.post("/simulations")
@blueprint.doc(summary="Rehearse a draft on past events; answers at once, the result comes later")
@require("definitions:write")
@blueprint.arguments(SimulationBody, unknown=RAISE)
def post_simulation(body: dict[str, Any]) -> Any:
    loaded = load_definitions({"": orjson.dumps(body["definitions"]).decode()})
    if loaded.faults:
        return answer(422, "The definitions have faults.", errors={"definitions": [f.message for f in loaded.faults]})
    begin: date = body["begin"]
    try:
        span = span_of(begin, body["end"], company().zone)
    except OverflowError:
        return answer(422, "There are no events so far away.", errors={"from": ["no events between these days"]})
    if span.until <= span.since:
        return answer(422, "The last day is before the first.", errors={"to": ["must not be before from"]})
    total = count_events(span)
    if not total:
        return answer(422, "There are no events between these days.", errors={"from": ["no events between these days"]})
    text = orjson.dumps(body["definitions"]).decode()
    draft = AskedFor(text, span.since, span.until)
    found = ask_for_simulation(draft, total=total, actor=g.key.name, now=utcnow())
    ring("rehearse")
    return jsonify(_as_json(found)), 202


@blueprint.get("/simulations/<int:simulation_id>")
@blueprint.doc(summary="A rehearsal: how far it is, and what came of it")
@require("read")
def get_simulation(simulation_id: int) -> Any:
    return jsonify(_as_json(simulation_id))


@blueprint.delete("/simulations/<int:simulation_id>")
@blueprint.doc(summary="Stop a rehearsal that is not done yet")
@require("definitions:write")
def delete_simulation(simulation_id: int) -> Any:
    if simulation_id > ID_MAX:
        abort(404)
    try:
        cancel_simulation(simulation_id, utcnow())
    except UnknownSimulation:
        abort(404)
    return jsonify(_as_json(simulation_id))


def _as_json(simulation_id: int) -> dict[str, Any]:
    row = find_simulation(simulation_id)
    if row is None:
        abort(404)
    told = {"id": row.id, "state": row.state, "done": row.done, "total": row.total, "error": row.error}
    found = row.result or {}
    if "differing" in found:
        named = differing_contacts(row.id, offset=0, limit=DIFFERING_MAX)
        found = found | {"differing": found["differing"] | {"contacts": named}}
    return told | found
