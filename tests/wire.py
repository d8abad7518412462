"""What tests say to the application, and how they read what it says and stores."""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, TypeVar

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.actions.sources import add_key
from app.clock import utcnow
from app.extensions import db
from app.jobs import KINDS
from tests.services import MailServer

Row = TypeVar("Row")

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests to which the kind of database is all the same."""
on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)

EVENTS = "/api/v1/events"


def said(response: TestResponse) -> Any:
    """The JSON of an answer."""
    return response.get_json()


def event(event_id: str = "e-1", kind: str = "order.paid", **fields: Any) -> dict[str, Any]:
    """An event of the contact ``c-1``, unless ``contact`` says otherwise."""
    return {"id": event_id, "type": kind, "contact": {"id": "c-1"}, "properties": {}} | fields


def tell(client: FlaskClient, key: dict[str, str], *events: dict[str, Any]) -> None:
    """Post events that are to be taken, all of them."""
    response = client.post(EVENTS, json=list(events), headers=key)
    assert response.status_code == 202, response.text
    assert said(response) == {"accepted": len(events), "duplicates": 0, "rejected": []}


def listed(client: FlaskClient, key: dict[str, str], address: str) -> list[Any]:
    """The items of a list of the API."""
    response = client.get(f"/api/v1{address}", headers=key)
    assert response.status_code == 200, response.text
    items: list[Any] = said(response)["items"]
    return items


def key_with(*scopes: str, source: str = "api") -> dict[str, str]:
    """Headers with a key that may do just this."""
    return {"Authorization": f"Bearer {add_key(' '.join(scopes), scopes, source, utcnow())}"}


def stored(model: type[Row], *where: Any) -> list[Row]:
    """The rows of a table as they are now, by primary key."""
    db.session.rollback()
    return list(db.session.scalars(select(model).where(*where).order_by(*_keys(model))))


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    db.session.rollback()
    rows = {
        name: [tuple(row) for row in db.session.execute(select(table).order_by(*table.primary_key.columns))]
        for name, table in db.metadata.tables.items()
    }
    db.session.rollback()
    return rows


def _keys(model: Any) -> Any:
    return model.__table__.primary_key.columns


def mails(server: MailServer) -> list[EmailMessage]:
    """Every mail a server has got so far, read as mail programs read it."""
    return [
        message_from_bytes(content, _class=EmailMessage, policy=policy.default)
        for _, content in server.mailbox.received
    ]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """The text or the HTML of a mail."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


class Clock:
    """The application's clock, standing still until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: datetime | None = None) -> None:
        self.now = now or utcnow()
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in ("app", "tests") and getattr(module, "utcnow", None) is utcnow:
                monkeypatch.setattr(module, "utcnow", self)

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> datetime:
        self.now += by
        return self.now


def run(*kinds: str) -> None:
    """Do these kinds of work once, in this order."""
    for kind in kinds:
        job: Callable[[], None] = KINDS[kind]
        job()
