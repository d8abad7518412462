"""Who an event was about: identities, shared addresses, profiles, and what is told about changes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.actions.events import record_events
from app.clock import utcnow
from app.inbound.envelopes import read_events
from app.models.contacts import Address, Contact, ContactAddress, ContactChange, MergeCandidate
from app.models.decisions import Decision
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.tasks import Task
from app.queries.sources import source_id
from tests.wire import EVENTS, event, key_with, listed, on_sqlite, run, said, stored, tell

SOURCES = "sources: [{slug: shop}, {slug: crm, namespace: api}]"
ASKS = """
departments: [{slug: care, email: care@example.com}]
policy: {limits: [{name: once, max: 1, per: 30d}]}
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers:
  - {slug: ask, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}
  - {slug: tell, status: live, when: {event: order.paid}, then: [{task: {department: care, title: "Look"}}]}
"""

Said = tuple[str, dict[str, Any] | None]
ADA, BOB = {"email": "ada@example.com"}, {"email": "bob@example.com"}
TEL, TEL2 = {"phone": "+79001234567"}, {"phone": "+79007654321"}


@pytest.fixture
def voices(define: Callable[[str], None]) -> dict[str, dict[str, str]]:
    """Headers with a key of each source."""
    define(SOURCES)
    return {source: key_with("all", source=source) for source in ("api", "shop", "crm")}


@pytest.mark.parametrize(
    ("database_url", "together"),
    [
        pytest.param("sqlite", False, id="one by one"),
        pytest.param("sqlite", True, id="in one batch"),
        pytest.param("postgres", True, id="postgres", marks=pytest.mark.postgres),
    ],
    indirect=["database_url"],
)
@pytest.mark.parametrize(
    ("events", "people"),
    [
        pytest.param([("api", {"id": "1", **ADA}), ("api", {"id": "1", **BOB})], "AA", id="a known id is enough"),
        pytest.param(
            [("api", {"id": "1", **ADA}), ("api", {"id": "2", **BOB}), ("api", {"id": "1", **BOB})],
            "ABA",
            id="a known id decides alone, whosoever address comes with it",
        ),
        pytest.param(
            [("api", {"id": "1", **ADA}), ("shop", {"id": "x", **ADA}), ("shop", {"id": "x"})],
            "AAA",
            id="an unknown id joins the owner of the e-mail, and is known from then on",
        ),
        pytest.param(
            [("api", {"id": "1", **ADA}), ("shop", {"id": "x", **ADA}), ("shop", {"id": "y", **ADA})],
            "AAB",
            id="unless that one has an id in its namespace already",
        ),
        pytest.param(
            [("api", {"id": "1", **ADA}), ("api", {"id": "2", **ADA}), ("api", {"id": "2"})],
            "ABB",
            id="two ids of one source are two people, though they share a mailbox",
        ),
        pytest.param(
            [("api", {"id": "1", **TEL}), ("shop", {"id": "x", **TEL})], "AA", id="else the owner of the phone"
        ),
        pytest.param(
            [("api", {"id": "1", **ADA}), ("api", {"id": "2", **TEL}), ("shop", {"id": "x", **ADA, **TEL})],
            "ABA",
            id="the e-mail counts before the phone",
        ),
        pytest.param(
            [("api", {"id": "1", **ADA}), ("shop", {"id": "x", **TEL}), ("api", {"id": "2", **ADA, **TEL})],
            "ABC",
            id="an owner of the e-mail who cannot be joined leaves no second choice",
        ),
        pytest.param(
            [("api", ADA), ("api", {"id": "1", **ADA}), ("api", {"id": "1"})], "AAA", id="an address first, an id later"
        ),
        pytest.param(
            [("api", ADA), ("shop", {**ADA, **TEL}), ("crm", TEL)], "AAA", id="addresses lead on to each other"
        ),
        pytest.param(
            [("api", ADA), ("api", TEL), ("api", {**ADA, **TEL})], "AB?", id="two known contacts in one event"
        ),
        pytest.param(
            [("api", ADA), ("api", {**ADA, "phone": "nonsense"}), ("api", {"email": " ADA@Example.COM ", **TEL})],
            "AAA",
            id="e-mails are compared in one form",
        ),
        pytest.param(
            [("api", TEL), ("api", {"phone": "8 (900) 123-45-67"}), ("shop", {"phone": "+7-900-123 45 67"})],
            "AAA",
            id="phones are compared in the form of the world",
        ),
        pytest.param(
            [("api", {"id": "1"}), ("crm", {"id": "1"}), ("shop", {"id": "1"})], "AAB", id="a shared namespace"
        ),
        pytest.param(
            [("api", {"id": n}) for n in ("7", "07", "c", "C", "7 ")], "ABCDE", id="ids are compared to the letter"
        ),
        pytest.param(
            [("api", None), ("api", {}), ("api", {"name": "Ada"}), ("api", {"email": "no mail", "phone": "12"})],
            "----",
            id="nobody",
        ),
        pytest.param(
            [("api", {"email": "zoe\u0301@example.com"}), ("api", {"email": "ZOÉ@example.com"})],
            "AA",
            id="composed letters",
        ),
    ],
)
def test_who_an_event_was_about(
    client: FlaskClient, voices: dict[str, dict[str, str]], events: list[Said], people: str, together: bool
) -> None:
    for number, (source, contact) in enumerate(events):
        tell(client, voices[source], event(f"e-{number}", contact=contact))
        if not together:
            run("resolve")
    run("resolve")
    assert partition() == people
    assert len(stored(Contact)) == len(set(people) & set("ABCDE"))


def partition() -> str:
    """Who each event was about: letters in the order of appearance, ``-`` nobody, ``?`` more than one."""
    rivals = {m.event_id for m in stored(MergeCandidate)}
    letters: dict[int, str] = {}
    found = ""
    for row in stored(Event, Event.type == "order.paid"):
        if row.contact_id is None:
            found += "?" if row.id in rivals else "-"
        else:
            found += letters.setdefault(row.contact_id, "ABCDE"[len(letters) : len(letters) + 1])
    return found


def test_a_number_without_its_country_is_of_the_region_that_is_set(
    app: Flask, client: FlaskClient, key: dict[str, str]
) -> None:
    app.config["PHONE_REGION"] = "GB"
    tell(client, key, event(contact={"id": "1", "phone": "07911 123456"}))
    run("resolve")
    assert [a.value for a in stored(Address)] == ["+447911123456"]


def test_a_shared_mailbox_shares_its_allowance(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(ASKS)
    tell(client, key, event("e-1", contact={"id": "1", **ADA}), event("e-2", contact={"id": "2", **ADA}))
    work()
    assert [(a.value, a.shared) for a in stored(Address)] == [("ada@example.com", True)]
    assert len(stored(ContactAddress)) == 2
    decisions = {d["contact"]: d for d in listed(client, key, "/decisions?trigger=ask")}
    assert (decisions["1"]["outcome"], decisions["2"]["outcome"]) == ("invited", "skipped")
    assert (decisions["2"]["reason"], decisions["2"]["gates"][-1]["rule"]) == ("contact_limit", "once")


def test_a_contact_of_their_own_is_not_touched_by_a_neighbour(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(ASKS)
    tell(client, key, event("e-1", contact={"id": "1", **ADA}), event("e-2", contact={"id": "2", **BOB}))
    work()
    assert {d["outcome"] for d in listed(client, key, "/decisions?trigger=ask")} == {"invited"}
    assert not any(a.shared for a in stored(Address))


def test_two_people_in_one_event_are_listed_for_merging_and_not_asked(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(ASKS)
    tell(
        client,
        key,
        event("e-1", "visit", contact=ADA),
        event("e-2", "visit", contact=TEL),
        event("e-3", contact={**ADA, **TEL, "name": "Ada"}),
    )
    work()
    (decision,) = listed(client, key, "/decisions?trigger=ask")
    assert (decision["outcome"], decision["reason"], decision["contact"]) == ("skipped", "ambiguous_contact", None)
    (candidate,) = stored(MergeCandidate)
    one, other = stored(Contact)
    assert {candidate.contact_id, candidate.other_id} == {one.id, other.id}
    assert (one.name, other.name) == (None, None)
    assert stored(Invitation) == []
    assert [t.contact_id for t in stored(Task)] == [None]


def test_an_event_that_names_nobody_can_open_a_task_and_ask_nobody(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(ASKS)
    tell(client, key, event(contact=None))
    work()
    decisions = {d["trigger"]: d for d in listed(client, key, "/decisions")}
    assert (decisions["ask"]["reason"], decisions["ask"]["contact"]) == ("unknown_contact", None)
    assert (decisions["tell"]["outcome"], decisions["tell"]["reason"]) == ("acted", None)
    assert [(t["title"], t["contact"]) for t in listed(client, key, "/tasks")] == [("Look", None)]


# -- Profiles

FIRST = {
    "name": "Ada",
    "locale": "en",
    "attributes": {"plan": "free"},
    "email": "ada@example.com",
    "consent": {"email": True},
}


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_a_newer_block_changes_and_an_older_one_only_fills_gaps(
    client: FlaskClient, key: dict[str, str], days: int
) -> None:
    now = utcnow() - timedelta(days=10)
    later = {
        "name": "Ada Byron",
        "locale": None,
        "timezone": "Europe/London",
        "attributes": {"plan": "pro", "city": "London"},
        "email": "byron@example.com",
        "phone": TEL["phone"],
        "consent": {"email": False, "marketing": True},
    }
    tell(client, key, event("e-1", contact={"id": "1", **FIRST}, occurred_at=now.isoformat()))
    run("resolve")
    moment = (now + timedelta(days=days)).isoformat()
    tell(client, key, event("e-2", contact={"id": "1", **later}, occurred_at=moment))
    run("resolve")
    found = said(client.get("/api/v1/contacts/1", headers=key))
    changed = days >= 0
    assert found["name"] == ("Ada Byron" if changed else "Ada")
    assert (found["locale"], found["timezone"], found["phone"]) == ("en", "Europe/London", TEL["phone"])
    assert found["attributes"] == {"plan": "pro" if changed else "free", "city": "London"}
    assert found["email"] == ("byron@example.com" if changed else "ada@example.com")
    consents = {scope: given["granted"] for scope, given in found["consents"].items()}
    assert consents == {"email": not changed, "marketing": True}


@on_sqlite
def test_events_of_one_batch_are_folded_by_their_own_time(client: FlaskClient, key: dict[str, str]) -> None:
    moments = [utcnow() - timedelta(hours=h) for h in (2, 3, 1, 4)]
    tell(
        client,
        key,
        *(
            event(f"e-{n}", contact={"id": "1", "name": f"name-{n}"}, occurred_at=at.isoformat())
            for n, at in enumerate(moments)
        ),
    )
    run("resolve")
    assert [c.name for c in stored(Contact)] == ["name-2"]


NOTHING: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "   "},
    {"timezone": "Mars/Olympus"},
    {"timezone": "../etc/passwd"},
    {"timezone": "\ufeff"},
    {"locale": ""},
    {"email": "nobody"},
    {"phone": "12"},
    {"attributes": {}},
    {"consent": {}},
]


@on_sqlite
def test_what_says_nothing_changes_nothing(client: FlaskClient, key: dict[str, str]) -> None:
    before = {"id": "1", **FIRST, "timezone": "Europe/London", **TEL}
    tell(client, key, event("e", contact=before))
    run("resolve", "announce", "resolve")
    was = said(client.get("/api/v1/contacts/1", headers=key))
    for number, contact in enumerate(NOTHING):
        tell(client, key, event(f"e-{number}", contact={"id": "1", **contact}))
        run("resolve")
        assert said(client.get("/api/v1/contacts/1", headers=key)) == was, contact
        assert stored(ContactChange) == [], contact


def test_null_deletes_an_attribute(client: FlaskClient, key: dict[str, str]) -> None:
    tell(client, key, event("e-1", contact={"id": "1", "attributes": {"plan": "pro", "city": "London"}}))
    run("resolve")
    tell(client, key, event("e-2", contact={"id": "1", "attributes": {"plan": None, "never": None}}))
    run("resolve")
    assert [c.attributes for c in stored(Contact)] == [{"city": "London"}]


def test_the_newest_address_is_used_and_the_older_still_leads_to_its_owner(
    client: FlaskClient, key: dict[str, str]
) -> None:
    tell(client, key, event("e-1", contact={"id": "1", **ADA}))
    run("resolve")
    tell(client, key, event("e-2", contact={"id": "1", **BOB}))
    run("resolve")
    tell(client, key, event("e-3", contact=ADA), event("e-4", contact={"id": "1"}))
    run("resolve")
    assert partition() == "AAAA"
    assert said(client.get("/api/v1/contacts/1", headers=key))["email"] == "ada@example.com"


# -- What is told about it


def news(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """The internal events of a type: the cause's id and the properties."""
    names = {e.id: e.external_id for e in stored(Event)}
    return [(names.get(e.cause_id or 0, "-"), e.properties) for e in stored(Event, Event.type == kind)]


