"""Who an event was about: identities, addresses and profiles, kept in step with what services say."""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.extensions import among, insert_into, insert_rows, lock_rows, transaction, update_rows
from app.links import keyed_hash
from app.models.accounts import Lease
from app.models.contacts import (
    Address,
    Contact,
    ContactAddress,
    ContactChange,
    ContactLock,
    Identity,
    MergeCandidate,
)
from app.models.events import Event, PendingEvent
from app.models.sources import Source
from app.queries.contacts import (
    EMAIL,
    EXTERNAL,
    PHONE,
    IdentityKey,
    Profile,
    UnresolvedEvent,
    addresses_by_value,
    owners,
    owners_of_addresses,
    profiles,
    unresolved_events,
)
from app.queries.decisions import NOBODY
from app.text.addresses import normal_email, normal_phone

CHANNEL_OF = {EMAIL: "email", PHONE: "sms"}
PROFILE_FIELDS = ("name", "locale", "timezone")


class UnresolvableEvent(Exception):
    """An event whose contact cannot be found or made; the cause says why."""

    def __init__(self, event_id: int) -> None:
        super().__init__(event_id)
        self.event_id = event_id


class UnknownContact(LookupError):
    """No contact has this ``ct_…`` id."""


@dataclass(slots=True)
class _Block:
    """The contact block of one event, in the form it is compared in."""

    event: UnresolvedEvent
    external: IdentityKey | None
    email: IdentityKey | None
    phone: IdentityKey | None
    page: str | None = None
    """Where they are reached on web pages, if they were on one just then: their id there, with its namespace."""

    @property
    def keys(self) -> list[IdentityKey]:
        return [key for key in (self.external, self.email, self.phone) if key]


@dataclass(slots=True)
class _Person:
    """A contact while a batch is resolved; ``id`` 0 until it is stored."""

    profile: Profile
    new: bool = False
    sampling_id: str = ""
    touched: bool = False
    identities: list[IdentityKey] = field(default_factory=list)
    reached: dict[str, datetime] = field(default_factory=dict)
    """New addresses by ``channel:value``, and since when."""
    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class _Resolved:
    event: UnresolvedEvent
    person: _Person | None
    rivals: tuple[_Person, _Person] | None = None

    @property
    def contact_id(self) -> int:
        return self.person.profile.id if self.person else self.event.contact_id or NOBODY


def resolve_events(limit: int, now: datetime, phone_region: str) -> int:
    """Find or make the contacts of the oldest events that have none yet, and make them ready to be decided.

    One process at a time does this, in the order of arrival. Returns how many events were resolved; 0 also when
    another process is at it. Raises :class:`UnresolvableEvent` when a batch of one fails.
    """
    with transaction() as session:
        if not _take_turn(session):
            return 0
        events = unresolved_events(limit)
        try:
            if events:
                _resolve(session, events, now, phone_region)
        except OperationalError:
            raise
        except Exception as error:
            if len(events) == 1:
                raise UnresolvableEvent(events[0].id) from error
            raise
    return len(events)


def put_contacts(
    source_id: int,
    blocks: Sequence[tuple[str, dict[str, Any]]],
    now: datetime,
    phone_region: str,
    *,
    history: bool = False,
) -> list[int]:
    """Make or change contacts by external id (or ``ct_…``), as events of theirs would; returns their ids.

    Attributes are merged; null deletes one. ``history``: nothing is triggered by it.
    Raises :class:`UnknownContact` for a ``ct_…`` that nobody has.
    """
    with transaction() as session:
        lock_rows(session, Lease.name, ["resolve"])
        source = session.get_one(Source, source_id)
        namespace = source.body.get("namespace", source.slug)
        known = _known_by_public_id(session, [reference for reference, _ in blocks])
        read = []
        for reference, block in blocks:
            said = block if reference in known else {**block, "id": reference}
            event = UnresolvedEvent(0, now, namespace, said, history=history, depth=0, contact_id=known.get(reference))
            read.append(_read_block(event, phone_region))
        book = _Book(session, read)
        people = [book.person(block, now) for block in read]
        for change in (change for person in people for change in person.changes):
            change["cause_id"] = None
        _store_people(session, book.people(), now)
        return [person.profile.id for person in people]


