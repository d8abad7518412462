"""The first ten minutes in a real browser: both companies, both widths, by pointer and by keyboard.

From the terminal's link to *Start for real*: every page is reached by a link of another, but for the way back to the
page that follows her. By keyboard everything is reached with Tab, as hands do it. A step is a function and a line in
``STEPS``, in the order of the walk.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import thread_time
from typing import Any

import pytest
from flask import Flask, Response, g, request
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

import config
from app import jobs
from app.actions.accounts import change_profile, make_start_code
from app.clock import utcnow
from app.demo.customers import RIVERSIDE
from app.demo.people import ANNA, PLACES, VICTOR
from app.extensions import db
from app.queries.accounts import password_of
from app.queries.rehearsals import rehearse
from tests.browser import chromium, served
from tests.demo.conftest import Made, application, in_folder, made_in
from tests.demo.test_browser import at_work, faults_of

pytestmark = pytest.mark.browser
LATE = {"en": "The first box came an hour late.", "ru": "Первая коробка опоздала на час."}
NOTHING_CHANGED = {
    "en": "Nothing was sent. Nothing was changed.",
    "ru": "Ничего не отправлено. Ничего не изменено.",
}
# language (the English company or the Russian one), width, theme, by keyboard
LOOKS = [
    ("en", 1440, "light", False),
    ("en", 390, "dark", True),
    ("ru", 390, "light", False),
    ("ru", 1440, "dark", True),
]
numbers = count(1)
HALF_A_YEAR = 38_000
"""Events at the least."""
REHEARSED_IN = 2 * 5.0
"""Seconds of its own work, twofold: whatever else a machine does makes its processor slower."""
WORKED: list[float] = []
"""Seconds of its own work that each rehearsal took, without what others did meanwhile."""
SERVED_IN = 2 * 0.3
"""Seconds of its own work in which the server has every page of the walk ready; twofold for the same reason."""
TABS = 150
"""More than any page of the walk has places for the focus."""


@dataclass
class Walk:
    """Somebody on the walk: the window, and the hand that uses it."""

    page: Page
    site: str
    language: str
    keyboard: bool
    address: str = ""
    faults: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def phone(self) -> FrameLocator:
        return self.page.frame_locator("#phone")

    @property
    def lines(self) -> Locator:
        return self.page.locator("[data-lines] > li")

    @property
    def narrow(self) -> bool:
        return bool(self.page.evaluate("innerWidth < 768"))

    def press(self, target: Locator) -> None:
        """Click it; or by keyboard: what the focus cannot reach cannot be pressed."""
        if not self.keyboard:
            target.click()
            return
        self._reach(target)
        self.page.keyboard.press("Enter")

    def type(self, target: Locator, text: str) -> None:
        if self.keyboard:
            self._reach(target)
            self.page.keyboard.type(text)
        else:
            target.fill(text)

    def choose(self, target: Locator, value: str) -> None:
        """An option of a list; by keyboard with the arrow, until it is the one."""
        if not self.keyboard:
            target.select_option(value)
            return
        self._reach(target)
        for _ in range(10):
            if target.input_value() == value:
                return
            self.page.keyboard.press("ArrowDown")
        assert target.input_value() == value

    def _reach(self, target: Locator) -> None:
        """With Tab, from where the focus is, round the page if need be: a place that Tab does not find is not there."""
        expect(target).to_be_visible()
        for _ in range(TABS):
            if target.evaluate("e => e.matches(':focus') && e.ownerDocument.hasFocus()"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not get to {target}")

    def side(self, name: str) -> None:
        """On a phone the two sides are two tabs."""
        if not self.narrow or self.page.locator(f"#tab-{name}[aria-selected=true]").count():
            return
        if self.keyboard:  # among tabs one goes with the arrows
            self._reach(self.page.locator("[data-side][aria-selected=true]"))
            self.page.keyboard.press("ArrowRight")
        else:
            self.page.locator(f"#tab-{name}").click()
        expect(self.page.locator(f"#{name}")).to_be_visible()

    def back(self) -> None:
        """To the page that follows her."""
        self.page.goto(self.address)
        self.side("yours")

    def follow(self, path: str) -> None:
        """From there to another page, by the link that stands there."""
        self.back()
        self.press(self.page.locator(f"#yours .plainly a[href='{path}']"))
        self.page.wait_for_url(f"**{path}")

    def look(self) -> None:
        """What axe and the ruler say of this page."""
        self.faults += faults_of(self.page)

    def link_of(self, line: Locator, part: str) -> Locator:
        return line.locator(f"a[href*='{part}']")


def sign_in_by_the_link(walk: Walk) -> None:
    walk.look()
    walk.press(walk.page.locator("form[action='/start'] button"))
    walk.page.wait_for_url("**/demo/follow/**")
    walk.address = walk.page.url
    expect(walk.lines).to_have_count(0)


def upgrade(walk: Walk) -> None:
    """Within three seconds: event, decision, mail."""
    walk.press(walk.phone.get_by_role("button"))
    expect(walk.lines).to_have_count(3, timeout=3_000)
    assert_read_out(walk)
    if walk.narrow:
        expect(walk.page.locator("[data-newest]")).to_be_visible()
    walk.look()


def assert_read_out(walk: Walk) -> None:
    """The newest line stands in a live region that readers hear on either side: on a phone the ladder lies hidden."""
    live = walk.page.locator("[data-told]")
    assert live.get_attribute("aria-live") == "polite"
    newest = walk.lines.last.locator("> div > div").first.text_content() or ""
    expect(live).to_contain_text(newest)
    assert live.evaluate("e => e.closest('.yours, .hers, [hidden], [aria-hidden]') === null")
    assert live.evaluate("e => e.checkVisibility()")


def answer_three(walk: Walk) -> None:
    walk.press(walk.phone.locator(".mail a", has_text=re.compile("^3$")))
    expect(walk.phone.locator("input[value='3']")).to_be_checked()
    assert walk.lines.count() == 3  # nothing is stored by opening it
    walk.type(walk.phone.locator("textarea"), LATE[walk.language])
    walk.press(walk.phone.get_by_role("button"))
    expect(walk.lines).to_have_count(7, timeout=10_000)
    walk.side("yours")
    expect(walk.lines.nth(3).locator("blockquote")).to_contain_text(LATE[walk.language])
    walk.press(walk.lines.nth(1).locator("summary"))
    expect(walk.lines.nth(1).locator("details li").first).to_be_visible()
    walk.look()


def upgrade_again(walk: Walk) -> None:
    """The moment that sells it: not asked, and why."""
    walk.side("hers")
    walk.press(walk.page.locator(".phone-bar a").first)
    walk.press(walk.phone.get_by_role("button"))
    expect(walk.lines).to_have_count(9)
    assert walk.lines.nth(8).get_attribute("class") == "bad"
    assert_read_out(walk)


def read_victor(walk: Walk) -> None:
    walk.side("yours")
    walk.press(walk.link_of(walk.lines.nth(8), "/customers/"))
    expect(walk.page.locator("h1")).to_have_text(VICTOR[walk.language])
    assert walk.page.locator("main .story li").count() >= 5
    walk.look()
    walk.back()


def solve_the_task(walk: Walk) -> None:
    """Solved here, confirmed by her: a service message, which the limit lets through."""
    expect(walk.lines).to_have_count(9)
    walk.press(walk.link_of(walk.lines.nth(5), "/tasks/"))
    expect(walk.page.locator("[data-task] .quote").first).to_contain_text(LATE[walk.language])
    walk.look()
    walk.choose(walk.page.locator("#outcome"), "recovered")
    walk.type(walk.page.locator("#cause"), "route")
    with walk.page.expect_navigation():  # else the next page would be opened into the middle of it
        walk.press(walk.page.locator("#solve button[value=solve]"))
    walk.page.goto(walk.address)
    expect(walk.lines).to_have_count(12, timeout=10_000)  # solved, asked how it was handled, mail
    walk.press(walk.phone.locator(".mail a", has_text=re.compile("^5$")))
    expect(walk.phone.locator("input[value='5']")).to_be_checked()
    walk.press(walk.phone.get_by_role("button"))
    expect(walk.lines).to_have_count(15, timeout=10_000)
    assert "5" in walk.lines.nth(13).inner_text()


def read_the_dashboard(walk: Walk) -> None:
    """The sentence names what really changed; one's own answer is there."""
    riverside = PLACES[walk.language][RIVERSIDE]
    walk.back()
    expect(walk.lines).to_have_count(15)
    walk.press(walk.link_of(walk.lines.nth(6), "/dashboards/"))
    sentence = walk.page.locator("#sentence")
    expect(sentence).to_contain_text(riverside)
    expect(walk.page.get_by_text(LATE[walk.language]).first).to_be_visible()
    walk.look()
    walk.press(sentence.locator("a", has_text=riverside).first)
    expect(walk.page.locator("main")).to_contain_text(riverside)


