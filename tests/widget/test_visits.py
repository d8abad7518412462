"""What pages may say, who is believed, and what is stored of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

import config
from app import create_app
from app.definitions import export_definitions, load_definitions
from app.extensions import db
from app.models.contacts import Address, Contact, Identity
from app.models.decisions import Decision
from app.models.events import Event
from app.models.invitations import Invitation
from tests.widget.conftest import DEFINITIONS, SECRET, SITE, Page, happening, known, signed
from tests.wire import Clock, everything, on_sqlite, said, stored


def test_an_event_of_a_known_visitor_is_stored_as_theirs(page: Page, work: Callable[[], None]) -> None:
    told = happening("page.viewed", properties={"path": "/cart"})
    answer = page.visit(known(locale="ru"), told)
    assert answer.status_code == 202
    assert said(answer) == {"accepted": 1, "duplicates": 0, "identified": True, "popup": None}
    work()
    event = stored(Event, Event.external_id == told["id"])[0]
    assert (event.type, event.properties) == ("page.viewed", {"path": "/cart"})
    assert event.contact == {"id": "c-1", "name": "Ada Byron", "locale": "ru", "page": True}
    (contact,) = stored(Contact)
    assert (contact.id, contact.name, contact.locale) == (event.contact_id, "Ada Byron", "ru")
    assert [(i.kind, i.namespace, i.value) for i in stored(Identity)] == [("external", "shop", "c-1")]
    assert [(a.channel, a.value, a.shared) for a in stored(Address)] == [("web", "shop:c-1", False)]


FORGED = {
    "no hash": {"id": "c-1"},
    "an empty hash": {"id": "c-1", "hash": ""},
    "somebody else's hash": {"id": "c-1", "hash": signed("c-2")},
    "another secret": {"id": "c-1", "hash": signed("c-1", "guessed")},
    "a hash in base64": {"id": "c-1", "hash": "dGhpcyBpcyBubyBoYXNo"},
    "a hash that is no ASCII": {"id": "c-1", "hash": "хэш"},
    "half a hash": {"id": "c-1", "hash": signed("c-1")[:32]},
    "the hash of an e-mail alone": {"id": "c-1", "email": "a@example.com", "hash": signed("a@example.com")},
}


@pytest.mark.parametrize("identity", FORGED.values(), ids=FORGED)
def test_whoever_is_not_signed_is_nobody(page: Page, work: Callable[[], None], identity: dict[str, str]) -> None:
    answer = page.visit(identity, happening())
    assert said(answer) == {"accepted": 1, "duplicates": 0, "identified": False, "popup": None}
    work()
    assert (stored(Contact), stored(Invitation)) == ([], [])
    (decision,) = stored(Decision)
    assert (decision.outcome, decision.reason) == ("skipped", "unknown_contact")
    assert [e.contact for e in stored(Event) if e.type == "order.paid"] == [None]


def test_an_e_mail_is_believed_only_when_it_is_signed_too(page: Page, work: Callable[[], None]) -> None:
    """Else a visitor could write to somebody else, or be taken for them."""
    page.visit(known("c-1", email="victim@example.com"), happening("page.viewed"))
    both = {"id": "c-2", "email": "b@example.com", "hash": signed("c-2\nb@example.com")}
    assert said(page.visit(both, happening("page.viewed")))["identified"] is True
    swapped = {**both, "email": "victim@example.com"}
    assert said(page.visit(swapped, happening("page.viewed")))["identified"] is False
    work()
    assert [a.value for a in stored(Address, Address.channel == "email")] == ["b@example.com"]
    assert [i.value for i in stored(Identity, Identity.kind == "email")] == ["b@example.com"]


def test_a_secret_is_changed_without_a_gap(
    page: Page, define: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEW_SECRET", "another-secret")
    define(
        'sources: [{slug: site, scheme: widget, origins: ["https://shop.example"],'
        " secret: [{env: NEW_SECRET}, {env: SITE_SECRET}]}]"
    )
    page.client.application.extensions["otklik_callers"].clear()
    for secret in (SECRET, "another-secret"):
        identity = {"id": "c-1", "hash": signed("c-1", secret)}
        assert said(page.visit(identity, happening("page.viewed")))["identified"] is True
    assert said(page.visit({"id": "c-1", "hash": signed("c-1", "old")}, happening("x")))["identified"] is False


# -- Origins


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (SITE, 202),
        ("http://localhost", 202),  # Otklik's own pages, as the test client reaches them
        ("http://shop.example", 403),
        ("https://shop.example.evil.example", 403),
        ("https://shop.example:8443", 403),
        ("https://SHOP.example", 403),
        ("null", 403),
        (None, 403),
    ],
)
@on_sqlite
def test_only_the_sites_of_a_source_may_speak_for_it(page: Page, origin: str | None, status: int) -> None:
    visitor = Page(page.client, origin)
    before = everything()
    answer = visitor.visit(None, happening("page.viewed"))
    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if status == 202 else None)
    assert "Origin" in answer.headers["Vary"]
    preflight = page.client.options("/widget/site/visits", headers=visitor.headers)
    assert (preflight.status_code == 200) is (status == 202)
    assert preflight.headers.get("Access-Control-Allow-Origin") == (origin if status == 202 else None)
    if status == 202:
        assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
        assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    else:
        for path in ("seen/x", "answers/x"):
            assert page.client.post(f"/widget/site/{path}", headers=visitor.headers).status_code == 403
        assert everything() == before


@on_sqlite
def test_a_key_that_is_no_widget_is_unknown(page: Page, define: Callable[[str], None]) -> None:
    define("sources: [{slug: crm, scheme: bearer, secret: {env: SITE_SECRET}}]")
    for source in ("crm", "api", "otklik", "nothing", "x" * 5000):
        answer = Page(page.client, source=source).visit(None, happening())
        assert (answer.status_code, answer.mimetype) == (404, "application/json"), source
    refused = page.client.post("/webhooks/site", json=happening(), headers={"Authorization": f"Bearer {SECRET}"})
    assert refused.status_code == 404


# -- What is said


@on_sqlite
@pytest.mark.parametrize(
    ("event", "field"),
    [
        (happening("survey.answered"), "type"),
        (happening("task.resolved"), "type"),
        (happening("contact.changed"), "type"),
        (happening("timer.due"), "type"),
        (happening("has a space"), "type"),
        (happening(""), "type"),
        ({"id": "event-of-a-page-1"}, "type"),
        ({"type": "order.paid"}, "id"),
        ({"id": "short", "type": "order.paid"}, "id"),
        ({"id": "x" * 65, "type": "order.paid"}, "id"),
        (happening(contact={"id": "c-9"}), "contact"),
        (happening(occurred_at="2020-01-01T00:00:00Z"), "occurred_at"),
        (happening(at="yesterday"), "at"),
        (happening(properties=["x"]), "properties"),
        ("order.paid", "_schema"),
    ],
)
def test_an_event_that_cannot_be_taken_says_why(page: Page, event: Any, field: str) -> None:
    before = everything()
    answer = page.visit(known(), event)
    assert answer.status_code == 422
    assert list(said(answer)["errors"]) == [field]
    assert everything() == before


@on_sqlite
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 422),
        (b'"x"', 422),
        (b'{"who": 1}', 422),
        (b'{"identity": {"id": 7}}', 422),
        (b'{"identity": {"id": "c-1", "role": "admin"}}', 422),
        (b'{"event": ' + b'{"a":' * 40 + b"1" + b"}" * 41, 413),
        (b'{"event": {"properties": "' + b"x" * 64_000 + b'"}}', 413),
        (b'{"identity": {"id": "\\ud800", "hash": "x"}}', 422),
        (b'{"identity": {"id": "a\\u0000b", "hash": "x"}}', 422),
        (b'{"sent": 1e400}', 422),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(page: Page, body: bytes, status: int) -> None:
    before = everything()
    for kind in ("text/plain;charset=UTF-8", "application/json"):
        answer = page.client.post("/widget/site/visits", data=body, content_type=kind, headers=page.headers)
        assert (answer.status_code, answer.mimetype) == (status, "application/json"), answer.text
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert everything() == before


def test_an_event_sent_again_counts_once(page: Page) -> None:
    event = happening("page.viewed", at=1_000_000)
    first = page.visit(known(), event, sent=1_000_000)
    again = page.visit(known(), event, sent=1_900_000)
    assert [(said(a)["accepted"], said(a)["duplicates"]) for a in (first, again)] == [(1, 0), (0, 1)]
    other = page.visit(known(), {**event, "properties": {"amount": 1}}, sent=1_900_000)
    assert (other.status_code, said(other)["errors"]) == (409, {"id": ["Is taken by another event."]})
    stranger = page.visit(known("c-2"), event, sent=1_900_000)
    assert stranger.status_code == 409
    assert len(stored(Event)) == 1


@on_sqlite
@pytest.mark.parametrize(
    ("at", "sent", "waited"),
    [
        (None, None, timedelta(0)),
        (5_000, 5_000, timedelta(0)),
        (5_000, 65_000, timedelta(minutes=1)),
        (65_000, 5_000, timedelta(0)),  # the clock was put back meanwhile
        (10**15, 10**15 + 2_000, timedelta(seconds=2)),  # a device that lives in the year 33658
        (0, 10**13, timedelta(days=7)),
    ],
)
def test_a_device_may_have_any_clock(
    page: Page, monkeypatch: pytest.MonkeyPatch, at: int | None, sent: int | None, waited: timedelta
) -> None:
    now = Clock(monkeypatch).now
    event = happening("page.viewed") | ({} if at is None else {"at": at})
    assert page.visit(None, event, **({} if sent is None else {"sent": sent})).status_code == 202
    assert stored(Event)[0].occurred_at == now - waited


@on_sqlite
def test_too_many_visits_from_one_address_are_put_off(page: Page, settings: config.Settings) -> None:
    made = create_app(replace(settings, rate_limit="1000 per second"))
    with made.app_context():
        visitor = Page(made.test_client())
        statuses = {visitor.visit(None, happening("page.viewed")).status_code for _ in range(590)}
        assert statuses == {202}
        last = [visitor.visit(None, happening("page.viewed")) for _ in range(20)][-1]
        assert (last.status_code, last.headers["Retry-After"]) == (429, "1")
        assert last.headers["Access-Control-Allow-Origin"] == SITE  # so that the widget can read it
        elsewhere = visitor.client.post(
            "/widget/site/visits", json={}, headers=visitor.headers, environ_base={"REMOTE_ADDR": "192.0.2.7"}
        )
        assert elsewhere.status_code == 202
        db.session.remove()
        db.engine.dispose()


# -- The source as a file


@on_sqlite
def test_a_widget_is_exported_as_it_was_written(page: Page, app: Flask) -> None:
    written = export_definitions()
    assert "origins:\n  - https://shop.example" in written["sources"]
    assert SECRET not in written["sources"]
    loaded = load_definitions(written, prune=True)
    assert loaded.faults == []
    assert loaded.catalog.bodies["sources"] == load_definitions({"x": DEFINITIONS}).catalog.bodies["sources"]


# -- The scripts


@on_sqlite
def test_the_scripts_are_small_and_anybodys(app: Flask) -> None:
    client = app.test_client()
    sizes = {}
    for path in ("/widget.js", "/widget/form.js", "/widget/popup.js"):
        packed = client.get(path, headers={"Accept-Encoding": "gzip, br"})
        assert (packed.status_code, packed.mimetype) == (200, "text/javascript")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Access-Control-Allow-Origin"] == "*"
        assert packed.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert packed.headers["X-Content-Type-Options"] == "nosniff"
        assert packed.headers["Cache-Control"] == "public, max-age=3600"
        assert "Set-Cookie" not in packed.headers
        sizes[path] = len(packed.data)
        plain = client.get(path)
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["ETag"] != packed.headers["ETag"]
        assert client.get(path, headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304
    assert sizes["/widget.js"] <= 5_000
    assert sum(sizes.values()) <= 15_000
    for path in ("/widget/other.js", "/widget/..%2Fbrand.js", "/widget/widget.js"):
        assert client.get(path).status_code == 404
