"""The company set on screen: by whom, what wins, and that a logo is only ever a picture."""

import gzip
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient

import config
from app import create_app
from app.actions.accounts import make_start_code
from app.actions.installation import change_company
from app.clock import utcnow
from app.inbound.pictures import BYTES_MAX
from app.links import survey_url
from app.models.accounts import AuditEntry, Installation, User
from app.models.invitations import Invitation
from app.models.rollups import DirtyDay
from app.queries.installation import company, present_company
from app.queries.policies import policy_definition
from tests.admin.conftest import PASSWORD, Person, token_of
from tests.wire import event, on_sqlite, stored, tell

PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x20\x00\x40\x03" + bytes(12)
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f" + bytes(16)
HUGE = PNG[:16] + (60_000).to_bytes(4) + PNG[20:]
SignIn = Callable[..., Person]


@pytest.fixture
def settings(settings: config.Settings) -> config.Settings:
    """Nothing about the company is said by the environment."""
    return replace(settings, company_name="")


def save(person: Person, **fields: object) -> int:
    token = token_of(person.get("/settings").text)
    usual = {"csrf_token": token, "company_zone": "UTC", "language": "en"}
    return person.client.post("/settings", data=usual | fields).status_code


def test_an_admin_sets_the_company_and_everybody_hears_of_it(app: Flask, sign_in: SignIn) -> None:
    person = sign_in("admin")
    assert save(person, company_name="Луг, цветы", mail_from="hello@example.com", language="ru") == 303
    known = company()
    assert (known.name, known.language, known.mail_from) == ("Луг, цветы", "ru", '"Луг, цветы" <hello@example.com>')
    entry = stored(AuditEntry)[-1]
    assert (entry.actor, entry.kind, entry.detail) == (
        person.email,
        "settings",
        {"fields": ["company_name", "company_zone", "language", "mail_from"]},
    )
    assert save(person, company_name="Луг, цветы", mail_from="hello@example.com", language="ru") == 303
    assert stored(AuditEntry)[-1].id == entry.id  # nothing changed, so nothing is said to have


@on_sqlite
def test_what_the_environment_says_wins_and_has_no_field(
    app: Flask, settings: config.Settings, sign_in: SignIn
) -> None:
    change_company({"company_name": "On screen", "language": "ru"}, utcnow(), actor="tests")
    person = sign_in("admin")
    told = create_app(replace(settings, company_name="Told"))
    with told.app_context():
        assert (company().name, company().language, company().fixed) == ("Told", "ru", frozenset({"company_name"}))
    app.config["COMPANY_NAME"] = "Told"
    app.extensions["otklik_company"].clear()
    page = person.get("/settings").text
    assert 'name="company_name"' not in page
    assert "OTKLIK_COMPANY_NAME" in page
    assert save(person, company_name="Typed anyway") == 303
    assert stored(Installation)[0].company_name == "On screen"


@on_sqlite
def test_other_processes_see_a_change_within_a_second_and_ask_no_oftener(
    app: Flask, settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("app.queries.installation.monotonic", lambda: now)
    other = create_app(settings)
    with other.app_context():
        assert company().name == "Our company"
    change_company({"company_name": "Meadow"}, utcnow(), actor="tests")
    with other.app_context():
        assert company().name == "Our company"
        now = 1001.1
        assert company().name == "Meadow"


@on_sqlite
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mail_from", "nobody"),
        ("mail_from", "a@example.com, b@example.com"),
        ("brand_colour", "red; background: url(//evil.example)"),
        ("company_zone", "Mars/Phobos"),
        ("language", "xx"),
        ("company_name", "x" * 101),
    ],
)
def test_nonsense_is_refused_beside_its_field(app: Flask, sign_in: SignIn, field: str, value: str) -> None:
    person = sign_in("admin")
    before = present_company()
    assert save(person, **{field: value}) == 422
    assert present_company() == before


@on_sqlite
@pytest.mark.parametrize(
    ("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")], ids=["png", "jpeg", "webp"]
)
def test_a_logo_is_served_as_what_it_is(
    app: Flask, client: FlaskClient, sign_in: SignIn, content: bytes, kind: str
) -> None:
    person = sign_in("admin")
    assert save(person, logo=(BytesIO(content), "evil.html")) == 303
    tag = company().logo_tag
    answer = client.get(f"/logo/{tag}")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, content, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "immutable" in answer.headers["Cache-Control"]
    assert save(person, no_logo="y") == 303
    assert client.get(f"/logo/{tag}").status_code == 404


