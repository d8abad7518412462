"""What is known about a contact at one moment: the facts of an event, open complaints, promises called off."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol

from surveys.conditions import Condition, Facts, PastEvent
from surveys.contact_policy import COMPLAINT_LAPSES, ContactPolicy, Reservation
from surveys.gates import Contact, Event
from surveys.permission import SENT
from surveys.segments import segments_of
from surveys.triggers import CLASSES

Complaints = dict[str, tuple[datetime, datetime | None]]
"""When each complaint was opened, and closed, by the key its service gave it."""
COMPLAINT_KEY_MAX = 200
TOLD_MAX = 100
PROFILE = ("name", "locale", "timezone")


class Happened(Protocol):
    """An event as it was stored."""

    @property
    def id(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def block(self) -> Mapping[str, Any]: ...
    @property
    def properties(self) -> Mapping[str, Any]: ...
    @property
    def depth(self) -> int: ...
    @property
    def ambiguous(self) -> bool: ...


def event_of(
    happened: Happened,
    profile: Mapping[str, Any],
    before: Mapping[str, list[PastEvent]],
    segments: Mapping[str, Condition],
    *,
    first: bool,
) -> Event:
    """An event with its facts as of then: what its own contact block says stands above the profile.

    ``before`` are the contact's earlier events by type, oldest first.
    """
    contact = dict(profile)
    block = happened.block
    for name in PROFILE:
        contact[name] = block.get(name) or contact.get(name)
    if told := block.get("attributes"):
        contact["attributes"] = {**contact.get("attributes", {}), **told}
    else:
        contact.setdefault("attributes", {})
    answers = happened.properties.get("answers")
    facts = Facts(
        {
            "type": happened.type,
            "properties": happened.properties,
            "contact": contact,
            "answers": answers if isinstance(answers, dict) else {},
        },
        happened.occurred_at,
        before,
    )
    if segments:
        contact["segments"] = segments_of(segments, facts)
    return Event(
        happened.id, happened.type, happened.occurred_at, facts, first, happened.depth, ambiguous=happened.ambiguous
    )


def follow_complaint(found: Complaints, happened: Happened, policy: ContactPolicy) -> str | None:
    """Open or close a complaint where the policy says that this event does; returns its key, None for other events."""
    if happened.type not in policy.complaint_opens and happened.type not in policy.complaint_closes:
        return None
    key = str(happened.properties.get("complaint", ""))[:COMPLAINT_KEY_MAX]
    at = happened.occurred_at
    opened_at, closed_at = found.get(key, (at, None))
    if happened.type in policy.complaint_closes:
        closed_at = max(at, closed_at or at)
    elif (closed_at is not None and closed_at < at) or opened_at <= at - COMPLAINT_LAPSES:
        opened_at, closed_at = at, None
    found[key] = (opened_at, closed_at)
    return key


def complaint_since(found: Mapping[str, tuple[datetime, datetime | None]], now: datetime) -> datetime | None:
    """Since when a complaint is open that has not lapsed; None when none is."""
    opened = (opened_at for opened_at, closed_at in found.values() if closed_at is None)
    return min((at for at in opened if at > now - COMPLAINT_LAPSES), default=None)


def release(contact: Contact, triggers: Collection[str], at: datetime) -> None:
    """Give back the places that these triggers promised a contact for after ``at``."""
    for taken in (contact.taken, *(address.taken for address in contact.addresses.values())):
        taken[:] = [place for place in taken if place.trigger not in triggers or place.counts_at <= at]


def sent_elsewhere(happened: Happened) -> Reservation | None:
    """The place that a message takes which another system tells of; None for other events."""
    if happened.type != SENT:
        return None
    channel, survey, class_ = (
        value[:TOLD_MAX] if isinstance(value := happened.properties.get(name), str) else None
        for name in ("channel", "survey", "class")
    )
    return Reservation(happened.occurred_at, class_ if class_ in CLASSES else CLASSES[0], channel or "", survey, "")


def take(contact: Contact, place: Reservation) -> None:
    """Add a place that was taken without us, at the contact and where they are reached through its channel."""
    contact.taken.append(place)
    if place.channel in contact.addresses:
        contact.addresses[place.channel].taken.append(place)
