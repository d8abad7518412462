"""The demo's shop in a real browser: a form that is begun, sent or left."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from app.actions.accounts import change_profile, make_start_code
from app.clock import utcnow
from app.demo.people import ANNA
from app.extensions import db
from app.jobs import KINDS
from app.queries.accounts import password_of
from app.queries.work import ready_kinds
from tests.browser import chromium, served

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def visit(app: Flask, browser: Browser) -> Iterator[Callable[..., tuple[Page, list[str]]]]:
    """Anna's window on the page behind the link of the terminal, and whatever goes wrong in it."""
    found = password_of(ANNA["en"].email)
    assert found
    contexts = []
    with served(app) as site, at_work(app):
        app.config["BASE_URL"] = site

        def come(width: int = 1440, theme: Any = "light", language: str = "en") -> tuple[Page, list[str]]:
            change_profile(found[0], {"language": language}, utcnow())
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=theme, locale=language, reduced_motion="reduce"
            )
            contexts.append(context)
            page, wrong = context.new_page(), list[str]()
            page.set_default_timeout(15_000)
            page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda r: None if r.url.startswith((site, "data:")) else wrong.append(r.url))
            page.goto(f"{site}/start?code={make_start_code(found[0], utcnow())}")
            return page, wrong

        yield come
        for context in contexts:
            context.close()


@contextmanager
def at_work(app: Flask) -> Iterator[None]:
    """A worker beside the browser, as in an installation without Redis."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            with app.app_context():
                for kind in ready_kinds(utcnow()):
                    KINDS[kind]()
                db.session.remove()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


def faults_of(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    faults = [f"{page.url}: {v['id']}: {v['nodes'][0]['html'][:160]}" for v in found]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append(f"{page.url}: wider than the screen")
    return faults


def test_a_form_begun_in_the_shop_is_hers_and_leaves_the_walk_alone(
    visit: Callable[..., tuple[Page, list[str]]],
) -> None:
    page, wrong = visit()
    page.locator("form[action='/start'] button").click()
    page.wait_for_url("**/demo/follow/**")
    phone, lines = page.frame_locator("#phone"), page.locator("[data-lines] > li")
    phone.locator("summary").click()
    assert not faults_of(page)
    phone.locator("#note").fill("The bell is broken.")
    expect(lines).to_have_count(1)
    phone.locator("#wishes button").click()
    expect(phone.locator("[role=status]")).to_have_text("Saved. Thank you!")
    phone.locator("#day").select_option("Fridays")
    expect(lines).to_have_count(3)
    page.locator(".phone-bar a").last.click()
    expect(lines).to_have_count(4)
    told = [text.split(": ")[1].split("\n")[0] for text in lines.locator("> div > div:first-child").all_inner_texts()]
    kinds = ("started", "submitted", "started", "abandoned")
    assert [re.sub(r"[^\w ()-]", "", text) for text in told] == [f"form {kind} (delivery-wishes)" for kind in kinds]
    expect(page.locator("[data-awaited] > li:visible")).to_have_count(5)
    assert "The bell is broken." not in page.content()
    assert not wrong
