"""The gates: each passes, or closes with a reason, what it saw, what it allows, and when it would open."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from surveys import quotas, sampling
from surveys.conditions import Facts
from surveys.contact_policy import (
    COMPLAINT_LAPSES,
    NEVER,
    OF_CONTACT,
    ContactPolicy,
    Refusal,
    Reservation,
    may_ask,
    refusal,
    zone,
)
from surveys.crisis import Crisis, covering
from surveys.lifecycle import DEPTH_MAX
from surveys.quotas import Standing
from surveys.triggers import Send, Trigger

ACTIVE = frozenset({"live", "pilot"})
EVERYWHERE = ""
"""What the draw of the company-wide control group is named by, where others are named by their trigger."""


@dataclass(slots=True)
class Address:
    """Where a contact is reached through one channel, and what was already reserved there, by whomever."""

    id: int
    unsubscribed_at: datetime | None = None
    suppressed_at: datetime | None = None
    taken: list[Reservation] = field(default_factory=list)


@dataclass(slots=True)
class Contact:
    """Who an event was about. ``taken`` are their reservations; promises made while deciding are added to it.

    ``preferred`` are channels they chose themselves or answered through, the best first.
    """

    id: int
    sampling_id: str
    timezone: str | None = None
    unsubscribed_at: datetime | None = None
    complaint_since: datetime | None = None
    consents: Mapping[str, bool] = field(default_factory=dict)
    addresses: Mapping[str, Address] = field(default_factory=dict)
    taken: list[Reservation] = field(default_factory=list)
    country: str | None = None
    preferred: tuple[str, ...] = ()


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
    """What is in force while deciding, besides the triggers.

    ``standings`` say how far the quota of each trigger is used, by slug; ``holidays`` are dates by country.
    """

    policy: ContactPolicy
    sampling_salt: bytes
    holdout_salt: bytes
    company_zone: str
    standings: Mapping[str, Standing] = field(default_factory=dict)
    crises: tuple[Crisis, ...] = ()
    holidays: Mapping[str, Collection[date]] = field(default_factory=dict)

    def policy_for(self, facts: Facts, trigger: Trigger, at: datetime) -> ContactPolicy:
        """The policy, tighter where a crisis covers what happened."""
        return self.policy.in_crisis if self.crises and self.crisis(facts, trigger, at) else self.policy

    def crisis(self, facts: Facts, trigger: Trigger, at: datetime) -> Crisis | None:
        return covering(self.crises, at, facts.tree, trigger.touchpoint)

    def holidays_of(self, country: str | None) -> Collection[date]:
        """The holidays on which contacts of this country are left in peace."""
        quiet = self.policy.quiet_days
        if quiet is None or not quiet.holidays:
            return ()
        return self.holidays.get(country or "" if quiet.holidays == OF_CONTACT else quiet.holidays, ())


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a gate closed: the rule by name, what it saw, what it allows, and when it would open."""

    reason: str
    observed: Any = None
    limit: Any = None
    rule: str | None = None
    next_possible_at: datetime | None = None


def close_trigger(
    event: Event, contact: Contact | None, trigger: Trigger, rules: Rules, now: datetime
) -> Closed | None:
    """The gates that stand before every action."""
    if event.depth > DEPTH_MAX:
        return Closed("loop", event.depth, DEPTH_MAX)
    if trigger.status not in ACTIVE:
        return Closed("not_live", trigger.status, "live")
    if trigger.in_crisis == "only" and not rules.crisis(event.facts, trigger, now):
        return Closed("not_live", "no crisis", "crisis")
    late = lateness(trigger, event, now)
    if late > trigger.fresh:
        return Closed("stale", int(late.total_seconds()), int(trigger.fresh.total_seconds()))
    if contact is not None and trigger.sample.rate < 1:
        lot = sample_draw(trigger, contact.sampling_id, rules, event.occurred_at)
        if lot >= trigger.sample.rate:
            redraw = trigger.sample.redraw
            ends = sampling.period_ends(rules.sampling_salt, contact.sampling_id, event.occurred_at, redraw)
            return Closed("not_sampled", round(lot, 4), trigger.sample.rate, next_possible_at=ends)
    return None


def lateness(trigger: Trigger, event: Event, at: datetime) -> timedelta:
    """How long after the event, and the delay that its first send asks for, it is decided."""
    return at - event.occurred_at - trigger.first_delay


def sample_draw(trigger: Trigger, sampling_id: str, rules: Rules, at: datetime) -> float:
    """The contact's lot for this trigger; below the rate it is in the sample."""
    number = sampling.period(rules.sampling_salt, sampling_id, at, trigger.sample.redraw)
    return sampling.draw(rules.sampling_salt, trigger.slug, sampling_id, number)


def holdout_draw(trigger: Trigger, sampling_id: str, rules: Rules) -> float:
    """The contact's lot for the control group; below the share it is never asked."""
    return sampling.draw(rules.holdout_salt, trigger.slug, sampling_id)


def company_holdout_draw(sampling_id: str, rules: Rules) -> float:
    """The contact's lot for the control group of the whole company."""
    return sampling.draw(rules.holdout_salt, EVERYWHERE, sampling_id)


def close_send(
    event: Event, contact: Contact, trigger: Trigger, send: Send, rules: Rules, now: datetime
) -> Closed | None:
    """The gates that do not depend on the time of hand-over."""
    if closed := _close_consent(contact, send, rules.policy):
        return closed
    if contact.unsubscribed_at:
        return Closed("unsubscribed", contact.unsubscribed_at.isoformat())
    if closed := _close_addresses([a for c in send.channels if (a := contact.addresses.get(c))]):
        return closed
    if closed := _close_complaint(contact, send.class_):
        return closed
    if rules.crises and (closed := _close_crisis(event.facts, trigger, send.class_, rules, now)):
        return closed
    if closed := _close_holdout(contact, trigger, send, rules):
        return closed
    return _close_quota(trigger, rules, now)


