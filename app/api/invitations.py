"""Who was promised what."""

from dataclasses import asdict
from typing import Any

from flask import jsonify
from flask_smorest import Blueprint
from marshmallow import fields, validate

from app.api.contacts import one_contact
from app.api.pages import PageQuery, paged
from app.auth import may, require
from app.links import survey_url
from app.queries.invitations import InvitationView, list_invitations

blueprint = Blueprint("invitations", __name__, description="Who was promised what")
STATES = ("planned", "open", "started", "completed", "expired", "cancelled")


class InvitationQuery(PageQuery):
    """Filters of the list."""

    contact = fields.String(load_default=None)
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))


@blueprint.get("/invitations")
@blueprint.doc(summary="Invitations; with the scope invitations:links each with its personal link")
@require("read")
@blueprint.arguments(InvitationQuery, location="query")
def get_invitations(query: dict[str, Any]) -> Any:
    contact_id = one_contact(query["contact"]) if query["contact"] else None
    rows = list_invitations(contact_id, query["state"], query["cursor"], query["limit"] + 1)
    told = paged(rows, query["limit"], lambda row: row.id)
    told["items"] = [_as_json(row) for row in told["items"]]
    return jsonify(told)


def _as_json(row: InvitationView) -> dict[str, Any]:
    shown = asdict(row)
    public_id = shown.pop("public_id")
    return shown | {"url": survey_url(public_id)} if may("invitations:links") else shown
