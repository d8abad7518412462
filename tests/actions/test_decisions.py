"""Deciding over time: what waits is decided again, what is called off never goes out, reminders stop at an answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.actions.crises import EndlessCrisis, UnknownCrisis, declare_crisis, end_crisis
from app.actions.deliveries import unsubscribe_person
from app.extensions import db
from app.links import survey_url
from app.models.contacts import Contact
from app.models.decisions import Decision, QuotaUse, Reservation
from app.models.deliveries import Delivery
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.rollups import Tally, TallyCorrection
from app.models.tasks import Task
from tests.services import MailServer
from tests.wire import Clock, event, mails, stored, tell

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEFINITIONS = """
departments: [{slug: care}]
policy:
  limits: [{name: once, max: 1, per: 2d}]
  exempt: [service]
  complaint: {opens_on: [complaint.opened], closes_on: [complaint.resolved]}
surveys:
  - {slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}
triggers:
  - {slug: first, status: live, when: {event: first}, then: [{send: {survey: s}}]}
  - {slug: patient, status: live, fresh: 5d, when: {event: paid}, then: [{send: {survey: s, blocked: defer}},
     {task: {department: care, title: Look}}]}
  - {slug: eager, status: live, fresh: 5d, priority: 90, when: {event: upgraded},
     then: [{send: {survey: s, blocked: defer}}]}
  - {slug: slow, status: live, when: {event: booked}, then: [{send: {survey: s, delay: 1d, cancel_on: [called.off]}}]}
  - {slug: asked-again, status: live, class: service, when: {event: visited},
     then: [{send: {survey: s, remind: {after: 1d, times: 2}, expires: 7d}}]}
  - {slug: few, status: live, class: service, when: {event: seen}, sample: {quota: {invitations: 3, per: 1d}},
     then: [{send: {survey: s}}]}
  - {slug: silent, status: live, when: {event: invitation.expired},
     then: [{task: {department: care, title: Ring}}]}
  - {slug: lapsed, status: live, when: {event: contact.complaint_lapsed},
     then: [{task: {department: care, title: Sorry}}]}
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch, NOON)


@pytest.fixture
def server(app: Flask, define: Callable[[str], None], mail_server: MailServer, clock: Clock) -> MailServer:
    app.config["SMTP_URL"] = mail_server.url
    define(DEFINITIONS)
    return mail_server


@pytest.fixture
def happen(client: FlaskClient, key: dict[str, str], work: Callable[[], None], clock: Clock) -> Callable[..., None]:
    """Something happens to a contact, now, and everything that follows is done."""
    numbers = iter(range(1, 1000))

    def happen(*kinds: str, person: str = "c-1", **properties: Any) -> None:
        who = {"id": person, "email": f"{person}@example.com"}
        tell(client, key, *(
            event(f"e-{next(numbers)}", kind, contact=who, properties=properties, occurred_at=clock.now.isoformat())
            for kind in kinds
        ))  # fmt: skip
        work()

    return happen


def decided(trigger: str) -> list[tuple[str, str | None, datetime | None]]:
    """Outcome, reason and next try of a trigger's decisions, in the order of events."""
    db.session.rollback()
    rows = db.session.execute(
        select(Decision.outcome, Decision.reason, Decision.retry_at)
        .join(Event, Event.id == Decision.event_id)
        .where(
            Decision.trigger_id == select(db.metadata.tables["triggers"].c.id).filter_by(slug=trigger).scalar_subquery()
        )
        .order_by(Event.id)
    )
    return [(outcome, reason, at) for outcome, reason, at in rows]


# -- Waiting


