"""The reference of the API, made from its own description: as a page, and as a document."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template

from app.admin import blueprint

METHODS = ("get", "post", "put", "patch", "delete")
ORDER = (
    "events",
    "contacts",
    "lists",
    "decisions",
    "invitations",
    "responses",
    "tasks",
    "figures",
    "simulations",
    "definitions",
)


@dataclass(frozen=True)
class Operation:
    """One operation; of each parameter of the address and field of the body: name, type, what it may be."""

    method: str
    path: str
    tag: str
    summary: str
    scope: str
    parameters: list[tuple[str, str, str]]
    fields: list[tuple[str, str, str]]


def operations() -> list[Operation]:
    """Every operation of the API, in product order."""
    spec: dict[str, Any] = current_app.test_client().get("/api/v1/openapi.json").get_json()
    found = [
        _operation(spec, method, path, about)
        for path, methods in spec["paths"].items()
        for method, about in methods.items()
        if method in METHODS
    ]
    return sorted(found, key=lambda o: (ORDER.index(o.tag), o.path, METHODS.index(o.method.lower())))


def _operation(spec: Mapping[str, Any], method: str, path: str, about: Mapping[str, Any]) -> Operation:
    shared = spec["paths"][path].get("parameters", [])
    address = path if path.startswith("/api") else f"/api/v1{path}"
    return Operation(
        method=method.upper(),
        path=address,
        tag=about.get("tags", ["?"])[0],
        summary=about.get("summary", ""),
        scope=_scope(method, address),
        parameters=[
            (p["name"], _type(spec, p["schema"]), _bounds(p["schema"])) for p in (*shared, *about.get("parameters", []))
        ],
        fields=list(_fields(spec, about.get("requestBody"))),
    )


def _scope(method: str, path: str) -> str:
    """The scope that the view behind an operation asks for."""
    for rule in current_app.url_map.iter_rules():
        spoken = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule)
        if spoken == path and method.upper() in (rule.methods or ()):
            return str(getattr(current_app.view_functions[rule.endpoint], "required_scope", ""))
    return ""


def _resolved(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = spec
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _type(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    known = _resolved(spec, schema).get("type", "any")
    kinds = known if isinstance(known, list) else [known]
    return " or ".join(k for k in kinds if k != "null")


def _bounds(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(str(v) for v in schema["enum"] if v is not None)
    names = {"minimum": "from", "maximum": "to", "maxLength": "at most", "pattern": "like"}
    return " ".join(f"{word} {schema[key]}" for key, word in names.items() if key in schema)


def _fields(spec: Mapping[str, Any], body: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    if not body:
        return
    schema = _resolved(spec, next(iter(body["content"].values()))["schema"])
    required = set(schema.get("required", ()))
    for name, about in schema.get("properties", {}).items():
        said = _bounds(about)
        yield name, _type(spec, about), ("required" + (f"; {said}" if said else "")) if name in required else said


@blueprint.get("/api/docs")
def api_reference() -> Any:
    """For whoever writes against the API; it tells nothing that the description does not."""
    return render_template("admin/reference.html", operations=operations())


def as_markdown() -> str:
    """The reference as a document."""
    parts = [
        "# API reference\n",
        "Made from the code by `make reference`. Every address takes `Authorization: Bearer <key>`; a key has scopes,",
        'and `all` stands for every one. Lists answer `{"items": […], "next": cursor or null}`. Faults answer with a',
        "status, a message, and under `errors` the name of each field.\n",
    ]
    tag = ""
    for o in operations():
        if o.tag != tag:
            tag = o.tag
            parts.append(f"## {tag.capitalize()}\n")
        parts.append(f"### `{o.method} {o.path}`\n")
        parts.append(f"{o.summary}. Scope `{o.scope}`.\n")
        rows = [(n, t, s, "address") for n, t, s in o.parameters] + [(n, t, s, "body") for n, t, s in o.fields]
        if rows:
            parts.append("| field | in | type | may be |\n|---|---|---|---|")
            parts.extend(f"| `{n}` | {where} | {t} | {s.replace('|', chr(92) + '|')} |" for n, t, s, where in rows)
            parts.append("")
    return "\n".join(parts)
