"""Lists of customers, for triggers that ask everybody on one now."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, func, select

from app.extensions import insert_into, transaction
from app.models.accounts import AuditEntry
from app.models.lists import ContactList, ListMember
from app.queries.segments import segment_definitions
from app.queries.triggers import current_triggers
from surveys.gates import ACTIVE
from surveys.occasions import Once


class NameTaken(ValueError):
    """A segment has the name that a list was to have."""


class ListUsed(ValueError):
    """A live trigger asks everybody on the list; the message names it."""


class UnknownList(LookupError):
    """No list has this name."""


def add_to_list(slug: str, contact_ids: Collection[int], *, actor: str, now: datetime) -> int:
    """Put customers on a list, which is made with the first of them. Returns how many were not on it yet.

    Raises :class:`NameTaken`.
    """
    with transaction() as session:
        if slug in segment_definitions():
            raise NameTaken(slug)
        made = insert_into(ContactList).on_conflict_do_nothing()
        session.execute(made, [{"slug": slug, "created_at": now}])
        found = session.scalars(select(ContactList).where(ContactList.slug == slug).with_for_update()).one()
        size = select(func.count()).select_from(ListMember).where(ListMember.list_id == found.id)
        before = session.scalar(size) or 0
        rows = [
            {"list_id": found.id, "contact_id": contact_id, "since": now} for contact_id in sorted(set(contact_ids))
        ]
        if rows:
            session.execute(insert_into(ListMember).on_conflict_do_nothing(), rows)
        added = (session.scalar(size) or 0) - before
        session.add(
            AuditEntry(at=now, actor=actor, verb="update", kind="lists", object=slug, detail={"customers": added})
        )
    return added


def remove_list(slug: str, *, actor: str, now: datetime) -> None:
    """Take a list away; the customers stay. Raises :class:`UnknownList` and :class:`ListUsed`."""
    with transaction() as session:
        found = session.scalar(select(ContactList).where(ContactList.slug == slug))
        if found is None:
            raise UnknownList(slug)
        for _, _, rule in current_triggers():
            if isinstance(rule.when, Once) and rule.when.audience == slug and rule.status in ACTIVE:
                raise ListUsed(rule.slug)
        session.execute(delete(ListMember).where(ListMember.list_id == found.id))
        session.delete(found)
        session.add(AuditEntry(at=now, actor=actor, verb="remove", kind="lists", object=slug))
