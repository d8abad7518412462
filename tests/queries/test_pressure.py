"""Pressure is what an independent count over the plain rows comes to."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clock import utcnow
from app.extensions import insert_rows, transaction
from app.models.contacts import Contact
from app.models.decisions import Reservation
from app.models.invitations import Invitation
from app.queries.pressure import BEFORE, LEAVES, SPANS, effects, times_asked
from surveys.statistics import share, shown
from tests.company import found_company
from tests.conftest import Filling
from tests.wire import said, stored

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


@pytest.fixture
def filling() -> Filling:
    return found


def found(_app: Flask, _patch: pytest.MonkeyPatch) -> None:
    """A company whose every message took a place, and of whose customers one in seven left after their last one."""
    found_company(1_500, 300, NOW)
    sent = [i for i in stored(Invitation) if i.handed_over_at]
    places = [
        {"invitation_id": i.id, "contact_id": i.contact_id, "address_id": i.address_id, "class": i.class_,
         "channel": "email", "survey": "relation", "trigger": "ask", "counts_at": i.handed_over_at}
        for i in sent
    ]  # fmt: skip
    with transaction() as session:
        insert_rows(session, Reservation, places)
        last = {i.contact_id: i.handed_over_at for i in sorted(sent, key=lambda i: i.handed_over_at or NOW)}
        for contact in session.query(Contact):
            if contact.id % 7 == 0 and contact.id in last:
                contact.unsubscribed_at = (last[contact.id] or NOW) + timedelta(days=contact.id % 5 * 10)


def test_pressure_is_what_the_plain_rows_come_to(app: Flask) -> None:
    contacts = {c.id: c for c in stored(Contact)}
    messages = [i for i in stored(Invitation) if i.handed_over_at]
    times: dict[int, list[datetime]] = {c: [] for c in contacts}
    for message in messages:
        assert message.handed_over_at is not None
        times[message.contact_id].append(message.handed_over_at)
    for held in times.values():
        held.sort()
    for asked in times_asked(NOW):
        since = NOW - timedelta(days=asked.days)
        counted = Counter(min(3, sum(at > since for at in held)) for held in times.values())
        assert asked.times == tuple(counted[n] for n in range(4)), asked
        assert asked.contacts == sum(asked.times) == len(contacts)
    begin = NOW - timedelta(days=200)
    groups: dict[int, Counter[str]] = {n: Counter() for n in range(4)}
    for message in messages:
        at, held = message.handed_over_at, times[message.contact_id]
        assert at is not None
        if not begin <= at < NOW:
            continue
        before = bisect_right(held, at) - bisect_left(held, at - BEFORE) - 1
        later = held[bisect_right(held, at) :]
        left = contacts[message.contact_id].unsubscribed_at
        gone = left is not None and at <= left < at + LEAVES and (not later or left < later[0])
        groups[min(3, before)].update(n=1, answered=message.completed_at is not None, gone=gone)
    shown_groups = effects(begin, NOW)
    assert len(SPANS) == 3
    for effect in shown_groups:
        group = groups[effect.messages]
        assert effect.n == group["n"], effect
        assert effect.response == shown(share(group["answered"], group["n"]))
        assert effect.unsubscribe == shown(share(group["gone"], group["n"]))
    assert sum(e.n > 0 for e in shown_groups) >= 3
    assert any(groups[n]["gone"] for n in groups)


def test_the_api_tells_it_for_a_segment_too(
    app: Flask, client: FlaskClient, key: dict[str, str], define: Callable[[str], None]
) -> None:
    define("segments: [{slug: ones, if: {field: contact.name, op: starts_with, value: Person 1}}]")
    ones = said(client.get("/api/v1/metrics/pressure?segment=ones", headers=key))["asked"]
    assert [sum(a["times"].values()) for a in ones] == [a["contacts"] for a in ones] == [12, 12, 12]
    assert times_asked(utcnow(), "ones")[2].times[3] > 0
    told = said(client.get("/api/v1/metrics/pressure?from=2025-09-01&to=2026-03-20", headers=key))
    assert [a["days"] for a in told["asked"]] == [30, 90, 365]
    assert [e["messages"] for e in told["effects"]] == ["0", "1", "2", "3+"]
    assert client.get("/api/v1/metrics/pressure?segment=none", headers=key).status_code == 404
    assert client.get("/api/v1/metrics/pressure?from=2026-01-02&to=2026-01-01", headers=key).status_code == 422
