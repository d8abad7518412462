"""Conditions in SQL against the pure rule: generated trees over a crowd of odd contacts, on both databases."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from sqlalchemy import false, func, select

from app.extensions import db, insert_rows, transaction
from app.models.contacts import Contact
from app.models.events import Event
from app.models.sources import Source
from app.queries.conditions import CONTACTS, narrowed
from app.queries.members import holding
from surveys.conditions import Facts, read_condition
from surveys.definition import read
from tests.trees import NUMBERS, POSTED, TEXTS, every_comparison, of_contacts

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
CROWD = 400
NEVER = {"field": "contact.attributes.a", "op": "between", "value": ["", 0]}


def found_crowd(seed: int) -> None:
    """Contacts with everything odd in their attributes and in their events."""
    chance = Random(seed)
    people: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for number in range(1, CROWD + 1):
        attributes = {key: chance.choice(POSTED) for key in ("a", "b", "c", "ключ") if chance.random() < 0.8}
        people.append({
            "id": number, "public_id": f"ct_{number}", "sampling_id": str(number), "profile_at": AT, "created_at": AT,
            "name": chance.choice([*TEXTS, None]), "locale": chance.choice(["ru", "en", None]),
            "timezone": chance.choice(["Europe/Moscow", None]), "consents": {},
            "attributes": {key: value for key, value in attributes.items() if value is not None},
        })  # fmt: skip
        for _ in range(chance.choice([0, 0, 1, 2, 5])):
            ago = timedelta(days=chance.choice([0, 1 / 16, 7, 8.5, 30, -1, 100 * chance.random()]))
            amount = chance.choice([*NUMBERS, 0.1, 0.2, "5", None, True])
            events.append({
                "id": len(events) + 1, "external_id": str(len(events)), "occurred_at": AT - ago, "received_at": AT,
                "type": chance.choice(["order.paid", "visit.made"]), "contact_id": number,
                "properties": {"a": chance.choice(POSTED), "b": chance.choice(POSTED), "n": amount},
                "depth": 0, "history": False,
            })  # fmt: skip
    with transaction() as session:
        source = session.scalars(select(Source.id)).first()
        insert_rows(session, Contact, people)
        insert_rows(session, Event, [event | {"source_id": source} for event in events])


@pytest.fixture
def crowd(app: Flask) -> None:
    found_crowd(7)


@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example({"events": "order.paid", "count": True, "where": NEVER, "op": "eq", "value": 0})
@given(of_contacts)
def test_sql_loses_nobody_and_is_certain_of_nobody_else(crowd: None, tree: Any) -> None:
    condition = read(tree, read_condition)
    db.session.rollback()
    expected = holding(range(1, CROWD + 1), condition, AT)
    for one_by_one in (False, True):
        found = narrowed(condition, AT, one_by_one=one_by_one)
        rows = db.session.execute(
            select(CONTACTS.c.id, func.coalesce(found.certain, false()))
            .select_from(found.source)
            .where(found.expression)
        ).all()
        possible, certain = {row[0] for row in rows}, {row[0] for row in rows if row[1]}
        assert expected <= possible
        assert certain <= expected
        if found.exact:
            assert expected == possible


def test_every_comparison_with_every_value_agrees(app: Flask) -> None:
    """One contact per value; only a date is left to Python, and only on PostgreSQL."""
    with transaction() as session:
        insert_rows(session, Contact, [
            {"id": number, "public_id": f"ct_{number}", "sampling_id": "", "profile_at": AT, "created_at": AT,
             "consents": {}, "attributes": {"a": value}}
            for number, value in enumerate(POSTED, 1)
        ])  # fmt: skip
    stored = db.session.execute(select(CONTACTS.c.id, CONTACTS.c.attributes)).all()
    facts = {number: Facts({"contact": {"attributes": attributes}}, AT) for number, attributes in stored}
    for tree in every_comparison("contact.attributes.a"):
        condition = read(tree, read_condition)
        found = narrowed(condition, AT)
        rows = db.session.execute(select(CONTACTS.c.id, func.coalesce(found.certain, false())).where(found.expression))
        possible = {number: certain for number, certain in rows}
        expected = {number for number, seen in facts.items() if condition.holds(seen)}
        assert {n for n, certain in possible.items() if certain} <= expected <= set(possible), tree
        assert not found.exact or expected == set(possible), tree
        assert found.exact or tree["op"] == "within_days"