def test_what_a_limit_is_in_the_way_of_waits_until_there_is_room_and_is_asked_once(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("first")
    clock.move(HOUR)
    happen("paid")
    assert decided("patient") == [("deferred", "contact_limit", NOON + 2 * DAY)]
    assert [t.status for t in stored(Task)] == ["open"]  # other actions do not wait
    clock.move(2 * DAY - HOUR - timedelta(seconds=1))
    work()
    assert len(mails(server)) == 1
    clock.move(timedelta(seconds=1))
    work()
    assert decided("patient") == [("invited", None, None)]
    assert len(mails(server)) == 2
    clock.move(3 * DAY)
    work()
    assert (len(mails(server)), len(stored(Task)), len(stored(Decision))) == (2, 1, 2)


def test_of_what_one_contact_waits_with_the_most_important_is_asked(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("first")
    clock.move(HOUR)
    happen("paid")
    happen("upgraded")
    clock.move(2 * DAY)
    work()
    assert decided("patient") == [("skipped", "superseded", None)]
    assert decided("eager") == [("invited", None, None)]
    assert len(mails(server)) == 2


def test_what_waits_too_long_is_given_up(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("first")
    clock.move(HOUR)
    happen("paid")
    clock.move(6 * DAY)
    work()
    assert decided("patient") == [("skipped", "stale", None)]
    assert len(mails(server)) == 1


def test_a_place_that_becomes_free_is_taken_at_once(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("booked")
    clock.move(HOUR)
    happen("paid")
    assert decided("patient") == [("deferred", "contact_limit", NOON + 3 * DAY)]
    happen("called.off")
    assert decided("patient") == [("invited", None, None)]
    assert [(i.state, i.reason) for i in stored(Invitation)] == [("cancelled", "cancelled"), ("open", None)]
    assert len(mails(server)) == 1


def test_a_closed_complaint_wakes_what_waited_for_it(
    happen: Callable[..., None], server: MailServer, clock: Clock
) -> None:
    happen("complaint.opened", complaint="a")
    happen("paid")
    ((outcome, reason, _),) = decided("patient")
    assert (outcome, reason) == ("skipped", "complaint_open")  # 30 days are longer than it is fresh
    clock.move(HOUR)
    happen("complaint.resolved", complaint="a")
    happen("paid")
    assert decided("patient")[1][:2] == ("invited", None)
    assert len(mails(server)) == 1


def test_a_funnel_counts_what_waited_once_as_what_it_came_to(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("first")
    clock.move(HOUR)
    happen("paid")
    clock.move(timedelta(minutes=1))
    work()  # tallied while it waits
    clock.move(2 * DAY)
    work()
    work()
    db.session.rollback()
    rows = db.session.execute(
        select(Tally.outcome, func.sum(Tally.events))
        .where(Tally.type == "paid", Tally.trigger_id != 0)
        .group_by(Tally.outcome)
    )
    assert {outcome: n for outcome, n in rows if n} == {"invited": 1}
    assert stored(TallyCorrection) == []


# -- Called off


def test_what_is_called_off_never_goes_out_and_says_by_what(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("booked", "called.off")
    (asked,) = stored(Invitation)
    assert (asked.state, asked.reason) == ("cancelled", "cancelled")
    assert [e.type for e in stored(Event, Event.id == asked.cause_id)] == ["called.off"]
    assert stored(Reservation) == []
    clock.move(3 * DAY)
    work()
    assert mails(server) == []


def test_what_was_called_off_before_it_was_booked_stands(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("called.off")
    clock.move(HOUR)
    happen("booked")
    clock.move(DAY)
    work()
    assert len(mails(server)) == 1


def test_nobody_elses_promise_is_called_off(happen: Callable[..., None], server: MailServer) -> None:
    happen("booked", person="c-1")
    happen("booked", person="c-2")
    happen("called.off", person="c-2")
    assert [i.state for i in stored(Invitation)] == ["planned", "cancelled"]


# -- Reminders


def test_who_does_not_answer_is_reminded_as_often_as_wanted_each_taking_a_place(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("visited")
    for _ in range(6):
        clock.move(DAY)
        work()
    subjects = [str(mail["Subject"]) for mail in mails(server)]
    assert subjects[1:] == [f"Once more: {subjects[0]}"] * 2
    assert [(d.reminder, d.state) for d in stored(Delivery)] == [(0, "sent"), (1, "sent"), (2, "sent")]
    assert [r.counts_at for r in stored(Reservation)] == [NOON, NOON + DAY, NOON + 2 * DAY]


def test_an_answer_stops_reminders(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None], client: FlaskClient
) -> None:
    happen("visited")
    (asked,) = stored(Invitation)
    assert client.post(survey_url(asked.public_id), data={"nps": "9"}).status_code == 200
    clock.move(2 * DAY)
    work()
    assert len(mails(server)) == 1


def test_whoever_unsubscribes_is_not_reminded(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("visited")
    (person,) = stored(Contact)
    unsubscribe_person(person.id, "anna", clock.now)
    clock.move(2 * DAY)
    work()
    assert len(mails(server)) == 1
    assert [(d.reminder, d.error) for d in stored(Delivery)][1:] == [(1, "unsubscribed")]


def test_a_limit_leaves_no_room_for_a_reminder(
    app: Flask,
    define: Callable[[str], None],
    happen: Callable[..., None],
    server: MailServer,
    clock: Clock,
    work: Callable[[], None],
) -> None:
    define("policy: {limits: [{name: strict, max: 1, per: 30d}]}")
    happen("visited")
    clock.move(2 * DAY)
    work()
    assert len(mails(server)) == 1
    assert [i.state for i in stored(Invitation)] == ["open"]  # the question itself stays open
    assert len(stored(Reservation)) == 1


def test_a_reminder_that_cannot_be_delivered_now_is_tried_again_and_takes_one_place(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("visited")
    server.mailbox.answers["c-1@example.com"] = "451 4.7.0 Try later"
    clock.move(DAY)
    work()
    assert [(d.reminder, d.state) for d in stored(Delivery)][1:] == [(1, "retrying")]
    assert len(stored(Reservation)) == 1
    server.mailbox.answers.clear()
    clock.move(timedelta(minutes=2))
    work()
    assert len(mails(server)) == 2
    assert [r.reminder for r in stored(Reservation)] == [0, 1]


# -- Quotas


def test_a_quota_of_invitations_is_exact_and_begins_anew(
    happen: Callable[..., None], server: MailServer, clock: Clock
) -> None:
    for n in range(5):
        happen("seen", person=f"c-{n}")
    assert [d[:2] for d in decided("few")] == [("invited", None)] * 3 + [("skipped", "quota_full")] * 2
    clock.move(DAY)
    happen("seen", person="c-9")
    assert decided("few")[-1][0] == "invited"
    assert [(q.starts_at.day, q.used) for q in stored(QuotaUse)] == [(23, 3), (24, 1)]


# -- Crises


def test_a_crisis_pauses_what_is_decided_and_what_is_planned_and_tasks_are_urgent(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("booked", place="Riverside")
    crisis_id = declare_crisis("place", "Riverside", clock.now + 2 * DAY, actor="anna", now=clock.now)
    happen("paid", person="c-2", place="Riverside")
    happen("paid", person="c-3", place="Centre")
    assert [d[:2] for d in decided("patient")] == [("deferred", "crisis"), ("invited", None)]
    assert [t.priority for t in stored(Task)] == ["high", "normal"]
    clock.move(DAY)
    work()
    assert [(i.state, i.reason) for i in stored(Invitation)][:1] == [("cancelled", "crisis")]
    end_crisis(crisis_id, actor="anna", now=clock.now)
    work()
    assert [d[:2] for d in decided("patient")] == [("invited", None)] * 2
    with pytest.raises(UnknownCrisis):
        end_crisis(crisis_id, actor="anna", now=clock.now)


@pytest.mark.parametrize("lasts", [timedelta(0), -DAY, 91 * DAY])
def test_a_crisis_has_an_end(server: MailServer, clock: Clock, lasts: timedelta) -> None:
    with pytest.raises(EndlessCrisis):
        declare_crisis("all", "", clock.now + lasts, actor="anna", now=clock.now)


# -- What becomes of things is an event


def test_what_became_of_an_invitation_is_an_event_that_triggers_can_follow(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("first", place="Centre")
    (sent,) = stored(Event, Event.type == "invitation.sent")
    assert (sent.properties["survey"], sent.properties["place"], sent.depth) == ("s", "Centre", 1)
    cause = sent.cause_id
    clock.move(8 * DAY)
    work()
    (expired,) = stored(Event, Event.type == "invitation.expired")
    assert expired.cause_id == cause
    assert len(stored(Task)) == 1


def test_a_complaint_that_nobody_closes_lapses_with_a_notice(
    happen: Callable[..., None], server: MailServer, clock: Clock, work: Callable[[], None]
) -> None:
    happen("complaint.opened", complaint="a")
    clock.move(30 * DAY - HOUR)
    work()
    assert stored(Task) == []
    clock.move(HOUR)
    work()
    work()
    assert len(stored(Task)) == 1
    assert [e.properties["complaint"] for e in stored(Event, Event.type == "contact.complaint_lapsed")] == ["a"]
