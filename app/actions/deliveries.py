"""Handing over: claimed under a lease, begun with a commit, settled once; never begun again when it may have left."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Session

from app.extensions import insert_rows, lock_rows, transaction
from app.models.accounts import AuditEntry, Installation, Lease
from app.models.contacts import Address, Contact, ContactLock
from app.models.decisions import Decision, Reservation
from app.models.deliveries import Delivery
from app.models.invitations import Invitation, InvitationNews
from app.models.rollups import DirtyDay
from app.queries.contacts import newest_addresses
from app.queries.decisions import take_contact
from app.queries.deliveries import claimed_since, known_as, message_of, reread_gates, sending_stopped
from app.queries.departments import departments
from app.queries.effects import lock_effects
from app.queries.events import facts_of_events
from app.queries.installation import Company
from app.queries.offers import code_of_trigger
from app.queries.triggers import trigger_version
from app.text.addresses import normal_email
from app.text.messages import Message
from surveys.gates import Closed
from surveys.lifecycle import ANSWERABLE, retry_delay
from surveys.triggers import FETCHED, Notify, Send, says_code
from surveys.wording import fill

PACE = timedelta(seconds=1)
OPEN_ENDS = frozenset({"handing_over", "unknown"})
UNREACHABLE = "unreachable"
CODE_COMES_IN, CODE_LATER = timedelta(seconds=10), timedelta(minutes=10)
"""How long a message waits for the code it is to say, before it looks again: at first, and at most."""


@dataclass(frozen=True)
class Claim:
    """A delivery that is ours until the lease ends; ``attempt`` fences off whoever held it before."""

    delivery_id: int
    attempt: int


@dataclass(frozen=True)
class Result:
    """How a hand-over ended: ``sent``, ``refused``, ``retrying`` or ``unknown``."""

    state: str
    message_id: str | None = None
    error: str | None = None
    bad_address: bool = False


def claim_deliveries(limit: int, now: datetime, lease: timedelta, rate: int) -> list[Claim]:
    """Claim what is to be handed over now: due invitations, back-offs that are over, leases of the dead.

    Everybody queues at one row, so that all workers together keep to ``rate`` claims a second.
    """
    with transaction() as session:
        lock_rows(session, Lease.name, ["email"])
        if sending_stopped():
            return []
        room = min(limit, rate - claimed_since("email", now - PACE))
        if room <= 0:
            return []
        claims = _claim_again(session, room, now, lease)
        claims += _claim_due(session, room - len(claims), now, lease)
        return claims + _claim_reminders(session, room - len(claims), now, lease)


def _claim_again(session: Session, limit: int, now: datetime, lease: timedelta) -> list[Claim]:
    waiting = session.scalars(
        select(Delivery)
        .where(Delivery.act_at <= now, Delivery.state.in_(("claimed", "retrying")))
        .order_by(Delivery.act_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for found in waiting:
        found.state, found.attempt = "claimed", found.attempt + 1
        found.claimed_at, found.act_at = now, now + lease
    return [Claim(d.id, d.attempt) for d in waiting]


def _claim_due(session: Session, limit: int, now: datetime, lease: timedelta) -> list[Claim]:
    due = session.scalars(
        select(Invitation)
        .where(Invitation.due_at <= now)
        .order_by(Invitation.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    made = []
    for invitation in due:
        invitation.due_at = None
        made.append(_claimed_delivery(invitation, 0, now, lease))
    return _claims(session, made)


def _claim_reminders(session: Session, limit: int, now: datetime, lease: timedelta) -> list[Claim]:
    due = session.scalars(
        select(Invitation)
        .where(Invitation.remind_at <= now)
        .order_by(Invitation.remind_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    made = []
    for invitation in due:
        invitation.remind_at = None
        if invitation.state in ANSWERABLE:
            made.append(_claimed_delivery(invitation, invitation.reminders + 1, now, lease))
    return _claims(session, made)


def _claimed_delivery(invitation: Invitation, reminder: int, now: datetime, lease: timedelta) -> Delivery:
    return Delivery(
        invitation_id=invitation.id,
        channel=invitation.channel,
        reminder=reminder,
        state="claimed",
        attempt=1,
        claimed_at=now,
        act_at=now + lease,
        created_at=now,
    )


def _claims(session: Session, made: Sequence[Delivery]) -> list[Claim]:
    session.add_all(made)
    session.flush()
    return [Claim(d.id, d.attempt) for d in made]


def begin_hand_over(
    claim: Claim, now: datetime, lease: timedelta, company: Company, company_zone: str, allowed: Collection[str]
) -> Message | None:
    """Read everything once more under the contact's lock, and commit that the hand-over begins.

    Returns the message to hand over now, or None: lost to another worker, called off, or put off. ``allowed`` are the
    only addresses that may get anything, if there are any.
    """
    with transaction() as session:
        invitation = _lock_invitation(session, claim.delivery_id)
        delivery = _claimed(session, claim)
        if delivery is None:
            return None
        if invitation is None:
            message = _notice(delivery)
        elif not _may_go(session, delivery, invitation, now, company_zone):
            return None
        else:
            message = message_of(invitation, company, reminder=delivery.reminder > 0)
        if allowed and message.to not in allowed:
            _settle_refused(session, delivery, invitation, Result("refused", error="not in OTKLIK_SEND_ONLY_TO"), now)
            return None
        delivery.state, delivery.begun_at, delivery.act_at = "handing_over", now, now + lease
        if invitation is not None and delivery.reminder:
            _remind(session, delivery, invitation, now)
        elif invitation is not None:
            _open(session, invitation, now)
    return message


def _may_go(session: Session, delivery: Delivery, invitation: Invitation, now: datetime, company_zone: str) -> bool:
    """Whether nothing stands in the way now; what does has called the message off, or put it off."""
    reminder = delivery.reminder or None
    if invitation.state not in (ANSWERABLE if reminder else {"planned"}):
        _drop(session, delivery, invitation, None, now)
        return False
    _follow_address(session, invitation)
    reread = reread_gates(invitation, now, company_zone, reminder)
    if reread.closed:
        _drop(session, delivery, invitation, reread.closed, now)
        return False
    until = reread.wait_until or _without_code(invitation, now)
    if until:
        _put_off(session, delivery, invitation, until)
        return False
    return True


def _without_code(invitation: Invitation, now: datetime) -> datetime | None:
    """When to look again, where the message is to say a code that its trigger has not given yet; else None."""
    rule = trigger_version(invitation.trigger_id, invitation.trigger_version)
    send = rule.actions[invitation.action]
    assert isinstance(send, Send)
    if not says_code(send) or code_of_trigger(invitation.event_id, invitation.trigger_id):
        return None
    return now + min(max(CODE_COMES_IN, (now - invitation.created_at) / 2), CODE_LATER)


@dataclass(frozen=True)
class Popup:
    """A hand-over to the page a contact is on, that has begun."""

    claim: Claim
    public_id: str


def begin_popup(
    contact_id: int, now: datetime, lease: timedelta, company_zone: str, allowed: Collection[str]
) -> Popup | None:
    """Begin to hand the contact's next popup over to the page they are on, as :func:`begin_hand_over` does a message.

    None: there is none, it was called off or put off, or somebody else is at this contact. It is claimed and begun in
    one step, so that a popup is never left claimed: no worker could hand it over.
    """
    with transaction() as session:
        if sending_stopped() or not take_contact(contact_id):
            return None
        invitation = session.scalar(
            select(Invitation)
            .where(
                Invitation.contact_id == contact_id,
                Invitation.channel == "web",
                Invitation.state == "planned",
                Invitation.planned_at <= now,
            )
            .order_by(Invitation.planned_at, Invitation.id)
            .limit(1)
            .with_for_update()
        )
        if invitation is None:
            return None
        delivery = Delivery(
            invitation_id=invitation.id, channel="web", state="claimed", attempt=1, claimed_at=now, created_at=now
        )
        session.add(delivery)
        session.flush()
        if not _may_go(session, delivery, invitation, now, company_zone):
            return None
        if allowed and known_as(invitation).isdisjoint(allowed):
            _settle_refused(session, delivery, invitation, Result("refused", error="not in OTKLIK_SEND_ONLY_TO"), now)
            return None
        delivery.state, delivery.begun_at, delivery.act_at = "handing_over", now, now + lease
        _open(session, invitation, now)
        return Popup(Claim(delivery.id, delivery.attempt), invitation.public_id)


def confirm_popup(public_id: str, now: datetime) -> None:
    """The page says that the customer has seen the popup; it is never shown again, answered or not."""
    with transaction() as session:
        invitation = select(Invitation.id).where(Invitation.public_id == public_id, Invitation.channel == "web")
        session.execute(
            update(Delivery)
            .where(Delivery.invitation_id.in_(invitation), Delivery.state.in_(("sent", *OPEN_ENDS)))
            .values(state="delivered", act_at=None, settled_at=now)
        )


def _lock_invitation(session: Session, delivery_id: int) -> Invitation | None:
    """Take the locks of a hand-over in the order everybody takes them: contact, invitation; the delivery comes last."""
    found = session.execute(
        select(Invitation.id, Invitation.contact_id)
        .join(Delivery, Delivery.invitation_id == Invitation.id)
        .where(Delivery.id == delivery_id)
    ).one_or_none()
    if found is None:
        return None
    lock_rows(session, ContactLock.contact_id, [found.contact_id])
    return session.scalars(select(Invitation).where(Invitation.id == found.id).with_for_update()).one()


def _follow_address(session: Session, invitation: Invitation) -> None:
    """A contact who has moved since the decision is written to at the new address, and its place moves along."""
    newest = newest_addresses([invitation.contact_id]).get(invitation.contact_id, {}).get(invitation.channel)
    if newest is not None and newest.id != invitation.address_id:
        invitation.address_id = newest.id
        session.execute(
            update(Reservation).where(Reservation.invitation_id == invitation.id).values(address_id=newest.id)
        )


def _claimed(session: Session, claim: Claim) -> Delivery | None:
    return session.scalar(
        select(Delivery)
        .where(Delivery.id == claim.delivery_id, Delivery.attempt == claim.attempt, Delivery.state == "claimed")
        .with_for_update()
    )


def _notice(delivery: Delivery) -> Message:
    assert delivery.notice is not None
    return Message(
        to=delivery.notice["to"],
        language=delivery.notice.get("language", "en"),
        subject=delivery.notice["subject"],
        text=delivery.notice["text"],
        reference=f"notice-{delivery.id}",
    )


def _open(session: Session, invitation: Invitation, now: datetime) -> None:
    """From here on the message may have arrived, so its place counts now and its link must work."""
    invitation.state = "completed" if _is_message(invitation) else "open"
    invitation.handed_over_at = now
    invitation.expires_at = (
        now + timedelta(seconds=invitation.expires_after) if invitation.expires_after is not None else None
    )
    session.execute(update(Reservation).where(_own_place(invitation)).values(counts_at=now))
    _plan_reminder(invitation, now)


def _own_place(invitation: Invitation, reminder: int = 0) -> ColumnElement[bool]:
    return and_(Reservation.invitation_id == invitation.id, Reservation.reminder == reminder)


def _plan_reminder(invitation: Invitation, now: datetime) -> None:
    """When whoever does not answer is reminded next, if that is wanted once more."""
    send = trigger_version(invitation.trigger_id, invitation.trigger_version).actions[invitation.action]
    assert isinstance(send, Send)
    wanted = send.remind is not None and invitation.reminders < send.remind.times and invitation.channel not in FETCHED
    invitation.remind_at = now + send.remind.after if send.remind and wanted else None


def _remind(session: Session, delivery: Delivery, invitation: Invitation, now: datetime) -> None:
    """A reminder takes a place of its own, like the invitation's in everything but the time."""
    own = session.scalars(select(Reservation).where(_own_place(invitation))).one()
    session.add(
        Reservation(
            invitation_id=invitation.id,
            reminder=delivery.reminder,
            contact_id=own.contact_id,
            address_id=invitation.address_id,
            class_=own.class_,
            channel=own.channel,
            survey=own.survey,
            trigger=own.trigger,
            counts_at=now,
        )
    )
    invitation.reminders = delivery.reminder
    _plan_reminder(invitation, now)


