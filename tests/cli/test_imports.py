"""``import``: files as other systems write them, mapped, and what was refused in a file beside them."""

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clock import utcnow
from app.models.contacts import Address, Contact, Identity
from app.models.decisions import Decision
from app.models.events import Event, PendingEvent
from app.models.invitations import Invitation
from app.queries.surveys import current_surveys
from tests.cli.conftest import Otklik
from tests.wire import event, on_postgres, on_sqlite, said, stored, tell

ASK = """
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers: [{slug: t, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]
"""


def refused(file: Path) -> list[dict[str, Any]]:
    beside = file.with_name(f"{file.name}.refused.ndjson")
    return [json.loads(line) for line in beside.read_text().splitlines()] if beside.exists() else []


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def names() -> dict[str, str]:
    """External ids by their contact's name."""
    people = {c.id: c.name or "" for c in stored(Contact)}
    return {i.value: people[i.contact_id] for i in stored(Identity, Identity.kind == "external")}


# -- Contacts

LINES = '{"id": "1", "name": "Ada", "email": "a@example.com"}\n{"id": "2", "name": "Bob"}'


@on_sqlite
@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("c.csv", "id,name,email\n1,Ada,a@example.com\n2,Bob,\n", id="commas"),
        pytest.param("c.csv", "id;name;email\r\n1;Ada;a@example.com\r\n2;Bob;\r\n", id="semicolons"),
        pytest.param("c.tsv", "id\tname\temail\n1\tAda\ta@example.com\n\n2\tBob\t\n", id="tabs and an empty line"),
        pytest.param("c.txt", "id|name|email\n1|Ada|a@example.com\n2|Bob|", id="bars without a last end of line"),
        pytest.param("c.txt", "id  name email\n1   Ada  a@example.com\n 2 Bob\n", id="runs of spaces"),
        pytest.param("c.csv", b"\xef\xbb\xbfid,name,email\n1,Ada,a@example.com\n2,Bob,\n", id="a byte order mark"),
        pytest.param("c.csv", '"id","name","email"\n"1","Ada","a@example.com"\n"2","Bob",""\n', id="quotes"),
        pytest.param("c.csv.gz", gzip.compress(b"id,name,email\n1,Ada,a@example.com\n2,Bob,\n"), id="gzip"),
        pytest.param("c.ndjson", LINES.replace("\n", "\n\n"), id="lines of JSON"),
        pytest.param("c.jsonl.gz", gzip.compress(LINES.encode()), id="gzip of lines"),
    ],
)
def test_contacts_are_read_however_they_are_written(
    otklik: Otklik, tmp_path: Path, name: str, text: str | bytes
) -> None:
    file = written(tmp_path, name, text)
    result = otklik("import", "contacts", file)
    assert "2 accepted, 0 known already, 0 refused." in result.stdout
    assert names() == {"1": "Ada", "2": "Bob"}
    assert [a.value for a in stored(Address)] == ["a@example.com"]
    assert refused(file) == []


def test_columns_are_mapped_to_fields(otklik: Otklik, tmp_path: Path, client: FlaskClient, key: dict[str, str]) -> None:
    text = 'No,Full name,Mail,Tel,Plan,Agreed\n007,"Byron, Ada",A@example.com,8 900 123-45-67,pro,yes\n'
    file = written(tmp_path, "crm.csv", text)
    maps = ["id=No", "contact.name=Full name", "email=Mail", "phone=Tel", "attributes.plan=Plan", "locale='ru'"]
    otklik("import", "contacts", file, *(part for pair in maps for part in ("--map", pair)))
    found = said(client.get("/api/v1/contacts/007", headers=key))
    assert (found["name"], found["email"], found["phone"], found["locale"]) == (
        "Byron, Ada",
        "a@example.com",
        "+79001234567",
        "ru",
    )
    assert found["attributes"] == {"plan": "pro"}


def test_what_is_refused_stands_beside_the_file_with_its_line_and_reason(otklik: Otklik, tmp_path: Path) -> None:
    lines = [
        '{"id": "1", "name": "Ada"}',
        '{"name": "nobody"}',
        "{broken",
        '{"id": "2", "surname": "x", "email": 7}',
        "[]",
        '{"id": "%s"}' % ("x" * 201),
        '{"id": "3", "attributes": {"a": NaN}}',
        '{"id": "4", "name": "a\\u0000b"}',
        '{"id": "5", "name": "\\ud800"}',
        '{"id": "6", "attributes": {"n": 1%s}}' % ("0" * 400),
        '{"id": "ct_nobody", "name": "x"}',
        '{"id": "7", "name": "Eve"}',
    ]
    file = written(tmp_path, "contacts.ndjson", "\n".join(lines))
    result = otklik("import", "contacts", file)
    assert names() == {"1": "Ada", "7": "Eve"}
    assert "2 accepted, 0 known already, 10 refused." in result.stdout
    assert f"{file}.refused.ndjson" in result.stdout
    found = {row["line"]: row["errors"] for row in refused(file)}
    assert list(found) == list(range(2, 12))
    assert list(found[2]) == ["id"]
    assert set(found[4]) == {"surname", "email"}
    assert all(found.values())


