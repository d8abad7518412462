"""Sources: what they sent last, why each payload was refused, the mapping tried live, and a line to try it with."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from flask import abort, current_app, render_template, request
from flask_babel import gettext as _
from yaml import YAMLError

from app.actions.sources import add_key
from app.admin import blueprint
from app.admin.faults import fault_lines, fault_words
from app.admin.shell import whole
from app.admin.trying import api_line, sample, try_line
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.definitions import read_yaml, write_definitions
from app.inbound.payloads import try_mapping
from app.queries.definitions import body_in_force
from app.queries.sources import KeptPayload, KnownSource, find_payload, find_source, last_payloads, source_rows
from surveys.definition import InvalidDefinition, read
from surveys.sources import WIDGET, read_mapping

SHOWN = 20
TYPED_MAX = 50_000
TRY_SCOPES = ("events:write",)
OURS = ("id", "type", "contact.id", "contact.email", "contact.name", "properties.amount")
IN_OUR_WORDS = {target: f"body.{target}" for target in OURS}


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
    payloads, body = last_payloads(row.id, SHOWN), body_in_force("sources", slug) or {}
    who, now = signed_in(), utcnow()
    told = {"id": f"try-{now:%H%M%S}", "type": "subscription.upgraded", "occurred_at": now.isoformat(),
            "contact.id": f"u-{who.id}", "contact.email": who.email, "contact.name": who.name,
            "properties.amount": 1990}  # fmt: skip
    more.setdefault("trial", _first_trial(slug, body, payloads, told))
    return render_template(
        "admin/source.html",
        row=row,
        slug=slug,
        body=body,
        line=_line(slug, body, told, more.get("key")),
        payloads=[(p, _readable(p.body)) for p in payloads],
        base=current_app.config["BASE_URL"],
        fault_lines=fault_lines,
        spread=lambda value: orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(),
        **more,
    ), status


def _line(slug: str, body: dict[str, Any], told: dict[str, Any], key: str | None) -> str:
    base = current_app.config["BASE_URL"]
    if body.get("scheme", WIDGET) != WIDGET:
        return try_line(body, f"{base}/webhooks/{slug}", sample(body.get("map") or IN_OUR_WORDS, told))
    return api_line(f"{base}/api/v1/events", key or "\u2026", sample(IN_OUR_WORDS, told))


def _readable(body: bytes) -> str:
    """A payload as a person reads it: JSON spread out, anything else as it came."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()[:5000]
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")[:5000]


@dataclass(frozen=True)
class Trial:
    """A payload read with a mapping that may be in force, or only typed; ``like`` is the kept one it came as."""

    payload: str
    map: str
    like: str = ""
    event: dict[str, Any] | None = None
    faults: list[tuple[str, str]] = field(default_factory=list)


def _trial(known: KnownSource, trial: Trial) -> Trial:
    """What becomes of it; nothing is stored."""
    kept = find_payload(whole({"id": trial.like}, "id")) if trial.like else None
    kept = kept if kept and kept.source == known.service.slug else None
    try:
        written = read_yaml(trial.map[:TYPED_MAX])
        mapping = read(written.get("map", written) if isinstance(written, dict) else written, read_mapping)
    except (YAMLError, RecursionError) as error:
        return replace(trial, faults=[("", fault_words(str(getattr(error, "problem", error))))])
    except InvalidDefinition as error:
        return replace(trial, faults=[(".".join(map(str, f.path)), fault_words(f.message)) for f in error.faults])
    draft = replace(known, service=replace(known.service, mapping=mapping))
    kind, headers = (kept.content_type, kept.headers) if kept else ("application/json", {})
    event, errors = try_mapping(draft, kind, headers, trial.payload.strip().encode(), utcnow())
    return replace(trial, event=event, faults=[*fault_lines(errors)] if errors else [])


def _first_trial(slug: str, body: dict[str, Any], payloads: Sequence[KeptPayload], known: dict[str, Any]) -> Trial:
    """The last payload, or one made up, with the mapping in force."""
    mapping = body.get("map") or {"id": "body.id", "type": "body.type", "contact.email": "body.customer.email"}
    text = write_definitions({"map": mapping})
    last = payloads[0] if payloads else None
    payload = (
        _readable(last.body) if last else orjson.dumps(sample(mapping, known), option=orjson.OPT_INDENT_2).decode()
    )
    found = find_source(slug)
    trial = Trial(payload, text, str(last.id) if last else "")
    return _trial(found, trial) if found else trial


@blueprint.post("/sources/<slug>/mapping")
@staff("sources")
def see_mapping(slug: str) -> Any:
    """A payload read with the mapping that is being typed; nothing is stored."""
    known = find_source(slug)
    if known is None:
        abort(404)
    payload, mapping, like = (request.form.get(name, "") for name in ("payload", "map", "like"))
    return _page(slug, trial=_trial(known, Trial(payload, mapping, like if like.isdecimal() else "")))


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