def _close_consent(contact: Contact, send: Send, policy: ContactPolicy) -> Closed | None:
    """Closed when there is a legal basis for no channel; it names what is missing for the first."""
    if not contact.consents and not policy.consent_required and not policy.legal_basis:
        return None
    lacking = [may_ask(policy, contact.consents, contact.country, send.class_, channel) for channel in send.channels]
    return Closed("no_consent", rule=lacking[0]) if all(lacking) else None


def _close_addresses(addresses: Sequence[Address]) -> Closed | None:
    """Closed when every address there is has been unsubscribed or suppressed."""
    if not addresses or any(not a.unsubscribed_at and not a.suppressed_at for a in addresses):
        return None
    first = addresses[0]
    if first.unsubscribed_at:
        return Closed("unsubscribed", first.unsubscribed_at.isoformat())
    assert first.suppressed_at is not None
    return Closed("suppressed", first.suppressed_at.isoformat())


def _close_complaint(contact: Contact, class_: str) -> Closed | None:
    """Open complaints leave room for ``service`` only; they lapse, and may be closed before."""
    since = contact.complaint_since
    if since is None or class_ == "service":
        return None
    return Closed("complaint_open", since.isoformat(), next_possible_at=since + COMPLAINT_LAPSES)


def _close_crisis(facts: Facts, trigger: Trigger, class_: str, rules: Rules, now: datetime) -> Closed | None:
    """A crisis pauses what is not ``service`` and was not made for it."""
    if trigger.in_crisis != "pause" or class_ == "service":
        return None
    crisis = rules.crisis(facts, trigger, now)
    return Closed("crisis", crisis.scope, rule=crisis.value, next_possible_at=crisis.ends) if crisis else None


def _close_holdout(contact: Contact, trigger: Trigger, send: Send, rules: Rules) -> Closed | None:
    """The control groups: of the trigger, and of the company, from which service messages are excepted."""
    share = trigger.sample.holdout
    if share and (lot := holdout_draw(trigger, contact.sampling_id, rules)) < share:
        return Closed("holdout", round(lot, 4), share)
    share = rules.policy.holdout if send.class_ != "service" else 0.0
    if share and (lot := company_holdout_draw(contact.sampling_id, rules)) < share:
        return Closed("holdout", round(lot, 4), share, "company")
    return None


def _close_quota(trigger: Trigger, rules: Rules, now: datetime) -> Closed | None:
    quota, standing = trigger.sample.quota, rules.standings.get(trigger.slug)
    if quota is None or standing is None:
        return None
    quotas.roll(quota, standing, now, zone(None, rules.company_zone))
    if not quotas.is_full(quota, standing, now):
        return None
    return Closed("quota_full", int(standing.used), quota.max, quota.of, quotas.opens_at(quota, standing, now))


def room(
    policy: ContactPolicy,
    contact_taken: Sequence[Reservation],
    address_taken: Sequence[Reservation],
    asked: Reservation,
) -> Refusal | None:
    """What stands in the way of ``asked``, for the contact or for the address; None when nothing does."""
    found: Refusal | None = None
    # Mostly the contact is the only one at the address, and one look serves for both.
    sides = [contact_taken] if contact_taken == address_taken else [contact_taken, address_taken]
    side = passed = 0
    while passed < len(sides):
        passed += 1
        if full := refusal(policy, sides[side], asked):
            found = Refusal((found or full).limit, (found or full).observed, full.next_possible_at)
            if full.next_possible_at == NEVER or len(sides) == 1:
                break
            asked = replace(asked, counts_at=full.next_possible_at)
            passed = 1  # at that time this side has room; whether the other has is looked at anew
        side = (side + 1) % len(sides)
    return found


def limit_closed(full: Refusal) -> Closed:
    return Closed(
        "contact_limit",
        full.observed,
        full.limit.max,
        full.limit.name,
        None if full.next_possible_at == NEVER else full.next_possible_at,
    )


def reservation_of(trigger: Trigger, send: Send, channel: str, at: datetime) -> Reservation:
    return Reservation(at, send.class_, channel, send.survey, trigger.slug)


def hand_over_closed(
    facts: Facts, contact: Contact, address: Address, trigger: Trigger, asked: Reservation, rules: Rules
) -> Closed | None:
    """The gates that are read once more at hand-over, with what has become known since the decision."""
    if trigger.status not in ACTIVE:
        return Closed("not_live", trigger.status, "live")
    if lacking := may_ask(rules.policy, contact.consents, contact.country, asked.class_, asked.channel):
        return Closed("no_consent", rule=lacking)
    if contact.unsubscribed_at:
        return Closed("unsubscribed", contact.unsubscribed_at.isoformat())
    if closed := _close_addresses([address]) or _close_complaint(contact, asked.class_):
        return closed
    if closed := _close_crisis(facts, trigger, asked.class_, rules, asked.counts_at):
        return closed
    policy = rules.policy_for(facts, trigger, asked.counts_at)
    full = room(policy, contact.taken, address.taken, asked)
    return limit_closed(full) if full else None


def in_order(triggers: Iterable[Trigger]) -> list[Trigger]:
    """Triggers as they are decided: the higher priority first, then by slug."""
    return sorted(triggers, key=lambda t: (-t.priority, t.slug))
