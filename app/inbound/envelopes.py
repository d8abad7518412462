"""Events as they are posted: checked field by field, each fault under the name of its field."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import orjson
from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.actions.events import NewEvent
from app.inbound.bodies import fault_of

INTERNAL_TYPES = ("survey.", "task.", "timer.", "contact.", "invitation.", "offer.")
FUTURE = timedelta(minutes=10)
ANCIENT = datetime(1990, 1, 1, tzinfo=UTC)
TYPE = re.compile(r"[\w.:/-]{1,200}")


def _check_type(value: str) -> None:
    if not TYPE.fullmatch(value):
        raise ValidationError("Use letters, digits and . : / - _, at most 200.")
    if value.startswith(INTERNAL_TYPES):
        raise ValidationError(f"Types that begin with {value.split('.', maxsplit=1)[0]}. are Otklik's own.")


class ContactSchema(Schema):
    """Who an event was about."""

    class Meta:
        unknown = RAISE

    id = fields.String(validate=validate.Length(1, 200), allow_none=True)
    email = fields.String(validate=validate.Length(max=320), allow_none=True)
    phone = fields.String(validate=validate.Length(max=64), allow_none=True)
    name = fields.String(validate=validate.Length(max=200), allow_none=True)
    locale = fields.String(validate=validate.Length(max=35), allow_none=True)
    timezone = fields.String(validate=validate.Length(max=64), allow_none=True)
    attributes = fields.Dict(keys=fields.String(validate=validate.Length(1, 64)))
    consent = fields.Dict(keys=fields.String(validate=validate.Length(1, 32)), values=fields.Boolean())


class EventSchema(Schema):
    """Something a contact did or that happened to them."""

    class Meta:
        unknown = RAISE

    id = fields.String(required=True, validate=validate.Length(1, 200))
    type = fields.String(required=True, validate=_check_type)
    occurred_at = fields.AwareDateTime(format="iso", default_timezone=UTC)
    contact = fields.Nested(ContactSchema, allow_none=True)
    properties = fields.Dict(keys=fields.String())


_SCHEMA = EventSchema()


@dataclass
class Reading:
    """The events of one request, their positions in it, and the faults of the others by position."""

    events: list[NewEvent] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    faults: dict[int, dict[str, Any]] = field(default_factory=dict)


def read_events(items: list[Any], now: datetime, *, history: bool = False) -> Reading:
    """Read each item on its own: a bad one costs no good one."""
    reading = Reading()
    for position, item in enumerate(items):
        try:
            event = read_event(item, now, history=history)
        except ValidationError as error:
            reading.faults[position] = _errors(error)
        else:
            reading.events.append(event)
            reading.positions.append(position)
    return reading


def _errors(error: ValidationError) -> dict[str, Any]:
    messages = error.messages
    return messages if isinstance(messages, dict) else {"_schema": messages}


def read_event(item: Any, now: datetime, *, history: bool = False) -> NewEvent:
    """Read one item.

    Raises ``marshmallow.ValidationError`` whose messages name the fields.
    """
    if fault := fault_of(item):
        raise ValidationError({_guilty(item): [fault]})
    if not isinstance(item, dict):
        raise ValidationError({"_schema": ["An event is an object."]})
    loaded = _SCHEMA.load(item)
    occurred_at: datetime = loaded.get("occurred_at", now)
    if occurred_at > now + FUTURE:
        raise ValidationError({"occurred_at": ["Lies in the future."]})
    if occurred_at < ANCIENT:
        raise ValidationError({"occurred_at": [f"Lies before {ANCIENT.year}."]})
    return NewEvent(
        external_id=loaded["id"],
        type=loaded["type"],
        occurred_at=occurred_at.astimezone(UTC),
        contact=loaded.get("contact"),
        properties=loaded.get("properties", {}),
        body_hash=blake2b(orjson.dumps(item, option=orjson.OPT_SORT_KEYS), digest_size=16).digest(),
        history=history,
    )


def _guilty(item: Any) -> str:
    """The top-level field a fault is in, so that its message can name it."""
    if isinstance(item, dict):
        for name, value in item.items():
            if fault_of(name) or fault_of(value):
                return name if name.isprintable() else repr(name)
    return "_schema"
