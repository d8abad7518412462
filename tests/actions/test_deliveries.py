"""Handing over by e-mail, to a real mail server that accepts, refuses, or has no time just now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email.header import decode_header, make_header
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import config
from app import create_app
from app.actions.deliveries import switch_sending
from app.clock import utcnow
from app.extensions import transaction
from app.links import survey_url
from app.models.contacts import Address
from app.models.decisions import Effect, Reservation
from app.models.deliveries import Delivery
from app.models.invitations import Invitation
from tests.services import MailServer, free_port
from tests.wire import Clock, event, listed, mails, on_sqlite, run, stored, tell, text_of

DEFINITIONS = """
departments: [{slug: care, email: Care@Example.com}]
policy: {limits: [{name: once, max: 1, per: 30d}]}
surveys:
  - slug: s
    languages: [en, ru]
    pages: [{questions: [{id: nps, type: nps, text: {en: "How likely?", ru: "Посоветуете нас?"}}]}]
triggers:
  - {slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}
  - {slug: hasty, status: live, fresh: 30s, when: {event: visit}, then: [{send: {survey: s}}]}
  - slug: greet
    status: live
    when: {event: greet}
    then: [{message: {text: "Hello", subject: "{{ properties.s }}"}}]
  - {slug: tell, status: live, when: {event: complaint}, then: [{notify: {channel: care, text: "{{ properties.x }}"}}]}
