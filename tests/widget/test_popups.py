"""Popups: decided in the same request by the same gates, handed over once, answered in place."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app import jobs
from app.actions.deliveries import switch_sending, unsubscribe_contact
from app.actions.erasure import erase_contact
from app.clock import utcnow
from app.extensions import db
from app.jobs import show_popup
from app.models.contacts import Contact, ContactLock
from app.models.decisions import Decision, Reservation
from app.models.deliveries import Delivery
from app.models.invitations import Invitation
from app.models.responses import Response
from tests.widget.conftest import DEFINITIONS, Page, happening, known, signed
from tests.wire import Clock, event, key_with, listed, on_postgres, on_sqlite, run, said, stored, tell

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def popup_of(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    popup = said(answer)["popup"]
    assert popup is not None
    return dict(popup)


def no_popup(answer: Any) -> bool:
    assert answer.status_code == 202, answer.text
    return said(answer)["popup"] is None


def reasons() -> list[str | None]:
    return [d.reason for d in stored(Decision)]


# -- Decided at once


def test_the_answer_to_an_event_carries_the_first_page(page: Page) -> None:
    before = utcnow()
    popup = popup_of(page.visit(known(), happening()))
    assert popup["url"].endswith(f"/s/{popup['token']}")
    assert page.client.get(f"/s/{popup['token']}").status_code == 200
    (question,) = popup["page"]["questions"]
    assert (question["id"], question["text"], question["required"]) == ("csat", "How was it, Ada?", True)
    assert [choice["value"] for choice in question["choices"]] == ["1", "2", "3", "4", "5"]
    (invitation,) = stored(Invitation)
    (delivery,) = stored(Delivery)
    (place,) = stored(Reservation)
    assert (invitation.state, invitation.channel, invitation.due_at) == ("open", "web", None)
    assert (delivery.state, delivery.channel, delivery.attempt, delivery.act_at) == ("sent", "web", 1, None)
    assert invitation.handed_over_at == delivery.begun_at == place.counts_at
    assert place.counts_at >= before
    assert invitation.expires_at == place.counts_at + timedelta(days=7)
    assert [(d.outcome, d.reason) for d in stored(Decision)] == [("invited", None)]


def test_the_survey_speaks_the_visitors_language(page: Page) -> None:
    popup = popup_of(page.visit(known(locale="ru-RU"), happening()))
    assert (popup["language"], popup["page"]["questions"][0]["text"]) == ("ru", "Ну как?")
    assert (popup["page"]["next"], popup["words"]["close"]) == ("Дальше", "Закрыть")


def test_limits_hold_as_they_do_everywhere(page: Page, work: Callable[[], None]) -> None:
    popup_of(page.visit(known(), happening()))
    assert no_popup(page.visit(known(), happening()))
    assert reasons() == [None, "contact_limit"]
    popup_of(page.visit(known("c-2"), happening()))
    work()
    assert len(stored(Delivery)) == 2


def test_a_popup_counts_for_messages_and_a_message_for_popups(
    page: Page, client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define("triggers: [{slug: mail, status: live, when: {event: refund}, then: [{send: {survey: checkout}}]}]")
    popup_of(page.visit(known(), happening()))
    tell(client, key_of_shop(), event("r-1", "refund", contact={"id": "c-1", "email": "a@example.com"}))
    tell(client, key_of_shop(), event("r-2", "refund", contact={"id": "c-2", "email": "b@example.com"}))
    work()
    assert no_popup(page.visit(known("c-2"), happening()))
    assert reasons() == [None, "contact_limit", None, "contact_limit"]


def key_of_shop() -> dict[str, str]:
    """A key of the shop's own server, which knows customers by the same ids as its pages do."""
    return key_with("events:write", source="site")


def changed(gate: str) -> str:
    """The trigger, with this in it."""
    status = "" if "status" in gate else "status: live, "
    return (
        f"triggers: [{{slug: ask-after-checkout, {status}{gate}, when: {{event: order.paid}},"
        " then: [{send: {survey: checkout, channels: [web]}}]}]"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("policy: {consent: {web: required}}", "no_consent"),
        ("policy: {complaint: {opens_on: [order.paid], closes_on: [calm]}}", "complaint_open"),
        (changed("sample: {rate: 0}"), "not_sampled"),
        (changed("sample: {holdout: 1}"), "holdout"),
        (changed("status: paused"), "not_live"),
    ],
    ids=lambda value: value if len(value) < 20 else "",
)
@on_sqlite
def test_every_gate_stands_before_a_popup(page: Page, define: Callable[[str], None], change: str, reason: str) -> None:
    define(change)
    assert no_popup(page.visit(known(), happening()))
    assert reasons() == [reason]
    assert stored(Invitation) == []


