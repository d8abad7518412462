"""A source tried from its page: the line in a terminal, and the mapping while it is typed."""

import subprocess
from base64 import b64encode
from collections.abc import Callable
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models.events import Event
from app.models.sources import Payload
from tests.admin.conftest import Person
from tests.wire import everything, on_sqlite, stored

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STUB = """curl() { printf '%s\\0' "$@"; }\n"""
MAP = (
    "{id: body.number, type: \"body.kind == 'paid' && 'order.paid'\", contact.id: body.who.id, "
    "properties.amount: body.sum}"
)
SignIn = Callable[..., Person]


def run(line: str) -> tuple[dict[str, str], bytes]:
    """What a terminal would have sent: headers and body."""
    done = subprocess.run(["bash", "-c", STUB + line], env={"PATH": "/usr/bin:/bin", "DESK_SECRET": SECRET},
                          check=True, capture_output=True)  # fmt: skip
    given = done.stdout.decode().split("\0")[:-1]
    headers, body, user = {}, "", None
    for flag, value in pairwise(given):
        if flag == "-H":
            name, _, said = value.partition(": ")
            headers[name] = said
        elif flag == "-d":
            body = value
        elif flag == "-u":
            user = value
    if user is not None:
        headers["Authorization"] = "Basic " + b64encode(user.encode()).decode()
    return headers, body.encode()


def line_of(page: str) -> str:
    return unescape(page.partition('<pre id="curl" tabindex="0">')[2].partition("</pre>")[0])


@on_sqlite
@pytest.mark.parametrize(
    "proof",
    ["scheme: bearer", "scheme: standard-webhooks", "scheme: basic, user: desk", "scheme: body-field, field: token",
     "scheme: hmac, header: X-Signature", 'scheme: hmac, header: X-Hub-Signature-256, prefix: "sha256="',
     "scheme: hmac, header: X-Shop-Hmac, encoding: base64"],
)  # fmt: skip
def test_the_line_of_every_scheme_is_taken_as_the_services_own(
    app: Flask,
    client: FlaskClient,
    sign_in: SignIn,
    define: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    proof: str,
) -> None:
    monkeypatch.setenv("DESK_SECRET", SECRET)
    define(f"sources: [{{slug: desk, {proof}, secret: {{env: DESK_SECRET}}, map: {MAP}}}]")
    page = sign_in("designer").get("/sources/desk").text
    assert SECRET not in page
    headers, body = run(line_of(page))
    answer = client.post("/webhooks/desk", data=body, headers=headers)
    assert (answer.status_code, answer.get_json()["accepted"]) == (202, 1), answer.text
    (event,) = [e for e in stored(Event) if e.type == "order.paid"]
    assert event.properties["amount"] == 1990
    spoilt = client.post("/webhooks/desk", data=body, headers={"Content-Type": "application/json"})
    assert spoilt.status_code == (202 if "body-field" in proof else 401)


@on_sqlite
@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ("map: {type: \"'order.paid'\", id: body.nr, contact.id: body.who}", "order.paid"),
        ("type: body.none", "This payload would be ignored."),
        ("map: {id: body.nr}", "type is missing"),
        ('map: {type: "\'order.paid\'", id: "body.["}', "is not JMESPath"),
        ("map: {colour: body.nr, type: body.t}", "is not a part of an event"),
        ("map: {type: \"'survey.answered'\"}", "Otklik&#39;s own"),
        ("map: [", "note-bad"),
        ("map: " + "[" * 3000, "note-bad"),
        ("", "note-bad"),
    ],
)
def test_a_mapping_is_seen_on_the_last_payload_and_stored_nowhere(
    app: Flask, client: FlaskClient, company: None, sign_in: SignIn, mapping: str, told: str
) -> None:
    bearer = {"Authorization": f"Bearer {SECRET}"}
    refused: Any = {"nr": "7", "who": "<b>ada</b>", "type": "survey.answered", "id": "x"}
    assert client.post("/webhooks/shop", json=refused, headers=bearer).status_code == 422
    person, (kept,) = sign_in("designer"), stored(Payload)
    assert "&lt;b&gt;ada" in person.get("/sources/shop").text
    before = everything()
    page = person.post("/sources/shop/mapping", payload=kept.body.decode(), map=mapping, like=str(kept.id))
    assert page.status_code == 200
    assert told in page.text.partition('id="outcome"')[2]
    assert "<b>ada" not in page.text
    assert everything() == before
    assert person.post("/sources/gone/mapping", map="", payload="").status_code == 404
    broken = person.post("/sources/shop/mapping", payload="{", map=mapping, like="999")
    assert broken.status_code == 200
