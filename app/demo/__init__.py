"""The pages of the demo company: one customer to follow, the shop on her phone, and every mail that was caught."""

from flask import Blueprint, Flask, Response, request

from app.admin import keep_private, protect
from app.demo.people import ANNA

blueprint = Blueprint("demo", __name__, url_prefix="/demo")
ANSWER_PAGES = "respond"
blueprint.before_request(protect)
blueprint.after_request(keep_private)


def register(app: Flask) -> None:
    """Only where the settings say that this is the demo."""
    app.register_blueprint(blueprint)
    name = ANNA[app.config["LANGUAGE"]].name
    app.context_processor(lambda: {"anna": name, "company_name": app.config["COMPANY_NAME"]})
    app.after_request(_show_in_phone)


def _show_in_phone(response: Response) -> Response:
    """Her answer page stands in the frame of her phone; everywhere else it lets nobody frame it."""
    if request.blueprint == ANSWER_PAGES:
        policy = response.headers.get("Content-Security-Policy", "")
        response.headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    return response


from app.demo import mailbox, phone, walk  # noqa: E402 they add their pages to the blueprint

__all__ = ["blueprint", "mailbox", "phone", "register", "walk"]