def test_where_the_visitor_is_unknown_the_mail_is_not_tried(
    page: Page, client: FlaskClient, key: dict[str, str], work: Callable[[], None]
) -> None:
    """Whoever was never on a page cannot be asked there."""
    tell(client, key, event(contact={"id": "c-9", "email": "a@example.com"}))
    work()
    assert reasons() == ["unreachable"]


def test_the_first_channel_that_reaches_the_customer_wins(
    page: Page, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS.replace("channels: [web]", "channels: [email, web]"))
    popup_of(page.visit(known("c-1"), happening()))
    both = {"id": "c-2", "email": "b@example.com"}
    assert no_popup(page.visit({**both, "hash": signed("c-2\nb@example.com")}, happening()))
    assert [i.channel for i in stored(Invitation)] == ["web", "email"]


def test_a_contact_who_waits_for_nothing_is_decided_by_the_workers(page: Page, work: Callable[[], None]) -> None:
    """An event that no popup listens to is not worth the visitor's wait."""
    assert no_popup(page.visit(known(), happening("page.viewed")))
    assert stored(ContactLock, ContactLock.contact_id != 0) == []
    work()
    assert len(stored(ContactLock, ContactLock.contact_id != 0)) == 1


def test_a_page_that_has_no_room_is_not_asked(page: Page, work: Callable[[], None]) -> None:
    """A page that is being left, or already asks something: the popup waits for the next one."""
    assert no_popup(page.visit(known(), happening(), popup=False))
    work()
    assert [i.state for i in stored(Invitation)] == ["planned"]
    popup_of(page.visit(known()))
    assert no_popup(page.visit(known()))
    assert [i.state for i in stored(Invitation)] == ["open"]


# -- At the right time


@pytest.fixture
def clock(page: Page, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch, NOON)


def test_a_popup_that_is_due_later_waits_for_the_next_page(
    page: Page, clock: Clock, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS.replace("channels: [web]", "channels: [web], delay: 1h"))
    assert no_popup(page.visit(known(), happening()))
    work()
    assert no_popup(page.visit(known()))
    assert no_popup(page.visit(known("c-2")))
    clock.move(timedelta(hours=1))
    popup_of(page.visit(known(), happening("page.viewed")))
    assert stored(Reservation)[0].counts_at == clock.now


