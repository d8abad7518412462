"""How every page looks: ``python -m tests.screens [NAME …]`` makes the pictures in ``docs/screens`` anew.

Everything is taken from the demo company, half a year old and just made: 1440 pixels wide, by day, in English; and what
is worth it on a phone, by night, in the Russian one.
"""

import logging
import re
import struct
import sys
import tempfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

import config
from app import create_app
from app.actions.accounts import make_start_code
from app.actions.installation import beat
from app.actions.links import Wanted, make_link
from app.cli import migrate_tables
from app.clock import utcnow
from app.demo.people import ANNA, PLACES, VICTOR
from app.extensions import db
from app.links import survey_url
from app.models.invitations import Invitation
from app.models.links import OpenLink
from app.queries.accounts import password_of
from tests.browser import chromium, served
from tests.demo.conftest import application, made_in
from tests.demo.test_browser import at_work
from tests.wire import stored

FOLDER = Path(__file__).parent.parent / "docs" / "screens"
NARROW = 768
COLOURS = 256
# The most frequent colours of a picture, and for every other one that which is nearest: its pixels as bytes.
PALETTE = """async ([picture, most]) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const pixels = new Uint32Array(pen.getImageData(0, 0, image.width, image.height).data.buffer), seen = new Map();
  for (const pixel of pixels) seen.set(pixel, (seen.get(pixel) ?? 0) + 1);
  const parts = c => [c & 255, c >> 8 & 255, c >> 16 & 255];
  const kept = [...seen].sort((a, b) => b[1] - a[1]).slice(0, most).map(([c]) => parts(c));
  const far = (a, b) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
  for (const c of seen.keys()) {
    const own = parts(c);
    seen.set(c, kept.reduce((best, k, i) => (far(own, k) < far(own, kept[best]) ? i : best), 0));
  }
  const bytes = Uint8Array.from(pixels, pixel => seen.get(pixel));
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return [image.width, image.height, kept.flat(), btoa(text)];
}"""


@dataclass(frozen=True)
class Visit:
    """Anna's window in one of the companies."""

    page: Page
    site: str
    language: str

    def open(self, path: str) -> None:
        self.page.goto(self.site + path)
        self.page.wait_for_load_state("networkidle")

    @property
    def narrow(self) -> bool:
        return bool(self.page.viewport_size and self.page.viewport_size["width"] < NARROW)


def at(path: str, then: str = "") -> Callable[[Visit], None]:
    """A page that an address opens; ``then`` is something to press there."""

    def show(visit: Visit) -> None:
        visit.open(path)
        if then:
            visit.page.locator(then).first.click()
            visit.page.wait_for_load_state("networkidle")

    return show


def follow(visit: Visit) -> None:
    """Her upgrade has become a question."""
    visit.open("/demo/")
    visit.page.frame_locator("#phone").get_by_role("button").click()
    expect(visit.page.locator("[data-lines] > li")).to_have_count(3, timeout=10_000)
    expect(visit.page.frame_locator("#phone").locator(".mail a").first).to_be_visible()
    if visit.narrow:
        visit.page.locator("#tab-yours").click()


def mailbox(visit: Visit) -> None:
    visit.open("/demo/mailbox")
    visit.page.locator("main .row-link").first.click()
    visit.page.wait_for_load_state("networkidle")


def victor(visit: Visit) -> None:
    visit.open(f"/customers?q={VICTOR[visit.language].split()[-1]}")
    visit.page.locator("main a[href^='/customers/']").first.click()
    visit.page.wait_for_load_state("networkidle")


def why(visit: Visit) -> None:
    victor(visit)
    visit.open(re.sub(r"\?.*|$", "?why=upgrade-nps", visit.page.url.removeprefix(visit.site), count=1))


def erase(visit: Visit) -> None:
    victor(visit)
    visit.page.locator("a[href^='/erase']").first.click()
    visit.page.wait_for_load_state("networkidle")


def task(visit: Visit) -> None:
    visit.open("/tasks?tab=all")
    visit.page.locator("main a[href^='/tasks/']").first.click()
    visit.page.wait_for_load_state("networkidle")


