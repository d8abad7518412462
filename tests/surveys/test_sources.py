"""Sources: how a service proves itself, and what its payloads become."""

from typing import Any

import pytest

from surveys.definition import Path, read
from surveys.sources import SCHEMES, SecretName, Source, UnmappablePayload, map_payload, read_source
from tests.surveys.faults import assert_fault, faults_of

SECRET = {"env": "SHOP_SECRET"}
BASE = {"slug": "shop", "scheme": "standard-webhooks", "secret": SECRET}


def source(**mapping: str) -> Source:
    return read({**BASE, "map": {"type": "body.type", **mapping}}, read_source)


def test_a_source_is_read_as_written() -> None:
    written = {
        "slug": "shop",
        "name": "The shop",
        "namespace": "crm",
        "scheme": "hmac",
        "secret": [SECRET, {"keep": True}],
        "header": "X-Signature",
        "encoding": "base64",
        "prefix": "sha256=",
        "map": {"type": "'order.paid'"},
    }
    found = read(written, read_source)
    assert (found.slug, found.namespace, found.scheme) == ("shop", "crm", "hmac")
    assert (found.header, found.encoding, found.prefix) == ("x-signature", "base64", "sha256=")
    assert found.secrets == (SecretName("SHOP_SECRET"), SecretName(None))
    assert found.mapping is not None
    assert list(found.mapping) == ["type"]


def test_a_source_without_a_mapping_learns_and_has_a_namespace_of_its_own() -> None:
    found = read(BASE, read_source)
    assert found.mapping is None
    assert (found.namespace, found.encoding, found.header) == ("shop", "hex", "")
    assert read({"slug": "api-only"}, read_source).secrets == ()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_who_saw_one_request_of_a_weak_scheme_could_make_another(scheme: str) -> None:
    needed: dict[str, dict[str, Any]] = {
        "hmac": {"header": "x"},
        "body-field": {"field": "token"},
        "basic": {"user": "shop"},
        "widget": {"origins": ["https://shop.example"]},
    }
    found = read({**BASE, "scheme": scheme, **needed.get(scheme, {})}, read_source)
    assert found.weak is (scheme in ("bearer", "basic", "body-field"))


WIDGET = {**BASE, "scheme": "widget"}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://xn--e1afmkfd.xn--p1ai", "https://xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(written: str, sent: str) -> None:
    assert read({**WIDGET, "origins": [written]}, read_source).origins == {sent}


# Payloads.

BODY = {
    "id": 17,
    "type": "order.paid",
    "at": "2026-11-21T10:00:00Z",
    "paid": True,
    "customer": {"id": 42, "email": "a@example.com", "name": "Ada", "tags": ["vip"], "consent": False},
    "items": [{"sku": "a", "price": 10}, {"sku": "b", "price": 2.5}],
    "address": {"city": "Москва"},
}


@pytest.mark.parametrize(
    ("mapping", "event"),
    [
        ({}, {}),
        ({"id": "body.id"}, {"id": "17"}),
        ({"id": 'headers."x-id"'}, {"id": "h-1"}),
        ({"id": "join('-', [body.type, to_string(body.id)])"}, {"id": "order.paid-17"}),
        ({"occurred_at": "body.at"}, {"occurred_at": "2026-11-21T10:00:00Z"}),
        ({"contact.id": "body.customer.id"}, {"contact": {"id": "42"}}),
        (
            {"contact.email": "body.customer.email", "contact.name": "body.customer.name"},
            {"contact": {"email": "a@example.com", "name": "Ada"}},
        ),
        ({"contact.attributes.tags": "body.customer.tags"}, {"contact": {"attributes": {"tags": ["vip"]}}}),
        (
            {"contact.attributes.home.city": "body.address.city"},
            {"contact": {"attributes": {"home": {"city": "Москва"}}}},
        ),
        ({"contact.consent.email": "body.customer.consent"}, {"contact": {"consent": {"email": False}}}),
        ({"properties.paid": "body.paid"}, {"properties": {"paid": True}}),
        ({"properties.total": "sum(body.items[].price)"}, {"properties": {"total": 12.5}}),
        ({"properties.skus": "body.items[].sku"}, {"properties": {"skus": ["a", "b"]}}),
        ({"properties.address.city": "body.address.city"}, {"properties": {"address": {"city": "Москва"}}}),
        ({"properties": "body.address"}, {"properties": {"city": "Москва"}}),
        ({"properties": "body.address", "properties.id": "body.id"}, {"properties": {"city": "Москва", "id": 17}}),
        ({"properties.city": "'X'", "properties": "body.address"}, {"properties": {"city": "X"}}),
        # What is not there is left out.
        ({"properties.coupon": "body.coupon", "contact.phone": "body.customer.phone"}, {}),
        # A condition that does not hold maps to nothing, unless the value is wanted for itself.
        ({"contact.id": "body.paid == `false` && 'x'"}, {}),
        ({"contact.id": "body.paid && 'x'"}, {"contact": {"id": "x"}}),
        ({"properties.unpaid": "!(body.paid)"}, {"properties": {"unpaid": False}}),
    ],
)
def test_a_payload_becomes_an_event(mapping: dict[str, str], event: dict[str, Any]) -> None:
    found = map_payload(source(**mapping), BODY, {"x-id": "h-1"})
    assert found == {"type": "order.paid", **event}


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("body.type", "order.paid"),
        ("'shop.paid'", "shop.paid"),
        ("body.paid && 'shop.paid'", "shop.paid"),
        ("!(body.paid) && 'shop.paid'", None),
        ("body.kind", None),
        ("body.kind || 'shop.other'", "shop.other"),
        ("''", None),
        ("body.kind == 'paid'", None),
    ],
)
def test_what_maps_to_no_type_is_ignored(expression: str, kind: str | None) -> None:
    found = map_payload(read({**BASE, "map": {"type": expression}}, read_source), BODY, {})
    assert (found and found["type"]) == kind


