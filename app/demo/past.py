"""Making Meadow's past: six months of events through the real deciding, with a clock that moves along."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr
from hashlib import sha256
from heapq import heappop, heappush
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from flask import current_app

from app.actions.announcements import announce_changes, announce_responses, announce_tasks
from app.actions.contacts import put_contacts, resolve_events
from app.actions.decisions import decide_past
from app.actions.definitions import apply_definitions
from app.actions.deliveries import unsubscribe_contact
from app.actions.events import NewEvent, record_events
from app.actions.past import (
    Finished,
    HandOvers,
    Solved,
    close_expired,
    fix_draws,
    hurry,
    set_clocks,
    store_hand_overs,
    store_responses,
    store_solved,
    take_over,
)
from app.actions.responses import score_responses
from app.actions.rollups import add_marker, recount_days, tally_events
from app.actions.segments import note_segments
from app.actions.tasks import open_tasks
from app.definitions import load_definitions
from app.demo.answers import Given, Respondents
from app.demo.cast import VICTOR_LEAVES, Lots, guest_happenings, make_guests, make_victor, victor_happenings
from app.demo.chance import HOLDOUT_SALT, SAMPLING_SALT, Chance, Deck, share
from app.demo.customers import DAYS, NORTHSIDE, Customer, make_customers
from app.demo.happenings import (
    DESK,
    SINCE_SLOTS,
    Calendar,
    Happening,
    as_event,
    block,
    complaint_lasts,
    make_happenings,
)
from app.demo.people import ANNA, MARK, NOTES, PLACES, TEAMS
from app.inbound.payloads import take_payload
from app.queries.contacts import find_contacts
from app.queries.effects import waiting_effects
from app.queries.installation import company
from app.queries.past import Unworked, lively_invitation, promised_until, source_ids, unworked_tasks
from app.queries.policies import policy_number, rules_of
from app.queries.sources import find_source
from app.queries.surveys import survey_version
from app.queries.triggers import current_triggers
from surveys.branching import ending, visible_answers

FOLDER = Path(__file__).parent
EVERYTHING = 1_000_000
STEP_DAYS = 7
IMPORT_BATCH = 1_000
CODES = 600
BOUNCES, UNSUBSCRIBES = 0.003, 2
"""Which share of the mails comes back; how many customers unsubscribe in a week."""
IN_TIME = 0.92
OVERDUE, STILL_OPEN = 2, 0.7
"""How many tasks are overdue today; which share of those that are not yet due nobody has solved."""
NONSENSE: tuple[tuple[float, dict[str, Any]], ...] = (
    (51.2, {"id": "sd-20817", "event": "closed", "at": "yesterday at noon", "customer": {"number": "c-1188"}}),
    (27.6, {"id": "sd-20944", "event": "closed", "at": "2031-01-01T09:00:00Z", "customer": {"number": "c-2040"}}),
    (5.3, {"id": "sd-21003", "event": "complaint", "customer": {"number": ""}, "topic": "late", "complaint": "cm-77"}),
)
"""What the support desk sent, and how many hours ago."""
CAUSES = {"late": "route", "courier": "courier", "freshness": "kitchen", "taste": "kitchen", "portion": "packing"}


def begin_company(language: str, now: datetime, secrets: Mapping[str, str]) -> None:
    """Put Meadow's definitions in force, with draws that fall the same in every company."""
    fix_draws(SAMPLING_SALT, HOLDOUT_SALT)
    loaded = load_definitions({"company": (FOLDER / f"company.{language}.yaml").read_text()})
    assert not loaded.faults, "\n".join(map(str, loaded.faults))
    for source, secret in secrets.items():
        loaded.secrets[source] = [secret]
    for slug in ("dessert", "welcome-back"):
        loaded.catalog.bodies["offers"][slug]["codes"] = _codes(slug)
    apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=now)


def _codes(slug: str) -> list[str]:
    chance = Chance(f"codes {slug}")
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    codes = ("".join(chance.one_of(letters) for _ in range(7)) for _ in range(CODES))
    return list(dict.fromkeys(codes))


@dataclass
class _Work:
    """What is still to come in of what has gone out, and how the tasks will be worked."""

    coming: list[tuple[datetime, int, Given]] = field(default_factory=list)
    solving: list[tuple[datetime, int, Solved]] = field(default_factory=list)
    last_task: int = 0
    unknown: int = 0


