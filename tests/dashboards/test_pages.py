"""The Dash application, handed a list instead of a database, behind a guard of the test's own."""
# ruff: noqa: ARG002 readers are told more than a list needs

import gzip
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any

import pytest
from flask import Flask, abort, request
from flask.testing import FlaskClient
from flask_babel import Babel

import dashboards
from dashboards.overview import PLACES as CARDS
from dashboards.readers import (
    Cell,
    Choices,
    Comment,
    Counts,
    Days,
    Funnel,
    Marker,
    Outlook,
    Tasks,
    Viewer,
    Where,
)
from tests.dashboards.cards import draw

TODAY = date(2026, 11, 21)
NASTY = "<img src=x onerror=alert(1)> {{ 7*7 }} =1+1"


class Listed:
    """Readers over what stands in lists."""

    def __init__(self, cells: Sequence[Cell] = (), out: int = 0) -> None:
        self.cells, self.out, self.broken, self.beats = cells, out, "", 0
        self.looked: list[tuple[Viewer, Where]] = []

    def today(self) -> date:
        return TODAY

    def counts(self, viewer: Viewer, where: Where, days: Days, by: Collection[str]) -> Sequence[Cell]:
        if self.broken == "counts":
            raise RuntimeError("away")
        self.looked.append((viewer, where))
        found: dict[tuple[Any, ...], Counts] = {}
        for cell in self.cells:
            inside = cell.day and days.begin <= cell.day <= days.end
            wanted = where.touchpoint in (None, cell.touchpoint)
            if inside and wanted and (cell.place is not None) == ("place" in by or where.place is not None):
                key = tuple(getattr(cell, name) for name in by)
                found[key] = found.get(key, Counts()) + cell.counts
        return [Cell(counts, **dict(zip(by, key, strict=True))) for key, counts in found.items()]

    def reasons(self, viewer: Viewer, where: Where, days: Days) -> Mapping[str | None, Mapping[str, int]]:
        return {"Delivery": {"late": 4}}

    def funnel(self, viewer: Viewer, where: Where, days: Days) -> Funnel:
        if self.broken == "funnel":
            raise RuntimeError("away")
        return Funnel(10, 8, 6, 4, 4, 2, 1) if self.cells else Funnel()

    def comments(self, viewer: Viewer, where: Where, days: Days, limit: int) -> Sequence[Comment]:
        at = datetime(2026, 11, 20, tzinfo=UTC)
        told = Comment(1, at, NASTY, "nps", 3.0, "Delivery", "Riverside", ["late"], at, NASTY, "c-1")
        return [told] if self.cells else []

    def markers(self, viewer: Viewer, where: Where, days: Days) -> Sequence[Marker]:
        return [Marker(1, TODAY - timedelta(days=20), NASTY)] if self.cells else []

    def targets(self, viewer: Viewer) -> Mapping[str, float]:
        return {"nps": 40.0, "rate": 10.0}

    def tasks(self, viewer: Viewer, where: Where) -> Tasks:
        return Tasks(3, 1)

    def choices(self, viewer: Viewer) -> Choices:
        return Choices()

    def outlook(self, viewer: Viewer, where: Where) -> Outlook:
        return Outlook(self.out, 5.0)

    def pulse(self, viewer: Viewer) -> str:
        return str(self.beats)


SOME = [
    Cell(Counts(30, 12, promoters=3, passives=2, detractors=1), TODAY - timedelta(days=n), "Delivery", place)
    for n in range(84)
    for place in (None, "Riverside")
]


def page(parts: Mapping[str, str]) -> str:
    entry = '<div id="react-entry-point"></div>'
    return f"<main>{entry}{parts['config']}{parts['scripts']}{parts['renderer']}</main>"


