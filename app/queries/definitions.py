"""What is defined, and what applying a catalog would change."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.extensions import db
from app.models.surveys import Survey, SurveyDraft
from app.models.triggers import Trigger
from app.queries.departments import department_definitions
from app.queries.offers import known_codes, offer_definitions
from app.queries.policies import policy_definition
from app.queries.segments import segment_definitions
from app.queries.sources import live_secrets, source_definitions
from app.queries.surveys import survey_definitions
from app.queries.triggers import trigger_definitions
from surveys.catalog import Catalog

CURRENT = {
    "departments": department_definitions,
    "sources": source_definitions,
    "segments": segment_definitions,
    "offers": offer_definitions,
    "surveys": survey_definitions,
    "triggers": trigger_definitions,
}


@dataclass(frozen=True)
class Change:
    """One line of a plan: what is done to which object, and which of its fields differ."""

    verb: str  # create, update, archive
    kind: str
    slug: str
    body: dict[str, Any] | None = None
    fields: tuple[str, ...] = ()
    secrets: list[str] | None = None
    codes: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        sign = {"create": "+", "update": "~", "archive": "-"}[self.verb]
        name = self.kind if self.kind == "policy" else f"{self.kind[:-1]} {self.slug}"
        return f"  {sign} {name}" + (f"  ({', '.join(self.fields)})" if self.fields else "")


class MissingSecret(ValueError):
    """A source is to keep a secret it does not have."""


def body_in_force(kind: str, slug: str) -> dict[str, Any] | None:
    return policy_definition() if kind == "policy" else CURRENT[kind]().get(slug)


def current_slugs() -> dict[str, set[str]]:
    return {kind: set(find()) for kind, find in CURRENT.items()}


def used_slugs() -> dict[str, set[str]]:
    """Slugs that mean something, by kind: also those of drafts, and of what is out of force, whose history stays."""
    tables: dict[str, Any] = {"surveys": Survey, "triggers": Trigger}
    found = {kind: set(db.session.scalars(select(table.slug))) for kind, table in tables.items()}
    found["surveys"] |= set(db.session.scalars(select(SurveyDraft.slug)))
    return {"departments": set(department_definitions()), **found}


def exported_definitions() -> dict[str, Any]:
    """Everything in force by kind, as it was written; codes are never among it."""
    found: dict[str, Any] = {"policy": policy_definition()}
    return found | {kind: list(find().values()) for kind, find in CURRENT.items()}


def plan_changes(catalog: Catalog, secrets: dict[str, list[str | None]], *, prune: bool) -> list[Change]:
    """What has to change for everything in ``catalog`` to be in force; with ``prune`` nothing else stays.

    Raises :class:`MissingSecret`.
    """
    changes = []
    before = policy_definition()
    if catalog.policy is not None and catalog.policy != before:
        verb = "create" if before is None else "update"
        changes.append(Change(verb, "policy", "policy", catalog.policy, _differing(before or {}, catalog.policy)))
    for kind, find in CURRENT.items():
        there = find()
        for slug, body in catalog.bodies[kind].items():
            if change := _change(kind, slug, body, there.get(slug), secrets):
                changes.append(change)
        if prune:
            changes.extend(Change("archive", kind, slug) for slug in there if slug not in catalog.bodies[kind])
    return changes


def _change(
    kind: str, slug: str, body: dict[str, Any], before: dict[str, Any] | None, secrets: dict[str, list[str | None]]
) -> Change | None:
    codes: tuple[str, ...] = ()
    live: list[str] | None = None
    fields: tuple[str, ...] = ()
    if kind == "offers":
        known = known_codes(slug)
        codes = tuple(c for c in dict.fromkeys(body.get("codes", ())) if c not in known)
        body = {k: v for k, v in body.items() if k != "codes"}
        fields = (f"{len(codes)} new codes",) if codes else ()
    if kind == "sources":
        stored = live_secrets(slug)
        live = _kept(slug, secrets.get(slug, []), stored)
        fields = ("secret",) if live != stored and before is not None else ()
    if before is None:
        return Change("create", kind, slug, body, fields, live, codes)
    fields = (*_differing(before, body), *fields)
    return Change("update", kind, slug, body, tuple(dict.fromkeys(fields)), live, codes) if fields else None


def _kept(slug: str, named: list[str | None], stored: list[str]) -> list[str]:
    """The secrets that shall be live: those named, and the stored ones where they are to be kept."""
    kept = []
    for number, value in enumerate(named):
        if value is not None:
            kept.append(value)
        elif number < len(stored):
            kept.append(stored[number])
        else:
            raise MissingSecret(f"source {slug} has no secret to keep; name one with {{env: NAME}}")
    return kept


def _differing(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    return tuple(k for k in dict.fromkeys((*after, *before)) if before.get(k) != after.get(k))
