"""The door for web pages: the widget's scripts, what visitors do, and the popups that ask them."""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, g, jsonify, request
from marshmallow import ValidationError

from app.actions.deliveries import confirm_popup
from app.actions.events import record_events
from app.auth import known_widget
from app.clock import utcnow
from app.errors import answer
from app.extensions import check_rate
from app.inbound.bodies import EVENT_MAX
from app.jobs import ask_at_once, ring, show_popup
from app.links import read_token
from app.queries.contacts import EXTERNAL, owners
from app.queries.invitations import find_asked
from app.queries.sources import KnownSource
from app.queries.triggers import asks_through
from app.respond.answering import take_answer
from app.widget import preview
from app.widget.popups import closed, first_page, page_after, thanks
from app.widget.visits import Visit, errors_of, read_visit

__all__ = ["blueprint", "preview"]
blueprint = Blueprint("widget", __name__)
SCRIPTS = Path(__file__).parent.parent / "static" / "widget"
LOADER, PARTS = "widget", ("form", "popup")
FRESH_FOR = 3600  # seconds for which a browser need not ask again for a script
ANSWER_MAX = 200_000
TAKEN = {"id": ["Is taken by another event."]}


@dataclass(frozen=True)
class Script:
    """A script as it is served."""

    plain: bytes
    packed: bytes
    tag: str


@cache
def script(name: str) -> Script:
    """One of the widget's own scripts, packed once."""
    plain = (SCRIPTS / f"{name}.js").read_bytes()
    return Script(plain, gzip.compress(plain, 9, mtime=0), blake2b(plain, digest_size=8).hexdigest())


@blueprint.get("/widget.js")
def get_loader() -> Response:
    return _serve(LOADER)


@blueprint.get("/widget/<name>.js")
def get_part(name: str) -> Response:
    if name not in PARTS:
        abort(404)
    return _serve(name)


def _serve(name: str) -> Response:
    """A script for any page anywhere: it holds nothing of anybody's."""
    found = script(name)
    packed = request.accept_encodings.quality("gzip") > 0
    response = Response(found.packed if packed else found.plain, mimetype="text/javascript")
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.public, response.cache_control.max_age = True, FRESH_FOR
    response.set_etag(f"{found.tag}{'-gz' if packed else ''}")
    response.make_conditional(request)
    return response


@blueprint.before_request
def _admit() -> None:
    """Only pages of the source's own sites are heard, before anything else is looked at."""
    slug = (request.view_args or {}).get("source")
    if slug is None:
        return
    known, origin = known_widget(slug), request.headers.get("Origin", "")
    if known is None:
        abort(404, "No widget has this key.")
    if origin not in known.service.origins and origin not in _own_origins():
        abort(403, f"Pages of {origin or 'nowhere'} may not speak for this source; see its origins.")
    g.origin, g.widget = origin, known
    request.max_content_length = ANSWER_MAX if request.mimetype == "application/x-www-form-urlencoded" else EVENT_MAX
    if request.method == "POST":
        check_rate("ingest", slug)
        check_rate("visitors", str(request.remote_addr))


def _own_origins() -> set[str]:
    """Pages that Otklik serves itself may always speak."""
    base = urlsplit(current_app.config["BASE_URL"])
    return {f"{base.scheme}://{base.netloc}", request.host_url.rstrip("/")}


@blueprint.after_request
def _allow_origin(response: Response) -> Response:
    """The browser may hand our answer, faults too, to a page whose origin was admitted; and nobody keeps it."""
    if "source" not in (request.view_args or {}):
        return response
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.add("Origin")
    if "origin" in g:
        response.headers["Access-Control-Allow-Origin"] = g.origin
        response.headers["Access-Control-Allow-Methods"] = "POST"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        response.headers["Access-Control-Max-Age"] = "86400"
    return response


@blueprint.post("/widget/<source>/visits")
def post_visit(source: str) -> Any:
    """One event of a page, or just a look whether there is something to ask."""
    widget: KnownSource = g.widget
    now = utcnow()
    try:
        visit = read_visit(widget, request.get_data(), now)
    except ValidationError as error:
        return answer(422, f"{source} could not take this event.", errors=errors_of(error))
    receipt = {"accepted": 0, "duplicates": 0}
    if visit.event is not None:
        stored = record_events(widget.id, [visit.event], now)
        if stored.clashes:
            return answer(409, "Another event has this id.", errors=TAKEN)
        receipt = {"accepted": stored.accepted, "duplicates": stored.duplicates}
    popup = _ask(widget, visit, new=bool(receipt["accepted"]))
    return jsonify({**receipt, "identified": visit.known_id is not None, "popup": popup}), 202


def _ask(widget: KnownSource, visit: Visit, *, new: bool) -> dict[str, Any] | None:
    """What the visitor is to be asked now, if they are known and there is room; what is new is decided first."""
    asking = visit.known_id is not None and visit.popup
    if new and visit.event is not None:
        if asking and asks_through("web", visit.event.type):
            return ask_at_once(widget.id, visit.event.external_id, first_page)
        ring("resolve")
    if visit.known_id is None or not asking:
        return None
    name = (EXTERNAL, widget.service.namespace, visit.known_id)
    contact_id = owners([name]).get(name)
    return show_popup(contact_id, first_page) if contact_id is not None else None


@blueprint.post("/widget/<source>/seen/<token>")
def post_seen(source: str, token: str) -> Any:  # noqa: ARG001 looked at before
    public_id = read_token("s", token)
    if public_id is None:
        return answer(404, "No popup has this token.")
    confirm_popup(public_id, utcnow())
    return "", 204


@blueprint.post("/widget/<source>/answers/<token>")
def post_answer(source: str, token: str) -> Any:  # noqa: ARG001 looked at before
    now = utcnow()
    public_id = read_token("s", token)
    asked = find_asked(public_id, now) if public_id else None
    if asked is None:
        return closed("unknown", None), 404
    if not asked.answerable():
        return closed(asked.state, asked.language)
    submit, recorded = take_answer(asked, request.form, now)
    if not recorded.stored:
        return closed(recorded.state, asked.language)
    if submit.faults or submit.next_page is not None:
        return page_after(asked, submit), 422 if submit.faults else 200
    return thanks(asked, recorded)
