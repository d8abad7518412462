"""Deliveries: what is to be handed over, and the message to hand over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.links import survey_url, unsubscribe_url
from app.models.accounts import Installation
from app.models.contacts import Address, Contact
from app.models.deliveries import Delivery
from app.models.invitations import Invitation
from app.queries.contacts import complaints, newest_addresses, public_ids
from app.queries.decisions import reservations
from app.queries.events import facts_of_events
from app.queries.installation import Company
from app.queries.offers import code_of_trigger
from app.queries.policies import rules_at
from app.queries.surveys import survey_version
from app.queries.triggers import current_triggers, trigger_version
from app.text.messages import Choice, Message
from app.text.phrases import phrases
from surveys import gates
from surveys.conditions import Facts
from surveys.contact_policy import allowed_time, country_of, zone
from surveys.gates import Closed, Rules, hand_over_closed, reservation_of
from surveys.history import complaint_since
from surveys.questions import Question
from surveys.triggers import Send, says_code
from surveys.wording import MESSAGE_TEXTS, REMINDER, fill, pick


def sending_stopped() -> bool:
    return db.session.scalar(select(Installation.sending_stopped_at)) is not None


def claimed_since(channel: str, since: datetime) -> int:
    """How many deliveries of a channel were claimed after ``since``."""
    claimed = select(func.count()).where(Delivery.channel == channel, Delivery.claimed_at > since)
    return db.session.scalar(claimed) or 0


@dataclass(frozen=True)
class Reread:
    """What is so at hand-over: closed for good, to wait until ``wait_until``, or neither."""

    closed: Closed | None
    wait_until: datetime | None


def reread_gates(invitation: Invitation, now: datetime, company_zone: str, reminder: int | None = None) -> Reread:
    """Read the gates once more, with the policy and trigger in force now, without the invitation's own place.

    A ``reminder`` asks for a place of its own, beside the invitation's.
    """
    _, rules = rules_at(now, company_zone)
    trigger = next((rule for i, _, rule in current_triggers() if i == invitation.trigger_id), None)
    if trigger is None:
        return Reread(Closed("not_live", "archived", "live"), None)
    # A reminder comes late by its nature: what it must not do is come after its link has closed.
    too_late = invitation.stale_at if reminder is None else invitation.expires_at or invitation.stale_at
    if now > too_late:
        return Reread(Closed("stale", now.isoformat(), too_late.isoformat()), None)
    contact = db.session.get_one(Contact, invitation.contact_id)
    where = zone(contact.timezone if rules.policy.of_contact else None, company_zone)
    country = country_of({"attributes": contact.attributes, "locale": contact.locale})
    opens = allowed_time(rules.policy, now, where, rules.holidays_of(country))
    if opens > too_late:
        return Reread(Closed("stale", opens.isoformat(), too_late.isoformat()), None)
    send = trigger_version(invitation.trigger_id, invitation.trigger_version).actions[invitation.action]
    assert isinstance(send, Send)
    asked = reservation_of(trigger, send, invitation.channel, opens)
    person, address = _present(invitation, contact, rules, now, without=invitation.id if reminder is None else None)
    person.country = country
    facts = facts_of_events([invitation.event_id])[invitation.event_id] if rules.crises else {}
    closed = hand_over_closed(Facts(facts, now), person, address, trigger, asked, rules)
    return Reread(closed, opens if closed is None and opens > now else None)


def _present(
    invitation: Invitation, contact: Contact, rules: Rules, now: datetime, *, without: int | None
) -> tuple[gates.Contact, gates.Address]:
    row = db.session.get_one(Address, invitation.address_id)
    if row.shared:
        db.session.refresh(row, with_for_update=True)
    taken = reservations([contact.id], [row.id], now - rules.policy.longest, without=without)
    address = gates.Address(row.id, row.unsubscribed_at, row.suppressed_at, taken.of_address(row.id))
    open_since = complaint_since(complaints([contact.id]).get(contact.id, {}), now)
    person = gates.Contact(
        id=contact.id,
        sampling_id=contact.sampling_id,
        timezone=contact.timezone,
        unsubscribed_at=contact.unsubscribed_at or contact.erased_at,
        complaint_since=open_since if rules.policy.complaint_opens else None,
        consents={scope: said["granted"] for scope, said in contact.consents.items()},
        addresses={invitation.channel: address},
        taken=taken.of_contact(contact.id),
    )
    return person, address


def known_as(invitation: Invitation) -> frozenset[str]:
    """Every address of the invitation's contact: a popup goes to nobody whom a message could not go to."""
    return frozenset(a.value for a in newest_addresses([invitation.contact_id])[invitation.contact_id].values())


