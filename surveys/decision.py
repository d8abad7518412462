"""Deciding: one event, one contact, the triggers that listen; who is asked, and if not, why.

Trigger gates come first and stand before every action; send gates stand before each ``send`` and ``message`` only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from surveys import sampling
from surveys.conditions import Facts
from surveys.contact_policy import NEVER, ContactPolicy, Refusal, Reservation, open_time, refusal, zone
from surveys.lifecycle import DEPTH_MAX
from surveys.triggers import Send, Trigger

GATE_OF = {
    "loop": "depth",
    "not_live": "live",
    "stale": "fresh",
    "condition": "condition",
    "not_sampled": "sample",
    "unknown_contact": "contact",
    "ambiguous_contact": "contact",
    "no_consent": "consent",
    "unsubscribed": "unsubscribe",
    "suppressed": "suppression",
    "complaint_open": "complaint",
    "holdout": "holdout",
    "quota_full": "quota",
    "unreachable": "reachable",
    "contact_limit": "limits",
    "superseded": "priority",
}
"""The gate that each reason closes, in the order the gates stand."""
TRIGGER_GATES = ("depth", "live", "fresh", "condition", "sample")
ACTIVE = frozenset({"live", "pilot"})
NOT_FIRST = -1
"""The clause of a :class:`Miss` on ``occurrence: first``."""
SEND_GATES = tuple(dict.fromkeys(gate for gate in GATE_OF.values() if gate not in TRIGGER_GATES))


@dataclass(slots=True)
class Address:
    """Where a contact is reached through one channel, and what was already reserved there, by whomever."""

    id: int
    unsubscribed_at: datetime | None = None
    suppressed_at: datetime | None = None
    taken: list[Reservation] = field(default_factory=list)


@dataclass(slots=True)
class Contact:
    """Who an event was about. ``taken`` are their reservations; promises made while deciding are added to it."""

    id: int
    sampling_id: str
    timezone: str | None = None
    unsubscribed_at: datetime | None = None
    complaint_since: datetime | None = None
    consents: Mapping[str, bool] = field(default_factory=dict)
    addresses: Mapping[str, Address] = field(default_factory=dict)
    taken: list[Reservation] = field(default_factory=list)


@dataclass(slots=True)
class Event:
    """An event with the facts as of it; ``first`` when the contact had none of its type before."""

    id: int
    type: str
    occurred_at: datetime
    facts: Facts
    first: bool
    depth: int = 0
    ambiguous: bool = False


@dataclass(frozen=True)
class Rules:
    """What is in force while deciding, besides the triggers."""

    policy: ContactPolicy
    sampling_salt: bytes
    holdout_salt: bytes
    company_zone: str
    quota_used: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a gate closed: the rule by name, what it saw, what it allows, and when it would open."""

    reason: str
    observed: Any = None
    limit: Any = None
    rule: str | None = None
    next_possible_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invite:
    """A send that passed: which action, through which address, and when."""

    action: int
    send: Send
    channel: str
    address_id: int
    planned_at: datetime
    stale_at: datetime


@dataclass(slots=True)
class Decision:
    """The result for one trigger: ``invited``, ``skipped`` or ``acted``; ``acts`` are the actions that are no sends."""

    trigger: Trigger
    outcome: str
    closed: Closed | None = None
    invites: list[Invite] = field(default_factory=list)
    acts: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Miss:
    """A trigger whose condition did not hold, and the clause that failed."""

    trigger: Trigger
    clause: int


@dataclass(slots=True)
class _Round:
    """One event while it is decided. ``made`` are the promises of this very event."""

    event: Event
    contact: Contact | None
    rules: Rules
    now: datetime
    winner: str | None = None
    made: list[Invite] = field(default_factory=list)
    places: list[Reservation] = field(default_factory=list)

    def contends(self, send: Send) -> bool:
        """Whether ``send`` competes for the one question an event may lead to; exempt messages do not."""
        return send.class_ not in self.rules.policy.exempt


def decide_each(
    event: Event, contact: Contact | None, triggers: Iterable[Trigger], rules: Rules, now: datetime
) -> list[Decision | Miss]:
    """Decide one event for every trigger that listens to its type, the higher priority first.

    Of the surveys that one event could send, the first that passes every gate wins; the others are superseded by it.
    The promises made are added to ``contact.taken`` and to the addresses used, so that the next event sees them.
    """
    this = _Round(event, contact, rules, now)
    results = [_decide(this, trigger) for trigger in triggers]
    if contact is not None:
        for invite, place in zip(this.made, this.places, strict=True):
            contact.taken.append(place)
            contact.addresses[invite.channel].taken.append(place)
    return results


def in_order(triggers: Iterable[Trigger]) -> list[Trigger]:
    """Triggers as :func:`decide_each` wants them: the higher priority first, then by slug."""
    return sorted(triggers, key=lambda t: (-t.priority, t.slug))


def reservation_of(trigger: Trigger, send: Send, channel: str, at: datetime) -> Reservation:
    return Reservation(at, send.class_, channel, send.survey, trigger.slug)


