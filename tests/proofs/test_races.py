"""Many processes at the same contacts keep every limit, decide every event once, and never lock each other up."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

import config
from app.actions.contacts import resolve_events
from app.actions.decisions import decide_events
from app.actions.deliveries import Claim, begin_hand_over, claim_deliveries
from app.actions.events import NewEvent, count_attempt, fail_attempt, record_events
from app.extensions import db
from app.links import survey_url
from app.queries.installation import company
from tests.conftest import fresh_postgres
from tests.proofs.auditor import (
    as_yaml,
    cap,
    deadlocks,
    fullest,
    number,
    overfull,
    places,
    rows,
    times_decided,
    unbalanced,
)
from tests.proofs.crowd import Plan, Report, planned_event
from tests.proofs.load import at_once, paid
from tests.proofs.stack import ROOT, Installation, application, prepare, work_off
from tests.services import MailServer, Postgres, wait_until

PATIENCE = 180
EXEMPT = ("service",)
CAPS = (
    cap("two-a-day", 2, 1),
    cap("five-a-fortnight", 5, 14),
    cap("seven-a-month", 7, 30),
    cap("about-us", 1, 20, classes=("relationship",)),
    cap("one-order-survey", 2, 5, surveys=("csat-order",)),
    cap("review-half-day", 1, 0.5, triggers=("ask-review",)),
    cap("service-week", 3, 7, classes=("service",)),
)
DEFINITIONS = f"""
policy:
  limits: [{", ".join(as_yaml(cap) for cap in CAPS)}]
  exempt: [{", ".join(EXEMPT)}]
  quiet_hours: {{from: "21:00", to: "09:00", zone: contact}}
surveys:
  - slug: csat-order
    pages: [{{questions: [{{id: csat, type: csat, text: {{en: "How was it?"}}}}]}}]
  - slug: nps-company
    pages: [{{questions: [{{id: nps, type: nps, text: {{en: "Would you recommend us?"}}}}]}}]
triggers:
  - slug: ask-order
    status: live
    when: {{event: order.paid}}
    if: {{field: properties.amount, op: gte, value: 1000}}
    fresh: 365d
    then: [{{send: {{survey: csat-order}}}}, {{set: {{attribute: paid, from: properties.amount}}}}]
  - slug: ask-company
    status: live
    class: relationship
    priority: 40
    when: {{event: order.paid}}
    fresh: 365d
    then: [{{send: {{survey: nps-company, delay: 36h}}}}]
  - slug: ask-review
    status: live
    when: {{event: review.posted}}
    fresh: 365d
    then: [{{send: {{survey: csat-order, delay: 3h}}}}]
  - slug: thank
    status: live
    class: service
    when: {{event: review.posted}}
    fresh: 365d
    then: [{{message: {{text: "Thank you."}}}}]
