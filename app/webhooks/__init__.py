"""Where services post what happened, in their own words."""

from typing import Any

from flask import Blueprint, jsonify, request

from app.auth import known_source, turn_away
from app.clock import utcnow
from app.errors import answer
from app.inbound.payloads import Unauthenticated, take_payload
from app.jobs import ring

blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/webhooks/<source>")
def post_payload(source: str) -> Any:
    known = known_source(source)
    if known is None:
        return answer(404, "No source has this name, or it takes no payloads.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        taken = take_payload(known, request.get_data(), request.mimetype, headers, utcnow())
    except Unauthenticated:
        turn_away()
        raise
    if taken.result == "accepted":
        ring("resolve")
    if taken.result == "clash":
        return answer(409, "Another event has this id.", errors=taken.errors)
    if taken.result == "too much":
        return answer(413, "The event in this payload is too large or too deep.", errors=taken.errors)
    receipt = {
        "accepted": int(taken.result == "accepted"),
        "duplicates": int(taken.result == "duplicate"),
        "rejected": [{"index": 0, "errors": taken.errors}] if taken.errors else [],
    }
    if taken.result in ("ignored", "held"):
        receipt[taken.result] = 1
    return jsonify(receipt), 422 if taken.errors else 202