def _decide(this: _Round, trigger: Trigger) -> Decision | Miss:
    if trigger.first_only and not this.event.first:
        return Miss(trigger, NOT_FIRST)
    failing = trigger.condition.failing(this.event.facts)
    if failing is not None:
        return Miss(trigger, failing)
    if closed := _close_trigger(this, trigger):
        return Decision(trigger, "skipped", closed)
    return _act(this, trigger)


def _act(this: _Round, trigger: Trigger) -> Decision:
    result = Decision(trigger, "acted")
    for number, action in enumerate(trigger.actions):
        if not isinstance(action, Send):
            result.acts.append(number)
            continue
        sent = _send(this, trigger, number, action)
        if isinstance(sent, Closed):
            result.closed = result.closed or sent
            continue
        result.invites.append(sent)
        this.made.append(sent)
        this.places.append(reservation_of(trigger, action, sent.channel, sent.planned_at))
        if this.contends(action):
            this.winner = trigger.slug
    if result.invites:
        result.outcome, result.closed = "invited", None
    elif result.closed:
        result.outcome = "skipped"
    return result


def _close_trigger(this: _Round, trigger: Trigger) -> Closed | None:
    event, contact, rules = this.event, this.contact, this.rules
    if event.depth > DEPTH_MAX:
        return Closed("loop", event.depth, DEPTH_MAX)
    if trigger.status not in ACTIVE:
        return Closed("not_live", trigger.status, "live")
    late = _lateness(trigger, event, this.now)
    if late > trigger.fresh:
        return Closed("stale", int(late.total_seconds()), int(trigger.fresh.total_seconds()))
    if contact is not None and trigger.sample.rate < 1:
        lot = sample_draw(trigger, contact.sampling_id, rules, event.occurred_at)
        if lot >= trigger.sample.rate:
            redraw = trigger.sample.redraw
            ends = sampling.period_ends(rules.sampling_salt, contact.sampling_id, event.occurred_at, redraw)
            return Closed("not_sampled", round(lot, 4), trigger.sample.rate, next_possible_at=ends)
    return None


def _lateness(trigger: Trigger, event: Event, at: datetime) -> timedelta:
    """How long after the event, and the delay that its first send asks for, it is decided."""
    return at - event.occurred_at - min((send.delay for _, send in trigger.sends), default=timedelta(0))


def sample_draw(trigger: Trigger, sampling_id: str, rules: Rules, at: datetime) -> float:
    """The contact's lot for this trigger; below the rate it is in the sample."""
    number = sampling.period(rules.sampling_salt, sampling_id, at, trigger.sample.redraw)
    return sampling.draw(rules.sampling_salt, trigger.slug, sampling_id, number)


def holdout_draw(trigger: Trigger, sampling_id: str, rules: Rules) -> float:
    """The contact's lot for the control group; below the share it is never asked."""
    return sampling.draw(rules.holdout_salt, trigger.slug, sampling_id)


def _send(this: _Round, trigger: Trigger, number: int, send: Send) -> Invite | Closed:
    if this.contact is None:
        return Closed("ambiguous_contact" if this.event.ambiguous else "unknown_contact")
    if closed := _close_send(this.contact, trigger, send, this.rules):
        return closed
    invite = _first_channel(this, this.contact, trigger, number, send)
    if isinstance(invite, Invite) and this.winner is not None and this.contends(send):
        return Closed("superseded", rule=this.winner)
    return invite


def _close_send(contact: Contact, trigger: Trigger, send: Send, rules: Rules) -> Closed | None:
    """The gates that do not depend on the time of hand-over."""
    if not _consents(contact, send.class_, rules.policy) or not any(
        _consents(contact, channel, rules.policy) for channel in send.channels
    ):
        return Closed("no_consent", rule=send.class_)
    if contact.unsubscribed_at:
        return Closed("unsubscribed", contact.unsubscribed_at.isoformat())
    if closed := _close_addresses([a for c in send.channels if (a := contact.addresses.get(c))]):
        return closed
    if contact.complaint_since and send.class_ != "service":
        return Closed("complaint_open", contact.complaint_since.isoformat())
    sample = trigger.sample
    if sample.holdout and (lot := holdout_draw(trigger, contact.sampling_id, rules)) < sample.holdout:
        return Closed("holdout", round(lot, 4), sample.holdout)
    used = rules.quota_used.get(trigger.slug, 0)
    if sample.quota and used >= sample.quota.responses:
        return Closed("quota_full", used, sample.quota.responses)
    return None


def _consents(contact: Contact, scope: str, policy: ContactPolicy) -> bool:
    return contact.consents.get(scope, scope not in policy.consent_required)


def _close_addresses(addresses: Sequence[Address]) -> Closed | None:
    """Closed when every address there is has been unsubscribed or suppressed."""
    if not addresses or any(not a.unsubscribed_at and not a.suppressed_at for a in addresses):
        return None
    first = addresses[0]
    if first.unsubscribed_at:
        return Closed("unsubscribed", first.unsubscribed_at.isoformat())
    return Closed("suppressed", first.suppressed_at.isoformat() if first.suppressed_at else None)