@on_sqlite
@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html>",
        b"GIF89a" + bytes(20),
        PNG[:20],
        HUGE,
        PNG + bytes(BYTES_MAX),
        JPEG[:8],
        b"RIFF0000WAVEfmt " + bytes(30),
    ],
    ids=["svg", "html", "gif", "torn", "wide", "heavy", "no frame", "sound"],
)
def test_what_is_no_small_picture_is_no_logo(app: Flask, sign_in: SignIn, content: bytes) -> None:
    assert save(sign_in("admin"), logo=(BytesIO(content), "logo.png")) == 422
    assert company().logo_tag == ""


@on_sqlite
def test_pages_and_mails_wear_the_company(
    app: Flask,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    sign_in: SignIn,
) -> None:
    define(
        'surveys: [{slug: s, pages: [{questions: [{id: t, type: text, text: "Well?"}]}], endings: [{text: Thanks}]}]\n'
        "triggers: [{slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]"
    )
    tell(client, key, event(contact={"id": "c-1", "email": "ada@example.com"}))
    work()
    [invitation] = stored(Invitation)
    plain = client.get(survey_url(invitation.public_id))
    assert "<img" not in plain.text
    assert "#5b5bd6" in plain.text
    person = sign_in("admin")
    assert save(person, brand_colour="0b3d2e", logo=(BytesIO(PNG), "logo.png")) == 303
    worn = client.get(survey_url(invitation.public_id))
    assert f'src="/logo/{company().logo_tag}"' in worn.text
    assert "--accent:#0b3d2e;--on:#ffffff" in worn.text
    assert "--accent:#8b8bff" in worn.text  # too faint in the dark
    assert "img-src 'self'" in worn.headers["Content-Security-Policy"]
    assert len(gzip.compress(worn.data)) < 15_000
    tell(client, key, event("e-2", contact={"id": "c-2", "email": "bo@example.com"}))
    work()
    newest = stored(Invitation)[-1].public_id
    mail = (app.config["DATA_DIR"] / "mail" / f"{newest}.eml").read_text().replace("=\n", "").lower()
    assert "#0b3d2e" in mail
    assert "/logo/" not in mail  # a mail loads nothing from anywhere


@on_sqlite
def test_another_zone_counts_every_day_again(
    app: Flask, client: FlaskClient, company: None, work: Callable[[], None]
) -> None:
    assert stored(DirtyDay) == []
    change_company({"company_zone": "Asia/Tokyo"}, utcnow(), actor="tests")
    assert len(stored(DirtyDay)) >= 3
    work()
    assert stored(DirtyDay) == []


def test_the_first_run_sets_the_company_and_its_contact_rule(app: Flask, client: FlaskClient) -> None:
    code = make_start_code(None, utcnow())
    fields = {
        "code": code,
        "csrf_token": token_of(client.get(f"/start?code={code}").text),
        "name": "Anna",
        "email": "anna@example.com",
        "password": PASSWORD,
        "language": "ru",
        "zone": "Europe/Moscow",
        "company_name": "Meadow",
        "mail_from": "hello@meadow.example",
        "most": "2",
        "days": "60",
        "begin": "site",
    }
    assert client.post("/start", data=fields | {"mail_from": "nobody"}).status_code == 422
    assert stored(User) == []  # nothing is done by halves
    answer = client.post("/start", data=fields | {"logo": (BytesIO(PNG), "l.png")})
    assert answer.headers["Location"] == "/as-text/sources?example=widget"
    assert client.get(answer.headers["Location"]).status_code == 200
    known = present_company()
    assert (known.name, known.zone, known.language) == ("Meadow", "Europe/Moscow", "ru")
    assert known.mail_from == '"Meadow" <hello@meadow.example>'
    assert known.logo_tag
    held = policy_definition()
    assert held
    assert held["limits"] == [{"name": "everything", "max": 2, "per": "60d"}]
    assert held["quiet_hours"]