"""


def let_loose(settings: config.Settings, within: float = PATIENCE, **many: int) -> Report:
    """Let a crowd of processes at a fresh database, and return what they say they did."""
    prepare(settings, DEFINITIONS)
    plan = Plan(settings.database_url, str(settings.data_dir), **many)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.proofs.crowd"],
        cwd=ROOT,
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return Report(**json.loads(ended.stdout))


def expected_decisions(events: int) -> dict[str, int]:
    """How often each trigger has to be decided for the first so many events of a crowd."""
    kinds = Counter(planned_event(number)["type"] for number in range(events))
    heard = {
        "ask-order": "order.paid",
        "ask-company": "order.paid",
        "ask-review": "review.posted",
        "thank": "review.posted",
    }
    return {trigger: kinds[kind] for trigger, kind in heard.items()}


def audit(url: str, report: Report, events: int, *, moved: bool = False) -> None:
    """What has to be so after every crowd, read from the tables alone.

    Where hand-overs ``moved`` what is counted, two of one day may have come to stand on two.
    """
    assert report.errors == []
    taken = places(url)
    assert overfull(taken, CAPS, EXEMPT) == []
    assert unbalanced(url) == []
    assert report.killed or sum(report.decided) == events
    assert times_decided(url) == expected_decisions(events)
    # The caps were reached and the addresses shared, so that there was something to break.
    for name in ("about-us", "one-order-survey", *(() if moved else ("two-a-day",))):
        found = next(c for c in CAPS if c.name == name)
        assert fullest(taken, found, EXEMPT) == found.max, name
    at_address: dict[int | None, set[int]] = {}
    for place in taken:
        at_address.setdefault(place.address, set()).add(place.contact)
    assert sum(len(contacts) > 1 for contacts in at_address.values()) >= 1


def begun_again(report: Report) -> list[int]:
    """Deliveries that were begun again although an earlier hand-over may have arrived."""
    stories: dict[int, list[tuple[int, str, bool]]] = {}
    for delivery, attempt, how, settled in report.begun:
        stories.setdefault(delivery, []).append((attempt, how, settled))
    return [
        delivery
        for delivery, story in stories.items()
        if any((how, settled) != ("retrying", True) for _, how, settled in sorted(story)[:-1])
    ]


@pytest.mark.postgres
def test_sixteen_processes_that_decide_keep_every_limit(postgres_settings: config.Settings) -> None:
    report = let_loose(postgres_settings, events=500, deciders=16, senders=0)
    audit(postgres_settings.database_url, report, 500)
    assert sum(decided > 0 for decided in report.decided) >= 8, report.decided
    assert deadlocks(postgres_settings.database_url) == 0


@pytest.mark.postgres
def test_processes_that_are_killed_while_they_decide_break_no_limit(postgres_settings: config.Settings) -> None:
    report = let_loose(postgres_settings, events=400, deciders=8, senders=0, kills=20)
    assert report.killed == 20
    audit(postgres_settings.database_url, report, 400)


@pytest.mark.postgres
def test_limits_hold_while_hand_overs_move_what_is_counted(postgres_settings: config.Settings) -> None:
    report = let_loose(postgres_settings, events=450, deciders=16, senders=4)
    url = postgres_settings.database_url
    audit(url, report, 450, moved=True)
    assert deadlocks(url) == 0
    assert begun_again(report) == []
    moves = "SELECT COUNT(*) FROM invitations WHERE handed_over_at <> planned_at"
    assert number(url, moves) >= 10
    assert len({how for _, _, how, _ in report.begun}) == 5, "every way to end a hand-over was met"


def test_limits_hold_with_several_processes_on_one_file(tmp_path: Path, empty_sqlite: bytes) -> None:
    (tmp_path / "otklik.db").write_bytes(empty_sqlite)
    url = f"sqlite:///{tmp_path / 'otklik.db'}"
    settings = config.load({}, database_url=url, data_dir=tmp_path, rate_limit="")
    report = let_loose(settings, events=300, deciders=4, senders=2)
    audit(url, report, 300, moved=True)
    assert begun_again(report) == []


NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)

# Two at one place, one of them stopped exactly where the other could slip in.

STRICT = """
policy: {limits: [{name: one-a-month, max: 1, per: 30d}]}
surveys:
  - {slug: nps, pages: [{questions: [{id: nps, type: nps, text: {en: "How likely?"}}]}]}
  - {slug: csat, pages: [{questions: [{id: csat, type: csat, text: {en: "How was it?"}}]}]}
triggers:
  - {slug: ask, status: live, when: {event: order.paid}, fresh: 365d, then: [{send: {survey: nps}}]}
