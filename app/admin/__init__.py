"""The staff site: every page of it, behind a session and a right."""

from flask import Blueprint, Flask, Response, abort, request
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect

from app.actions.accounts import SESSION_LASTS
from app.admin import words

blueprint = Blueprint("admin", __name__)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)
csrf = CSRFProtect()


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """Staff pages run no script but ours, and stay in the browser they were sent to."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def register(app: Flask) -> None:
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        SESSION_COOKIE_NAME="otklik",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=app.config["BASE_URL"].startswith("https://"),
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=SESSION_LASTS,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form that was open over night is not lost
        WTF_CSRF_CHECK_DEFAULT=False,  # only the staff site has sessions to protect, see protect()
    )
    csrf.init_app(app)
    Bootstrap5(app)
    words.register(app)
    app.register_blueprint(blueprint)


@blueprint.before_request
def protect() -> None:
    """Every change carries the session's own token, and nothing that no text of ours can contain."""
    if any("\0" in value for values in request.form.listvalues() for value in values):
        abort(400)
    csrf.protect()


from app.admin import (  # noqa: E402 they add their pages to the blueprint
    answers,
    asking,
    audits,
    builder,
    builder_versions,
    crises,
    customers,
    digests,
    editing,
    first,
    gallery,
    home,
    overview,
    paper,
    people,
    policy,
    pressure,
    reference,
    rehearsals,
    results,
    segments,
    sending,
    session,
    sharing,
    sources,
    surveys,
    tasks,
    triggers,
)

__all__ = [
    "answers",
    "asking",
    "audits",
    "blueprint",
    "builder",
    "builder_versions",
    "crises",
    "customers",
    "digests",
    "editing",
    "first",
    "gallery",
    "home",
    "overview",
    "paper",
    "people",
    "policy",
    "pressure",
    "reference",
    "register",
    "rehearsals",
    "results",
    "segments",
    "sending",
    "session",
    "sharing",
    "sources",
    "surveys",
    "tasks",
    "triggers",
]
