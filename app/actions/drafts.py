"""Surveys while they are written: begun, changed by several people at once, restored, given up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.extensions import lock_rows, transaction
from app.models.accounts import AuditEntry, Lease
from app.models.surveys import SurveyDraft
from app.queries.drafts import in_force, taken_slugs
from surveys.drafts import Change, Conflict, Draft, as_stored, change_draft, from_stored, renewed, take_apart

HERE = timedelta(seconds=20)
"""Who has said nothing for so long has gone."""
KIND = "survey drafts"


class UnknownDraft(LookupError):
    """There is no such draft, and no survey that one could be made of."""


class SlugTaken(ValueError):
    """There is, or was, a survey of this slug."""


class MadeFromAnother(ValueError):
    """The editor has another draft open than there is, or one made from another version."""


@dataclass(frozen=True)
class Editor:
    """Who changes a draft, and the part they are at.

    ``revision`` of the draft, made from the version ``based_on``, is what they have before them.
    """

    email: str
    name: str
    at: str | None = None
    based_on: int | None = None
    revision: int = 0


@dataclass(frozen=True)
class Changed:
    """A draft after a change, and what of it was not done."""

    draft: Draft
    revision: int
    present: Mapping[str, Any]
    conflicts: Sequence[Conflict]


def start_draft(slug: str, body: Mapping[str, Any], *, actor: str, now: datetime) -> None:
    """Begin a survey that there was none of. Raises :class:`SlugTaken`."""
    with transaction() as session:
        lock_rows(session, Lease.name, ["definitions"])
        if slug in taken_slugs():
            raise SlugTaken(slug)
        _insert(session, slug, body, based_on=None, actor=actor, now=now)


def _insert(
    session: Session, slug: str, body: Mapping[str, Any], *, based_on: int | None, actor: str, now: datetime
) -> SurveyDraft:
    row = SurveyDraft(
        slug=slug,
        content=as_stored(take_apart(body)),
        revision=0,
        based_on=based_on,
        present={},
        created_by=actor,
        created_at=now,
        changed_by=actor,
        changed_at=now,
    )
    session.add(row)
    session.add(AuditEntry(at=now, actor=actor, verb="create", kind=KIND, object=slug))
    return row


def save_draft(slug: str, changes: Sequence[Change], editor: Editor, now: datetime) -> Changed:
    """Do what an editor did; without any changes it is only noted that they are there.

    Where nobody had begun a draft, it begins here, made from what is in force. Raises :class:`UnknownDraft` and
    :class:`MadeFromAnother`.
    """
    with transaction() as session:
        row = _locked(session, slug)
        if row is None:
            lock_rows(session, Lease.name, ["definitions"])  # two who begin at once begin one draft
            row = _locked(session, slug)
        if row is None:
            found = in_force(slug)
            if found is None:
                raise UnknownDraft(slug)
            if not changes:
                return Changed(take_apart(found[1]), 0, {}, ())
            if editor.based_on != found[0] or editor.revision:
                raise MadeFromAnother(slug)
            row = _insert(session, slug, found[1], based_on=found[0], actor=editor.email, now=now)
        if editor.revision > row.revision:
            raise MadeFromAnother(slug)
        draft = from_stored(row.content)
        conflicts = change_draft(draft, changes, editor.email, row.revision + 1)
        if changes:
            row.revision += 1
            row.content, row.changed_by, row.changed_at = as_stored(draft), editor.email, now
        row.present = _present(row.present, editor, now)
        return Changed(draft, row.revision, row.present, conflicts)


def _locked(session: Session, slug: str) -> SurveyDraft | None:
    return session.scalar(select(SurveyDraft).where(SurveyDraft.slug == slug).with_for_update())


def _present(known: Mapping[str, Any], editor: Editor, now: datetime) -> dict[str, Any]:
    """Who has the draft open, and the part they are at."""
    others = {
        email: said
        for email, said in known.items()
        if email != editor.email and now - datetime.fromisoformat(said["seen"]) < HERE
    }
    return others | {editor.email: {"name": editor.name, "at": editor.at, "seen": now.isoformat()}}


def replace_draft(slug: str, body: Mapping[str, Any], *, actor: str, now: datetime) -> None:
    """Put another body in the place of what is written: a version of before, or what is in force.

    Every part gets a key of its own, so that who has the draft open is told, and overwrites nothing.
    """
    with transaction() as session:
        lock_rows(session, Lease.name, ["definitions"])
        row, found = _locked(session, slug), in_force(slug)
        if row is None and found is None:
            raise UnknownDraft(slug)
        if row is None:
            row = _insert(session, slug, body, based_on=found[0] if found else None, actor=actor, now=now)
        row.revision += 1
        row.content = as_stored(renewed(take_apart(body), row.revision, actor))
        row.based_on = found[0] if found else None
        row.changed_by, row.changed_at = actor, now
        session.add(AuditEntry(at=now, actor=actor, verb="update", kind=KIND, object=slug))


def note_published(slug: str, version: int) -> None:
    """Remember that what is written was published; editors who have it open go on from there."""
    with transaction() as session:
        row = _locked(session, slug)
        if row is not None:
            row.based_on = version


def remove_draft(slug: str, *, actor: str, now: datetime) -> None:
    """Give up what is written; what is in force stays. Raises :class:`UnknownDraft`."""
    with transaction() as session:
        row = _locked(session, slug)
        if row is None:
            raise UnknownDraft(slug)
        session.delete(row)
        session.add(AuditEntry(at=now, actor=actor, verb="archive", kind=KIND, object=slug))
