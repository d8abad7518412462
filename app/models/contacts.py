"""Customers: one person, several identities and addresses, one lock."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class Contact(Model):
    """A customer; ``public_id`` (``ct_…``) addresses one who has no external id."""

    __tablename__ = "contacts"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    public_id: Mapped[str] = mapped_column(unique=True)
    sampling_id: Mapped[str]  # what every draw hashes; survives a merge
    name: Mapped[str | None]
    locale: Mapped[str | None]
    timezone: Mapped[str | None]
    attributes: Mapped[dict[str, Any]]
    consents: Mapped[dict[str, Any]]  # {channel or class: {"granted": bool, "at": ISO 8601}}
    profile_at: Mapped[datetime]  # occurred_at of the newest block folded in
    unsubscribed_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Identity(Model):
    """A name that leads to one contact: external id (per namespace), e-mail or phone."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("kind", "namespace", "value"), Index("ix_identities_value", "value"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str]
    namespace: Mapped[str]
    value: Mapped[str]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)


class Address(Model):
    """A mailbox or phone, perhaps shared: limits, unsubscribe and suppression also hold for it.

    After erasure ``value`` is a keyed hash, so that the address stays left in peace.
    """

    __tablename__ = "addresses"
    __table_args__ = (UniqueConstraint("channel", "value"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    channel: Mapped[str]
    value: Mapped[str]
    unsubscribed_at: Mapped[datetime | None]
    suppressed_at: Mapped[datetime | None]
    suppressed_because: Mapped[str | None]
    shared: Mapped[bool] = mapped_column(default=False)  # by more than one contact: then it has a lock of its own


class ContactAddress(Model):
    """Which contact is reached where; the newest per channel is used."""

    __tablename__ = "contact_addresses"
    __table_args__ = (Index("ix_contact_addresses_address", "address_id"),)

    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    address_id: Mapped[int] = mapped_column(ForeignKey("addresses.id"), primary_key=True)
    channel: Mapped[str]
    since: Mapped[datetime]


class Complaint(Model):
    """A complaint of a contact, paired by the id the service gave it; open until closed or lapsed."""

    __tablename__ = "complaints"
    __table_args__ = (
        Index("ix_complaints_open", "opened_at", postgresql_where="closed_at IS NULL AND lapsed_at IS NULL"),
    )

    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    lapsed_at: Mapped[datetime | None]  # when it was noticed that nobody closed it in time


class ContactLock(Model):
    """The narrow row that serialises everything done to one contact.

    ``ready_at`` is set while the contact has undecided events. Row 0 guards events that name nobody.
    """

    __tablename__ = "contact_locks"
    __table_args__ = (Index("ix_contact_locks_ready", "contact_id", postgresql_where="ready_at IS NOT NULL"),)

    contact_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    ready_at: Mapped[datetime | None]


class ContactChange(Model):
    """A creation or a changed field, until it has become an event of its own."""

    __tablename__ = "contact_changes"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 its ids name events, and are never used again

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    field: Mapped[str | None]  # None: the contact was created
    old: Mapped[dict[str, Any] | None]  # {"value": …}
    new: Mapped[dict[str, Any] | None]
    cause_id: Mapped[int | None] = mapped_column(BigInteger)
    depth: Mapped[int]
    at: Mapped[datetime]


class MergeCandidate(Model):
    """Two contacts that one event named as the same person: listed for a person to decide."""

    __tablename__ = "merge_candidates"

    event_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    other_id: Mapped[int] = mapped_column(BigInteger)
