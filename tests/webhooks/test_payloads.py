"""Payloads as services write them: mapped, ignored, refused and kept, or held until somebody has mapped them."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import config
from app import create_app
from app.jobs import read_held
from app.models.contacts import Contact
from app.models.events import Event
from app.models.sources import Payload
from tests.wire import on_sqlite, said, stored

SECRET = "s3cret-of-the-service"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def secret(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setattr("app.auth.REMEMBER_SECONDS", -1.0)


def mapped(mapping: str) -> str:
    return f"sources: [{{slug: shop, scheme: bearer, secret: {{env: SECRET}}, map: {mapping}}}]"


LEARNS = "sources: [{slug: shop, scheme: bearer, secret: {env: SECRET}}]"


def post(client: FlaskClient, body: Any, content_type: str = "application/json", **headers: str) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = {"Authorization": f"Bearer {SECRET}"} | headers
    return client.post("/webhooks/shop", data=data, headers=known, content_type=content_type)


# -- Mapping


def test_every_part_of_an_event_can_be_mapped(
    client: FlaskClient, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(
        mapped(
            """{id: "body.order.number", type: "headers.\\"x-topic\\"", occurred_at: "body.at",
            contact.id: "body.user.id", contact.email: "body.user.mail", contact.phone: "body.user.tel",
            contact.name: "body.user.name", contact.locale: "'ru'", contact.attributes.plan: "body.user.plan",
            contact.attributes.vip: "body.user.vip", contact.consent.email: "body.user.agreed",
            properties: "body.order", properties.items: "length(body.lines)", properties.shop: "'centre'"}"""
        )
    )
    body = {
        "at": 1700000000,
        "order": {"number": 17, "total": 99.5, "shop": "overwritten"},
        "lines": [1, 2],
        "user": {
            "id": 42,
            "mail": "Ada@Example.com",
            "tel": "8 900 123-45-67",
            "name": "Ada",
            "plan": "pro",
            "vip": True,
        }
        | {"agreed": False},
    }
    assert post(client, body, **{"X-Topic": "order.paid"}).status_code == 202
    (row,) = stored(Event)
    assert (row.external_id, row.type, row.occurred_at.isoformat()) == ("17", "order.paid", "2023-11-14T22:13:20+00:00")
    assert row.properties == {"number": 17, "total": 99.5, "shop": "centre", "items": 2}
    work()
    (contact,) = stored(Contact)
    assert (contact.name, contact.locale, contact.attributes) == ("Ada", "ru", {"plan": "pro", "vip": True})
    assert contact.consents["email"]["granted"] is False


@on_sqlite
def test_a_moment_is_read_in_the_forms_services_use(client: FlaskClient, define: Callable[[str], None]) -> None:
    define(mapped("""{type: "'t'", occurred_at: "body.at"}"""))
    for given in (1700000000, 1700000000.5, 1700000000500, "2023-11-14T22:13:20Z"):
        assert post(client, {"at": given}).status_code == 202
    assert [e.occurred_at.isoformat() for e in stored(Event)] == [
        "2023-11-14T22:13:20+00:00",
        "2023-11-14T22:13:20.500000+00:00",
        "2023-11-14T22:13:20.500000+00:00",
        "2023-11-14T22:13:20+00:00",
    ]


@on_sqlite
def test_a_payload_that_names_no_id_is_known_again_by_what_it_says(
    client: FlaskClient, define: Callable[[str], None]
) -> None:
    define(mapped("""{type: "'review.posted'", properties.stars: "body.stars"}"""))
    answers = [said(post(client, body)) for body in (b'{"a":1,"stars":5}', b'{"stars": 5, "a": 1}', b'{"stars":4}')]
    assert [(a["accepted"], a["duplicates"]) for a in answers] == [(1, 0), (0, 1), (1, 0)]


@on_sqlite
def test_what_maps_to_no_type_is_ignored_and_not_kept(client: FlaskClient, define: Callable[[str], None]) -> None:
    define(mapped('{id: "body.id", type: "body.type"}'))
    ignored = {"accepted": 0, "duplicates": 0, "rejected": [], "ignored": 1}
    for body in ({}, {"type": None}, {"type": ""}, [], [{"type": "t"}], "text", None, 7):
        response = post(client, body)
        assert (response.status_code, said(response)) == (202, ignored), body
    assert (stored(Event), stored(Payload)) == ([], [])


# -- Forms


def test_a_form_with_bracketed_keys_is_read_as_a_tree(client: FlaskClient, define: Callable[[str], None]) -> None:
    define(
        mapped(
            '{id: "body.payment.id", type: "body.event", contact.email: "body.payment.payer.email",'
            ' properties.items: "body.items", properties.tags: "body.tags", properties.note: "body.note"}'
        )
    )
    form = [
        ("event", "order.paid"),
        ("payment[id]", "p-7"),
        ("payment[payer][email]", "ada@example.com"),
        ("items[0][sku]", "a"),
        ("items[1][sku]", "б"),
        ("tags[]", "x"),
        ("tags[]", "y"),
        ("note", ""),
    ]
    response = post(client, urlencode(form).encode(), FORM)
    assert (response.status_code, said(response)["accepted"]) == (202, 1)
    (row,) = stored(Event)
    assert (row.external_id, row.contact) == ("p-7", {"email": "ada@example.com"})
    assert row.properties == {"items": {"0": {"sku": "a"}, "1": {"sku": "б"}}, "tags": ["x", "y"], "note": ""}


ODD_FORMS = [b"", b"=", b"=x", b"[]=x", b"[a]=x", b"a[=x", b"a]=x", b"a[][b]=1", b"a=1&a[b]=2&a[]=3", b"a[b]=1&a=2"]


@on_sqlite
def test_an_odd_form_is_read_somehow_and_never_fails(client: FlaskClient, define: Callable[[str], None]) -> None:
    define(mapped('{id: "body.id", type: "body.type"}'))
    assert [body for body in (*ODD_FORMS, b"%ff=%fe") if post(client, body, FORM).status_code != 202] == []
    too_much = [b"a" + b"[b]" * 40 + b"=1", b"&".join(b"a%d=1" % n for n in range(2000)), b"\xff=1"]
    assert [post(client, body, FORM).status_code for body in too_much] == [400, 400, 400]


@on_sqlite
def test_the_type_of_a_body_is_known_or_415(client: FlaskClient, define: Callable[[str], None]) -> None:
    define(mapped('{id: "body.id", type: "body.type"}'))
    types = ["application/json", "application/vnd.shop.v2+json", "text/plain", ""]
    assert [post(client, {"type": "t"}, name).status_code for name in types] == [202, 202, 415, 415]


# -- Refused


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"id": "a", "type": "survey.answered"}, "type"),
    ({"id": "a", "type": "two words"}, "type"),
    ({"id": "x" * 300, "type": "t"}, "id"),
    ({"id": "a", "type": "t", "at": "yesterday"}, "occurred_at"),
    ({"id": "a", "type": "t", "at": 1e300}, "occurred_at"),
    ({"id": "a", "type": "t", "at": "0001-01-01"}, "occurred_at"),
    ({"id": "a", "type": "t", "email": "x" * 400}, "contact"),
    ({"id": "a", "type": "t", "data": "text"}, "properties"),
    ({"id": "a", "type": "t", "data": ["list"]}, "properties"),
    ({"id": "a", "type": "t", "lines": 5}, "properties.lines"),
]


def test_a_refused_payload_is_kept_with_its_faults(client: FlaskClient, define: Callable[[str], None]) -> None:
    define(
        mapped(
            '{id: "body.id", type: "body.type", occurred_at: "body.at", contact.email: "body.email",'
            ' properties: "body.data", properties.lines: "length(body.lines)"}'
        )
    )
    for body, field in REFUSED:
        response = post(client, {"lines": []} | body, **{"User-Agent": "Shop/1", "Cookie": "c=1", "X-Token": "t=1"})
        assert response.status_code == 422, body
        (rejected,) = said(response)["rejected"]
        assert (rejected["index"], list(rejected["errors"])) == (0, [field])
        kept = stored(Payload)[-1]
        assert (kept.state, kept.errors) == ("refused", rejected["errors"])
        assert json.loads(kept.body) == {"lines": []} | body
        assert not any(secret in repr(kept.headers) for secret in ("c=1", "t=1", SECRET))
    assert (len(stored(Payload)), stored(Event)) == (len(REFUSED), [])


def test_a_clash_is_409_and_kept(client: FlaskClient, define: Callable[[str], None]) -> None:
    define(mapped('{id: "body.id", type: "body.type", properties.n: "body.n"}'))
    assert post(client, {"id": "a", "type": "t", "n": 1, "noise": 1}).status_code == 202
    assert said(post(client, {"id": "a", "type": "t", "n": 1, "noise": 2}))["duplicates"] == 1
    clash = post(client, {"id": "a", "type": "t", "n": 2})
    assert (clash.status_code, list(said(clash)["errors"])) == (409, ["id"])
    (kept,) = stored(Payload)
    assert (kept.state, list(kept.errors or {})) == ("refused", ["id"])


@on_sqlite
def test_what_cannot_be_stored_is_refused(client: FlaskClient, define: Callable[[str], None]) -> None:
    define(mapped('{id: "body.id", type: "body.type", properties: "body"}'))
    for body, status in (
        (b'{"type": "t", "x": "%s"}' % (b"y" * 64_000), 413),
        (b" " * 5_000_001, 413),
        (b'{"type": "t", "x": ' + b"[" * 100 + b"]" * 100 + b"}", 413),
        (b'{"type": "t", "x": NaN}', 422),
        (b'{"type": "t", "x": "\\u0000"}', 422),
        (b'{"type": "t", "x": "\\ud800"}', 422),
        (b'{"type": "t", "x": 1' + b"0" * 400 + b"}", 422),
    ):
        assert post(client, body).status_code == status, body[:50]
    assert stored(Event) == []


@on_sqlite
def test_a_source_that_posts_too_often_is_asked_to_slow_down(
    settings: config.Settings, app: Flask, define: Callable[[str], None]
) -> None:
    define(mapped('{type: "body.type"}'))
    limited = create_app(replace(settings, rate_limit="2 per hour"))
    answers = [post(limited.test_client(), {}) for _ in range(3)]
    assert [a.status_code for a in answers] == [202, 202, 429]
    assert int(answers[2].headers["Retry-After"]) >= 1


# -- Learning


def test_what_a_source_sent_before_it_was_mapped_is_read_afterwards(
    client: FlaskClient, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(LEARNS)
    form = urlencode({"order[id]": "o-2", "kind": "order.paid"}).encode()
    answers = [
        post(client, {"order": {"id": "o-1"}, "kind": "order.paid", "who": "c-1"}),
        post(client, form, FORM),
        post(client, {"kind": "ping"}),
        post(client, {"order": {"id": "o-1"}, "kind": "order.paid", "who": "c-1"}),
        post(client, {"order": {"id": "o-3"}, "kind": "not a type"}),
    ]
    assert [(a.status_code, said(a)["held"], said(a)["accepted"]) for a in answers] == [(202, 1, 0)] * 5
    read_held()
    assert (len(stored(Payload, Payload.state == "held")), stored(Event)) == (5, [])

    define(mapped("""{id: "body.order.id", type: "body.kind != 'ping' && body.kind || ''", contact.id: "body.who"}"""))
    received = {p.id: p.received_at for p in stored(Payload)}
    read_held()
    assert [(e.external_id, e.occurred_at) for e in stored(Event)] == [("o-1", received[1]), ("o-2", received[2])]
    assert [p.state for p in stored(Payload)] == ["read", "read", "read", "read", "refused"]
    assert list(stored(Payload)[4].errors or {}) == ["type"]
    work()
    assert [e.external_id for e in stored(Event, Event.contact_id.is_not(None), Event.type == "order.paid")] == ["o-1"]
    read_held()
    assert len(stored(Event, Event.type == "order.paid")) == 2


@on_sqlite
def test_a_type_that_stands_in_a_header_survives_the_waiting(
    client: FlaskClient, define: Callable[[str], None]
) -> None:
    """GitHub, Shopify and others name the kind of event in a header only."""
    define(LEARNS)
    assert said(post(client, {"id": 1}, **{"X-Shop-Topic": "orders/paid"}))["held"] == 1
    define(mapped("""{id: "body.id", type: "headers.\\"x-shop-topic\\""}"""))
    read_held()
    assert [e.type for e in stored(Event)] == ["orders/paid"]


@on_sqlite
def test_a_held_payload_that_cannot_be_mapped_holds_up_no_other(
    client: FlaskClient, define: Callable[[str], None]
) -> None:
    define(LEARNS)
    for lines in (5, [1], "text", None, [2]):
        post(client, {"id": str(lines), "lines": lines})
    define(mapped("""{id: "body.id", type: "'t'", properties.n: "sum(body.lines)"}"""))
    read_held()
    assert [e.properties["n"] for e in stored(Event)] == [1, 2]
    assert [p.state for p in stored(Payload)] == ["refused", "read", "refused", "refused", "read"]


@on_sqlite
def test_only_what_was_authenticated_is_held(client: FlaskClient, define: Callable[[str], None]) -> None:
    define(LEARNS)
    assert post(client, {"id": 1}, Authorization="Bearer wrong").status_code == 401
    assert stored(Payload) == []
