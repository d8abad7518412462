"""What a page says: one event, and who its visitor is, believed only as far as the shop's own server has signed it."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from typing import Any

import orjson
from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.actions.events import NewEvent
from app.inbound.bodies import BodyError, fault_of, parse_json
from app.inbound.envelopes import read_event
from app.queries.sources import KnownSource

LATEST = timedelta(days=7)
"""How long a device may keep an event before it is told."""


class IdentitySchema(Schema):
    """Who the visitor is. ``hash`` is the HMAC-SHA256 of the id, or of id, line feed and e-mail, in hex."""

    class Meta:
        unknown = RAISE

    id = fields.String(required=True, validate=validate.Length(1, 200))
    hash = fields.String(validate=validate.Length(max=200), allow_none=True)
    email = fields.String(validate=validate.Length(max=320), allow_none=True)
    name = fields.String(validate=validate.Length(max=200), allow_none=True)
    locale = fields.String(validate=validate.Length(max=35), allow_none=True)


class HappeningSchema(Schema):
    """An event as a page tells it: ``at`` by the device's own clock, in milliseconds since 1970."""

    class Meta:
        unknown = RAISE

    id = fields.String(required=True, validate=validate.Length(16, 64))
    type = fields.String(required=True)
    at = fields.Integer(strict=True)
    properties = fields.Dict(keys=fields.String())


class VisitSchema(Schema):
    """A request of the widget. ``sent`` is the device's clock as it is sent; ``popup``: there is room for one."""

    class Meta:
        unknown = RAISE

    identity = fields.Nested(IdentitySchema, allow_none=True)
    event = fields.Nested(HappeningSchema)
    sent = fields.Integer(strict=True)
    popup = fields.Boolean(load_default=False)


_SCHEMA = VisitSchema()


@dataclass(frozen=True)
class Visit:
    """A request of the widget, read: ``known_id`` is the visitor's id, if proven; ``event`` None: just looking."""

    known_id: str | None
    event: NewEvent | None
    popup: bool


def read_visit(source: KnownSource, raw: bytes, now: datetime) -> Visit:
    """Read a request of the widget.

    Raises :class:`app.inbound.bodies.BodyError` and ``marshmallow.ValidationError`` whose messages name the fields.
    """
    body = parse_json(raw)
    if fault := fault_of(body):
        raise BodyError(fault, 413 if fault.startswith(("Larger", "Nested")) else 422)
    loaded = _SCHEMA.load(body)
    contact = _contact(source, loaded.get("identity") or {})
    event = _event(loaded, contact, now) if "event" in loaded else None
    return Visit(contact["id"] if contact else None, event, loaded["popup"])


def _contact(source: KnownSource, said: Mapping[str, str | None]) -> dict[str, str] | None:
    """What is believed of the visitor: nothing without a proof, and no e-mail that the shop has not signed as well.

    An e-mail is an address to write to, and leads to whoever has it: nobody may claim somebody else's.
    """
    kept = {name: value for name, value in said.items() if value and name != "hash"}
    if not kept or not said.get("hash"):
        return None
    if "email" in kept and is_proven(source, f"{kept['id']}\n{kept['email']}", said["hash"]):
        return kept
    kept.pop("email", None)
    return kept if is_proven(source, kept["id"], said["hash"]) else None


def is_proven(source: KnownSource, words: str, proof: str | None) -> bool:
    """Whether one of the source's live secrets has signed these words."""
    given = (proof or "").strip().lower().encode()
    wanted = [hmac.digest(secret.encode(), words.encode(), sha256).hex().encode() for secret in source.secrets]
    return any(hmac.compare_digest(given, w) for w in wanted)


def _event(loaded: Mapping[str, Any], contact: dict[str, str] | None, now: datetime) -> NewEvent:
    told = loaded["event"]
    item = {"id": told["id"], "type": told["type"], "properties": told.get("properties", {})}
    if contact:
        item["contact"] = contact
    event = read_event({**item, "occurred_at": _moment(told.get("at"), loaded.get("sent"), now).isoformat()}, now)
    if event.contact is not None:
        event.contact["page"] = True  # said by nobody but us: they are on a page, and can be asked there
    # The moment is reckoned anew at every try; what makes an event the same is what the page said.
    said = {**item, "at": told.get("at")}
    event.body_hash = blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
    return event


def _moment(at: int | None, sent: int | None, now: datetime) -> datetime:
    """When it happened by our clock: the device's own may be wrong, but not about how long it waited."""
    if at is None or sent is None:
        return now
    waited = min(max(sent - at, 0), int(LATEST.total_seconds() * 1000))
    return (now - timedelta(milliseconds=waited)).astimezone(UTC)


def errors_of(error: ValidationError) -> dict[str, Any]:
    """The faults by field, without the layer that only we know of."""
    messages = error.messages
    if not isinstance(messages, dict):
        return {"_schema": messages}
    inner = messages.get("event")
    return inner if isinstance(inner, dict) and len(messages) == 1 else messages