@pytest.mark.parametrize("body", [None, [], "text", 5, {}, {"type": None}])
def test_a_payload_of_another_shape_is_ignored(body: Any) -> None:
    assert map_payload(source(id="body.id"), body, {}) is None


def test_a_source_that_still_learns_maps_nothing() -> None:
    assert map_payload(read(BASE, read_source), BODY, {}) is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (1_795_255_200, "2026-11-21T10:00:00+00:00"),
        (1_795_255_200.5, "2026-11-21T10:00:00.500000+00:00"),
        (1_795_255_200_000, "2026-11-21T10:00:00+00:00"),
        (1_795_255_200_250, "2026-11-21T10:00:00.250000+00:00"),
        (0, "1970-01-01T00:00:00+00:00"),
        (-86_400, "1969-12-31T00:00:00+00:00"),
        ("1795255200", "1795255200"),
        (True, "True"),
        (1e300, "1e+297"),
        (-1e300, "-1e+300"),
    ],
)
def test_moments_may_be_seconds_or_milliseconds_since_1970(at: Any, expected: str) -> None:
    found = map_payload(source(occurred_at="body.at"), {"type": "x", "at": at}, {})
    assert found == {"type": "x", "occurred_at": expected}


@pytest.mark.parametrize(
    ("mapping", "body", "target"),
    [
        ({"properties.n": "length(body.n)"}, {"type": "x"}, "properties.n"),
        ({"id": "join('-', body.n)"}, {"type": "x", "n": [1]}, "id"),
        ({"properties": "body.all", "properties.n": "body.n"}, {"type": "x", "all": [1], "n": 1}, "properties"),
        ({"properties.a": "body.n", "properties.a.b": "body.n"}, {"type": "x", "n": 1}, "a"),
    ],
)
def test_a_mapping_that_cannot_be_applied_says_to_what(mapping: dict[str, str], body: Any, target: str) -> None:
    with pytest.raises(UnmappablePayload) as caught:
        map_payload(source(**mapping), body, {})
    assert caught.value.target == target
    assert str(caught.value).startswith(f"{target}: ")


# Faults.


def mapped(**targets: Any) -> dict[str, Any]:
    return {**BASE, "map": {"type": "body.type", **targets}}


