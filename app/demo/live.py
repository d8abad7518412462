"""Meadow goes on living: events and answers through the same doors that any company's services and customers use."""

import hmac
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

import orjson
import structlog

import config
from app.clock import utcnow
from app.demo.answers import Asking, Respondents
from app.demo.chance import Chance
from app.demo.customers import Customer, make_customers, rounds
from app.demo.happenings import COMPLAINT_TOPICS, COURIER_APP, DESK, SHOP, TICKET_TOPICS, Calendar
from app.demo.people import PLACES

DESK_SECRET, WEBSITE_SECRET = "desk-secret", "website-secret"  # names of files
AT_FIRST = timedelta(minutes=15)
EVENT_EVERY, ANSWER_EVERY = 6.0, 40.0
"""Seconds, while a newcomer is looking."""
LATER_EVENT_EVERY, LATER_ANSWER_EVERY = 384.0, 7_200.0
"""The company's own pace, so that a night does not drown the story."""
DAY, EVENING = range(8, 22), range(15, 22)
CAST = ("m-", "v-")
"""How the ids of those begin who have a story of their own."""
PATIENCE = 10.0
LIVE = "live-"
"""How the ids of these events begin."""
PRESSED = {True: "yes", False: "no"}
log = structlog.get_logger()


def key_file(source: str) -> str:
    return f"{source}-key"