def rehearse_a_stricter_policy(walk: Walk) -> None:
    """Once in 60 days instead of 30, on half a year: read beside what is in force, which stays as it is."""
    walk.follow("/policy")
    walk.look()
    walk.type(walk.page.locator("#per-0"), "60")
    walk.press(walk.page.locator("button[value=rehearse]"))
    expect(walk.page.locator("ul.both").first).to_be_visible(timeout=60_000)
    told = walk.page.locator("main").inner_text()
    assert NOTHING_CHANGED[walk.language] in told
    took = walk.page.locator("[data-took]")
    [events] = re.findall(r"^\d\d\W\d{3}\b", took.inner_text())  # 41,000 or 41 000
    assert int(re.sub(r"\W", "", events)) > HALF_A_YEAR
    assert WORKED[-1] < REHEARSED_IN
    assert float(took.get_attribute("data-took") or 0) > WORKED[-1]  # what the page says is no less than the work
    walk.look()
    walk.follow("/policy")
    expect(walk.page.locator("#per-0")).to_have_value("30")


def send_an_event_of_ones_own(walk: Walk) -> None:
    """A line pasted into a terminal lights the ladder; broken on purpose, the answer and the page name the field."""
    walk.follow("/sources")
    walk.look()
    walk.press(walk.page.locator("main a[href='/sources/api']"))
    walk.press(walk.page.locator("form[action$='/key'] button"))
    expect(walk.page.locator("#curl")).to_contain_text("Bearer otk_")
    line = walk.page.locator("#curl").inner_text().replace("try-", f"try-{next(numbers)}-")
    assert '"accepted":1' in shell(line)
    walk.page.goto(walk.address)
    walk.side("yours")
    expect(walk.lines.filter(has_text=ANNA[walk.language].name).first).to_be_visible(timeout=3_000)
    walk.follow("/demo/mailbox")
    walk.look()
    expect(walk.page.locator("main .row-link").first).to_be_visible()
    said = shell(line.replace('"subscription.upgraded"', "7"))
    assert '"type"' in said
    walk.follow("/sources")
    walk.press(walk.page.locator("main a[href='/sources/api']"))
    walk.press(walk.page.locator("details.fold summary").first)
    expect(walk.page.locator("details.fold").first).to_contain_text("type")
    walk.look()


