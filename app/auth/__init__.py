"""Who asks: API keys and what they may do."""

import hmac
from collections.abc import Callable
from functools import wraps
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from flask import current_app, g, request

from app.actions.sources import hash_secret
from app.extensions import check_rate
from app.queries.sources import KnownKey, KnownSource, find_key, find_source, find_widget

P = ParamSpec("P")
R = TypeVar("R")
REMEMBER_SECONDS = 1.0
"""So long may a revoked key or a changed source still be taken for what it was."""


class Unauthorized(Exception):
    """No key, or one that is not known."""


class Forbidden(Exception):
    """The key is known, and may not do this."""

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope


def require(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only keys with this scope through; the key is then ``g.key``.

    Raises :class:`Unauthorized` or :class:`Forbidden`.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            g.key = _check_key(scope)
            return view(*args, **kwargs)

        guarded.required_scope = scope  # type: ignore[attr-defined]  # read by the test over all routes
        return guarded

    return decorate


def _check_key(scope: str) -> KnownKey:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    prefix, _, rest = token.strip().partition("_")
    key_id, _, secret = rest.partition("_")
    key = _remembered("key", key_id, find_key) if kind.lower() == "bearer" and prefix == "otk" else None
    if key is None or not hmac.compare_digest(key.secret_hash, hash_secret(secret)):
        turn_away()
        raise Unauthorized
    if scope not in key.scopes and "all" not in key.scopes:
        raise Forbidden(scope)
    return key


def turn_away() -> None:
    """Count somebody who did not prove who they are, by where they come from: nobody else pays for it."""
    check_rate("strangers", str(request.remote_addr))


def may(scope: str) -> bool:
    """Whether the key of this request also has ``scope``."""
    return scope in g.key.scopes or "all" in g.key.scopes


def known_source(slug: str) -> KnownSource | None:
    return _remembered("source", slug, find_source)


def known_widget(slug: str) -> KnownSource | None:
    return _remembered("widget", slug, find_widget)


def _remembered(kind: str, name: str, find: Callable[[str], R]) -> R:
    """What was found within the last second, per process: these are read at every single event."""
    kept: dict[Any, tuple[float, Any]] = current_app.extensions["otklik_callers"]
    until, found = kept.get((kind, name), (0.0, None))
    if until < monotonic():
        found = find(name)
        if len(kept) > 1000:  # noqa: PLR2004 names are the caller's: do not let them fill the memory
            kept.clear()
        kept[kind, name] = (monotonic() + REMEMBER_SECONDS, found)
    result: R = found
    return result
