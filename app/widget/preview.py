"""The popup of a survey that is still written: the widget's own script, on a page that keeps nothing."""

from dataclasses import asdict
from typing import Any

from flask import abort, jsonify, make_response, render_template, request

from app.clock import utcnow
from app.links import draft_url
from app.queries.installation import company
from app.respond.forms import Submit, page_view, read_submit
from app.respond.preview import blueprint, draft_asked, last_words
from app.text.phrases import phrases
from app.widget.popups import WORDS

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)


@blueprint.route("/p/draft/<slug>/<code>/<language>/popup", methods=["GET", "POST"])
def show_popup(slug: str, code: str, language: str) -> Any:
    asked = draft_asked(slug, code, language)
    if asked is None:
        abort(404)
    now, said = utcnow(), phrases(language)
    if request.method == "POST":
        submit = read_submit(asked, request.form, now)
        if submit.next_page is None and not submit.faults:
            return jsonify({"done": last_words(asked, submit, now)[0], "code": None})
        shown = submit if submit.next_page is None else Submit(submit.next_page, submit.answers)
        return jsonify({"page": asdict(page_view(asked, shown, now))})
    popup = {
        "token": "preview",
        "url": draft_url(slug, language),
        "language": language,
        "buttons": {theme: asdict(button) for theme, button in company().buttons.items()},
        "words": {name: said[name] for name in WORDS},
        "page": asdict(page_view(asked, Submit(0, {}), now)),
    }
    response = make_response(
        render_template("respond/popup.html", popup=popup, lang=language, t=said, company=company())
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response
