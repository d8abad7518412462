"""All that is needed to decide a batch of contacts, loaded with one query per kind of thing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.extensions import among, db
from app.models.contacts import Address, Contact, ContactLock
from app.models.decisions import Decision, Reservation
from app.models.events import Event, PendingEvent
from app.models.invitations import Invitation
from app.models.sources import Source
from app.queries.contacts import complaints, contact_facts, newest_addresses
from app.queries.policies import rules_at
from app.queries.quotas import standings
from app.queries.sealed import opened
from app.queries.segments import segment_conditions
from app.queries.triggers import CurrentTrigger, current_triggers
from surveys import contact_policy, gates
from surveys.conditions import PastEvent
from surveys.contact_policy import country_of
from surveys.gates import Rules
from surveys.history import complaint_since, event_of
from surveys.occasions import Absence
from surveys.triggers import Trigger as Rule

EVENT_COLUMNS = (
    Event.id,
    Source.slug,
    Event.external_id,
    Event.type,
    Event.occurred_at,
    Event.contact,
    Event.properties,
    Event.depth,
)
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
class WaitingDecision:
    """A deferred decision: its event, its trigger as it is now (None: archived), and what it waits for."""

    event: WaitingEvent
    trigger_id: int
    trigger: CurrentTrigger | None
    version: int
    reason: str
    retry_at: datetime
    called_off: bool = False


@dataclass(slots=True)
class Batch:
    """What :func:`surveys.decision.decide_each` is to be called with, for many contacts at once."""

    waiting: list[WaitingEvent]
    current: list[CurrentTrigger]
    unfinished: set[int]
    """Contacts with more events than were loaded."""
    triggers: dict[str, list[CurrentTrigger]]
    rules: Rules
    policy_number: int
    deferred: list[WaitingDecision] = field(default_factory=list)
    calling_off: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """The triggers, by id and slug, whose promises an event of a type calls off."""
    openers: dict[str, list[tuple[int, Rule]]] = field(default_factory=dict)
    """The live triggers that hear of what does not follow, by the type of event that it would follow."""
    contacts: dict[int, gates.Contact] = field(default_factory=dict)
    trees: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Contacts as conditions see them."""
    events: dict[int, gates.Event] = field(default_factory=dict)
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


def load_batch(
    contact_ids: Sequence[int], limit: int, now: datetime, company_zone: str, *, exact: bool = False
) -> Batch:
    """Load the first ``limit`` undecided events of these contacts, and everything that deciding them can look at.

    ``exact``: nobody else may give away invitations of a quota until this is stored.
    """
    waiting = _waiting_events(contact_ids, limit)
    unfinished: set[int] = set()
    if len(waiting) >= limit:
        # Nobody comes last, so that a backlog of anonymous events holds up no contact.
        order = sorted(contact_ids, key=lambda i: (i == NOBODY, i))
        unfinished = set(order[order.index(waiting[-1].contact_id) :])
    waiting.sort(key=lambda event: (event.occurred_at, event.id))
    current = current_triggers()
    triggers: dict[str, list[CurrentTrigger]] = {}
    for one in current:
        triggers.setdefault(one[2].event, []).append(one)
    number, rules = rules_at(now, company_zone)
    deferred = _deferred_decisions(contact_ids, {one[0]: one for one in current})
    batch = Batch(waiting, current, unfinished, triggers, rules, number, deferred)
    for trigger_id, _, rule in current:
        for kind in {kind for _, send in rule.sends for kind in send.cancel_on}:
            batch.calling_off.setdefault(kind, []).append((trigger_id, rule.slug))
        if isinstance(rule.when, Absence) and rule.status in gates.ACTIVE:
            batch.openers.setdefault(rule.when.event, []).append((trigger_id, rule))
    heard, again = [e for e in waiting if e.type in triggers], [d.event for d in deferred]
    _load_contacts(batch, {e.contact_id for e in (*heard, *again) if e.contact_id}, now)
    _load_facts(batch, heard, again)
    _load_complaints(batch, [*waiting, *again])
    batch.rules = replace(rules, standings=standings(current, now, company_zone, exact=exact))  # the last of all locks
    return batch


def _deferred_decisions(contact_ids: Collection[int], current: Mapping[int, CurrentTrigger]) -> list[WaitingDecision]:
    """Everything these contacts wait with, due or not: what is called off meanwhile must be known."""
    rows = db.session.execute(
        select(
            *EVENT_COLUMNS,
            Event.contact_id,
            Decision.trigger_id,
            Decision.trigger_version,
            Decision.reason,
            Decision.retry_at,
        )
        .select_from(Decision)
        .join(Event, Event.id == Decision.event_id)
        .join(Source, Source.id == Event.source_id)
        .where(among(Decision.contact_id, contact_ids), Decision.retry_at.is_not(None))
    )
    return [
        WaitingDecision(
            _waiting_event(r, ambiguous=False),
            trigger_id=r[9],
            trigger=current.get(r[9]),
            version=r[10],
            reason=r[11],
            retry_at=r[12],
        )
        for r in rows
    ]


def _waiting_events(contact_ids: Collection[int], limit: int) -> list[WaitingEvent]:
    rows = db.session.execute(
        select(*EVENT_COLUMNS, PendingEvent.contact_id, PendingEvent.ambiguous)
        .join(PendingEvent, PendingEvent.event_id == Event.id)
        .join(Source, Source.id == Event.source_id)
        .where(among(PendingEvent.contact_id, contact_ids), PendingEvent.dead_at.is_(None))
        .order_by(PendingEvent.contact_id == NOBODY, PendingEvent.contact_id, Event.occurred_at, Event.id)
        .limit(limit)
    )
    return [_waiting_event(r, ambiguous=r[9]) for r in rows]