def _first_channel(this: _Round, contact: Contact, trigger: Trigger, number: int, send: Send) -> Invite | Closed:
    """The first channel that passes wins; else what closed the first one that could have been used."""
    closed: Closed | None = None
    policy, due = this.rules.policy, this.event.occurred_at + send.delay
    stale_at = due + trigger.fresh
    quiet = policy.quiet_hours
    where = zone(contact.timezone if quiet and quiet.of_contact else None, this.rules.company_zone)
    # A contender that comes after the winner is superseded, not over a limit that the winner filled just now.
    made = [] if this.contends(send) and this.winner else this.places
    for channel in send.channels:
        address = contact.addresses.get(channel)
        if address is None or address.unsubscribed_at or address.suppressed_at:
            continue
        if not _consents(contact, channel, policy):
            continue
        planned_at = open_time(quiet, max(this.now, due), where)
        asked = reservation_of(trigger, send, channel, planned_at)
        if full := room(policy, [*contact.taken, *made], [*address.taken, *made], asked):
            closed = closed or limit_closed(full)
        elif planned_at > stale_at:
            closed = closed or Closed("stale", planned_at.isoformat(), stale_at.isoformat())
        else:
            return Invite(number, send, channel, address.id, planned_at, stale_at)
    return closed or Closed("unreachable", rule=send.channels[0])


def room(
    policy: ContactPolicy,
    contact_taken: Sequence[Reservation],
    address_taken: Sequence[Reservation],
    asked: Reservation,
) -> Refusal | None:
    """What stands in the way of ``asked``, for the contact or for the address; None when nothing does."""
    found: Refusal | None = None
    while full := refusal(policy, contact_taken, asked) or refusal(policy, address_taken, asked):
        found = replace(found or full, next_possible_at=full.next_possible_at)
        if full.next_possible_at == NEVER:
            break
        asked = replace(asked, counts_at=full.next_possible_at)
    return found


def limit_closed(full: Refusal) -> Closed:
    return Closed(
        "contact_limit",
        full.observed,
        full.limit.max,
        full.limit.name,
        None if full.next_possible_at == NEVER else full.next_possible_at,
    )


def hand_over_closed(
    contact: Contact, address: Address, trigger: Trigger, send: Send, asked: Reservation, rules: Rules
) -> Closed | None:
    """The gates that are read once more at hand-over, with what has become known since the decision."""
    if trigger.status not in ACTIVE:
        return Closed("not_live", trigger.status, "live")
    if not _consents(contact, send.class_, rules.policy) or not _consents(contact, asked.channel, rules.policy):
        return Closed("no_consent", rule=send.class_)
    if contact.unsubscribed_at:
        return Closed("unsubscribed", contact.unsubscribed_at.isoformat())
    if closed := _close_addresses([address]):
        return closed
    if contact.complaint_since and send.class_ != "service":
        return Closed("complaint_open", contact.complaint_since.isoformat())
    full = room(rules.policy, contact.taken, address.taken, asked)
    return limit_closed(full) if full else None


@dataclass(frozen=True, slots=True)
class Rung:
    """One gate of the ladder, as it is shown: ``passed`` is None where it was not reached."""

    gate: str
    passed: bool
    observed: Any = None
    limit: Any = None
    rule: str | None = None


def ladder(
    trigger: Trigger,
    event: Event,
    sampling_id: str | None,
    rules: Rules,
    decided_at: datetime,
    closed: Closed | None,
) -> list[Rung]:
    """Every gate up to the one that closed; those that passed are rebuilt from the trigger's version."""
    last = GATE_OF[closed.reason] if closed else None
    if closed and closed.reason == "stale" and isinstance(closed.observed, str):
        last = "limits"  # found stale only after the quiet hours had moved it
    seen: dict[str, tuple[Any, Any]] = {
        "depth": (event.depth, DEPTH_MAX),
        "live": ("live", "live"),
        "fresh": (
            int(_lateness(trigger, event, decided_at).total_seconds()),
            int(trigger.fresh.total_seconds()),
        ),
    }
    if sampling_id is not None:
        seen["sample"] = (round(sample_draw(trigger, sampling_id, rules, event.occurred_at), 4), trigger.sample.rate)
        seen["holdout"] = (round(holdout_draw(trigger, sampling_id, rules), 4), trigger.sample.holdout)
    gates = (*TRIGGER_GATES, *SEND_GATES) if trigger.sends else TRIGGER_GATES
    rungs = []
    for gate in gates:
        if gate == last and closed:
            rungs.append(Rung(gate, passed=False, observed=closed.observed, limit=closed.limit, rule=closed.rule))
            break
        observed, limit = seen.get(gate, (None, None))
        rungs.append(Rung(gate, passed=True, observed=observed, limit=limit))
    return rungs
