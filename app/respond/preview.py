"""A survey as customers will see it: the same pages, the same checks, and nothing is stored."""

from typing import Any

from flask import Blueprint, Response, abort, render_template, request

from app.clock import utcnow
from app.links import is_preview, preview_url
from app.queries.installation import company
from app.queries.invitations import Asked
from app.queries.surveys import find_version
from app.respond.forms import Submit, look_of, page_view, read_submit, readable_answers
from app.text.phrases import phrases
from surveys.branching import ending, visible_answers
from surveys.wording import fill, pick

blueprint = Blueprint("preview", __name__)
SOMEBODY = {"en": "Ada Byron", "ru": "Анна Снегина"}
"""Whom the preview speaks to."""


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """As the real pages, but the staff site may show it in a frame."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; "
        "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
    )
    return response


@blueprint.route("/p/<int:version_id>/<language>/<code>", methods=["GET", "POST"])
def show(version_id: int, language: str, code: str) -> Any:
    if not is_preview(version_id, language, code):
        abort(404)
    form = find_version(version_id)
    if form is None or language not in form.languages:
        abort(404)
    name = SOMEBODY.get(language, SOMEBODY["en"])
    known = {"type": "", "properties": {}, "contact": {"name": name, "first_name": name.split()[0], "attributes": {}}}
    asked = Asked(0, form, language, known, {}, "open")
    now = utcnow()
    if request.method == "GET":
        return _page(asked, Submit.resumed(asked, now, request.args), version_id)
    submit = read_submit(asked, request.form, now)
    if submit.faults:
        return _page(asked, submit, version_id), 422
    if submit.next_page is not None:
        submit.page, submit.given = submit.next_page, {}
        return _page(asked, submit, version_id)
    return _end(asked, submit, now)


def _page(asked: Asked, submit: Submit, version_id: int) -> str:
    """The answers so far travel in the form itself, because they are kept nowhere else."""
    said = phrases(asked.language)
    here = {name for q in asked.survey.pages[submit.page].questions for name in q.fields}
    sent = {k: request.form.getlist(k) for k in request.form if k not in ("page", "back") and k not in here}
    return render_template(
        "respond/survey.html",
        token="",
        action=preview_url(version_id, asked.language),
        carried=sent,
        banner=said["preview"],
        view=page_view(asked, submit, utcnow()),
        theme=look_of(asked.survey),
        t=said,
        company=company(),
    )


def _end(asked: Asked, submit: Submit, now: Any) -> str:
    said = phrases(asked.language)
    counted = visible_answers(asked.survey, submit.answers, asked.known, now)
    end = ending(asked.survey, counted, asked.known, now)
    told = {**asked.known, "answers": readable_answers(asked.survey.questions, counted, asked.language)}
    title = fill(pick(end.text, asked.language), told) if end else said["thanks"]
    link = end.redirect or end.link if end else None
    return render_template(
        "respond/note.html",
        title=title,
        text=said["preview"],
        t=said,
        link=link,
        link_text=pick(end.link_text, asked.language) if end and end.link_text else link,
        language=asked.language,
        theme=look_of(asked.survey),
        company=company(),
    )
