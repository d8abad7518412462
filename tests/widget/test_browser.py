"""The widget in a real browser, on a page of another site under a strict policy."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Locator, Route, expect

from app.models.deliveries import Delivery
from app.models.events import Event
from app.models.responses import Response
from tests.browser import CHROMIUM, Shop, Visitor, chromium, served
from tests.services import wait_until
from tests.widget.conftest import DEFINITIONS, SECRET, SITE, known
from tests.wire import on_sqlite, stored

EVERY_QUESTION = """
surveys:
  - slug: checkout
    pages:
      - questions:
          - {id: nps, type: nps, text: "How likely are you to recommend us?"}
          - {id: what, type: multiple, required: true, text: "What went wrong?", options: [Late, "It was wet"]}
          - {id: again, type: yes_no, text: "Would you come again?"}
          - {id: why, type: text, long: true, text: "Anything else?"}
          - {id: who, type: text, text: "Who served you?"}
          - {id: stars, type: rating, max: 4, help: "Four is best", text: "The box?"}
          - {id: city, type: dropdown, other: true, text: "Your city?", options: [Tver, Omsk]}
          - {id: many, type: number, min: 1, text: "How many?"}
          - {id: full, type: slider, min: 0, max: 1, step: 0.5, text: "How full?"}
          - {id: day, type: date, text: "Which day?"}
          - {id: mail, type: email, text: "Your e-mail?"}
          - {id: ok, type: consent, text: "May we quote you?"}
          - {id: bye, type: statement, text: "That is all."}
"""
TOO_MUCH = """
surveys:
  - slug: checkout
    pages:
      - questions:
          - {id: rank, type: ranking, text: "What matters?", options: [Taste, Speed]}
"""
pytestmark = [
    on_sqlite,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium on this machine (package chromium)"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def visit(
    app: Flask, browser: Browser, define: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Visitor]]:
    """Open a visitor's window on the shop, whose site may speak for the source."""
    monkeypatch.setenv("SITE_SECRET", SECRET)
    visitors: list[Visitor] = []
    with served(app) as otklik, served(Shop(otklik)) as shop:
        define(DEFINITIONS.replace(SITE, shop))

        def come(**options: Any) -> Visitor:
            visitor = Visitor(browser, shop, otklik, **options)
            visitors.append(visitor)
            return visitor

        yield come
        for visitor in visitors:
            assert {host_of(request.url) for request in visitor.asked} <= {host_of(otklik), host_of(shop)}
            visitor.close()


def host_of(url: str) -> str:
    return url.split("/")[2]


def events(*kinds: str) -> list[Event]:
    return [event for event in stored(Event) if event.type in kinds]


