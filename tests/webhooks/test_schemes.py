"""Every way in which a service proves itself: what is let in, and what is not."""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from standardwebhooks.webhooks import Webhook
from werkzeug.test import TestResponse

import config
from app import create_app
from app.actions.definitions import apply_definitions
from app.clock import utcnow
from app.definitions import load_definitions
from app.extensions import db
from app.models.events import Event
from app.models.sources import Payload
from tests.conftest import SHOP_SECRET
from tests.wire import everything, on_sqlite, said, stored

SECRET, NEXT_SECRET, WRONG = "s3cret-of-the-service", "s3cret-of-tomorrow", "s3cret-of-nobody"
BODY = {"id": "m-1", "type": "order.paid", "who": "c-1"}
MAP = '{id: "body.id", type: "body.type", contact.id: "body.who"}'
SOURCES = f"""
sources:
  - {{slug: standard, scheme: standard-webhooks, secret: {{env: SHOP_SECRET}}, map: {MAP}}}
  - {{slug: hex, scheme: hmac, header: X-Signature, prefix: "sha256=", secret: {{env: SECRET}}, map: {MAP}}}
  - {{slug: base64, scheme: hmac, header: X-Hmac, encoding: base64, secret: {{env: SECRET}}, map: {MAP}}}
  - {{slug: bearer, scheme: bearer, secret: {{env: SECRET}}, map: {MAP}}}
  - {{slug: basic, scheme: basic, user: shop, secret: {{env: SECRET}}, map: {MAP}}}
  - {{slug: field, scheme: body-field, field: token, secret: {{env: SECRET}}, map: {MAP}}}
"""
SLUGS = ("standard", "hex", "base64", "bearer", "basic", "field")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("NEXT_SECRET", NEXT_SECRET)
    monkeypatch.setattr("app.auth.REMEMBER_SECONDS", -1.0)


@pytest.fixture
def sources(define: Callable[[str], None]) -> None:
    define(SOURCES)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: bytes) -> Iterator[FlaskClient]:
    """A client before sources that refuse whatever is tried here: nothing is ever stored, so one serves for all."""
    folder = tmp_path_factory.mktemp("gate")
    (folder / "otklik.db").write_bytes(empty_sqlite)
    made = create_app(config.load({}, data_dir=folder, rate_limit=""))
    with made.app_context(), pytest.MonkeyPatch.context() as environ:
        for name, secret in (("SECRET", SECRET), ("SHOP_SECRET", SHOP_SECRET), ("HOLLOW", "whsec_")):
            environ.setenv(name, secret)
        hollow = f"  - {{slug: hollow, scheme: standard-webhooks, secret: {{env: HOLLOW}}, map: {MAP}}}\n"
        loaded = load_definitions({"sources.yaml": SOURCES + hollow})
        apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=utcnow())
        before = everything()
    yield made.test_client()
    with made.app_context():
        assert everything() == before
        db.session.remove()
        db.engine.dispose()