class Past:
    """Makes the past up to ``now`` in the database of the current application."""

    def __init__(
        self, language: str, now: datetime, secrets: Mapping[str, str], tell: Callable[[int, int], None]
    ) -> None:
        self._language, self._secrets, self._tell = language, secrets, tell
        self._calendar = Calendar(now, ZoneInfo(company().zone))
        self._domain = parseaddr(company().mail_from)[1].rpartition("@")[2]
        self._work = _Work()
        self._respondents = Respondents(self._calendar, language)
        self._bounces = Deck("bounces", share(BOUNCES, 1000))
        self._tasks = _Workers(language, now)
        self._numbers: dict[str, int] = {}

    def make(self) -> None:
        hurry()
        calendar = self._calendar
        begin_company(self._language, calendar.begins, self._secrets)
        lots = Lots(
            {rule.slug: rule for _, _, rule in current_triggers()}, rules_of(policy_number(), str(calendar.zone))
        )
        customers = make_customers()
        guests, victor = make_guests(lots, calendar.now, self._language), make_victor(lots, calendar, self._language)
        self._sources = source_ids()
        self._import([*(c for c in customers if c.joined < 0), *guests, victor])
        happenings = make_happenings(customers, calendar, self._language)
        happenings += guest_happenings(guests, calendar, self._language)
        happenings += victor_happenings(victor, calendar, self._language)
        happenings.sort(key=lambda h: (h.at, h.contact["id"], h.type))
        self._victor = victor
        self._staying = [c for c in customers if c.kind == "subscriber" and c.joined < 0 and c.left is None]
        begin, position = calendar.begins, 0
        for until in self._steps():
            end = position
            while end < len(happenings) and happenings[end].at < until:
                end += 1
            self._record(happenings[position:end])
            self._live(begin, until)
            begin, position = until, end
            self._tell((until - calendar.begins).days, DAYS)
        self._finish()

    def _steps(self) -> list[datetime]:
        """The ends of the steps; one of them is the moment at which Victor has had enough."""
        noons = [self._calendar.at(day, 12) for day in range(STEP_DAYS, DAYS, STEP_DAYS)]
        steps = {*noons, self._calendar.at(DAYS - VICTOR_LEAVES, 20), self._calendar.now}
        return sorted(step for step in steps if step <= self._calendar.now)

    def _import(self, customers: Sequence[Customer]) -> None:
        """Customers who were there before, as an import of history would bring them."""
        begins = self._calendar.begins - timedelta(hours=3)
        region = current_app.config["PHONE_REGION"]
        for first in range(0, len(customers), IMPORT_BATCH):
            blocks = [(c.id, block(c)) for c in customers[first : first + IMPORT_BATCH]]
            put_contacts(self._sources["shop"], blocks, begins, region, history=True)

    def _record(self, happenings: Sequence[Happening]) -> None:
        events: dict[str, list[NewEvent]] = {}
        for happening in happenings:
            events.setdefault(happening.source, []).append(as_event(happening, self._next_id(happening)))
        for source, found in events.items():
            record_events(self._sources[source], found, found[-1].occurred_at)

    def _next_id(self, happening: Happening) -> str:
        kind = happening.type.replace(".", "-")
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return f"{kind}-{self._numbers[kind]}"

    def _live(self, begin: datetime, until: datetime) -> None:
        """Live through one step; what follows from what follows is decided before the next one begins."""
        self._decide(begin, until)
        while self._hand_over(until) + self._come_in(until) + self._solve(until):
            self._decide(begin, until)
        self._leave(until)

    def _decide(self, begin: datetime, until: datetime) -> None:
        region, zone = current_app.config["PHONE_REGION"], company().zone
        while resolve_events(EVERYTHING, until, region) + announce_changes(EVERYTHING, until):
            pass
        while decide_past(EVERYTHING, begin, until, zone, self._language).contacts:
            pass
        open_tasks(waiting_effects("task", EVERYTHING), until)

    def _hand_over(self, until: datetime) -> int:
        done = HandOvers()
        promised = promised_until(until)
        for promise in promised:
            at = promise.planned_at + timedelta(seconds=2)
            if promise.closed:
                done.closed.append((promise, at))
            elif self._bounces.deal():
                done.bounced.append((promise, at))
            elif self._is_lost(at):
                done.unknown.append((promise, at))
            else:
                done.sent.append((promise, at))
                if given := self._respondents.answer(promise, at):
                    heappush(self._work.coming, (given.completed_at, promise.id, given))
        if promised:
            store_hand_overs(done, self._domain)
        return len(promised)

    def _is_lost(self, at: datetime) -> bool:
        """One hand-over of the last days was cut off, and nobody knows whether it arrived."""
        if self._work.unknown or at < self._calendar.since(2):
            return False
        self._work.unknown += 1
        return True

    def _come_in(self, until: datetime) -> int:
        finished = []
        while self._work.coming and self._work.coming[0][0] < until:
            finished.append(_finished(heappop(self._work.coming)[2]))
        if finished:
            store_responses(finished)
            announce_responses(EVERYTHING, until)
        return len(finished)

    def _solve(self, until: datetime) -> int:
        """Put new tasks on somebody's desk, and store what was solved by ``until``."""
        for task in unworked_tasks(self._work.last_task):
            self._work.last_task = task.id
            if solved := self._tasks.plan(task):
                heappush(self._work.solving, (solved.at, task.id, solved))
        solved_now = []
        while self._work.solving and self._work.solving[0][0] < until:
            solved_now.append(heappop(self._work.solving)[2])
        if solved_now:
            store_solved(solved_now)
            announce_tasks(EVERYTHING, until)
        return len(solved_now)

    def _leave(self, until: datetime) -> None:
        """Some of those who were asked unsubscribe; Victor does on his day."""
        if until == self._calendar.at(DAYS - VICTOR_LEAVES, 20):
            self._unsubscribe(self._victor.id, until)
        chance = Chance(f"leaving {until.date()}")
        for _ in range(UNSUBSCRIBES if until < self._calendar.now else 0):
            self._unsubscribe(chance.one_of(self._staying).id, until)

    def _unsubscribe(self, external_id: str, at: datetime) -> None:
        (contact_id,) = find_contacts(external_id)
        if public_id := lively_invitation(contact_id):
            unsubscribe_contact(public_id, at)

    def _finish(self) -> None:
        now, zone = self._calendar.now, company().zone
        close_expired(now)
        take_over(self._tasks.at_work)
        score_responses(EVERYTHING, now)
        note_segments(EVERYTHING)
        recount_days(EVERYTHING, zone)
        set_clocks()
        tally_events(EVERYTHING, now + timedelta(days=1), zone)
        self._mark()
        self._send_nonsense()

    def _mark(self) -> None:
        """Three weeks ago customers of Northside could begin to choose their slot in the app."""
        day = self._calendar.today - timedelta(days=SINCE_SLOTS)
        touchpoint = next(rule.touchpoint for _, _, rule in current_triggers() if rule.slug == "delivery-csat")
        place, author = PLACES[self._language][NORTHSIDE], ANNA[self._language].email
        add_marker(day, MARK[self._language], place, touchpoint, author, self._calendar.since(SINCE_SLOTS))

    def _send_nonsense(self) -> None:
        """The support desk sent three payloads that no event could be made of; they went through the real door."""
        desk = find_source(DESK)
        assert desk is not None
        for hours, body in NONSENSE:
            raw = orjson.dumps(body)
            signature = hmac.digest(desk.secrets[0].encode(), raw, sha256).hex()
            headers = {"content-type": "application/json", desk.service.header: signature}
            taken = take_payload(desk, raw, "application/json", headers, self._calendar.now - timedelta(hours=hours))
            assert taken.result == "rejected"


