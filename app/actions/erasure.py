"""Forgetting a contact: what identifies them goes; what stays is counted, and leaves them in peace."""

from datetime import datetime

from sqlalchemy import delete, select, update

from app.extensions import lock_rows, transaction
from app.links import keyed_hash
from app.models.contacts import Address, Contact, ContactAddress, ContactChange, ContactLock, Identity
from app.models.decisions import Reservation
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response

ERASED = {"erased": True}


def erase_contact(contact_id: int, now: datetime) -> None:
    """Erase a contact: names, identities, addresses, attributes, event and answer texts; scores stay as figures.

    An address nobody else uses becomes a keyed hash, suppressed: should it come back, it is still left in peace.
    """
    with transaction() as session:
        lock_rows(session, ContactLock.contact_id, [contact_id])
        contact = session.get_one(Contact, contact_id)
        contact.name = contact.locale = contact.timezone = None
        contact.attributes, contact.consents = {}, {}
        contact.unsubscribed_at = contact.unsubscribed_at or now
        contact.erased_at = now
        session.execute(delete(Identity).where(Identity.contact_id == contact_id))
        session.execute(delete(ContactChange).where(ContactChange.contact_id == contact_id))
        addresses = session.scalars(
            select(Address)
            .join(ContactAddress, ContactAddress.address_id == Address.id)
            .where(ContactAddress.contact_id == contact_id)
        ).all()
        session.execute(delete(ContactAddress).where(ContactAddress.contact_id == contact_id))
        for address in addresses:
            others = select(ContactAddress.contact_id).where(ContactAddress.address_id == address.id).limit(1)
            if session.scalar(others) is None:
                address.value = keyed_hash(f"{address.channel}:{address.value}")
                address.suppressed_at = address.suppressed_at or now
                address.suppressed_because = "erased"
        session.execute(update(Event).where(Event.contact_id == contact_id).values(contact=ERASED, properties=ERASED))
        responses = session.scalars(select(Response).where(Response.contact_id == contact_id))
        for response in responses:
            response.answers = {k: v for k, v in response.answers.items() if isinstance(v, int)}
        planned = session.scalars(
            select(Invitation).where(
                Invitation.contact_id == contact_id, Invitation.state.in_(("planned", "open", "started"))
            )
        )
        for invitation in planned:
            if invitation.state == "planned":
                session.execute(delete(Reservation).where(Reservation.invitation_id == invitation.id))
            invitation.state, invitation.reason, invitation.due_at = "cancelled", "unsubscribed", None
