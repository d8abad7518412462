"""Sources and the keys that belong to them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.extensions import db, unseal
from app.models.accounts import ApiKey
from app.models.sources import Payload, Source
from surveys.definition import read
from surveys.sources import Source as Service
from surveys.sources import read_source


@dataclass(frozen=True)
class KnownSource:
    """A source ready to take payloads, with its live secrets."""

    id: int
    service: Service
    secrets: list[str]


def find_source(slug: str) -> KnownSource | None:
    """A source that services may post to; None when there is none, or it takes no payloads."""
    row = db.session.execute(
        select(Source.id, Source.body, Source.secrets).where(Source.slug == slug, Source.archived_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    service = read(row.body, read_source)
    return KnownSource(row.id, service, [unseal(s) for s in row.secrets]) if service.scheme else None


def source_id(slug: str) -> int | None:
    return db.session.scalar(select(Source.id).where(Source.slug == slug))


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


def count_payloads() -> dict[str, int]:
    rows = db.session.execute(select(Payload.state, func.count()).group_by(Payload.state))
    return {state: n for state, n in rows}
