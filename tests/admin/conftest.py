"""What tests of the staff site share: people of every role, signed in, and a company with something to see."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.actions.accounts import add_user
from app.actions.links import Wanted, make_link
from app.actions.simulations import AskedFor, ask_for_simulation
from app.clock import utcnow
from app.links import survey_url
from app.models.invitations import Invitation
from tests.conftest import Filling, put_in_force, until_nothing_is_ready
from tests.wire import event, key_with, stored, tell

DAY = timedelta(days=1)
PASSWORD = "maple-river-copper-07"
COMPANY = """
policy: {limits: [{name: one-a-month, max: 1, per: 30d}], quiet_hours: {from: "03:00", to: "03:01"}}
departments: [{slug: care, name: Care}, {slug: kitchen, name: Kitchen}]
segments: [{slug: premium, if: {field: contact.attributes.plan, op: eq, value: premium}}]
offers: [{slug: gift, codes: [A1, B2]}]
sources: [{slug: shop, scheme: bearer, secret: {env: SHOP_SECRET}, map: {id: body.id, type: body.type}}]
surveys:
  - slug: order
    name: After an order
    languages: [en, ru]
    pages:
      - {questions: [{id: nps, type: nps, text: {en: "How likely?", ru: "Насколько вероятно?"}, required: true}]}
      - {questions: [{id: why, type: text, text: {en: "Why?", ru: "Почему?"}}]}
    endings: [{text: {en: "Thanks!", ru: "Спасибо!"}}]
triggers:
  - slug: ask
    name: After every order
    status: live
    touchpoint: Delivery
    when: {event: order.paid}
    if: {field: properties.amount, op: gte, value: 100}
    then: [{send: {survey: order}}]
  - slug: unhappy
    status: live
    when: {event: survey.answered}
    if: {field: answers.nps, op: lte, value: 6}
    then: [{task: {department: care, title: "Call {{ contact.name }}", due: 4h}}]
  - slug: cold
    status: live
    when: {event: review.posted}
    then: [{task: {department: kitchen, title: "Cold food for {{ contact.name }}"}}]
"""


@dataclass
class Person:
    """Somebody at a browser."""

    client: FlaskClient
    user_id: int
    email: str

    def get(self, address: str) -> TestResponse:
        return self.client.get(address, headers={"Accept": "text/html"})

    def post(self, address: str, **fields: str | list[str]) -> TestResponse:
        """Send a form as the page would: with the session's token."""
        return self.client.post(address, data={"csrf_token": token_of(self.get("/profile").text), **fields})


def token_of(page: str) -> str:
    """The token that the forms of a page carry."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, "the page carries no token"
    return found[1]


@pytest.fixture
def sign_in(app: Flask) -> Callable[..., Person]:
    """Make an account of a role and sign in with it."""

    def enter(role: str, department: str | None = None, language: str = "en") -> Person:
        email = f"{role}-{department or 'x'}@example.com"
        user_id = add_user(
            email, role.title(), role, PASSWORD, utcnow(), actor="tests", department=department, language=language
        )
        client = app.test_client()
        answer = log_in(client, email, PASSWORD)
        assert answer.status_code == 302, answer.text
        return Person(client, user_id, email)

    return enter


def log_in(client: FlaskClient, email: str, password: str, address: str = "/login") -> TestResponse:
    token = token_of(client.get(address).text)
    return client.post(address, data={"csrf_token": token, "email": email, "password": password})


@pytest.fixture
def filling(request: pytest.FixtureRequest) -> Filling | None:
    return found if "company" in request.fixturenames else None


@pytest.fixture
def company(app: Flask) -> None:
    """Ada was asked and answered 3, which opened task 1 for Care; Bo's review opened task 2 for the Kitchen.

    Rehearsal 1 is done: what if nobody was ever asked.
    """


def found(app: Flask, _patch: pytest.MonkeyPatch) -> None:
    put_in_force(COMPANY)
    client, key = app.test_client(), key_with("all")
    ada = {"id": "ada", "email": "ada@example.com", "name": "Ada Byron"}
    tell(client, key, event("o-1", contact=ada, properties={"amount": 500}))
    until_nothing_is_ready()
    [invitation] = stored(Invitation)
    client.post(survey_url(invitation.public_id), data={"page": "0", "nps": "3", "why": "It came an hour late."})
    until_nothing_is_ready()
    tell(client, key, event("o-2", contact=ada, properties={"amount": 500}))
    tell(client, key, event("o-3", contact=ada, properties={"amount": 5}))
    tell(client, key, event("r-1", "review.posted", contact={"id": "bo", "name": "Bo <b>Diddley</b>"}))
    until_nothing_is_ready()
    make_link("order", Wanted("Poster", None, None, (), None), actor="tests", now=utcnow())
    draft, now = "policy: {limits: [{name: none-at-all, max: 0, per: 1d}]}", utcnow()
    ask_for_simulation(AskedFor(draft, now - DAY, now + DAY), total=4, actor="tests", now=now)
    until_nothing_is_ready()
