"""Ingest: what is taken, what is refused and under which name, and that no good event is lost beside a bad one."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

import config
from app import create_app
from app.clock import utcnow
from app.extensions import db
from app.models.events import Event, PendingEvent
from app.models.sources import Payload
from tests.services import free_port
from tests.wire import EVENTS, event, key_with, on_postgres, on_sqlite, said, stored, tell

Door = tuple[FlaskClient, dict[str, str]]


def nested(depth: int) -> dict[str, Any]:
    """Properties in which ``depth`` objects stand inside each other."""
    tree: dict[str, Any] = {}
    for _ in range(depth - 1):
        tree = {"in": tree}
    return tree


def errors_of(door: Door, body: bytes) -> dict[str, list[str]]:
    """The faults of a single event that is refused with 422."""
    client, key = door
    response = client.post(EVENTS, data=body, headers=key, content_type="application/json")
    assert response.status_code == 422, response.text
    (rejected,) = said(response)["rejected"]
    assert rejected["index"] == 0
    errors: dict[str, list[str]] = rejected["errors"]
    return errors


# -- What is taken


def test_an_event_is_stored_as_it_was_posted(client: FlaskClient, key: dict[str, str]) -> None:
    posted = {
        "id": "ord-991",
        "type": "subscription.upgraded",
        "occurred_at": "2026-11-21T13:00:00.25+03:00",
        "contact": {"id": "c-42", "email": "a@example.com", "attributes": {"plan": "про", "n": [1, 2.5, None, True]}},
        "properties": {"amount": 1990, "nested": {"a": [{"b": "😀"}]}, "text": "line\nline\t\u2028"},
    }
    taken = client.post(EVENTS, json=posted | {"occurred_at": "2020-11-21T13:00:00.25+03:00"}, headers=key)
    assert (taken.status_code, said(taken)) == (202, {"accepted": 1, "duplicates": 0, "rejected": []})
    (row,) = stored(Event)
    assert (row.external_id, row.type, row.contact) == ("ord-991", "subscription.upgraded", posted["contact"])
    assert row.properties == posted["properties"]
    assert row.occurred_at.isoformat() == "2020-11-21T10:00:00.250000+00:00"
    found = said(client.get(f"{EVENTS}/api/ord-991", headers=key))
    assert (found["properties"], found["state"]) == (posted["properties"], "waiting")
    assert found["occurred_at"] == "2020-11-21T10:00:00.250000Z"


WRITTEN = [
    ("application/json", b'{"id": "a", "type": "t"}'),
    ("application/json; charset=utf-8", b'{"id": "a", "type": "t"}'),
    ("application/json", b'[{"id": "a", "type": "t"}]'),
    ("application/json", b'\xef\xbb\xbf{"id": "a", "type": "t"}'),
    ("application/x-ndjson", b'{"id": "a", "type": "t"}'),
    ("application/ndjson", b'\r\n{"id": "a", "type": "t"}\r\n\r\n'),
    ("application/jsonl", b'\n\n{"id": "a", "type": "t"}\n'),
]


@on_sqlite
def test_one_event_is_taken_however_it_is_written(client: FlaskClient, key: dict[str, str]) -> None:
    for number, (content_type, body) in enumerate(WRITTEN):
        for encoding in ({}, {"Content-Encoding": "gzip"}):
            named = body.replace(b'"a"', b'"a-%d-%d"' % (number, len(encoding)))
            sent = gzip.compress(named) if encoding else named
            response = client.post(EVENTS, data=sent, headers=key | encoding, content_type=content_type)
            assert (response.status_code, said(response)["accepted"]) == (202, 1), (content_type, named)
    assert len(stored(Event)) == 2 * len(WRITTEN)


@on_sqlite
def test_the_name_of_an_encoding_may_be_written_in_capitals(client: FlaskClient, key: dict[str, str]) -> None:
    for n, encoding in enumerate(("GZIP", "Gzip", "identity")):
        body = json.dumps(event(f"e-{n}")).encode()
        sent = body if encoding == "identity" else gzip.compress(body)
        response = client.post(
            EVENTS, data=sent, headers=key | {"Content-Encoding": encoding}, content_type="application/json"
        )
        assert response.status_code == 202, encoding


@on_sqlite
def test_every_member_of_a_gzip_body_is_read(client: FlaskClient, key: dict[str, str]) -> None:
    """Shippers append members to each other, and a gzip file of several members is one file (RFC 1952)."""
    body = b"".join(gzip.compress(json.dumps(event(f"e-{n}")).encode() + b"\n") for n in range(3))
    response = client.post(
        EVENTS, data=body, headers=key | {"Content-Encoding": "gzip"}, content_type="application/x-ndjson"
    )
    assert said(response) == {"accepted": 3, "duplicates": 0, "rejected": []}


@on_sqlite
def test_a_thousand_events_are_taken_at_once(client: FlaskClient, key: dict[str, str]) -> None:
    tell(client, key, *(event(f"e-{n}") for n in range(1000)))
    assert len(stored(PendingEvent)) == 1000


def test_a_copy_changes_nothing_and_is_counted(client: FlaskClient, key: dict[str, str]) -> None:
    tell(client, key, event("e-1"), event("e-2"))
    reordered = dict(reversed(event("e-1").items()))
    response = client.post(EVENTS, json=[reordered, event("e-3"), event("e-3")], headers=key)
    assert (response.status_code, said(response)) == (202, {"accepted": 1, "duplicates": 2, "rejected": []})
    only_copies = client.post(EVENTS, json=event("e-1"), headers=key)
    assert (only_copies.status_code, said(only_copies)["duplicates"]) == (202, 1)
    assert [e.external_id for e in stored(Event)] == ["e-1", "e-2", "e-3"]


@on_sqlite
def test_the_same_id_of_two_sources_is_two_events(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None]
) -> None:
    define("sources: [{slug: crm}]")
    tell(client, key, event("e-1"))
    tell(client, key_with("events:write", source="crm"), event("e-1", "other.kind"))
    assert [said(client.get(f"{EVENTS}/{s}/e-1", headers=key))["type"] for s in ("api", "crm")] == [
        "order.paid",
        "other.kind",
    ]


# -- Clashes


def test_the_same_id_with_another_body_is_refused_and_kept_aside(client: FlaskClient, key: dict[str, str]) -> None:
    tell(client, key, event("e-1", properties={"amount": 1}))
    clash = client.post(EVENTS, json=event("e-1", properties={"amount": 2}), headers=key)
    assert clash.status_code == 409
    assert list(said(clash)["errors"]) == ["id"]
    (kept,) = stored(Payload)
    assert (kept.state, list(kept.errors or {})) == ("refused", ["id"])
    assert json.loads(kept.body) == event("e-1", properties={"amount": 2})
    (row,) = stored(Event)
    assert row.properties == {"amount": 1}


def test_a_clash_in_a_batch_is_rejected_under_its_id_and_the_others_are_taken(
    client: FlaskClient, key: dict[str, str]
) -> None:
    tell(client, key, event("old"))
    batch = [event("new"), event("old", properties={"x": 1}), event("new", properties={"x": 2}), event("old")]
    response = client.post(EVENTS, json=batch, headers=key)
    assert response.status_code == 202
    told = said(response)
    assert (told["accepted"], told["duplicates"]) == (1, 1)
    assert [(r["index"], list(r["errors"])) for r in told["rejected"]] == [(1, ["id"]), (2, ["id"])]
    assert [json.loads(p.body) for p in stored(Payload)] == [batch[1], batch[2]]


# -- Who asks


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer otk", "Bearer otk_", "Bearer otk__", "Bearer otk_0_x", "Bearer x_y_z"],
)
def test_no_event_is_taken_without_a_known_key(door: Door, header: str) -> None:
    client, _ = door
    response = client.post(EVENTS, json=event(), headers={"Authorization": header} if header else {})
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


@on_sqlite
def test_a_key_with_one_letter_changed_is_unknown(client: FlaskClient, key: dict[str, str]) -> None:
    token = key["Authorization"]
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    basic = token.replace("Bearer", "Basic")
    for header in (changed, token + "x", token[:-1], basic, token.removeprefix("Bearer ")):
        assert client.post(EVENTS, json=event(), headers={"Authorization": header}).status_code == 401
    assert client.post(EVENTS, json=event(), headers=key).status_code == 202


@on_sqlite
def test_a_key_without_the_scope_is_told_which_one_it_lacks(client: FlaskClient) -> None:
    response = client.post(EVENTS, json=event(), headers=key_with("read", "contacts:write"))
    assert response.status_code == 403
    assert "events:write" in said(response)["message"]
    assert stored(Event) == []


# -- What is no body of events


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"{'id': 'a'}",
        b'{"id": "a"} trailing',
        b"\xff\xfe\xfa",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_json_is_400(door: Door, body: bytes) -> None:
    client, key = door
    response = client.post(EVENTS, data=body, headers=key, content_type="application/json")
    assert response.status_code == 400
    assert said(response)["message"]


@pytest.mark.parametrize("cut", [0, 5, 30, -1])
def test_a_gzip_body_that_is_broken_or_cut_off_is_400(door: Door, cut: int) -> None:
    client, key = door
    whole = gzip.compress(json.dumps(event()).encode())
    response = client.post(
        EVENTS,
        data=whole[:cut] or b"plain",
        headers=key | {"Content-Encoding": "gzip"},
        content_type="application/json",
    )
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/plain", ""),
        ("application/x-www-form-urlencoded", ""),
        ("application/xml", ""),
        ("", ""),
        ("application/json", "br"),
        ("application/json", "deflate"),
        ("application/json", "gzip, gzip"),
    ],
)
def test_an_unknown_type_or_encoding_is_415(door: Door, content_type: str, encoding: str) -> None:
    client, key = door
    response = client.post(
        EVENTS, data=b"{}", headers=key | {"Content-Encoding": encoding, "Content-Type": content_type}
    )
    assert response.status_code == 415


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"[]"),
        ("application/x-ndjson", b""),
        ("application/x-ndjson", b"\n \n"),
        ("application/json", b"null"),
        ("application/json", b"7"),
        ("application/json", b'"text"'),
        ("application/json", b"[[]]"),
        ("application/json", b"{}"),
        ("application/x-ndjson", b"nonsense\n{"),
    ],
)
def test_a_body_without_a_single_good_event_is_422(door: Door, content_type: str, body: bytes) -> None:
    client, key = door
    response = client.post(EVENTS, data=body, headers=key, content_type=content_type)
    assert response.status_code == 422


# -- Too much


def big_event(size: int) -> bytes:
    """An event whose JSON is exactly ``size`` bytes long."""
    empty = json.dumps(event(properties={"x": ""}), separators=(",", ":"))
    return json.dumps(event(properties={"x": "y" * (size - len(empty))}), separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("content_type", "body", "encoding"),
    [
        pytest.param("application/json", json.dumps([event(f"e-{n}") for n in range(1001)]).encode(), "", id="1,001"),
        pytest.param("application/x-ndjson", b"{}\n" * 1001, "", id="1,001 lines"),
        pytest.param("application/json", b'["' + b"x" * 5_000_000 + b'"]', "", id="5 MB"),
        pytest.param("application/json", b" " * 6_000_000, "", id="6 MB"),
        pytest.param("application/json", gzip.compress(b" " * 100_000_000), "gzip", id="a gzip bomb"),
        pytest.param("application/json", gzip.compress(b" " * 5_000_001), "gzip", id="5 MB inflated"),
        pytest.param("application/json", big_event(64_001), "", id="an event of more than 64 kB"),
        pytest.param("application/json", json.dumps(event(properties=nested(100))).encode(), "", id="depth 100"),
    ],
)
def test_too_much_is_413(door: Door, content_type: str, body: bytes, encoding: str) -> None:
    client, key = door
    response = client.post(
        EVENTS, data=body, headers=key | ({"Content-Encoding": encoding} if encoding else {}), content_type=content_type
    )
    assert response.status_code == 413


@on_sqlite
def test_as_much_as_is_allowed_is_taken(client: FlaskClient, key: dict[str, str]) -> None:
    for body in (
        big_event(64_000),
        json.dumps(event("deep", properties=nested(31))).encode(),
        b" " * 4_999_000 + json.dumps(event("padded")).encode(),
        json.dumps(event("i" * 200, "t" * 200)).encode(),
    ):
        response = client.post(EVENTS, data=body, headers=key, content_type="application/json")
        assert (response.status_code, said(response)["accepted"]) == (202, 1), body[:100]


@on_sqlite
def test_who_posts_too_often_is_asked_to_slow_down_and_nobody_else_is(
    settings: config.Settings, app: Flask, key: dict[str, str]
) -> None:
    limited = create_app(replace(settings, rate_limit="2 per hour"))
    with limited.app_context():
        client = limited.test_client()
        one, other = key_with("events:write"), key_with("events:write")
        answers = [client.post(EVENTS, json=event(f"e-{n}"), headers=one) for n in range(3)]
        assert [a.status_code for a in answers] == [202, 202, 429]
        assert int(answers[2].headers["Retry-After"]) >= 1
        assert said(answers[2])["status"] == 429
        assert client.post(EVENTS, json=event("e-4"), headers=other).status_code == 202
        db.session.remove()
        db.engine.dispose()


# -- What is no event, and under which name that is said


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"id": "x" * 201}, "id"),
        ({"type": None}, "type"),
        ({"type": ""}, "type"),
        ({"type": ["order.paid"]}, "type"),
        ({"type": "order paid"}, "type"),
        ({"type": "t" * 201}, "type"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": ""}, "occurred_at"),
        ({"occurred_at": 1700000000}, "occurred_at"),
        ({"occurred_at": None}, "occurred_at"),
        ({"occurred_at": "2026-02-30T00:00:00Z"}, "occurred_at"),
        ({"occurred_at": "9999-12-31T23:59:59-14:00"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"occurred_at": "1989-12-31T23:59:59Z"}, "occurred_at"),
        ({"contact": "c-1"}, "contact"),
        ({"contact": []}, "contact"),
        ({"contact": {"id": 1}}, "contact"),
        ({"contact": {"id": ""}}, "contact"),
        ({"contact": {"surname": "Byron"}}, "contact"),
        ({"contact": {"email": ["a@example.com"]}}, "contact"),
        ({"contact": {"attributes": "pro"}}, "contact"),
        ({"contact": {"attributes": {"": 1}}}, "contact"),
        ({"contact": {"consent": {"email": "perhaps"}}}, "contact"),
        ({"properties": []}, "properties"),
        ({"properties": None}, "properties"),
        ({"propertys": {}}, "propertys"),
        ({"properties": {"a\0b": 1}}, "properties"),
        ({"properties": {"a": "b\0"}}, "properties"),
        ({"properties": {"big": 2**64}}, "properties"),
        ({"properties": {"big": -(2**63) - 1}}, "properties"),
        ({"properties": {"big": 10**400}}, "properties"),
        ({"id": "a\0"}, "id"),
        ({"type": "a\0"}, "type"),
        ({"contact": {"name": "A\0da"}}, "contact"),
    ],
)
def test_a_fault_is_named_by_its_field(door: Door, change: dict[str, Any], field: str) -> None:
    errors = errors_of(door, json.dumps(event() | change).encode())
    assert list(errors) == [field]
    assert errors[field]


@pytest.mark.parametrize("field", ["id", "type"])
def test_a_missing_field_is_named(door: Door, field: str) -> None:
    body = {k: v for k, v in event().items() if k != field}
    assert list(errors_of(door, json.dumps(body).encode())) == [field]


def test_all_faults_of_an_event_are_named_at_once(door: Door) -> None:
    errors = errors_of(door, b'{"type": 1, "occurred_at": "x", "contact": {"id": 1, "zip": 2}, "extra": 0}')
    assert set(errors) == {"id", "type", "occurred_at", "contact", "extra"}
    assert set(errors["contact"]) == {"id", "zip"}


@pytest.mark.parametrize(
    "literal", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b'"\\ud800"', b'"\\udc00 tail"', b'{"\\ud83d": 1}']
)
def test_what_only_python_takes_for_json_is_refused(door: Door, literal: bytes) -> None:
    body = b'{"id": "a", "type": "t", "properties": {"x": [%s]}}' % literal
    assert list(errors_of(door, body)) == ["properties"]


@pytest.mark.parametrize(
    "kind", ["survey.answered", "task.resolved", "timer.due", "contact.changed", "invitation.x", "offer.y"]
)
def test_an_internal_type_is_refused_from_outside(door: Door, kind: str) -> None:
    assert list(errors_of(door, json.dumps(event(kind=kind)).encode())) == ["type"]


@on_sqlite
def test_a_type_that_only_looks_internal_is_taken(client: FlaskClient, key: dict[str, str]) -> None:
    kinds = ["surveys.sent", "tasked", "Survey", "message.sent", "заказ.оплачен", "a:b/c-d_e.f"]
    tell(client, key, *(event(kind, kind) for kind in kinds))


def test_a_clock_that_is_a_little_fast_is_forgiven(client: FlaskClient, key: dict[str, str]) -> None:
    now = utcnow()
    soon, too_soon = (now + timedelta(minutes=m) for m in (9, 12))
    response = client.post(
        EVENTS,
        json=[event("a", occurred_at=soon.isoformat()), event("b", occurred_at=too_soon.isoformat())],
        headers=key,
    )
    assert said(response)["accepted"] == 1
    assert [(r["index"], list(r["errors"])) for r in said(response)["rejected"]] == [(1, ["occurred_at"])]


MOMENTS = {
    "1990-01-01T00:00:00Z": "1990-01-01T00:00:00+00:00",
    "2021-03-28": "2021-03-28T00:00:00+00:00",
    "2021-03-28T02:30:00": "2021-03-28T02:30:00+00:00",
    "2021-03-28T02:30:00+05:45": "2021-03-27T20:45:00+00:00",
    "20210328T023000Z": "2021-03-28T02:30:00+00:00",
}


@on_sqlite
def test_a_moment_may_be_written_in_every_way_of_iso_8601(client: FlaskClient, key: dict[str, str]) -> None:
    tell(client, key, *(event(written, occurred_at=written) for written in MOMENTS))
    assert {e.external_id: e.occurred_at.isoformat() for e in stored(Event)} == MOMENTS


# -- Good beside bad

BAD = [
    b'{"id": 1, "type": "t"}',
    b'{"type": "t"}',
    b'{"id": "nan", "type": "t", "properties": {"x": NaN}}',
    b'{"id": "inf", "type": "t", "properties": {"x": [-Infinity]}}',
    b'{"id": "sur", "type": "t", "properties": {"x": "\\ud800"}}',
    b'{"id": "nul", "type": "t", "properties": {"x": "\\u0000"}}',
    b'{"id": "huge", "type": "t", "properties": {"x": 1%s}}' % (b"0" * 400),
    b'{"id": "deep", "type": "t", "properties": %s}' % json.dumps(nested(300)).encode(),
    b'{"id": "big", "type": "t", "properties": {"x": "%s"}}' % (b"x" * 64_000),
    b'{"id": "own", "type": "survey.answered"}',
    b'{"id": "late", "type": "t", "occurred_at": "0900-01-01T00:00:00Z"}',
    b'{"id": "extra", "type": "t", "whatever": 1}',
    b"null",
    b"[]",
    b'"text"',
    b"1.5",
]
GOOD = [
    event("good-int", properties={"amount": 2**63 - 1, "low": -(2**63), "float": 0.1, "third": 1 / 3}),
    event("good-text", properties={"text": "Ünïcødé 😀 \u2028 null \\u0000 NaN", "empty": ""}),
    event("good-deep", properties=nested(30)),
    event("good-nothing", contact=None),
    event("good-odd", properties={"": None, "a.b": {"$c": []}, "null": [None]}),
]


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_nothing_of_a_good_event_is_lost_beside_bad_ones(
    client: FlaskClient, key: dict[str, str], content_type: str
) -> None:
    goods = [json.dumps(good).encode() for good in GOOD]
    items = [item for n, bad in enumerate(BAD) for item in (bad, *goods[n : n + 1])]
    body = b"\n".join(items) if "nd" in content_type else b"[" + b",".join(items) + b"]"
    response = client.post(EVENTS, data=body, headers=key, content_type=content_type)
    assert response.status_code == 202, response.text
    told = said(response)
    assert [r["index"] for r in told["rejected"]] == [n for n, item in enumerate(items) if item in BAD]
    assert all(r["errors"] for r in told["rejected"])
    assert {e.external_id: e.properties for e in stored(Event)} == {good["id"]: good["properties"] for good in GOOD}
    # The same events, alone this time, are the same events.
    again = client.post(EVENTS, json=GOOD, headers=key)
    assert said(again) == {"accepted": 0, "duplicates": len(GOOD), "rejected": []}


@on_sqlite
def test_a_broken_line_costs_only_itself(client: FlaskClient, key: dict[str, str]) -> None:
    lines = [json.dumps(event("a")), "{broken", json.dumps(event("b")), "\x00", json.dumps(event("c"))]
    response = client.post(EVENTS, data="\n".join(lines), headers=key, content_type="application/x-ndjson")
    assert said(response)["accepted"] == 3
    assert [r["index"] for r in said(response)["rejected"]] == [1, 3]


@pytest.mark.parametrize("number", ["18446744073709551616", "12345678901234567890123", "-9223372036854775809"])
def test_a_number_that_cannot_be_kept_exactly_is_refused_rather_than_rounded(door: Door, number: str) -> None:
    """Order numbers may be that long; one that came back with other digits would be another order."""
    body = b'{"id": "a", "type": "t", "properties": {"order": %s}}' % number.encode()
    assert list(errors_of(door, body)) == ["properties"]


# -- Around it


def test_what_became_of_an_event_can_be_asked(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None]
) -> None:
    odd = "https://shop.example/orders//7?x=1&y=ä#z"
    tell(client, key, event(odd))
    work()
    found = client.get(f"{EVENTS}/api/https:%2F%2Fshop.example%2Forders%2F%2F7%3Fx=1&y=%C3%A4%23z", headers=key)
    assert found.status_code == 200
    assert (said(found)["id"], said(found)["state"], said(found)["contact"]) == (odd, "decided", "c-1")


def test_an_unknown_event_is_404(client: FlaskClient, key: dict[str, str]) -> None:
    tell(client, key, event("e-1"))
    for address in ("/api/nothing", "/nowhere/e-1", "/api/e-1%00", "/api%00/e-1"):
        assert client.get(f"{EVENTS}{address}", headers=key).status_code == 404, address


@on_sqlite
@pytest.mark.parametrize("address", ["/api/v1/events/", "/api//v1/events", "//api/v1/events", "/webhooks//shop"])
def test_an_ingest_is_never_redirected(client: FlaskClient, key: dict[str, str], address: str) -> None:
    """A client that follows would post again as GET, and lose the event."""
    response = client.post(address, json=event(), headers=key)
    assert response.status_code in (202, 404)


@on_sqlite
def test_a_limiter_and_a_bell_that_are_away_cost_no_event(settings: config.Settings, app: Flask) -> None:
    lonely = create_app(replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0", rate_limit="1000 per second"))
    with lonely.app_context():
        response = lonely.test_client().post(EVENTS, json=event(), headers=key_with("events:write"))
        assert (response.status_code, said(response)["accepted"]) == (202, 1)
        assert db.session.scalar(select(func.count()).select_from(Event)) == 1
        assert lonely.extensions["otklik_failures"]["bell"] == 1
        db.session.remove()
        db.engine.dispose()


@on_sqlite
def test_a_database_that_is_away_is_503_and_worth_another_try(settings: config.Settings, app: Flask) -> None:
    url = f"postgresql://otklik@127.0.0.1:{free_port()}/gone"
    orphan = create_app(replace(settings, database_url=url))
    headers = {"Authorization": "Bearer otk_0123456789ab_secret"}
    response = orphan.test_client().post(EVENTS, json=event(), headers=headers)
    assert (response.status_code, int(response.headers["Retry-After"]) > 0) == (503, True)
    assert "Traceback" not in response.text
    assert orphan.test_client().post("/webhooks/shop", json={}).status_code == 503
    page = orphan.test_client().get("/s/whatever")
    assert (page.status_code, page.mimetype) in ((404, "text/html"), (503, "text/html"))


@on_postgres
def test_an_error_of_ours_is_told_by_its_number_and_not_by_its_trace(
    client: FlaskClient, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("app.api.events.record_events", fail)
    response = client.post(EVENTS, json=event(), headers=key | {"X-Request-ID": "r-17"})
    assert (response.status_code, said(response)["request"], response.headers["X-Request-ID"]) == (500, "r-17", "r-17")
    assert "the secret inside" not in response.text
