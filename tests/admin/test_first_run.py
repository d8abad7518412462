"""The first run in a real browser: a step at a time, and nothing that was typed is lost."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import expect

from app.actions.accounts import make_start_code
from app.clock import utcnow
from app.queries.installation import present_company
from tests.admin.conftest import PASSWORD
from tests.browser import chromium, served
from tests.wire import on_sqlite


@pytest.mark.browser
@on_sqlite
@pytest.mark.parametrize(("width", "theme", "language"), [(1440, "light", "en"), (390, "dark", "ru")])
def test_three_steps_there_and_back(app: Flask, width: int, theme: Any, language: str) -> None:
    code = make_start_code(None, utcnow())
    with chromium() as browser, served(app) as site:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme, locale=language)
        page.set_default_timeout(15_000)
        page.goto(f"{site}/start?code={code}")
        steps, go, back = (page.locator(s) for s in ("[data-step]", ".steps-foot .btn-primary", "[data-back]"))
        expect(steps.nth(1)).to_be_hidden()
        go.click()
        expect(page.locator(".fault")).to_have_count(3)  # beside each of the three that must be typed
        expect(page.locator("#name")).to_be_focused()
        for field, value in (("name", "Anna"), ("email", "anna@example.com"), ("password", PASSWORD)):
            page.fill(f"#{field}", value)
        expect(page.locator(".fault")).to_have_count(0)
        page.keyboard.press("Enter")
        expect(steps.nth(0)).to_be_hidden()
        expect(steps.nth(1)).to_be_visible()
        page.fill("#brand_colour", "#0b3d2e")
        go.click()
        expect(steps.nth(2)).to_be_visible()
        assert not Axe().run(page).response["violations"]
        back.click()
        expect(page.locator("#brand_colour")).to_have_value("#0b3d2e")
        back.click()
        expect(page.locator("#password")).to_have_value(PASSWORD)
        for _ in range(3):
            go.click()
        page.wait_for_url("**/sources/api")
    assert present_company().colour == "#0b3d2e"
