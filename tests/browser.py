"""A real browser on a page of a shop, which lives at another address than Otklik and trusts nobody else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Request, sync_playwright
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

CHROMIUM = "/usr/bin/chromium"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title>
<script src="{otklik}/widget.js" data-source="site" defer></script>
<script src="/page.js" defer></script></head>
<body><h1>Shop</h1><button id="pay">Pay</button>
<form id="order" name="order" action="/thanks"><label>Name <input name="who"></label>
<label>Card <input name="card"></label><textarea id="wishes"></textarea>
<input type="hidden" name="secret" value="s3cret"><button>Order</button></form>
<a href="/other" id="away">Away</a></body></html>"""


class Shop:
    """The shop's pages, under a policy that allows nothing but its own files and Otklik."""

    def __init__(self, otklik: str) -> None:
        self.otklik, self.script = otklik, ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/page.js":
            response = Response(self.script, mimetype="text/javascript")
        elif environ["PATH_INFO"] == "/favicon.ico":
            response = Response(status=204)
        else:
            response = Response(PAGE.format(otklik=self.otklik), mimetype="text/html")
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' {self.otklik}; connect-src {self.otklik}; form-action 'self'; "
            "base-uri 'none'; require-trusted-types-for 'script'"
        )
        response.headers["Cache-Control"] = "no-store"
        return response(environ, start_response)


@contextmanager
def served(application: Any) -> Iterator[str]:
    """The application at an address of its own."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Visitor:
    """One visitor's window: what the page said in its console, and where it went."""

    def __init__(self, browser: Browser, shop: str, otklik: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.shop, self.otklik = shop, otklik
        self.said: list[str] = []
        self.asked: list[Request] = []
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.context.on("request", self._note)

    def _note(self, request: Request) -> None:
        self.asked.append(request)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.shop + path)
        self.page.wait_for_function("window.otklik && window.otklik.loaded")

    def do(self, script: str, given: Any = None) -> Any:
        return self.page.evaluate(script, given)

    def tell(self, *call: Any) -> None:
        """Call the widget, and wait until Otklik has answered."""
        with self.page.expect_response(lambda r: r.url.endswith("/visits")) as told:
            self.do("call => otklik.push(call)", list(call))
        told.value.finished()

    def kept(self) -> list[str]:
        """Everything the browser keeps for the shop's site."""
        names: list[str] = self.do("() => Object.keys(localStorage).concat(Object.keys(sessionStorage))")
        return names + [str(cookie) for cookie in self.context.cookies()]

    def close(self) -> None:
        self.context.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()