def _known_by_public_id(session: Session, given: Sequence[str]) -> dict[str, int]:
    wanted = {reference for reference in given if reference.startswith("ct_")}
    if not wanted:
        return {}
    rows = session.execute(
        select(Contact.public_id, Contact.id).where(among(Contact.public_id, wanted), Contact.erased_at.is_(None))
    )
    found = {public_id: contact_id for public_id, contact_id in rows}
    for reference in sorted(wanted - set(found)):
        raise UnknownContact(reference)
    return found


def _take_turn(session: Session) -> bool:
    lease = select(Lease.name).where(Lease.name == "resolve").with_for_update(skip_locked=True)
    return session.scalar(lease) is not None


def _resolve(session: Session, events: Sequence[UnresolvedEvent], now: datetime, phone_region: str) -> None:
    blocks = [_read_block(event, phone_region) for event in events]
    book = _Book(session, blocks)
    resolved = [book.place(block, now) for block in blocks]
    _store_people(session, book.people(), now)
    _store_results(session, resolved, now)


def _store_people(session: Session, people: Sequence[_Person], now: datetime) -> None:
    _store_new(session, people, now)
    _store_identities(session, people)
    _store_addresses(session, people)
    _store_profiles(session, people)
    _store_changes(session, people)


def _read_block(event: UnresolvedEvent, phone_region: str) -> _Block:
    block = event.block
    external = block.get("id")
    email = normal_email(block.get("email"))
    phone = normal_phone(block["phone"], phone_region) if isinstance(block.get("phone"), str) else None
    return _Block(
        event,
        external=(EXTERNAL, event.namespace, str(external)) if external not in (None, "") else None,
        email=(EMAIL, "", email) if email else None,
        phone=(PHONE, "", phone) if phone else None,
        page=f"{event.namespace}:{external}" if block.get("page") is True else None,
    )


class _Book:
    """The identities that a batch touches, and the people they lead to."""

    def __init__(self, session: Session, blocks: Sequence[_Block]) -> None:
        keys = {key for block in blocks for key in block.keys}
        named = {block.event.contact_id for block in blocks if block.event.contact_id}
        # All locks at once, and before anything is read that will be written: erasure, unsubscribe and deciding wait,
        # or have finished. Who shares an address is locked too: their worker has not seen the others yet.
        reached = addresses_by_value({(CHANNEL_OF[kind], value) for kind, _, value in keys if kind in CHANNEL_OF})
        sharing = owners_of_addresses(reached.values()).values()
        present = {NOBODY, *named, *owners(keys).values(), *(c for contacts in sharing for c in contacts)}
        lock_rows(session, ContactLock.contact_id, present)
        owned = {key: contact_id for key, contact_id in owners(keys).items() if contact_id in present}
        known = {i: _Person(p) for i, p in profiles({*owned.values(), *named}).items()}
        self._by_key = {key: known[contact_id] for key, contact_id in owned.items()}
        self._people = list(known.values())

    def people(self) -> list[_Person]:
        return [p for p in self._people if p.new or p.touched]

    def place(self, block: _Block, now: datetime) -> _Resolved:
        """Decide who a block is about, and fold it into their profile.

        A known external id decides alone. An unknown one joins the owner of the e-mail (else the phone) if that owner
        has none in its namespace. Without one, the e-mail and the phone must not name two people.
        """
        if block.event.contact_id or not block.keys:
            return _Resolved(block.event, None)
        person = self._by_key.get(block.external) if block.external else None
        if person is None:
            by_email, by_phone = (self._by_key.get(key) if key else None for key in (block.email, block.phone))
            if not block.external and by_email and by_phone and by_email is not by_phone:
                return _Resolved(block.event, None, (by_email, by_phone))
            person = by_email or by_phone
            if person and block.external and block.external[1] in person.profile.namespaces:
                person = None
            person = person or self._new_person(block, now)
        self._learn(person, block)
        return _Resolved(block.event, person)

    def person(self, block: _Block, now: datetime) -> _Person:
        """The person a block is told about by name: by external id, or known already by ``event.contact_id``."""
        contact_id = block.event.contact_id
        if contact_id is None:
            found = self.place(block, now).person
            assert found is not None
            return found
        known = next(p for p in self._people if p.profile.id == contact_id)
        self._learn(known, block)
        return known

    def _new_person(self, block: _Block, now: datetime) -> _Person:
        profile = Profile(0, None, None, None, {}, {}, block.event.occurred_at)
        sampling_id = "\x1f".join(block.external or ("contact", "", secrets.token_hex(8)))
        digest = blake2b(sampling_id.encode(), digest_size=10).hexdigest()
        person = _Person(profile, new=True, sampling_id=digest)
        if not block.event.history:
            person.changes.append(_change(block.event, None, None, None, now))
        self._people.append(person)
        return person

    def _learn(self, person: _Person, block: _Block) -> None:
        for key in block.keys:
            if key not in self._by_key:
                self._by_key[key] = person
                person.identities.append(key)
        if block.external:
            person.profile.namespaces.add(block.external[1])
        _fold(person, block)


