"""Putting definitions in force: all of them, or none."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.extensions import insert_into, insert_rows, lock_rows, seal, transaction
from app.models.accounts import AuditEntry, Lease
from app.models.departments import Department
from app.models.offers import Offer, OfferCode
from app.models.policies import PolicyVersion
from app.models.segments import Segment
from app.models.sources import Source
from app.models.surveys import Survey, SurveyVersion
from app.models.timers import TimerWatch
from app.models.triggers import Trigger, TriggerVersion
from app.queries.definitions import CURRENT, Change, exported_definitions, plan_changes
from app.queries.lists import list_slugs
from app.queries.policies import policy_definition, policy_number
from surveys.catalog import RESERVED, Catalog, broken_references, read_catalog

MODELS: Mapping[str, type[Any]] = {
    "departments": Department,
    "sources": Source,
    "segments": Segment,
    "offers": Offer,
    "surveys": Survey,
    "triggers": Trigger,
}


class ChangedMeanwhile(ValueError):
    """Somebody else changed what this change was made from; ``present`` is how it is now."""

    def __init__(self, kind: str, slug: str, present: dict[str, Any] | None) -> None:
        super().__init__(f"{kind} {slug}")
        self.kind, self.slug, self.present = kind, slug, present


def apply_definitions(
    catalog: Catalog,
    secrets: dict[str, list[str | None]],
    *,
    prune: bool,
    now: datetime,
    actor: str = "command",
    made_from: Mapping[tuple[str, str], dict[str, Any] | None] | None = None,
) -> list[Change]:
    """Upsert everything in the catalog by slug, and with ``prune`` archive the rest; returns what changed.

    The plan is made inside the transaction that carries it out, so that two people cannot apply at the same time.
    ``made_from`` holds the bodies, by kind and slug, that somebody had before them while they worked.

    Raises :class:`ChangedMeanwhile` when one of them is not in force any more.
    """
    with transaction() as session:
        lock_rows(session, Lease.name, ["definitions"])
        _refuse_stale(made_from or {})
        changes = plan_changes(catalog, secrets, prune=prune)
        for change in changes:
            detail = {"fields": list(change.fields)} if change.fields else None
            session.add(
                AuditEntry(at=now, actor=actor, verb=change.verb, kind=change.kind, object=change.slug, detail=detail)
            )
            if change.kind == "policy":
                session.add(PolicyVersion(number=policy_number() + 1, body=change.body, created_at=now))
            elif change.verb == "archive":
                _find(session, change).archived_at = now
            else:
                _WRITERS[change.kind](session, change, now)
            session.flush()
    return changes


def _refuse_stale(made_from: Mapping[tuple[str, str], dict[str, Any] | None]) -> None:
    for (kind, slug), before in made_from.items():
        present = policy_definition() if kind == "policy" else CURRENT[kind]().get(slug)
        if present != before:
            raise ChangedMeanwhile(kind, slug, present)


class StillUsed(ValueError):
    """Something in force points to what was to be archived; the message says what."""


def archive_definition(kind: str, slug: str, *, actor: str, now: datetime) -> bool:
    """Take one object out of force; its history stays. False when there is none, or it is built in.

    Raises :class:`StillUsed`.
    """
    with transaction() as session:
        lock_rows(session, Lease.name, ["definitions"])
        row = session.scalar(select(MODELS[kind]).where(MODELS[kind].slug == slug, MODELS[kind].archived_at.is_(None)))
        if row is None or (kind == "sources" and slug in RESERVED):
            return False
        left = exported_definitions()
        left[kind] = [body for body in left[kind] if body["slug"] != slug]
        catalog, _faults = read_catalog([{name: value for name, value in left.items() if value}])
        if broken := broken_references(catalog, {"lists": list_slugs()}):
            raise StillUsed("; ".join(dict.fromkeys(fault.message for fault in broken)))
        row.archived_at = now
        session.add(AuditEntry(at=now, actor=actor, verb="archive", kind=kind, object=slug))
        return True


def _find(session: Session, change: Change) -> Any:
    """The object of that slug, also an archived one: a slug comes back as what it was."""
    model = MODELS[change.kind]
    return session.scalar(select(model).where(model.slug == change.slug))


def _write_plain(session: Session, change: Change, _now: datetime) -> Any:
    row = _find(session, change)
    if row is None:
        row = MODELS[change.kind](slug=change.slug, body=change.body)
        session.add(row)
    row.body, row.archived_at = change.body, None
    return row


def _write_source(session: Session, change: Change, now: datetime) -> None:
    row = _write_plain(session, change, now)
    row.mapped = change.body is not None and "map" in change.body
    row.secrets = [seal(secret) for secret in change.secrets or []]


def _write_offer(session: Session, change: Change, now: datetime) -> None:
    row = _write_plain(session, change, now)
    session.flush()
    insert_rows(session, OfferCode, [{"offer_id": row.id, "code": code} for code in change.codes])


def _write_survey(session: Session, change: Change, now: datetime) -> None:
    row = _write_version(session, change)
    session.add(SurveyVersion(survey_id=row.id, number=row.version, body=change.body, created_at=now))


def _write_trigger(session: Session, change: Change, now: datetime) -> None:
    row = _write_version(session, change)
    session.add(TriggerVersion(trigger_id=row.id, number=row.version, body=change.body, created_at=now))
    watch = insert_into(TimerWatch)  # whether there is anything to wake up for, is seen by who looks next
    session.execute(
        watch.on_conflict_do_update(index_elements=["trigger_id"], set_={"next_at": now}),
        [{"trigger_id": row.id, "next_at": now, "after_id": 0, "found": 0}],
    )


def _write_version(session: Session, change: Change) -> Any:
    row = _find(session, change)
    if row is None:
        row = MODELS[change.kind](slug=change.slug, version=0)
        session.add(row)
    row.version, row.archived_at = row.version + 1, None
    session.flush()
    return row


_WRITERS: Mapping[str, Callable[[Session, Change, datetime], Any]] = {
    "departments": _write_plain,
    "sources": _write_source,
    "segments": _write_plain,
    "offers": _write_offer,
    "surveys": _write_survey,
    "triggers": _write_trigger,
}
