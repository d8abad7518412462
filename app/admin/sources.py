"""Sources: what they sent last, why each payload was refused, the mapping tried live, and a line to try it with."""

from typing import Any

import orjson
from flask import abort, current_app, render_template, request
from flask_babel import gettext as _

from app.actions.sources import add_key
from app.admin import blueprint
from app.admin.faults import fault_lines
from app.admin.shell import whole
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.inbound.payloads import try_mapping
from app.queries.definitions import body_in_force
from app.queries.sources import find_payload, find_source, last_payloads, source_rows

SHOWN = 20
TRY_SCOPES = ("events:write",)


@blueprint.get("/sources")
@staff("sources")
def sources() -> Any:
    rows = source_rows(utcnow())
    return render_template("admin/sources.html", rows=rows, refused=sum(r.refused for r in rows))


@blueprint.get("/sources/<slug>")
@staff("sources")
def source(slug: str) -> Any:
    return _page(slug)


def _page(slug: str, status: int = 200, **more: Any) -> Any:
    row = next((r for r in source_rows(utcnow()) if r.slug == slug), None)
    if row is None:
        abort(404)
    payloads = last_payloads(row.id, SHOWN)
    return render_template(
        "admin/source.html",
        row=row,
        slug=slug,
        body=body_in_force("sources", slug) or {},
        payloads=[(p, _readable(p.body)) for p in payloads],
        base=current_app.config["BASE_URL"],
        who=signed_in(),
        fault_lines=fault_lines,
        **more,
    ), status


def _readable(body: bytes) -> str:
    """A payload as a person reads it: JSON spread out, anything else as it came."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()[:5000]
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")[:5000]


@blueprint.post("/sources/<slug>/try")
@staff("sources")
def try_source(slug: str) -> Any:
    """Read a kept payload with the mapping as it would be now; nothing is stored."""
    payload = find_payload(whole(request.form, "payload"))
    if payload is None or payload.source != slug:
        abort(404)
    known = find_source(slug)
    if known is None or known.service.mapping is None:
        return _page(slug, 422, tried=payload.id, errors={"map": [_("This source has no mapping yet.")]}, event=None)
    event, errors = try_mapping(known, payload.content_type, payload.headers, payload.body, utcnow())
    return _page(slug, tried=payload.id, event=event, errors=errors)


@blueprint.post("/sources/<slug>/key")
@staff("people")
def try_key(slug: str) -> Any:
    """A fresh key for a line to try: shown once, in the answer itself."""
    made = add_key(_("Try it, %(name)s", name=signed_in().name), TRY_SCOPES, slug, utcnow(), actor=signed_in().email)
    return _page(slug, key=made)
