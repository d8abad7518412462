"""What Meadow is made of: the same in every run, whole in both languages, and never in the way of real people."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from flask import Flask

from app.definitions import load_definitions
from app.demo import past
from app.demo.answers import HELPERS, MEAN_38, MEAN_40, MEAN_41, MEAN_45, MEAN_45_TIGHT, NPS_28, NPS_31
from app.demo.chance import Chance, Deck, share
from app.demo.customers import (
    CUSTOMERS,
    LEAVERS,
    WIN_BACK,
    WIN_BACK_HOLDOUT,
    is_held_out,
    make_customers,
    midday_zone,
)
from app.demo.happenings import Calendar, make_happenings
from tests.demo.conftest import Made

FOLDER = Path(past.__file__).parent


@pytest.fixture
def definitions(meadow: Flask) -> dict[str, Any]:
    """The company's definitions, by language."""
    found = {}
    for language in ("en", "ru"):
        text = (FOLDER / f"company.{language}.yaml").read_text()
        assert not load_definitions({"company.yaml": text}).faults
        found[language] = yaml.safe_load(text)
    return found


def texts_of(value: Any) -> Iterator[dict[str, str]]:
    """Every text that is given per language."""
    if isinstance(value, dict):
        if "en" in value or "ru" in value:
            yield value
        else:
            for inner in value.values():
                yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_customers_are_spoken_to_in_both_languages(definitions: dict[str, Any], language: str) -> None:
    found = list(texts_of(definitions[language]))
    assert len(found) > 50
    assert all(text.get("en") and text.get("ru") for text in found)


def bare(value: Any) -> Any:
    """A definition without its names, which are in one language."""
    if isinstance(value, dict):
        named = ("name", "touchpoint", "title", "zone", "languages")
        return {k: bare(v) for k, v in value.items() if k not in named}
    return [bare(v) for v in value] if isinstance(value, list) else value


def test_the_company_is_the_same_in_both_languages(definitions: dict[str, Any]) -> None:
    assert bare(definitions["en"]) == bare(definitions["ru"])


def test_the_control_group_is_as_large_as_its_definition_says(definitions: dict[str, Any]) -> None:
    (trigger,) = [t for t in definitions["en"]["triggers"] if t["slug"] == WIN_BACK]
    assert trigger["sample"]["holdout"] == WIN_BACK_HOLDOUT


@pytest.mark.parametrize("language", ["en", "ru"])
def test_sixty_comments_by_hand(language: str) -> None:
    comments = yaml.safe_load((FOLDER / f"comments.{language}.yaml").read_text())
    assert len({text for _, _, text in comments}) == 60
    assert {mood for mood, _, _ in comments} == {1, 2, 3, 4, 5}


def test_chance_falls_the_same_in_every_run_and_evenly() -> None:
    one, again, other = Chance("a"), Chance("a"), Chance("b")
    lots = [one.lot() for _ in range(1000)]
    assert lots == [again.lot() for _ in range(1000)]
    assert lots != [other.lot() for _ in range(1000)]
    assert 0.47 < sum(lots) / 1000 < 0.53
    assert {Chance("c").whole(1, 1)} == {1}


def test_a_deck_keeps_its_proportions() -> None:
    deck = Deck("cards", share(0.3, 10))
    assert [sum(deck.deal() for _ in range(10)) for _ in range(20)] == [3] * 20


@pytest.mark.parametrize(
    ("cards", "mean"),
    [(MEAN_45, 4.5), (MEAN_45_TIGHT, 4.5), (MEAN_41, 4.1), (MEAN_40, 4.0), (MEAN_38, 3.8), (HELPERS, 4.1)],
)
def test_decks_hold_what_their_names_say(cards: tuple[int, ...], mean: float) -> None:
    assert sum(cards) / len(cards) == pytest.approx(mean, abs=0.05)


@pytest.mark.parametrize(("cards", "nps"), [(NPS_31, 31), (NPS_28, 28)])
def test_decks_of_the_nps(cards: tuple[int, ...], nps: int) -> None:
    assert 100 * (sum(c >= 9 for c in cards) - sum(c <= 6 for c in cards)) / len(cards) == pytest.approx(nps, abs=0.5)


def test_customers_are_half_english_and_half_russian_and_cannot_be_reached() -> None:
    customers = make_customers()
    assert len(customers) == CUSTOMERS == 4_800
    assert Counter(c.language for c in customers) == {"en": 2_400, "ru": 2_400}
    assert all(c.email.isascii() and c.email.endswith(".example") for c in customers)
    assert len({c.email for c in customers}) == len({c.id for c in customers}) == CUSTOMERS
    lapsed = [c for c in customers if c.left is not None and c.lapses and c.left < 145]
    assert Counter(is_held_out(c.sampling_id) for c in lapsed) == {False: LEAVERS[0], True: LEAVERS[1]}


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("month", [1, 4, 7, 10])
def test_somewhere_it_is_always_midday(hour: int, month: int) -> None:
    for minute in (0, 59):
        now = datetime(2026, month, 15, hour, minute, tzinfo=UTC)
        assert 10 <= now.astimezone(ZoneInfo(midday_zone(now))).hour <= 14


@pytest.mark.parametrize("now", ["2026-11-21T03:00:00", "2027-03-28T12:00:00", "2026-02-28T23:59:59"])
def test_about_forty_one_thousand_things_happen_up_to_now(now: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    calendar = Calendar(moment, ZoneInfo("Europe/London"))
    happenings = make_happenings(make_customers(), calendar, "en")
    assert 39_000 < len(happenings) < 43_000
    assert len({h.type for h in happenings}) == 9
    assert happenings[-1].at < moment
    assert moment - happenings[0].at < timedelta(days=184)


def test_what_was_made_is_as_large_as_it_is_said_to_be(made: Made, meadow: Flask) -> None:
    from sqlalchemy import func, select

    from app.extensions import db
    from app.models.events import PendingEvent
    from app.models.invitations import Invitation
    from app.models.responses import Response
    from app.models.rollups import DirtyDay
    from app.models.tasks import Task

    def rows(model: type[Any], *where: Any) -> int:
        return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0

    assert rows(Invitation) == pytest.approx(9_000, rel=0.07)
    assert rows(Response) == pytest.approx(2_250, rel=0.07)
    assert rows(Task) == pytest.approx(380, rel=0.1)
    assert rows(PendingEvent) == rows(DirtyDay) == 0, "nothing is left to be worked off"
    assert rows(Invitation, Invitation.handed_over_at > made.now) == 0
    assert rows(Response, Response.completed_at > made.now) == 0
