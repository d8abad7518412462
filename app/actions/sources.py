"""Keys of services, and payloads that are kept aside."""

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, select, update

from app.extensions import transaction
from app.models.accounts import ApiKey, AuditEntry
from app.models.sources import Payload, Source

SCOPES = (
    "events:write",
    "contacts:write",
    "tasks:write",
    "definitions:write",
    "invitations:links",
    "read",
    "all",
)
REFUSED_MAX = 500
"""So many refused payloads are kept per source: enough to see what is wrong, and no way to fill the disk."""
MAY_HOLD_SECRET = re.compile("auth|cookie|token|secret|sign|key|passw|hmac|digest")


class UnknownSource(LookupError):
    """No source has this slug."""


def add_key(name: str, scopes: Sequence[str], source: str, now: datetime, actor: str = "command") -> str:
    """Make an API key and return it: the only time it can be seen.

    Raises :class:`UnknownSource`.
    """
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with transaction() as session:
        source_id = session.scalar(select(Source.id).where(Source.slug == source, Source.archived_at.is_(None)))
        if source_id is None:
            raise UnknownSource(source)
        session.add(
            ApiKey(
                key_id=key_id,
                name=name,
                secret_hash=hash_secret(secret),
                scopes=list(scopes),
                source_id=source_id,
                created_at=now,
            )
        )
        detail = {"name": name, "scopes": list(scopes), "source": source}
        session.add(AuditEntry(at=now, actor=actor, verb="create", kind="keys", object=key_id, detail=detail))
    return f"otk_{key_id}_{secret}"


def hash_secret(secret: str) -> bytes:
    """A random secret of 256 bits needs no slow hash."""
    return sha256(secret.encode()).digest()


def revoke_key(key_id: str, now: datetime, actor: str = "command") -> bool:
    """Revoke a key by its id or name; False when there is no live one."""
    with transaction() as session:
        done = session.execute(
            update(ApiKey)
            .where((ApiKey.key_id == key_id) | (ApiKey.name == key_id), ApiKey.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        found = bool(done.rowcount)  # type: ignore[attr-defined]  # an UPDATE has one
        if found:
            session.add(AuditEntry(at=now, actor=actor, verb="revoke", kind="keys", object=key_id))
        return found


def keep_payload(
    source_id: int,
    body: bytes,
    content_type: str,
    headers: Mapping[str, str],
    errors: dict[str, Any] | None,
    now: datetime,
) -> None:
    """Keep an authenticated payload aside: refused with ``errors``, or held until its source is mapped.

    Of the headers only those are kept that hold no secret; of the refused payloads of a source the last ones.
    """
    with transaction() as session:
        refused = select(Payload.id).where(Payload.source_id == source_id, Payload.state == "refused")
        oldest = session.scalar(refused.order_by(Payload.id.desc()).offset(REFUSED_MAX - 1).limit(1))
        if oldest is not None:
            session.execute(
                delete(Payload).where(Payload.source_id == source_id, Payload.state == "refused", Payload.id <= oldest)
            )
        session.add(
            Payload(
                source_id=source_id,
                received_at=now,
                state="refused" if errors is not None else "held",
                content_type=content_type,
                headers={k: v for k, v in headers.items() if not MAY_HOLD_SECRET.search(k)},
                body=body,
                errors=errors,
            )
        )


def mark_payload(payload_id: int, errors: dict[str, Any] | None) -> None:
    """A held payload has been read: into an event, or with errors."""
    with transaction() as session:
        session.execute(
            update(Payload)
            .where(Payload.id == payload_id)
            .values(state="read" if errors is None else "refused", errors=errors)
        )
