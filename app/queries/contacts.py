"""Finding contacts, and what is known about them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select

from app.extensions import among, db
from app.models.contacts import Address, Complaint, Contact, ContactAddress, Identity
from app.models.events import Event, PendingEvent
from app.models.sources import Source
from app.text.names import first_name

EXTERNAL, EMAIL, PHONE = "external", "email", "phone"

IdentityKey = tuple[str, str, str]
"""kind, namespace, value"""


@dataclass(slots=True)
class UnresolvedEvent:
    """An event whose contact is not known yet."""

    id: int
    occurred_at: datetime
    namespace: str
    block: dict[str, Any]
    history: bool
    depth: int
    contact_id: int | None
    """Set on internal events, which know whom they are about."""


@dataclass(slots=True)
class Profile:
    """A contact as stored, with the keys and addresses that lead to it."""

    id: int
    name: str | None
    locale: str | None
    timezone: str | None
    attributes: dict[str, Any]
    consents: dict[str, Any]
    profile_at: datetime
    namespaces: set[str] = field(default_factory=set)
    addresses: dict[str, str] = field(default_factory=dict)
    """The newest address per channel."""


def unresolved_events(limit: int) -> list[UnresolvedEvent]:
    rows = db.session.execute(
        select(
            Event.id,
            Event.occurred_at,
            Source.slug,
            Source.body,
            Event.contact,
            Event.history,
            Event.depth,
            Event.contact_id,
        )
        .join(PendingEvent, PendingEvent.event_id == Event.id)
        .join(Source, Source.id == Event.source_id)
        .where(PendingEvent.contact_id.is_(None), PendingEvent.dead_at.is_(None))
        .order_by(PendingEvent.event_id)
        .limit(limit)
    )
    return [UnresolvedEvent(r[0], r[1], r[3].get("namespace", r[2]), r[4] or {}, *r[5:]) for r in rows]


def owners(keys: Collection[IdentityKey]) -> dict[IdentityKey, int]:
    """The contacts that own these identities."""
    found: dict[IdentityKey, int] = {}
    by_kind: dict[tuple[str, str], list[str]] = {}
    for kind, namespace, value in keys:
        by_kind.setdefault((kind, namespace), []).append(value)
    for (kind, namespace), values in by_kind.items():
        rows = db.session.execute(
            select(Identity.value, Identity.contact_id).where(
                Identity.kind == kind, Identity.namespace == namespace, among(Identity.value, values)
            )
        )
        found |= {(kind, namespace, value): contact for value, contact in rows}
    return found


def profiles(contact_ids: Collection[int]) -> dict[int, Profile]:
    rows = db.session.execute(
        select(
            Contact.id,
            Contact.name,
            Contact.locale,
            Contact.timezone,
            Contact.attributes,
            Contact.consents,
            Contact.profile_at,
        ).where(among(Contact.id, contact_ids))
    )
    found = {r.id: Profile(*r) for r in rows}
    named = select(Identity.contact_id, Identity.namespace).where(
        among(Identity.contact_id, contact_ids), Identity.kind == EXTERNAL
    )
    for contact_id, namespace in db.session.execute(named):
        found[contact_id].namespaces.add(namespace)
    for contact_id, newest in newest_addresses(contact_ids).items():
        found[contact_id].addresses = {channel: address.value for channel, address in newest.items()}
    return found


@dataclass(frozen=True, slots=True)
class Reached:
    """An address in use, without what an object of the session costs: deciding reads thousands."""

    id: int
    value: str
    unsubscribed_at: datetime | None
    suppressed_at: datetime | None
    shared: bool


def newest_addresses(contact_ids: Collection[int]) -> dict[int, dict[str, Reached]]:
    """The address in use per contact and channel."""
    rows = db.session.execute(
        select(
            ContactAddress.contact_id,
            ContactAddress.channel,
            Address.id,
            Address.value,
            Address.unsubscribed_at,
            Address.suppressed_at,
            Address.shared,
        )
        .join(Address, Address.id == ContactAddress.address_id)
        .where(among(ContactAddress.contact_id, contact_ids))
        .order_by(ContactAddress.since, ContactAddress.address_id)
    )
    found: dict[int, dict[str, Reached]] = {}
    for contact_id, channel, *address in rows:
        found.setdefault(contact_id, {})[channel] = Reached(*address)  # type: ignore[arg-type]
    return found


def addresses_by_value(keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The ids of the addresses that are known, by (channel, value)."""
    found: dict[tuple[str, str], int] = {}
    for channel in {channel for channel, _ in keys}:
        values = [value for c, value in keys if c == channel]
        rows = db.session.execute(
            select(Address.value, Address.id).where(Address.channel == channel, among(Address.value, values))
        )
        found |= {(channel, value): address_id for value, address_id in rows}
    return found