def test_a_new_contact_and_every_changed_field_become_events(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None]
) -> None:
    tell(client, key, event("e-1", contact={"id": "1", **FIRST, **TEL}))
    work()
    assert (news("contact.created"), news("contact.changed")) == ([("e-1", {})], [])
    changed = {"name": "Ada B.", "attributes": {"plan": "pro", "n": [1]}, "email": "b@example.com", **TEL}
    tell(client, key, event("e-2", contact={"id": "1", **changed}))
    work()
    assert sorted(news("contact.changed"), key=lambda n: str(n[1]["field"])) == [
        ("e-2", {"field": "attributes.n", "from": None, "to": [1]}),
        ("e-2", {"field": "attributes.plan", "from": "free", "to": "pro"}),
        ("e-2", {"field": "email", "from": "ada@example.com", "to": "b@example.com"}),
        ("e-2", {"field": "name", "from": "Ada", "to": "Ada B."}),
    ]
    assert {(e.contact_id, e.depth) for e in stored(Event, Event.type.startswith("contact."))} == {(1, 1)}
    assert news("contact.created") == [("e-1", {})]
    assert said(client.get(f"{EVENTS}/otklik/change-1", headers=key))["contact"] == "1"


def test_a_change_can_be_listened_to(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define("""
departments: [{slug: care}]
triggers:
  - slug: upgraded
    status: live
    when: {event: contact.changed}
    if: {all: [{field: properties.field, op: eq, value: attributes.plan}, {field: properties.to, op: eq, value: pro}]}
    then: [{task: {department: care, title: "{{ contact.name }}: {{ properties.from }} to {{ properties.to }}"}}]
  - {slug: welcome, status: live, when: {event: contact.created}, then: [{task: {department: care, title: "New"}}]}
""")
    for number, plan in enumerate(("free", "basic", "pro", "pro")):
        tell(client, key, event(f"e-{number}", contact={"id": "1", "name": "Ada", "attributes": {"plan": plan}}))
        work()
    assert [t["title"] for t in listed(client, key, "/tasks")] == ["New", "Ada: basic to pro"]


@on_sqlite
def test_a_chain_that_feeds_itself_comes_to_an_end(
    client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define("""
triggers:
  - slug: swing
    status: live
    when: {event: contact.changed}
    if: {field: properties.field, op: eq, value: attributes.n}
    then: [{set: {attribute: n, from: properties.from}}]
""")
    tell(client, key, event("e-1", contact={"id": "1", "attributes": {"n": 1}}))
    work()
    tell(client, key, event("e-2", contact={"id": "1", "attributes": {"n": 2}}))
    work()
    decisions = stored(Decision)
    assert [d.reason for d in decisions] == [None] * 8 + ["loop"]


def test_history_is_stored_resolved_and_never_acted_upon(
    app: Flask, client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(ASKS)
    tell(client, key, event("e-1", "visit", contact={"id": "1", "name": "Ada"}))
    work()
    before = len(stored(Event))
    items = [
        event("h-1", contact={"id": "2", **BOB}),
        event("h-2", contact={"id": "1", **ADA, "name": "Countess", "attributes": {"plan": "pro"}}),
    ]
    number = source_id("api")
    assert number is not None
    reading = read_events(items, utcnow(), history=True)
    assert record_events(number, reading.events, utcnow()).accepted == 2
    work()
    assert len(stored(Event)) == before + 2
    assert (stored(Decision), stored(Invitation), stored(Task), stored(ContactChange)) == ([], [], [], [])
    assert said(client.get("/api/v1/contacts/1", headers=key))["name"] == "Countess"
    assert said(client.get("/api/v1/contacts/2", headers=key))["email"] == "bob@example.com"
    assert said(client.get(f"{EVENTS}/api/h-1", headers=key))["state"] == "history"