def guard(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if request.headers.get("X-Name") is None:
            abort(403)
        return view(*args, **kwargs)

    return guarded


def mounted(readers: Listed) -> FlaskClient:
    made = Flask("site")
    Babel(made, default_locale="en")
    dashboards.mount(made, readers, page, guard, lambda: request.headers["X-Name"])
    client = made.test_client()
    client.environ_base["HTTP_X_NAME"] = "anna"
    return client


def test_no_data_stands_in_the_layout() -> None:
    readers = Listed(SOME)
    client = mounted(readers)
    for address in ("", "_dash-layout", "_dash-dependencies"):
        assert client.get(dashboards.PATH + address).status_code == 200
    assert readers.looked == [], "nothing was read to draw the frame"


def test_every_address_is_guarded() -> None:
    client = mounted(Listed(SOME))
    rules = [r for r in client.application.url_map.iter_rules() if r.rule.startswith(dashboards.PATH)]
    assert len(rules) >= 6
    del client.environ_base["HTTP_X_NAME"]
    for rule in rules:
        address = re.sub(r"<[^>]+>", "dash", rule.rule)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            assert client.open(address, method=method).status_code == 403, (method, address)


def test_other_addresses_below_it_are_nowhere() -> None:
    assert mounted(Listed()).get(f"{dashboards.PATH}anything/else").status_code == 404


def test_the_page_runs_only_our_own_scripts_and_loads_no_plotly() -> None:
    client = mounted(Listed())
    response = client.get(dashboards.PATH)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in policy
    assert re.search(r"script-src 'self'( 'sha256-[^']+')+;", policy)
    assert "style-src 'self' 'unsafe-inline'" in policy
    scripts = re.findall(r'<script src="([^"]+)"', response.text)
    assert scripts
    assert all(script.startswith(dashboards.PATH) for script in scripts)
    assert not any("plotly" in script or "dash_table" in script for script in scripts)
    travelled = sum(len(client.get(s, headers={"Accept-Encoding": "gzip"}).data) for s in scripts)
    assert travelled < 400_000


def test_scripts_are_zipped_for_whoever_takes_it() -> None:
    client = mounted(Listed())
    script = re.findall(r'<script src="([^"]+)"', client.get(dashboards.PATH).text)[0]
    plain = client.get(script)
    for _again in range(2):
        zipped = client.get(script, headers={"Accept-Encoding": "gzip"})
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(zipped.data) == plain.data
        assert "max-age=31536000" in zipped.headers["Cache-Control"]


@pytest.mark.parametrize("card", CARDS)
def test_every_card_is_drawn_for_its_viewer_and_filters(card: str) -> None:
    readers = Listed(SOME)
    told = draw(mounted(readers), card, "?touchpoint=Delivery")
    assert "could not be worked out" not in told
    assert all(looked == ("anna", Where(touchpoint="Delivery")) for looked in readers.looked)


@pytest.mark.parametrize("card", [c for c in CARDS if c != "sentence"])
def test_without_answers_every_card_says_what_will_come(card: str) -> None:
    told = draw(mounted(Listed(out=37)), card)
    assert "coming" in told
    assert not re.search(r'"children":"0( %)?"', told), "no noughts"


def test_without_answers_the_sentence_says_what_is_out() -> None:
    assert "37 invitations are out. Most answer within 5 hours." in draw(mounted(Listed(out=37)), "sentence")


def test_filters_that_let_nothing_through_can_be_taken_away() -> None:
    told = draw(mounted(Listed(SOME)), "sentence", "?touchpoint=Gone&period=7d")
    assert "Nothing was answered that these filters let through." in told
    assert '"href":"?period=7d"' in told


def test_a_card_that_fails_says_so_and_the_others_live_on() -> None:
    readers = Listed(SOME)
    client = mounted(readers)
    readers.broken = "funnel"
    assert "Try again" in draw(client, "funnel")
    assert all("Try again" not in draw(client, card) for card in CARDS if card != "funnel")
    readers.broken = ""
    assert "Try again" not in draw(client, "funnel")


def test_what_customers_wrote_is_only_ever_text() -> None:
    client = mounted(Listed(SOME))
    for card in ("comments", "trend"):
        told = draw(client, card)
        assert "onerror" in told
        assert "dangerously" not in told
        assert "49" not in re.findall(r'"children":"([^"]*)"', told)


def test_the_page_is_asked_again_only_when_something_is_new() -> None:
    readers = Listed(SOME)
    client = mounted(readers)

    def beat(known: str | None) -> Any:
        response = client.post(
            f"{dashboards.PATH}_dash-update-component",
            json={
                "output": "pulse.data",
                "outputs": {"id": "pulse", "property": "data"},
                "inputs": [{"id": "clock", "property": "n_intervals", "value": 1}],
                "changedPropIds": ["clock.n_intervals"],
                "state": [{"id": "pulse", "property": "data", "value": known}],
            },
        )
        assert response.status_code in (200, 204)
        return ((response.get_json(silent=True) or {}).get("response") or {}).get("pulse", {}).get("data")

    assert beat(None) == "0"
    assert beat("0") is None
    readers.beats = 1
    assert beat("0") == "1"