def owners_of_addresses(address_ids: Collection[int]) -> dict[int, set[int]]:
    rows = db.session.execute(
        select(ContactAddress.address_id, ContactAddress.contact_id).where(
            among(ContactAddress.address_id, address_ids)
        )
    )
    found: dict[int, set[int]] = {}
    for address_id, contact_id in rows:
        found.setdefault(address_id, set()).add(contact_id)
    return found


def complaints(contact_ids: Collection[int]) -> dict[int, dict[str, tuple[datetime, datetime | None]]]:
    """Complaints per contact: key → when it was opened, and closed."""
    rows = db.session.execute(
        select(Complaint.contact_id, Complaint.key, Complaint.opened_at, Complaint.closed_at).where(
            among(Complaint.contact_id, contact_ids)
        )
    )
    found: dict[int, dict[str, tuple[datetime, datetime | None]]] = {}
    for contact_id, key, opened_at, closed_at in rows:
        found.setdefault(contact_id, {})[key] = (opened_at, closed_at)
    return found


def find_contacts(reference: str, namespace: str = "api") -> list[int]:
    """Contacts that ``reference`` may mean: ``ct_…``, an external id (first of ``namespace``), or an address."""
    if reference.startswith("ct_"):
        return list(db.session.scalars(select(Contact.id).where(Contact.public_id == reference)))
    rows = db.session.execute(
        select(Identity.contact_id, Identity.kind, Identity.namespace).where(
            or_(
                and_(Identity.kind == EXTERNAL, Identity.value == reference),
                and_(Identity.kind.in_((EMAIL, PHONE)), Identity.value == reference.strip().lower()),
            )
        )
    ).all()
    own = [r.contact_id for r in rows if r.kind == EXTERNAL and r.namespace == namespace]
    return own or sorted({r.contact_id for r in rows})


def find_own_contact(reference: str, namespace: str) -> int | None:
    """The one contact that ``ct_…`` or an external id of this namespace means: for what cannot be undone."""
    if reference.startswith("ct_"):
        return db.session.scalar(select(Contact.id).where(Contact.public_id == reference))
    return db.session.scalar(
        select(Identity.contact_id).where(
            Identity.kind == EXTERNAL, Identity.namespace == namespace, Identity.value == reference
        )
    )


def public_ids(contact_ids: Iterable[int]) -> dict[int, str]:
    """The ids by which pages lead to contacts: nobody else's in any namespace."""
    rows = db.session.execute(select(Contact.id, Contact.public_id).where(among(Contact.id, set(contact_ids))))
    return {contact_id: public_id for contact_id, public_id in rows}


def values_seen(bodies: Iterable[Mapping[str, Any]]) -> dict[str, Counter[Any]]:
    """By name, how often each plain value stands in these."""
    seen: dict[str, Counter[Any]] = {}
    for body in bodies:
        for name, value in body.items():
            if isinstance(value, str | int | float):
                seen.setdefault(name, Counter())[value] += 1
    return dict(sorted(seen.items()))


def attributes_seen(limit: int = 500) -> dict[str, Counter[Any]]:
    """The plain attributes of the newest contacts."""
    return values_seen(db.session.scalars(select(Contact.attributes).order_by(Contact.id.desc()).limit(limit)))


def references(contact_ids: Iterable[int]) -> dict[int, str]:
    """How contacts are addressed from outside: their external id, else ``ct_…``."""
    wanted = {contact_id for contact_id in contact_ids if contact_id is not None}
    found = public_ids(wanted)
    named = db.session.execute(
        select(Identity.contact_id, Identity.value, Identity.namespace)
        .where(among(Identity.contact_id, wanted), Identity.kind == EXTERNAL)
        .order_by((Identity.namespace == "api"), Identity.id.desc())
    )
    return found | {contact_id: value for contact_id, value, _ in named}


@dataclass(frozen=True)
class ContactView:
    """A contact as the API shows it."""

    id: str
    name: str | None
    locale: str | None
    timezone: str | None
    email: str | None
    phone: str | None
    attributes: Mapping[str, Any]
    consents: Mapping[str, Any]
    unsubscribed_at: datetime | None
    created_at: datetime


def view_contact(contact_id: int) -> ContactView | None:
    contact = db.session.get(Contact, contact_id)
    if contact is None:
        return None
    reached = newest_addresses([contact_id]).get(contact_id, {})
    return ContactView(
        id=references([contact_id])[contact_id],
        name=contact.name,
        locale=contact.locale,
        timezone=contact.timezone,
        email=reached["email"].value if "email" in reached else None,
        phone=reached["sms"].value if "sms" in reached else None,
        attributes=contact.attributes,
        consents=contact.consents,
        unsubscribed_at=contact.unsubscribed_at,
        created_at=contact.created_at,
    )


def contact_facts(
    reference: str | None, name: str | None, locale: str | None, timezone: str | None, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """A contact as conditions and texts see it."""
    return {
        "id": reference,
        "name": name,
        "first_name": first_name(name),
        "locale": locale,
        "timezone": timezone,
        "attributes": dict(attributes),
    }
