"""What an operator does by hand: dead events, unknown deliveries, the switch, and a look at it all."""

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app.cli import main
from app.extensions import transaction
from app.models.deliveries import Delivery
from app.models.invitations import Invitation
from app.models.policies import PolicyVersion
from tests.cli.conftest import Otklik
from tests.wire import EVENTS, Clock, event, on_sqlite, said, stored, tell

ASK = """
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers: [{slug: t, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]
"""
ADA = {"id": "c-1", "email": "ada@example.com"}


def test_dead_events_are_shown_and_tried_again(
    otklik: Otklik,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    define(ASK)
    assert otklik("events", "dead").stdout == "0 dead.\n"

    def fail(*_: object) -> None:
        raise ValueError("poisoned")

    with pytest.MonkeyPatch.context() as poison:
        poison.setattr("app.actions.decisions.decide_each", fail)
        tell(client, key, event("e-1", contact=ADA), event("e-2", contact={"id": "c-2"}))
        for _ in range(8):
            work()
            clock.move(timedelta(minutes=5))
    text = otklik("events", "dead").stdout
    assert "api/e-1  order.paid" in text
    assert "poisoned" in text
    assert "2 dead.  Try again: otklik events redrive" in text
    number = text.split()[0]
    assert [otklik("events", "redrive", *ids).stdout.split()[0] for ids in ([number], [], [])] == ["1", "1", "0"]
    work()
    assert {said(client.get(f"{EVENTS}/api/e-{n}", headers=key))["state"] for n in (1, 2)} == {"decided"}


def test_sending_is_stopped_and_started(
    app: Flask,
    otklik: Otklik,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
) -> None:
    define(ASK)
    assert "otklik sending start" in otklik("sending", "stop").stdout
    assert "STOPPED" in otklik("doctor").stdout
    tell(client, key, event(contact=ADA))
    work()
    assert stored(Delivery) == []
    assert "goes on" in otklik("sending", "start").stdout
    work()
    assert [d.state for d in stored(Delivery)] == ["sent"]


def test_an_unknown_delivery_is_settled_by_a_person(
    otklik: Otklik, client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(ASK)
    tell(client, key, event("e-1", contact=ADA), event("e-2", contact={"id": "c-2", "email": "bob@example.com"}))
    work()
    assert otklik("sending", "unknown").stdout == "0 unknown.\n"
    assert "is not unknown" in otklik("sending", "settle", "1", "--lost", status=1).stderr
    with transaction() as session:
        for number in (1, 2):
            session.get_one(Delivery, number).state = "unknown"
    shown = otklik("sending", "unknown").stdout
    assert all(i.public_id in shown for i in stored(Invitation))
    assert "2 unknown." in shown
    otklik("sending", "settle", "1", "--arrived")
    otklik("sending", "settle", "2", "--lost")
    assert [d.state for d in stored(Delivery)] == ["delivered", "refused"]
    assert [i.state for i in stored(Invitation)] == ["open", "cancelled"]
    for settled in ("1", "2", "99"):
        assert "is not unknown" in otklik("sending", "settle", settled, "--lost", status=1).stderr
    assert "Missing option" in otklik("sending", "settle", "1", status=2).stderr


@on_sqlite
def test_the_doctor_says_how_it_is(
    otklik: Otklik, client: FlaskClient, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(client, key, event("e-1"), event("e-2"))
    text = otklik("doctor").stdout
    for words in ("sqlite", "none: workers poll", "caught in", "on", "never seen", "2 waiting, 0 dead", "0 unknown"):
        assert words in text
    monkeypatch.setenv("OTKLIK_SMTP_URL", "smtp://user:hush-hush@localhost:25")
    monkeypatch.setenv("OTKLIK_SEND_ONLY_TO", "me@example.com")
    text = otklik("doctor").stdout
    assert "server is set" in text
    assert "only to me@example.com" in text
    assert "hush-hush" not in text


# -- What goes wrong is said in one plain line


@on_sqlite
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OTKLIK_WORKERS", "many", "OTKLIK_WORKERS must be a int"),
        ("OTKLIK_SECRET_KEY", "short", "OTKLIK_SECRET_KEY must have at least 32"),
        ("OTKLIK_BASE_URL", "example.com", "OTKLIK_BASE_URL must begin with"),
        ("OTKLIK_SMTP_URL", "localhost", "OTKLIK_SMTP_URL must begin with"),
        ("OTKLIK_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", "the database cannot be used"),
        ("OTKLIK_DATABASE_URL", "nonsense", "OTKLIK_DATABASE_URL"),
        ("OTKLIK_DATABASE_URL", "mysql://localhost/x", "OTKLIK_DATABASE_URL"),
        ("OTKLIK_COMPANY_ZONE", "Mars/Olympus", "OTKLIK_COMPANY_ZONE"),
        ("OTKLIK_LANGUAGE", "xx-nonsense", "OTKLIK_LANGUAGE"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv("OTKLIK_DATABASE_URL", app.config["SQLALCHEMY_DATABASE_URI"])
    monkeypatch.setenv("OTKLIK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["otklik", "doctor"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert str(stopped.value).startswith("otklik: ")
    assert words in str(stopped.value)
    assert "\n" not in str(stopped.value)


@on_sqlite
def test_every_wrong_setting_is_named_at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKERS", "WEB_THREADS", "MAIL_RATE"):
        monkeypatch.setenv(f"OTKLIK_{name}", "x")
    monkeypatch.setattr(sys, "argv", ["otklik", "doctor"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert all(f"OTKLIK_{name}" in str(stopped.value) for name in ("WORKERS", "WEB_THREADS", "MAIL_RATE"))


def test_a_fresh_data_directory_is_all_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("OTKLIK_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "new" / "data"
    monkeypatch.setenv("OTKLIK_DATA_DIR", str(folder))
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "argv", ["otklik", "key", "add", "first", "--scope", "all"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code in (0, None)
    key = folder / "secret-key"
    assert (key.stat().st_mode & 0o777, len(key.read_text())) == (0o600, 64)
    assert (folder / "otklik.db").exists()


def test_the_limits_are_counted_again_on_demand(
    otklik: Otklik,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    define(f"policy: {{limits: [{{name: one, max: 1, per: 30d}}]}}\n{ASK}")
    assert otklik("audit").stdout == "0 messages, policy version 1: 0 beyond a limit.\n"
    clock.move(timedelta(hours=1))
    tell(client, key, event("e-1", contact=ADA))
    work()
    with transaction() as session:  # somebody went round the policy: a limit that forbids all was there before
        session.execute(update(PolicyVersion).values(body={"limits": [{"name": "none", "max": 0, "per": "1d"}]}))
    told = json.loads(otklik("audit", "--json", status=1).stdout)
    assert (told["places"], told["found"], told["policy_version"]) == (1, 2, 1)
    assert [(v["owner"], v["limit"], v["inside"], v["max"]) for v in told["violations"]] == [
        ("contact", "none", 1, 0),
        ("address", "none", 1, 0),
    ]
    assert "none: 1, allowed 0, until" in otklik("audit", status=1).stdout
