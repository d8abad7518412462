"""Every error is answered here: the domain's words become statuses, JSON or a page."""

from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from app.actions.contacts import UnknownContact
from app.actions.tasks import TaskClosed, UnknownTask
from app.auth import Forbidden, Unauthorized
from app.auth.staff import viewer
from app.extensions import RateExceeded
from app.inbound.bodies import BodyError
from app.inbound.payloads import Unauthenticated
from app.queries.installation import Company, company, known_company
from app.text.phrases import phrases

RETRY_AFTER = "5"
OWN_STYLE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'"
}
"""These pages bring their style along: they load nothing but the logo, and ask nobody."""
JSON_PATHS = ("/api/", "/webhooks/", "/widget/", "/healthz", "/readyz", "/metrics")
log = structlog.get_logger()


def answer(status: int, message: str, **more: Any) -> tuple[Response, int]:
    return jsonify({"status": status, "message": message, **more}), status


def page(name: str, status: int, **values: Any) -> tuple[str, int]:
    """A kind page for a customer; ``name`` is a pair of phrases, title and text."""
    said = phrases(values.pop("language", None), *(tag for tag, _ in request.accept_languages))
    told = values.pop("company", None) or _company()
    text = said[f"{name}.text"].format(company=told.name)
    values = {"title": said[f"{name}.title"], "text": text, "t": said, "company": told} | values
    return render_template("respond/note.html", **values), status


def _company() -> Company:
    """The company; as it was last known, where the database is away."""
    try:
        return company()
    except DBAPIError:
        return known_company()


def register(app: Flask) -> None:
    app.register_error_handler(BodyError, lambda e: answer(e.status, str(e)))
    app.register_error_handler(Unauthorized, lambda _: _challenge("A valid API key is needed: Authorization: Bearer …"))
    app.register_error_handler(
        Unauthenticated, lambda _: _challenge("The signature or token of this source is not right.")
    )
    app.register_error_handler(Forbidden, lambda e: answer(403, f"This key lacks the scope {e.scope}."))
    app.register_error_handler(UnknownTask, lambda _: answer(404, "No task has this id."))
    app.register_error_handler(UnknownContact, lambda _: answer(404, "No contact has this id."))
    app.register_error_handler(TaskClosed, lambda _: answer(409, "The task is closed; it can be commented on."))
    app.register_error_handler(RateExceeded, _too_often)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(away, _database_away)
    app.register_error_handler(DBAPIError, _database_fault)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, _unexpected)


def _challenge(message: str) -> tuple[Response, int]:
    response, status = answer(401, message)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response, status


def _too_often(_error: RateExceeded) -> Any:
    if request.blueprint == "admin":
        return (*_staff_page(429), {"Retry-After": "60"})
    response, status = answer(429, "Too many requests; please slow down.")
    response.headers["Retry-After"] = "1"
    return response, status


def _for_programs() -> bool:
    return request.path.startswith(JSON_PATHS)


def _database_away(error: Exception) -> Any:
    log.error("database.away", path=request.path, error=str(error).splitlines()[0], request=g.get("request_id"))
    if _for_programs():
        response, status = answer(503, "The database is away for a moment; please send it again.")
        response.headers["Retry-After"] = RETRY_AFTER
        return response, status
    body, status = page(_excuse(), 503, company=known_company())
    return body, status, {"Retry-After": RETRY_AFTER, **OWN_STYLE}


def _database_fault(error: DBAPIError) -> Any:
    """A connection that breaks in the middle is the database being away; anything else is our fault."""
    return _database_away(error) if error.connection_invalidated else _unexpected(error)


def http_error(error: HTTPException) -> Any:
    """The answer to an HTTP error, whoever raised it: Flask, the limiter, or the check of a query or body."""
    status = error.code or 500
    lost = request.blueprint is None and not _for_programs()
    if request.blueprint in ("admin", "demo") or (lost and viewer()):
        return _staff_page(status)
    if status in (404, 405) and not _for_programs():
        return page("unknown", status)
    return answer(status, _said(error), **_named(error))


def _staff_page(status: int) -> tuple[str, int]:
    """A calm page for the company's own people: what is so, and what to do."""
    title, text = {
        400: (
            _("This page was open for too long"),
            _("Go back, load it again and send it once more; what you typed is still there."),
        ),
        403: (_("This page is not yours"), _("Your role does not include it. An administrator can change that.")),
        404: (
            _("There is nothing here"),
            _("It was never here, is archived or erased, or belongs to another department."),
        ),
        429: (_("Too many attempts"), _("Please wait a minute, then try again.")),
        405: (_("This address is for sending only"), _("Open the page itself, and send its form from there.")),
    }.get(status, (_("That did not work"), _("Go back and try once more.")))
    return render_template("admin/error.html", title=title, text=text), status


def _said(error: HTTPException) -> str:
    return str(getattr(error, "data", {}).get("message") or error.description or error.name)


def _named(error: HTTPException) -> dict[str, Any]:
    """The faults of a checked query or body, by field."""
    messages = getattr(error, "data", {}).get("messages")
    if not isinstance(messages, dict):
        return {}
    faults = {k: v for part in messages.values() if isinstance(part, dict) for k, v in part.items()}
    return {"errors": faults or messages}


def _unexpected(error: Exception) -> Any:
    log.error("request.failed", path=request.path, request=g.get("request_id"), exc_info=error)
    if _for_programs():
        return answer(500, "Something went wrong on our side; it has been written down.", request=g.get("request_id"))
    return (*page(_excuse(), 500, company=known_company()), OWN_STYLE)


def _excuse() -> str:
    """Whom it is said to: somebody who answers, or the company's own people. Neither page asks the database."""
    return "away" if request.blueprint == "admin" else "busy"
