"""A survey as customers will see it: the same pages, the same checks, and nothing is stored."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, render_template, request

from app.channels.email import compose
from app.clock import utcnow
from app.links import draft_url, is_draft, is_preview, may_be_seen_as, preview_url
from app.queries.drafts import customer_facts, find_written
from app.queries.installation import company
from app.queries.invitations import Asked
from app.queries.surveys import find_version
from app.respond.forms import Submit, look_of, page_view, read_submit, readable_answers
from app.respond.live import live_page, policy
from app.text.drafted import message_to_look_at
from app.text.phrases import phrases
from surveys.branching import ending, visible_answers
from surveys.conditions import ALWAYS
from surveys.drafts import showable
from surveys.survey import AUDIENCES, Ending, Survey
from surveys.wording import fill, pick

blueprint = Blueprint("preview", __name__)
SOMEBODY = {"en": "Ada Byron", "ru": "Анна Снегина"}
"""Whom the preview speaks to."""


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """As the real pages, but the staff site may show it in a frame."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers.setdefault("Content-Security-Policy", policy("'self'"))
    return response


@blueprint.route("/p/<int:version_id>/<language>/<code>", methods=["GET", "POST"])
def show(version_id: int, language: str, code: str) -> Any:
    if not is_preview(version_id, language, code):
        abort(404)
    form = find_version(version_id)
    if form is None or language not in form.languages:
        abort(404)
    return answered(Asked(0, form, language, _somebody(language), {}, "open"), preview_url(version_id, language))


def _somebody(language: str) -> Mapping[str, Any]:
    name = SOMEBODY.get(language, SOMEBODY["en"])
    return {"type": "", "properties": {}, "contact": {"name": name, "first_name": name.split()[0], "attributes": {}}}


@blueprint.route("/p/draft/<slug>/<code>/<language>", methods=["GET", "POST"])
def show_draft(slug: str, code: str, language: str) -> Any:
    """A survey that is still written: the page or the ending that the address names, whatever leads there."""
    asked = draft_asked(slug, code, language)
    if asked is None:
        abort(404)
    form, number = asked.survey, request.values.get("page", 0, type=int)
    form = _opened(form, min(max(number, 0), len(form.pages) - 1), whole=request.method == "GET")
    asked = replace(asked, survey=form)
    chosen = request.args.get("ending", type=int)
    if chosen is not None and 0 <= chosen < len(form.endings):
        asked = replace(asked, survey=replace(form, endings=(replace(form.endings[chosen], condition=ALWAYS),)))
        return _end(asked, Submit(0, {}), utcnow())
    return answered(asked, _again(slug, language))


def draft_asked(slug: str, code: str, language: str) -> Asked | None:
    """A draft as somebody would be asked it; None where the link is none of ours."""
    written = find_written(slug) if is_draft(slug, code) else None
    if written is None:
        return None
    said = phrases(language)
    form = showable(written.body, said["draft.unready"], said["draft.empty"])
    return Asked(0, form, language, _seen_as(slug) or _somebody(language), {}, "open")


def _seen_as(slug: str) -> Mapping[str, Any] | None:
    """What is known of the customer that the address names, where it proves that somebody may see them."""
    reference, proof = request.args.get("as", ""), request.args.get("proof", "")
    if not reference or not may_be_seen_as(slug, reference, proof, utcnow().date()):
        return None
    return customer_facts(reference)


def _again(slug: str, language: str) -> str:
    """The address of the draft, seen as it is seen now."""
    kept = {name: request.args[name] for name in ("as", "proof") if name in request.args}
    return draft_url(slug, language) + (f"?{urlencode(kept)}" if kept else "")


@blueprint.get("/p/draft/<slug>/<code>/<language>/mail")
def show_mail(slug: str, code: str, language: str) -> Any:
    """The mail that hands it over, as mail programs get it."""
    asked = draft_asked(slug, code, language)
    if asked is None:
        abort(404)
    us = company()
    url, facts = draft_url(slug, language, outside=True), {**asked.known, "company": us.name}
    to = "somebody@example.com"
    message = message_to_look_at(asked.survey, language, facts, to=to, url=url, button=us.buttons["light"])
    mail = compose(message, us.mail_from)
    html = mail.get_body(("html",))
    return render_template(
        "respond/mail.html",
        lang=language,
        m=message,
        sender=str(mail["From"]),
        html=html.get_content() if html else "",
        company=us,
    )


def _opened(form: Survey, number: int, *, whole: bool) -> Survey:
    """The survey with nothing that keeps one from that page; ``whole`` shows all there is on it."""
    pages = list(form.pages)
    pages[0] = replace(pages[0], show_if=ALWAYS, audience=AUDIENCES[0])  # else there might be none to show
    for before in range(number):
        questions = tuple(replace(question, required=False) for question in pages[before].questions)
        pages[before] = replace(pages[before], questions=questions, jumps=())
    if whole:
        questions = tuple(replace(question, show_if=ALWAYS) for question in pages[number].questions)
        pages[number] = replace(pages[number], questions=questions, show_if=ALWAYS, audience=AUDIENCES[0])
    return replace(form, pages=tuple(pages))


def answered(asked: Asked, action: str) -> Any:
    """What a survey shows next: it checks and branches as the real one, and stores nothing."""
    now = utcnow()
    if request.method == "GET":
        return _page(asked, Submit.resumed(asked, now, request.args), action)
    submit = read_submit(asked, request.form, now)
    if submit.faults:
        return _page(asked, submit, action), 422
    if submit.next_page is not None:
        submit.page, submit.given = submit.next_page, {}
        return _page(asked, submit, action)
    return _end(asked, submit, now)


def _page(asked: Asked, submit: Submit, action: str) -> str:
    """The answers so far travel in the form itself, because they are kept nowhere else."""
    said = phrases(asked.language)
    here = {name for q in asked.survey.pages[submit.page].questions for name in q.fields}
    sent = {k: request.form.getlist(k) for k in request.form if k not in ("page", "back") and k not in here}
    now = utcnow()
    view = page_view(asked, submit, now)
    return render_template(
        "respond/survey.html",
        action=action,
        carried=sent,
        banner=said["looking"],
        view=view,
        live=live_page(asked, submit, view, now, None),
        anonymous=asked.survey.anonymous,
        sensitive=bool(asked.survey.sensitive),
        theme=look_of(asked.survey),
        t=said,
        company=company(),
    )


def last_words(asked: Asked, submit: Submit, now: Any) -> tuple[str, Ending | None]:
    """What is said at the end, and the ending that says it."""
    counted = visible_answers(asked.survey, submit.answers, asked.known, now)
    end = ending(asked.survey, counted, asked.known, now)
    told = {**asked.known, "answers": readable_answers(asked.survey.questions, counted, asked.language)}
    return fill(pick(end.text, asked.language), told) if end else phrases(asked.language)["thanks"], end


def _end(asked: Asked, submit: Submit, now: Any) -> str:
    said = phrases(asked.language)
    title, end = last_words(asked, submit, now)
    link = end.redirect or end.link if end else None
    return render_template(
        "respond/note.html",
        title=title,
        text=said["looking"],
        t=said,
        link=link,
        link_text=pick(end.link_text, asked.language) if end and end.link_text else link,
        language=asked.language,
        theme=look_of(asked.survey),
        company=company(),
    )
