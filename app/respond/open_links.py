"""Answering by an open link: anybody may begin, a page begins one answer, and a machine has to work for each."""

from hashlib import sha256
from typing import Any

import structlog
from flask import Blueprint, Response, g, request

from app.actions.links import UnknownLink, begin_answer
from app.clock import utcnow
from app.errors import page
from app.extensions import RateExceeded, check_rate
from app.links import is_ticket, new_ticket, survey_token
from app.queries.invitations import Asked, find_asked
from app.queries.links import FoundLink, find_link
from app.queries.surveys import survey_version
from app.respond import Way, called, draw, find, shown, submitted
from app.respond.forms import Submit
from app.respond.live import open_script, policy
from app.text.phrases import phrases
from surveys.wording import best_language

blueprint = Blueprint("open_links", __name__)
log = structlog.get_logger()
ZEROS = 13
"""Leading zero bits of the hash that proves the work: eight thousand tries on average, part of a second."""
DIGITS_MAX = 12
TRAP = "website"
"""A field that nobody sees: only machines fill it in."""


@blueprint.after_request
def _keep_private(response: Response) -> Response:
    """As personal pages; those pages may frame it that the link names."""
    ancestors = " ".join(g.pop("origins", ())) or "'none'"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = policy(ancestors, open_script())
    return response


def _link(public_id: str) -> FoundLink | None:
    link = find_link(public_id)
    g.origins = link.origins if link else ()
    return link


@blueprint.get("/o/<public_id>")
def show_link(public_id: str) -> Any:
    link = _link(public_id)
    if link is None:
        return page("expired", 410)
    asked = _nobody(link)
    return _first_page(link, asked, Submit.resumed(asked, utcnow(), request.args))


def _once_more(link: FoundLink, asked: Asked, phrase: str) -> str:
    """The first page again, with what was typed and why it was not taken."""
    return _first_page(
        link, asked, Submit.resumed(asked, utcnow(), request.form), banner=phrases(asked.language)[phrase]
    )


@blueprint.post("/o/<public_id>")
def begin(public_id: str) -> Any:
    """Begin an answer with the first page; from there on it has an address of its own."""
    link, now = _link(public_id), utcnow()
    if link is None:
        return page("expired", 410)
    asked, ticket = _nobody(link), request.form.get("ticket", "")
    if request.form.get(TRAP):
        log.info("links.trapped", link=link.id)
        return page("answered", 200, language=asked.language)
    if not is_ticket(public_id, ticket, now):
        return _once_more(link, asked, "open.stale"), 409
    try:
        _count(ticket, request.form.get("proof", ""))
        begun = begin_answer(link.id, ticket, asked.language, now)
    except RateExceeded:
        return _once_more(link, asked, "open.busy"), 429
    except UnknownLink:
        return page("expired", 410, language=asked.language)
    started = find_asked(begun, now)
    assert started is not None  # it was stored this moment
    return submitted(started, _way(link, f"/{survey_token(begun)}"))


@blueprint.get("/o/<public_id>/<token>")
def show_begun(public_id: str, token: str) -> Any:
    return _go_on(public_id, token, shown)


@blueprint.post("/o/<public_id>/<token>")
def submit_begun(public_id: str, token: str) -> Any:
    return _go_on(public_id, token, submitted)


@blueprint.post("/o/<public_id>/<token>/call")
def leave_number(public_id: str, token: str) -> Any:
    return _go_on(public_id, token, called)


def _go_on(public_id: str, token: str, then: Any) -> Any:
    """Whoever has begun comes to the end, also where the link was closed meanwhile."""
    link, asked = _link(public_id), find(token)
    if asked is None:
        return page("unknown", 404)
    return then(asked, _way(link, f"/{token}") if link else Way(f"/s/{token}"))


def _way(link: FoundLink, rest: str) -> Way:
    start = f"/o/{link.public_id}"
    return Way(f"{start}{rest}", open=True, again=(link.restarts_after, start) if link.restarts_after else None)


def _nobody(link: FoundLink) -> Asked:
    """The survey, as asked of somebody of whom nothing is known but the language of their browser."""
    form = survey_version(link.version_id)
    wanted = (request.args.get("language"), *(tag for tag, _ in request.accept_languages))
    language = best_language(wanted, form.languages)
    return Asked(0, form, language, {"type": "", "properties": {}, "contact": {}}, {}, "open")


def _first_page(link: FoundLink, asked: Asked, submit: Submit, **more: Any) -> str:
    ticket = new_ticket(link.public_id, utcnow())
    way = _way(link, f"?language={asked.language}")
    return draw(asked, submit, way, keeps=False, ticket=ticket, zeros=ZEROS, trap=TRAP, **more)


def _count(ticket: str, number: str) -> None:
    """Count an answer of this address; where no work was proved, far fewer are taken."""
    proved = len(number) <= DIGITS_MAX and number.isascii() and number.isdecimal() and _proves(ticket, number)
    check_rate("proved" if proved else "unproved", str(request.remote_addr))


def _proves(ticket: str, number: str) -> bool:
    hashed = sha256(f"{ticket}:{number}".encode()).digest()
    return int.from_bytes(hashed[:4]) >> (32 - ZEROS) == 0
