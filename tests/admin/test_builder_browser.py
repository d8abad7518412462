"""The builder in a real browser: written, moved, taken back, saved by itself, by two people at once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from app.actions.accounts import add_user
from app.clock import utcnow
from app.models.surveys import SurveyDraft
from app.queries.drafts import find_written, in_force
from app.queries.results import Stops
from surveys.statistics import share
from tests.admin.conftest import PASSWORD
from tests.admin.test_browser import Window
from tests.browser import chromium, served
from tests.wire import on_sqlite, stored

pytestmark = [pytest.mark.browser]
Enter = Callable[..., Window]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def enter(app: Flask, company: None, browser: Browser) -> Iterator[Enter]:
    """Sign somebody in, and open the builder of a survey."""
    opened = []
    with served(app) as site:

        def open_builder(who: str = "anna", width: int = 1440, theme: Any = "light", language: str = "en") -> Window:
            add_user(f"{who}@example.com", who.title(), "designer", PASSWORD, utcnow(), actor="tests")
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=theme, locale=language, reduced_motion="reduce"
            )
            opened.append(context)
            shown = Window(context.new_page(), site)
            shown.open("/login")
            shown.page.fill("#email", f"{who}@example.com")
            shown.page.fill("#password", PASSWORD)
            shown.page.click("button.btn-primary")
            shown.page.wait_for_url("**/home")
            build(shown)
            return shown

        yield open_builder
        for context in opened:
            context.close()


def build(shown: Window, slug: str = "order") -> None:
    shown.open(f"/surveys/{slug}/build")
    expect(shown.page.locator("body[data-built]")).to_be_attached()


def item(page: Page, text: str) -> Any:
    return page.locator(".b-main", has_text=text)


def saved(page: Page) -> None:
    expect(page.locator("#b-saved[data-state=saved]")).to_be_attached()


def body(slug: str = "order") -> dict[str, Any]:
    stored(SurveyDraft)
    found = find_written(slug)
    assert found
    return found.body


def texts(slug: str = "order") -> list[list[str]]:
    return [[q["text"]["en"] for q in page["questions"]] for page in body(slug)["pages"]]


@on_sqlite
def test_a_survey_is_written_moved_taken_back_and_published(enter: Enter) -> None:
    shown = enter()
    page = shown.page
    item(page, "Why?").click()
    page.locator("[data-place='text.en']").fill("What happened, in your words?")
    saved(page)
    assert texts() == [["How likely?"], ["What happened, in your words?"]]
    frame = page.frame_locator("iframe.b-real")
    expect(frame.get_by_text("What happened, in your words?")).to_be_visible()
    expect(item(page, "What happened, in your words?")).to_have_attribute("aria-current", "true")

    page.get_by_role("button", name="Add something after it").last.click()
    page.get_by_role("button", name="one of several", exact=True).click()
    expect(page.locator("[data-place='text.en']")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Which courier?")
    page.get_by_role("button", name="Another answer").click()
    page.keyboard.type("None of them")
    page.keyboard.press("Enter")
    page.keyboard.type("Somebody else")
    saved(page)
    expect(item(page, "Which courier?")).to_be_visible()
    saved(page)
    [added] = [q for p in body()["pages"] for q in p["questions"] if q["type"] == "single"]
    assert [option["text"].get("en") for option in added["options"]] == [
        "Answer 1",
        "Answer 2",
        "None of them",
        "Somebody else",
    ]

    item(page, "Which courier?").focus()
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    saved(page)
    expect(page.locator(".b-item").nth(5).locator(".b-text")).to_have_text("Which courier?")
    saved(page)
    assert texts() == [["How likely?", "Which courier?"], ["What happened, in your words?"]]
    page.get_by_role("button", name="Undo").first.click()
    page.get_by_role("button", name="Undo").first.click()
    saved(page)
    assert texts() == [["How likely?"], ["What happened, in your words?", "Which courier?"]]
    page.keyboard.press("Control+Shift+z")

    page.get_by_role("link", name="Publish").click()
    page.wait_for_url("**/publish")
    expect(page.get_by_text("Answers to nps, why go on in one line each.")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    page.wait_for_url("**/surveys/order")
    published = body()
    assert in_force("order") == (2, published)
    assert shown.wrong == []


@on_sqlite
def test_everything_can_be_done_on_a_phone(enter: Enter) -> None:
    shown = enter(width=390)
    page = shown.page
    item(page, "Why?").click()
    page.get_by_role("button", name="Move up").last.click()
    saved(page)
    assert texts() == [["How likely?", "Why?"], []]
    page.get_by_role("tab", name="Edit").click()
    page.locator("[data-place='text.en']").fill("Why so?")
    page.get_by_role("button", name="Add something after it").last.click()
    page.get_by_role("button", name="yes or no", exact=True).click()
    expect(page.locator("[data-place='text.en']")).to_be_focused()
    page.get_by_role("tab", name="Preview").click()
    frame = page.frame_locator("iframe.b-real")
    expect(frame.get_by_text("Did you find what you were looking for?")).to_be_visible()
    expect(frame.get_by_text("Why so?")).to_be_visible()
    page.get_by_role("tab", name="Outline").click()
    page.locator(".b-item", has_text="Page 2").locator(".b-main").click()
    page.get_by_role("tab", name="Edit").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    saved(page)
    page.get_by_role("link", name="Publish").click()
    page.get_by_role("button", name="Publish").click()
    page.wait_for_url("**/surveys/order")
    assert texts() == [["How likely?", "Why so?", "Did you find what you were looking for?"]]
    assert shown.wrong == []


@on_sqlite
def test_a_text_is_edited_where_it_stands(enter: Enter) -> None:
    shown = enter()
    page = shown.page
    frame = page.frame_locator("iframe.b-real")
    frame.get_by_text("How likely?").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Would you, {{ contact.first_name }}?")
    expect(page.locator("[data-place='text.en']")).to_have_value("Would you, {{ contact.first_name }}?")
    page.keyboard.press("Enter")
    expect(frame.get_by_text("Would you, Ada?")).to_be_visible()
    saved(page)
    item(page, "Thanks!").click()
    frame.get_by_role("heading", name="Thanks!").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("So long!")
    page.keyboard.press("Enter")
    expect(item(page, "So long!")).to_be_visible()
    saved(page)
    assert (texts()[0], body()["endings"][0]["text"]["en"]) == (["Would you, {{ contact.first_name }}?"], "So long!")
    assert shown.wrong == []


@on_sqlite
def test_parts_are_dragged_by_finger(enter: Enter, browser: Browser) -> None:
    shown = enter(width=390)
    page = shown.page
    item(page, "Why?").click()
    grip = page.locator(".b-here .b-grip")
    begin, end = grip.bounding_box(), item(page, "How likely?").bounding_box()
    assert begin
    assert end
    finger = page.context.new_cdp_session(page)
    x, y, top = begin["x"] + 10, begin["y"] + 10, end["y"] + 4
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 9):
        at = {"x": x, "y": y + (top - y) * step / 8}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".b-item").nth(4).locator(".b-text")).to_have_text("Why?")
    saved(page)
    assert texts() == [["Why?", "How likely?"], []]


@on_sqlite
def test_parts_are_dragged_by_mouse(enter: Enter) -> None:
    shown = enter()
    page = shown.page
    source, target = item(page, "Why?").bounding_box(), item(page, "How likely?").bounding_box()
    assert source
    assert target
    page.mouse.move(source["x"] + 40, source["y"] + 20)
    page.mouse.down()
    page.mouse.move(target["x"] + 40, target["y"] + 30, steps=5)
    page.mouse.move(target["x"] + 40, target["y"] + 4, steps=5)
    page.mouse.up()
    saved(page)
    assert texts() == [["Why?", "How likely?"], []]
    page.keyboard.press("Control+z")
    saved(page)
    assert texts() == [["How likely?"], ["Why?"]]


@on_sqlite
def test_a_condition_is_a_sentence_of_choices(enter: Enter) -> None:
    shown = enter()
    page = shown.page
    item(page, "Why?").click()
    page.get_by_role("button", name="A condition").click()
    page.get_by_label("Compared how").select_option("lte")
    page.get_by_label("Value", exact=True).fill("6")
    saved(page)
    expect(item(page, "Why?")).to_contain_text("is at most 6")
    assert body()["pages"][1]["questions"][0]["show_if"] == {"field": "answers.nps", "op": "lte", "value": 6}


@on_sqlite
def test_two_people_in_one_question_are_both_told_and_choose(enter: Enter) -> None:
    anna, boris = enter("anna"), enter("boris")
    for shown in (anna, boris):
        item(shown.page, "Why?").click()
    boris.page.route("**/draft", lambda route: route.abort())  # a moment without a connection
    boris.page.locator("[data-place='text.en']").fill("Boris wants to know why")
    expect(boris.page.get_by_text("Not saved yet: no connection.")).to_be_visible()
    anna.page.locator("[data-place='text.en']").fill("Anna wants to know why")
    saved(anna.page)
    boris.page.unroute("**/draft")
    expect(boris.page.get_by_role("heading", name="Anna changed")).to_be_visible()
    expect(boris.page.get_by_role("alert")).to_contain_text("Anna wants to know why")
    expect(boris.page.get_by_role("alert")).to_contain_text("Boris wants to know why")
    expect(anna.page.get_by_text("Boris wanted")).to_be_visible(timeout=15_000)
    assert texts()[1] == ["Anna wants to know why"]
    boris.page.get_by_role("button", name="Keep mine").click()
    expect(anna.page.locator("[data-place='text.en']")).to_have_value("Boris wants to know why", timeout=15_000)
    assert texts()[1] == ["Boris wants to know why"]


@on_sqlite
@pytest.mark.parametrize(("width", "theme", "language"), [(1440, "light", "en"), (390, "dark", "ru")])
def test_the_builder_is_fit_for_everybody(enter: Enter, width: int, theme: str, language: str) -> None:
    shown = enter("anna", width, theme, language)
    page, faults = shown.page, []
    for key in ("head", "message", "theme", "p2", "q1", "q2", "e1"):
        if width < 1000:
            page.click("button[data-tab=outline]")
        page.locator(f"[data-key={key}] .b-main").click()
        for tab in ("outline", "preview", "edit"):
            if width < 1000:
                page.click(f"button[data-tab={tab}]")
            elif tab != "edit":
                continue
            if (key, tab) == ("head", "edit"):
                page.locator("[data-group=quotas] > .btn").click()
                page.locator("[data-group='quotas.0'] .b-condition > .btn").click()
            page.locator("details").evaluate_all("all => all.forEach(one => one.open = !one.matches('.menu'))")
            found = Axe().run(page, options={"runOnly": WCAG})
            faults += [
                f"{key} {tab}: {v['id']}: {v['nodes'][0]['html'][:160]} {v['nodes'][0].get('failureSummary', '')[:200]}"
                for v in found.response["violations"]
            ]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append(f"{key} {tab}: wider than the screen")
    assert not faults, "\n".join(faults)
    assert shown.wrong == []


@on_sqlite
def test_the_page_is_seen_as_a_customer_in_mail_and_popup_too(enter: Enter) -> None:
    shown = enter()
    page = shown.page
    page.locator("[data-place='text.en']").fill("How was it, {{ contact.first_name }} with {{ properties.amount }}?")
    saved(page)
    page.get_by_role("searchbox", name="Seen as").fill("ada")
    page.get_by_role("button", name="Seen as").click()
    frame = page.frame_locator("iframe.b-real")
    expect(frame.get_by_text("How was it, Ada with 5?")).to_be_visible()
    page.get_by_role("button", name="On a site").click()
    expect(frame.get_by_role("dialog")).to_contain_text("How was it, Ada with 5?")
    frame.get_by_role("dialog").get_by_text("9", exact=True).click()
    frame.get_by_role("button", name="Next").click()
    expect(frame.get_by_role("dialog")).to_contain_text("Why?")
    frame.get_by_role("button", name="Send").click()
    expect(frame.get_by_role("dialog")).to_contain_text("Thanks!")
    item(page, "Message").click()
    page.get_by_role("button", name="Phone").click()
    page.locator("[data-place='subject.en']").fill("Dear {{ contact.first_name }}")
    saved(page)
    expect(frame.get_by_role("heading", name="Dear Ada")).to_be_visible()
    assert shown.wrong == []


@on_sqlite
def test_the_outline_says_where_people_stop_by_a_page_s_first_question(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Stops({"nps": share(12, 240), "why": share(29, 240)}, share(41, 240))
    monkeypatch.setattr("app.admin.builder.stops", lambda *_: found)
    page = enter().page
    first, second = (page.locator(".b-item", has_text=name).locator(".b-stop") for name in ("Page 1", "Page 2"))
    expect(first).to_have_text("5 % stop here (± 3, n 240)")
    expect(second).to_have_text("12 % stop here (± 4, n 240)")
    expect(page.locator(".b-foot")).to_contain_text("17 % do not finish (± 5, n 240)")
    item(page, "Why?").click()
    page.get_by_role("button", name="Move up").last.click()
    expect(second).to_be_hidden()  # its first question is gone, so it is another page
    page.keyboard.press("Control+z")
    expect(second).to_have_text("12 % stop here (± 4, n 240)")


@on_sqlite
def test_quotas_are_written_told_their_faults_taken_back_and_removed(enter: Enter) -> None:
    shown = enter()
    page = shown.page
    item(page, "Survey").click()
    page.get_by_role("button", name="Another quota").click()
    first = page.get_by_role("group", name="Quota 1")
    expect(first.get_by_label("Name")).to_be_focused()
    first.get_by_label("Name").fill("unhappy")
    first.get_by_role("button", name="A condition").click()
    first.get_by_label("What is looked at").select_option("answers.nps")
    first.get_by_label("Compared how").select_option("lte")
    first.get_by_label("Value", exact=True).fill("6")
    first.get_by_label("At most so many answers").fill("many")
    expect(first.locator(".b-said")).to_have_text("must be a whole number from 1 to 10000000")
    expect(item(page, "Survey")).to_contain_text("not right yet")
    first.get_by_label("At most so many answers").fill("200")
    page.get_by_role("button", name="Another quota").click()
    page.get_by_role("group", name="Quota 2").get_by_label("Name").fill("unhappy")
    expect(page.get_by_text("two quotas have the same name")).to_be_visible()
    page.get_by_role("group", name="Quota 2").get_by_label("Name").fill("all")
    expect(page.get_by_text("two quotas have the same name")).to_be_hidden()
    saved(page)
    unhappy = {"name": "unhappy", "if": {"field": "answers.nps", "op": "lte", "value": 6}, "max": 200}
    assert body()["quotas"] == [unhappy, {"name": "all", "max": 100}]
    page.get_by_role("button", name="Remove: unhappy").click()
    saved(page)
    assert body()["quotas"] == [{"name": "all", "max": 100}]
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Remove: unhappy")).to_be_visible()
    saved(page)
    assert [quota["name"] for quota in body()["quotas"]] == ["unhappy", "all"]
    for name in ("unhappy", "all"):
        page.get_by_role("button", name=f"Remove: {name}").click()
    saved(page)
    assert "quotas" not in body()
    assert shown.wrong == []


@on_sqlite
def test_an_option_is_edited_where_it_stands_and_escape_brings_back_what_stood_there(enter: Enter) -> None:
    page = enter().page
    page.get_by_role("button", name="Add something after it").last.click()
    page.get_by_role("button", name="one of several", exact=True).click()
    saved(page)
    frame = page.frame_locator("iframe.b-real")
    frame.locator(".list label").nth(1).dblclick()
    typing = frame.locator("[contenteditable]")
    expect(typing).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Courier Bob")
    page.keyboard.press("Enter")
    saved(page)
    expect(frame.locator(".list label").nth(1)).to_have_text("Courier Bob")
    frame.locator(".list label").nth(1).dblclick()
    page.keyboard.type(" no more")
    page.keyboard.press("Escape")
    saved(page)
    expect(frame.locator(".list label").nth(1)).to_have_text("Courier Bob")
    [added] = [q for p in body()["pages"] for q in p["questions"] if q["type"] == "single"]
    assert [option["text"]["en"] for option in added["options"]][1] == "Courier Bob"
    assert added["options"][1]["value"]
