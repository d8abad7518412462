"""Segments on screen: who is in them, the plain form, and customers by segment."""

from collections.abc import Callable
from html import unescape

import orjson
import pytest
from flask import Flask

from app.queries.segments import segment_definitions
from tests.admin.conftest import Person
from tests.conftest import until_nothing_is_ready
from tests.wire import event, key_with, on_sqlite, tell

pytestmark = on_sqlite
SignIn = Callable[..., Person]


@pytest.fixture
def buyers(app: Flask, company: None) -> None:
    """Ada is premium, Cy is not."""
    client, key = app.test_client(), key_with("all")
    for who, name, plan in (("ada", "Ada Byron", "premium"), ("cy", "Cy Young", "free")):
        tell(
            client,
            key,
            event(f"v-{who}", "page.viewed", contact={"id": who, "name": name, "attributes": {"plan": plan}}),
        )
    until_nothing_is_ready()


def edited(person: Person, address: str, *rows: tuple[str, str, str], **fields: str) -> int:
    columns = {name: [row[n] for row in rows] for n, name in enumerate(("field", "op", "value"))}
    return person.post(address, **fields, **columns).status_code


def test_a_segment_shows_who_is_in_it_and_customers_can_be_found_by_it(buyers: None, sign_in: SignIn) -> None:
    person = sign_in("manager")
    assert "1 customer" in person.get("/segments").text
    page = person.get("/segments/premium").text
    assert "Ada Byron" in page
    assert "Cy Young" not in page
    found = person.get("/customers?segment=premium").text
    assert ("Ada Byron" in found, "Cy Young" in found) == (True, False)
    assert "Nobody found" in person.get("/customers?segment=premium&q=Cy").text
    assert person.get("/segments/nobody").status_code == 404


def test_an_agent_finds_nobody_by_a_segment(buyers: None, sign_in: SignIn) -> None:
    agent = sign_in("agent", "care")
    assert agent.get("/customers?segment=premium").text.count("row-link") == agent.get("/customers").text.count(
        "row-link"
    )
    assert 'name="segment"' not in agent.get("/customers").text


def test_the_plain_form_writes_what_was_meant(buyers: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    rows = (
        ("plan", "in", "premium, gold"),
        ("zip", "eq", '"0123"'),
        ("visits", "gte", "2.5"),
        ("locale", "missing", ""),
    )
    assert edited(person, "/new-segment", *rows, slug="good", name="Good ones", made_from="null", joint="any") == 303
    body = segment_definitions()["good"]
    assert body["if"] == {"any": [
        {"field": "contact.attributes.plan", "op": "in", "value": ["premium", "gold"]},
        {"field": "contact.attributes.zip", "op": "eq", "value": "0123"},
        {"field": "contact.attributes.visits", "op": "gte", "value": 2.5},
        {"field": "contact.locale", "op": "missing"},
    ]}  # fmt: skip
    page = unescape(person.get("/segments/good/edit").text)
    assert 'value="premium, gold"' in page
    assert 'value=""0123""' in page
    made_from = orjson.dumps(body).decode()
    assert edited(person, "/segments/good/edit", *rows, name="Good ones", made_from=made_from, joint="any") == 303
    assert segment_definitions()["good"] == body


def test_the_plain_form_refuses_in_words_and_loses_nothing(buyers: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    assert edited(person, "/new-segment", slug="x", name="X", made_from="null") == 422
    assert edited(person, "/new-segment", ("plan", "between", "1"), slug="x", name="X", made_from="null") == 422
    assert edited(person, "/new-segment", ("plan", "eq", "x"), slug="premium", name="X", made_from="null") == 409
    assert edited(person, "/segments/premium/edit", ("plan", "eq", "x"), name="X", made_from="{}") == 409
    assert "x" not in segment_definitions()