def standard(body: bytes, secret: str = SHOP_SECRET, at: datetime | None = None, name: str = "msg_1") -> dict[str, str]:
    """The headers of Standard Webhooks."""
    at = at or utcnow()
    signature = Webhook(secret).sign(name, at, body.decode())
    return {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def proof(slug: str, body: bytes, secret: str) -> dict[str, str]:
    """The headers by which ``slug`` proves ``body``."""
    digest = hmac.digest(secret.encode(), body, sha256)
    match slug:
        case "standard":
            return standard(body, SHOP_SECRET if secret == SECRET else "whsec_" + b64encode(secret.encode()).decode())
        case "hex":
            return {"X-Signature": f"sha256={digest.hex()}"}
        case "base64":
            return {"X-Hmac": b64encode(digest).decode()}
        case "bearer":
            return {"Authorization": f"Bearer {secret}"}
        case "basic":
            return basic("shop", secret)
    return {}


def post(
    client: FlaskClient, slug: str, secret: str = SECRET, said_body: dict[str, Any] | None = None, **headers: str
) -> TestResponse:
    """Post as ``slug`` would with this secret."""
    content = dict(said_body or BODY) | ({"token": secret} if slug == "field" else {})
    body = json.dumps(content).encode()
    return client.post(
        f"/webhooks/{slug}", data=body, headers=proof(slug, body, secret) | headers, content_type="application/json"
    )


@on_sqlite
@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("slug", SLUGS)
def test_a_right_proof_is_let_in(client: FlaskClient, slug: str) -> None:
    response = post(client, slug)
    assert (response.status_code, said(response)) == (202, {"accepted": 1, "duplicates": 0, "rejected": []})
    (row,) = stored(Event)
    assert (row.external_id, row.type, row.contact) == ("m-1", "order.paid", {"id": "c-1"})


@pytest.mark.parametrize("slug", SLUGS)
def test_a_wrong_proof_is_401(gate: FlaskClient, slug: str) -> None:
    assert post(gate, slug, WRONG).status_code == 401
    bare = gate.post(f"/webhooks/{slug}", json=BODY)
    assert (bare.status_code, "Traceback" in bare.text) == (401, False)


@pytest.mark.parametrize("slug", ["standard", "hex", "base64"])
def test_a_body_that_was_changed_on_the_way_is_401(gate: FlaskClient, slug: str) -> None:
    body = json.dumps(BODY).encode()
    response = gate.post(
        f"/webhooks/{slug}",
        data=body.replace(b"m-1", b"m-2"),
        headers=proof(slug, body, SECRET),
        content_type="application/json",
    )
    assert response.status_code == 401


@pytest.mark.parametrize("slug", SLUGS)
def test_a_body_that_is_not_json_is_400_only_to_who_is_known(gate: FlaskClient, slug: str) -> None:
    body = b"{broken"
    known = gate.post(
        f"/webhooks/{slug}", data=body, headers=proof(slug, body, SECRET), content_type="application/json"
    )
    stranger = gate.post(
        f"/webhooks/{slug}", data=body, headers=proof(slug, body, WRONG), content_type="application/json"
    )
    assert known.status_code == (401 if slug == "field" else 400)
    assert stranger.status_code == 401


@pytest.mark.parametrize(
    ("slug", "headers"),
    [
        ("hex", {"X-Signature": "sha256="}),
        ("hex", {"X-Signature": "{digest}"}),
        ("hex", {"X-Signature": "sha1={digest}"}),
        ("hex", {"X-Signature": "sha256=\xe9"}),
        ("base64", {"X-Hmac": ""}),
        ("base64", {"X-Hmac": "{digest}"}),
        ("bearer", {"Authorization": "Bearer"}),
        ("bearer", {"Authorization": f"Basic {SECRET}"}),
        ("bearer", {"Authorization": SECRET}),
        ("bearer", {"Authorization": "Bearer \xe9\xff"}),
        ("basic", {"Authorization": "Basic"}),
        ("basic", {"Authorization": f"Basic {SECRET}"}),
        ("basic", basic("somebody", SECRET)),
        ("basic", basic("", SECRET)),
        ("basic", basic("shop", SECRET + "x")),
        ("standard", {"webhook-id": "msg_1"}),
        ("standard", {"webhook-id": "msg_1", "webhook-timestamp": "soon", "webhook-signature": "v1,AAAA"}),
        ("standard", {"webhook-id": "msg_1", "webhook-timestamp": "9" * 400, "webhook-signature": "v1,AAAA"}),
        ("standard", {"webhook-id": "msg_1", "webhook-timestamp": "1700000000", "webhook-signature": "v1"}),
        ("standard", {"webhook-id": "msg_1", "webhook-timestamp": "1700000000", "webhook-signature": ""}),
    ],
)
def test_a_proof_that_is_malformed_is_401(gate: FlaskClient, slug: str, headers: dict[str, str]) -> None:
    body = json.dumps(BODY).encode()
    digest = hmac.new(SECRET.encode(), body, sha256).hexdigest()
    given = {name: value.replace("{digest}", digest) for name, value in headers.items()}
    response = gate.post(f"/webhooks/{slug}", data=body, headers=given, content_type="application/json")
    assert response.status_code == 401


@pytest.mark.parametrize("token", [None, 7, True, [SECRET], {"is": SECRET}, SECRET.upper(), "\ud800", f" {SECRET}"])
def test_a_token_in_the_body_is_compared_as_text(gate: FlaskClient, token: Any) -> None:
    body = json.dumps(BODY | {"token": token})
    response = gate.post("/webhooks/field", data=body, content_type="application/json")
    assert response.status_code == 401


@pytest.mark.parametrize("seconds", [-400, 400])
def test_a_standard_webhook_of_another_time_is_401(gate: FlaskClient, seconds: int) -> None:
    body = json.dumps(BODY).encode()
    at = utcnow() + timedelta(seconds=seconds)
    response = gate.post(
        "/webhooks/standard", data=body, headers=standard(body, at=at), content_type="application/json"
    )
    assert response.status_code == 401


def test_a_standard_webhook_whose_time_was_moved_is_401(gate: FlaskClient) -> None:
    body = json.dumps(BODY).encode()
    old = standard(body, at=utcnow() - timedelta(hours=1))
    moved = old | {"webhook-timestamp": str(int(utcnow().timestamp()))}
    renamed = standard(body) | {"webhook-id": "msg_2"}
    for headers in (moved, renamed):
        response = gate.post("/webhooks/standard", data=body, headers=headers, content_type="application/json")
        assert response.status_code == 401


@on_sqlite
@pytest.mark.usefixtures("sources")
def test_a_standard_webhook_that_is_replayed_is_one_event(client: FlaskClient) -> None:
    body = json.dumps(BODY).encode()
    headers = standard(body)
    answers = [
        client.post("/webhooks/standard", data=body, headers=headers, content_type="application/json") for _ in range(3)
    ]
    assert [a.status_code for a in answers] == [202] * 3
    assert [said(a)["duplicates"] for a in answers] == [0, 1, 1]
    assert len(stored(Event)) == 1


@on_sqlite
@pytest.mark.usefixtures("sources")
def test_one_of_several_standard_signatures_is_enough(client: FlaskClient) -> None:
    body = json.dumps(BODY).encode()
    headers = standard(body)
    headers["webhook-signature"] = f"v1,{b64encode(b'x' * 32).decode()} v2,zzz {headers['webhook-signature']}"
    response = client.post("/webhooks/standard", data=body, headers=headers, content_type="application/json")
    assert response.status_code == 202


@on_sqlite
@pytest.mark.usefixtures("sources")
def test_a_standard_secret_without_its_prefix_is_taken_as_it_stands(
    client: FlaskClient, define: Callable[[str], None]
) -> None:
    define(f"sources: [{{slug: plain, scheme: standard-webhooks, secret: {{env: SECRET}}, map: {MAP}}}]")
    body = json.dumps(BODY).encode()
    at = utcnow()
    signed = f"msg_1.{int(at.timestamp())}.".encode() + body
    signature = b64encode(hmac.digest(SECRET.encode(), signed, sha256)).decode()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1,{signature}",
    }
    response = client.post("/webhooks/plain", data=body, headers=headers, content_type="application/json")
    assert response.status_code == 202


