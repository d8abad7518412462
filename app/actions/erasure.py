"""Forgetting a contact: what identifies them goes; what stays is counted, and leaves them in peace."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.extensions import among, dump_json, lock_rows, transaction
from app.links import keyed_hash
from app.models.accounts import AuditEntry
from app.models.contacts import Address, Contact, ContactAddress, ContactChange, ContactLock, Identity
from app.models.decisions import Effect, Reservation
from app.models.deliveries import Delivery
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.lists import ListMember
from app.models.responses import Response
from app.models.segments import SegmentMember
from app.models.simulations import SimulationContact
from app.models.sources import Payload
from app.models.tasks import Task, TaskComment
from app.models.timers import Timer
from surveys.lifecycle import ANSWERABLE

ERASED = {"erased": True}


def erase_contact(contact_id: int, now: datetime, actor: str = "command") -> list[str]:
    """Erase a contact: names, identities, addresses, attributes, event, answer and task texts; scores stay as figures.

    An address nobody else uses becomes a keyed hash, suppressed: should it come back, it is still left in peace.
    Returns the public ids of the contact's invitations, under which a channel may have kept messages.
    """
    with transaction() as session:
        lock_rows(session, ContactLock.contact_id, [contact_id])
        # Before any answer is looked at: who is answering this moment has finished, or will find it closed.
        invitations = session.scalars(
            select(Invitation).where(Invitation.contact_id == contact_id).order_by(Invitation.id).with_for_update()
        ).all()
        contact = session.get_one(Contact, contact_id)
        contact.name = contact.locale = contact.timezone = None
        contact.attributes, contact.consents = {}, {}
        contact.unsubscribed_at = contact.unsubscribed_at or now
        contact.erased_at = now
        named = set(session.scalars(select(Identity.value).where(Identity.contact_id == contact_id)))
        session.execute(delete(Identity).where(Identity.contact_id == contact_id))
        for model in (Timer, SegmentMember, ListMember, SimulationContact):
            session.execute(delete(model).where(model.contact_id == contact_id))
        session.execute(delete(ContactChange).where(ContactChange.contact_id == contact_id))
        addresses = session.scalars(
            select(Address)
            .join(ContactAddress, ContactAddress.address_id == Address.id)
            .where(ContactAddress.contact_id == contact_id)
        ).all()
        session.execute(delete(ContactAddress).where(ContactAddress.contact_id == contact_id))
        _erase_payloads(session, named | {address.value for address in addresses})
        for address in addresses:
            others = select(ContactAddress.contact_id).where(ContactAddress.address_id == address.id).limit(1)
            if session.scalar(others) is None:
                address.value = keyed_hash(f"{address.channel}:{address.value}")
                address.suppressed_at = address.suppressed_at or now
                address.suppressed_because = "erased"
        for invitation in invitations:
            if invitation.state == "planned":
                session.execute(delete(Reservation).where(Reservation.invitation_id == invitation.id))
            if invitation.state in ("planned", *ANSWERABLE):
                invitation.state, invitation.reason, invitation.due_at = "cancelled", "unsubscribed", None
        _erase_texts(session, contact_id)
        session.add(AuditEntry(at=now, actor=actor, verb="erase", kind="customer", object=contact.public_id))
        return [invitation.public_id for invitation in invitations]


def _erase_payloads(session: Session, named: Collection[str]) -> None:
    """Payloads kept aside that name the contact go; they are few, and looked through one by one."""
    words = [dump_json(name)[1:-1].lower().encode() for name in named]
    kept = session.execute(select(Payload.id, Payload.body).execution_options(yield_per=200))
    naming = [payload_id for payload_id, body in kept if any(word in body.lower() for word in words)]
    session.execute(delete(Payload).where(among(Payload.id, naming)))


def _erase_texts(session: Session, contact_id: int) -> None:
    """Responses first, then events: an answer that is being announced is waited for, and its event found."""
    responses = session.scalars(select(Response).where(Response.contact_id == contact_id).with_for_update()).all()
    for response in responses:
        response.answers = {k: v for k, v in response.answers.items() if isinstance(v, int)}
    session.flush()
    session.execute(update(Event).where(Event.contact_id == contact_id).values(contact=ERASED, properties=ERASED))
    tasks = session.scalars(select(Task).where(Task.contact_id == contact_id)).all()
    for task in tasks:
        task.cause = None
    session.execute(update(TaskComment).where(TaskComment.task_id.in_([t.id for t in tasks])).values(text="(erased)"))
    sent = select(Invitation.id).where(Invitation.contact_id == contact_id)
    session.execute(
        update(Delivery).where(Delivery.invitation_id.in_(sent), Delivery.error.is_not(None)).values(error="(erased)")
    )
    notes = select(Effect.id).where(Effect.contact_id == contact_id, Effect.kind.in_(("notify", "task")))
    for delivery in session.scalars(select(Delivery).where(Delivery.effect_id.in_(notes))):
        delivery.notice = {"to": (delivery.notice or {}).get("to", ""), "subject": "(erased)", "text": "(erased)"}
