"""Where services post what happened, in their own words."""

from typing import Any

from flask import Blueprint, current_app, jsonify, request

from app.auth import is_stranger, known_source, limit_strangers
from app.clock import utcnow
from app.errors import answer
from app.extensions import limiter
from app.inbound.payloads import take_payload
from app.jobs import ring

blueprint = Blueprint("webhooks", __name__)


def _source_name() -> str:
    return f"source:{(request.view_args or {}).get('source')}"


@blueprint.post("/webhooks/<source>")
@limit_strangers
@limiter.limit(
    lambda: current_app.config["RATE_LIMIT"], key_func=_source_name, deduct_when=lambda r: not is_stranger(r)
)
def post_payload(source: str) -> Any:
    known = known_source(source)
    if known is None:
        return answer(404, "No source has this name, or it takes no payloads.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    taken = take_payload(known, request.get_data(), request.mimetype, headers, utcnow())
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