def _drop(session: Session, delivery: Delivery, invitation: Invitation, closed: Closed | None, now: datetime) -> None:
    """Call the message off before anything left; its place becomes free. An invitation outlives its reminder."""
    if closed and not delivery.reminder:
        _cancel(session, invitation, closed.reason)
        _wake_waiting(session, invitation.contact_id, now)
    delivery.state, delivery.error = "refused", closed.reason if closed else invitation.reason or invitation.state
    delivery.act_at, delivery.settled_at = None, now


def _cancel(session: Session, invitation: Invitation, reason: str) -> None:
    invitation.state, invitation.reason, invitation.due_at, invitation.remind_at = "cancelled", reason, None, None
    session.execute(delete(Reservation).where(Reservation.invitation_id == invitation.id))


def _wake_waiting(session: Session, contact_id: int, now: datetime) -> None:
    """There is room now for whatever this contact waits with. Their lock is held."""
    session.execute(
        update(Decision).where(Decision.contact_id == contact_id, Decision.retry_at > now).values(retry_at=now)
    )


def _put_off(session: Session, delivery: Delivery, invitation: Invitation, until: datetime) -> None:
    """Nothing has left: the claim is given back, and the place is counted at the new time."""
    session.delete(delivery)
    if delivery.reminder:
        invitation.remind_at = until
        return
    invitation.planned_at = until
    invitation.due_at = None if invitation.channel in FETCHED else until
    session.execute(update(Reservation).where(Reservation.invitation_id == invitation.id).values(counts_at=until))


