"""Signed links: a random public id, the id of the key, and a 128-bit code that proves we made it."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import date, datetime, timedelta
from hashlib import blake2b, sha256

from flask import current_app

PUBLIC_ID_LENGTH = 22
TICKET_LASTS = timedelta(hours=12)
"""How long the page of an open link may lie open before it is sent."""


def new_public_id() -> str:
    return secrets.token_urlsafe(16)


def survey_url(public_id: str) -> str:
    return f"{current_app.config['BASE_URL']}/s/{survey_token(public_id)}"


def survey_token(public_id: str) -> str:
    """What stands for an invitation in the address of its page."""
    return _sign("s", public_id)


def unsubscribe_url(public_id: str) -> str:
    return f"{current_app.config['BASE_URL']}/u/{_sign('u', public_id)}"


def preview_url(version_id: int, language: str, *, outside: bool = False) -> str:
    """The page of a survey version as customers see it, which stores nothing; ``outside`` for a mail."""
    path = f"/p/{version_id}/{language}/{_preview_code(version_id, language)}"
    return f"{current_app.config['BASE_URL']}{path}" if outside else path


def is_preview(version_id: int, language: str, code: str) -> bool:
    """Whether we made this link."""
    return hmac.compare_digest(_preview_code(version_id, language).encode(), code.encode())


def _preview_code(version_id: int, language: str) -> str:
    return _base64(hmac.digest(_key("previews"), f"{version_id}:{language}".encode(), sha256)[:16])


def draft_url(slug: str, language: str = "", *, outside: bool = False) -> str:
    """The page of a survey that is still written, as customers would see it; without a language what stands before."""
    path = f"/p/draft/{slug}/{_draft_code(slug)}/{language}"
    return f"{current_app.config['BASE_URL']}{path}" if outside else path


def is_draft(slug: str, code: str) -> bool:
    """Whether we made this link."""
    return hmac.compare_digest(_draft_code(slug).encode(), code.encode())


def seen_as_proof(slug: str, reference: str, day: date) -> str:
    """What lets a draft be seen as a customer, on that day and the next."""
    told = f"{slug}\x1f{reference}\x1f{day.isoformat()}"
    return _base64(hmac.digest(_key("seen as"), told.encode(), sha256)[:16])


def may_be_seen_as(slug: str, reference: str, proof: str, today: date) -> bool:
    """Whether we made this proof, today or yesterday."""
    days = (today, today - timedelta(days=1))
    return any(hmac.compare_digest(seen_as_proof(slug, reference, day).encode(), proof.encode()) for day in days)


def _draft_code(slug: str) -> str:
    return _base64(hmac.digest(_key("drafts"), slug.encode(), sha256)[:16])


def read_token(purpose: str, token: str) -> str | None:
    """The public id in ``token``; None when we did not sign it for this purpose."""
    public_id = token[:PUBLIC_ID_LENGTH]
    return public_id if hmac.compare_digest(_sign(purpose, public_id).encode(), token.encode()) else None


def keyed_hash(value: str) -> str:
    """What is kept of an erased address: equal for equal values, useless to anybody without the key."""
    return "erased:" + blake2b(value.encode(), key=_key("erasure"), digest_size=16).hexdigest()


def _sign(purpose: str, public_id: str) -> str:
    key = _key("links")
    code = hmac.digest(key, f"{purpose}:{public_id}".encode(), sha256)[:16]
    return public_id + _base64(sha256(key).digest()[:3]) + _base64(code)


def _key(use: str) -> bytes:
    return sha256(f"{use}\x1f{current_app.config['SECRET_KEY']}".encode()).digest()


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def open_url(public_id: str) -> str:
    """Where anybody may answer, by an open link."""
    return f"{current_app.config['BASE_URL']}/o/{public_id}"


def new_ticket(public_id: str, now: datetime) -> str:
    """What a page of an open link is given, so that it begins one answer and no more."""
    return _stamped(public_id, f"{int(now.timestamp())}.{secrets.token_urlsafe(9)}")


def is_ticket(public_id: str, ticket: str, now: datetime) -> bool:
    """Whether we gave this ticket for this link, within the time a page may lie open."""
    told = ticket.rpartition(".")[0]
    made = hmac.compare_digest(_stamped(public_id, told).encode(), ticket.encode())
    return made and 0 <= now.timestamp() - int(told.partition(".")[0]) <= TICKET_LASTS.total_seconds()


def _stamped(public_id: str, told: str) -> str:
    code = hmac.digest(_key("tickets"), f"{public_id}:{told}".encode(), sha256)[:16]
    return f"{told}.{_base64(code)}"