def _finished(given: Given) -> Finished:
    """The answers that count, and the offer, as the answer page finds them."""
    survey = survey_version(given.promised.survey_version_id)
    known: dict[str, Any] = {"properties": given.promised.properties, "contact": {}}
    answers = dict(visible_answers(survey, given.answers, known, given.completed_at))
    end = ending(survey, answers, known, given.completed_at)
    return Finished(given.promised, given.started_at, given.completed_at, answers, end.offer if end else None)


class _Workers:
    """How the departments work their tasks: most in time, some late, and two lie about."""

    def __init__(self, language: str, now: datetime) -> None:
        self._language, self._now = language, now
        self._chance = Chance("tasks")
        self._owners = {
            department: [person.email for person in people] for department, people in TEAMS[language].items()
        }
        self._outcomes = Deck("outcomes", ("recovered",) * 13 + ("lost",) * 3 + ("no_contact",) * 2 + ("not_needed",))
        self._in_time = Deck("in time", share(IN_TIME))
        self._overdue = 0
        self.at_work: dict[int, str] = {}

    def plan(self, task: Unworked) -> Solved | None:
        """When and how a task is solved; None for what lies about, or is still on somebody's desk."""
        chance = self._chance
        owner = chance.one_of(self._owners[task.department])
        at = self._solved_at(task)
        if self._lies_about(task):
            return None
        if task.due_at < self._now <= at:  # late, but not left over: the overdue ones are two
            at = task.due_at + (self._now - task.due_at) / 2
        elif self._now <= task.due_at and (at >= self._now or chance.happens(STILL_OPEN)):
            if chance.happens(0.5):
                self.at_work[task.id] = owner
            return None
        topic = str((task.properties.get("answers") or task.properties).get("topic", ""))
        outcome = self._outcomes.deal()
        cause = CAUSES.get(topic, chance.one_of(("route", "kitchen", "app", "price", "misunderstanding")))
        return Solved(task.id, at, owner, outcome, cause, chance.one_of(NOTES[self._language]))

    def _solved_at(self, task: Unworked) -> datetime:
        """A complaint is solved when the support desk closes it."""
        if complaint := task.properties.get("complaint"):
            return task.opened_at + complaint_lasts(complaint)
        given = task.due_at - task.opened_at
        part = self._chance.between(0.15, 0.95) if self._in_time.deal() else self._chance.between(1.05, 1.8)
        return task.opened_at + given * part

    def _lies_about(self, task: Unworked) -> bool:
        recent = self._now - timedelta(days=4) < task.due_at < self._now - timedelta(minutes=40)
        if not recent or self._overdue == OVERDUE or task.properties.get("complaint"):
            return False
        self._overdue += 1
        return True
