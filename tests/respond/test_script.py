"""The answer page in a real browser: questions that come and go, answers kept, connections lost, things ranked."""
# ruff: noqa: E501 definitions and values in one line

import gzip
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, render_template
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, Route, expect
from werkzeug.datastructures import MultiDict
from werkzeug.serving import make_server

from app.models.responses import Response
from app.queries.installation import company
from app.queries.invitations import Asked
from app.respond.forms import Submit, look_of, page_view
from app.respond.live import live_page
from app.text.phrases import phrases
from surveys.branching import visible
from surveys.definition import read
from surveys.questions import InvalidAnswer, Question, read_answers
from surveys.survey import read_survey
from tests.browser import chromium
from tests.respond.conftest import Ask
from tests.services import free_port
from tests.wire import on_sqlite, stored

pytestmark = pytest.mark.browser
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
NPS = '{id: nps, type: nps, text: "How likely?", required: true}'
WHY = '{id: why, type: text, text: "What went wrong?", show_if: {field: answers.nps, op: lte, value: 6}}'
Visit = Callable[..., Page]
OFFLINE = "No connection just now"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """Where the application is served."""
    port = free_port()
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()


@pytest.fixture
def visit(browser: Browser, served: str) -> Iterator[Visit]:
    """Open a page of the application in a window of its own; it must not complain of anything."""
    contexts, told = [], list[str]()

    def visit(path: str, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: told.append(f"error: {error}"))
        page.goto(served + path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert [words for words in told if "Failed to load resource" not in words] == []


def one(*questions: str) -> str:
    return f"pages: [{{questions: [{', '.join(questions)}]}}]"


def answers() -> list[dict[str, Any]]:
    return [row.answers for row in stored(Response)]


# -- Questions that come and go

EVERY: list[dict[str, Any]] = [
    {"id": "nps", "type": "nps"},
    {"id": "stars", "type": "rating"},
    {"id": "yes", "type": "yes_no"},
    {"id": "ok", "type": "consent"},
    {"id": "one", "type": "single", "options": ["a", "b"], "other": True},
    {"id": "must", "type": "single", "options": ["a", "b"], "other": True, "required": True},
    {"id": "some", "type": "multiple", "options": ["a", "b", "c"], "min": 2, "other": True},
    {"id": "drop", "type": "dropdown", "options": ["a", "b"]},
    {"id": "grid", "type": "matrix", "rows": ["r", "s"], "options": ["a", "b"], "required": True},
    {"id": "grids", "type": "matrix", "rows": ["r", "s"], "options": ["a", "b"], "several": True},
    {"id": "order", "type": "ranking", "options": ["a", "b", "c"], "min": 2},
    {"id": "slide", "type": "slider", "min": 0, "max": 1, "step": 0.1},
    {"id": "num", "type": "number", "min": -5, "max": 5},
    {"id": "whole", "type": "number", "whole": True},
    {"id": "text", "type": "text", "min": 2, "max": 8},
    {"id": "day", "type": "date", "min": "today"},
    {"id": "mail", "type": "email"},
    {"id": "phone", "type": "phone"},
]
TYPED = ["", "é\u200b", "1.5", "0.1234567891", "+", "12345678901234567", "a", "b", "5", "-5", "0.3", "0.35", "5.5", "1e2", " ab ", "e\u0308\u200b1", "a\u00a0b", "👨‍👩‍👧", "ﬀ", "\u2028x",
         "2026-11-21", "2026-11-20", "a@b.c", "a@b", "+7 (900) 123-45-67", "12", "x" * 9, "other", "yes", "3", "1", "2"]  # fmt: skip
PARTS = [q["id"] for q in EVERY] + ["grid.r", "grids.s", "one_other", "must_other", "some_other"]
COMPARED: list[Any] = [
    "a",
    "b",
    "other",
    "ab",
    "5",
    5,
    0.3,
    -5,
    True,
    False,
    "2026-11-21",
    "a@b.c",
    "12",
    "+79001234567",
]
leaves = st.one_of(
    st.builds(lambda f, op: {"field": f"answers.{f}", "op": op}, st.sampled_from(PARTS), st.sampled_from(["exists", "missing"])),
    st.builds(
        lambda f, op, v: {"field": f"answers.{f}", "op": op, "value": v},
        st.sampled_from(PARTS),
        st.sampled_from(["eq", "ne", "lt", "gte", "contains"]),
        st.sampled_from(COMPARED),
    ),
    st.builds(lambda f, d: {"field": f"answers.{f}", "op": "within_days", "value": d}, st.sampled_from(["day"]), st.just(3)),
    st.builds(lambda f, g: {"field": f"answers.{f}", "op": "eq", "value": {"field": f"answers.{g}"}}, st.sampled_from(PARTS), st.sampled_from(PARTS)),
    st.sampled_from([
        {"field": "contact.attributes.plan", "op": "eq", "value": "pro"},
        {"field": "properties.amount", "op": "gt", "value": 5},
        {"field": "answers.before", "op": "eq", "value": 3},
        {"events": "order.paid", "count": True, "op": "gte", "value": 1},
    ]),
)  # fmt: skip
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=4,
)
filled = st.tuples(
    st.lists(st.sampled_from(TYPED), min_size=23, max_size=23), st.lists(st.booleans(), min_size=29, max_size=29)
)
KNOWN = {"type": "order.paid", "properties": {}, "contact": {"attributes": {"plan": "pro"}}}
FILL = """fillings => fillings.map(([texts, marks]) => {
  const fields = [...document.querySelectorAll("main input, main select, main textarea")].filter((f) => f.name && f.type !== "hidden");
  fields.forEach((field, at) => {
    const n = at % texts.length;
    if (/radio|checkbox/.test(field.type)) field.checked = marks[at % marks.length];
    else if (field.localName === "select") field.selectedIndex = texts[n].length % field.options.length;
    else field.value = texts[n];
  });
  fields[0].dispatchEvent(new Event("change", {bubbles: true}));
  const sent = fields.filter((f) => !/radio|checkbox/.test(f.type) || f.checked).map((f) => [f.name, f.value]);
  const shown = [...document.querySelectorAll("fieldset[data-q]")].filter((f) => !f.hidden).map((f) => f.dataset.q);
  const told = [...new FormData(document.forms[0])].filter(([name]) => name === "shown").map(([, id]) => id);
  return [sent, shown, told];
})"""


