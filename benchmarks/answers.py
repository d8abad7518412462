"""Respondents: one who comes now and then, a hundred a second, and as many as can be served."""

import gzip
import shutil
from collections.abc import Iterator
from secrets import token_urlsafe
from statistics import median
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Browser, sync_playwright

from app.links import survey_url
from benchmarks.company import LISTENED, POLICY, add_contacts, add_invitations
from benchmarks.load import Script, ask, fire, whole
from benchmarks.results import Row, at_least, at_most
from benchmarks.stack import Stack, plain_connection
from config import Settings

GIVEN = urlencode({"page": "0", "nps": "9", "why": "It came on time, and the box was whole."}).encode()
PER_SECOND = 100
PAINTS = 10
PAINTED = """new Promise((tell) => new PerformanceObserver((list) => {
  for (const entry of list.getEntriesByName("first-contentful-paint")) tell(entry.startTime);
}).observe({ type: "paint", buffered: true }))"""


def measure(stack: Stack) -> Iterator[Row]:
    steady, rush = (200, 200) if stack.quick else (2_000, 4_000)
    settings = stack.settings(POLICY + LISTENED)
    with plain_connection(settings) as connection:
        add_contacts(connection, 1, 10_000)
        public_ids = add_invitations(connection, steady + rush + 100)
    with stack.application(settings):
        links = [urlsplit(survey_url(public_id)).path for public_id in public_ids]
    with stack.web(settings) as port, stack.web(settings, "benchmarks.noop:app", "/") as reference:
        visits = [_visit(link) for link in links]
        yield from _document(port, links[-1])
        yield from _paint(port, links[-1])
        yield _guessed(port, rush)
        fire(port, visits[-100:-1], expect="200")
        noop = fire(reference, [[whole("GET", "/")]] * rush, expect="202").rate
        at_rate = fire(port, visits[:steady], expect="200", rate=PER_SECOND)
        said = f"submit {at_rate.percentile(1, 0.99) * 1000:.0f} ms"
        slowest = at_rate.percentile(0, 0.99) * 1000
        yield Row(f"answer page, p99 at {PER_SECOND} respondents/s", slowest, "ms", at_most(100), said)
        fast = fire(port, visits[steady : steady + rush], expect="200")
        yield Row("complete response (page and submit)", fast.rate, "per s", at_least(400), f"no-op {noop:,.0f}/s")
    _check(settings, steady + rush + 99)


def _visit(link: str) -> Script:
    submit = whole("POST", link, GIVEN, content_type="application/x-www-form-urlencoded", accept_encoding="gzip")
    return [whole("GET", link, accept_encoding="gzip"), submit]


def _document(port: int, link: str) -> Iterator[Row]:
    """What one respondent loads: a single document, as it is sent and as it is."""
    head, body = ask(port, whole("GET", link, accept_encoding="gzip"))
    packed = "content-encoding: gzip" in head.lower()
    raw = gzip.decompress(body) if packed else body
    small = len(body if packed else gzip.compress(raw))
    said = f"{len(raw) / 1000:.1f} kB raw; sent {'packed' if packed else 'raw, to be packed by the proxy'}"
    yield Row("answer page, compressed, in all", small / 1000, "kB", at_most(15), said)
    others = sum(raw.count(mark) for mark in (b" src=", b"<link", b"@import", b"url("))
    yield Row("answer page, further files it loads", others, "", at_most(0))


def _paint(port: int, link: str) -> Iterator[Row]:
    """How long a browser that has kept nothing shows nothing: at full speed, and as slow as a simple telephone."""
    with sync_playwright() as starter:
        browser = starter.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for slower in (1, 4):
            said = f"median of {PAINTS}, processor slowed {slower} times" if slower > 1 else f"median of {PAINTS}"
            shown = median(_painted(browser, f"http://127.0.0.1:{port}{link}", slower) for _ in range(PAINTS))
            yield Row("answer page, first paint", shown, "ms", at_most(300), said)


def _painted(browser: Browser, address: str, slower: int) -> float:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(address)
    at = page.evaluate(PAINTED)
    context.close()
    return float(at)


def _guessed(port: int, count: int) -> Row:
    """Links that somebody makes up: each is refused, and quickly."""
    guesses = [[whole("GET", f"/s/{token_urlsafe(36)}")] for _ in range(count)]
    load = fire(port, guesses, expect="404")
    said = f"p99 {load.percentile(0, 0.99) * 1000:.0f} ms"
    return Row("links made up at random, refused", load.rate, "per s", at_least(1_000), said)


def _check(settings: Settings, expected: int) -> None:
    with plain_connection(settings) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM responses WHERE complete").fetchone() or (0,)
    if stored != expected:
        raise AssertionError(f"{expected} were answered, {stored} are stored")
