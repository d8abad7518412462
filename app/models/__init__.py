"""The tables: columns and constraints, no behaviour. Importing this package names them all."""

from app.models import (
    accounts,
    contacts,
    decisions,
    deliveries,
    departments,
    events,
    invitations,
    offers,
    policies,
    responses,
    rollups,
    segments,
    sources,
    surveys,
    tasks,
    triggers,
)

__all__ = [
    "accounts",
    "contacts",
    "decisions",
    "deliveries",
    "departments",
    "events",
    "invitations",
    "offers",
    "policies",
    "responses",
    "rollups",
    "segments",
    "sources",
    "surveys",
    "tasks",
    "triggers",
]
