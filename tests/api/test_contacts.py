"""Contacts over HTTP: read, told, and told apart."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.models.contacts import Contact, Identity
from app.models.events import Event
from tests.wire import event, key_with, on_sqlite, run, said, stored, tell

ADDRESS = "/api/v1/contacts"


def put(client: FlaskClient, key: dict[str, str], reference: str, **block: Any) -> Any:
    response = client.put(f"{ADDRESS}/{reference}", json=block, headers=key)
    assert response.status_code == 200, response.text
    return said(response)


def test_a_contact_is_made_and_changed_by_their_id(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None]
) -> None:
    made = put(client, key, "c-1", name="Ada", email="ADA@example.com", attributes={"plan": "free", "city": "London"})
    assert (made["id"], made["email"], made["attributes"]) == (
        "c-1",
        "ada@example.com",
        {"plan": "free", "city": "London"},
    )
    changed = put(client, key, "c-1", phone="8 900 123-45-67", attributes={"plan": "pro", "city": None})
    assert (changed["name"], changed["phone"], changed["attributes"]) == ("Ada", "+79001234567", {"plan": "pro"})
    assert said(client.get(f"{ADDRESS}/c-1", headers=key)) == changed
    work()
    assert [e.type for e in stored(Event)].count("contact.created") == 1
    assert {e.properties["field"] for e in stored(Event, Event.type == "contact.changed")} == {
        "phone",
        "attributes.plan",
        "attributes.city",
    }


def test_the_same_told_twice_changes_nothing(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None]
) -> None:
    one = put(client, key, "c-1", name="Ada", attributes={"n": [1, {"a": None}]})
    work()
    events = len(stored(Event))
    assert put(client, key, "c-1", name="Ada", attributes={"n": [1, {"a": None}]}) == one
    work()
    assert len(stored(Event)) == events


def test_a_contact_is_found_by_every_name_they_have(client: FlaskClient, key: dict[str, str]) -> None:
    put(client, key, "c-1", email="ada@example.com", phone="+79001234567")
    (row,) = stored(Contact)
    for reference in ("c-1", row.public_id, "ada@example.com", "ADA@example.com", "+79001234567", "%2B79001234567"):
        found = client.get(f"{ADDRESS}/{reference}", headers=key)
        assert (found.status_code, said(found).get("id")) == (200, "c-1"), reference
    for reference in ("c-2", "ct_nobody", "bob@example.com", "C-1", ""):
        assert client.get(f"{ADDRESS}/{reference}", headers=key).status_code == 404, reference


def test_a_contact_without_an_id_is_addressed_by_ours(client: FlaskClient, key: dict[str, str]) -> None:
    tell(client, key, event(contact={"email": "ada@example.com"}))
    run("resolve")
    found = said(client.get(f"{ADDRESS}/ada@example.com", headers=key))
    assert found["id"].startswith("ct_")
    assert put(client, key, found["id"], name="Ada")["id"] == found["id"]
    assert [(c.name, c.public_id) for c in stored(Contact)] == [("Ada", found["id"])]
    assert [i.kind for i in stored(Identity)] == ["email"]


def test_one_id_in_two_sources_means_two_people(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None]
) -> None:
    define("sources: [{slug: crm}, {slug: shop}, {slug: till}]")
    for source in ("crm", "shop"):
        put(client, key_with("all", source=source), "7", name=source)
    for source in ("crm", "shop"):
        own = client.get(f"{ADDRESS}/7", headers=key_with("read", source=source))
        assert (own.status_code, said(own)["name"]) == (200, source)
    assert client.get(f"{ADDRESS}/7", headers=key_with("read", source="till")).status_code == 409
    foreign = client.delete(f"{ADDRESS}/7", headers=key_with("all", source="till"))
    assert (foreign.status_code, [c.erased_at for c in stored(Contact)]) == (404, [None, None])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"surname": "Byron"}', {"surname"}),
        (b'{"id": "c-2"}', {"id"}),
        (
            b'{"name": 7, "email": [], "attributes": 1, "consent": {"email": "maybe"}}',
            {"name", "email", "attributes", "consent"},
        ),
        (b'{"name": "%s"}' % (b"x" * 201), {"name"}),
        (b'{"attributes": {"%s": 1}}' % (b"x" * 65), {"attributes"}),
        (b"[]", {"_schema"}),
        (b'"text"', {"_schema"}),
    ],
)
def test_a_fault_is_named_by_its_field(door: tuple[FlaskClient, dict[str, str]], body: bytes, fields: set[str]) -> None:
    client, key = door
    response = client.put(f"{ADDRESS}/c-1", data=body, headers=key, content_type="application/json")
    assert (response.status_code, set(said(response)["errors"])) == (422, fields)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{broken", 400),
        (b'{"name": "a\\u0000"}', 422),
        (b'{"name": "\\ud800"}', 422),
        (b'{"attributes": {"n": NaN}}', 422),
        (b'{"attributes": {"n": 1%s}}' % (b"0" * 400), 422),
        (b'{"attributes": %s}' % (b'{"a":' * 50 + b"1" + b"}" * 50), 422),
        (json.dumps({"attributes": {"x": "y" * 70_000}}).encode(), 422),
    ],
)
def test_what_cannot_be_stored_is_refused(door: tuple[FlaskClient, dict[str, str]], body: bytes, status: int) -> None:
    client, key = door
    response = client.put(f"{ADDRESS}/c-1", data=body, headers=key, content_type="application/json")
    assert response.status_code == status


@on_sqlite
def test_ids_with_slashes_dots_and_spaces_are_ids_like_any_other(client: FlaskClient, key: dict[str, str]) -> None:
    for reference in ("a%2Fb", "a%2F%2Fb", "http:%2F%2Fx%2Fy", "a%20b", ".", "%C3%A4", "a%3Fb", "a%23b", "50%25"):
        made = put(client, key, f"x-{reference}", name=reference)
        found = client.get(f"{ADDRESS}/x-{reference}", headers=key)
        assert (found.status_code, said(found)["name"]) == (200, reference)
        assert said(found)["id"] == made["id"]
    assert len(stored(Contact)) == 9


def test_an_address_that_is_told_to_belong_to_two_is_shared(client: FlaskClient, key: dict[str, str]) -> None:
    put(client, key, "c-1", email="ada@example.com")
    put(client, key, "c-2", email="ada@example.com")
    assert len(stored(Contact)) == 2
    assert said(client.get(f"{ADDRESS}/ada@example.com", headers=key))["id"] == "c-1"
    assert said(client.get(f"{ADDRESS}/c-2", headers=key))["email"] == "ada@example.com"
