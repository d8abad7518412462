"""Rehearsals: the same rules on past events; equal to what really happened, and never a trace of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.definitions import load_definitions
from app.definitions.drafts import draft_of
from app.extensions import db
from app.models.decisions import Decision
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.timers import Timer
from app.models.triggers import Trigger
from app.queries.rehearsals import Cancelled, Draft, Span, rehearse
from surveys.decision import Decision as Result
from surveys.gates import Event as Happened
from surveys.sampling import draw
from tests.wire import Clock, event, everything, on_sqlite, said, tell

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SILENCE = 6 * DAY
START = datetime(2026, 10, 1, tzinfo=UTC)
MONTH = Span(START, START + 30 * DAY, "UTC")
LIVE = """
departments: [{slug: care}]
policy:
  limits: [{name: once, max: 1, per: 10d}, {name: rare, classes: [relationship], max: 1, per: 20d}]
  exempt: [service]
  quiet_hours: {from: "21:00", to: "09:00", zone: contact}
  complaint: {opens_on: [complaint.opened], closes_on: [complaint.resolved]}
  consent: {marketing: required}
segments: [{slug: loyal, if: {events: order.paid, count: true, within: 30d, op: gte, value: 3}}]
surveys:
  - {slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}
triggers:
  - {slug: paid, status: live, when: {event: order.paid}, if: {field: properties.amount, op: gte, value: 30},
     sample: {rate: 0.7, redraw: 7d, holdout: 0.2}, fresh: 4d,
     then: [{send: {survey: s, blocked: defer, cancel_on: [order.returned]}}]}
  - {slug: big, status: live, priority: 80, when: {event: order.paid}, class: relationship,
     if: {field: properties.amount, op: gte, value: 70}, then: [{send: {survey: s, delay: 2h}}]}
  - {slug: pro, status: live, when: {event: order.paid}, if: {field: contact.attributes.plan, op: eq, value: pro},
     class: service, then: [{send: {survey: s}}]}
  - {slug: loyal, status: live, when: {event: page.viewed}, if: {field: contact.segments, op: contains, value: loyal},
     then: [{send: {survey: s, blocked: defer}}, {task: {department: care, title: Look}}]}
  - {slug: first, status: live, when: {event: order.paid, occurrence: first}, class: service,
     then: [{send: {survey: s}}]}
  - {slug: silent, status: live, when: {inactive_for: 6d, since: [order.paid]}, then: [{send: {survey: s}}]}
  - {slug: left, status: live, when: {event: page.viewed, without: order.paid, within: 3h}, class: service,
     then: [{send: {survey: s}}]}