"""
LEASE = timedelta(seconds=30)


def tell(events: dict[str, tuple[str, str]], now: datetime) -> None:
    """Record and resolve events: id → (contact, e-mail)."""
    source = db.session.scalar(text("SELECT id FROM sources WHERE slug = 'api'"))
    made = [
        NewEvent(name, "order.paid", now, {"id": contact, "email": email}, {}, name.encode().ljust(16)[:16])
        for name, (contact, email) in events.items()
    ]
    record_events(source, made, now)
    resolve_events(500, now, "RU")


def aside(app: Flask, call: Callable[[], object], pool: ThreadPoolExecutor) -> "Future[object]":
    """Make a call on a connection of its own."""

    def with_context() -> object:
        with app.app_context():
            return call()

    return pool.submit(with_context)


def waiting_for_locks(url: str) -> int:
    return number(
        url,
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
    )


def begin(claim: Claim, now: datetime) -> bool:
    return begin_hand_over(claim, now, LEASE, company(), "UTC", frozenset()) is not None


@pytest.mark.postgres
@pytest.mark.parametrize("second", ["hands over", "decides"])
@pytest.mark.parametrize("shared", [True, False], ids=["an address", "a contact"])
def test_a_hand_over_in_the_middle_of_moving_its_place_is_waited_for(
    postgres_settings: config.Settings, second: str, shared: bool
) -> None:
    """Each place alone may move to today, or be taken there; both together may not."""
    url = postgres_settings.database_url
    today = NOON + timedelta(days=62)
    one = ("c-1", "family@example.com")
    other = ("c-2", "family@example.com") if shared else one
    with application(postgres_settings, STRICT) as app, ThreadPoolExecutor(2) as pool:
        tell({"e-0": one, "e-1": other}, NOON)
        decide_events(10, NOON, "UTC", "en")
        if second == "hands over":
            tell({"e-2": other}, NOON + timedelta(days=31))
            decide_events(10, NOON + timedelta(days=31), "UTC", "en")
        else:
            tell({"e-2": other}, today)
        taken = places(url)
        assert len(taken) == (2 if second == "hands over" else 1)
        assert len({p.contact for p in taken}) == (2 if shared and second == "hands over" else 1)
        claims = claim_deliveries(10, today, LEASE, 1000)

        def follow() -> object:
            return begin(claims[1], today) if second == "hands over" else decide_events(10, today, "UTC", "en")

        with psycopg.connect(url) as held:
            # Whoever begins first is stopped after its last look at the limits, before it commits.
            held.execute("SELECT 1 FROM reservations ORDER BY invitation_id LIMIT 1 FOR UPDATE")
            first = aside(app, lambda: begin(claims[0], today), pool)
            wait_until(lambda: waiting_for_locks(url) == 1, 20)
            then = aside(app, follow, pool)
            wait_until(lambda: then.done() or waiting_for_locks(url) == 2, 20)
        assert first.result(20)
        then.result(20)
        decide_events(10, today, "UTC", "en")
    assert overfull(places(url), [cap("one-a-month", 1, 30)], ()) == []
    assert unbalanced(url) == []
    assert number(url, "SELECT COUNT(*) FROM invitations WHERE handed_over_at IS NOT NULL") == 1
    assert deadlocks(url) == 0


@pytest.mark.postgres
def test_a_failed_attempt_takes_its_locks_in_the_order_of_everybody_else(postgres_settings: config.Settings) -> None:
    url = postgres_settings.database_url
    with application(postgres_settings, STRICT) as app, ThreadPoolExecutor(1) as pool:
        tell({"e-1": ("c-1", "c-1@example.com")}, NOON)
        (event,) = rows(url, "SELECT event_id FROM pending_events")
        assert count_attempt(event[0], NOON)
        with psycopg.connect(url) as deciding:
            deciding.execute("SELECT 1 FROM contact_locks WHERE contact_id > 0 FOR NO KEY UPDATE")
            failing = aside(app, lambda: fail_attempt(event[0], "poison", NOON), pool)
            wait_until(lambda: waiting_for_locks(url) == 1, 20)
            deciding.execute("DELETE FROM pending_events")
        assert failing.result(20) is False
    assert deadlocks(url) == 0


# Asking once, on both kinds of database.

TWO_SURVEYS = (
    STRICT
    + """
  - {slug: ask-too, status: live, priority: 60, when: {event: order.paid}, then: [{send: {survey: csat}}]}
"""
)


@pytest.fixture
def mailed(app: Flask, mail_server: MailServer) -> Callable[[], list[str]]:
    """Who has got a mail so far."""
    app.config["SMTP_URL"] = mail_server.url
    return lambda: [to for to, _ in mail_server.mailbox.received]


def decisions_of(contact: str, client: FlaskClient, key: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(client.get(f"/api/v1/decisions?contact={contact}", headers=key).text)[
        "items"
    ]
    return found


def test_one_event_that_triggers_two_surveys_asks_once(
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    mailed: Callable[[], list[str]],
) -> None:
    define(TWO_SURVEYS.replace("{limits: [{name: one-a-month, max: 1, per: 30d}]}", "{limits: []}"))
    client.post("/api/v1/events", json=paid("e-1", "c-1"), headers=key)
    work()
    found = decisions_of("c-1", client, key)
    assert {(d["trigger"], d["outcome"], d["reason"]) for d in found} == {
        ("ask-too", "invited", None),
        ("ask", "skipped", "superseded"),
    }
    assert mailed() == ["c-1@example.com"]


@pytest.mark.parametrize("together", [True, False], ids=["in one request", "one after the other"])
def test_two_events_before_the_first_delivery_ask_once(
    client: FlaskClient,
    key: dict[str, str],
    define: Callable[[str], None],
    work: Callable[[], None],
    mailed: Callable[[], list[str]],
    together: bool,
) -> None:
    define(TWO_SURVEYS)
    events = [paid("e-1", "c-1"), paid("e-2", "c-1")]
    for posted in [events] if together else [[event] for event in events]:
        assert client.post("/api/v1/events", json=posted, headers=key).status_code == 202
        now = datetime.now(UTC)
        resolve_events(10, now, "RU")
        decide_events(10, now, "UTC", "en")
    work()
    found = decisions_of("c-1", client, key)
    assert Counter(d["outcome"] for d in found) == {"invited": 1, "skipped": 3}
    assert mailed() == ["c-1@example.com"]


# The same request, many times at once, through a real web server.

SHOP = """
offers: [{slug: thanks, codes: [AAAA, BBBB, CCCC, DDDD]}]
surveys:
  - slug: nps
    pages: [{questions: [{id: nps, type: nps, text: {en: "How likely?"}, required: true}]}]
    endings: [{text: {en: "Wonderful."}, offer: thanks}]