def settle_delivery(claim: Claim, result: Result, now: datetime) -> bool:
    """Write down how a hand-over ended; False when somebody else has taken it over since."""
    with transaction() as session:
        invitation = _lock_invitation(session, claim.delivery_id)
        delivery = session.scalar(
            select(Delivery)
            .where(Delivery.id == claim.delivery_id, Delivery.attempt == claim.attempt, Delivery.state.in_(OPEN_ENDS))
            .with_for_update()
        )
        if delivery is None:
            return False
        if invitation is not None and invitation.started_at is not None:
            result = replace(result, state="delivered")  # whoever answers has got it, whatever the server said
        if result.state == "refused":
            _settle_refused(session, delivery, invitation, result, now)
        elif result.state == "retrying":
            _settle_retrying(session, delivery, invitation, result, now)
        else:
            delivery.state, delivery.act_at, delivery.settled_at = result.state, None, now
            delivery.message_id, delivery.error = result.message_id, result.error
            if invitation is not None and not delivery.reminder:
                insert_rows(session, DirtyDay, [{"moment": invitation.handed_over_at}])
                _tell(session, invitation, "sent", now)
    return True


def _settle_refused(
    session: Session, delivery: Delivery, invitation: Invitation | None, result: Result, now: datetime
) -> None:
    delivery.state, delivery.error, delivery.act_at, delivery.settled_at = "refused", result.error, None, now
    if invitation is not None and delivery.reminder:
        session.execute(delete(Reservation).where(_own_place(invitation, delivery.reminder)))
        if result.bad_address:
            _suppress(session, invitation, result, now)
    elif invitation is not None and (invitation.state in ("planned", *ANSWERABLE) or _is_message(invitation)):
        _cancel(session, invitation, "suppressed" if result.bad_address else UNREACHABLE)
        _wake_waiting(session, invitation.contact_id, now)
        if invitation.handed_over_at is not None:
            insert_rows(session, DirtyDay, [{"moment": invitation.handed_over_at}])
            invitation.handed_over_at = None
        if result.bad_address:
            _suppress(session, invitation, result, now)


