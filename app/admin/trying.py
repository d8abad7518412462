"""A line for the terminal that a source takes as its own service's: its payload's shape, and its proof."""

import re
from collections.abc import Mapping
from shlex import quote
from typing import Any

import orjson

PATH = re.compile(r"body((?:\.[A-Za-z_]\w*)+)")
CASE = re.compile(r"body((?:\.[A-Za-z_]\w*)+) == '([^']*)'")
BREAK = "\\\n  "


def sample(mapping: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, Any]:
    """A payload that the mapping finds things in; ``known`` holds what they are to be, by target."""
    body: dict[str, Any] = {}
    for target, expression in mapping.items():
        if found := CASE.search(expression):
            _put(body, found[1], found[2])
        elif found := PATH.fullmatch(expression):
            _put(body, found[1], known.get(target, f"a {target.rpartition('.')[2]}"))
    return body


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    *heads, name = path[1:].split(".")
    for head in heads:
        inner = body.setdefault(head, {})
        if not isinstance(inner, dict):
            return
        body = inner
    body.setdefault(name, value)


def try_line(source: Mapping[str, Any], url: str, body: Mapping[str, Any]) -> str:
    """The line. The secret stays where it is: the terminal has it in a variable of the name it was read from."""
    secret = f'"${_variable(source)}"'
    said = orjson.dumps(body).decode()
    if source["scheme"] == "body-field":
        said = orjson.dumps({**body, source["field"]: "@secret@"}).decode()
        filled = f'"$(printf %s {quote(said)} | sed "s|@secret@|${_variable(source)}|")"'
        return _curl(url, [], filled)
    before, headers = _proof(source, secret)
    return f"body={quote(said)}\n{before}" + _curl(url, headers, '"$body"')


def _variable(source: Mapping[str, Any]) -> str:
    named = source.get("secret")
    first = named[0] if isinstance(named, list) else named
    return str(first.get("env") or "SECRET") if isinstance(first, dict) else "SECRET"


def _proof(source: Mapping[str, Any], secret: str) -> tuple[str, list[str]]:
    """What is to be worked out first, and the headers that prove it."""
    scheme, digest = source["scheme"], "openssl dgst -sha256"
    if scheme == "bearer":
        return "", [f'-H "Authorization: Bearer {secret[1:-1]}"']
    if scheme == "basic":
        return "", [f'-u "{source["user"]}:{secret[1:-1]}"']
    if scheme == "standard-webhooks":
        lines = (
            "at=$(date +%s)\n"
            f"key=$(s={secret}; printf %s \"${{s#whsec_}}\" | base64 -d | od -An -v -tx1 | tr -d ' \\n')\n"
            f'proof=$(printf %s "try.$at.$body" | {digest} -mac HMAC -macopt hexkey:$key -binary | base64)\n'
        )
        return lines, ["-H 'webhook-id: try'", '-H "webhook-timestamp: $at"', '-H "webhook-signature: v1,$proof"']
    as_text = "-binary | base64" if source.get("encoding") == "base64" else "-r | cut -d' ' -f1"
    made = f'proof=$(printf %s "$body" | {digest} -hmac {secret} {as_text})\n'
    return made, [f'-H "{source["header"]}: {source.get("prefix", "")}$proof"']


def _curl(url: str, headers: list[str], body: str) -> str:
    return f" {BREAK}".join([f"curl {url}", *headers, "-H 'Content-Type: application/json'", f"-d {body}"])


def api_line(url: str, key: str, body: Mapping[str, Any]) -> str:
    """The line for events in our own words, with a key."""
    return _curl(url, [f"-H 'Authorization: Bearer {key}'"], quote(orjson.dumps(body).decode()))