def disagreements(app: Flask, browser: Browser, questions: list[Any], fillings: list[Any]) -> list[Any]:
    """What a page shows otherwise than the server would, for each way to fill it in."""
    first = {"questions": [{"id": "before", "type": "number", "text": "?"}]}
    survey = read({"slug": "s", "pages": [first, {"questions": questions}]}, read_survey)
    asked, submit = Asked(1, survey, "en", KNOWN, {"before": 3}, "open"), Submit(1, {"before": 3})
    view = page_view(asked, submit, AT)
    look = {"theme": look_of(survey), "company": company(), "t": phrases("en")}
    with app.test_request_context():
        live = live_page(asked, submit, view, AT, None)
        html = render_template("respond/survey.html", token="", view=view, live=live, **look)
    page = browser.new_page()
    page.set_content(html)
    differing = []
    for sent, shown, told in page.evaluate(FILL, fillings):
        form = MultiDict(sent)
        given_fields = {name: form.getlist(name) for name in form}
        said = {"before": 3} | read_all(survey.pages[1].questions, given_fields)
        wanted = [q.id for q in visible(survey, said, KNOWN, AT)[1]]
        if not shown == told == wanted:
            differing.append((sent, set(shown) ^ set(wanted), set(shown) ^ set(told)))
    page.close()
    return differing


