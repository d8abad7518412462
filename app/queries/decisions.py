"""All that is needed to decide a batch of contacts, loaded with one query per kind of thing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.extensions import among, db
from app.models.contacts import Address, Contact, ContactLock
from app.models.decisions import Reservation
from app.models.events import Event, PendingEvent
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.sources import Source
from app.queries.contacts import complaint_since, complaints, contact_facts, newest_addresses
from app.queries.policies import policy_number, rules_of
from app.queries.segments import segment_conditions
from app.queries.triggers import CurrentTrigger, current_triggers
from surveys import contact_policy, decision
from surveys.conditions import Facts, PastEvent
from surveys.decision import Rules
from surveys.segments import segments_of

NOBODY = 0
"""The contact id under which events wait that name nobody."""


@dataclass(slots=True)
class WaitingEvent:
    """An undecided event as stored."""

    id: int
    source: str
    external_id: str
    type: str
    occurred_at: datetime
    block: dict[str, Any]
    properties: dict[str, Any]
    depth: int
    contact_id: int
    ambiguous: bool


@dataclass(slots=True)
class Batch:
    """What :func:`surveys.decision.decide_each` is to be called with, for many contacts at once."""

    waiting: list[WaitingEvent]
    unfinished: set[int]
    """Contacts with more events than were loaded."""
    triggers: dict[str, list[CurrentTrigger]]
    rules: Rules
    policy_number: int
    contacts: dict[int, decision.Contact] = field(default_factory=dict)
    trees: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Contacts as conditions see them."""
    events: dict[int, decision.Event] = field(default_factory=dict)
    complaints: dict[int, dict[str, tuple[datetime, datetime | None]]] = field(default_factory=dict)


