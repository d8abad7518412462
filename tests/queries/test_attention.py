"""A source is silent when it is so for longer than it ever is."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.actions.events import NewEvent, record_events
from app.extensions import db
from app.queries.attention import silent_sources
from app.queries.sources import source_id
from tests.wire import on_sqlite

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def hourly(hours: range) -> list[datetime]:
    return [NOON - timedelta(hours=h) for h in hours]


@on_sqlite
@pytest.mark.parametrize(
    ("moments", "silent"),
    [
        ([], None),
        (hourly(range(4, 8)), None),  # too few to know its rhythm
        (hourly(range(2, 60)), None),  # three hours are not over
        (hourly(range(4, 60)), timedelta(hours=4)),
        ([t for t in hourly(range(9, 120)) if 8 <= t.hour < 20], None),  # it sleeps twelve hours every night
        ([t for t in hourly(range(30, 160)) if 8 <= t.hour < 20], timedelta(hours=41)),
    ],
)
def test_silence_is_told_by_the_rhythm_of_the_source(
    app: Flask, moments: list[datetime], silent: timedelta | None
) -> None:
    api = source_id("api")
    assert api
    for number, at in enumerate(sorted(moments)):
        record_events(api, [NewEvent(f"e-{number}", "order.paid", at, None, {}, b"0" * 16)], at)
    db.session.rollback()
    assert silent_sources(NOON) == ([("api", "api", silent)] if silent else [])
