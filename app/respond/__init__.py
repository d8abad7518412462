"""The public pages: answering, and leaving. A GET shows; only a POST stores."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request

from app.actions.announcements import announce_call
from app.actions.deliveries import unsubscribe_contact
from app.actions.responses import Recorded
from app.clock import utcnow
from app.errors import page
from app.jobs import ring
from app.links import read_token
from app.queries.installation import company, stored_logo
from app.queries.invitations import Asked, find_asked, given_code, invitation_language
from app.queries.surveys import stored_picture
from app.respond.answering import closing_words, keep_answers, take_answer, take_unknown
from app.respond.forms import Submit, look_of, page_view, read_submit
from app.respond.live import live_page, open_script, policy
from app.text.phrases import phrases
from surveys.branching import ending
from surveys.questions import InvalidAnswer, read_phone
from surveys.wording import pick

blueprint = Blueprint("respond", __name__)
CLOSED = {
    "quota_full": ("full", 200),
    "completed": ("answered", 200),
    "expired": ("expired", 410),
    "cancelled": ("expired", 410),
}

KEEP = "keep"
"""In the address of a post: the answers so far, kept while they are given; nothing ends by it."""
PHONE_MAX = 40
SCRIPT = "Otklik-Script"
"""The header by which the page's own script is known."""


