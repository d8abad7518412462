"""Every change that somebody makes on screen is in the audit log: under their name, and in words."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask_babel import force_locale

from app.actions.accounts import change_profile
from app.admin.entries import done_words
from app.clock import utcnow
from app.models.accounts import AuditEntry
from app.models.contacts import Contact
from app.queries.accounts import Audited
from tests.admin.conftest import PASSWORD, Person
from tests.wire import everything, on_sqlite, stored

SignIn = Callable[..., Person]
TRIGGER = {
    "name": "X",
    "status": "live",
    "priority": "50",
    "rate": "40",
    "redraw": "90",
    "holdout": "5",
    "version": "1",
}
CHANGES: list[tuple[str, dict[str, str]]] = [
    ("/profile", {"name": "Anna", "language": "ru", "zone": "UTC", "theme": "dark"}),
    ("/profile/password", {"old": PASSWORD, "new": "a much longer one"}),
    ("/look", {"theme": "dark", "back": "/home"}),
    ("/people", {"name": "Eve", "email": "eve@example.com", "role": "manager", "department": ""}),
    ("/keys", {"name": "till", "source": "api", "scopes": "read"}),
    ("/sources/api/key", {}),
    (
        "/settings",
        {"company_name": "Hill", "company_zone": "UTC", "language": "en", "mail_from": "", "colour": "#123456"},
    ),
    ("/tasks/next", {}),
    ("/tasks/1", {"verb": "comment", "comment": "Called."}),
    ("/tasks/1", {"verb": "solve", "outcome": "recovered", "cause": "route"}),
    ("/changes", {"day": "2026-01-01", "text": "slots", "place": "", "touchpoint": ""}),
    ("/targets", {"nps": "40"}),
    ("/customers/unsubscribe", {"reference": "ADA"}),
    ("/customers/interview", {"reference": "ADA", "survey": "order"}),
    ("/erase", {"reference": "ADA", "typed": "ADA"}),
    ("/policy", {"number": "1", "max-0": "2", "per-0": "60", "quiet-from": "21:00", "quiet-to": "09:00"}),
    ("/policy/crisis", {"scope": "all", "value": "", "until": "TOMORROW"}),
    ("/policy/audits", {}),
    ("/triggers/ask/edit", TRIGGER),
    ("/triggers/ask/status", {"status": "paused"}),
    ("/archive/triggers/cold", {}),
    ("/surveys/order/duplicate", {}),
    ("/surveys/order/share", {"name": "Door"}),
    ("/surveys/new/interview", {}),
    ("/new-survey", {"name": "Fresh", "score": "nps", "languages": "en"}),
    ("/sending/switch", {"to": "stop"}),
]


@on_sqlite
@pytest.mark.parametrize(("address", "fields"), CHANGES)
def test_a_change_is_in_the_log_in_words(
    app: Flask, company: None, sign_in: SignIn, address: str, fields: dict[str, str]
) -> None:
    person = sign_in("admin")
    ada = stored(Contact, Contact.name == "Ada Byron")[0].public_id
    tomorrow = (utcnow() + timedelta(days=1)).strftime("%Y-%m-%dT12:00")
    typed = {name: value.replace("ADA", ada).replace("TOMORROW", tomorrow) for name, value in fields.items()}
    before, known = everything(), len(stored(AuditEntry))
    person.post(address, **typed)
    after = everything()
    entries = [Audited(e.id, e.at, e.actor, e.verb, e.kind, e.object, e.detail) for e in stored(AuditEntry)[known:]]
    assert {name for name, rows in after.items() if rows != before[name]} - {"audit_entries"}, "nothing was changed"
    assert entries
    assert {entry.actor for entry in entries} == {person.email}
    change_profile(person.user_id, {"language": "ru"}, utcnow())
    page = person.get("/audit").text
    for entry in entries:
        with app.test_request_context("/"), force_locale("ru"):
            told = done_words(entry)
        assert not re.search("[a-z]", told), "a code, and no words"
        assert told.split(":")[0] in page
