"""The API under /api/v1: parse, act, ring, answer."""

from typing import Any

from flask import Flask
from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from app.api import (
    contacts,
    decisions,
    definitions,
    events,
    figures,
    invitations,
    lists,
    responses,
    simulations,
    tasks,
)
from app.errors import http_error


class _Api(Api):
    """The OpenAPI description and checks; errors are answered where all errors are."""

    def handle_http_exception(self, error: HTTPException) -> Any:
        return http_error(error)


def register(app: Flask) -> None:
    api = _Api(app)
    parts = (events, contacts, lists, decisions, invitations, responses, tasks, figures, definitions, simulations)
    for part in parts:
        api.register_blueprint(part.blueprint, url_prefix="/api/v1")
