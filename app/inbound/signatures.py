"""Does a request come from the source it names? One function per scheme, every comparison in constant time."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from surveys.sources import Source


def is_signed(source: Source, secrets: list[str], headers: Mapping[str, str], raw: bytes, body: Any) -> bool:
    """Whether any of the live secrets proves the request. ``headers`` have lower-case names."""
    check = _SCHEMES[source.scheme]
    return any(check(source, secret, headers, raw, body) for secret in secrets)


def _standard_webhooks(_source: Source, secret: str, headers: Mapping[str, str], raw: bytes, _body: Any) -> bool:
    """Carries its time: the library refuses what is older or newer than 300 seconds."""
    for key in _standard_keys(secret):
        try:
            Webhook(key).verify(raw, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue
        return True
    return False


def _standard_keys(secret: str) -> list[bytes]:
    """A secret is base64, says the standard; without ``whsec_`` some services take it as it stands."""
    bare = secret.removeprefix("whsec_")
    try:
        decoded = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        decoded = b""
    plain = b"" if secret.startswith("whsec_") else secret.encode()
    return [key for key in (decoded, plain) if key]


def _hmac(source: Source, secret: str, headers: Mapping[str, str], raw: bytes, _body: Any) -> bool:
    given = headers.get(source.header, "")
    if not given.startswith(source.prefix):
        return False
    digest = hmac.digest(secret.encode(), raw, sha256)
    wanted = digest.hex() if source.encoding == "hex" else b64encode(digest).decode()
    return _same(given.removeprefix(source.prefix).strip(), wanted)


def _bearer(_source: Source, secret: str, headers: Mapping[str, str], _raw: bytes, _body: Any) -> bool:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and _same(token.strip(), secret)


def _basic(source: Source, secret: str, headers: Mapping[str, str], _raw: bytes, _body: Any) -> bool:
    kind, _, token = headers.get("authorization", "").partition(" ")
    wanted = b64encode(f"{source.user}:{secret}".encode()).decode()
    return kind.lower() == "basic" and _same(token.strip(), wanted)


def _body_field(source: Source, secret: str, _headers: Mapping[str, str], _raw: bytes, body: Any) -> bool:
    given = body.get(source.field) if isinstance(body, dict) else None
    return isinstance(given, str) and _same(given, secret)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


_SCHEMES: dict[str, Callable[[Source, str, Mapping[str, str], bytes, Any], bool]] = {
    "standard-webhooks": _standard_webhooks,
    "hmac": _hmac,
    "bearer": _bearer,
    "basic": _basic,
    "body-field": _body_field,
}
