"""How the people of Meadow answer: whether, when, what they press, and their own words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from app.demo.chance import Chance, Deck, share
from app.demo.customers import CENTRE, NORTHSIDE, RIVERSIDE, SLOW_COURIER
from app.demo.happenings import SINCE_FALL, SINCE_NPS, SINCE_SLOTS, Calendar
from app.demo.people import COURIERS, PLACES
from app.queries.past import Promised

RATES = {
    "nps-upgrade": (0.4, 0.4),
    "nps-quarterly": (0.4, 0.3),
    "support-ces": (0.3, 0.3),
    "welcome-ces": (0.22, 0.22),
    "leaving": (0.3, 0.3),
    "win-back": (0.18, 0.18),
    "handled": (0.36, 0.36),
}
DELIVERY_RATES = {CENTRE: (0.18, 0.18), RIVERSIDE: (0.2, 0.18), NORTHSIDE: (0.22, 0.18)}
"""Which share answers, by survey and for deliveries by place: before and after what changed there."""
CHANGED = {RIVERSIDE: SINCE_FALL, NORTHSIDE: SINCE_SLOTS, CENTRE: SINCE_NPS}
MEAN_45 = (5, 5, 5, 5, 5, 5, 4, 4, 4, 3)
MEAN_45_TIGHT = (5,) * 11 + (4,) * 8 + (3,)
MEAN_41 = (5, 5, 5, 5, 4, 4, 4, 4, 3, 2)
MEAN_40 = (5,) * 6 + (4,) * 9 + (3,) * 4 + (2,)
MEAN_38 = (5, 5, 5, 4, 4, 4, 4, 3, 2, 2)
NPS_31 = (10, 10, 10, 9, 9, 9, 10, 8, 7, 8, 6, 3, 5)
NPS_28 = (10, 9, 10, 9, 10, 9, 10, 9, 10, 10, 9, 9, 10, 8, 7, 8, 8, 7, 8, 6, 5, 2, 6, 4, 0)
CES = (7, 7, 7, 7, 6, 6, 6, 6, 5, 5, 5, 4, 3, 2, 1)
HELPERS = (5, 5, 5, 5, 4, 4, 4, 3, 2)
HANDLED = (5, 5, 5, 5, 5, 4, 4, 4, 3, 1)
TOPICS = {
    "late": ("late",) * 8 + ("courier", "taste"),
    "slots": ("late",) * 4 + ("courier", "taste", "taste", "portion", "packaging", "freshness"),
    "usual": ("taste", "taste", "late", "late", "freshness", "freshness", "portion", "packaging", "courier", "other"),
}
LEAVING = ("price", "price", "price", "choice", "taste", "late", "moving", "other")
WISHES = (["price"], ["price", "choice"], ["slots"], ["choice"], ["nothing"])
COMMENTED = {1: 0.7, 2: 0.6, 3: 0.4, 4: 0.25, 5: 0.3}
"""Who says more than a number, by mood."""
_MOODS = {"nps": (1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 5), "csat": (0, 1, 2, 3, 4, 5), "ces": (0, 1, 1, 2, 3, 4, 5, 5)}
ABOUT = {
    "delivery-csat": ("late", "courier", "taste", "portion", "freshness", "packaging", "choice", "app", "other"),
    "nps-upgrade": ("taste", "app", "choice", "price", "late", "portion"),
    "nps-quarterly": ("taste", "choice", "price", "late", "freshness", "packaging", "support", "portion", "other"),
    "support-ces": ("support", "app"),
    "welcome-ces": ("app", "other"),
    "handled": ("support", "other"),
    "win-back": ("price", "choice"),
    "leaving": ("price", "choice", "taste", "late", "other"),
}
WAKES, SLEEPS_MOST = 7, 4.5


@dataclass(frozen=True, slots=True)
class Asking:
    """A survey in front of somebody: what it is about, and when they answer."""

    survey: str
    language: str
    place: int
    employee: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """A filled-in survey."""

    promised: Promised
    started_at: datetime
    completed_at: datetime
    answers: dict[str, Any]


class Respondents:
    """Everybody who is asked. The decks make the proportions; who holds which card is chance."""

    def __init__(self, calendar: Calendar, language: str) -> None:
        self._calendar = calendar
        self._places = {name: number for number, name in enumerate(PLACES[language])}
        self._slow = COURIERS[language][CENTRE][SLOW_COURIER]
        self._chance = Chance("respondents")
        self._decks: dict[str, Deck[Any]] = {}
        self._comments = {code: _read_comments(code) for code in ("en", "ru")}

    def answer(self, promised: Promised, handed_over_at: datetime) -> Given | None:
        """What comes back for a message that was handed over; None: nothing ever does."""
        place = self._places.get(promised.properties.get("place", ""), CENTRE)
        delivery = promised.survey == "delivery-csat"
        newer = handed_over_at >= self._calendar.since(CHANGED[place] if delivery else SINCE_NPS)
        rate = (DELIVERY_RATES[place] if delivery else RATES[promised.survey])[newer]
        name = f"answers {promised.survey} {place if delivery else ''} {newer}"
        if not self._deal(name, share(rate)):
            return None
        completed_at = self._comes_back(handed_over_at, promised.expires_after)
        started_at = completed_at - timedelta(seconds=self._chance.whole(9, 90))
        question = Asking(promised.survey, promised.language, place, promised.properties.get("employee"), completed_at)
        return Given(promised, started_at, completed_at, self.fill(question))

    def fill(self, asking: "Asking") -> dict[str, Any]:
        """What somebody presses and writes."""
        answers = getattr(self, f"_{asking.survey.replace('-', '_')}")(asking)
        return {k: v for k, v in answers.items() if v is not None}

    def _deal(self, name: str, cards: Sequence[Any]) -> Any:
        if name not in self._decks:
            self._decks[name] = Deck(name, cards)
        return self._decks[name].deal()

    def _comes_back(self, handed_over_at: datetime, expires_after: int | None) -> datetime:
        """Most within five hours, some in the next days, nobody in their sleep or after the link has closed."""
        chance = self._chance
        hours = chance.waiting(2.5) if chance.happens(0.8) else chance.waiting(26.0)
        at = handed_over_at + timedelta(hours=min(hours, 60.0), seconds=40)
        if at.astimezone(self._calendar.zone).hour < WAKES:
            at += timedelta(hours=WAKES)
        last = handed_over_at + timedelta(seconds=expires_after or 259_200) - timedelta(minutes=5)
        return min(at, last)

    def _nps_quarterly(self, asking: Asking) -> dict[str, Any]:
        newer = asking.at >= self._calendar.since(SINCE_NPS)
        nps = self._deal(f"nps {newer}", NPS_31 if newer else NPS_28)
        return {"nps": nps, "why": self._says(asking, _MOODS["nps"][nps])}

    _nps_upgrade = _nps_quarterly

    def _delivery_csat(self, asking: Asking) -> dict[str, Any]:
        name, cards, topics = self._mood_of(asking)
        csat = self._deal(f"csat {name}", cards)
        if csat > 3:  # noqa: PLR2004 the survey asks what it was about up to 3
            topic = "app" if name == "slots" and self._chance.happens(0.4) else None
            return {"csat": csat, "why": self._says(asking, csat, topic)}
        topic = self._deal(f"topic {name}", TOPICS[topics])
        return {"csat": csat, "topic": topic, "why": self._says(asking, csat, topic)}

    def _mood_of(self, asking: Asking) -> tuple[str, Sequence[int], str]:
        """The planted truths: Riverside fell, Northside rose, and one courier is really slower."""
        if asking.place == RIVERSIDE:
            fallen = asking.at >= self._calendar.since(SINCE_FALL)
            return ("late", MEAN_40, "late") if fallen else ("riverside", MEAN_45, "usual")
        if asking.place == NORTHSIDE:
            slots = asking.at >= self._calendar.since(SINCE_SLOTS)
            return ("slots", MEAN_45_TIGHT, "usual") if slots else ("northside", MEAN_41, "slots")
        if asking.employee == self._slow:
            return "slow courier", MEAN_38, "usual"
        return "centre", MEAN_45, "usual"

    def _support_ces(self, asking: Asking) -> dict[str, Any]:
        ces = self._deal(asking.survey, CES)
        helper = self._deal("helper", HELPERS) if self._chance.happens(0.8) else None
        return {"ces": ces, "solved": ces > 2, "csat": helper, "why": self._says(asking, _MOODS["ces"][ces])}  # noqa: PLR2004

    def _welcome_ces(self, asking: Asking) -> dict[str, Any]:
        ces = self._deal(asking.survey, CES)
        return {"ces": ces, "why": self._says(asking, _MOODS["ces"][ces])}

    def _leaving(self, asking: Asking) -> dict[str, Any]:
        topic = self._deal("leaving", LEAVING)
        csat = self._chance.whole(2, 4)
        return {"topic": topic, "csat": csat, "call": self._chance.happens(0.5), "why": self._says(asking, csat, topic)}

    def _win_back(self, asking: Asking) -> dict[str, Any]:
        return {"wish": self._deal("wish", WISHES), "why": self._says(asking, 3)}

    def _handled(self, asking: Asking) -> dict[str, Any]:
        csat = self._deal("handled", HANDLED)
        return {"csat": csat, "why": self._says(asking, csat)}

    def _says(self, asking: Asking, mood: int, topic: str | None = None) -> str | None:
        if not self._chance.happens(COMMENTED[mood]):
            return None
        wanted = (topic,) if topic else ABOUT.get(asking.survey)
        spoken = self._comments[asking.language]
        fitting = [text for m, t, text in spoken if m == mood and (wanted is None or t in wanted)]
        if not fitting and topic is None:
            fitting = [text for m, t, text in spoken if m == mood and t == "other"]
        if not fitting:
            return None
        return str(self._deal(f"says {asking.language} {mood} {wanted}", fitting))


def _read_comments(language: str) -> list[tuple[int, str, str]]:
    text = (Path(__file__).parent / f"comments.{language}.yaml").read_text()
    return [(mood, topic, said) for mood, topic, said in yaml.safe_load(text)]
