"""A trigger's condition in a real browser: chosen, saved, read aloud."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, expect

from app.actions.accounts import add_user
from app.clock import utcnow
from app.models.triggers import Trigger
from app.queries.definitions import CURRENT
from tests.admin.conftest import PASSWORD
from tests.admin.test_browser import Window
from tests.browser import chromium, served
from tests.wire import on_sqlite, stored

pytestmark = [pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@on_sqlite
@pytest.mark.parametrize(("width", "scheme", "language"), [(1440, "light", "en"), (390, "dark", "ru")])
def test_a_condition_is_chosen_in_the_trigger_form(
    app: Flask, company: None, browser: Browser, width: int, scheme: str, language: str
) -> None:
    add_user("dora@example.com", "Dora", "designer", PASSWORD, utcnow(), actor="tests", language=language)
    with served(app) as site:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale=language,
            reduced_motion="reduce",
        )
        shown = Window(context.new_page(), site)
        page = shown.page
        shown.open("/login")
        page.fill("#email", "dora@example.com")
        page.fill("#password", PASSWORD)
        page.click("main button.btn-primary")
        page.wait_for_url("**/home")
        shown.open("/triggers/ask/edit")
        row = page.locator(".b-row")
        expect(row).to_have_count(1)
        expect(page.locator("#condition")).to_be_hidden()
        row.locator("input.form-control").fill("250")
        page.locator(".b-condition > button").click()
        page.locator(".b-row").nth(1).locator("select.b-what").select_option("contact.locale")
        page.locator(".b-row").nth(1).locator("input.form-control").fill("ru")
        assert Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}).violations_count == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("form.card button.btn-primary").click()
        page.wait_for_url("**/triggers/ask")
        context.close()
    assert stored(Trigger)
    assert CURRENT["triggers"]()["ask"]["if"] == {
        "all": [
            {"field": "properties.amount", "op": "gte", "value": 250},
            {"field": "contact.locale", "op": "eq", "value": "ru"},
        ]
    }
