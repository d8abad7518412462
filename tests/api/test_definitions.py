"""Definitions over the API: read, put in force, refused by field, taken out of force."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.models.accounts import AuditEntry
from tests.wire import said, stored

SURVEY: dict[str, Any] = {
    "slug": "nps",
    "pages": [{"questions": [{"id": "nps", "type": "nps", "text": {"en": "How likely?"}, "required": True}]}],
}
TRIGGER: dict[str, Any] = {
    "slug": "ask",
    "status": "live",
    "when": {"event": "order.paid"},
    "then": [{"send": {"survey": "nps"}}],
}


def test_what_is_put_comes_back_as_it_was_written(client: FlaskClient, key: dict[str, str]) -> None:
    assert client.post("/api/v1/surveys", json=SURVEY, headers=key).status_code == 201
    assert client.put("/api/v1/triggers/ask", json=TRIGGER, headers=key).status_code == 200
    assert said(client.get("/api/v1/surveys/nps", headers=key)) == SURVEY
    assert said(client.get("/api/v1/triggers", headers=key)) == {"items": [TRIGGER], "next": None}
    policy = {"limits": [{"name": "once", "max": 1, "per": "30d"}]}
    assert said(client.put("/api/v1/policy", json=policy, headers=key)) == policy
    assert said(client.get("/api/v1/policy", headers=key)) == policy
    assert [(e.verb, e.kind, e.object, e.actor) for e in stored(AuditEntry) if e.kind != "keys"] == [
        ("create", "surveys", "nps", "tests"),
        ("create", "triggers", "ask", "tests"),
        ("create", "policy", "policy", "tests"),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**TRIGGER, "when": {}}, "when"),
        ({**TRIGGER, "status": "alive"}, "status"),
        (TRIGGER, "then.0.send.survey"),
        ({**TRIGGER, "slug": "other"}, "slug"),
        ({**TRIGGER, "colour": "red"}, "colour"),
    ],
)
def test_a_fault_is_named_by_its_field_and_nothing_changes(
    client: FlaskClient, key: dict[str, str], body: dict[str, Any], field: str
) -> None:
    response = client.put("/api/v1/triggers/ask", json=body, headers=key)
    assert response.status_code == 422
    assert any(name.startswith(field) for name in said(response)["errors"]), said(response)
    assert said(client.get("/api/v1/triggers", headers=key))["items"] == []


def test_a_slug_is_taken_once_and_what_is_deleted_is_out_of_force(client: FlaskClient, key: dict[str, str]) -> None:
    client.post("/api/v1/surveys", json=SURVEY, headers=key)
    assert client.post("/api/v1/surveys", json=SURVEY, headers=key).status_code == 409
    assert client.delete("/api/v1/surveys/nps", headers=key).status_code == 204
    assert client.get("/api/v1/surveys/nps", headers=key).status_code == 404
    assert client.delete("/api/v1/surveys/nps", headers=key).status_code == 404
    assert client.get("/api/v1/unheard-of", headers=key).status_code == 404
    assert (
        client.put("/api/v1/surveys/nps", data=b"[1]", content_type="application/json", headers=key).status_code == 422
    )
