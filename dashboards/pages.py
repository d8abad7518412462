"""The overview as a Dash application inside the site: its frame, its addresses, and who may see them.

No data stands in the layout: Dash shows its layout to whoever asks. Every card is worked out by a callback of its own.
"""

import gzip
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import structlog
from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.exceptions import DependencyException
from flask import Flask, Response, abort, request

from dashboards import PATH, Guard, Page, overview, parts
from dashboards.asked import Asked
from dashboards.filters import read_address
from dashboards.overview import CARDS, PLACES, Card
from dashboards.readers import Readers, Viewer

FRESH = 5_000
"""Milliseconds after which a page asks whether anything is new."""
UNUSED = ("/dash_table/", "/polyfill@")
"""Scripts that Dash would load, and that nothing here needs."""

log = structlog.get_logger()


def _is_callback(body: Any) -> bool:
    """Whether a body is what Dash's own script sends; it falls over everything else."""
    parts = ("output", "outputs", "inputs", "changedPropIds")
    return isinstance(body, dict) and all(part in body for part in parts) and isinstance(body["inputs"], list)


class Pictures(Dash):
    """The Dash application, mounted in the site's own server."""

    def __init__(self, app: Flask, readers: Readers, page: Page, viewer: Callable[[], Viewer]) -> None:
        self._readers, self._page, self._viewer = readers, page, viewer
        super().__init__(
            "dashboards",
            server=app,  # type: ignore[arg-type]  # a Flask, as documented
            url_base_pathname=PATH,
            suppress_callback_exceptions=True,
            include_assets_files=False,
            update_title="",
            add_log_handler=False,
        )
        self.layout = layout
        for names, work_out in CARDS.items():
            self._draw(names, work_out)
        self.callback(Output("pulse", "data"), Input("clock", "n_intervals"), State("pulse", "data"))(self._beat)
        self.policy = (
            f"default-src 'none'; script-src 'self' {' '.join(self.csp_hashes())}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'self'; "
            "base-uri 'none'"
        )
        self._zipped: dict[str, bytes] = {}

    def _draw(self, names: tuple[str, ...], work_out: Card) -> None:
        def drawn(search: str | None, _pulse: Any) -> Any:
            try:
                filters = read_address(search, self._readers.today())
                found = work_out(Asked(self._readers, self._viewer(), filters))
            except Exception:
                log.exception("dashboard.card_failed", cards=names)
                found = tuple(parts.failed(overview.title_of(name)) for name in names)
                return found if len(names) > 1 else found[0]
            return found

        outputs = [Output(name, "children") for name in names]
        self.callback(outputs if len(names) > 1 else outputs[0], Input("address", "search"), Input("pulse", "data"))(
            drawn
        )

    def _beat(self, _beats: int, known: str | None) -> Any:
        """Whether anything is new; the cards wait for the first answer, and are drawn again after every other one."""
        try:
            now = self._readers.pulse(self._viewer())
        except Exception:
            log.exception("dashboard.pulse_failed")
            return known or ""
        return no_update if now == known else now

    def interpolate_index(self, **given: str) -> str:  # type: ignore[override]  # as documented
        """The site's own frame around what Dash needs to start."""
        return self._page({name: given[name] for name in ("config", "scripts", "renderer")})

    def _generate_scripts_html(self) -> str:
        lines = super()._generate_scripts_html().splitlines()
        return "\n".join(line for line in lines if line and not any(name in line for name in UNUSED))

    def guard_routes(self, guard: Guard) -> None:
        """Every address below the path is for those who may see the dashboard."""
        views = self.server.view_functions
        for rule in list(self.server.url_map.iter_rules()):
            if rule.rule.startswith(PATH):
                view = _nowhere if rule.rule == f"{PATH}<path:path>" else views[rule.endpoint]
                views[rule.endpoint] = guard(self._safe(view))

    def _safe(self, view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def answered(*args: Any, **kwargs: Any) -> Response:
            if request.path.endswith("_dash-update-component") and not _is_callback(request.get_json(silent=True)):
                abort(400)
            try:
                response = self.server.make_response(view(*args, **kwargs))
            except DependencyException:  # a package that Dash does not know
                abort(404)
            response.headers["Content-Security-Policy"] = self.policy
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Referrer-Policy"] = "same-origin"
            if "_dash-component-suites" in request.path:
                return self._zip(response)
            response.headers["Cache-Control"] = "no-store"
            return response

        return answered

    def _zip(self, response: Response) -> Response:
        """Scripts are zipped once: a third of a megabyte travels instead of one."""
        response.headers["Vary"] = "Accept-Encoding"
        if response.status_code != 200 or not request.accept_encodings["gzip"]:  # noqa: PLR2004
            return response
        if request.path not in self._zipped:
            self._zipped[request.path] = gzip.compress(response.get_data(), 6)
        response.set_data(self._zipped[request.path])
        response.headers["Content-Encoding"] = "gzip"
        return response


def _nowhere(**_path: Mapping[str, str]) -> Any:
    abort(404)


def layout() -> Any:
    """Empty frames, in the shape of what will fill them."""
    frames = [html.Div(html.Div(className="placeholder"), id=name, className=f"place place-{name}") for name in PLACES]
    return html.Div(
        [
            dcc.Location(id="address", refresh=False),
            dcc.Interval(id="clock", interval=FRESH),
            dcc.Store(id="pulse"),
            *frames,
        ],
        className="overview",
    )