def _suppress(session: Session, invitation: Invitation, result: Result, now: datetime) -> None:
    session.execute(
        update(Address)
        .where(Address.id == invitation.address_id)
        .values(suppressed_at=now, suppressed_because=result.error)
    )


def _tell(session: Session, invitation: Invitation, kind: str, now: datetime) -> None:
    """What becomes of invitations becomes an event of its own."""
    session.add(InvitationNews(invitation_id=invitation.id, kind=kind, at=now))


def _is_message(invitation: Invitation) -> bool:
    return invitation.survey_version_id is None


def _settle_retrying(
    session: Session, delivery: Delivery, invitation: Invitation | None, result: Result, now: datetime
) -> None:
    again = now + retry_delay(delivery.attempt)
    if invitation is not None and delivery.reminder:
        session.execute(delete(Reservation).where(_own_place(invitation, delivery.reminder)))  # taken again when it is
        invitation.reminders = delivery.reminder - 1
        invitation.remind_at = None
    elif invitation is not None and again > invitation.stale_at:
        _settle_refused(session, delivery, invitation, result, now)
        return
    delivery.state, delivery.error, delivery.act_at = "retrying", result.error, again
    if invitation is not None and not delivery.reminder:
        invitation.state, invitation.handed_over_at, invitation.expires_at = "planned", None, None
        invitation.remind_at = None


def refuse_claim(claim: Claim, error: str, now: datetime) -> None:
    """Set a delivery aside that fails before it begins, time and again."""
    with transaction() as session:
        invitation = _lock_invitation(session, claim.delivery_id)
        delivery = _claimed(session, claim)
        if delivery is not None:
            _settle_refused(session, delivery, invitation, Result("refused", error=error), now)


def give_up_lost(now: datetime) -> list[int]:
    """Hand-overs whose worker died in the middle: nobody knows, so they become ``unknown`` and are never sent again."""
    with transaction() as session:
        lost = session.scalars(
            select(Delivery)
            .where(Delivery.act_at <= now, Delivery.state == "handing_over")
            .order_by(Delivery.id)
            .with_for_update(skip_locked=True)
        ).all()
        for found in lost:
            found.state, found.act_at = "unknown", None
            found.error = "the worker stopped in the middle of handing over"
            if found.invitation_id:
                insert_rows(session, DirtyDay, [{"moment": found.begun_at}])
        return [found.id for found in lost]


class NotUnknown(ValueError):
    """Only a delivery that is ``unknown`` can be settled by hand."""


