"""Definitions over the API: read, put in force, refused by field, taken out of force."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.models.accounts import AuditEntry
from tests.wire import on_sqlite, said, stored

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


MOMENT = {
    "slug": "m",
    "when": {"enters": "premium"},
    "then": [{"notify": {"channel": "a@example.com", "text": "x"}}],
}


@on_sqlite
def test_going_live_says_how_many_match_already(client: FlaskClient, key: dict[str, str]) -> None:
    plan = {"field": "contact.attributes.plan", "op": "eq", "value": "premium"}
    client.put("/api/v1/segments/premium", json={"if": plan}, headers=key)
    for number, kind in enumerate(("premium", "premium", "standard")):
        client.put(f"/api/v1/contacts/c-{number}", json={"attributes": {"plan": kind}}, headers=key)

    def put(**fields: Any) -> Any:
        response = client.put("/api/v1/triggers/m", json=MOMENT | fields, headers=key)
        assert response.status_code == 200, response.text
        return said(response)

    assert "going_live" not in put(status="draft")
    assert said(client.get("/api/v1/triggers/m/matching", headers=key)) == {"match": 2, "existing": "skip"}
    assert put(status="live")["going_live"] == {"match": 2, "existing": "skip"}
    assert "going_live" not in put(status="live", priority=60)
    put(status="paused")
    spread = {"per_day": 1}
    assert put(status="live", existing=spread)["going_live"] == {"match": 2, "existing": spread}
    assert put(status="live", when={"now": "premium"})["going_live"] == {"match": 2, "existing": "all"}
    assert "going_live" not in said(client.get("/api/v1/triggers/m", headers=key))
