"""The survey as a popup draws it: one page at a time, as values; the look and the words around it are the widget's."""

from dataclasses import asdict
from typing import Any

from app.actions.responses import Recorded
from app.clock import utcnow
from app.links import survey_url
from app.queries.installation import company
from app.queries.invitations import Asked, find_asked
from app.respond.answering import closing_words
from app.respond.forms import Submit, page_view
from app.text.phrases import phrases

CLOSED = {"quota_full": "full", "completed": "answered", "expired": "expired", "cancelled": "expired"}
WORDS = ("open", "optional", "several", "in_words", "faults", "page", "not_stored", "close", "popup.retry", "code")


def first_page(public_id: str) -> dict[str, Any] | None:
    """A popup to show: the link it stands for, the words around it, and the first page."""
    now = utcnow()
    asked = find_asked(public_id, now)
    if asked is None or (asked.survey.anonymous and len(asked.survey.pages) > 1):
        return None  # between pages an anonymous survey is kept nowhere, and a popup sends one page at a time
    said, url = phrases(asked.language), survey_url(public_id)
    words = {name: said[name] for name in WORDS}
    if asked.survey.anonymous:
        words["not_stored"] = said["anonymous"]
    if asked.survey.sensitive:
        words["not_stored"] = f"{words['not_stored']} {said['sensitive']}"
    return {
        "token": url.rsplit("/", 1)[1],
        "url": url,
        "language": asked.language,
        "buttons": {theme: asdict(button) for theme, button in company().buttons.items()},
        "words": words,
        "page": asdict(page_view(asked, Submit(0, dict(asked.answers)), now)),
    }


def page_after(asked: Asked, submit: Submit) -> dict[str, Any]:
    """The page a submit leads to: the next one, or the same with its faults."""
    shown = submit if submit.next_page is None else Submit(submit.next_page, submit.answers)
    return {"page": asdict(page_view(asked, shown, utcnow()))}


def thanks(asked: Asked, recorded: Recorded) -> dict[str, Any]:
    return {"done": closing_words(asked, recorded, utcnow()), "code": recorded.code}


def closed(state: str, language: str | None) -> dict[str, Any]:
    """Why there is nothing to answer."""
    said, name = phrases(language), CLOSED.get(state, "unknown")
    text = said[f"{name}.text"].format(company=company().name)
    return {"done": f"{said[f'{name}.title']}. {text}", "code": None}