"""
KINDS = ("order.paid", "order.paid", "order.paid", "page.viewed", "page.viewed", "order.returned", "complaint.opened",
         "complaint.resolved")  # fmt: skip


def chance(what: str, number: int) -> float:
    return draw(b"month", what, str(number))


def month(people: int, events: int) -> list[dict[str, Any]]:
    """A month of events, in order, each at a moment of its own."""
    told = []
    for n in range(events):
        person = int(chance("who", n) * people)
        block: dict[str, Any] = {"id": f"c-{person}", "email": f"c{person}@example.com"}
        if person % 3:
            block["timezone"] = ("Europe/Moscow", "America/New_York")[person % 2]
        if chance("plan", n) < 0.1:
            block["attributes"] = {"plan": "pro" if chance("pro", n) < 0.5 else "free"}
        told.append(
            event(
                f"e-{n}",
                KINDS[int(chance("kind", n) * len(KINDS))],
                contact=block,
                occurred_at=(START + 29 * DAY * n / events).isoformat(),
                properties={"amount": int(chance("amount", n) * 100), "complaint": "x"},
            )
        )
    return told


def next_due(now: datetime) -> datetime | None:
    """The next moment at which there is something to do."""
    db.session.rollback()
    columns: list[Any] = [Decision.retry_at, Invitation.due_at, Timer.due_at]
    found = [db.session.scalar(select(func.min(column)).where(column > now)) for column in columns]
    last = select(func.min(Event.occurred_at)).where(Event.type == "order.paid", Event.occurred_at > now - SILENCE)
    found.append(at + SILENCE if (at := db.session.scalar(last)) else None)
    return min((at for at in found if at is not None), default=None)


def live_decisions() -> dict[tuple[str, datetime, str], tuple[str, str | None]]:
    """What was decided, by trigger, moment and event."""
    db.session.rollback()
    rows = db.session.execute(
        select(Trigger.slug, Event.occurred_at, Event.type, Event.contact_id, Decision.outcome, Decision.reason)
        .join(Event, Event.id == Decision.event_id)
        .join(Trigger, Trigger.id == Decision.trigger_id)
    )
    return {(slug, at, f"{kind} {who}"): (outcome, reason) for slug, at, kind, who, outcome, reason in rows}


def test_a_rehearsal_of_a_month_decides_every_event_as_it_was_decided(
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    app: Flask,
) -> None:
    clock = Clock(monkeypatch, START - HOUR)
    define(LIVE)
    work()
    told = month(people=30, events=200)
    for one in told:
        at = datetime.fromisoformat(one["occurred_at"])
        while (due := next_due(clock.now)) and due < at:  # whatever falls due in between is done in its moment
            clock.now = due
            work()
        clock.now = at
        tell(client, key, one)
        work()
    lived = live_decisions()
    seen: dict[tuple[str, datetime, str], tuple[str, str | None]] = {}

    def record(happened: Happened, contact_id: int | None, result: Result) -> None:
        key = (result.trigger.slug, happened.occurred_at, f"{happened.type} {contact_id}")
        seen[key] = (result.outcome, result.closed.reason if result.closed else None)

    rehearse(Draft(), Span(START, clock.now + timedelta(minutes=1), "UTC"), record=record)
    different = {k: (lived.get(k), seen.get(k)) for k in {*lived, *seen} if lived.get(k) != seen.get(k)}
    assert len(lived) > 80
    assert {reason for _, reason in lived.values()} >= {
        *("contact_limit", "not_sampled", "complaint_open", "superseded", "holdout"),
    }
    assert {slug for (slug, _, _), (outcome, _) in lived.items() if outcome == "invited"} == {
        *("paid", "big", "pro", "loyal", "first", "silent", "left"),
    }
    assert different == {}


def filled(client: FlaskClient, key: dict[str, str], work: Callable[[], None], define: Callable[[str], None]) -> None:
    """A past without any rules, and what is in force afterwards."""
    tell(client, key, *month(people=20, events=120))
    work()
    define(LIVE)


DRAFT = """
policy: {limits: [{name: calm, max: 1, per: 25d}]}
triggers: [{slug: new, status: draft, when: {event: page.viewed}, then: [{send: {survey: s}}]}]
"""


def drafted() -> Draft:
    loaded = load_definitions({"draft.yaml": DRAFT})
    assert not loaded.faults
    return draft_of(loaded.catalog)


@on_sqlite
def test_a_draft_is_rehearsed_beside_what_is_in_force_and_leaves_no_trace(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None], define: Callable[[str], None]
) -> None:
    filled(client, key, work, define)
    before = everything()
    result = rehearse(drafted(), MONTH, compare=True)
    assert everything() == before
    assert result["events"] == 120
    new, old = result["triggers"], result["in_force"]["triggers"]
    assert "new" in new
    assert "new" not in old
    assert new["new"]["matched"] > 0
    for count in (*new.values(), *old.values()):
        assert count["matched"] == sum(count[k] for k in ("invited", "deferred", "acted")) + sum(
            count["skipped"].values()
        )
    asked = sum(int(times) * n for times, n in result["contacts"].items())
    assert asked == result["questions"] == sum(sum(day.values()) for day in result["days"].values())
    assert sum(result["contacts"].values()) == 20
    differing = {row["contact"] for row in result["differing"]["contacts"]}
    assert 0 < result["differing"]["total"] == len(differing) <= 20
    assert rehearse(drafted(), MONTH, compare=True) == result


@on_sqlite
def test_nobody_differs_where_nothing_does(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None], define: Callable[[str], None]
) -> None:
    filled(client, key, work, define)
    extra = "triggers: [{slug: new, status: draft, when: {event: never.seen}, then: [{send: {survey: s}}]}]"
    result = rehearse(draft_of(load_definitions({"draft.yaml": extra}).catalog), MONTH, compare=True)
    assert result["in_force"]["triggers"]["silent"]["invited"] > 0  # moments, too, are the same in both courses
    assert result["differing"] == {"total": 0, "contacts": []}


@on_sqlite
def test_what_differs_has_the_reason_of_the_very_event(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None], define: Callable[[str], None]
) -> None:
    """Ada is passed over twice: by the draft's limit, and much later for a complaint that both courses know."""
    ada = {"id": "ada", "email": "ada@example.com"}
    for n, (day, kind) in enumerate([(1, "order.paid"), (13, "order.paid"), (26, "complaint.opened"),
                                     (27, "order.paid")]):  # fmt: skip
        at = (START + day * DAY).isoformat()
        tell(client, key, event(f"e-{n}", kind, contact=ada, occurred_at=at, properties={"amount": 5}))
    work()
    define(
        """
policy:
  limits: [{name: once, max: 1, per: 10d}]
  complaint: {opens_on: [complaint.opened], closes_on: [complaint.resolved]}
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers: [{slug: paid, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]
"""
    )
    told: list[Any] = []
    draft = """
policy:
  limits: [{name: calm, max: 1, per: 25d}]
  complaint: {opens_on: [complaint.opened], closes_on: [complaint.resolved]}
"""
    result = rehearse(
        draft_of(load_definitions({"draft.yaml": draft}).catalog), MONTH, compare=True, differ=told.extend
    )
    [one] = told
    assert (one["before"], one["after"], one["lost"], one["reason"]) == (2, 1, ["paid"], "contact_limit")
    assert one["refused"] == {
        "at": (START + 13 * DAY).isoformat(),
        "observed": 1,
        "limit": 1,
        "rule": "calm",
        "per": 25 * 86_400,
        "heard_at": (START + DAY).isoformat(),
        "next_possible_at": (START + 26 * DAY).isoformat(),
    }
    assert result["closest"] is None
    assert result["in_force"]["closest"] == 12 * 86_400