@on_postgres
def test_a_character_the_database_cannot_hold_costs_one_line(otklik: Otklik, tmp_path: Path) -> None:
    file = written(tmp_path, "c.csv", "id,name\n1,Ada\n2,a\0b\n3,Eve\n")
    otklik("import", "contacts", file)
    assert names() == {"1": "Ada", "3": "Eve"}
    assert [row["line"] for row in refused(file)] == [3]


def test_an_import_can_be_repeated_and_changes_what_is_known(
    otklik: Otklik, tmp_path: Path, work: Callable[[], None]
) -> None:
    file = written(tmp_path, "c.csv", "id,name\n" + "".join(f"{n},name {n}\n" for n in range(2100)))
    otklik("import", "contacts", file)
    assert len(stored(Contact)) == 2100
    written(tmp_path, "c.csv", "id,name\n7,Ada\n7,Ada Byron\n2100,new\n")
    assert "3 accepted" in otklik("import", "contacts", file).stdout
    assert (len(stored(Contact)), names()["7"], names()["8"]) == (2101, "Ada Byron", "name 8")


@on_sqlite
def test_contacts_belong_to_the_source_that_is_named(
    otklik: Otklik, tmp_path: Path, define: Callable[[str], None]
) -> None:
    define("sources: [{slug: crm}]")
    file = written(tmp_path, "c.csv", "id\n1\n")
    otklik("import", "contacts", file, "--source", "crm")
    assert [(i.namespace, i.value) for i in stored(Identity)] == [("crm", "1")]
    assert "there is no source shop" in otklik("import", "contacts", file, "--source", "shop", status=1).stderr


# -- Events

EVENTS_CSV = """order,customer,sum,zip,when,note
A-1,c-1,1990,089100,20200131,"two
lines"
A-2,c-1,0.5,+7900,2020-02-01,
A-3,c-2,1e3,007,2020-02-02T10:00:00+03:00,NaN
A-4,,x,,,1_000
"""
MAPS = [
    "--map=id=order",
    "--map=type='order.paid'",
    "--map=contact.id=customer",
    "--map=occurred_at=when",
    "--map=properties.amount=sum",
    "--map=properties.zip=zip",
    "--map=properties.note=note",
]


def test_events_are_mapped_and_their_values_read(otklik: Otklik, tmp_path: Path) -> None:
    file = written(tmp_path, "orders.csv", EVENTS_CSV)
    result = otklik("import", "events", file, *MAPS)
    assert (refused(file), "4 accepted, 0 known already, 0 refused." in result.stdout) == ([], True)
    rows = {e.external_id: e for e in stored(Event)}
    assert {name: row.properties for name, row in rows.items()} == {
        "A-1": {"amount": 1990, "zip": "089100", "note": "two\nlines"},
        "A-2": {"amount": 0.5, "zip": "+7900"},
        "A-3": {"amount": 1000, "zip": "007", "note": "NaN"},
        "A-4": {"amount": "x", "note": "1_000"},
    }
    assert [rows[f"A-{n}"].occurred_at.isoformat() for n in (1, 2, 3)] == [
        "2020-01-31T00:00:00+00:00",
        "2020-02-01T00:00:00+00:00",
        "2020-02-02T07:00:00+00:00",
    ]
    assert [rows[f"A-{n}"].contact for n in (1, 4)] == [{"id": "c-1"}, None]


NUMBERS: dict[str, Any] = {
    "12": 12,
    "-3": -3,
    "0": 0,
    "0.25": 0.25,
    "-0.5": -0.5,
    "1990.00": 1990,
    **{
        text: text
        for text in ("nan", "NaN", "Infinity", "inf", "1_000", "00", "+1", "1,5", "true", "١٢", "0x1F", "--3")
    },
    "12345678901234567890123": "12345678901234567890123",
    "9" * 5000: "9" * 5000,
}


@on_sqlite
def test_only_a_plain_number_is_read_as_one(otklik: Otklik, tmp_path: Path) -> None:
    file = written(tmp_path, "e.csv", "id;x\n" + "".join(f"{n};{text}\n" for n, text in enumerate(NUMBERS)))
    otklik("import", "events", file, "--map=id=id", "--map=type='t'", "--map=properties.x=x")
    assert refused(file) == []
    assert [e.properties["x"] for e in stored(Event)] == list(NUMBERS.values())


