"""What was answered."""

from dataclasses import asdict
from datetime import UTC
from typing import Any

from flask import jsonify
from flask_smorest import Blueprint
from marshmallow import fields

from app.api.pages import PageQuery, paged
from app.auth import require
from app.queries.responses import list_responses

blueprint = Blueprint("responses", __name__, description="What was answered")


class ResponseQuery(PageQuery):
    """Filters of the list; the times bound the last change of a response."""

    survey = fields.String(load_default=None)
    begin = fields.AwareDateTime(load_default=None, data_key="from", format="iso", default_timezone=UTC)
    end = fields.AwareDateTime(load_default=None, data_key="to", format="iso", default_timezone=UTC)


@blueprint.get("/responses")
@blueprint.doc(summary="Responses with their answers and scores")
@require("read")
@blueprint.arguments(ResponseQuery, location="query")
def get_responses(query: dict[str, Any]) -> Any:
    rows = list_responses(query["survey"], query["begin"], query["end"], query["cursor"], query["limit"] + 1)
    told = paged(rows, query["limit"], lambda row: row.id)
    told["items"] = [asdict(row) for row in told["items"]]
    return jsonify(told)