@on_sqlite
def test_a_rehearsal_can_be_stopped(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None], define: Callable[[str], None]
) -> None:
    filled(client, key, work, define)
    with pytest.raises(Cancelled):
        rehearse(Draft(), MONTH, progress=lambda _done: False)


@on_sqlite
def test_profiles_are_as_they_were_then(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None], define: Callable[[str], None]
) -> None:
    plans: list[dict[str, Any]] = [{"plan": "free"}, {}, {"plan": "pro"}, {}]
    for day, attributes in enumerate(plans):
        who = {"id": "c-1", "email": "a@example.com", "attributes": attributes}
        at = (START + day * DAY).isoformat()
        tell(client, key, event(f"e-{day}", "order.paid", contact=who, occurred_at=at))
        work()
    define(LIVE)
    for since, matched in ((START, 2), (START + 2 * DAY, 2), (START + 3 * DAY, 1)):
        result = rehearse(Draft(), Span(since, START + 5 * DAY, "UTC"))
        assert result["triggers"]["pro"]["matched"] == matched


@on_sqlite
def test_the_api_rehearses_in_the_background_and_says_how_far_it_is(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None], define: Callable[[str], None]
) -> None:
    filled(client, key, work, define)
    body = {"definitions": {"policy": {"limits": [{"name": "calm", "max": 1, "per": "25d"}]}}, "from": "2026-10-01"}
    answer = client.post("/api/v1/simulations", json=body | {"to": "2026-10-31"}, headers=key)
    assert (answer.status_code, said(answer)["state"], said(answer)["total"]) == (202, "waiting", 120)
    work()
    done = said(client.get(f"/api/v1/simulations/{said(answer)['id']}", headers=key))
    assert (done["state"], done["done"], done["events"]) == ("done", 120, 120)
    assert {"triggers", "contacts", "days", "in_force", "differing"} <= set(done)
    for wrong, field in (({"to": "2026-09-01"}, "to"), ({"from": "2020-01-01", "to": "2020-02-01"}, "from"),
                         ({"definitions": {"policy": {"limits": 7}}, "to": "2026-10-31"}, "definitions")):  # fmt: skip
        refused = client.post("/api/v1/simulations", json=body | wrong, headers=key)
        assert (refused.status_code, list(said(refused)["errors"])) == (422, [field])
    cancelled = client.post("/api/v1/simulations", json=body | {"to": "2026-10-31"}, headers=key)
    stopped = client.delete(f"/api/v1/simulations/{said(cancelled)['id']}", headers=key)
    work()
    assert said(stopped)["state"] == "cancelled"
    assert said(client.get(f"/api/v1/simulations/{said(cancelled)['id']}", headers=key))["state"] == "cancelled"
