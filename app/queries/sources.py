"""Sources and the keys that belong to them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select

from app.extensions import db, unseal
from app.models.accounts import ApiKey
from app.models.events import Event
from app.models.sources import Payload, Source
from surveys.definition import read
from surveys.sources import WIDGET, read_source
from surveys.sources import Source as Service


@dataclass(frozen=True)
class KnownSource:
    """A source ready to take payloads, with its live secrets."""

    id: int
    service: Service
    secrets: list[str]


def find_source(slug: str) -> KnownSource | None:
    """A source that services may post to; None when there is none, or it takes no payloads."""
    found = _find(slug)
    return found if found and found.service.scheme not in ("", WIDGET) else None


def find_widget(slug: str) -> KnownSource | None:
    """A source whose pages may post what their visitors do."""
    found = _find(slug)
    return found if found and found.service.scheme == WIDGET else None


def _find(slug: str) -> KnownSource | None:
    row = db.session.execute(
        select(Source.id, Source.body, Source.secrets).where(Source.slug == slug, Source.archived_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    service = read(row.body, read_source)
    return KnownSource(row.id, service, [unseal(s) for s in row.secrets])


def source_id(slug: str) -> int | None:
    return db.session.scalar(select(Source.id).where(Source.slug == slug))


def namespace_of(slug: str) -> str | None:
    """What the ids of a source's customers belong to; None when there is no such source."""
    body = db.session.scalar(select(Source.body).where(Source.slug == slug))
    return None if body is None else str(body.get("namespace", slug))


def source_definitions() -> dict[str, dict[str, Any]]:
    """The bodies in force by slug; the built-in sources have none worth writing."""
    rows = db.session.execute(
        select(Source.slug, Source.body)
        .where(Source.archived_at.is_(None), Source.slug.not_in(("api", "otklik")))
        .order_by(Source.slug)
    )
    return {slug: body for slug, body in rows}


def live_secrets(slug: str) -> list[str]:
    sealed = db.session.scalar(select(Source.secrets).where(Source.slug == slug))
    return [unseal(s) for s in sealed or []]


@dataclass(frozen=True)
class HeldPayload:
    """A payload that waits for its source to be mapped."""

    id: int
    source: str
    received_at: datetime
    content_type: str
    headers: dict[str, str]
    body: bytes


def held_payloads(limit: int) -> list[HeldPayload]:
    """Held payloads whose source has a mapping by now, oldest first."""
    rows = db.session.execute(
        select(Payload.id, Source.slug, Payload.received_at, Payload.content_type, Payload.headers, Payload.body)
        .join(Source, Source.id == Payload.source_id)
        .where(Payload.state == "held", Source.mapped)
        .order_by(Payload.id)
        .limit(limit)
    )
    return [HeldPayload(*row) for row in rows]


@dataclass(frozen=True)
class KnownKey:
    """An API key that may be used."""

    key_id: str
    name: str
    secret_hash: bytes
    scopes: frozenset[str]
    source_id: int
    namespace: str


def find_key(key_id: str) -> KnownKey | None:
    found = db.session.execute(
        select(ApiKey, Source.slug, Source.body)
        .join(Source, Source.id == ApiKey.source_id)
        .where(ApiKey.key_id == key_id, ApiKey.revoked_at.is_(None), Source.archived_at.is_(None))
    ).one_or_none()
    if found is None:
        return None
    key, slug, body = found
    return KnownKey(
        key.key_id, key.name, key.secret_hash, frozenset(key.scopes), key.source_id, body.get("namespace", slug)
    )


def list_keys() -> list[tuple[str, str, list[str], datetime, datetime | None]]:
    """Every key: id, name, scopes, made, revoked."""
    rows = db.session.execute(
        select(ApiKey.key_id, ApiKey.name, ApiKey.scopes, ApiKey.created_at, ApiKey.revoked_at).order_by(ApiKey.id)
    )
    return [(r[0], r[1], r[2], r[3], r[4]) for r in rows]


@dataclass(frozen=True)
class SourceRow:
    """A source in its list: how much came in the last day, when the last event came, what was refused or waits."""

    id: int
    slug: str
    body: dict[str, Any]
    today: int
    last_at: datetime | None
    refused: int
    held: int


RECENT_EVENTS = 20_000
"""So many of the last events are looked through: enough for a day of most companies, and quick for all."""


def source_rows(now: datetime) -> list[SourceRow]:
    """Every source that services can speak through."""
    recent = select(Event.source_id, Event.received_at).order_by(Event.id.desc()).limit(RECENT_EVENTS).subquery()
    heard = {
        source: (n, last)
        for source, n, last in db.session.execute(
            select(
                recent.c.source_id,
                func.sum(case((recent.c.received_at > now - timedelta(days=1), 1), else_=0)),
                func.max(recent.c.received_at),
            ).group_by(recent.c.source_id)
        )
    }
    kept = {
        (source, state): n
        for source, state, n in db.session.execute(
            select(Payload.source_id, Payload.state, func.count())
            .where(Payload.state.in_(("refused", "held")), Payload.received_at > now - timedelta(days=7))
            .group_by(Payload.source_id, Payload.state)
        )
    }
    rows = db.session.execute(
        select(Source.id, Source.slug, Source.body)
        .where(Source.archived_at.is_(None), Source.slug != "otklik")
        .order_by(Source.slug)
    )
    return [
        SourceRow(
            i, slug, body, *heard.get(i, (0, None)), refused=kept.get((i, "refused"), 0), held=kept.get((i, "held"), 0)
        )
        for i, slug, body in rows
    ]


@dataclass(frozen=True)
class KeptPayload:
    """A payload kept aside, as people look at it."""

    id: int
    source: str
    received_at: datetime
    state: str
    content_type: str
    headers: dict[str, str]
    body: bytes
    errors: dict[str, Any] | None


def _kept() -> Any:
    return select(
        Payload.id,
        Source.slug,
        Payload.received_at,
        Payload.state,
        Payload.content_type,
        Payload.headers,
        Payload.body,
        Payload.errors,
    ).join(Source, Source.id == Payload.source_id)


def last_payloads(source: int, limit: int) -> list[KeptPayload]:
    """What was kept aside of a source, the newest first."""
    rows = db.session.execute(_kept().where(Payload.source_id == source).order_by(Payload.id.desc()).limit(limit))
    return [KeptPayload(*row) for row in rows]


def find_payload(payload_id: int) -> KeptPayload | None:
    row = db.session.execute(_kept().where(Payload.id == payload_id)).one_or_none()
    return KeptPayload(*row) if row else None


def count_payloads() -> dict[str, int]:
    rows = db.session.execute(select(Payload.state, func.count()).group_by(Payload.state))
    return {state: n for state, n in rows}
