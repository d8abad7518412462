"""May somebody else write to a contact now? Answered by the very gates and limits of our own messages."""

from dataclasses import replace
from datetime import datetime, timedelta

from surveys.conditions import ALWAYS, Facts
from surveys.contact_policy import COMPLAINT_LAPSES, Reservation
from surveys.decision import Decision, decide_each
from surveys.gates import Address, Closed, Contact, Event, Rules
from surveys.occasions import Occurs
from surveys.triggers import Sample, Send, Trigger

SENT = "message.sent"
"""The event by which another system says that it has written to a contact."""
NOWHERE = 0
"""The id of an address that only the other system knows."""
STEPS = 50


def permission(contact: Contact, facts: Facts, asked: Reservation, rules: Rules) -> Closed | None:
    """What stands in the way of a message that would go out when it is ``asked`` for; None when nothing does.

    ``next_possible_at`` is the first moment at which nothing would, as things stand: None where that cannot be told.
    Whether they can be reached is the other system's to know, so an address we do not have is no obstacle.
    """
    send = Send(asked.survey, {}, (asked.channel,), timedelta(0), None, asked.class_, {})
    trigger = Trigger(
        slug="",
        name="",
        status="live",
        class_=asked.class_,
        priority=0,
        touchpoint=None,
        when=Occurs(SENT),
        existing=None,
        condition=ALWAYS,
        sample=Sample(),
        fresh=timedelta(days=36_500),
        actions=(send,),
    )
    first, at = None, asked.counts_at
    for _step in range(STEPS):
        [result] = decide_each(_event(facts, at), _as_of(contact, asked.channel, at), [trigger], rules, at)
        assert isinstance(result, Decision)
        planned_at = result.invites[0].planned_at if result.invites else None
        if planned_at == at:
            return first and replace(first, next_possible_at=at)
        closed = result.closed or Closed("quiet_hours", at.isoformat(), next_possible_at=planned_at)
        first = first or closed
        if closed.next_possible_at is None or closed.next_possible_at <= at:
            break
        at = closed.next_possible_at
    return first and replace(first, next_possible_at=None)


def _event(facts: Facts, at: datetime) -> Event:
    return Event(0, SENT, at, facts, first=True)


def _as_of(contact: Contact, channel: str, at: datetime) -> Contact:
    """The contact to decide with: places are added to a copy, and a complaint lapses."""
    address = contact.addresses.get(channel, Address(NOWHERE))
    since = contact.complaint_since
    return replace(
        contact,
        addresses={channel: replace(address, taken=[*address.taken])},
        taken=[*contact.taken],
        complaint_since=since if since and since + COMPLAINT_LAPSES > at else None,
    )