triggers:
  - slug: ask
    status: live
    when: {event: order.paid}
    then: [{send: {survey: nps}}, {set: {attribute: paid, from: properties.amount}}]
  - {slug: answered, status: live, when: {event: survey.answered}, then: [{set: {attribute: nps, from: answers.nps}}]}
"""


@pytest.fixture(scope="module")
def shop(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, str, config.Settings]]:
    """A web server of two processes on PostgreSQL, its key and its settings; the work is done by the tests."""
    settings = config.load(
        {}, database_url=fresh_postgres(postgres), data_dir=tmp_path_factory.mktemp("shop"), rate_limit=""
    )
    key = prepare(settings, SHOP)
    installation = Installation(settings)
    try:
        installation.start_web()
        yield installation, key, settings
    finally:
        installation.end()


@pytest.mark.postgres
def test_fifty_copies_of_an_event_on_sixteen_connections_have_one_effect(
    shop: tuple[Installation, str, config.Settings],
) -> None:
    installation, key, settings = shop
    url = settings.database_url
    headers = {"Authorization": f"Bearer {key}"}

    def post(client: httpx.Client) -> httpx.Response:
        return client.post(f"{installation.url}/api/v1/events", json=paid("ord-1", "copied"), headers=headers)

    answers = at_once([post] * 50, 16)
    assert Counter(a.status_code for a in answers) == {202: 50}
    assert sum(a.json()["accepted"] for a in answers) == 1
    assert sum(a.json()["duplicates"] for a in answers) == 49
    work_off(settings)
    mine = "(SELECT id FROM events WHERE external_id = 'ord-1')"
    for table in ("decisions", "invitations", "effects"):
        assert number(url, f"SELECT COUNT(*) FROM {table} WHERE event_id IN {mine}") == 1, table
    sent = f"SELECT COUNT(*) FROM deliveries d JOIN invitations i ON i.id = d.invitation_id WHERE i.event_id IN {mine}"
    assert number(url, sent) == 1
    assert deadlocks(url) == 0


@pytest.mark.postgres
def test_batches_that_overlap_in_every_order_store_each_event_once(
    shop: tuple[Installation, str, config.Settings],
) -> None:
    installation, key, settings = shop
    headers = {"Authorization": f"Bearer {key}"}
    events = [paid(f"mix-{number}", f"mix-{number % 7}") for number in range(40)]

    def poster(turn: int) -> Callable[[httpx.Client], httpx.Response]:
        mixed = events[turn:] + events[:turn]
        batch = mixed[::-1] if turn % 2 else mixed
        return lambda client: client.post(f"{installation.url}/api/v1/events", json=batch[:25], headers=headers)

    answers = at_once([poster(turn) for turn in range(0, 40, 2)] + [poster(turn) for turn in range(1, 40, 2)], 16)
    assert {a.status_code for a in answers} == {202}
    assert sum(a.json()["accepted"] for a in answers) == 40
    assert sum(a.json()["duplicates"] for a in answers) == 40 * 25 - 40
    url = settings.database_url
    assert number(url, "SELECT COUNT(*) FROM events WHERE external_id LIKE 'mix-%'") == 40
    assert deadlocks(url) == 0


@pytest.mark.postgres
def test_fifty_submits_of_one_answer_at_once_are_one_response(
    shop: tuple[Installation, str, config.Settings],
) -> None:
    installation, key, settings = shop
    url = settings.database_url
    headers = {"Authorization": f"Bearer {key}"}
    httpx.post(f"{installation.url}/api/v1/events", json=paid("ord-9", "asked"), headers=headers).raise_for_status()
    work_off(settings)
    asked = """
        SELECT i.public_id, i.id FROM invitations i JOIN events e ON e.id = i.event_id WHERE e.external_id = 'ord-9'
    """
    ((public_id, invitation),) = rows(url, asked)
    with application(replace(settings, base_url=installation.url)):
        link = survey_url(public_id)

    def submit(client: httpx.Client) -> httpx.Response:
        return client.post(link, data={"page": "0", "nps": "9"})

    answers = at_once([submit] * 50, 16)
    assert Counter(a.status_code for a in answers) == {200: 50}
    work_off(settings)
    responses = f"SELECT id, complete FROM responses WHERE invitation_id = {invitation}"
    ((response, complete),) = rows(url, responses)
    assert complete
    assert number(url, f"SELECT COUNT(*) FROM scores WHERE response_id = {response}") == 1
    assert number(url, "SELECT COUNT(*) FROM offer_codes WHERE response_id IS NOT NULL") == 1
    told = f"SELECT COUNT(*) FROM events WHERE type = 'survey.answered' AND external_id = 'response-{response}'"
    assert number(url, told) == 1
    assert deadlocks(url) == 0
