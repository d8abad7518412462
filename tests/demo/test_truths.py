"""What was planted in Meadow can be seen in it, each with its verdict."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.demo.customers import CENTRE, NORTHSIDE, RIVERSIDE, SLOW_COURIER
from app.demo.happenings import Calendar
from app.demo.people import COURIERS, PLACES, VICTOR
from app.extensions import db
from app.models.contacts import Contact
from app.models.decisions import Decision
from app.models.deliveries import Delivery
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response, Score
from app.models.rollups import Marker, ResponseTopic
from app.models.sources import Payload, Source
from app.models.tasks import Task
from app.models.triggers import Trigger
from surveys.statistics import Comparison, compare_means, compare_nps, compare_shares, nps, t_quantile
from tests.demo.conftest import Made

pytestmark = pytest.mark.usefixtures("meadow")


@pytest.fixture
def calendar(made: Made, meadow: Flask) -> Calendar:
    from zoneinfo import ZoneInfo

    return Calendar(made.now, ZoneInfo(meadow.config["COMPANY_ZONE"]))


def sums(values: Sequence[float]) -> tuple[float, float, int]:
    return sum(values), sum(v * v for v in values), len(values)


def rated(
    metric: str,
    trigger: str | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
    **properties: str,
) -> list[float]:
    """The scores of answers between two moments, about events with these properties."""
    query = (
        select(Score.value)
        .join(Response, Response.id == Score.response_id)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .join(Trigger, Trigger.id == Invitation.trigger_id)
        .join(Event, Event.id == Invitation.event_id)
        .where(Score.metric == metric)
    )
    if trigger:
        query = query.where(Trigger.slug == trigger)
    if begin:
        query = query.where(Response.completed_at >= begin)
    if end:
        query = query.where(Response.completed_at < end)
    for name, value in properties.items():
        query = query.where(Event.properties[name].as_string() == value)
    return list(db.session.scalars(query))


def before_and_after(calendar: Calendar, days: int, place: int) -> tuple[list[float], list[float]]:
    """Delivery scores of a place in so many days up to now, and in as many days before."""
    turn, begin, name = calendar.since(days), calendar.since(2 * days), PLACES["en"][place]
    return (
        rated("csat", "delivery-csat", begin, turn, place=name),
        rated("csat", "delivery-csat", turn, None, place=name),
    )


def moved(before: Sequence[float], after: Sequence[float]) -> Comparison:
    return compare_means(sums(after), sums(before))


def test_delivery_in_riverside_fell_six_weeks_ago(calendar: Calendar) -> None:
    before, after = before_and_after(calendar, 42, RIVERSIDE)
    change = moved(before, after)
    assert change.verdict == "changed"
    assert change.difference == pytest.approx(-0.5, abs=0.15)
    assert change.half_width == pytest.approx(0.3, abs=0.08)
    assert len(before) == pytest.approx(74, abs=18)
    assert len(after) == pytest.approx(68, abs=18)


def test_it_is_about_being_late(calendar: Calendar) -> None:
    rows = db.session.execute(
        select(ResponseTopic.topic, Score.value)
        .join(Response, Response.id == ResponseTopic.response_id)
        .join(Score, Score.response_id == Response.id)
        .join(Invitation, Invitation.id == Response.invitation_id)
        .join(Event, Event.id == Invitation.event_id)
        .where(
            Response.completed_at >= calendar.since(42),
            Event.type == "order.delivered",
            Event.properties["place"].as_string() == "Riverside",
            Score.value <= 3,
        )
    )
    counted = Counter(topic for topic, _ in rows)
    assert counted.most_common(1)[0][0] == "late"
    assert counted["late"] > counted.total() / 2


def test_delivery_in_northside_rose_with_slots_by_app_three_weeks_ago(calendar: Calendar) -> None:
    before, after = before_and_after(calendar, 21, NORTHSIDE)
    change = moved(before, after)
    assert change.verdict == "changed"
    assert change.difference == pytest.approx(0.4, abs=0.12)
    assert change.half_width == pytest.approx(0.3, abs=0.08)
    assert len(before) == pytest.approx(70, abs=18)
    assert len(after) == pytest.approx(66, abs=18)
    marker = db.session.scalars(select(Marker)).one()
    assert (marker.text, marker.place, marker.day) == (
        "delivery slots by app",
        "Northside",
        calendar.today - timedelta(days=21),
    )


def test_centre_stayed_as_it_was(calendar: Calendar) -> None:
    for days in (21, 42):
        assert moved(*before_and_after(calendar, days, CENTRE)).verdict == "no_change_seen"


def of_nps(values: Sequence[float]) -> tuple[int, int, int]:
    promoters, detractors = sum(v >= 9 for v in values), sum(v <= 6 for v in values)
    return promoters, len(values) - promoters - detractors, detractors


def test_the_nps_looks_better_and_no_change_is_seen(calendar: Calendar) -> None:
    turn, begin = calendar.since(42), calendar.since(84)
    before, after = of_nps(rated("nps", begin=begin, end=turn)), of_nps(rated("nps", begin=turn))
    change = compare_nps(after, before)
    assert change.verdict == "no_change_seen"
    assert change.difference == pytest.approx(3, abs=4)
    assert change.n == pytest.approx(181, abs=30)
    assert change.before == pytest.approx(180, abs=30)
    figure, earlier = nps(*after), nps(*before)
    assert figure.value == pytest.approx(31, abs=3)
    for found in (figure, earlier):
        assert found.low is not None
        assert found.high is not None
        assert (found.high - found.low) / 2 == pytest.approx(12, abs=2)


def test_the_weekly_csat_leaves_no_room_for_the_quarterly_nps() -> None:
    rows = db.session.execute(
        select(Decision.outcome, Decision.reason, Decision.detail)
        .join(Trigger, Trigger.id == Decision.trigger_id)
        .where(Trigger.slug == "quarterly-nps")
    ).all()
    reached = [row for row in rows if row.outcome == "invited" or row.reason == "contact_limit"]
    too_soon = [row for row in reached if row.reason == "contact_limit"]
    assert 0.65 <= len(too_soon) / len(reached) <= 0.85
    assert sum(row.detail["rule"] == "one-a-month" for row in too_soon) > 0.85 * len(too_soon)
    taken = Counter(
        db.session.scalars(
            select(Trigger.slug)
            .join(Invitation, Invitation.trigger_id == Trigger.id)
            .where(Invitation.class_ != "service", Invitation.handed_over_at.is_not(None))
        )
    )
    assert taken["delivery-csat"] > 0.65 * taken.total()


def test_one_of_eight_couriers_is_really_lower(calendar: Calendar) -> None:
    """Eight looks at one company: the level is divided by eight (Bonferroni), so the interval is wider by a factor."""
    begin = calendar.begins
    names = [name for couriers in COURIERS["en"] for name in couriers]
    everybody = {name: rated("csat", "delivery-csat", begin, employee=name) for name in names}
    wider = 2.73 / t_quantile(1_000)
    lower = []
    for name, own in everybody.items():
        change = moved([v for other, values in everybody.items() if other != name for v in values], own)
        assert change.difference is not None
        assert change.half_width is not None
        if change.difference < -wider * change.half_width:
            lower.append(name)
    assert lower == [COURIERS["en"][CENTRE][SLOW_COURIER]]


def test_the_effect_of_win_back_cannot_be_told_yet() -> None:
    rows = db.session.execute(
        select(Decision.contact_id, Decision.outcome, Decision.reason, Event.occurred_at)
        .join(Event, Event.id == Decision.event_id)
        .join(Trigger, Trigger.id == Decision.trigger_id)
        .where(Trigger.slug == "win-back")
    ).all()
    back = dict(
        db.session.execute(
            select(Event.contact_id, Event.occurred_at).where(
                Event.type == "subscription.started", Event.properties["returning"].as_boolean().is_(True)
            )
        ).all()
    )

    def returned(chosen: Sequence[Any]) -> tuple[int, int]:
        return sum(row.contact_id in back and back[row.contact_id] > row.occurred_at for row in chosen), len(chosen)

    asked = returned([row for row in rows if row.outcome == "invited"])
    unasked = returned([row for row in rows if row.reason == "holdout"])
    assert asked[1] == pytest.approx(190, abs=6)
    assert unasked[1] == pytest.approx(22, abs=2)
    assert 100 * asked[0] / asked[1] == pytest.approx(14, abs=1.5)
    assert 100 * unasked[0] / unasked[1] == pytest.approx(9, abs=1.5)
    change = compare_shares(asked, unasked)
    assert change.verdict == "no_change_seen"
    assert change.half_width == pytest.approx(19, abs=2)


def test_three_payloads_of_the_support_desk_were_refused() -> None:
    payloads = db.session.scalars(select(Payload).join(Source).where(Source.slug == "support-desk")).all()
    assert [p.state for p in payloads] == ["refused"] * 3
    assert [sorted(p.errors or {}) for p in payloads] == [["occurred_at"], ["occurred_at"], ["contact"]]


def test_one_sending_is_unknown() -> None:
    (lost,) = db.session.scalars(select(Delivery).where(Delivery.state == "unknown"))
    invitation = db.session.get_one(Invitation, lost.invitation_id)
    assert (invitation.state, lost.settled_at, lost.message_id) == ("open", None, None)


def test_two_tasks_are_overdue_and_more_are_open(made: Made) -> None:
    still = db.session.scalars(select(Task).where(Task.resolved_at.is_(None))).all()
    assert sum(task.due_at is not None and task.due_at < made.now for task in still) == 2
    assert len(still) >= 3


def test_victor_was_not_asked_five_times_for_five_reasons() -> None:
    victor = db.session.scalars(select(Contact).where(Contact.name == VICTOR["en"])).one()
    rows = db.session.execute(
        select(Decision.outcome, Decision.reason)
        .join(Trigger, Trigger.id == Decision.trigger_id)
        .join(Event, Event.id == Decision.event_id)
        .where(Decision.contact_id == victor.id, Event.type.not_like("task.%"), Decision.outcome != "acted")
        .order_by(Event.occurred_at)
    ).all()
    assert [reason or outcome for outcome, reason in rows] == [
        "not_sampled",
        "invited",
        "contact_limit",
        "holdout",
        "complaint_open",
        "unsubscribed",
    ]