def claim_contacts(limit: int, now: datetime, only: int | None = None) -> list[int]:
    """Lock the contacts (or the one) that have something undecided, passing over those another worker holds."""
    locks = (
        select(ContactLock.contact_id)
        .where(ContactLock.ready_at <= now)
        .order_by(ContactLock.contact_id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    if only is not None:
        locks = locks.where(ContactLock.contact_id == only)
    return list(db.session.scalars(locks))


def take_contact(contact_id: int) -> bool:
    """Lock one contact, unless somebody else holds it."""
    lock = select(ContactLock.contact_id).where(ContactLock.contact_id == contact_id)
    return db.session.scalar(lock.with_for_update(skip_locked=True, key_share=True)) is not None


def ready_contacts(limit: int, now: datetime) -> list[int]:
    """Contacts that have something undecided, without locking them."""
    ready = select(ContactLock.contact_id).where(ContactLock.ready_at <= now).order_by(ContactLock.ready_at)
    return list(db.session.scalars(ready.limit(limit)))


def oldest_waiting_event(contact_id: int) -> int | None:
    return db.session.scalar(
        select(PendingEvent.event_id)
        .join(Event, Event.id == PendingEvent.event_id)
        .where(PendingEvent.contact_id == contact_id, PendingEvent.dead_at.is_(None))
        .order_by(Event.occurred_at, Event.id)
        .limit(1)
    )


def load_batch(contact_ids: Sequence[int], limit: int, now: datetime, company_zone: str) -> Batch:
    """Load the first ``limit`` undecided events of these contacts, and everything that deciding them can look at."""
    waiting = _waiting_events(contact_ids, limit)
    unfinished: set[int] = set()
    if len(waiting) >= limit:
        # Nobody comes last, so that a backlog of anonymous events holds up no contact.
        order = sorted(contact_ids, key=lambda i: (i == NOBODY, i))
        unfinished = set(order[order.index(waiting[-1].contact_id) :])
    waiting.sort(key=lambda event: (event.occurred_at, event.id))
    triggers: dict[str, list[CurrentTrigger]] = {}
    for current in current_triggers():
        triggers.setdefault(current[2].event, []).append(current)
    number = policy_number()
    rules = rules_of(number, company_zone, quota_used([t for heard in triggers.values() for t in heard], now))
    batch = Batch(waiting, unfinished, triggers, rules, number)
    heard = [e for e in waiting if e.type in triggers]
    _load_contacts(batch, {e.contact_id for e in heard if e.contact_id}, now)
    _load_facts(batch, heard)
    _load_complaints(batch, waiting)
    return batch


def _waiting_events(contact_ids: Collection[int], limit: int) -> list[WaitingEvent]:
    rows = db.session.execute(
        select(
            Event.id,
            Source.slug,
            Event.external_id,
            Event.type,
            Event.occurred_at,
            Event.contact,
            Event.properties,
            Event.depth,
            PendingEvent.contact_id,
            PendingEvent.ambiguous,
        )
        .join(PendingEvent, PendingEvent.event_id == Event.id)
        .join(Source, Source.id == Event.source_id)
        .where(among(PendingEvent.contact_id, contact_ids), PendingEvent.dead_at.is_(None))
        .order_by(PendingEvent.contact_id == NOBODY, PendingEvent.contact_id, Event.occurred_at, Event.id)
        .limit(limit)
    )
    return [WaitingEvent(r[0], r[1], r[2], r[3], r[4], r[5] or {}, r[6], r[7], r[8] or 0, r[9]) for r in rows]


def quota_used(triggers: Iterable[CurrentTrigger], now: datetime) -> dict[str, int]:
    """Answers in the running period of every trigger that has a quota."""
    used = {}
    for trigger_id, _, rule in triggers:
        if quota := rule.sample.quota:
            answers = (
                select(func.count())
                .select_from(Response)
                .join(Invitation, Invitation.id == Response.invitation_id)
                .where(Invitation.trigger_id == trigger_id, Response.completed_at > now - quota.per)
            )
            used[rule.slug] = db.session.scalar(answers) or 0
    return used


def _load_contacts(batch: Batch, contact_ids: set[int], now: datetime) -> None:
    rows = db.session.execute(
        select(
            Contact.id,
            Contact.sampling_id,
            Contact.name,
            Contact.locale,
            Contact.timezone,
            Contact.attributes,
            Contact.consents,
            Contact.unsubscribed_at,
        ).where(among(Contact.id, contact_ids))
    ).all()
    reached = newest_addresses(contact_ids)
    shared = sorted({a.id for found in reached.values() for a in found.values() if a.shared})
    if shared:  # a shared address is locked too, for its own limits; after the contacts, and in one order
        db.session.execute(select(Address.id).where(among(Address.id, shared)).order_by(Address.id).with_for_update())
        reached = newest_addresses(contact_ids)  # as it is now that nobody else is at it
    taken = reservations(contact_ids, shared, now - batch.rules.policy.longest)
    # One object per address: contacts that share it see each other's promises.
    addresses = {
        a.id: decision.Address(a.id, a.unsubscribed_at, a.suppressed_at, taken.of_address(a.id))
        for found in reached.values()
        for a in found.values()
    }
    for row in rows:
        batch.trees[row.id] = contact_facts(None, row.name, row.locale, row.timezone, row.attributes)
        batch.contacts[row.id] = decision.Contact(
            id=row.id,
            sampling_id=row.sampling_id,
            timezone=row.timezone,
            unsubscribed_at=row.unsubscribed_at,
            consents={scope: said["granted"] for scope, said in row.consents.items()},
            addresses={channel: addresses[a.id] for channel, a in reached.get(row.id, {}).items()},
            taken=taken.of_contact(row.id),
        )


def present_contact(
    contact_id: int, rules: Rules, number: int, now: datetime
) -> tuple[decision.Contact, dict[str, Any]]:
    """A contact as it would be decided now, and as conditions see it."""
    batch = Batch([], set(), {}, rules, number)
    _load_contacts(batch, {contact_id}, now)
    person = batch.contacts[contact_id]
    if rules.policy.complaint_opens:
        person.complaint_since = complaint_since(complaints([contact_id]).get(contact_id, {}), now)
    return person, batch.trees[contact_id]


@dataclass(slots=True)
class Taken:
    """Reservations by contact and by address."""

    by_contact: dict[int, list[contact_policy.Reservation]] = field(default_factory=dict)
    by_address: dict[int, list[contact_policy.Reservation]] = field(default_factory=dict)

    def of_contact(self, contact_id: int) -> list[contact_policy.Reservation]:
        return self.by_contact.setdefault(contact_id, [])

    def of_address(self, address_id: int) -> list[contact_policy.Reservation]:
        return self.by_address.setdefault(address_id, [])


def reservations(
    contact_ids: Collection[int], address_ids: Collection[int], since: datetime, without: int | None = None
) -> Taken:
    """Reservations counted after ``since`` of these contacts and at these addresses, but for invitation ``without``."""
    whose: Any = among(Reservation.contact_id, contact_ids)
    if address_ids:
        whose = or_(whose, among(Reservation.address_id, address_ids))
    rows = db.session.execute(
        select(
            Reservation.invitation_id,
            Reservation.contact_id,
            Reservation.address_id,
            Reservation.counts_at,
            Reservation.class_,
            Reservation.channel,
            Reservation.survey,
            Reservation.trigger,
        ).where(whose, Reservation.counts_at > since)
    )
    taken, wanted = Taken(), set(contact_ids)
    for row in rows:
        if row.invitation_id != without:
            reserved = contact_policy.Reservation(row.counts_at, row.class_, row.channel, row.survey, row.trigger)
            taken.by_address.setdefault(row.address_id, []).append(reserved)
            if row.contact_id in wanted:
                taken.of_contact(row.contact_id).append(reserved)
    return taken


def _load_facts(batch: Batch, heard: Sequence[WaitingEvent]) -> None:
    listening = [rule for found in batch.triggers.values() for _, _, rule in found]
    segments = segment_conditions() if any(rule.condition.needs.segments for rule in listening) else {}
    windows: dict[str, timedelta] = {}
    for condition in (*(rule.condition for rule in listening), *segments.values()):
        for kind, window in condition.needs.events.items():
            windows[kind] = max(window, windows.get(kind, timedelta(0)))
    past = past_events({e.contact_id for e in heard}, windows, min((e.occurred_at for e in heard), default=None))
    seen = _decided_types({e.contact_id for e in heard}, {rule.event for rule in listening if rule.first_only})
    for event in heard:
        key = (event.contact_id, event.type)
        batch.events[event.id] = make_event(
            event,
            batch.trees.get(event.contact_id, {}),
            past.get(event.contact_id, {}),
            segments,
            first=event.contact_id != NOBODY and key not in seen,  # nobody has no first time
        )
        seen.add(key)


def make_event(
    event: WaitingEvent,
    tree: Mapping[str, Any],
    past: Mapping[str, list[tuple[int, PastEvent]]],
    segments: Mapping[str, Any],
    *,
    first: bool,
) -> decision.Event:
    """An event with its facts as of then: what its own contact block says stands above the stored profile."""
    contact = dict(tree)
    for name in ("name", "locale", "timezone"):
        contact[name] = event.block.get(name) or contact.get(name)
    contact["attributes"] = {**contact.get("attributes", {}), **(event.block.get("attributes") or {})}
    before = {
        kind: [e for event_id, e in found if (e.occurred_at, event_id) < (event.occurred_at, event.id)]
        for kind, found in past.items()
    }
    answers = event.properties.get("answers")
    facts = Facts(
        {
            "type": event.type,
            "properties": event.properties,
            "contact": contact,
            "answers": answers if isinstance(answers, dict) else {},
        },
        event.occurred_at,
        before,
    )
    if segments:
        contact["segments"] = segments_of(segments, facts)
    return decision.Event(event.id, event.type, event.occurred_at, facts, first, event.depth, event.ambiguous)


def past_events(
    contact_ids: Collection[int], windows: Mapping[str, timedelta], until: datetime | None
) -> dict[int, dict[str, list[tuple[int, PastEvent]]]]:
    """Events per contact and type, oldest first, back to ``until`` less the window of their type."""
    if not windows or until is None:
        return {}
    in_window = or_(*(and_(Event.type == kind, Event.occurred_at > until - w) for kind, w in windows.items()))
    rows = db.session.execute(
        select(Event.contact_id, Event.type, Event.id, Event.occurred_at, Event.properties)
        .where(among(Event.contact_id, contact_ids), in_window)
        .order_by(Event.occurred_at, Event.id)
    )
    found: dict[int, dict[str, list[tuple[int, PastEvent]]]] = {}
    for contact_id, kind, event_id, occurred_at, properties in rows:
        found.setdefault(contact_id, {}).setdefault(kind, []).append((event_id, PastEvent(occurred_at, properties)))
    return found


def _decided_types(contact_ids: Collection[int], kinds: Collection[str]) -> set[tuple[int, str]]:
    """The (contact, type) pairs that have an event which is no longer waiting: the next one is not the first."""
    if not kinds:
        return set()
    waiting = select(PendingEvent.event_id).where(PendingEvent.event_id == Event.id).exists()
    rows = db.session.execute(
        select(Event.contact_id, Event.type)
        .where(among(Event.contact_id, contact_ids), among(Event.type, kinds), ~waiting)
        .distinct()
    )
    return {(contact_id, kind) for contact_id, kind in rows if contact_id is not None}


def _load_complaints(batch: Batch, waiting: Sequence[WaitingEvent]) -> None:
    policy = batch.rules.policy
    if policy.complaint_opens:
        batch.complaints = complaints({e.contact_id for e in waiting})
