"""Codes that triggers give, and the messages that say them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.actions.effects import redrive_effects
from app.definitions import load_definitions
from app.models.decisions import Effect
from app.models.deliveries import Delivery
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.offers import OfferCode
from app.queries.offers import offer_stock
from tests.services import MailServer
from tests.wire import Clock, event, mails, run, stored, tell, text_of

DEFINITIONS = """
offers: [{slug: winback, codes: [AAAA, BBBB], expires: 10d}]
triggers:
  - slug: back
    status: live
    when: {event: subscription.cancelled}
    then:
      - message: {text: "Come back: {{ offer.code }}", subject: Come back}
      - offer: {pool: winback}
"""


def left(number: int) -> dict[str, object]:
    who = {"id": f"c-{number}", "email": f"c{number}@example.com"}
    return event(f"e-{number}", "subscription.cancelled", contact=who)


@pytest.fixture
def server(app: Flask, define: Callable[[str], None], mail_server: MailServer) -> MailServer:
    app.config["SMTP_URL"] = mail_server.url
    define(DEFINITIONS)
    return mail_server


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_message_waits_for_its_code_and_says_it(
    server: MailServer, clock: Clock, client: FlaskClient, key: dict[str, str]
) -> None:
    tell(client, key, left(1))
    run("resolve", "decide", "send")
    assert (mails(server), stored(Delivery)) == ([], [])
    run("carry_out", "send")
    assert mails(server) == []  # put off, until it looks again
    clock.move(timedelta(seconds=10))
    run("send")
    [mail] = mails(server)
    assert "Come back: AAAA" in text_of(mail, "plain")
    [given, free] = sorted(stored(OfferCode), key=lambda code: code.code)
    assert (given.effect_id, given.response_id, free.given_at) == (stored(Effect)[0].id, None, None)
    assert given.given_at is not None
    assert given.expires_at == given.given_at + timedelta(days=10)
    assert offer_stock() == {"winback": (1, 1)}
    clock.move(timedelta(days=10))
    run("announce")
    [told] = [e for e in stored(Event) if e.type == "offer.expired"]
    assert (told.properties, told.contact_id) == ({"offer": "winback", "survey": None}, stored(Effect)[0].contact_id)


def test_an_empty_pool_gives_nothing_holds_the_message_back_and_can_be_filled(
    server: MailServer,
    clock: Clock,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
) -> None:
    tell(client, key, *(left(number) for number in (1, 2, 3)))
    run("resolve", "decide")
    for _attempt in range(5):
        run("carry_out")
    assert sorted(code.code for code in stored(OfferCode) if code.given_at) == ["AAAA", "BBBB"]
    [dead] = [effect for effect in stored(Effect) if effect.dead_at]
    assert dead.error == "PoolEmpty('winback')"
    clock.move(timedelta(seconds=10))
    run("send")
    assert len(mails(server)) == 2
    define("offers: [{slug: winback, codes: [CCCC], expires: 10d}]")
    assert redrive_effects("tests", clock()) == 1
    run("carry_out")
    clock.move(timedelta(seconds=10))
    run("send")
    said = {text_of(mail, "plain").split("Come back: ")[1][:4] for mail in mails(server)}
    assert said == {"AAAA", "BBBB", "CCCC"}


def test_nobody_is_given_a_code_for_an_event_that_names_no_customer(
    server: MailServer, client: FlaskClient, key: dict[str, str]
) -> None:
    tell(client, key, event("e-0", "subscription.cancelled", contact={}))
    run("resolve", "decide", "carry_out")
    [effect] = stored(Effect)
    assert effect.done_at is not None
    assert not any(code.given_at for code in stored(OfferCode))


def test_a_message_cannot_say_a_code_that_nobody_gives(app: Flask) -> None:
    wrong = DEFINITIONS.replace("      - offer: {pool: winback}\n", "")
    [fault] = load_definitions({"t.yaml": wrong}).faults
    assert fault.message == "triggers.0.then.0: says offer.code, but no offer of this trigger gives a code"


def test_a_message_looks_for_its_code_ever_more_seldom(
    server: MailServer, clock: Clock, client: FlaskClient, key: dict[str, str]
) -> None:
    tell(client, key, left(1))
    run("resolve", "decide")
    waits = []
    for _look in range(40):
        [invitation] = stored(Invitation)
        clock.now = max(clock.now, invitation.planned_at)
        run("send")
        [invitation] = stored(Invitation)
        waits.append(invitation.planned_at - clock.now)
    assert waits[:2] == [timedelta(seconds=10), timedelta(seconds=10)]
    assert waits[-1] == timedelta(minutes=10)
    assert waits == sorted(waits)
    assert mails(server) == []