def test_events_can_be_imported_twice(otklik: Otklik, tmp_path: Path) -> None:
    file = written(tmp_path, "orders.csv", EVENTS_CSV)
    otklik("import", "events", file, *MAPS)
    assert "0 accepted, 4 known already, 0 refused." in otklik("import", "events", file, *MAPS).stdout
    written(tmp_path, "orders.csv", EVENTS_CSV.replace("1990", "1991"))
    assert "0 accepted, 3 known already, 1 refused." in otklik("import", "events", file, *MAPS).stdout
    assert [(row["line"], list(row["errors"])) for row in refused(file)] == [(3, ["id"])]


def test_lines_without_an_id_are_told_apart_by_their_place(otklik: Otklik, tmp_path: Path) -> None:
    file = written(tmp_path, "visits.csv", "who\na\na\nb\n")
    maps = ["--map=type='visit'", "--map=contact.id=who", "--map=occurred_at='2020-01-01'"]
    assert "3 accepted" in otklik("import", "events", file, *maps).stdout
    assert "3 known already" in otklik("import", "events", file, *maps).stdout
    other = written(tmp_path, "other.csv", "who\na\n")
    assert "1 accepted" in otklik("import", "events", other, *maps).stdout


def test_imported_events_are_acted_upon_and_history_is_not(
    otklik: Otklik,
    tmp_path: Path,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
) -> None:
    define(ASK)
    line = json.dumps(event("past", contact={"id": "c-1", "email": "a@example.com", "name": "Ada"}))
    history = written(tmp_path, "past.ndjson", line)
    assert "1 accepted" in otklik("import", "events", history, "--history").stdout
    assert names() == {"c-1": "Ada"}
    assert stored(PendingEvent) == []
    work()
    assert (stored(Decision), stored(Invitation), len(stored(Event))) == ([], [], 1)
    fresh = written(tmp_path, "fresh.ndjson", json.dumps(event("fresh", contact={"id": "c-1"})))
    otklik("import", "events", fresh)
    work()
    assert [i.state for i in stored(Invitation)] == ["open"]
    tell(client, key, event("third"))
    contacts = written(tmp_path, "c.csv", "id,name\nc-9,Eve\n")
    otklik("import", "contacts", contacts, "--history")
    work()
    told = [e.contact_id for e in stored(Event, Event.type == "contact.created")]
    assert len(told) == 0


@on_sqlite
def test_the_past_counts_for_what_comes_after(
    otklik: Otklik,
    tmp_path: Path,
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
) -> None:
    define(
        ASK.replace(
            "when: {event: order.paid}",
            "when: {event: order.paid}, if: {events: order.paid, sum: amount, within: 365d, op: gte, value: 100}",
        )
    )
    month_ago = (utcnow() - timedelta(days=30)).isoformat()
    ada, bob = {"id": "c-1", "email": "a@example.com"}, {"id": "c-2", "email": "b@example.com"}
    past = event("past", contact=ada, properties={"amount": 120}, occurred_at=month_ago)
    otklik("import", "events", written(tmp_path, "past.ndjson", json.dumps(past)), "--history")
    tell(client, key, event("now", contact=ada), event("other", contact=bob))
    work()
    assert [d.event_id for d in stored(Decision)] == [2]


# -- Files that are none


@on_sqlite
def test_an_empty_file_is_an_empty_import(otklik: Otklik, tmp_path: Path) -> None:
    for number, (name, content) in enumerate(
        (
            ("e.csv", b""),
            ("e.csv", b"id,type\n"),
            ("e.csv", b"\n\n"),
            ("e.ndjson", b""),
            ("e.csv.gz", gzip.compress(b"")),
        )
    ):
        file = written(tmp_path, f"{number}{name}", content)
        for kind in ("events", "contacts"):
            assert "0 accepted, 0 known already, 0 refused." in otklik("import", kind, file).stdout, content


@on_sqlite
@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("e.csv.gz", b"no gzip at all", id="no gzip"),
        pytest.param("e.csv.gz", gzip.compress(b"id,type\n" + b"a,t\n" * 5000)[:40], id="gzip that is cut off"),
        pytest.param("e.csv", b'id,type\na,"' + b"x" * 200_000, id="a quote that never ends"),
    ],
)
def test_a_broken_file_is_told_in_a_plain_line(otklik: Otklik, tmp_path: Path, name: str, content: bytes) -> None:
    file = written(tmp_path, name, content)
    assert file.name in otklik("import", "events", file, status=1).stderr