def dialog(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("dialog")


def pay(visitor: Visitor, identity: dict[str, str] | None = None) -> Locator:
    """A customer presses Pay, and is asked."""
    visitor.open()
    visitor.do("([id, who]) => otklik.identify(id, who)", ["c-1", identity or known()])
    visitor.do("() => document.querySelector('#pay').addEventListener('click', () => otklik.track('order.paid'))")
    visitor.page.locator("#pay").focus()
    visitor.page.keyboard.press("Enter")
    expect(dialog(visitor)).to_be_visible()
    return dialog(visitor)


def active(visitor: Visitor) -> str:
    """What has the focus, inside the popup too."""
    found: str = visitor.do(
        """() => { let at = document.activeElement; while (at.shadowRoot) at = at.shadowRoot.activeElement;
           return at.id || at.getAttribute('name') || at.getAttribute('role') || at.className || at.tagName }"""
    )
    return found


# -- The popup


def test_a_customer_answers_by_keyboard_under_a_strict_policy(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    box = pay(visitor)
    assert box.get_attribute("aria-labelledby") == "heading"
    assert box.get_attribute("lang") == "en"
    expect(box).to_contain_text("How was it, Ada?")
    assert active(visitor) == "dialog"
    keys = visitor.page.keyboard
    keys.press("Tab")
    assert active(visitor) == "csat"
    keys.press("Space")
    keys.press("ArrowRight")
    keys.press("Tab")
    keys.press("Enter")
    expect(box).to_contain_text("What went wrong?")
    assert active(visitor) == "dialog"
    keys.press("Tab")
    assert active(visitor) == "q-why"
    keys.type("It was late.")
    keys.press("Tab")
    keys.press("Enter")
    expect(box.get_by_role("status")).to_have_text("Thank you, Ada!")
    assert active(visitor) == "dialog"
    keys.press("Escape")
    expect(box).to_have_count(0)
    assert active(visitor) == "pay"
    assert [(r.answers, r.complete) for r in stored(Response)] == [({"csat": 2, "why": "It was late."}, True)]
    assert visitor.said == []


def test_a_popup_that_was_closed_is_not_shown_again(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    with visitor.page.expect_response(lambda r: "/seen/" in r.url):
        box = pay(visitor)
    box.get_by_role("button", name="Close").click()
    expect(box).to_have_count(0)
    assert active(visitor) == "pay"
    visitor.open("/other")
    visitor.tell("identify", "c-1", known())
    visitor.tell("track", "order.paid")
    expect(dialog(visitor)).to_have_count(0)
    assert [d.state for d in stored(Delivery)] == ["delivered"]
    assert visitor.said == []


def test_a_popup_that_waited_is_shown_on_the_next_page(visit: Callable[..., Visitor], work: Callable[[], None]) -> None:
    visitor = visit()
    visitor.open()
    visitor.do("who => { otklik.identify('c-1', who); dispatchEvent(new Event('pagehide')); }", known())
    visitor.do("() => { otklik.track('order.paid'); }")
    wait_until(lambda: events("order.paid"), 10)
    visitor.open("/other")
    work()
    expect(dialog(visitor)).to_have_count(0)
    visitor.do("who => otklik.identify('c-1', who)", known())
    expect(dialog(visitor)).to_be_visible()


def test_a_fault_is_told_beside_its_question(visit: Callable[..., Visitor]) -> None:
    box = pay(visit())
    box.get_by_role("button", name="Next").click()
    expect(box.get_by_role("alert")).to_contain_text("One thing is missing")
    expect(box).to_contain_text("Please answer this question.")


def test_what_was_typed_stays_when_it_does_not_get_through(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    box = pay(visitor)
    box.get_by_label("1", exact=True).check(force=True)
    visitor.page.route("**/answers/*", lambda route: route.abort())
    box.get_by_role("button", name="Next").click()
    expect(box.get_by_role("alert")).to_contain_text("That did not get through")
    expect(box.get_by_label("1", exact=True)).to_be_checked()
    visitor.page.unroute("**/answers/*")
    box.get_by_role("button", name="Next").click()
    expect(box).to_contain_text("What went wrong?")


def test_a_customers_name_is_only_text(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    box = pay(visitor, known(name="<img/src=x/onerror=alert(1)> X"))
    expect(box).to_contain_text("How was it, <img/src=x/onerror=alert(1)>?")
    assert box.locator("img").count() == 0
    assert visitor.said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits_every_screen(visit: Callable[..., Visitor], scheme: Any, width: int) -> None:
    visitor = visit(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce", locale="ru")
    box = pay(visitor, known(locale="ru"))
    place = box.bounding_box()
    assert place is not None
    if width == 390:
        assert (place["x"], place["width"], round(place["y"] + place["height"])) == (0, 390, 800)
    else:
        assert (round(place["x"] + place["width"]), round(place["y"] + place["height"]), place["width"]) == (
            1424,
            784,
            400,
        )
    shown = box.evaluate("box => { const s = getComputedStyle(box); return [s.backgroundColor, s.animationName]; }")
    assert shown == ["rgb(23, 27, 45)" if scheme == "dark" else "rgb(255, 255, 255)", "none"]
    expect(box).to_contain_text("Ну как?")
    for target in box.locator("label, button").all():
        size = target.bounding_box()
        assert size is not None
        assert size["height"] >= 44
    assert visitor.do("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Callable[..., Visitor], define: Callable[[str], None], scheme: Any) -> None:
    define(EVERY_QUESTION)
    visitor = visit(color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)  # axe, not the widget, needs it
    box = pay(visitor)
    box.get_by_label("7", exact=True).check(force=True)
    found = [Axe().run(visitor.page, context="[data-otklik]")]
    box.get_by_role("button", name="Send").click()
    expect(box).to_contain_text("Please answer this question.")
    found.append(Axe().run(visitor.page, context="[data-otklik]"))
    box.get_by_label("Late").check()
    box.get_by_role("button", name="Send").click()
    expect(box.get_by_role("status")).to_be_visible()
    found.append(Axe().run(visitor.page, context="[data-otklik]"))
    assert [result.generate_report() for result in found if result.violations_count] == []


def test_every_type_that_fits_is_answered_in_place(
    visit: Callable[..., Visitor], define: Callable[[str], None]
) -> None:
    define(EVERY_QUESTION)
    visitor = visit()
    box = pay(visitor)
    box.locator("[name=what][value=Late]").check()
    box.locator("[name=stars][value='3']").check(force=True)
    box.locator("[name=city][value=other]").check()
    box.locator("[name=city_other]").fill("Moscow")
    for name, typed in {"many": "2", "full": "0.5", "day": "2026-12-31", "mail": "a@example.com"}.items():
        box.locator(f"[name={name}]").fill(typed)
    box.locator("[name=ok]").check()
    box.get_by_role("button", name="Send").click()
    expect(box.get_by_role("status")).to_be_visible()
    told = {"what": ["Late"], "stars": 3, "city": "other", "city_other": "Moscow", "many": 2, "full": 0.5}
    assert [r.answers for r in stored(Response)] == [{**told, "day": "2026-12-31", "mail": "a@example.com", "ok": True}]
    assert visitor.said == []


def test_what_wants_a_page_of_its_own_is_answered_there(
    visit: Callable[..., Visitor], define: Callable[[str], None]
) -> None:
    define(TOO_MUCH)
    box = pay(visit())
    expect(box).to_contain_text("What matters?")
    link = box.get_by_role("link", name="Answer")
    assert re.search(r"/s/[\w-]+$", link.get_attribute("href") or "")
    assert link.get_attribute("target") == "_blank"


# -- What is kept on the device


def test_nothing_is_kept_or_looked_at_before_consent(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
             const real = Object.getOwnPropertyDescriptor(window, name).get;
             Object.defineProperty(window, name, {get() { window.touched = (window.touched || 0) + 1;
                                                          return real.call(window); }});
           }"""
    )
    visitor.open()
    visitor.tell("identify", "c-1", known())
    visitor.tell("track", "page.viewed")
    visitor.do("() => otklik.form('#order')")
    visitor.page.locator("[name=who]").fill("Ada")
    assert visitor.do("() => window.touched || 0") == 0
    assert visitor.kept() == []


def test_what_could_not_be_sent_is_kept_only_with_consent_and_counts_once(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.open()
    visitor.page.route("**/visits", lambda route: route.abort())
    visitor.do("() => { otklik.track('cart.updated', {items: 1}); }")
    assert visitor.kept() == []
    visitor.do("() => otklik.consent(true)")
    visitor.do("() => { otklik.track('cart.updated', {items: 2}); }")
    assert len(visitor.kept()) == 2
    assert all(name.startswith("otklik:") for name in visitor.kept())
    visitor.open("/other")
    visitor.page.unroute("**/visits")
    assert len(visitor.kept()) == 2
    visitor.do("() => otklik.consent(true)")
    visitor.page.wait_for_function("() => Object.keys(localStorage).length === 0")
    assert sorted(e.properties["items"] for e in events("cart.updated")) == [1, 2]


def test_a_no_takes_everything_away_and_ends_it(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.open()
    visitor.page.route("**/visits", lambda route: route.abort())
    visitor.do("() => { otklik.consent(true); otklik.track('cart.updated'); localStorage.setItem('other', '1'); }")
    assert len(visitor.kept()) == 2
    visitor.do("() => { otklik.consent(false); otklik.track('cart.updated'); }")
    assert visitor.kept() == ["other"]
    visitor.page.unroute("**/visits")
    visitor.do("() => dispatchEvent(new Event('online'))")
    visitor.do("() => otklik.consent(true)")
    visitor.tell("track", "page.viewed")
    assert events("cart.updated") == []
    assert len(events("page.viewed")) == 1


# -- What is told


def test_calls_made_before_the_widget_was_there_are_heard(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.page.add_init_script(
        "window.otklik = []; otklik.push(['nonsense'], ['track', 'page.viewed', {path: '/'}]);"
    )
    with visitor.page.expect_response(lambda r: r.url.endswith("/visits")) as told:
        visitor.open()
    told.value.finished()
    assert [e.properties for e in events("page.viewed")] == [{"path": "/"}]


def test_an_event_is_sent_again_under_the_same_id(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.open()
    bodies: list[dict[str, Any]] = []

    def lose_the_answer(route: Route) -> None:
        bodies.append(route.request.post_data_json or {})
        if len(bodies) == 1:
            route.fetch()
            route.abort()
        elif len(bodies) == 2:
            route.fulfill(status=503, body="{}")
        else:
            route.continue_()

    visitor.page.route("**/visits", lose_the_answer)
    with visitor.page.expect_response(lambda r: r.url.endswith("/visits") and r.status == 202, timeout=15_000) as told:
        visitor.do("() => { otklik.track('cart.updated', {items: 1}); }")
    assert told.value.json()["duplicates"] == 1
    assert len(bodies) == 3
    assert len({body["event"]["id"] for body in bodies}) == 1
    assert len(events("cart.updated")) == 1


def test_a_page_is_told_why_it_is_not_believed(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.open()
    visitor.do("() => otklik.identify('c-1')")
    visitor.do("() => otklik.identify('c-1', {hash: 'no'})")
    visitor.tell("track", "survey.answered")
    visitor.tell("track", "page.viewed")
    wait_until(lambda: visitor.do("() => 1") and len(visitor.said) >= 3, 10)
    said = "\n".join(visitor.said)
    assert "identify() without a hash" in said
    assert "are Otklik's own" in said or "survey.answered" in said
    assert "the hash does not prove this id" in said


# -- Forms


def test_a_form_is_begun_and_sent(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.open()
    visitor.do("() => otklik.form('#order', {name: 'checkout'})")
    with visitor.page.expect_response(lambda r: r.url.endswith("/visits")):
        visitor.page.locator("[name=who]").fill("Ada Byron")
    visitor.page.locator("[name=card]").fill("4111 1111 1111 1111")
    visitor.page.get_by_role("button", name="Order").click()
    visitor.page.wait_for_url("**/thanks*")
    visitor.open("/other")
    started, submitted = events("form.started", "form.submitted", "form.abandoned")
    assert (started.type, started.properties) == (
        "form.started",
        {"form": "checkout", "fields": ["who"], "last": "who", "seconds": 0},
    )
    assert submitted.type == "form.submitted"
    assert (submitted.properties["fields"], submitted.properties["last"]) == (["who", "card"], "card")
    assert_no_values()


def test_a_form_that_is_left_tells_how_far_they_came(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.open()
    visitor.do("() => otklik.form(document.querySelector('#order'))")
    with visitor.page.expect_response(lambda r: r.url.endswith("/visits")):
        visitor.page.locator("[name=who]").fill("Ada Byron")
    visitor.page.locator("[name=card]").focus()
    visitor.page.locator("#away").click()
    visitor.page.wait_for_url("**/other")
    wait_until(lambda: events("form.abandoned"), 10)
    started, abandoned = events("form.started", "form.submitted", "form.abandoned")
    assert (started.properties["form"], abandoned.type) == ("order", "form.abandoned")
    assert (abandoned.properties["fields"], abandoned.properties["last"]) == (["who", "card"], "card")
    assert_no_values()


def assert_no_values() -> None:
    """Nothing of what was typed has left the page."""
    assert not re.search("Ada|4111|s3cret", " ".join(str(event.properties) for event in stored(Event)))


def test_a_form_that_was_only_looked_at_is_not_begun(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.open()
    visitor.do("() => otklik.form('#order')")
    visitor.page.locator("[name=who]").focus()
    visitor.page.locator("#wishes").focus()
    visitor.page.locator("#away").click()
    visitor.page.wait_for_url("**/other")
    visitor.tell("track", "page.viewed")
    assert [event.type for event in stored(Event)] == ["page.viewed"]
