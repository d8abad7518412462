"""What the tests of the public pages share: a customer who was asked."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.links import survey_url
from app.models.invitations import Invitation
from tests.wire import event, stored, tell

Ask = Callable[..., str]
AskAll = Callable[[str, int], list[str]]
TRIGGER = """
triggers:
  - {slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: s, expires: 7d}}]}
"""


@pytest.fixture
def ask(
    app: Flask, client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> Ask:
    """Put a survey in force, ask a customer with it, and return the address of their page."""
    in_force: list[str] = []

    def ask(survey: str, properties: dict[str, Any] | None = None, more: str = "", **contact: Any) -> str:
        definitions = f"surveys:\n  - {{slug: s, {survey}}}\n{TRIGGER}{more}"
        if in_force != [definitions]:
            define(definitions)
            in_force[:] = [definitions]
        number = len(stored(Invitation))
        known = {"id": f"c-{number}", "email": f"c{number}@example.com"} | contact
        tell(client, key, event(f"ask-{number}", contact=known, properties=properties or {}))
        work()
        return address(stored(Invitation)[-1])

    return ask


def address(invitation: Invitation) -> str:
    return urlsplit(survey_url(invitation.public_id)).path


@pytest.fixture
def ask_all(
    app: Flask, client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> AskAll:
    """Ask so many customers with a survey, and return the addresses of their pages."""

    def ask_all(survey: str, count: int) -> list[str]:
        define(f"surveys:\n  - {{slug: s, {survey}}}\n{TRIGGER}")
        people = ({"id": f"c-{n}", "email": f"c{n}@example.com"} for n in range(count))
        tell(client, key, *(event(f"ask-{n}", contact=contact) for n, contact in enumerate(people)))
        work()
        return [address(invitation) for invitation in stored(Invitation)]

    return ask_all
