"""Why someone was asked or not."""

from typing import Any

from flask import jsonify
from flask_smorest import Blueprint
from marshmallow import fields, validate

from app.api.contacts import one_contact
from app.api.pages import LimitQuery, paged
from app.auth import require
from app.queries.explanations import list_decisions
from app.queries.installation import company

blueprint = Blueprint("decisions", __name__, description="Why someone was asked or not")


class DecisionQuery(LimitQuery):
    """Filters of the list."""

    contact = fields.String(load_default=None)
    trigger = fields.String(load_default=None)
    outcome = fields.String(load_default=None, validate=validate.OneOf(("invited", "deferred", "skipped", "acted")))
    cursor = fields.String(load_default="", validate=validate.Regexp(r"^(\d{1,18}-\d{1,18})?$"))


@blueprint.get("/decisions")
@blueprint.doc(summary="Decisions with every gate, newest first")
@require("read")
@blueprint.arguments(DecisionQuery, location="query")
def get_decisions(query: dict[str, Any]) -> Any:
    contact_id = one_contact(query["contact"]) if query["contact"] else None
    rows = list_decisions(
        contact_id=contact_id,
        trigger=query["trigger"],
        outcome=query["outcome"],
        before=query["cursor"],
        limit=query["limit"] + 1,
        company_zone=company().zone,
    )
    told = paged(rows, query["limit"], lambda row: row.cursor)
    told["items"] = [row.as_json() for row in told["items"]]
    return jsonify(told)
