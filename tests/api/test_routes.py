"""Every route of the API at once: which key it takes, and that no address brings it down."""

import re
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.actions.sources import SCOPES
from app.clock import utcnow
from app.extensions import db
from tests.wire import event, everything, key_with, on_postgres, on_sqlite, said, tell

Route = tuple[str, str, str]
"""method, address, scope"""
EXAMPLES = {
    "source": "api",
    "event_id": "e-1",
    "reference": "c-1",
    "task_id": 1,
    "simulation_id": 1,
    "metric": "nps",
    "kind": "surveys",
    "slug": "s",
}
SCOPES_OF_CHANGES = {
    ("POST", "/api/v1/events"): "events:write",
    ("PUT", "/api/v1/contacts/c-1"): "contacts:write",
    ("DELETE", "/api/v1/contacts/c-1"): "contacts:write",
    ("PATCH", "/api/v1/tasks/1"): "tasks:write",
    ("PUT", "/api/v1/policy"): "definitions:write",
    ("POST", "/api/v1/surveys"): "definitions:write",
    ("PUT", "/api/v1/surveys/s"): "definitions:write",
    ("DELETE", "/api/v1/surveys/s"): "definitions:write",
    ("POST", "/api/v1/lists/s"): "contacts:write",
    ("DELETE", "/api/v1/lists/s"): "contacts:write",
    ("POST", "/api/v1/simulations"): "definitions:write",
    ("DELETE", "/api/v1/simulations/1"): "definitions:write",
}
OPEN = {"/api/v1/openapi.json"}


def routes(app: Flask) -> Iterator[Route]:
    """Every method and address under /api/v1, and the scope it has to ask for."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1") or rule.rule in OPEN:
            continue
        address = adapter.build(rule.endpoint, {name: EXAMPLES[name] for name in rule.arguments})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, address, "read" if method == "GET" else SCOPES_OF_CHANGES[method, address]


@on_sqlite
def test_every_route_asks_for_a_key_with_the_scope_it_says(app: Flask, client: FlaskClient) -> None:
    tell(client, key_with("all"), event())
    before = everything()
    keys = {scope: key_with(scope) for scope in SCOPES}
    found = list(routes(app))
    assert len(found) >= 12
    for method, address, wanted in found:
        said_scope = getattr(app.view_functions[endpoint(app, method, address)], "required_scope", None)
        assert said_scope == wanted, f"{method} {address}"
        bare = client.open(address, method=method)
        assert (bare.status_code, bare.headers.get("WWW-Authenticate")) == (401, "Bearer"), f"{method} {address}"
        for scope, key in keys.items():
            if scope not in (wanted, "all"):
                refused = client.open(address, method=method, headers=key, json={})
                assert refused.status_code == 403, f"{method} {address} with {scope}"
                assert wanted in said(refused)["message"]
    assert {name: rows for name, rows in everything().items() if name not in ("api_keys", "audit_entries")} == {
        name: rows for name, rows in before.items() if name not in ("api_keys", "audit_entries")
    }
    for method, address, wanted in found:
        if method != "DELETE":
            for scope in (wanted, "all"):
                assert client.open(address, method=method, headers=keys[scope], json={}).status_code not in (401, 403)


def endpoint(app: Flask, method: str, address: str) -> str:
    matched = app.url_map.bind("localhost").match(address, method)
    return str(matched[0])


@on_sqlite
def test_a_revoked_key_is_unknown_within_a_second(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.actions.sources import revoke_key

    seconds = [100.0]
    monkeypatch.setattr("app.auth.monotonic", lambda: seconds[0])
    key = key_with("read")
    assert client.get("/api/v1/tasks", headers=key).status_code == 200
    assert revoke_key("read", utcnow())
    seconds[0] += 1.01
    assert client.get("/api/v1/tasks", headers=key).status_code == 401


@on_sqlite
def test_a_key_that_was_unknown_a_moment_ago_works_soon(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown key is not looked for at every request, but neither is it refused for good."""
    seconds = [100.0]
    monkeypatch.setattr("app.auth.monotonic", lambda: seconds[0])
    monkeypatch.setattr("app.actions.sources.secrets.token_hex", lambda _: "0123456789ab")
    assert client.get("/api/v1/tasks", headers={"Authorization": "Bearer otk_0123456789ab_x"}).status_code == 401
    key = key_with("read")
    seconds[0] += 1.01
    assert client.get("/api/v1/tasks", headers=key).status_code == 200


def is_calm(response: TestResponse) -> bool:
    db.session.rollback()  # as at the end of every real request
    return response.mimetype == "application/json" and response.status_code in (200, 400, 404, 422)


