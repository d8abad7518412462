"""Request bodies: inflated, parsed and measured before anything looks at them."""

import gzip
import io
import json
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

BODY_MAX = 5_000_000
EVENT_MAX = 64_000
EVENTS_MAX = 1_000
DEPTH_MAX = 32
GZIP_MAGIC = b"\x1f\x8b\x08"
MEMBERS_MAX = 1_000
_LONG_NUMBER = re.compile(rb"\d{19}")


class BodyError(ValueError):
    """A body that cannot be read; ``status`` is the HTTP status that says so."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one item of a body is not JSON, though the others may be."""

    message: str


def inflate(body: bytes, encoding: str) -> bytes:
    """The body without its gzip, at most ``BODY_MAX`` bytes of it.

    Raises :class:`BodyError` (413, 415 or 400).
    """
    coding = encoding.strip().lower()
    if coding not in ("", "identity", "gzip"):
        raise BodyError(f"Content-Encoding {encoding} is not known; use gzip.", 415)
    inflated = _gunzip(body) if coding == "gzip" else body
    if len(inflated) > BODY_MAX:
        raise BodyError(f"The body is larger than {BODY_MAX:,} bytes.", 413)
    return inflated


def _gunzip(body: bytes) -> bytes:
    """All members of a gzip body (RFC 1952 allows several), but no more than shows that it is too large."""
    if body.count(GZIP_MAGIC) > MEMBERS_MAX:
        raise BodyError("The gzip body has too many members.", 413)
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(body)).read(BODY_MAX + 1)
    except EOFError as error:
        raise BodyError("The gzip body is cut off.", 400) from error
    except (OSError, zlib.error) as error:
        raise BodyError("The body is not gzip.", 400) from error


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. What Python tells apart but JSON does not know (NaN) is found by :func:`fault_of`.

    Raises :class:`BodyError` (400).
    """
    if not _LONG_NUMBER.search(body):  # orjson would round them
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    try:  # slower, and more patient: one bad item must not cost the good ones
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyError(f"The body is not JSON: {error}", 400) from error


def parse_ndjson(body: bytes) -> list[Any]:
    """One JSON value per line; a line that is none becomes a :class:`Fault`."""
    items: list[Any] = []
    for line in body.split(b"\n"):
        if line.strip():
            try:
                items.append(parse_json(line))
            except BodyError as error:
                items.append(Fault(str(error).replace("The body", "The line")))
    return items


def parse_form(body: bytes) -> dict[str, Any]:
    """A form body with bracketed keys: ``order[id]=7&items[]=a`` → ``{"order": {"id": "7"}, "items": ["a"]}``.

    Raises :class:`BodyError` (400).
    """
    tree: dict[str, Any] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise BodyError(f"The body is not a form: {error}", 400) from error
    for key, value in pairs:
        name, *rest = key.replace("]", "").split("[")
        if len(rest) > DEPTH_MAX:
            raise BodyError(f"{name} is nested deeper than {DEPTH_MAX}.", 400)
        _put(tree, [name, *rest], value)
    return tree


def _put(tree: dict[str, Any], keys: list[str], value: str) -> None:
    listing = len(keys) > 1 and not keys[-1]
    path, name = (keys[:-2], keys[-2]) if listing else (keys[:-1], keys[-1])
    node = tree
    for key in path:
        inner = node.get(key)
        node[key] = inner if isinstance(inner, dict) else {}
        node = node[key]
    if listing:
        before = node.get(name)
        node[name] = [*(before if isinstance(before, list) else []), value]
    else:
        node[name] = value


def fault_of(item: Any, largest: int = EVENT_MAX) -> str | None:
    """Why an item cannot be stored as JSON, or None: size, depth, numbers and characters that are not JSON's."""
    if isinstance(item, Fault):
        return item.message
    try:
        written = orjson.dumps(item)
    except TypeError as error:
        return f"Not JSON: {error}."
    if len(written) > largest:
        return f"Larger than {largest:,} bytes."
    if _depth(item) > DEPTH_MAX:
        return f"Nested deeper than {DEPTH_MAX}."
    if b"\\u0000" in written and any(isinstance(v, str) and "\0" in v for v in _leaves(item)):
        return "Contains the character NUL."
    if b"null" in written and any(isinstance(v, float) and not math.isfinite(v) for v in _leaves(item)):
        return "NaN and Infinity are not JSON."
    return None


def too_much(item: Any) -> str | None:
    """The fault of an item that is refused for its size or depth."""
    fault = fault_of(item)
    return fault if fault and fault.startswith(("Larger", "Nested")) else None


def _depth(item: Any) -> int:
    """How deep containers are nested in an item, counted without recursion."""
    level, depth = [item], 0
    while level := [c for c in level if isinstance(c, dict | list)]:
        depth += 1
        level = [v for c in level for v in (c.values() if isinstance(c, dict) else c)]
        if depth > DEPTH_MAX:
            break
    return depth


def _leaves(item: Any) -> Iterator[Any]:
    waiting = [item]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        else:
            yield value
