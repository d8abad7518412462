"""The overview in a real browser: fit for everybody, filters in the address, hints, trouble told, words only words."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from app.actions.accounts import add_user
from app.actions.responses import score_responses
from app.actions.rollups import add_marker, recount_days, tally_events
from app.clock import utcnow
from app.extensions import db, transaction
from app.models.responses import Response
from app.queries.installation import company
from app.queries.overview import today
from tests.admin.conftest import PASSWORD
from tests.browser import chromium, served
from tests.company import found_company
from tests.wire import on_sqlite

pytestmark = pytest.mark.browser
CARDS = ("sentence", "cards", "trend", "months", "touchpoints", "funnel", "comments")
LOOKS = [(1440, "light", "en"), (390, "dark", "ru"), (390, "light", "en"), (1440, "dark", "ru")]
NASTY = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script> {{ 7*7 }}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Overview:
    """Somebody's overview; it notes whatever goes wrong."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site
        self.wrong: list[str] = []
        page.set_default_timeout(15_000)
        page.on("console", lambda m: self.wrong.append(f"{m.type}: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", lambda r: None if r.url.startswith((site, "data:")) else self.wrong.append(f"asked {r.url}"))

    def open(self, query: str = "") -> None:
        self.page.goto(f"{self.site}/dashboards/{query}")
        self.drawn()

    def drawn(self) -> None:
        """Every card is there."""
        for name in CARDS:
            expect(self.page.locator(f".place-{name} :is(.card, .sentence)").first).to_be_visible()
        self.page.wait_for_load_state("networkidle")


@pytest.fixture
def overview(app: Flask, browser: Browser) -> Iterator[Callable[..., Overview]]:
    opened = []
    now, zone = utcnow(), company().zone
    found_company(800, 90, now)
    while score_responses(500, now) + recount_days(500, zone) + tally_events(2_000, now, zone):
        pass
    add_marker(today().replace(day=1), "slots by app", None, None, "anna@example.com", now)
    add_user("anna@example.com", "Anna", "manager", PASSWORD, now, actor="tests")
    with served(app) as site:

        def enter(width: int = 1440, theme: Any = "light", language: str = "en") -> Overview:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=theme, locale=language, reduced_motion="reduce"
            )
            opened.append(context)
            shown = Overview(context.new_page(), site)
            shown.page.goto(f"{site}/login?next=/dashboards/")
            shown.page.fill("#email", "anna@example.com")
            shown.page.fill("#password", PASSWORD)
            shown.page.click("button.btn-primary")
            shown.drawn()
            return shown

        yield enter
        for context in opened:
            context.close()