@on_postgres
def test_no_address_brings_the_api_down(client: FlaskClient, key: dict[str, str]) -> None:
    """Characters and numbers that the database cannot hold are simply not found, or refused."""
    tell(client, key, event())
    far = 10**30
    addresses = (
        "/contacts/%00",
        "/contacts/ct_%00",
        "/contacts/%ED%A0%80",
        "/contacts/" + "x" * 20_000,
        "/contacts/..%2F..",
        "/events/%00/e-1",
        "/events/api/%00",
        f"/tasks/{far}",
        f"/tasks?cursor={far}",
        "/tasks?department=%00",
        "/decisions?trigger=%00",
        "/decisions?contact=%00",
        f"/decisions?cursor={far}-{far}",
        "/decisions?cursor=%D9%A1-%D9%A2",
        f"/invitations?cursor={far}",
        "/invitations?contact=%00",
        f"/responses?cursor={far}",
        "/responses?survey=%00",
        "/responses?from=0001-01-01T00:00:00%2B14:00",
        "/responses?to=9999-12-31T23:59:59-14:00",
        "/metrics/nps?from=0001-01-01&to=9999-12-31",
        "/metrics/%00",
    )
    assert [a for a in addresses if not is_calm(client.get(f"/api/v1{a}", headers=key))] == []
    for source in ("%00", "shop%00", "x" * 20_000):
        assert client.post(f"/webhooks/{source}", json={}).status_code == 404, source
    assert client.put("/api/v1/contacts/a%00b", json={}, headers=key).status_code in (404, 422)
    too_long = "".join(sha256(str(n).encode()).hexdigest() for n in range(100))  # and not to be compressed
    assert client.put(f"/api/v1/contacts/{too_long}", json={}, headers=key).status_code in (404, 422)
    assert client.delete("/api/v1/contacts/%00", headers=key).status_code == 404
    assert client.get("/api/v1/tasks", headers={"Authorization": "Bearer otk_\x01_x"}).status_code == 401


@on_sqlite
def test_the_same_addresses_on_sqlite(client: FlaskClient, key: dict[str, str]) -> None:
    far = 10**30
    addresses = [f"/tasks/{far}", f"/decisions?cursor={far}-{far}"]
    addresses += [f"/{of}?cursor={far}" for of in ("tasks", "invitations", "responses")]
    assert [a for a in addresses if not is_calm(client.get(f"/api/v1{a}", headers=key))] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("/tasks?limit=0", "limit"),
        ("/tasks?limit=501", "limit"),
        ("/tasks?limit=many", "limit"),
        ("/tasks?cursor=-1", "cursor"),
        ("/tasks?status=done", "status"),
        ("/decisions?outcome=perhaps", "outcome"),
        ("/decisions?cursor=7", "cursor"),
        ("/invitations?state=lost", "state"),
        ("/responses?from=yesterday", "from"),
        ("/metrics/nps?from=tomorrow", "from"),
        ("/metrics/nps?group=colour", "group"),
        ("/metrics/nps?colour=red", "colour"),
    ],
)
def test_a_wrong_filter_is_422_and_named(door: tuple[FlaskClient, dict[str, str]], query: str, field: str) -> None:
    client, key = door
    response = client.get(f"/api/v1{query}", headers=key)
    assert response.status_code == 422
    assert list(said(response)["errors"]) == [field]


@on_sqlite
def test_an_unknown_address_or_method_is_answered_in_json(client: FlaskClient, key: dict[str, str]) -> None:
    for method, address, status in (
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/v1/metrics/happiness", 404),
        ("DELETE", "/api/v1/events", 405),
        ("POST", "/api/v1/tasks", 405),
    ):
        response = client.open(address, method=method, headers=key)
        assert (response.status_code, response.mimetype) == (status, "application/json"), address
        assert said(response)["status"] == status


@on_sqlite
def test_the_description_names_every_route_and_needs_no_key(app: Flask, client: FlaskClient) -> None:
    response = client.get("/api/v1/openapi.json")
    assert response.status_code == 200
    paths = said(response)["paths"]
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1") and rule.rule not in OPEN:
            spoken = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule)
            assert spoken in paths or spoken.removeprefix("/api/v1") in paths, rule.rule


@on_sqlite
def test_health_is_told_without_a_key(client: FlaskClient, work: Callable[[], None]) -> None:
    assert (client.get("/healthz").status_code, client.get("/metrics").status_code) == (200, 200)
    ready = client.get("/readyz")
    assert (ready.status_code, said(ready)["database"], said(ready)["worker"]) == (503, "ok", "silent")
