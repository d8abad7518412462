"""Lists of customers: who is meant, and how many stand on each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.extensions import among, db
from app.models.contacts import Contact
from app.models.lists import ContactList, ListMember
from app.queries.contacts import EMAIL, EXTERNAL, owners
from app.text.addresses import normal_email


def contact_lists() -> dict[str, tuple[int, datetime]]:
    """How many customers stand on each list, and since when there is one, by slug."""
    rows = db.session.execute(
        select(ContactList.slug, func.count(ListMember.contact_id), ContactList.created_at)
        .outerjoin(ListMember, ListMember.list_id == ContactList.id)
        .group_by(ContactList.id)
        .order_by(ContactList.slug)
    )
    return {slug: (members, at) for slug, members, at in rows}


def list_slugs() -> set[str]:
    return set(db.session.scalars(select(ContactList.slug)))


def customers_meant(references: Sequence[str], namespace: str) -> list[int | None]:
    """The customers that ids (their own, or ``ct_…``) and e-mail addresses mean; None where nobody is known."""
    external = {r: (EXTERNAL, namespace, r) for r in references}
    emails = {r: (EMAIL, "", found) for r in references if "@" in r and (found := normal_email(r))}
    known = owners({*external.values(), *emails.values()})
    public = _by_public_id([r for r in references if r.startswith("ct_")])
    return [_first(known, external[r], emails.get(r)) or public.get(r) for r in references]


def _first(known: Mapping[Any, int], *keys: Any) -> int | None:
    return next((known[key] for key in keys if key in known), None)


def _by_public_id(references: Sequence[str]) -> dict[str, int]:
    rows = db.session.execute(
        select(Contact.public_id, Contact.id).where(among(Contact.public_id, references), Contact.erased_at.is_(None))
    )
    return {public_id: contact_id for public_id, contact_id in rows}