"""


@pytest.fixture
def server(app: Flask, define: Callable[[str], None], mail_server: MailServer) -> MailServer:
    """The definitions are in force, and mails go to this server."""
    app.config["SMTP_URL"] = mail_server.url
    define(DEFINITIONS)
    return mail_server


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def paid(number: int = 1, kind: str = "order.paid", **contact: Any) -> dict[str, Any]:
    return event(f"e-{number}", kind, contact={"id": f"c-{number}", "email": f"c{number}@example.com"} | contact)


def delivery() -> tuple[str, int, str]:
    """The one delivery: its state, its attempt, its error."""
    (row,) = stored(Delivery)
    return row.state, row.attempt, row.error or ""


def invitation() -> tuple[str, str | None]:
    (row,) = stored(Invitation)
    return row.state, row.reason


def test_a_mail_is_handed_over_once_and_settled(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    tell(client, key, paid())
    work()
    work()
    (mail,) = mails(server)
    (row,) = stored(Delivery)
    assert (row.state, row.attempt, row.message_id, row.act_at) == ("sent", 1, mail["Message-ID"], None)
    (asked,) = stored(Invitation)
    assert (asked.state, asked.handed_over_at, asked.expires_at) == ("open", clock.now, clock.now + timedelta(days=7))
    assert [r.counts_at for r in stored(Reservation)] == [clock.now]


# -- For now


@pytest.mark.parametrize("refusal", ["RCPT 450 4.2.0 Mailbox busy", "DATA 451 4.7.0 Try later"])
def test_a_server_without_time_is_asked_again_and_again_with_longer_breaks(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock, refusal: str
) -> None:
    step, _, answer = refusal.partition(" ")
    refusing = server.mailbox.rcpt_answers if step == "RCPT" else server.mailbox.answers
    refusing["c1@example.com"] = answer
    tell(client, key, paid())
    work()
    for attempt, minutes in enumerate((1, 4, 16), 1):
        state, count, error = delivery()
        assert (state, count, error[:3]) == ("retrying", attempt, answer[:3])
        assert invitation() == ("planned", None)
        (row,) = stored(Delivery)
        assert row.act_at == clock.now + timedelta(minutes=minutes)
        assert len(stored(Reservation)) == 1
        clock.move(timedelta(minutes=minutes, seconds=-1))
        work()
        assert delivery()[1] == attempt
        clock.move(timedelta(seconds=1))
        if attempt == 3:
            refusing.clear()
        work()
    assert delivery()[:2] == ("sent", 4)
    (asked,) = stored(Invitation)
    assert (asked.state, asked.handed_over_at) == ("open", clock.now)
    assert asked.expires_at == clock.now + timedelta(days=7)
    assert len(mails(server)) == 1
    assert stored(Address)[0].suppressed_at is None


@on_sqlite
def test_a_link_is_closed_while_its_mail_is_being_tried_again(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    server.mailbox.answers["c1@example.com"] = "450 busy"
    tell(client, key, paid())
    work()
    assert client.get(survey_url(stored(Invitation)[0].public_id)).status_code == 404
    server.mailbox.answers.clear()
    clock.move(timedelta(minutes=1))
    work()
    assert client.get(survey_url(stored(Invitation)[0].public_id)).status_code == 200


@on_sqlite
def test_what_would_come_too_late_is_given_up_and_frees_its_place(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    server.mailbox.answers["c1@example.com"] = "450 busy"
    tell(client, key, paid(kind="visit"))
    work()
    assert (delivery()[0], invitation()) == ("refused", ("cancelled", "unreachable"))
    assert stored(Reservation) == []
    clock.move(timedelta(hours=1))
    work()
    assert mails(server) == []


@on_sqlite
def test_a_server_that_is_away_costs_no_attempt(
    app: Flask, client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    app.config["SMTP_URL"] = f"smtp://127.0.0.1:{free_port()}"
    tell(client, key, paid())
    run("resolve", "decide", "send", "send", "send")
    assert (invitation(), stored(Delivery)) == (("planned", None), [])
    app.config["SMTP_URL"] = server.url
    work()
    assert (delivery()[:2], len(mails(server))) == (("sent", 1), 1)


@on_sqlite
def test_a_sender_that_is_no_address_is_refused_at_the_start(settings: config.Settings) -> None:
    """Later it would cost every invitation that is due."""
    for sender in ("Meadow, Inc. <hello@example.com>", "hello", "Meadow <hello@>", "a@b.c, d@e.f"):
        with pytest.raises(config.SettingsError, match="OTKLIK_MAIL_FROM"):
            create_app(replace(settings, mail_from=sender))


@on_sqlite
def test_one_who_is_refused_holds_up_nobody_else_of_the_batch(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    server.mailbox.rcpt_answers |= {"c2@example.com": "550 no such user", "c4@example.com": "450 busy"}
    server.mailbox.answers |= {"c3@example.com": "554 spam", "c5@example.com": "451 later"}
    tell(client, key, *(paid(n) for n in range(1, 8)))
    work()
    assert sorted(to for to, _ in server.mailbox.received) == [f"c{n}@example.com" for n in (1, 6, 7)]
    states = [d.state for d in stored(Delivery)]
    assert states == ["sent", "refused", "refused", "retrying", "retrying", "sent", "sent"]


# -- For good


@pytest.mark.parametrize("answer", ["550 5.1.1 <c1@example.com>: no such user", "550 no such user", "550 5.2.1 Closed"])
def test_an_address_that_does_not_exist_is_left_in_peace(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], answer: str
) -> None:
    server.mailbox.rcpt_answers["c1@example.com"] = answer
    tell(client, key, paid())
    work()
    assert (delivery()[0], invitation()) == ("refused", ("cancelled", "suppressed"))
    (address,) = stored(Address)
    assert (address.suppressed_at is not None, address.suppressed_because) == (True, delivery()[2])
    assert stored(Reservation) == []
    assert client.get(survey_url(stored(Invitation)[0].public_id)).status_code == 410
    server.mailbox.rcpt_answers.clear()
    tell(client, key, paid(2, id="c-1", email="c1@example.com"))
    work()
    (again,) = listed(client, key, "/decisions?outcome=skipped")
    assert (again["event"], again["reason"]) == ("e-2", "suppressed")
    assert server.mailbox.received == []


@on_sqlite
@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("DATA", "550 5.7.1 Spam"),
        ("DATA", "550 5.1.1 Spam"),
        ("DATA", "550 No"),
        ("RCPT", "552 5.2.2 Full"),
        ("RCPT", "550 5.7.1 No"),
    ],
)
def test_a_message_that_is_refused_says_nothing_about_the_address(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], step: str, answer: str
) -> None:
    refusing = server.mailbox.rcpt_answers if step == "RCPT" else server.mailbox.answers
    refusing["c1@example.com"] = answer
    tell(client, key, paid())
    work()
    assert (delivery()[0], invitation()) == ("refused", ("cancelled", "unreachable"))
    assert (stored(Address)[0].suppressed_at, stored(Reservation)) == (None, [])
    refusing.clear()
    tell(client, key, paid(2, id="c-1", email="c1@example.com"))
    work()
    assert [to for to, _ in server.mailbox.received] == ["c1@example.com"]


# -- Switches


@on_sqlite
def test_while_trying_out_only_some_addresses_get_anything(
    app: Flask, client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None]
) -> None:
    app.config["MAIL_ALLOW_LIST"] = frozenset({"c2@example.com", "care@example.com"})
    tell(client, key, paid(1), paid(2), paid(3, "complaint"))
    work()
    assert sorted(to for to, _ in server.mailbox.received) == ["c2@example.com", "care@example.com"]
    first = next(d for d in stored(Delivery) if d.invitation_id == 1)
    assert (first.state, first.error) == ("refused", "not in OTKLIK_SEND_ONLY_TO")
    assert [(i.state, i.reason) for i in stored(Invitation)] == [("cancelled", "unreachable"), ("open", None)]
    assert [a.suppressed_at for a in stored(Address)] == [None, None, None]


def test_the_switch_stops_everything_and_nothing_is_lost(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    switch_sending(stopped=True, now=utcnow())
    tell(client, key, paid(1), paid(2, "complaint"))
    work()
    run("send")
    assert server.mailbox.received == []
    assert [i.state for i in stored(Invitation)] == ["planned"]
    clock.move(timedelta(hours=3))
    switch_sending(stopped=False, now=clock.now)
    work()
    assert sorted(to for to, _ in server.mailbox.received) == ["c1@example.com", "care@example.com"]
    assert [i.handed_over_at for i in stored(Invitation)] == [clock.now]


@on_sqlite
def test_a_stop_that_lasts_too_long_leaves_nothing_stale_to_send(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    switch_sending(stopped=True, now=utcnow())
    tell(client, key, paid())
    work()
    clock.move(timedelta(hours=49))
    switch_sending(stopped=False, now=clock.now)
    work()
    assert (server.mailbox.received, invitation()) == ([], ("cancelled", "stale"))


@on_sqlite
def test_all_workers_together_keep_to_the_rate(
    app: Flask, client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    app.config["MAIL_RATE"] = 3
    tell(client, key, *(paid(n) for n in range(1, 8)))
    run("resolve", "decide")
    sent = []
    for _ in range(4):
        run("send")
        sent.append(len(server.mailbox.received))
        clock.move(timedelta(seconds=1, milliseconds=1))
    assert sent == [3, 6, 7, 7]


# -- Words


def test_a_russian_mail_is_russian_from_the_subject_to_the_end(
    app: Flask, client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None]
) -> None:
    app.config["MAIL_FROM"] = '"Луг, цветы" <hello@example.com>'
    tell(client, key, paid(name="Ада Байрон", locale="ru-RU"))
    work()
    (mail,) = mails(server)
    assert mail["Subject"] == "Ада, один короткий вопрос"
    assert (mail["From"].addresses[0].display_name, mail["From"].addresses[0].addr_spec) == (
        "Луг, цветы",
        "hello@example.com",
    )
    raw = server.mailbox.received[0][1]
    assert raw.isascii()
    lines = raw.replace(b"\r\n ", b" ").split(b"\r\n")
    subject = next(line for line in lines if line.startswith(b"Subject:"))
    assert str(make_header(decode_header(subject.decode()[9:]))) == "Ада, один короткий вопрос"
    for kind in ("plain", "html"):
        text = text_of(mail, kind)
        assert "Посоветуете нас?" in text
        assert "Отписаться" in text
        assert "Meadow" in text


SUBJECTS = ["x" * 900, "я" * 300, "😀 " * 80, "ends in a space ", "=?utf-8?q?already?=", "tab\tand  spaces"]


@on_sqlite
def test_any_subject_arrives(
    app: Flask, client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None]
) -> None:
    tell(client, key, *(paid(n, "greet") | {"properties": {"s": subject}} for n, subject in enumerate(SUBJECTS)))
    work()
    for _, raw in server.mailbox.received:
        assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    got = {str(mail["To"]): "".join(str(mail["Subject"]).split()) for mail in mails(server)}
    for number, subject in enumerate(SUBJECTS):
        assert got[f"c{number}@example.com"] in ("".join(subject.split()), "already")


@on_sqlite
def test_unusual_addresses_are_addresses(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None]
) -> None:
    addresses = [
        "o'neil@example.com",
        "ada+shop@example.com",
        "zoë@example.com",
        "a@пример.рф",
        "x_y=z@sub.example.com",
    ]
    tell(client, key, *(paid(n, email=address) for n, address in enumerate(addresses)))
    work()
    assert sorted(to for to, _ in server.mailbox.received) == sorted(addresses)


@on_sqlite
@pytest.mark.parametrize(
    "base", ["https://feedback.example.com", "https://" + "long-" * 30 + "name.example.com/otklik"]
)
def test_a_long_address_of_the_installation_leaves_the_way_out_intact(
    app: Flask, client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], base: str
) -> None:
    """Mail programs read the header as it stands; one that was encoded is no link to them."""
    app.config["BASE_URL"] = base
    tell(client, key, paid())
    work()
    raw = server.mailbox.received[0][1].replace(b"\r\n ", b" ")
    (line,) = (line for line in raw.split(b"\r\n") if line.startswith(b"List-Unsubscribe:"))
    value = line.partition(b":")[2].strip().decode()
    assert value.startswith(f"<{base}/u/")
    assert value.endswith(">")
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw
    for kind in ("plain", "html"):
        assert f"{base}/s/" in text_of(mails(server)[0], kind)


@on_sqlite
def test_without_a_server_mails_are_kept_as_files(
    app: Flask, client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None]
) -> None:
    app.config["SMTP_URL"] = ""
    tell(client, key, paid(1), paid(2, "complaint"))
    work()
    files = sorted((app.config["DATA_DIR"] / "mail").iterdir())
    assert len(files) == 2
    assert {d.state for d in stored(Delivery)} == {"sent"}
    assert server.mailbox.received == []


# -- Notes to the team


@on_sqlite
def test_a_note_to_the_team_is_sent_whatever_it_comes_to(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None]
) -> None:
    words = ["Call them", "", " \n ", "first\nsecond", "x" * 4000]
    tell(client, key, *(paid(n, "complaint") | {"properties": {"x": text}} for n, text in enumerate(words)))
    work()
    assert [(e.attempts, e.dead_at, e.done_at is None) for e in stored(Effect)] == [(0, None, False)] * len(words)
    assert len(mails(server)) >= 3
    for mail in mails(server):
        assert (mail["To"], mail["List-Unsubscribe"]) == ("care@example.com", None)
        assert len(mail["Subject"]) <= 120


@on_sqlite
def test_a_note_is_tried_again_and_stops_nobody(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    server.mailbox.answers["care@example.com"] = "450 busy"
    tell(client, key, paid(1, "complaint") | {"properties": {"x": "Look"}}, paid(2))
    work()
    assert [to for to, _ in server.mailbox.received] == ["c2@example.com"]
    server.mailbox.answers.clear()
    clock.move(timedelta(minutes=1))
    work()
    assert [to for to, _ in server.mailbox.received] == ["c2@example.com", "care@example.com"]


def moment(value: datetime | None) -> datetime:
    assert value is not None
    return value


def test_an_answer_settles_a_delivery_that_nobody_is_sure_of(
    client: FlaskClient, key: dict[str, str], server: MailServer, work: Callable[[], None], clock: Clock
) -> None:
    """A worker died between the first byte and the last: nothing is sent again, and an answer proves it arrived."""
    tell(client, key, paid())
    work()
    with transaction() as session:
        row = session.get_one(Delivery, 1)
        row.state, row.act_at, row.settled_at = "handing_over", clock.now + timedelta(seconds=30), None
    work()
    assert delivery()[0] == "handing_over"
    clock.move(timedelta(seconds=31))
    work()
    assert delivery()[0] == "unknown"
    assert len(server.mailbox.received) == 1
    client.post(survey_url(stored(Invitation)[0].public_id), data={"page": "0", "nps": "9"})
    assert delivery()[0] == "delivered"
    assert moment(stored(Delivery)[0].settled_at) == clock.now