def rehearsal(visit: Visit) -> None:
    """Once in 60 days instead of 30."""
    visit.open("/policy")
    visit.page.fill("#per-0", "60")
    visit.page.click("button[value=rehearse]")
    expect(visit.page.locator("ul.both").first).to_be_visible(timeout=60_000)
    visit.page.wait_for_load_state("networkidle")


def crisis(visit: Visit) -> None:
    visit.open("/policy")
    visit.page.select_option("#scope", "place")
    visit.page.fill("#value", PLACES[visit.language][1])
    tomorrow = utcnow() + timedelta(days=1)
    visit.page.fill("#until", tomorrow.strftime("%Y-%m-%dT18:00"))
    visit.page.locator("form[action='/policy/crisis'] button").click()
    visit.page.wait_for_load_state("networkidle")
    visit.open("/home")


def after_crisis(visit: Visit) -> None:
    visit.open("/policy")
    visit.page.locator("form[action$='/end'] button").first.click()
    visit.page.wait_for_load_state("networkidle")


def answer_page(visit: Visit) -> None:
    open_one = stored(Invitation, Invitation.state == "open", Invitation.survey_version_id.is_not(None))[-1]
    visit.open(survey_url(open_one.public_id).removeprefix(visit.site))


def open_link(visit: Visit) -> None:
    if not stored(OpenLink):
        make_link("delivery-csat", Wanted("Poster", None, None, (), None), actor=ANNA["en"].email, now=utcnow())
    visit.open(f"/o/{stored(OpenLink)[0].public_id}")


def dashboard(visit: Visit) -> None:
    visit.open("/dashboards/")
    expect(visit.page.locator("#comments blockquote, #comments li").first).to_be_visible()


def lined(visit: Visit) -> None:
    """A source with a fresh key in its line."""
    visit.open("/sources/api")
    visit.page.locator("form[action$='/key'] button").click()
    visit.page.wait_for_load_state("networkidle")


SHOTS: dict[str, Callable[[Visit], None]] = {
    "follow": follow,
    "mailbox": mailbox,
    "start-for-real": at("/demo/start-for-real"),
    "home": at("/home"),
    "home-crisis": crisis,
    "ask": at("/ask"),
    "more": at("/more"),
    "search": at("/search?q=mia"),
    "tasks": at("/tasks?tab=all"),
    "task": task,
    "customers": at("/customers"),
    "customer": victor,
    "customer-why": why,
    "customer-erase": erase,
    "surveys": at("/surveys"),
    "survey": at("/surveys/nps-upgrade"),
    "survey-new": at("/surveys/new"),
    "survey-recipe": at("/surveys/new/cancellation"),
    "survey-blank": at("/new-survey"),
    "survey-file": at("/surveys/new/file"),
    "survey-texts": at("/surveys/nps-upgrade/texts"),
    "survey-builder": at("/surveys/nps-upgrade/build"),
    "survey-publish": at("/surveys/nps-upgrade/publish"),
    "survey-versions": at("/surveys/nps-upgrade/versions"),
    "survey-results": at("/surveys/delivery-csat/results"),
    "survey-paper": at("/surveys/delivery-csat/paper"),
    "answer-page": answer_page,
    "open-link": open_link,
    "survey-share": at("/surveys/delivery-csat/share"),
    "triggers": at("/triggers"),
    "trigger": at("/triggers/upgrade-nps"),
    "trigger-edit": at("/triggers/upgrade-nps/edit"),
    "decisions": at("/decisions"),
    "policy": at("/policy"),
    "policy-pressure": at("/policy/pressure"),
    "policy-audits": at("/policy/audits"),
    "rehearsal": rehearsal,
    "rehearsals": at("/rehearsals"),
    "segments": at("/segments"),
    "segment": at("/segments/premium"),
    "segment-edit": at("/segments/premium/edit"),
    "offers": at("/offers"),
    "dashboard": dashboard,
    "answers": at("/answers"),
    "changes": at("/changes"),
    "targets": at("/targets"),
    "digests": at("/digests"),
    "sources": at("/sources"),
    "source": at("/sources/support-desk"),
    "source-try": lined,
    "sending": at("/sending"),
    "departments": at("/departments"),
    "people": at("/people"),
    "keys": at("/keys"),
    "settings": at("/settings"),
    "audit": at("/audit"),
    "profile": at("/profile"),
    "as-text": at("/as-text/triggers/upgrade-nps"),
    "api": at("/api/docs"),
    "not-found": at("/nowhere"),
}
AFTERWARDS = {"home-crisis": after_crisis}
WHOLE = {"dashboard"}
"""Shown to their end; every other page as far as a window goes."""
ON_A_PHONE = (
    *("follow", "home", "tasks", "task", "customer", "survey-builder", "survey-new", "survey-results"),
    *(
        "surveys",
        "answer-page",
        "open-link",
        "survey-share",
        "trigger",
        "trigger-edit",
        "policy",
        "rehearsal",
        "dashboard",
        "source",
    ),
    *("sending", "more"),
)


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """The picture of a page, with the colours it needs and no more."""
    shot = b64encode(page.screenshot(full_page=whole)).decode()
    blank = page.context.new_page()
    width, height, colours, pixels = blank.evaluate(PALETTE, [shot, COLOURS])
    blank.close()
    (FOLDER / f"{name}.png").write_bytes(as_png(width, height, bytes(colours), b64decode(pixels)))
    print(name)  # noqa: T201 a command's answer