def test_quiet_hours_are_quiet_on_pages_too(
    page: Page, clock: Clock, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define('policy: {quiet_hours: {from: "21:00", to: "09:00"}}')
    clock.move(timedelta(hours=10))
    assert no_popup(page.visit(known(), happening()))
    work()
    assert no_popup(page.visit(known()))
    clock.move(timedelta(hours=11))
    popup_of(page.visit(known()))


def test_quiet_hours_that_came_meanwhile_put_it_off(page: Page, clock: Clock, define: Callable[[str], None]) -> None:
    assert no_popup(page.visit(known(), happening(), popup=False))
    run("resolve", "decide")
    define('policy: {quiet_hours: {from: "11:00", to: "13:00"}}')
    assert no_popup(page.visit(known()))
    (invitation,) = stored(Invitation)
    assert (invitation.state, invitation.due_at) == ("planned", None)
    assert invitation.planned_at == NOON + timedelta(hours=1) == stored(Reservation)[0].counts_at
    assert stored(Delivery) == []
    clock.move(timedelta(hours=1))
    popup_of(page.visit(known()))


def test_a_popup_nobody_came_for_goes_stale_and_frees_its_place(
    page: Page, clock: Clock, work: Callable[[], None]
) -> None:
    page.visit(known(), happening(), popup=False)
    work()
    assert [i.state for i in stored(Invitation)] == ["planned"]
    clock.move(timedelta(hours=48))
    work()
    assert [i.state for i in stored(Invitation)] == ["planned"]  # the last moment is still in time
    clock.move(timedelta(seconds=1))
    work()
    assert [(i.state, i.reason) for i in stored(Invitation)] == [("cancelled", "stale")]
    assert (stored(Reservation), stored(Delivery)) == ([], [])
    assert no_popup(page.visit(known()))
    popup_of(page.visit(known(), happening()))


def test_a_stale_popup_is_not_shown_even_before_it_is_called_off(page: Page, clock: Clock) -> None:
    page.visit(known(), happening(), popup=False)
    run("resolve", "decide")
    clock.move(timedelta(hours=48, seconds=1))
    assert no_popup(page.visit(known()))
    assert [(i.state, i.reason) for i in stored(Invitation)] == [("cancelled", "stale")]
    assert [(d.state, d.error) for d in stored(Delivery)] == [("refused", "stale")]


# -- Read again before it is shown


def plan(page: Page) -> Invitation:
    page.visit(known(), happening(), popup=False)
    run("resolve", "decide")
    (invitation,) = stored(Invitation)
    return invitation


def test_a_trigger_that_was_paused_meanwhile_asks_nobody(page: Page, define: Callable[[str], None]) -> None:
    plan(page)
    define(DEFINITIONS.replace("status: live", "status: paused"))
    assert no_popup(page.visit(known()))
    assert [(i.state, i.reason) for i in stored(Invitation)] == [("cancelled", "not_live")]
    assert stored(Reservation) == []


def test_who_unsubscribed_meanwhile_is_asked_nothing(page: Page) -> None:
    unsubscribe_contact(plan(page).public_id, utcnow())
    assert no_popup(page.visit(known()))
    assert no_popup(page.visit(known(), happening()))
    assert reasons() == [None, "unsubscribed"]


def test_who_was_erased_is_left_in_peace_when_they_come_back(page: Page) -> None:
    erase_contact(plan(page).contact_id, utcnow())
    assert no_popup(page.visit(known()))
    assert no_popup(page.visit(known(), happening()))
    assert reasons() == [None, "suppressed"]


def test_no_popup_while_sending_is_stopped(page: Page) -> None:
    switch_sending(stopped=True, now=utcnow())
    assert no_popup(page.visit(known(), happening()))
    assert [i.state for i in stored(Invitation)] == ["planned"]
    switch_sending(stopped=False, now=utcnow())
    popup_of(page.visit(known()))


@on_sqlite
def test_while_trying_out_only_those_named_are_asked(app: Flask, page: Page) -> None:
    app.config["MAIL_ALLOW_LIST"] = frozenset({"me@example.com"})
    assert no_popup(page.visit(known(), happening()))
    assert [(i.state, i.reason) for i in stored(Invitation)] == [("cancelled", "unreachable")]
    me = {"id": "c-2", "email": "me@example.com", "hash": signed("c-2\nme@example.com")}
    popup_of(page.visit(me, happening()))


# -- Once


def test_the_same_event_again_does_not_ask_again(page: Page) -> None:
    told = happening()
    popup_of(page.visit(known(), told))
    again = page.visit(known(), told)
    assert (said(again)["duplicates"], no_popup(again)) == (1, True)
    assert len(stored(Delivery)) == 1


def test_whoever_has_seen_it_never_sees_it_again(page: Page, work: Callable[[], None]) -> None:
    popup = popup_of(page.visit(known(), happening()))
    assert page.post("seen", popup["token"]).status_code == 204
    assert page.post("seen", popup["token"]).status_code == 204
    work()
    assert no_popup(page.visit(known()))
    assert no_popup(page.visit(known(), happening("page.viewed")))
    (delivery,) = stored(Delivery)
    assert (delivery.state, delivery.attempt) == ("delivered", 1)


def test_a_crash_while_it_is_handed_over_leaves_it_unknown(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    def crash(_public_id: str) -> None:
        raise SystemExit

    contact_id = plan(page).contact_id
    with pytest.raises(SystemExit):
        show_popup(contact_id, crash)
    assert [d.state for d in stored(Delivery)] == ["handing_over"]
    clock.move(timedelta(seconds=31))
    run("send")
    (delivery,) = stored(Delivery)
    (invitation,) = stored(Invitation)
    assert (delivery.state, invitation.state) == ("unknown", "open")
    assert stored(Reservation)[0].counts_at == invitation.handed_over_at  # it may have been seen
    assert no_popup(page.visit(known()))


def test_workers_never_send_a_popup(page: Page, clock: Clock, work: Callable[[], None]) -> None:
    plan(page)
    for _ in range(3):
        work()
        clock.move(timedelta(hours=10))
    assert (stored(Delivery), [i.state for i in stored(Invitation)]) == ([], ["planned"])


@on_postgres
def test_two_tabs_at_the_same_time_ask_once(app: Flask, page: Page) -> None:
    for visitor in (f"c-{n}" for n in range(3)):
        together = Barrier(6)

        def tab(visitor: str = visitor, together: Barrier = together) -> Any:
            with app.app_context():
                client = app.test_client()
                together.wait()
                return said(Page(client).visit(known(visitor), happening()))

        with ThreadPoolExecutor(6) as pool:
            answers = [tried.result() for tried in [pool.submit(tab) for _ in range(6)]]
        # Somebody who found all the others busy is shown nothing now, but nobody is ever shown more than one.
        answers += [said(page.visit(known(visitor))) for _ in range(10)]
        run("resolve", "decide")
        answers.append(said(page.visit(known(visitor))))
        assert sum(answer["popup"] is not None for answer in answers) == 1
    assert len(stored(Invitation)) == len(stored(Delivery)) == 3
    assert sorted(d.outcome for d in stored(Decision)) == ["invited"] * 3 + ["skipped"] * 15


@on_postgres
def test_a_contact_somebody_is_busy_with_is_left_to_them(app: Flask, page: Page, work: Callable[[], None]) -> None:
    contact_id = page_of_contact(page, work)
    with db.engine.connect() as worker, worker.begin():
        worker.execute(select(ContactLock).where(ContactLock.contact_id == contact_id).with_for_update())
        assert no_popup(page.visit(known()))
        assert no_popup(page.visit(known(), happening("page.viewed")))
    popup_of(page.visit(known()))


def page_of_contact(page: Page, work: Callable[[], None]) -> int:
    page.visit(known(), happening(), popup=False)
    work()
    return stored(Contact)[0].id


def test_a_fault_while_deciding_is_left_to_the_workers(
    page: Page, monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "decide_events", broken)
        assert no_popup(page.visit(known(), happening()))
    work()
    popup_of(page.visit(known()))


# -- Answered in place


def test_the_answer_given_in_a_popup_is_the_answer(page: Page, key: dict[str, str], work: Callable[[], None]) -> None:
    token = popup_of(page.visit(known(), happening()))["token"]
    bad = page.post("answers", token, {"page": "0", "csat": "6"})
    assert (bad.status_code, said(bad)["page"]["faulty"]) == (422, True)
    assert said(bad)["page"]["questions"][0]["fault"] == "Please choose one of the answers shown."
    first = page.post("answers", token, {"page": "0", "csat": "2"})
    assert first.status_code == 200
    assert [q["id"] for q in said(first)["page"]["questions"]] == ["why"]
    assert [(r.answers, r.complete) for r in stored(Response)] == [({"csat": 2}, False)]
    last = page.post("answers", token, {"page": "1", "why": "<b>late</b>"})
    assert said(last) == {"done": "Thank you, Ada!", "code": None}
    again = page.post("answers", token, {"page": "1", "why": "changed"})
    assert said(again)["done"].startswith("You have answered already.")
    assert page.client.get(f"/s/{token}").status_code == 200
    work()
    (response,) = listed(page.client, key, "/responses")
    assert (response["answers"], response["complete"]) == ({"csat": 2, "why": "<b>late</b>"}, True)
    assert [(i.state, i.channel) for i in stored(Invitation)] == [("completed", "web")]
    assert [d.state for d in stored(Delivery)] == ["sent"]


def test_a_popup_and_its_link_are_one_response(page: Page) -> None:
    token = popup_of(page.visit(known(), happening()))["token"]
    page.client.post(f"/s/{token}", data={"page": "0", "csat": "1"})
    done = page.post("answers", token, {"page": "1", "why": "late"})
    assert said(done)["done"] == "Thank you, Ada!"
    assert [r.answers for r in stored(Response)] == [{"csat": 1, "why": "late"}]


@on_sqlite
def test_a_link_that_is_none_or_is_over_is_told_in_words(page: Page, clock: Clock) -> None:
    assert page.post("seen", "x" * 48).status_code == 404
    unknown = page.post("answers", "x" * 48, {"csat": "5"})
    assert (unknown.status_code, said(unknown)["done"][:24]) == (404, "This link does not work.")
    token = popup_of(page.visit(known(), happening()))["token"]
    clock.move(timedelta(days=7))
    over = page.post("answers", token, {"page": "0", "csat": "5"})
    assert (over.status_code, said(over)["done"][:23]) == (200, "This survey has closed.")
    assert stored(Response) == []