@on_sqlite
@pytest.mark.parametrize(("width", "theme", "language"), LOOKS)
def test_the_overview_is_fit_for_everybody(
    overview: Callable[..., Overview], width: int, theme: str, language: str
) -> None:
    shown = overview(width, theme, language)
    page, faults = shown.page, []
    page.locator("details.as-table summary").evaluate_all("all => all.forEach(s => s.parentElement.open = true)")
    for address in (None, "/dashboards/?place=Gone", "/answers?topic=late", "/changes", "/targets", "/digests"):
        if address:
            page.goto(shown.site + address)
            page.wait_for_load_state("networkidle")
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        faults += [
            f"{address}: {v['id']}: {n['html'][:200]} {n.get('failureSummary', '')[:200]}"
            for v in found.response["violations"]
            for n in v["nodes"][:3]
        ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append(f"{address}: wider than the screen")
    assert not faults, "\n".join(faults)
    assert shown.wrong == []


@on_sqlite
def test_filters_live_in_the_address_and_come_back_with_it(overview: Callable[..., Overview]) -> None:
    shown = overview()
    page = shown.page
    n = page.locator(".place-cards .verdict").first.inner_text()
    page.select_option("select[name=place]", "Riverside")
    page.wait_for_url("**/dashboards/?place=Riverside")
    expect(page.locator(".place-cards .verdict").first).not_to_have_text(n)
    fewer = page.locator(".place-cards .verdict").first.inner_text()
    assert "place=Riverside" in (page.locator("a[data-follow]").first.get_attribute("href") or "")
    page.locator(".touchpoints th a").first.click()
    page.wait_for_url("**touchpoint=**")
    assert "place=Riverside" in page.url
    assert page.locator("select[name=touchpoint]").input_value()
    page.go_back()
    expect(page.locator(".place-cards .verdict").first).to_have_text(fewer)
    assert page.locator("select[name=touchpoint]").input_value() == ""
    page.go_back()
    expect(page.locator(".place-cards .verdict").first).to_have_text(n)
    shown.open("?place=Riverside&period=90d")
    assert page.locator("select[name=place]").input_value() == "Riverside"
    assert page.locator("select[name=period]").input_value() == "90d"
    assert shown.wrong == []


@on_sqlite
def test_a_figure_opens_its_answers(overview: Callable[..., Overview]) -> None:
    shown = overview()
    page = shown.page
    card = page.locator(".kpi").filter(has=page.locator(".figure a")).first
    n = card.locator(".verdict").inner_text().split()[1]
    card.locator(".figure a").click()
    page.wait_for_url("**/answers?**")
    expect(page.locator(".state")).to_contain_text(f"{n} answers")


@on_sqlite
def test_how_it_was_computed_is_told_to_hands_and_keys(overview: Callable[..., Overview]) -> None:
    page = overview().page
    button, hint = page.locator(".place-cards .how").first, page.locator(".place-cards .hint").first
    expect(hint).to_be_hidden()
    button.hover()
    expect(hint).to_be_visible()
    expect(hint).to_contain_text("adjusted Wald")
    page.mouse.move(0, 0)
    expect(hint).to_be_hidden()
    button.focus()
    expect(hint).to_be_visible()
    page.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    assert button.get_attribute("aria-describedby") == hint.get_attribute("id")


@on_sqlite
@pytest.mark.parametrize("width", [390, 767, 1024, 1440])
def test_every_hint_stays_on_the_screen(overview: Callable[..., Overview], width: int) -> None:
    page = overview(width).page
    for i in range(page.locator(".how").count()):
        page.locator(".how").nth(i).focus()
        box = page.locator(".hint").nth(i).bounding_box()
        assert box is not None
        assert box["x"] >= 0, i
        assert box["x"] + box["width"] <= width, i


@on_sqlite
def test_an_answer_appears_by_itself(app: Flask, overview: Callable[..., Overview]) -> None:
    page = overview().page
    zone = company().zone
    with transaction() as session:
        newest = session.query(Response).order_by(Response.changed_at.desc()).first()
        assert newest is not None
        newest.answers = {**newest.answers, "why": "Better than ever"}
        newest.changed_at = newest.completed_at = utcnow()
        newest.scored_at = None
    while score_responses(500, utcnow()) + recount_days(500, zone):
        pass
    db.session.remove()
    expect(page.locator(".place-comments")).to_contain_text("Better than ever", timeout=10_000)


@on_sqlite
def test_trouble_is_told_and_gone_once_it_is_over(overview: Callable[..., Overview]) -> None:
    page = overview().page
    expect(page.locator("#trouble")).to_be_hidden()
    page.route("**/_dash-update-component*", lambda route: route.abort())
    page.select_option("select[name=place]", "Centre")
    expect(page.locator("#trouble")).to_contain_text("does not answer")
    page.unroute("**/_dash-update-component*")
    page.locator("#trouble .again").click()
    expect(page.locator("#trouble")).to_be_hidden()
    page.route("**/_dash-update-component*", lambda route: route.fulfill(status=401))
    page.select_option("select[name=place]", "")
    expect(page.locator("#trouble")).to_contain_text("You are signed out")


@on_sqlite
def test_words_of_customers_and_marks_do_nothing(app: Flask, overview: Callable[..., Overview]) -> None:
    with transaction() as session:
        for response in session.query(Response):
            response.answers = {**response.answers, "why": NASTY}
    add_marker(today(), NASTY[:120], None, None, "anna@example.com", utcnow())
    shown = overview()
    expect(shown.page.locator(".place-comments")).to_contain_text("<img src=x")
    expect(shown.page.locator(".place-trend .markers")).to_contain_text("<img src=x")
    assert "broken" not in shown.page.title()
    assert shown.page.locator("main img").count() == 0
    assert shown.wrong == []
