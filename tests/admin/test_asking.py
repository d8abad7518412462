"""Ask customers: a plain form that becomes a draft trigger."""

from collections.abc import Callable

import pytest
from flask import Flask

from app.models.invitations import Invitation
from app.queries.triggers import trigger_definitions
from tests.admin.conftest import Person
from tests.wire import on_sqlite, stored

SignIn = Callable[..., Person]


@on_sqlite
@pytest.mark.parametrize(
    ("fields", "when"),
    [
        ({"kind": "event", "event": "order.paid"}, {"event": "order.paid"}),
        ({"kind": "event", "event": "ticket.closed"}, {"event": "ticket.closed"}),
        (
            {"kind": "silence", "days": "45", "since": "order.paid"},
            {"inactive_for": "45d", "since": ["order.paid"]},
        ),
        (
            {"kind": "date", "attribute": "birthday", "before": "7", "yearly": "y"},
            {"date": "contact.attributes.birthday", "yearly": True, "offset": "-7d"},
        ),
        ({"kind": "now", "segment": "premium"}, {"now": "premium"}),
    ],
)
def test_a_choice_becomes_a_draft_that_asks_nobody(
    app: Flask,
    company: None,
    work: Callable[[], None],
    sign_in: SignIn,
    fields: dict[str, str],
    when: dict[str, object],
) -> None:
    asked = len(stored(Invitation))
    person = sign_in("designer")
    answer = person.post("/ask", survey="order", rate="30", **fields)
    slug = f"order-{fields['kind']}"
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/triggers/{slug}")
    made = trigger_definitions()[slug]
    assert (made["status"], made["when"], made["sample"]) == ("draft", when, {"rate": 0.3, "redraw": "90d"})
    assert person.get(f"/triggers/{slug}").status_code == 200
    work()
    assert len(stored(Invitation)) == asked
    assert person.post("/ask", survey="order", rate="100", **fields).headers["Location"] == f"/triggers/{slug}-2"


@on_sqlite
@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "event", "event": ""},
        {"kind": "event", "event": "timer.x"},
        {"kind": "silence", "days": "", "since": "order.paid"},
        {"kind": "silence", "days": "0", "since": "order.paid"},
        {"kind": "date", "attribute": "a b"},
        {"kind": "date", "attribute": ""},
        {"kind": "now", "segment": "nobody"},
        {"kind": "later"},
        {"kind": "event", "event": "order.paid", "rate": "101"},
        {"kind": "event", "event": "order.paid", "survey": "none"},
    ],
)
def test_what_is_missing_or_wrong_makes_nothing(
    app: Flask, company: None, sign_in: SignIn, fields: dict[str, str]
) -> None:
    before = trigger_definitions()
    answer = sign_in("designer").post("/ask", **{"survey": "order", "rate": "30"} | fields)
    assert answer.status_code == 422
    assert 'class="fault"' in answer.text
    assert trigger_definitions() == before


@on_sqlite
def test_without_a_survey_the_page_says_what_to_do_first(app: Flask, sign_in: SignIn) -> None:
    page = sign_in("admin").get("/ask").text
    assert "/surveys/new" in page