@blueprint.after_request
def _keep_private(response: Response) -> Response:
    """Personal pages: not cached, not framed, not indexed, and no word of their address to other sites."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault(
        "Content-Security-Policy",
        policy(),
    )
    return response


@dataclass(frozen=True)
class Way:
    """By which way somebody answers: where the pages are, and whether anybody may.

    ``again``: after how many seconds a tablet begins again, and where.
    """

    address: str
    open: bool = False
    again: tuple[int, str] | None = None


def find(token: str) -> Asked | None:
    """What a personal link leads to; None where we never made it."""
    public_id = read_token("s", token)
    return find_asked(public_id, utcnow()) if public_id else None


def closed(asked: Asked, state: str) -> Any:
    """Why there is nothing to answer; whoever was given a code finds it here again."""
    name, status = CLOSED.get(state, ("unknown", 404))
    code = given_code(asked.invitation_id) if state == "completed" else None
    return page(name, status, language=asked.language, code=code)


@blueprint.get("/s/<token>")
def show_survey(token: str) -> Any:
    asked = find(token)
    return page("unknown", 404) if asked is None else shown(asked, Way(f"/s/{token}"))


@blueprint.post("/s/<token>")
def submit_survey(token: str) -> Any:
    asked = find(token)
    return page("unknown", 404) if asked is None else submitted(asked, Way(f"/s/{token}"))


@blueprint.post("/s/<token>/call")
def leave_number(token: str) -> Any:
    asked = find(token)
    return page("unknown", 404) if asked is None else called(asked, Way(f"/s/{token}"))


def shown(asked: Asked, way: Way) -> Any:
    """The page to answer on now."""
    if not asked.answerable():
        return closed(asked, asked.state)
    return draw(asked, Submit.resumed(asked, utcnow(), request.args), way)


def submitted(asked: Asked, way: Way) -> Any:
    """Take what was posted, and lead on: to what is still to be answered, or to the ending."""
    if not asked.answerable():
        return closed(asked, asked.state)
    now = utcnow()
    if asked.survey.anonymous:
        return _submitted_unknown(asked, way, now)
    if KEEP in request.args:
        keep_answers(asked, request.form, now)
        return "", 204
    submit, recorded = take_answer(asked, request.form, now)
    if not recorded.stored:
        return closed(asked, recorded.state)
    if submit.faults:
        return draw(asked, submit, way), 422
    if submit.next_page is not None:
        return _lead(f"{way.address}?page={submit.next_page}")
    return _ended(asked, recorded, way, now)


def _submitted_unknown(asked: Asked, way: Way, now: datetime) -> Any:
    """The same of an anonymous survey: nothing is kept before its end, so the answers travel in the form itself."""
    if KEEP in request.args:
        return "", 204
    submit = read_submit(asked, request.form, now)
    if submit.faults:
        return draw(asked, submit, way, carried=_carried(asked, submit)), 422
    if submit.next_page is not None:
        submit.page, submit.given = submit.next_page, {}
        return draw(asked, submit, way, carried=_carried(asked, submit))
    recorded = take_unknown(asked, submit, now)
    return _ended(asked, recorded, way, now) if recorded.stored else closed(asked, recorded.state)


def _carried(asked: Asked, submit: Submit) -> dict[str, list[str]]:
    here = {name for question in asked.survey.pages[submit.page].questions for name in question.fields}
    names = {name for question in asked.survey.questions for name in question.fields} - here
    return {name: values for name in sorted(names) if (values := request.form.getlist(name))}


def _ended(asked: Asked, recorded: Recorded, way: Way, now: datetime) -> Any:
    end = ending(asked.survey, recorded.answers, asked.known, now)
    words = closing_words(asked, recorded, now)
    if end and end.redirect:
        return _lead_away(asked, words, end.redirect)
    link_text = pick(end.link_text, asked.language) if end and end.link_text else ""
    link, call = end.link if end else None, f"{way.address}/call" if end and end.call else None
    return _note(asked, words, code=recorded.code, link=link, link_text=link_text, call=call, again=way.again)


def called(asked: Asked, way: Way) -> Any:
    """Whoever has answered, and was asked whether they may be called, leaves a number; once is enough."""
    now = utcnow()
    end = ending(asked.survey, asked.answers, asked.known, now)
    if asked.state != "completed" or end is None or not end.call:
        return closed(asked, asked.state)
    said, typed = phrases(asked.language), request.form.get("phone", "").strip()
    try:
        phone = read_phone(typed)
    except InvalidAnswer as error:
        told = {"call": f"{way.address}/call", "phone": typed[:PHONE_MAX], "fault": said[f"fault.{error.code}"]}
        words = closing_words(asked, Recorded(asked.state, asked.answers, stored=True), now)
        return _note(asked, words, **told), 422
    announce_call(asked.invitation_id, phone, now)
    ring("resolve")
    return page("call", 200, language=asked.language, again=way.again)


def _note(asked: Asked, title: str, **more: Any) -> str:
    return render_template(
        "respond/note.html",
        title=title,
        text="",
        t=phrases(asked.language),
        language=asked.language,
        theme=look_of(asked.survey),
        company=company(),
        **more,
    )


def _lead(to: str) -> Any:
    """On to another page: our script is told of it, and goes there itself."""
    return jsonify({"to": to}) if request.headers.get(SCRIPT) else redirect(to, 303)


def _lead_away(asked: Asked, words: str, to: str) -> Any:
    """On to another site. A form may lead nowhere but here, so without our script a page of its own goes there."""
    if request.headers.get(SCRIPT):
        return _lead(to)
    return _note(asked, words, away=to, link=to, link_text=phrases(asked.language)["next"])


def draw(asked: Asked, submit: Submit, way: Way, *, keeps: bool = True, **more: Any) -> str:
    """A page of a survey; where nobody has begun yet there is nothing that ``keeps`` answers."""
    now = utcnow()
    view = page_view(asked, submit, now)
    return render_template(
        "respond/survey.html",
        action=way.address,
        again=way.again,
        open_script=open_script().text if way.open else None,
        view=view,
        live=live_page(asked, submit, view, now, way.address if keeps else None),
        anonymous=asked.survey.anonymous,
        sensitive=bool(asked.survey.sensitive),
        theme=look_of(asked.survey),
        t=phrases(asked.language),
        company=company(),
        **more,
    )


@blueprint.get("/u/<token>")
def show_unsubscribe(token: str) -> Any:
    public_id = read_token("u", token)
    language = invitation_language(public_id) if public_id else None
    if language is None:
        return page("unknown", 404)
    return page("unsubscribe", 200, language=language, form=token)


@blueprint.post("/u/<token>")
def unsubscribe(token: str) -> Any:
    """One click is enough (RFC 8058): mail programs post here without showing a page."""
    public_id = read_token("u", token)
    if public_id is None or not unsubscribe_contact(public_id, utcnow()):
        return page("unknown", 404)
    return page("unsubscribed", 200, language=invitation_language(public_id))


@blueprint.get("/logo/<tag>")
def show_logo(tag: str) -> Any:
    """The company's logo, at an address that changes when it does; whatever is in it is only ever a picture."""
    return _picture(stored_logo(tag))


@blueprint.get("/i/<name>")
def show_picture(name: str) -> Any:
    """A picture that answers are chosen by."""
    return _picture(stored_picture(name))


def _picture(found: tuple[bytes, str] | None) -> Response:
    if found is None:
        abort(404)
    content, kind = found
    response = Response(content, mimetype=kind)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
