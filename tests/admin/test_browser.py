"""The staff site in a real browser: nothing in the console, nothing from elsewhere, for everybody's eyes and hands."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page

from app.actions.accounts import add_user
from app.clock import utcnow
from tests.admin.conftest import PASSWORD
from tests.browser import chromium, served
from tests.wire import on_sqlite

pytestmark = pytest.mark.browser
PAGES = (
    "/home",
    "/ask",
    "/tasks?tab=all",
    "/tasks/1",
    "/customers",
    "/customers/ada?why=ask",
    "/customers/nobody",
    "/erase?reference=ada",
    "/surveys",
    "/surveys/order",
    "/surveys/order/results",
    "/surveys/order/paper",
    "/surveys/new",
    "/surveys/new/cancellation",
    "/surveys/new/file",
    "/surveys/order/texts",
    "/surveys/order/build",
    "/surveys/order/publish",
    "/surveys/order/versions",
    "/new-survey",
    "/triggers",
    "/triggers/ask",
    "/triggers/ask/edit",
    "/decisions",
    "/policy",
    "/policy/audits",
    "/policy/pressure",
    "/rehearsals",
    "/rehearsals/1",
    "/segments",
    "/segments/premium",
    "/segments/premium/edit",
    "/new-segment",
    "/customers?segment=premium",
    "/offers",
    "/departments",
    "/sources",
    "/sources/shop",
    "/sources/api",
    "/sending",
    "/people",
    "/keys",
    "/settings",
    "/audit",
    "/profile",
    "/search?q=ada",
    "/more",
    "/as-text/triggers/ask",
    "/dashboards/",
    "/answers",
)
LOOKS = [(1440, "light", "en"), (390, "dark", "ru")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Window:
    """Somebody's window, signed in; it notes whatever goes wrong."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site
        self.wrong: list[str] = []
        page.set_default_timeout(15_000)
        page.on(
            "console", lambda m: self.wrong.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", lambda r: None if r.url.startswith((site, "data:")) else self.wrong.append(f"asked {r.url}"))

    def open(self, address: str) -> None:
        self.page.goto(self.site + address)
        self.page.wait_for_load_state("networkidle")


@pytest.fixture
def window(app: Flask, company: None, browser: Browser) -> Iterator[Callable[..., Window]]:
    opened = []
    add_user("anna@example.com", "Anna", "admin", PASSWORD, utcnow(), actor="tests", zone="Europe/Moscow")
    with served(app) as site:

        def enter(width: int = 1440, theme: Any = "light", language: str = "en") -> Window:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=theme, locale=language, reduced_motion="reduce"
            )
            opened.append(context)
            shown = Window(context.new_page(), site)
            shown.open("/login")
            shown.page.fill("#email", "anna@example.com")
            shown.page.fill("#password", PASSWORD)
            shown.page.click("button.btn-primary")
            shown.page.wait_for_url("**/home")
            return shown

        yield enter
        for context in opened:
            context.close()


@on_sqlite
@pytest.mark.parametrize(("width", "theme", "language"), LOOKS)
def test_every_page_is_fit_for_everybody(window: Callable[..., Window], width: int, theme: str, language: str) -> None:
    shown = window(width, theme, language)
    faults = []
    for address in PAGES:
        shown.open(address)
        found = Axe().run(shown.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        faults += [
            f"{address}: {v['id']}: {v['nodes'][0]['html'][:160]} {v['nodes'][0].get('failureSummary', '')[:200]}"
            for v in found.response["violations"]
        ]
        if shown.page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append(f"{address}: wider than the screen")
    assert shown.page.locator("html").get_attribute("lang") == language
    missing = "Failed to load resource: the server responded with a status of 404"
    assert not faults, "\n".join(faults)
    assert [w for w in shown.wrong if missing not in w] == []


@on_sqlite
def test_the_site_is_worked_by_keyboard(window: Callable[..., Window]) -> None:
    shown = window()
    page = shown.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=ada")
    shown.open("/tasks?tab=all")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tasks/*")
    page.keyboard.press("c")
    page.keyboard.type("Called her, she is fine.")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.get_by_text("Called her, she is fine.").count() == 1
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.id") == "outcome"


@on_sqlite
def test_a_double_click_sends_a_form_once(window: Callable[..., Window]) -> None:
    shown = window()
    shown.open("/tasks/2")
    shown.page.fill("#comment", "Once.")
    with shown.page.expect_navigation():
        shown.page.get_by_role("button", name="Add comment").dblclick()
    shown.open("/tasks/2")
    assert shown.page.get_by_text("Once.", exact=False).count() == 1
