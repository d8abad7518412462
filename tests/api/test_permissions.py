"""Other systems ask before they write, and tell what they have written: one allowance for all of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.models.decisions import Reservation
from app.models.invitations import Invitation
from app.queries.audits import audit_ledger
from tests.wire import Clock, event, listed, said, stored, tell

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
ADA = {"id": "ada", "email": "ada@example.com", "timezone": "UTC"}
RULES = """
policy:
  limits:
    - {name: one-a-month, max: 1, per: 30d}
    - {name: one-sms, channels: [sms], max: 1, per: 90d}
  exempt: [service]
  quiet_hours: {from: "21:00", to: "09:00", zone: contact}
  complaint: {opens_on: [complaint.opened], closes_on: [complaint.resolved]}
  consent: {marketing: required}
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers: [{slug: t, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]
"""


@pytest.fixture
def clock(define: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock(monkeypatch, NOON)
    define(RULES)
    return found


def ask(client: FlaskClient, key: dict[str, str], search: str = "channel=email") -> Any:
    answer = client.get(f"/api/v1/contacts/ada/may-contact?{search}", headers=key)
    assert answer.status_code == 200, answer.text
    return said(answer)


def sent(number: int, at: datetime, **properties: str) -> dict[str, Any]:
    return event(f"m-{number}", "message.sent", contact=ADA, occurred_at=at.isoformat(), properties=properties)


def test_the_answer_is_that_of_our_own_gates(
    client: FlaskClient, key: dict[str, str], clock: Clock, work: Callable[[], None]
) -> None:
    client.put("/api/v1/contacts/ada", json={k: v for k, v in ADA.items() if k != "id"}, headers=key)
    assert ask(client, key) == {
        "contact": "ada", "may_contact": True, "reason": None, "observed": None, "limit": None, "rule": None,
        "next_possible_at": None, "policy_version": 1,
    }  # fmt: skip
    assert ask(client, key, "channel=email&class=marketing")["reason"] == "no_consent"
    assert ask(client, key, "channel=sms")["may_contact"], "whether they have a phone is not ours to know"
    tell(client, key, event("o-1", contact=ADA))
    work()
    again = ask(client, key)
    assert (again["reason"], again["rule"], again["observed"], again["limit"]) == ("contact_limit", "one-a-month", 1, 1)
    assert again["next_possible_at"] == "2026-04-19T12:00:00Z"
    assert ask(client, key, "channel=email&class=service")["may_contact"]
    clock.move(timedelta(days=40, hours=10))
    quiet = ask(client, key)
    assert (quiet["reason"], quiet["next_possible_at"]) == ("quiet_hours", "2026-04-30T09:00:00Z")
    clock.move(timedelta(hours=12))
    tell(client, key, event("c-1", "complaint.opened", contact=ADA))
    work()
    complaint = ask(client, key)
    assert (complaint["reason"], complaint["next_possible_at"]) == ("complaint_open", "2026-05-30T10:00:00Z")
    assert len(stored(Reservation)) == 1, "asking takes no place"


@pytest.mark.parametrize("search", ["", "channel=pigeon", "channel=email&class=love", "channel=email&x=1"])
def test_nonsense_is_named(client: FlaskClient, key: dict[str, str], clock: Clock, search: str) -> None:
    client.put("/api/v1/contacts/ada", json={}, headers=key)
    assert client.get(f"/api/v1/contacts/ada/may-contact?{search}", headers=key).status_code == 422
    assert client.get("/api/v1/contacts/bo/may-contact?channel=email", headers=key).status_code == 404


def test_what_another_system_sent_counts_once_at_the_time_it_was_sent(
    client: FlaskClient, key: dict[str, str], clock: Clock, work: Callable[[], None]
) -> None:
    before = NOON - timedelta(days=10)
    tell(
        client,
        key,
        sent(1, before, channel="sms", survey="csat"),
        sent(2, before, channel="email", **{"class": "service"}),
    )
    client.post("/api/v1/events", json=[sent(1, before, channel="sms", survey="csat")], headers=key)
    # In one batch with what it stands in the way of.
    tell(client, key, event("o-1", contact=ADA))
    work()
    [invited] = listed(client, key, "/decisions?contact=ada")
    assert (invited["outcome"], invited["reason"]) == ("skipped", "contact_limit")
    assert stored(Invitation) == []
    counted = stored(Reservation)
    assert {(r.trigger, r.counts_at) for r in counted} == {("", before)}
    assert [(r.channel, r.class_, r.survey, r.address_id is None) for r in counted] == [
        ("sms", "transactional", "csat", True),
        ("email", "service", None, False),
    ]
    assert ask(client, key)["next_possible_at"] == "2026-04-09T12:00:00Z"
    later = ask(client, key, "channel=sms")
    assert (later["rule"], later["next_possible_at"]) == ("one-a-month", "2026-06-08T12:00:00Z")
    clock.move(timedelta(days=21))
    earlier = (clock() - timedelta(minutes=1)).isoformat()
    tell(
        client, key, event("o-2", contact=ADA, occurred_at=earlier), sent(3, clock(), channel="push"), sent(4, clock())
    )
    work()  # promised, and called off at hand-over: the others were faster
    assert [(i.state, i.reason) for i in stored(Invitation)] == [("cancelled", "contact_limit")]
    assert len(stored(Reservation)) == 4
    assert audit_ledger(clock() + timedelta(days=1)).found == 0, "nobody asked us"