def message_of(invitation: Invitation, company: Company, *, reminder: bool = False) -> Message:
    """The message that hands an invitation over: texts in its language, facts filled in, links signed."""
    send = trigger_version(invitation.trigger_id, invitation.trigger_version).actions[invitation.action]
    assert isinstance(send, Send)
    address = db.session.get_one(Address, invitation.address_id)
    facts = {**facts_of_events([invitation.event_id])[invitation.event_id], "company": company.name}
    if invitation.survey_version_id and survey_version(invitation.survey_version_id).sensitive:
        facts |= {"type": "", "properties": {}, "answers": {}}  # a mail lies open: it says nothing of what happened
    if says_code(send):
        facts["offer"] = {"code": code_of_trigger(invitation.event_id, invitation.trigger_id)}
    said, version = phrases(invitation.language), invitation.survey_version_id
    # The trigger's own words come before those of the survey, and these before ours.
    own = {**(survey_version(version).message if version else {}), **send.message}
    texts: dict[str, Any] = {
        key: fill(pick(own[key], invitation.language) if key in own else said.get(key, ""), facts)
        for key in MESSAGE_TEXTS
    }
    if reminder:
        again = pick(own[REMINDER], invitation.language) if REMINDER in own else said["reminder"]
        texts["subject"] = fill(again, {**facts, "subject": texts["subject"]})
    body = _question(invitation, facts) if invitation.survey_version_id else _plain(send, invitation, facts)
    return Message(
        to=address.value,
        language=invitation.language,
        unsubscribe_url=unsubscribe_url(invitation.public_id),
        reference=invitation.public_id,
        button=company.buttons["light"],
        **texts,
        **body,
    )


def _plain(send: Send, invitation: Invitation, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": fill(pick(send.text or {}, invitation.language), facts)}


def _question(invitation: Invitation, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The first question, its scale as links that choose an answer and store nothing."""
    assert invitation.survey_version_id is not None
    url = survey_url(invitation.public_id)
    survey = survey_version(invitation.survey_version_id)
    question = survey.pages[0].questions[0]
    said = phrases(invitation.language)
    return {
        "text": fill(pick(question.text, invitation.language), facts),
        "url": url,
        "choices": [Choice(label, f"{url}?{question.id}={value}") for value, label in _choices(question, invitation)],
        "low": said.get(f"scale.{question.type}.low", ""),
        "high": said.get(f"scale.{question.type}.high", ""),
    }


def _choices(question: Question, invitation: Invitation) -> list[tuple[str, str]]:
    if question.scale:
        return [(str(n), str(n)) for n in question.scale]
    if question.type == "yes_no":
        said = phrases(invitation.language)
        return [("yes", said["yes"]), ("no", said["no"])]
    return []


def count_deliveries() -> dict[str, int]:
    """Deliveries of the last day and those not settled, by state."""
    rows = db.session.execute(
        select(Delivery.state, func.count())
        .where((Delivery.act_at.is_not(None)) | (Delivery.state == "unknown"))
        .group_by(Delivery.state)
    )
    return {state: n for state, n in rows}


def unknown_deliveries(limit: int) -> list[tuple[int, str, datetime | None]]:
    """Deliveries of which nobody knows whether they arrived: id, invitation, begun."""
    rows = db.session.execute(
        select(Delivery.id, Invitation.public_id, Delivery.begun_at)
        .outerjoin(Invitation, Invitation.id == Delivery.invitation_id)
        .where(Delivery.state == "unknown")
        .order_by(Delivery.id)
        .limit(limit)
    )
    return [(r[0], r[1], r[2]) for r in rows]


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery as people look at it."""

    id: int
    state: str
    channel: str
    contact_id: int | None
    contact: str | None
    name: str | None
    begun_at: datetime | None
    act_at: datetime | None
    error: str | None


def delivery_rows(state: str, limit: int) -> list[DeliveryRow]:
    """Deliveries in a state, the newest first."""
    rows = db.session.execute(
        select(Delivery, Contact.id, Contact.name)
        .outerjoin(Invitation, Invitation.id == Delivery.invitation_id)
        .outerjoin(Contact, Contact.id == Invitation.contact_id)
        .where(Delivery.state == state)
        .order_by(Delivery.id.desc())
        .limit(limit)
    ).all()
    known = public_ids({contact_id for _, contact_id, _ in rows if contact_id})
    return [
        DeliveryRow(
            d.id, d.state, d.channel, contact_id, known.get(contact_id or 0), name, d.begun_at, d.act_at, d.error
        )
        for d, contact_id, name in rows
    ]


def outgoing_counts(now: datetime) -> dict[str, int]:
    """``due`` now, ``planned`` for later, ``sent`` within a day, and ``unknown``."""
    day = now - timedelta(days=1)
    queries = {
        "due": select(func.count()).select_from(Invitation).where(Invitation.due_at <= now),
        "planned": select(func.count()).select_from(Invitation).where(Invitation.due_at > now),
        "sent": select(func.count()).select_from(Invitation).where(Invitation.handed_over_at > day),
        "unknown": select(func.count()).select_from(Delivery).where(Delivery.state == "unknown"),
    }
    return {name: db.session.scalar(query) or 0 for name, query in queries.items()}
