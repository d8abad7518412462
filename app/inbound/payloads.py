"""Payloads of services: authenticated, mapped, recorded; or kept aside, with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from marshmallow import ValidationError

from app.actions.events import record_events
from app.actions.sources import keep_payload, mark_payload
from app.extensions import check_rate
from app.inbound.bodies import BODY_MAX, BodyError, fault_of, inflate, parse_form, parse_json, too_much
from app.inbound.envelopes import read_event
from app.inbound.signatures import is_signed
from app.queries.sources import KnownSource, find_source, held_payloads
from surveys.sources import UnmappablePayload, map_payload

FORMS = "application/x-www-form-urlencoded"


class Unauthenticated(Exception):
    """The request does not prove that it comes from the source it names."""


@dataclass(frozen=True)
class Taken:
    """What became of a payload: ``accepted``, ``duplicate``, ``clash``, ``ignored``, ``held`` or ``rejected``."""

    result: str
    errors: dict[str, Any] | None = None


def take_payload(
    source: KnownSource, raw: bytes, content_type: str, headers: Mapping[str, str], now: datetime
) -> Taken:
    """Check, map and record one payload. ``headers`` have lower-case names.

    Raises :class:`app.inbound.bodies.BodyError` and :class:`Unauthenticated`. A body that cannot be parsed still has to
    be signed before anything is said about it.
    """
    inflated = inflate(raw, headers.get("content-encoding", ""))
    fault: BodyError | None = None
    body: Any = None
    try:
        body = _parse(inflated, content_type)
    except BodyError as error:
        fault = error
    signed_over = raw if source.service.scheme in ("hmac", "standard-webhooks") else inflated
    if not is_signed(source.service, source.secrets, headers, signed_over, body):
        raise Unauthenticated
    check_rate("ingest", source.service.slug)
    if fault:
        raise fault
    if (found := fault_of(body, BODY_MAX)) is not None:
        raise BodyError(found, 413 if found.startswith("Nested") else 422)
    headers = {name: value for name, value in headers.items() if name != source.service.header}
    if source.service.scheme == "body-field" and isinstance(body, dict):  # the secret has done its work
        body = {name: value for name, value in body.items() if name != source.service.field}
        inflated, content_type = orjson.dumps(body), "application/json"
    if source.service.mapping is None:
        keep_payload(source.id, inflated, content_type, headers, None, now)
        return Taken("held")
    taken = _record(source, body, headers, now)
    if taken.errors:
        keep_payload(source.id, inflated, content_type, headers, taken.errors, now)
    return taken


def _parse(body: bytes, content_type: str) -> Any:
    if content_type == FORMS:
        return parse_form(body)
    if content_type == "application/json" or content_type.endswith("+json"):
        return parse_json(body)
    raise BodyError(f"Content-Type {content_type or '(none)'} is not known; use application/json or {FORMS}.", 415)


def _record(source: KnownSource, body: Any, headers: Mapping[str, str], now: datetime) -> Taken:
    try:
        item = map_payload(source.service, body, headers)
    except UnmappablePayload as error:
        return Taken("rejected", {error.target: [error.message]})
    if item is None:
        return Taken("ignored")
    if "id" not in item:  # the service names no id: the same payload again is the same event
        item["id"] = "sha-" + sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:40]
    if found := too_much(item):
        return Taken("too much", {"_schema": [found]})
    try:
        event = read_event(item, now)
    except ValidationError as error:
        messages = error.messages
        return Taken("rejected", messages if isinstance(messages, dict) else {"_schema": messages})
    receipt = record_events(source.id, [event], now)
    if receipt.clashes:
        return Taken("clash", {"id": ["Is taken by another event."]})
    return Taken("duplicate" if receipt.duplicates else "accepted")


def try_mapping(
    source: KnownSource, content_type: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The event that a payload would become with the source's mapping, and what is wrong with it; nothing is stored."""
    try:
        item = map_payload(source.service, _parse(body, content_type), headers)
        if item is not None:
            read_event({"id": "made of the payload", **item}, now)
    except UnmappablePayload as error:
        return None, {error.target: [error.message]}
    except BodyError as error:
        return None, {"_schema": [str(error)]}
    except ValidationError as error:
        messages = error.messages
        return item, messages if isinstance(messages, dict) else {"_schema": messages}
    return item, None


def read_held_payloads(limit: int) -> int:
    """Read payloads that were held until their source was mapped. Returns how many."""
    held = held_payloads(limit)
    for payload in held:
        source = find_source(payload.source)
        if source is None:
            mark_payload(payload.id, {"_schema": ["The source is gone."]})
            continue
        taken = _record(source, _parse(payload.body, payload.content_type), payload.headers, payload.received_at)
        mark_payload(payload.id, taken.errors)
    return len(held)