def as_png(width: int, height: int, colours: bytes, pixels: bytes) -> bytes:
    """An indexed picture."""
    rows = b"".join(b"\0" + pixels[y * width : (y + 1) * width] for y in range(height))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", colours),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(told)) + kind + told + struct.pack(">I", zlib.crc32(kind + told)) for kind, told in parts
    )


def window(browser: Browser, language: str, *, phone: bool) -> Page:
    size: Any = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}
    context = browser.new_context(
        viewport=size, color_scheme="dark" if phone else "light", locale=language, reduced_motion="reduce"
    )
    return context.new_page()


@contextmanager
def company(folder: Path, language: str) -> Iterator[str]:
    app = application(made_in(folder, language).settings)
    with app.app_context(), served(app) as site, at_work(app):
        app.config["BASE_URL"] = site
        beat("worker", utcnow())
        yield site


def signed_in(page: Page, site: str, language: str) -> Visit:
    account = password_of(ANNA[language].email)
    assert account
    page.goto(f"{site}/start?code={make_start_code(account[0], utcnow())}")
    page.click("form[action='/start'] button")
    page.wait_for_url("**/demo/**")
    return Visit(page, site, language)


def before_anybody(browser: Browser, folder: Path) -> None:
    """The first page of an installation that has nobody yet, and its login."""
    app = create_app(config.load({}, data_dir=folder))
    with app.app_context(), served(app) as site:
        migrate_tables()
        page = window(browser, "en", phone=False)
        page.goto(f"{site}/start?code={make_start_code(None, utcnow())}")
        take(page, "first-run")
        page.goto(f"{site}/login")
        take(page, "login")
        db.session.remove()


def main(names: set[str]) -> None:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="otklik-screens-") as scratch, chromium() as browser:
        if not names or names & {"first-run", "login"}:
            (Path(scratch) / "empty").mkdir()
            before_anybody(browser, Path(scratch) / "empty")
        for language, phone in (("en", False), ("ru", True)):
            wanted = [n for n in (ON_A_PHONE if phone else SHOTS) if not names or n in names]
            folder = Path(scratch) / language
            folder.mkdir()
            with company(folder, language) as site:
                visit = signed_in(window(browser, language, phone=phone), site, language)
                for name in wanted:
                    SHOTS[name](visit)
                    take(visit.page, f"{name}-390-dark-ru" if phone else name, whole=name in WHOLE and not phone)
                    if name in AFTERWARDS:
                        AFTERWARDS[name](visit)


if __name__ == "__main__":
    main(set(sys.argv[1:]))
