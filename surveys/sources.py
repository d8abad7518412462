"""Sources as authors write them: how a service proves itself, and where its payloads keep what an event needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from surveys.definition import Node

SCHEMES = ("standard-webhooks", "hmac", "bearer", "basic", "body-field", "widget")
WIDGET = "widget"
"""The scheme of web pages: events come from visitors, and the secret proves who they are to the shop."""
SCHEME_FIELDS = ("header", "encoding", "prefix", "field", "user", "origins")
WEAK = frozenset({"bearer", "basic", "body-field"})
MAPPED = ("id", "type", "occurred_at", "properties")
MAPPED_CONTACT = ("id", "email", "phone", "name", "locale", "timezone")
FREE = ("properties", "contact.attributes.", "contact.consent.")
"""Where any value may stand; elsewhere it is text."""
SECRETS_MAX = 2
ORIGIN = re.compile(r"(https?)://((?:[a-z0-9-]+\.)*[a-z0-9-]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?")
USUAL_PORTS = {"http": "80", "https": "443"}
MILLISECONDS_FROM = 1e11  # as seconds, a date in the year 5138


class UnmappablePayload(ValueError):
    """A payload that the mapping of ``target`` cannot be applied to."""

    def __init__(self, target: str, message: str) -> None:
        super().__init__(f"{target}: {message}")
        self.target, self.message = target, message


@dataclass(frozen=True)
class SecretName:
    """A secret in a definition: the environment variable it comes from, or None to keep the one there is."""

    env: str | None


@dataclass(frozen=True)
class Source:
    """A source ready to read payloads with. ``mapping`` None: it learns."""

    slug: str
    namespace: str
    scheme: str
    header: str
    encoding: str
    prefix: str
    field: str
    user: str
    secrets: tuple[SecretName, ...]
    mapping: Mapping[str, ParsedResult] | None
    origins: frozenset[str] = frozenset()
    """The sites whose pages may speak for a source of the scheme ``widget``."""

    @property
    def weak(self) -> bool:
        """Whether whoever saw one request could make another."""
        return self.scheme in WEAK


def read_source(node: Node) -> Source:
    """Read a source definition; faults gather in the node."""
    fields = node.mapping(
        ("slug", "name", "namespace", "scheme", "secret", *SCHEME_FIELDS, "map"),
        ("slug",),
    )
    if "name" in fields:
        fields["name"].text(longest=200)
    slug = fields["slug"].slug() if "slug" in fields else ""
    scheme = fields["scheme"].one_of(SCHEMES) if "scheme" in fields else ""
    _require(node, fields, scheme)
    return Source(
        slug=slug,
        namespace=fields["namespace"].slug() if "namespace" in fields else slug,
        scheme=scheme,
        header=fields["header"].text(longest=100).lower() if "header" in fields else "",
        encoding=fields["encoding"].one_of(("hex", "base64")) if "encoding" in fields else "hex",
        prefix=fields["prefix"].text(longest=50) if "prefix" in fields else "",
        field=fields["field"].text(longest=100) if "field" in fields else "",
        user=fields["user"].text(longest=100) if "user" in fields else "",
        secrets=_read_secrets(fields["secret"]) if "secret" in fields else (),
        mapping=read_mapping(fields["map"]) if "map" in fields else None,
        origins=_read_origins(fields["origins"]) if "origins" in fields else frozenset(),
    )


def _require(node: Node, fields: Mapping[str, Node], scheme: str) -> None:
    needed = {"hmac": ("header",), "body-field": ("field",), "basic": ("user",), WIDGET: ("origins",)}.get(scheme, ())
    for name in needed:
        if name not in fields:
            node.fault(f"{name} is missing: the scheme {scheme} needs it")
    if "map" in fields and scheme == WIDGET:
        fields["map"].fault("is of no use here: a page says what happened in our own words")
    if "origins" in fields and scheme != WIDGET:
        fields["origins"].fault(f"belongs to the scheme {WIDGET}")
    if scheme and "secret" not in fields:
        node.fault("secret is missing")


def _read_origins(node: Node) -> frozenset[str]:
    return frozenset(_read_origin(item) for item in node.items(least=1))


def _read_origin(node: Node) -> str:
    """An origin as browsers send it: lower case, and without the port that its scheme has anyway."""
    found = ORIGIN.fullmatch(node.text(longest=200).lower().rstrip("/"))
    if found is None:
        node.fault("must be an origin like https://shop.example, without a path")
        return ""
    scheme, host, port = found.groups()
    return f"{scheme}://{host}" + (f":{port}" if port and port != USUAL_PORTS[scheme] else "")


def _read_secrets(node: Node) -> tuple[SecretName, ...]:
    items = node.items(least=1) if isinstance(node.value, list) else [node]
    if len(items) > SECRETS_MAX:
        node.fault(f"at most {SECRETS_MAX} secrets are live at a time")
    return tuple(_read_secret(item) for item in items)


def _read_secret(node: Node) -> SecretName:
    if not isinstance(node.value, dict):
        node.fault("must be {env: NAME} or {keep: true}: a secret has no place in a file")
        return SecretName(None)
    fields = node.mapping(("env", "keep"))
    if len(fields) != 1:
        node.fault("must be {env: NAME} or {keep: true}")
    if "keep" in fields and not fields["keep"].boolean():
        fields["keep"].fault("must be true")
    return SecretName(fields["env"].text(longest=200) if "env" in fields else None)


def read_mapping(node: Node) -> Mapping[str, ParsedResult]:
    """Where the parts of an event stand in a payload; faults gather in the node."""
    found: dict[str, ParsedResult] = {}
    for target, expression in node.entries():
        if not _is_target(target):
            expression.fault("is not a part of an event; see id, type, occurred_at, contact.email, properties.amount")
        try:
            found[target] = jmespath.compile(expression.text(longest=1000) or "''")
        except JMESPathError as error:
            expression.fault(f"is not JMESPath: {str(error).splitlines()[0]}")
    if isinstance(node.value, dict) and "type" not in node.value:
        node.fault("type is missing")
    return found


def _is_target(target: str) -> bool:
    head, _, rest = target.partition(".")
    if not all(target.split(".")):
        return False
    if head == "contact":
        return rest in MAPPED_CONTACT or rest.startswith(("attributes.", "consent."))
    return target in MAPPED or head == "properties"


def map_payload(source: Source, body: Any, headers: Mapping[str, str]) -> dict[str, Any] | None:
    """The event in a payload, not yet checked; None when the mapping gives it no type: it is to be ignored.

    ``headers`` have lower-case names. Raises :class:`UnmappablePayload`.
    """
    event: dict[str, Any] = {}
    for target, expression in (source.mapping or {}).items():
        try:
            value = expression.search({"body": body, "headers": dict(headers)})
        except (JMESPathError, TypeError) as error:
            raise UnmappablePayload(target, str(error).splitlines()[0]) from error
        # A condition that does not hold maps to nothing: "body.kind == 'paid' && 'order.paid'".
        if value is not None and (value is not False or target.startswith(FREE)):
            _put(event, target, value)
    return event if event.get("type") else None


def _put(event: dict[str, Any], target: str, value: Any) -> None:
    if target in MAPPED:
        if target == "properties" and isinstance(value, dict):
            value = {**value, **event.get("properties", {})}
        if target == "occurred_at" and isinstance(value, int | float) and not isinstance(value, bool):
            value = _from_epoch(value)
        event[target] = value if target == "properties" else str(value)
        return
    node, (*heads, name) = event, target.split(".")
    for head in heads:
        node = node.setdefault(head, {})
        if not isinstance(node, dict):
            raise UnmappablePayload(head, "is no object, so nothing can be put into it")
    node[name] = value if target.startswith(FREE) else str(value)


def _from_epoch(seconds: float) -> str:
    """Many services give moments as seconds, or milliseconds, since 1970."""
    if seconds > MILLISECONDS_FROM:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return str(seconds)
