"""Roll-ups and tallies against an independent count over the raw facts, on both databases."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.responses import score_responses
from app.actions.rollups import recount_days, recount_lately, tally_events
from app.actions.segments import note_segments
from app.extensions import db, insert_rows, transaction
from app.models.contacts import Contact
from app.models.decisions import Decision
from app.models.events import Event, PendingEvent
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.rollups import DirtyDay, Rollup, Tally
from app.models.segments import Segment
from app.models.surveys import SurveyVersion
from app.models.triggers import Trigger
from app.queries.rollups import DIMENSIONS, TooManyDimensions, figures
from app.queries.work import ready_kinds
from app.text.topics import topics
from tests.company import belongs, found_company, turned
from tests.conftest import Filling
from tests.wire import on_sqlite, stored

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
ZONE = "Asia/Tokyo"  # whose days are not those of UTC
FACTS = ("place", "employee", "product")
DAYS = 20


def day_of(moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(ZONE)).date()


@pytest.fixture
def filling(request: pytest.FixtureRequest) -> Filling | None:
    return found if "company" in request.fixturenames else None


@pytest.fixture
def company(app: Flask) -> None:
    """A company of 1,200 events in twenty days, all counted."""


def found(_app: Flask, _patch: pytest.MonkeyPatch) -> None:
    found_company(1_200, DAYS, NOW)
    settle()


def settle() -> None:
    while score_responses(500, NOW) + note_segments(500) + recount_days(500, ZONE) + tally_events(500, NOW, ZONE):
        pass


Counts = dict[tuple[Any, ...], Counter[str]]


def recounted() -> Counts:
    """Every roll-up there should be, counted one answer at a time."""
    found: Counts = defaultdict(Counter)
    invitations = {i.id: i for i in stored(Invitation)}
    for invitation in invitations.values():
        if invitation.handed_over_at:
            for key in keys(invitation.handed_over_at, invitation, []):
                found[key]["handed_over"] += 1
                found[key]["answered"] += invitation.completed_at is not None
    for response in stored(Response):
        assert response.completed_at is not None
        said = list(topics(response.answers.get("why", "")))
        for key in keys(response.completed_at, invitations[response.invitation_id], said):
            count_scores(response.answers, found[key])
    return {key: +counts for key, counts in found.items() if +counts}


def keys(moment: datetime, invitation: Invitation, said: list[str]) -> Iterator[tuple[Any, ...]]:
    event = db.session.get_one(Event, invitation.event_id)
    version = db.session.get_one(SurveyVersion, invitation.survey_version_id)
    base = (
        day_of(moment),
        version.survey_id,
        invitation.trigger_id,
        invitation.touchpoint,
        invitation.channel,
    )
    yield (*base, "", "")
    for fact in FACTS:
        if fact in event.properties:
            yield (*base, fact, event.properties[fact])
    for topic in said:
        yield (*base, "topic", topic)
    for segment in belongs(event.contact_id or 0, moment, turned(DAYS, NOW), deliveries()[event.contact_id or 0]):
        yield (*base, "segment", segment)


def deliveries() -> dict[int, list[datetime]]:
    """When each customer got a box."""
    rows = db.session.execute(select(Event.contact_id, Event.occurred_at).where(Event.type == "box.delivered"))
    found: dict[int, list[datetime]] = defaultdict(list)
    for contact_id, at in rows:
        found[contact_id or 0].append(at)
    return found


def count_scores(answers: dict[str, Any], counts: Counter[str]) -> None:
    if "nps" in answers:
        score = answers["nps"]
        counts["promoters" if score > 8 else "passives" if score > 6 else "detractors"] += 1
    if "csat" in answers:
        counts.update(csat_count=1, csat_sum=answers["csat"], csat_squares=answers["csat"] ** 2)
        counts["satisfied"] += answers["csat"] > 3
    if "ces" in answers:
        counts.update(ces_count=1, ces_sum=answers["ces"], ces_squares=answers["ces"] ** 2)


def counted() -> Counts:
    """Every roll-up there is."""
    base = ("day", "survey_id", "trigger_id", "touchpoint", "channel", "dimension", "value")
    names = [c.name for c in Rollup.__table__.columns if c.name not in (*base, "id")]
    rows = stored(Rollup)
    found = {tuple(getattr(r, b) for b in base): +Counter({n: getattr(r, n) for n in names}) for r in rows}
    assert len(found) == len(rows), "no row stands twice"
    return {key: counts for key, counts in found.items() if counts}


def test_every_roll_up_is_what_the_raw_facts_come_to(app: Flask, company: None) -> None:
    found = counted()
    assert found == recounted()
    assert {key[5] for key in found} == {"", "place", "employee", "topic", "segment"}


def test_every_tally_is_what_the_raw_facts_come_to(app: Flask, company: None) -> None:
    events = {e.id: e for e in stored(Event)}
    triggers = {t.id: t.slug for t in stored(Trigger)}
    expected: Counter[tuple[Any, ...]] = Counter()

    def add(event: Event, trigger: int, touchpoint: str, outcome: str) -> None:
        base = (day_of(event.occurred_at), event.type, trigger, touchpoint)
        expected[(*base, "", "", outcome)] += 1
        if "place" in event.properties:
            expected[(*base, "place", event.properties["place"], outcome)] += 1

    for event in events.values():
        if event.type not in ("survey.answered", "contact.changed"):
            add(event, 0, event.properties.get("touchpoint", ""), "event")
    points = {"upgrade-nps": "Upgrade", "delivery-csat": "Delivery", "support-ces": ""}
    for decision in stored(Decision):
        slug = triggers[decision.trigger_id]
        touchpoint = events[decision.event_id].properties.get("touchpoint", points[slug])
        add(events[decision.event_id], decision.trigger_id, touchpoint, decision.reason or "invited")
    rows = stored(Tally)
    found = {(r.day, r.type, r.trigger_id, r.touchpoint, r.dimension, r.value, r.outcome): r.events for r in rows}
    assert len(found) == len(rows)
    assert found == expected


@on_sqlite
def test_counting_again_changes_nothing(app: Flask, company: None) -> None:
    before = counted()
    tallied = sum(t.events for t in stored(Tally))
    with transaction() as session:
        insert_rows(session, DirtyDay, [{"moment": NOW - timedelta(days=n)} for n in range(22)])
    settle()
    assert counted() == before
    assert sum(t.events for t in stored(Tally)) == tallied
    assert "score" not in ready_kinds(NOW)


@on_sqlite
def test_an_event_that_waits_holds_back_those_behind_it(app: Flask) -> None:
    found_company(50, 5, NOW)
    with transaction() as session:
        insert_rows(session, PendingEvent, [{"event_id": 31, "ambiguous": False, "attempts": 0}])
    assert tally_events(500, NOW, ZONE) == 30
    assert tally_events(500, NOW, ZONE) == 0
    with transaction() as session:
        session.query(PendingEvent).update({"dead_at": NOW})
    assert "score" in ready_kinds(NOW)
    assert tally_events(500, NOW, ZONE) > 19


@on_sqlite
def test_what_has_just_come_is_left_until_it_has_settled(app: Flask) -> None:
    found_company(50, 5, NOW)
    last = max(e.received_at for e in stored(Event))
    first = min(e.received_at for e in stored(Event))
    assert tally_events(500, first + timedelta(seconds=5), ZONE) == 0
    assert tally_events(500, last + timedelta(seconds=6), ZONE) >= 50


@on_sqlite
def test_a_dimension_is_looked_at_by_group_and_by_value(app: Flask, company: None) -> None:
    whole = figures("csat", None, None, None)[0].figure
    places = {f.group: f.figure.n for f in figures("csat", None, None, "place")}
    assert set(places) == {"Centre", "Riverside", "Northside"}
    assert 0 < sum(places.values()) < whole.n, "some events name no place"
    for place, n in places.items():
        assert place is not None
        assert figures("csat", None, None, None, {"place": place})[0].figure.n == n
    both = {f.group: f.figure.n for f in figures("csat", None, None, "touchpoint", {"place": "Centre"})}
    assert sum(both.values()) == places["Centre"]
    assert {f.group for f in figures("nps", None, None, "topic")} <= {"late", "cold", "price"}


@on_sqlite
def test_a_nightly_recount_mends_the_days_whose_figures_are_not_what_the_facts_come_to(
    app: Flask, company: None
) -> None:
    right = counted()
    assert recount_lately(NOW, ZONE, 30) == []
    with transaction() as session:
        wrong, gone, waiting = session.query(Rollup).filter(Rollup.dimension == "segment").order_by(Rollup.day)[:60:25]
        wrong.handed_over += 1
        session.delete(gone)
        waiting.answered += 1
        days, left = {wrong.day, gone.day}, waiting.day
        noon = datetime.combine(left, time(12), ZoneInfo(ZONE))
        insert_rows(session, DirtyDay, [{"moment": noon}])
    assert len(days | {left}) == 3
    assert set(recount_lately(NOW, ZONE, 30)) == days
    settle()
    assert counted() == right


@on_sqlite
def test_a_segment_is_that_of_the_hand_over_for_rates_and_that_of_the_answer_for_scores(
    app: Flask, company: None
) -> None:
    for metric in ("csat", "response-rate"):
        named = {f.group: f.figure.n for f in figures(metric, None, None, "segment")}
        assert set(named) == {"frequent", "premium"}, metric
        assert 0 < named["premium"] < figures(metric, None, None, None)[0].figure.n
        assert figures(metric, None, None, None, {"segment": "premium"})[0].figure.n == named["premium"]
    with transaction() as session:
        session.query(Contact).update({"attributes": {}})
        insert_rows(session, DirtyDay, [{"moment": NOW - timedelta(days=n)} for n in range(22)])
    before = counted()
    settle()
    assert counted() == before, "who leaves a segment stays in it with what they answered before"


@on_sqlite
def test_whoever_belongs_to_no_segment_is_looked_at_once(app: Flask) -> None:
    found_company(40, 5, NOW)
    with transaction() as session:
        session.query(Segment).update({"archived_at": NOW})
        session.query(DirtyDay).delete()
    assert "score" in ready_kinds(NOW)
    assert note_segments(500) == sum(1 for i in stored(Invitation) if i.handed_over_at)
    assert note_segments(500) == 0
    assert stored(DirtyDay) == []
    assert {i.segments for i in stored(Invitation) if i.handed_over_at} == {""}


@on_sqlite
@pytest.mark.parametrize("other", [d for d in DIMENSIONS if d != "place"])
def test_two_dimensions_are_never_looked_at_together(app: Flask, other: str) -> None:
    with pytest.raises(TooManyDimensions):
        figures("nps", None, None, other, {"place": "Centre"})


@on_sqlite
def test_values_that_are_no_plain_text_are_no_dimension(app: Flask) -> None:
    found_company(40, 5, NOW)
    odd: list[Any] = [{"a": 1}, ["b"], "", "  ", None, 7, "x" * 300, " Centre "]
    with transaction() as session:
        for event in session.query(Event).filter(Event.type.not_in(("survey.answered", "contact.changed"))):
            event.properties = {"place": odd[event.id % len(odd)]}
    while tally_events(500, NOW, ZONE):
        pass
    assert {t.value for t in stored(Tally) if t.dimension} <= {"7", "x" * 100, "Centre"}
