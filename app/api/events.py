"""Events: many at once, each answered for on its own."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import abort, g, jsonify, request
from flask_smorest import Blueprint

from app.actions.events import record_events
from app.actions.sources import keep_payload
from app.auth import require
from app.clock import utcnow
from app.errors import answer
from app.extensions import check_rate, dump_json
from app.inbound.bodies import EVENT_MAX, EVENTS_MAX, BodyError, inflate, parse_json, parse_ndjson, too_much
from app.inbound.envelopes import EventSchema, read_events
from app.jobs import ring
from app.queries.events import find_event

blueprint = Blueprint("events", __name__, description="What happened")
KEPT_MAX = 5
"""So many refused items of one request are kept aside."""
TAKEN = {"id": ["Is taken by another event."]}


@blueprint.post("/events")
@blueprint.doc(
    summary="Record one event, an array of events, or NDJSON; gzip is welcome",
    requestBody={"content": {"application/json": {"schema": EventSchema}}},
    responses={"202": {"description": "Stored, with what became of each item"}},
)
@require("events:write")
def post_events() -> Any:
    check_rate("ingest", g.key.key_id)
    items, single = _items()
    now = utcnow()
    reading = read_events(items, now)
    rejected = dict(reading.faults)
    accepted = duplicates = 0
    if reading.events:
        receipt = record_events(g.key.source_id, reading.events, now)
        accepted, duplicates = receipt.accepted, receipt.duplicates
        for number in receipt.clashes:
            position = reading.positions[number]
            rejected[position] = TAKEN
    for position in sorted(rejected)[:KEPT_MAX]:
        _keep(items[position], rejected[position], now)
    if accepted:
        ring("resolve")
    told = {
        "accepted": accepted,
        "duplicates": duplicates,
        "rejected": [{"index": i, "errors": rejected[i]} for i in sorted(rejected)],
    }
    if single and rejected.get(0) is TAKEN:
        return answer(409, "Another event has this id.", errors=TAKEN)
    return jsonify(told), 202 if accepted or duplicates else 422


def _keep(item: Any, errors: dict[str, Any], now: datetime) -> None:
    """A refused item stands on the page of its source, with the reason; what is no JSON at all as its text."""
    try:
        body = dump_json(item).encode()
    except TypeError:
        body = repr(item).encode()
    keep_payload(g.key.source_id, body[:EVENT_MAX], "application/json", {}, errors, now)


def _items() -> tuple[list[Any], bool]:
    """The items of the request, and whether it was a single one."""
    body = inflate(request.get_data(), request.headers.get("Content-Encoding", ""))
    if request.mimetype in ("application/x-ndjson", "application/ndjson", "application/jsonl"):
        items, single = parse_ndjson(body), False
    elif request.mimetype == "application/json":
        parsed = parse_json(body)
        single = not isinstance(parsed, list)
        items = [parsed] if single else parsed
        if single and (fault := too_much(parsed)):
            raise BodyError(fault, 413)
    else:
        raise BodyError(
            f"Content-Type {request.mimetype or '(none)'} is not known; use application/json or application/x-ndjson.",
            415,
        )
    if len(items) > EVENTS_MAX:
        raise BodyError(f"More than {EVENTS_MAX:,} events.", 413)
    if not items:
        raise BodyError("There is no event in the body.", 422)
    return items, single


@blueprint.get("/events/<source>/<path:event_id>")
@blueprint.doc(summary="One event, and what became of it")
@require("read")
def get_event(source: str, event_id: str) -> Any:
    event = find_event(source, event_id)
    if event is None:
        abort(404, "No event has this id.")
    return jsonify(asdict(event))