def shell(line: str) -> str:
    return subprocess.run(
        ["bash", "-c", line.replace("curl ", "curl -s ", 1)], check=True, capture_output=True
    ).stdout.decode()


def start_for_real(walk: Walk) -> None:
    walk.page.goto(walk.address)
    walk.side("yours")
    walk.press(walk.page.locator("#yours a[href$='start-for-real']"))
    lines = walk.page.locator("#real").inner_text().splitlines()
    assert [line.split("=")[0].split()[-1] for line in lines] == ["OTKLIK_SMTP_URL", "OTKLIK_SEND_ONLY_TO", "up"]
    walk.look()


STEPS: tuple[Callable[[Walk], None], ...] = (
    sign_in_by_the_link,
    upgrade,
    answer_three,
    upgrade_again,
    read_victor,
    solve_the_task,
    read_the_dashboard,
    rehearse_a_stricter_policy,
    send_an_event_of_ones_own,
    start_for_real,
)


@pytest.fixture(scope="module")
def russian(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same company, as it is made where Russian is spoken."""
    return made_in(tmp_path_factory.mktemp("russian"), "ru")


@pytest.fixture(scope="module")
def companies(made: Made, russian: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Flask]]:
    """A copy of each company for every walk; each walk follows a customer of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "run_rehearsal", measured)
        yield {
            language: application(copied(found, tmp_path_factory.mktemp("walk")))
            for language, found in (("en", made), ("ru", russian))
        }


def copied(found: Made, folder: Path) -> config.Settings:
    shutil.copytree(found.settings.data_dir, folder / "demo")
    return in_folder(found.settings, folder / "demo")


def measured(*given: Any, **named: Any) -> dict[str, Any]:
    began = thread_time()
    result = rehearse(*given, **named)
    WORKED.append(thread_time() - began)
    return result


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@contextmanager
def timed(company: Flask) -> Iterator[dict[str, float]]:
    """The longest that the server worked at each page, in seconds of the thread that did it."""
    longest: dict[str, float] = {}

    def begin() -> None:
        g.began = thread_time()

    def end(response: Response) -> Response:
        longest[request.path] = max(longest.get(request.path, 0), thread_time() - g.began)
        return response

    company.before_request_funcs.setdefault(None, []).insert(0, begin)
    company.after_request_funcs.setdefault(None, []).insert(0, end)
    yield longest
    company.before_request_funcs[None].remove(begin)
    company.after_request_funcs[None].remove(end)


@pytest.mark.parametrize(("language", "width", "theme", "keyboard"), LOOKS)
def test_the_walk(
    companies: dict[str, Flask], browser: Browser, *, language: str, width: int, theme: Any, keyboard: bool
) -> None:
    company = companies[language]
    with company.app_context(), served(company) as site, at_work(company), timed(company) as longest:
        company.config["BASE_URL"] = site
        found = password_of(ANNA[language].email)
        assert found
        change_profile(found[0], {"language": language, "theme": None}, utcnow())
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, locale=language, reduced_motion="reduce"
        )
        walk = Walk(context.new_page(), site, language, keyboard)
        walk.page.set_default_timeout(15_000)
        walk.page.on("console", lambda m: walk.wrong.append(m.text) if m.type in ("error", "warning") else None)
        walk.page.on("pageerror", lambda error: walk.wrong.append(str(error)))
        walk.page.on("request", lambda r: None if r.url.startswith((site, "data:")) else walk.wrong.append(r.url))
        walk.page.goto(f"{site}/start?code={make_start_code(found[0], utcnow())}")
        for step in STEPS:
            step(walk)
        context.close()
        db.session.remove()
    assert not walk.faults, "\n".join(walk.faults)
    assert not walk.wrong
    assert {path: took for path, took in longest.items() if took > SERVED_IN} == {}