BAD_LINES = [
    '{"id": "b", "type": "t", "occurred_at": "9999-12-31T23:59:59-14:00"}',
    '{"id": "b", "type": "t", "x": %s}' % ("[" * 100_000),
    '{"id": "b", "type": "t", "properties": {"x": "\\ud800"}}',
    '{"id": "b", "type": "survey.answered"}',
    '{"id": "b", "type": "t", "properties": {"x": Infinity}}',
    '{"id": "b", "type": "t", "properties": {"x": "%s"}}' % ("y" * 70_000),
    "\x00",
    "{",
]


@on_sqlite
@pytest.mark.parametrize("history", [[], ["--history"]])
def test_a_bad_line_costs_only_itself(otklik: Otklik, tmp_path: Path, history: list[str]) -> None:
    good = '{"id": "%s", "type": "t", "occurred_at": "2020-01-01T00:00:00Z"}'
    file = written(tmp_path, "e.ndjson", "\n".join([good % "a", *BAD_LINES, good % "c"]))
    otklik("import", "events", file, *history)
    assert [e.external_id for e in stored(Event)] == ["a", "c"]
    assert [row["line"] for row in refused(file)] == list(range(2, 2 + len(BAD_LINES)))


@on_sqlite
def test_a_mapping_that_is_none_is_a_matter_of_usage(otklik: Otklik, tmp_path: Path) -> None:
    file = written(tmp_path, "e.csv", "id\n1\n")
    for pair in ("id", "=column", "id=", "="):
        assert "FIELD=COLUMN" in otklik("import", "events", file, "--map", pair, status=2).stderr, pair


@on_sqlite
def test_a_file_in_a_folder_that_cannot_be_written_is_imported_all_the_same(
    app: Flask, otklik: Otklik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    file = written(tmp_path, "e.ndjson", "{}\n")
    file.with_name("e.ndjson.refused.ndjson").mkdir()
    result = otklik("import", "events", file)
    assert "1 refused" in result.stdout
    assert (here / "e.ndjson.refused.ndjson").read_text().startswith('{"line": 1')


# -- Lists


@on_sqlite
@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("l.csv", "id;name\n1;Ada\nb@example.com;Bob\n3;Cleo\n", id="ids in a column"),
        pytest.param("l.csv", "email\na@example.com\nB@example.com\nc@example.com\n", id="addresses"),
        pytest.param("l.txt", "a@example.com\n2\n3\n1\n", id="one a line, without a header"),
        pytest.param("l.ndjson", '{"id": "1"}\n{"email": "b@example.com"}\n{"name": "Cleo"}\n', id="ndjson"),
    ],
)
def test_customers_are_put_on_a_list(otklik: Otklik, tmp_path: Path, name: str, text: str) -> None:
    people = written(tmp_path, "people.ndjson", LINES.replace("}", ', "email": "b@example.com"}').replace(
        '"email": "a@example.com", "email": "b@example.com"', '"email": "a@example.com"'))  # fmt: skip
    otklik("import", "contacts", people)
    file = written(tmp_path, name, text)
    said = otklik("list", "add", "guests", file).output
    assert "2 accepted, 0 known already, 1 refused." in said
    assert [line["errors"]["id"] for line in refused(file)] in (
        [["No customer has this id or address."]],
        [["Has neither an id nor an email."]],
    )
    assert "0 accepted, 2 known already, 1 refused." in otklik("list", "add", "guests", file).output
    assert otklik("list", "show").output.startswith("guests  2  since")
    otklik("list", "remove", "guests")
    assert otklik("list", "show").output == ""


@on_sqlite
def test_a_list_has_a_name_of_its_own(otklik: Otklik, tmp_path: Path, define: Callable[[str], None]) -> None:
    define("segments: [{slug: premium, if: {field: contact.attributes.plan, op: exists}}]")
    file = written(tmp_path, "l.csv", "id\n1\n")
    assert "a segment is called premium already" in otklik("list", "add", "premium", file, status=1).output
    assert "lower-case" in otklik("list", "add", "Spring guests", file, status=1).output
    assert "there is no list premium" in otklik("list", "remove", "premium", status=1).output


# -- Surveys of other tools


@on_sqlite
def test_a_survey_of_another_tool_becomes_a_definition_file(otklik: Otklik, tmp_path: Path) -> None:
    survey = {"pages": [{"elements": [{"type": "comment", "name": "why"}, {"type": "file", "name": "scan"}]}]}
    file = written(tmp_path, "After Delivery.json", json.dumps(survey))
    told = otklik("import", "survey", file)
    assert told.stderr == "does not map: scan: a question of type file\n"
    definition = written(tmp_path, "survey.yaml", told.stdout)
    otklik("apply", definition)
    assert "after-delivery" in current_surveys()
    assert "cannot be imported: it is neither JSON nor XML" in otklik("import", "survey", definition, status=1).stderr