def _fold(person: _Person, block: _Block) -> None:
    """Take over what the block says; an older block only fills what is still empty."""
    profile, event = person.profile, block.event
    newer = event.occurred_at >= profile.profile_at
    _fold_profile(person, event, newer=newer)
    _fold_addresses(person, block, newer=newer)
    for scope, granted in _consents_said(event.block):
        if _is_newer(event.occurred_at, profile.consents.get(scope)):
            profile.consents = _with(profile.consents, scope, {"granted": granted, "at": event.occurred_at.isoformat()})
            person.touched = True
    if newer and event.block:
        person.touched = person.touched or event.occurred_at > profile.profile_at
        profile.profile_at = event.occurred_at


def _is_newer(at: datetime, said: Mapping[str, Any] | None) -> bool:
    """A consent is as old as what was last said about this very scope."""
    return said is None or at >= datetime.fromisoformat(said["at"])


def _fold_profile(person: _Person, event: UnresolvedEvent, *, newer: bool) -> None:
    profile = person.profile
    for name, value in _said(event.block):
        old = profile.attributes.get(name[11:]) if name.startswith("attributes.") else getattr(profile, name)
        if value == old or (old is not None and not newer):
            continue
        if name.startswith("attributes."):
            profile.attributes = _with(profile.attributes, name[11:], value)
        else:
            setattr(profile, name, value)
        _note(person, event, name, old, value)


def _fold_addresses(person: _Person, block: _Block, *, newer: bool) -> None:
    profile, event = person.profile, block.event
    for kind, key in ((EMAIL, block.email), (PHONE, block.phone)):
        channel = CHANNEL_OF[kind]
        old = profile.addresses.get(channel)
        if key and key[2] != old and (newer or old is None):
            profile.addresses[channel] = key[2]
            person.reached[f"{channel}:{key[2]}"] = event.occurred_at
            _note(person, event, kind, old, key[2])
    old = profile.addresses.get("web")
    if block.page and block.page != old and (newer or old is None):
        profile.addresses["web"] = block.page  # nothing they would call a change of theirs
        person.reached[f"web:{block.page}"] = event.occurred_at
        person.touched = True


