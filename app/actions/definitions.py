"""Putting definitions in force: all of them, or none."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.extensions import insert_rows, lock_rows, seal, transaction
from app.models.accounts import Lease
from app.models.departments import Department
from app.models.offers import Offer, OfferCode
from app.models.policies import PolicyVersion
from app.models.segments import Segment
from app.models.sources import Source
from app.models.surveys import Survey, SurveyVersion
from app.models.triggers import Trigger, TriggerVersion
from app.queries.definitions import Change, plan_changes
from app.queries.policies import policy_number
from surveys.catalog import Catalog

MODELS: Mapping[str, type[Any]] = {
    "departments": Department,
    "sources": Source,
    "segments": Segment,
    "offers": Offer,
    "surveys": Survey,
    "triggers": Trigger,
}


def apply_definitions(
    catalog: Catalog, secrets: dict[str, list[str | None]], *, prune: bool, now: datetime
) -> list[Change]:
    """Upsert everything in the catalog by slug, and with ``prune`` archive the rest; returns what changed.

    The plan is made inside the transaction that carries it out, so that two people cannot apply at the same time.
    """
    with transaction() as session:
        lock_rows(session, Lease.name, ["definitions"])
        changes = plan_changes(catalog, secrets, prune=prune)
        for change in changes:
            if change.kind == "policy":
                session.add(PolicyVersion(number=policy_number() + 1, body=change.body, created_at=now))
            elif change.verb == "archive":
                _find(session, change).archived_at = now
            else:
                _WRITERS[change.kind](session, change, now)
            session.flush()
    return changes


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