FAULTS: list[tuple[Any, Path, str]] = [
    ("shop", (), "must be a mapping"),
    ({}, (), "slug is missing"),
    ({**BASE, "slug": "The shop"}, ("slug",), "lower-case"),
    ({**BASE, "name": []}, ("name",), "must be text"),
    ({**BASE, "namespace": "CRM"}, ("namespace",), "lower-case"),
    ({**BASE, "url": "x"}, ("url",), "unknown field"),
    ({**BASE, "scheme": "magic"}, ("scheme",), "must be one of standard-webhooks"),
    ({"slug": "shop", "scheme": "standard-webhooks"}, (), "secret is missing"),
    ({**BASE, "scheme": "hmac"}, (), "header is missing: the scheme hmac needs it"),
    ({**BASE, "scheme": "body-field"}, (), "field is missing"),
    ({**BASE, "scheme": "basic"}, (), "user is missing"),
    ({**BASE, "scheme": "hmac", "header": 5}, ("header",), "must be text"),
    ({**BASE, "encoding": "rot13"}, ("encoding",), "hex, base64"),
    ({**BASE, "prefix": "x" * 51}, ("prefix",), "longer than 50"),
    ({**BASE, "field": ""}, ("field",), "must be text"),
    ({**BASE, "user": 5}, ("user",), "must be text"),
    ({**BASE, "secret": "whsec_abc"}, ("secret",), "a secret has no place in a file"),
    ({**BASE, "secret": None}, ("secret",), "a secret has no place in a file"),
    ({**BASE, "secret": []}, ("secret",), "between 1 and"),
    ({**BASE, "secret": [SECRET, "abc"]}, ("secret", 1), "a secret has no place in a file"),
    ({**BASE, "secret": [SECRET] * 3}, ("secret",), "at most 2 secrets"),
    ({**BASE, "secret": {}}, ("secret",), "must be {env: NAME} or {keep: true}"),
    ({**BASE, "secret": {"env": "A", "keep": True}}, ("secret",), "must be {env: NAME} or {keep: true}"),
    ({**BASE, "secret": {"env": 5}}, ("secret", "env"), "must be text"),
    ({**BASE, "secret": {"keep": False}}, ("secret", "keep"), "must be true"),
    ({**BASE, "map": "body"}, ("map",), "must be a mapping"),
    ({**BASE, "map": {"id": "body.id"}}, ("map",), "type is missing"),
    (mapped(kind="body.kind"), ("map", "kind"), "is not a part of an event"),
    (mapped(contact="body.contact"), ("map", "contact"), "is not a part of an event"),
    (mapped(**{"contact.age": "body.age"}), ("map", "contact.age"), "is not a part of an event"),
    (mapped(**{"contact.attributes": "body"}), ("map", "contact.attributes"), "is not a part of an event"),
    (mapped(**{"contact.attributes.": "body"}), ("map", "contact.attributes."), "is not a part of an event"),
    (mapped(**{"properties.": "body"}), ("map", "properties."), "is not a part of an event"),
    (mapped(**{"properties.a..b": "body"}), ("map", "properties.a..b"), "is not a part of an event"),
    (mapped(**{"id.x": "body"}), ("map", "id.x"), "is not a part of an event"),
    (mapped(id=5), ("map", "id"), "must be text"),
    (mapped(id=""), ("map", "id"), "must be text"),
    (mapped(id="body.["), ("map", "id"), "is not JMESPath"),
    (mapped(id="body.id |"), ("map", "id"), "is not JMESPath"),
    (mapped(id="body.id = 5"), ("map", "id"), "is not JMESPath"),
    ({**BASE, "map": {"type": "body.[", "id": "body.id"}}, ("map", "type"), "is not JMESPath"),
    (mapped(**{"properties.x": "x" * 1001}), ("map", "properties.x"), "longer than 1000"),
    (WIDGET, (), "origins is missing: the scheme widget needs it"),
    ({**WIDGET, "origins": "https://shop.example"}, ("origins",), "must be a list"),
    ({**WIDGET, "origins": []}, ("origins",), "between 1 and"),
    *(
        ({**WIDGET, "origins": ["https://a.example", wrong]}, ("origins", 1), "must be an origin like")
        for wrong in ("*", "shop.example", "https://*.shop.example", "https://shop.example/cart", "https://", "null")
    ),
    ({**WIDGET, "origins": ["https://a.example"], "map": {"type": "body.type"}}, ("map",), "is of no use here"),
    ({**BASE, "origins": ["https://a.example"]}, ("origins",), "belongs to the scheme widget"),
]


@pytest.mark.parametrize(("written", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(written: Any, path: Path, words: str) -> None:
    assert_fault(read_source, written, path, words)


def test_every_fault_is_reported_at_once() -> None:
    written = {"slug": "shop", "scheme": "hmac", "map": {"kind": "body.[", 5: "body.id"}}
    assert {path for path, _ in faults_of(read_source, written)} == {(), ("map", "kind"), ("map", 5), ("map",)}