def read_all(questions: Sequence[Question], given_fields: dict[str, list[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for question in questions:
        with suppress(InvalidAnswer):
            found |= read_answers(question, given_fields, AT.date())
    return {key: value for key, value in found.items() if value is not None}


@on_sqlite
@settings(max_examples=20, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(trees, min_size=30, max_size=30), st.lists(filled, min_size=8, max_size=8))
def test_the_page_shows_what_the_server_would(
    app: Flask, browser: Browser, conditions: list[Any], fillings: list[Any]
) -> None:
    questions = [{**q, "text": q["id"]} for q in EVERY]
    for number, tree in enumerate(conditions[:6]):  # some that are asked depend on others, too
        questions[5 + 2 * number]["show_if"] = tree
    more = [{"id": f"s{n}", "type": "statement", "text": "?", "show_if": t} for n, t in enumerate(conditions[6:])]
    assert disagreements(app, browser, questions + more, fillings) == []


@on_sqlite
def test_the_page_reads_every_answer_as_the_server_does(app: Flask, browser: Browser) -> None:
    questions = [{**q, "text": q["id"]} for q in EVERY]
    checks = [{"field": f"answers.{part}", "op": "exists"} for part in PARTS]
    checks += [
        {"field": f"answers.{part}", "op": op, "value": value}
        for part, op in (("text", "eq"), ("one_other", "eq"), ("num", "eq"), ("some", "contains"), ("phone", "eq"))
        for value in sorted({" ".join(text.split()) for text in TYPED} | {"ёb1", "ë1", "+79001234567"})
        if value
    ] + [{"field": f"answers.{part}", "op": "eq", "value": value} for part in PARTS for value in COMPARED]
    more = [{"id": f"s{n}", "type": "statement", "text": "?", "show_if": tree} for n, tree in enumerate(checks)]
    marks = [[bool(n >> bit & 1) for bit in (0, 1, 2)] for n in range(8)] + [[True] * 29, [False] * 29]
    fillings = [([text], marks[n % len(marks)]) for n, text in enumerate([*TYPED, *TYPED[::-1]])]
    fillings += [([TYPED[n], "a", "", TYPED[-n]], mark) for n, mark in enumerate(marks)]
    for start in range(0, len(more), 450):
        assert disagreements(app, browser, questions + more[start : start + 450], fillings) == []


@on_sqlite
def test_a_page_is_told_nothing_about_the_customer(app: Flask, ask: Ask, visit: Visit) -> None:
    secret = "{any: [{field: contact.attributes.risk, op: eq, value: bronze}, {field: answers.nps, op: lte, value: 3}]}"
    mixed = "{field: answers.nps, op: lt, value: {field: properties.amount}}"
    link = ask(
        one(
            NPS,
            f"{{id: a, type: text, text: A, show_if: {secret}}}",
            f"{{id: b, type: text, text: B, show_if: {mixed}}}",
            "{id: c, type: text, text: C, show_if: {field: contact.attributes.risk, op: eq, value: gold}}",
        ),
        properties={"amount": 5_317},
        attributes={"risk": "silver"},
    )
    page = visit(link)
    assert all(word not in page.content() for word in ("bronze", "silver", "5317", "gold", ">C<", ">B<"))
    page.get_by_label("2", exact=True).check()
    expect(page.get_by_label("A")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("B")).to_be_visible()  # what the page could not know, the server asks before it ends


@on_sqlite
@pytest.mark.parametrize("script", [True, False])
def test_a_question_comes_when_it_is_to_be_asked(ask: Ask, visit: Visit, script: bool) -> None:
    page = visit(ask(one(NPS, WHY)), java_script_enabled=script)
    why = page.get_by_label("What went wrong?")
    page.get_by_label("3", exact=True).check()
    if not script:
        expect(why).to_have_count(0)
        page.get_by_role("button", name="Send").click()
    expect(why).to_be_visible()
    why.fill("The box")
    if script:
        page.get_by_label("9", exact=True).check()
        expect(why).to_be_hidden()
        page.get_by_label("6", exact=True).check()
        expect(why).to_have_value("The box")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you for your answer.")).to_be_visible()
    assert answers() == [{"nps": 6 if script else 3, "why": "The box"}]


# -- Kept, lost, and sent once


@on_sqlite
def test_answers_are_kept_while_they_are_given(ask: Ask, visit: Visit) -> None:
    link = ask(one(NPS, WHY))
    page = visit(f"{link}?nps=2")
    expect(page.get_by_label("2", exact=True)).to_be_checked()
    expect(page.get_by_text("Your answers are kept while you give them.")).to_be_visible()
    assert stored(Response) == []  # to look is not to answer, with a script too
    with page.expect_response(lambda r: r.url.endswith("?keep=1")) as kept:
        page.get_by_label("What went wrong?").fill("The box")
    assert kept.value.status == 204
    assert [(r.answers, r.complete) for r in stored(Response)] == [({"nps": 2, "why": "The box"}, False)]
    again = visit(link)  # on another device, by the same link
    expect(again.get_by_label("What went wrong?")).to_have_value("The box")
    with page.expect_response(lambda r: r.url.endswith("?keep=1")):
        page.get_by_label("What went wrong?").fill("")
    assert answers() == [{"nps": 2}]


@on_sqlite
def test_leaving_the_page_keeps_what_was_just_typed(ask: Ask, visit: Visit) -> None:
    page = visit(ask(one(NPS, '{id: say, type: text, text: "Say"}')))
    page.get_by_label("Say").fill("Quick")
    page.goto("about:blank")
    for _ in range(100):  # what is sent while leaving tells nobody that it came
        if answers():
            break
        page.wait_for_timeout(50)
    assert answers() == [{"say": "Quick"}]


@on_sqlite
def test_a_lost_connection_keeps_everything_and_tries_again(ask: Ask, visit: Visit) -> None:
    page = visit(ask(one(NPS, '{id: say, type: text, text: "Say"}')))
    page.context.set_offline(True)
    page.get_by_label("4", exact=True).check()
    page.get_by_label("Say").fill("Still here")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text(OFFLINE)
    expect(page.get_by_label("Say")).to_have_value("Still here")
    assert stored(Response) == []
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Thank you for your answer.")).to_be_visible()
    assert [(r.answers, r.complete) for r in stored(Response)] == [({"nps": 4, "say": "Still here"}, True)]


@on_sqlite
def test_a_window_opened_anew_still_has_what_could_not_be_sent(ask: Ask, visit: Visit) -> None:
    page = visit(ask(one(NPS, '{id: say, type: text, text: "Say"}', WHY)))
    page.route("**/*keep=1", lambda route: route.abort())
    page.get_by_label("4", exact=True).check()
    page.get_by_label("What went wrong?").fill("The box")
    page.get_by_label("Say").fill("Still here")
    expect(page.get_by_role("status")).to_contain_text(OFFLINE)
    page.wait_for_function("sessionStorage[sessionStorage.key(0)].includes('Still+here')")
    page.unroute("**/*keep=1")
    with page.expect_response(lambda r: r.url.endswith("?keep=1")):
        page.reload()
    for label, words in (("Say", "Still here"), ("What went wrong?", "The box")):
        expect(page.get_by_label(label)).to_have_value(words)
    assert answers() == [{"nps": 4, "say": "Still here", "why": "The box"}]
    page.wait_for_function("sessionStorage.length === 0")


@on_sqlite
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_is_asked_again(ask: Ask, visit: Visit, status: int) -> None:
    page = visit(ask(one(NPS)))
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if refused or route.request.method == "GET":
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=status, content_type="application/json", body="{}")

    page.route("**/s/*", refuse_once)
    page.get_by_label("4", exact=True).check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you for your answer.")).to_be_visible()
    assert len(refused) == 1


@on_sqlite
def test_a_button_pressed_twice_sends_once(ask: Ask, visit: Visit) -> None:
    page = visit(ask(one(NPS)))
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" and "keep" not in r.url else None)
    page.get_by_label("9", exact=True).check()
    page.get_by_role("button", name="Send").dblclick()
    expect(page.get_by_role("heading", name="Thank you for your answer.")).to_be_visible()
    assert (len(sent), [r.complete for r in stored(Response)]) == (1, [True])


@on_sqlite
@pytest.mark.parametrize("script", [True, False])
def test_pages_lead_on_and_back_and_to_other_sites(ask: Ask, visit: Visit, script: bool, served: str) -> None:
    away = f"{served}/widget.js"
    survey = f"pages: [{{questions: [{NPS}]}}, {{questions: [{{id: say, type: text, text: Say}}]}}]"
    page = visit(
        ask(f"{survey}, endings: [{{text: Bye, redirect: '{away.replace('127.0.0.1', 'localhost')}'}}]"),
        java_script_enabled=script,
    )
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_text("Please answer this question.")).to_be_visible()
    page.get_by_label("9", exact=True).check()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Say").fill("Kept")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_label("9", exact=True)).to_be_checked()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_label("Say")).to_have_value("Kept")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile("^http://localhost:"))
    assert [(r.answers, r.complete) for r in stored(Response)] == [({"nps": 9, "say": "Kept"}, True)]


# -- Sliders and orders

RANK = '{id: r, type: ranking, text: "What matters?", options: [Price, Taste, Speed]}'


def order_of(page: Page) -> list[str]:
    return page.locator(".ranking button").all_text_contents()


@on_sqlite
def test_a_slider_sets_its_number_and_is_no_answer_untouched(ask: Ask, visit: Visit) -> None:
    survey = one(
        '{id: full, type: slider, min: 0, max: 10, text: "How full?"}', '{id: other, type: slider, text: "And?"}'
    )
    page = visit(ask(survey))
    slider, number = page.get_by_role("slider", name="How full?"), page.get_by_role("spinbutton", name="How full?")
    expect(number).to_have_value("")
    slider.press("ArrowRight")
    expect(number).to_have_value("6")
    number.fill("3")
    expect(slider).to_have_value("3")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you for your answer.")).to_be_visible()
    assert answers() == [{"full": 3}]


@on_sqlite
def test_a_press_in_the_middle_of_a_slider_is_an_answer(ask: Ask, visit: Visit) -> None:
    page = visit(ask(one('{id: full, type: slider, min: 0, max: 10, text: "How full?"}')))
    page.get_by_role("slider", name="How full?").click()
    expect(page.get_by_role("spinbutton", name="How full?")).to_have_value("5")


@on_sqlite
def test_things_are_ranked_by_pressing_keys_and_dragging(ask: Ask, visit: Visit) -> None:
    page = visit(ask(one(RANK)), viewport={"width": 800, "height": 700})
    item = {name: page.get_by_role("button", name=name) for name in ("Price", "Taste", "Speed")}
    assert order_of(page) == ["–Price", "–Taste", "–Speed"]
    item["Speed"].click()
    item["Price"].press("Enter")
    item["Taste"].press(" ")
    assert order_of(page) == ["1Speed", "2Price", "3Taste"]
    item["Taste"].press("ArrowUp")
    expect(item["Taste"]).to_be_focused()
    expect(page.get_by_text("Taste: 2")).to_have_count(1)
    item["Taste"].press("ArrowUp")
    item["Taste"].press("ArrowUp")
    assert order_of(page) == ["1Taste", "2Speed", "3Price"]
    item["Taste"].click()
    assert order_of(page) == ["1Speed", "2Price", "–Taste"]
    start, end = item["Taste"].bounding_box(), item["Speed"].bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 90, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(start["x"] + 90, start["y"] - 20)
    page.mouse.move(end["x"] + 90, end["y"] + 5)
    page.mouse.up()
    assert order_of(page) == ["1Taste", "2Speed", "3Price"]
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you for your answer.")).to_be_visible()
    assert answers() == [{"r": ["Taste", "Speed", "Price"]}]


@on_sqlite
def test_only_so_many_are_ranked_as_there_are_places(ask: Ask, visit: Visit) -> None:
    page = visit(ask(one(RANK.replace("type: ranking", "type: ranking, max: 2"))))
    for name in ("Speed", "Taste", "Price"):
        page.get_by_role("button", name=name).click()
    assert order_of(page) == ["1Speed", "2Taste", "–Price"]
    page.get_by_role("button", name="Price").press("ArrowDown")
    page.get_by_role("button", name="Taste").press("ArrowUp")
    assert order_of(page) == ["1Taste", "2Speed", "–Price"]


# -- For everybody

ALL = one(
    NPS,
    WHY,
    '{id: full, type: slider, text: "How full?", low: Empty, high: Full}',
    RANK,
    '{id: say, type: text, long: true, text: "Say"}',
)


@on_sqlite
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("language", "width"), [("en", 390), ("ru", 1440)])
def test_axe_finds_nothing_on_a_page_with_its_script(
    ask: Ask, visit: Visit, scheme: Any, language: str, width: int
) -> None:
    survey = ALL if language == "en" else f"languages: [ru], {ALL}"
    page = visit(
        ask(survey, locale=language), color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    page.get_by_label("3", exact=True).check()
    page.get_by_role("slider").press("ArrowRight")
    page.get_by_role("button", name="Taste").click()
    page.context.set_offline(True)
    page.get_by_label("Say").fill("Hello")
    expect(page.locator("#said")).not_to_be_empty()
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/answer-{scheme}-{language}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@on_sqlite
def test_the_page_is_one_small_document_with_its_script(client: FlaskClient, ask: Ask) -> None:
    questions = [NPS, WHY, RANK, '{id: f, type: slider, text: "How full?"}']
    questions += [f'{{id: q{n}, type: single, text: "Which {n}?", options: [One, Two, Three]}}' for n in range(6)]
    reply = client.get(ask(one(*questions)))
    assert len(gzip.compress(reply.data)) <= 15_000
    (inline,) = re.findall(r'<script type="module">(.*?)</script>', reply.text, re.DOTALL)
    digest = b64encode(sha256(inline.encode()).digest()).decode()
    policy = reply.headers["Content-Security-Policy"]
    assert f"'sha256-{digest}'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert "connect-src 'self'" in policy
    assert "src=" not in reply.text