def settle_by_hand(delivery_id: int, arrived: bool, now: datetime, actor: str = "command") -> None:
    """A person says what became of an ``unknown`` delivery.

    Raises :class:`NotUnknown`.
    """
    with transaction() as session:
        invitation = _lock_invitation(session, delivery_id)
        delivery = session.scalar(
            select(Delivery).where(Delivery.id == delivery_id, Delivery.state == "unknown").with_for_update()
        )
        if delivery is None:
            raise NotUnknown(delivery_id)
        became = {"became": "arrived" if arrived else "lost"}
        session.add(
            AuditEntry(at=now, actor=actor, verb="settle", kind="sending", object=str(delivery_id), detail=became)
        )
        if arrived or (invitation is not None and invitation.started_at is not None):
            delivery.state, delivery.settled_at = "delivered", now
            return
        _settle_refused(session, delivery, invitation, Result("refused", error="settled by hand: not sent"), now)


def notify(effect_ids: Collection[int], now: datetime) -> int:
    """Make the notes to the team that these effects ask for; they are handed over like any delivery."""
    with transaction() as session:
        effects = lock_effects(effect_ids)
        facts = facts_of_events({e.event_id for e in effects})
        teams = departments() if effects else {}
        for effect in effects:
            action = trigger_version(effect.trigger_id, effect.trigger_version).actions[effect.action]
            assert isinstance(action, Notify)
            to = action.channel if "@" in action.channel else teams[action.channel][1].email
            to = normal_email(to)
            if to is None:
                raise LookupError(f"{action.channel} has no e-mail address")
            text = fill(action.text, facts[effect.event_id])
            session.add(
                Delivery(
                    effect_id=effect.id,
                    channel="email",
                    notice={"to": to, "subject": (text.strip() or "Otklik").splitlines()[0][:120], "text": text},
                    state="claimed",
                    attempt=0,
                    act_at=now,
                    created_at=now,
                )
            )
            effect.done_at = now
    return len(effects)


def switch_sending(stopped: bool, now: datetime, actor: str = "command") -> None:
    """Stop all sending, or let it go on. What is being handed over this moment is not called back."""
    with transaction() as session:
        verb = "stop" if stopped else "start"
        session.add(AuditEntry(at=now, actor=actor, verb=verb, kind="sending", object="all"))
        session.execute(update(Installation).values(sending_stopped_at=now if stopped else None))


def expire_invitations(limit: int, now: datetime) -> int:
    """Close invitations whose time to answer is over, and call off popups that no page came for in time."""
    with transaction() as session:
        unfetched = session.scalars(
            select(Invitation)
            .where(Invitation.channel == "web", Invitation.state == "planned", Invitation.stale_at < now)
            .order_by(Invitation.stale_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for invitation in unfetched:
            _cancel(session, invitation, "stale")
        over = session.scalars(
            select(Invitation)
            .where(Invitation.expires_at <= now, Invitation.state.in_(ANSWERABLE))
            .order_by(Invitation.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for invitation in over:
            invitation.state, invitation.reason, invitation.remind_at = "expired", "expired", None
            _tell(session, invitation, "expired", now)
    return len(over) + len(unfetched)


def unsubscribe_contact(public_id: str, now: datetime) -> bool:
    """Stop everything to the contact and the address of an invitation; False when there is none with this id.

    What is planned for the contact is called off in the same step.
    """
    with transaction() as session:
        found = session.execute(
            select(Invitation.contact_id, Invitation.address_id).where(Invitation.public_id == public_id)
        ).one_or_none()
        if found is None:
            return False
        contact_id, address_id = found
        _unsubscribe(session, contact_id, now)
        address = session.get_one(Address, address_id)
        address.unsubscribed_at = address.unsubscribed_at or now
    return True


def unsubscribe_person(contact_id: int, actor: str, now: datetime) -> None:
    """Stop everything to a contact, because they asked the company to."""
    with transaction() as session:
        public_id = _unsubscribe(session, contact_id, now)
        session.add(AuditEntry(at=now, actor=actor, verb="unsubscribe", kind="customer", object=public_id))


def _unsubscribe(session: Session, contact_id: int, now: datetime) -> str:
    lock_rows(session, ContactLock.contact_id, [contact_id])
    contact = session.get_one(Contact, contact_id)
    contact.unsubscribed_at = contact.unsubscribed_at or now
    planned = session.scalars(
        select(Invitation).where(Invitation.contact_id == contact_id, Invitation.state == "planned")
    )
    for invitation in planned:
        _cancel(session, invitation, "unsubscribed")
    return contact.public_id
