"""Remembering something of an event or an answer as an attribute of the contact."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import structlog

from app.extensions import lock_rows, transaction
from app.models.contacts import Contact, ContactChange, ContactLock
from app.models.events import Event
from app.queries.effects import lock_effects
from app.queries.sealed import is_withheld
from app.queries.triggers import trigger_version
from surveys.triggers import SetAttribute

log = structlog.get_logger()


def set_attributes(effect_ids: Collection[int], now: datetime) -> int:
    """Carry out ``set`` effects; returns how many. A value that is not there leaves the attribute as it is."""
    with transaction() as session:
        effects = lock_effects(effect_ids)
        lock_rows(session, ContactLock.contact_id, {e.contact_id for e in effects if e.contact_id})
        for effect in effects:
            action = trigger_version(effect.trigger_id, effect.trigger_version).actions[effect.action]
            assert isinstance(action, SetAttribute)
            event = session.get_one(Event, effect.event_id)
            contact = session.get(Contact, effect.contact_id) if effect.contact_id else None
            value = _look_up(event.properties, action.source)
            if value is None and is_withheld(event.type, event.properties):
                log.warning("a sensitive answer is remembered nowhere", effect=effect.id, attribute=action.attribute)
            old = contact.attributes.get(action.attribute) if contact else None
            if contact is not None and value is not None and value != old:
                contact.attributes = {**contact.attributes, action.attribute: value}
                session.add(
                    ContactChange(
                        contact_id=contact.id,
                        field=f"attributes.{action.attribute}",
                        old=None if old is None else {"value": old},
                        new={"value": value},
                        cause_id=event.id,
                        depth=event.depth + 1,
                        at=now,
                    )
                )
            effect.done_at = now
    return len(effects)


def _look_up(properties: dict[str, Any], path: str) -> Any:
    keys = path.split(".")
    value: Any = properties if keys[0] == "properties" else properties.get("answers")
    for key in keys[1:]:
        value = value.get(key) if isinstance(value, dict) else None
    return value
