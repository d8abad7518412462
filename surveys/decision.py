"""Deciding: one event, one contact, the triggers that listen; who is asked, and if not, why.

Trigger gates come first and stand before every action; send gates stand before each ``send`` and ``message`` only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from surveys.contact_policy import Reservation, allowed_time, may_ask, zone
from surveys.gates import (
    Closed,
    Contact,
    Event,
    Rules,
    close_send,
    close_trigger,
    company_holdout_draw,
    holdout_draw,
    lateness,
    limit_closed,
    reservation_of,
    room,
    sample_draw,
)
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
    "crisis": "crisis",
    "holdout": "holdout",
    "quota_full": "quota",
    "unreachable": "reachable",
    "contact_limit": "limits",
    "superseded": "priority",
}
"""The gate that each reason closes, in the order the gates stand."""
TRIGGER_GATES = ("depth", "live", "fresh", "condition", "sample")
NOT_FIRST = -1
"""The clause of a :class:`Miss` on the ``occurrence``."""
SEND_GATES = tuple(dict.fromkeys(gate for gate in GATE_OF.values() if gate not in TRIGGER_GATES))
PASSING = frozenset({"contact_limit", "complaint_open", "crisis", "quota_full"})
"""Reasons that time removes: what is told to wait, waits for these."""


@dataclass(frozen=True, slots=True)
class Invite:
    """A send that passed: which action, through which address, and when.

    ``borrowed_clock``: the contact's zone is not known, so quiet times went by the company's.
    """

    action: int
    send: Send
    channel: str
    address_id: int
    planned_at: datetime
    stale_at: datetime
    borrowed_clock: bool = False


@dataclass(slots=True)
class Decision:
    """The result for one trigger: ``invited``, ``deferred``, ``skipped`` or ``acted``.

    ``acts`` are the actions that are no sends; ``retry_at`` is when a deferred one is decided again.
    """

    trigger: Trigger
    outcome: str
    closed: Closed | None = None
    invites: list[Invite] = field(default_factory=list)
    acts: list[int] = field(default_factory=list)
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Miss:
    """A trigger whose condition did not hold, and the clause that failed."""

    trigger: Trigger
    clause: int


@dataclass(frozen=True, slots=True)
class Deferred:
    """An event that a trigger waits with, since it was first decided."""

    event: Event
    trigger: Trigger


@dataclass(slots=True)
class _Round:
    """What is decided together, of which one question may come. ``made`` are the promises of this very round."""

    contact: Contact | None
    rules: Rules
    now: datetime
    winner: str | None = None
    made: list[Invite] = field(default_factory=list)
    places: list[Reservation] = field(default_factory=list)

    def contends(self, send: Send) -> bool:
        """Whether ``send`` competes for the one question of a round; exempt messages do not."""
        return send.class_ not in self.rules.policy.exempt

    def close(self) -> None:
        """Add the promises made to the contact and the addresses used, so that what is decided next sees them."""
        if self.contact is not None:
            for invite, place in zip(self.made, self.places, strict=True):
                self.contact.taken.append(place)
                self.contact.addresses[invite.channel].taken.append(place)


def decide_each(
    event: Event, contact: Contact | None, triggers: Iterable[Trigger], rules: Rules, now: datetime
) -> list[Decision | Miss]:
    """Decide one event for every trigger that listens to its type, the higher priority first.

    Of the surveys that one event could send, the first that passes every gate wins; the others are superseded by it.
    The promises made are added to ``contact.taken``, to the addresses used and to the standings of quotas.
    """
    this = _Round(contact, rules, now)
    results = [_decide(this, event, trigger) for trigger in triggers]
    this.close()
    return results


def decide_deferred(
    waiting: Sequence[Deferred], contact: Contact, rules: Rules, now: datetime
) -> list[tuple[Deferred, Decision]]:
    """Decide what one contact's deferred events come to now, all gates read again: by priority, then age.

    They are decided together: one question may come of them, and those that come after it are superseded.
    """
    this = _Round(contact, rules, now)
    ranked = sorted(waiting, key=lambda d: (-d.trigger.priority, d.event.occurred_at, d.event.id, d.trigger.slug))
    results = []
    for one in ranked:
        result = _decide(this, one.event, one.trigger)
        if isinstance(result, Miss):
            result = Decision(one.trigger, "skipped", Closed("condition"))
        results.append((one, result))
    this.close()
    return results


def _decide(this: _Round, event: Event, trigger: Trigger) -> Decision | Miss:
    if not trigger.occurs(event.facts, first=event.first):
        return Miss(trigger, NOT_FIRST)
    failing = trigger.condition.failing(event.facts)
    if failing is not None:
        return Miss(trigger, failing)
    if closed := close_trigger(event, this.contact, trigger, this.rules, this.now):
        return Decision(trigger, "skipped", closed)
    return _act(this, event, trigger)


def _act(this: _Round, event: Event, trigger: Trigger) -> Decision:
    result = Decision(trigger, "acted")
    for number, action in enumerate(trigger.actions):
        if not isinstance(action, Send):
            result.acts.append(number)
            continue
        sent = _send(this, event, trigger, number, action)
        if isinstance(sent, Closed):
            result.closed = result.closed or sent
            result.retry_at = result.retry_at or _retry_at(event, trigger, action, sent)
            continue
        result.invites.append(sent)
        _promise(this, trigger, action, sent)
    if result.invites:
        result.outcome, result.closed, result.retry_at = "invited", None, None
    elif result.closed:
        result.outcome = "deferred" if result.retry_at else "skipped"
    return result


def _promise(this: _Round, trigger: Trigger, send: Send, invite: Invite) -> None:
    this.made.append(invite)
    this.places.append(reservation_of(trigger, send, invite.channel, invite.planned_at))
    if this.contends(send):
        this.winner = trigger.slug
    standing = this.rules.standings.get(trigger.slug)
    if standing is not None:
        standing.used += standing.each
        standing.promised += 1


def _retry_at(event: Event, trigger: Trigger, send: Send, closed: Closed) -> datetime | None:
    """When to try again; None where waiting is not wanted, or could only end too late."""
    again = closed.next_possible_at
    if not send.defer or closed.reason not in PASSING or again is None:
        return None
    return again if again <= event.occurred_at + send.delay + trigger.fresh else None


def _send(this: _Round, event: Event, trigger: Trigger, number: int, send: Send) -> Invite | Closed:
    if this.contact is None:
        return Closed("ambiguous_contact" if event.ambiguous else "unknown_contact")
    if closed := close_send(event, this.contact, trigger, send, this.rules, this.now):
        return closed
    invite = _first_channel(this, event, this.contact, trigger, number, send)
    if isinstance(invite, Invite) and this.winner is not None and this.contends(send):
        return Closed("superseded", rule=this.winner)
    return invite


def _first_channel(
    this: _Round, event: Event, contact: Contact, trigger: Trigger, number: int, send: Send
) -> Invite | Closed:
    """The first channel that passes wins; else what closed the first one that could have been used."""
    closed: Closed | None = None
    rules, due = this.rules, event.occurred_at + send.delay
    policy = rules.policy_for(event.facts, trigger, this.now)
    stale_at = due + trigger.fresh
    where = zone(contact.timezone if policy.of_contact else None, rules.company_zone)
    planned_at = allowed_time(policy, max(this.now, due), where, rules.holidays_of(contact.country))
    # A contender that comes after the winner is superseded, not over a limit that the winner filled just now.
    made = [] if this.contends(send) and this.winner else this.places
    for channel in _ranked(send.channels, contact.preferred):
        address = contact.addresses.get(channel)
        if address is None or address.unsubscribed_at or address.suppressed_at:
            continue
        if may_ask(policy, contact.consents, contact.country, send.class_, channel):
            continue
        asked = reservation_of(trigger, send, channel, planned_at)
        if full := room(policy, [*contact.taken, *made], [*address.taken, *made], asked):
            closed = closed or limit_closed(full)
        elif planned_at > stale_at:
            closed = closed or Closed("stale", planned_at.isoformat(), stale_at.isoformat())
        else:
            borrowed = policy.of_contact and where.key != contact.timezone
            return Invite(number, send, channel, address.id, planned_at, stale_at, borrowed)
    return closed or Closed("unreachable", rule=send.channels[0])


def _ranked(channels: Sequence[str], preferred: Sequence[str]) -> Sequence[str]:
    """Channels in the contact's order where they have one, else in the trigger's."""
    if not preferred or len(channels) == 1:
        return channels
    rank = {channel: place for place, channel in enumerate(preferred)}
    return sorted(channels, key=lambda channel: rank.get(channel, len(rank)))


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
            int(lateness(trigger, event, decided_at).total_seconds()),
            int(trigger.fresh.total_seconds()),
        ),
    }
    if sampling_id is not None:
        seen["sample"] = (round(sample_draw(trigger, sampling_id, rules, event.occurred_at), 4), trigger.sample.rate)
        seen["holdout"] = _holdout_seen(trigger, sampling_id, rules)
    gates = (*TRIGGER_GATES, *SEND_GATES) if trigger.sends else TRIGGER_GATES
    rungs = []
    for gate in gates:
        if gate == last and closed:
            rungs.append(Rung(gate, passed=False, observed=closed.observed, limit=closed.limit, rule=closed.rule))
            break
        observed, limit = seen.get(gate, (None, None))
        rungs.append(Rung(gate, passed=True, observed=observed, limit=limit))
    return rungs


def _holdout_seen(trigger: Trigger, sampling_id: str, rules: Rules) -> tuple[float, float]:
    """The lot and the share of the trigger's own control group, or where it has none of the company's."""
    if rules.policy.holdout and not trigger.sample.holdout:
        return round(company_holdout_draw(sampling_id, rules), 4), rules.policy.holdout
    return round(holdout_draw(trigger, sampling_id, rules), 4), trigger.sample.holdout