@dataclass(frozen=True)
class Doors:
    """The doors of an installation, seen from outside."""

    base: str
    folder: Path

    def post_event(self, source: str, event: Mapping[str, Any]) -> None:
        self._ask("/api/v1/events", orjson.dumps(event), self._keyed(source))

    def post_payload(self, payload: Mapping[str, Any]) -> None:
        """What the support desk sends, signed as it signs."""
        raw = orjson.dumps(payload)
        secret = (self.folder / DESK_SECRET).read_text().strip()
        signature = hmac.digest(secret.encode(), raw, sha256).hex()
        self._ask(f"/webhooks/{DESK}", raw, {"Content-Type": "application/json", "X-Desk-Signature": signature})

    def open_invitations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = "0"
        while cursor is not None:
            query = urlencode({"state": "open", "limit": 500, "cursor": cursor})
            told = orjson.loads(self._ask(f"/api/v1/invitations?{query}", None, self._keyed(SHOP)))
            found, cursor = found + told["items"], told["next"]
        return found

    def submit(self, url: str, form: Mapping[str, Any]) -> None:
        self._ask(urlsplit(url).path, urlencode(form).encode(), {})

    def _keyed(self, source: str) -> dict[str, str]:
        key = (self.folder / key_file(source)).read_text().strip()
        return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def _ask(self, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        request = Request(self.base + path, data=body, headers=dict(headers))  # noqa: S310 our own address
        with urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
            return bytes(response.read())


class Life:
    """The people and services of the company, from the start of a run on."""

    def __init__(self, settings: config.Settings, doors: Doors, began: datetime) -> None:
        self._language, self._began, self._doors = settings.language, began, doors
        self._zone = ZoneInfo(settings.company_zone)
        self._chance = Chance(f"live {began.isoformat()}")
        self._respondents = Respondents(Calendar(began, self._zone), settings.language)
        customers = make_customers()
        self._known = {c.id: c for c in customers}
        self._here = [c for c in customers if c.kind == "subscriber" and (c.left is None or c.returned is not None)]
        self._made = 0

    def happen(self, now: datetime) -> None:
        """One event, of a kind that fits the hour."""
        customer = self._chance.one_of(self._here)
        hour = now.astimezone(self._zone).hour
        lot = self._chance.lot()
        if hour in EVENING and lot < 0.65:  # noqa: PLR2004 most of what happens are boxes
            self._deliver(customer, now)
        elif hour in DAY and lot < 0.8:  # noqa: PLR2004
            self._write_to_support(customer, now)
        else:
            self._shop(customer, now)

    def _deliver(self, customer: Customer, now: datetime) -> None:
        properties = {
            "order": f"o-{100_000 + int(self._chance.lot() * 900_000)}",
            "place": self._place(customer),
            "employee": self._chance.one_of(rounds(self._language, customer.place)),
            "minutes_late": self._chance.whole(0, 30),
        }
        self._doors.post_event(COURIER_APP, self._event("order.delivered", customer, properties, now))

    def _write_to_support(self, customer: Customer, now: datetime) -> None:
        complains = self._chance.happens(0.05)
        payload = {
            "id": self._next_id(),
            "event": "complaint" if complains else "closed",
            "at": now.isoformat(),
            "customer": {"number": customer.id},
            "district": self._place(customer),
            "topic": self._chance.one_of(COMPLAINT_TOPICS if complains else TICKET_TOPICS),
            **({"complaint": f"cm-{self._next_id()}"} if complains else {}),
        }
        self._doors.post_payload(payload)

    def _shop(self, customer: Customer, now: datetime) -> None:
        place = self._place(customer)
        if self._chance.happens(0.15):
            upgrade = {"plan": "premium", "amount": 1990, "place": place}
            self._doors.post_event(SHOP, self._event("subscription.upgraded", customer, upgrade, now))
        else:
            renewal = {"amount": 990, "place": place}
            self._doors.post_event(SHOP, self._event("subscription.renewed", customer, renewal, now))

    def _event(self, kind: str, customer: Customer, properties: dict[str, Any], now: datetime) -> dict[str, Any]:
        return {
            "id": self._next_id(),
            "type": kind,
            "occurred_at": now.isoformat(),
            "contact": {"id": customer.id},
            "properties": properties,
        }

    def _next_id(self) -> str:
        self._made += 1
        return f"{LIVE}{int(self._began.timestamp())}-{self._made}"

    def _place(self, customer: Customer) -> str:
        return PLACES[self._language][customer.place]

    def answer(self, now: datetime) -> bool:
        """One of those who were asked lately answers; False while nobody is left to."""
        waiting = [i for i in self._doors.open_invitations() if not i["contact"].startswith(CAST)]
        if not waiting:
            return False
        invitation = self._chance.one_of(waiting[-50:])
        customer = self._known.get(invitation["contact"])
        language, place = (customer.language, customer.place) if customer else (self._language, 0)
        answers = self._respondents.fill(Asking(invitation["survey"], language, place, None, now))
        form = {"page": 0, **{k: PRESSED.get(v, v) if isinstance(v, bool) else v for k, v in answers.items()}}
        self._doors.submit(invitation["url"], {k: v[0] if isinstance(v, list) else v for k, v in form.items()})
        return True


@dataclass
class _Rhythm:
    """When something comes next: quickly at first, then at the company's own pace."""

    act: Callable[[datetime], object]
    at_first: float
    later: float
    due: datetime

    def turn(self, now: datetime, began: datetime) -> None:
        if now >= self.due:
            self.due = now + timedelta(seconds=self.at_first if now - began < AT_FIRST else self.later)
            self.act(now)


def run(settings: config.Settings) -> None:
    """Live until told to stop; what cannot be reached just now is let pass."""
    going = True

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal going
        going = False

    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, stop)
    began = utcnow()
    life = Life(settings, Doors(settings.base_url, settings.data_dir), began)
    rhythms = (
        _Rhythm(life.happen, EVENT_EVERY, LATER_EVENT_EVERY, began + timedelta(seconds=2)),
        _Rhythm(life.answer, ANSWER_EVERY, LATER_ANSWER_EVERY, began + timedelta(seconds=15)),
    )
    while going:
        for rhythm in rhythms:
            try:
                rhythm.turn(utcnow(), began)
            except (URLError, OSError) as error:  # the web server stops, or is busy
                log.warning("demo.unheard", error=str(error))
        time.sleep(0.25)