def test_a_standard_secret_that_decodes_to_nothing_lets_nobody_in(gate: FlaskClient) -> None:
    body = json.dumps(BODY).encode()
    response = gate.post("/webhooks/hollow", data=body, headers=standard(body), content_type="application/json")
    assert response.status_code == 401


@on_sqlite
@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("slug", SLUGS)
def test_two_secrets_are_live_while_one_is_replaced(
    client: FlaskClient, define: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    base64_of_next = "whsec_" + b64encode(NEXT_SECRET.encode()).decode()
    monkeypatch.setenv("SHOP_NEXT", base64_of_next)
    second = "SHOP_NEXT" if slug == "standard" else "NEXT_SECRET"
    first = "SHOP_SECRET" if slug == "standard" else "SECRET"
    line = next(line for line in SOURCES.splitlines() if f"slug: {slug}," in line)
    define("sources:\n" + line.replace(f"{{env: {first}}}", f"[{{env: {first}}}, {{env: {second}}}]"))
    assert post(client, slug, SECRET, BODY | {"id": "m-1"}).status_code == 202
    assert post(client, slug, NEXT_SECRET, BODY | {"id": "m-2"}).status_code == 202
    assert post(client, slug, WRONG, BODY | {"id": "m-3"}).status_code == 401
    define("sources:\n" + line.replace(f"{{env: {first}}}", f"{{env: {second}}}"))
    assert post(client, slug, SECRET, BODY | {"id": "m-4"}).status_code == 401
    assert post(client, slug, NEXT_SECRET, BODY | {"id": "m-5"}).status_code == 202


@on_sqlite
@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("slug", SLUGS)
def test_a_secret_is_in_no_table_and_in_no_log(
    client: FlaskClient, define: Callable[[str], None], capfd: pytest.CaptureFixture[str], slug: str
) -> None:
    """Whatever becomes of a payload: taken, refused, held, or a failure of ours."""
    post(client, slug)
    post(client, slug, said_body=BODY | {"id": ""})
    post(client, slug, said_body=BODY | {"who": "another"})
    line = next(line for line in SOURCES.splitlines() if f"slug: {slug}," in line)
    define("sources:\n" + line.replace(f", map: {MAP}", ""))
    held = post(client, slug, said_body=BODY | {"id": "held"})
    assert said(held)["held"] == 1
    assert {p.state for p in stored(Payload)} == {"refused", "held"}
    tables, log = repr(everything()), "".join(capfd.readouterr())
    for form in (SECRET, SHOP_SECRET, basic("shop", SECRET)["Authorization"]):
        assert form not in tables
        assert form not in log


@on_sqlite
@pytest.mark.usefixtures("sources")
def test_a_source_that_was_never_defined_is_404(client: FlaskClient) -> None:
    for slug in ("nobody", "api", "otklik", "a%00b", "x" * 5000):
        response = client.post(f"/webhooks/{slug}", json=BODY)
        assert (response.status_code, response.mimetype) == (404, "application/json"), slug


@on_sqlite
@pytest.mark.usefixtures("sources")
def test_a_source_that_was_archived_is_404(client: FlaskClient, app: Flask) -> None:
    loaded = load_definitions({"none.yaml": "sources: []"})
    apply_definitions(loaded.catalog, loaded.secrets, prune=True, now=utcnow())
    assert post(client, "hex").status_code == 404


def test_a_webhook_is_posted_and_nothing_else(gate: FlaskClient) -> None:
    for response in (gate.get("/webhooks/hex"), gate.put("/webhooks/hex"), gate.delete("/webhooks/hex")):
        assert (response.status_code, response.mimetype) == (405, "application/json")