def _said(block: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in PROFILE_FIELDS:
        value = block.get(name)
        if isinstance(value, str) and value.strip() and (name != "timezone" or _is_zone(value)):
            yield name, value
    attributes = block.get("attributes")
    if isinstance(attributes, Mapping):
        for name, value in attributes.items():
            yield f"attributes.{name}", value


def _consents_said(block: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    consent = block.get("consent")
    if isinstance(consent, Mapping):
        yield from ((scope, value) for scope, value in consent.items() if isinstance(value, bool))


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _with(values: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """``values`` with ``key`` set, or without it where the value is null."""
    kept = {k: v for k, v in values.items() if k != key}
    return kept if value is None else kept | {key: value}


def _note(person: _Person, event: UnresolvedEvent, name: str, old: Any, new: Any) -> None:
    person.touched = True
    if not person.new and not event.history:
        person.changes.append(_change(event, name, old, new, event.occurred_at))


def _change(event: UnresolvedEvent, name: str | None, old: Any, new: Any, at: datetime) -> dict[str, Any]:
    return {
        "field": name,
        "old": None if old is None else {"value": old},
        "new": None if new is None else {"value": new},
        "cause_id": event.id,
        "depth": event.depth + 1,
        "at": at,
    }


def _store_new(session: Session, people: Sequence[_Person], now: datetime) -> None:
    new = [p for p in people if p.new]
    if not new:
        return
    statement = insert_into(Contact).returning(Contact.id, sort_by_parameter_order=True)
    ids = session.scalars(
        statement,
        [
            {
                "public_id": f"ct_{secrets.token_urlsafe(9)}",
                "sampling_id": p.sampling_id,
                "created_at": now,
                **_profile_row(p.profile),
            }
            for p in new
        ],
    ).all()
    for person, contact_id in zip(new, ids, strict=True):
        person.profile.id = contact_id
    insert_rows(session, ContactLock, [{"contact_id": i, "seq": 0} for i in sorted(ids)])


def _profile_row(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "locale": profile.locale,
        "timezone": profile.timezone,
        "attributes": profile.attributes,
        "consents": profile.consents,
        "profile_at": profile.profile_at,
    }


def _store_identities(session: Session, people: Sequence[_Person]) -> None:
    rows = [
        {"kind": kind, "namespace": namespace, "value": value, "contact_id": person.profile.id}
        for person in people
        for kind, namespace, value in person.identities
    ]
    insert_rows(session, Identity, rows)


def _store_addresses(session: Session, people: Sequence[_Person]) -> None:
    """Add new addresses; the owners of those that become shared are locked already."""
    wanted = {_split(spelled) for person in people for spelled in person.reached}
    if not wanted:
        return
    ids = addresses_by_value(wanted)
    ids |= _revive(session, wanted - set(ids))
    missing = sorted(wanted - set(ids))
    if missing:
        statement = insert_into(Address).returning(Address.channel, Address.value, Address.id)
        rows = session.execute(statement, [{"channel": c, "value": v, "shared": False} for c, v in missing])
        ids |= {(channel, value): address_id for channel, value, address_id in rows}
    links: list[dict[str, Any]] = [
        {"contact_id": p.profile.id, "address_id": ids[_split(s)], "channel": _split(s)[0], "since": since}
        for p in people
        for s, since in p.reached.items()
    ]
    before = owners_of_addresses({link["address_id"] for link in links})
    after = {i: set(contacts) for i, contacts in before.items()}
    for link in links:
        after.setdefault(link["address_id"], set()).add(link["contact_id"])
    shared = sorted(i for i, contacts in after.items() if len(contacts) > 1)
    if shared:
        session.execute(update(Address).where(among(Address.id, shared)).values(shared=True))
    statement = insert_into(ContactAddress)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["contact_id", "address_id"], set_={"since": statement.excluded.since}
        ),
        links,
    )


def _revive(session: Session, unknown: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Addresses that were erased and come back: they get their value again, and stay suppressed."""
    hashed = {(channel, keyed_hash(f"{channel}:{value}")): (channel, value) for channel, value in unknown}
    erased = {hashed[key]: address_id for key, address_id in addresses_by_value(hashed).items()}
    for (_, value), address_id in erased.items():
        session.execute(update(Address).where(Address.id == address_id).values(value=value))
    return erased


def _split(spelled: str) -> tuple[str, str]:
    channel, _, value = spelled.partition(":")
    return channel, value


def _store_profiles(session: Session, people: Sequence[_Person]) -> None:
    rows = [{"id": p.profile.id, **_profile_row(p.profile)} for p in people if not p.new]
    update_rows(session, Contact, "id", rows)


def _store_changes(session: Session, people: Sequence[_Person]) -> None:
    rows = [{"contact_id": p.profile.id, **change} for p in people for change in p.changes]
    insert_rows(session, ContactChange, rows)


def _store_results(session: Session, resolved: Sequence[_Resolved], now: datetime) -> None:
    found = [{"id": r.event.id, "contact_id": r.contact_id} for r in resolved if r.person]
    update_rows(session, Event, "id", found)
    insert_rows(
        session,
        MergeCandidate,
        [
            {"event_id": r.event.id, "contact_id": r.rivals[0].profile.id, "other_id": r.rivals[1].profile.id}
            for r in resolved
            if r.rivals
        ],
    )
    done = [r.event.id for r in resolved if r.event.history]
    if done:
        session.execute(delete(PendingEvent).where(among(PendingEvent.event_id, done)))
    waiting = [
        {"event_id": r.event.id, "contact_id": r.contact_id, "ambiguous": r.rivals is not None}
        for r in resolved
        if not r.event.history
    ]
    update_rows(session, PendingEvent, "event_id", waiting)
    _wake_contacts(session, {row["contact_id"] for row in waiting}, now)


def _wake_contacts(session: Session, contact_ids: Collection[int], now: datetime) -> None:
    """Mark contacts as having something to decide; waits for whoever is deciding them."""
    if contact_ids:
        lock_rows(session, ContactLock.contact_id, contact_ids)
        session.execute(
            update(ContactLock)
            .where(among(ContactLock.contact_id, contact_ids))
            .values(ready_at=func.coalesce(ContactLock.ready_at, now))
        )
