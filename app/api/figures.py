"""Figures, each with its n and its interval."""

from typing import Any

from flask import abort, jsonify
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields, validate

from app.auth import require
from app.queries.rollups import DIMENSIONS, GROUPS, METRICS, TooManyDimensions, figures
from surveys.statistics import Figure

blueprint = Blueprint("figures", __name__, description="Figures with their certainty")


class FigureQuery(Schema):
    """The company days to look at, both included, what to group by, and the one survey, trigger … to look at."""

    begin = fields.Date(load_default=None, data_key="from")
    end = fields.Date(load_default=None, data_key="to")
    group = fields.String(load_default=None, validate=validate.OneOf(sorted([*GROUPS, *DIMENSIONS])))
    survey = fields.String()
    trigger = fields.String()
    touchpoint = fields.String()
    channel = fields.String()
    place = fields.String()
    employee = fields.String()
    product = fields.String()
    topic = fields.String()


@blueprint.get("/metrics/<metric>")
@blueprint.doc(summary="NPS, CSAT (% of 4 and 5), CES (mean) or response rate (%), with n and 95 % interval")
@require("read")
@blueprint.arguments(FigureQuery, location="query", unknown=RAISE)
def get_metric(query: dict[str, Any], metric: str) -> Any:
    if metric not in METRICS:
        abort(404, f"Known metrics are {', '.join(METRICS)}.")
    begin, end, group = (query.pop(name) for name in ("begin", "end", "group"))
    try:
        found = figures(metric, begin, end, group, only=query)
    except TooManyDimensions as error:
        abort(422, str(error))
    if not group:
        return jsonify({"metric": metric, **_as_json(found[0].figure)})
    items = [{"group": row.group, **_as_json(row.figure)} for row in found]
    return jsonify({"metric": metric, "items": items, "next": None})


def _as_json(figure: Figure) -> dict[str, Any]:
    return {
        "value": _rounded(figure.value),
        "n": figure.n,
        "low": _rounded(figure.low),
        "high": _rounded(figure.high),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
