"""The API under /api/v1: parse, act, ring, answer."""

from flask_smorest import Api

from app.api import contacts, decisions, events, figures, invitations, responses, tasks


def register(api: Api) -> None:
    for part in (events, contacts, decisions, invitations, responses, tasks, figures):
        api.register_blueprint(part.blueprint, url_prefix="/api/v1")
