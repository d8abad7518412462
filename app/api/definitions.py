"""Definitions: the same objects as in files, one at a time, with the same checks."""

from collections.abc import Mapping
from typing import Any

import orjson
from flask import abort, g, jsonify, request
from flask_smorest import Blueprint

from app.actions.definitions import StillUsed, apply_definitions, archive_definition
from app.auth import require
from app.clock import utcnow
from app.definitions import load_definitions
from app.errors import answer
from app.inbound.bodies import BodyError, inflate, parse_json
from app.jobs import ring
from app.queries.definitions import CURRENT, MissingSecret
from app.queries.installation import company
from app.queries.policies import policy_definition
from app.queries.timers import count_matching, going_live
from surveys.definition import read
from surveys.triggers import read_trigger

blueprint = Blueprint("definitions", __name__, description="What is defined: policy, surveys, triggers and the rest")
KINDS = "<any(" + ", ".join(f"'{kind}'" for kind in CURRENT) + "):kind>"


@blueprint.get("/policy")
@blueprint.doc(summary="The contact policy in force")
@require("read")
def get_policy() -> Any:
    return jsonify(policy_definition() or {})


@blueprint.put("/policy")
@blueprint.doc(summary="Put a contact policy in force")
@require("definitions:write")
def put_policy() -> Any:
    return _apply("policy", _body()) or jsonify(policy_definition())


@blueprint.get(f"/{KINDS}")
@blueprint.doc(summary="Everything of one kind that is in force")
@require("read")
def get_all(kind: str) -> Any:
    return jsonify({"items": list(CURRENT[kind]().values()), "next": None})


@blueprint.post(f"/{KINDS}")
@blueprint.doc(summary="Define something new")
@require("definitions:write")
def post_one(kind: str) -> Any:
    body = _body()
    slug = body.get("slug")
    if isinstance(slug, str) and slug in CURRENT[kind]():
        return answer(409, "There is one with this slug already.", errors={"slug": ["Is taken."]})
    matching: dict[str, int] = {}
    if faults := _apply(kind, body, matching):
        return faults
    return jsonify(_in_force(kind, body["slug"], matching)), 201


@blueprint.get(f"/{KINDS}/<slug>")
@blueprint.doc(summary="One object as it is in force")
@require("read")
def get_one(kind: str, slug: str) -> Any:
    found = CURRENT[kind]().get(slug)
    return jsonify(found) if found else abort(404, "There is none with this slug.")


@blueprint.put(f"/{KINDS}/<slug>")
@blueprint.doc(summary="Put one object in force, new or in place of what there is")
@require("definitions:write")
def put_one(kind: str, slug: str) -> Any:
    body = _body()
    if body.setdefault("slug", slug) != slug:
        return answer(422, "The definition is not right.", errors={"slug": ["Is another one than in the address."]})
    matching: dict[str, int] = {}
    return _apply(kind, body, matching) or jsonify(_in_force(kind, slug, matching))


def _in_force(kind: str, slug: str, matching: Mapping[str, int]) -> dict[str, Any]:
    """The object; of a trigger that has just gone live also how many match already, and what becomes of them."""
    body = CURRENT[kind]()[slug]
    return body | {"going_live": _going_live(body, matching[slug])} if slug in matching else body


def _going_live(body: Mapping[str, Any], count: int) -> dict[str, Any]:
    return {"match": count, "existing": body.get("existing", "all" if "now" in body["when"] else "skip")}


@blueprint.get("/triggers/<slug>/matching")
@blueprint.doc(summary="How many customers match a trigger of moments already, and what becomes of them")
@require("read")
def get_matching(slug: str) -> Any:
    body = CURRENT["triggers"]().get(slug) or abort(404, "There is none with this slug.")
    count = count_matching(read(body, read_trigger).when, utcnow(), company().zone)
    return jsonify(_going_live(body, count))


@blueprint.delete(f"/{KINDS}/<slug>")
@blueprint.doc(summary="Take one object out of force; its history stays")
@require("definitions:write")
def delete_one(kind: str, slug: str) -> Any:
    try:
        if not archive_definition(kind, slug, actor=g.key.name, now=utcnow()):
            abort(404, "There is none with this slug.")
    except StillUsed as error:
        return answer(409, f"Something in force needs it: {error}.")
    return "", 204


def _body() -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise BodyError("Use application/json.", 415)
    body = parse_json(inflate(request.get_data(), request.headers.get("Content-Encoding", "")))
    if not isinstance(body, dict):
        raise BodyError("The body must be one object.", 422)
    return body


def _apply(kind: str, body: dict[str, Any], matching: dict[str, int] | None = None) -> Any:
    """Put one definition in force; what is wrong with it is answered by field.

    How many match already, of triggers that go live with it, is added to ``matching``.
    """
    loaded = load_definitions({"body": orjson.dumps({kind: body if kind == "policy" else [body]}).decode()})
    if loaded.faults:
        errors: dict[str, list[str]] = {}
        for fault in loaded.faults:
            where, _, message = fault.message.partition(": ")
            field = where.removeprefix(f"{kind}.0.").removeprefix(f"{kind}.") if message else "_schema"
            errors.setdefault(field, []).append(message or where)
        return answer(422, "The definition is not right.", errors=errors)
    now = utcnow()
    if matching is not None and kind == "triggers":
        matching |= going_live(loaded.catalog, now, company().zone)
    try:
        apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=now, actor=g.key.name)
    except MissingSecret as error:
        return answer(422, "The definition is not right.", errors={"secret": [str(error)]})
    ring("read_held")
    return None