def _waiting_event(row: Sequence[Any], *, ambiguous: bool) -> WaitingEvent:
    block, contact_id = row[5] or {}, row[8] or NOBODY
    return WaitingEvent(row[0], row[1], row[2], row[3], row[4], block, row[6], row[7], contact_id, ambiguous)


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
    liked = preferred_channels(rows) if _has_choice(batch) else {}
    reached = newest_addresses(contact_ids)
    shared = sorted({a.id for found in reached.values() for a in found.values() if a.shared})
    if shared:  # a shared address is locked too, for its own limits; after the contacts, and in one order
        db.session.execute(select(Address.id).where(among(Address.id, shared)).order_by(Address.id).with_for_update())
        reached = newest_addresses(contact_ids)  # as it is now that nobody else is at it
    taken = reservations(contact_ids, shared, now - batch.rules.policy.longest)
    # One object per address: contacts that share it see each other's promises.
    addresses = {
        a.id: gates.Address(a.id, a.unsubscribed_at, a.suppressed_at, taken.of_address(a.id))
        for found in reached.values()
        for a in found.values()
    }
    for row in rows:
        batch.trees[row.id] = contact_facts(None, row.name, row.locale, row.timezone, row.attributes)
        batch.contacts[row.id] = gates.Contact(
            id=row.id,
            sampling_id=row.sampling_id,
            timezone=row.timezone,
            unsubscribed_at=row.unsubscribed_at,
            consents={scope: said["granted"] for scope, said in row.consents.items()},
            addresses={channel: addresses[a.id] for channel, a in reached.get(row.id, {}).items()},
            taken=taken.of_contact(row.id),
            country=country_of(batch.trees[row.id]) if batch.rules.policy.by_country else None,
            preferred=liked.get(row.id, ()),
        )


def _has_choice(batch: Batch) -> bool:
    return any(len(send.channels) > 1 for heard in batch.triggers.values() for _, _, t in heard for _, send in t.sends)


def preferred_channels(contacts: Iterable[Any]) -> dict[int, tuple[str, ...]]:
    """Channels by contact, the best first: the one they chose, then those they answered through, the latest first.

    A contact chooses with the attribute ``preferred_channel``.
    """
    chosen = {row.id: row.attributes.get("preferred_channel") for row in contacts}
    rows = db.session.execute(
        select(Invitation.contact_id, Invitation.channel)
        .where(among(Invitation.contact_id, chosen), Invitation.completed_at.is_not(None))
        .group_by(Invitation.contact_id, Invitation.channel)
        .order_by(func.max(Invitation.completed_at).desc(), Invitation.channel)
    )
    found = {contact_id: [channel] for contact_id, channel in chosen.items() if isinstance(channel, str)}
    for contact_id, channel in rows:
        found.setdefault(contact_id, []).append(channel)
    return {contact_id: tuple(dict.fromkeys(channels)) for contact_id, channels in found.items()}


def present_contact(contact_id: int, rules: Rules, number: int, now: datetime) -> tuple[gates.Contact, dict[str, Any]]:
    """A contact as it would be decided now, and as conditions see it."""
    batch = Batch([], current_triggers(), set(), {}, rules, number)
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
        if without is None or row.invitation_id != without:
            reserved = contact_policy.Reservation(row.counts_at, row.class_, row.channel, row.survey, row.trigger)
            taken.by_address.setdefault(row.address_id, []).append(reserved)
            if row.contact_id in wanted:
                taken.of_contact(row.contact_id).append(reserved)
    return taken


def _load_facts(batch: Batch, heard: Sequence[WaitingEvent], again: Sequence[WaitingEvent]) -> None:
    """The facts of events that are heard, and of those that are decided ``again``."""
    listening = [rule for found in batch.triggers.values() for _, _, rule in found]
    wanted = any(rule.condition.needs.segments for rule in listening)
    wanted = wanted or any(crisis.scope == "segment" for crisis in batch.rules.crises)
    segments = segment_conditions() if wanted else {}
    windows: dict[str, timedelta] = {}
    for condition in (*(c for rule in listening for c in rule.conditions), *segments.values()):
        for kind, window in condition.needs.events.items():
            windows[kind] = max(window, windows.get(kind, timedelta(0)))
    both = [*heard, *again]
    for event, properties in zip(both, opened([(e.type, e.properties) for e in both]), strict=True):
        event.properties = properties
    past = past_events({e.contact_id for e in both}, windows, min((e.occurred_at for e in both), default=None))
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
    for event in again:  # whether it was the first was asked when it was decided first
        batch.events[event.id] = make_event(
            event, batch.trees.get(event.contact_id, {}), past.get(event.contact_id, {}), segments, first=True
        )


def make_event(
    event: WaitingEvent,
    tree: Mapping[str, Any],
    past: Mapping[str, list[tuple[int, PastEvent]]],
    segments: Mapping[str, Any],
    *,
    first: bool,
) -> gates.Event:
    """An event with its facts as of then; of ``past``, with the ids of events, what came before it."""
    before = {
        kind: [e for event_id, e in found if (e.occurred_at, event_id) < (event.occurred_at, event.id)]
        for kind, found in past.items()
    }
    return event_of(event, tree, before, segments, first=first)


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
