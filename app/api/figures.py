"""Figures, each with its n and its interval."""

from datetime import timedelta
from typing import Any

from flask import abort, jsonify
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields, validate

from app.auth import require
from app.clock import utcnow
from app.queries.overview import moments, today
from app.queries.pressure import MOST, Asked, effects, times_asked
from app.queries.rollups import DIMENSIONS, GROUPS, METRICS, TooManyDimensions, figures
from app.queries.segments import segment_definitions
from dashboards.readers import Days
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
    segment = fields.String()


class PressureQuery(Schema):
    """The company days whose messages are looked at, both included; and the segment whose customers are counted."""

    begin = fields.Date(load_default=None, data_key="from")
    end = fields.Date(load_default=None, data_key="to")
    segment = fields.String(load_default=None)


@blueprint.get("/metrics/pressure")
@blueprint.doc(summary="How often customers are asked, and what it does to response and unsubscribe rates")
@require("read")
@blueprint.arguments(PressureQuery, location="query", unknown=RAISE)
def get_pressure(query: dict[str, Any]) -> Any:
    segment, last = query["segment"], query["end"] or today()
    if segment is not None and segment not in segment_definitions():
        abort(404, "No segment has this slug.")
    first = query["begin"] or last - timedelta(days=364)
    if first > last:
        abort(422, "from comes after to.")
    asked = [
        {"days": a.days, "contacts": a.contacts, "times": times_as_json(a)} for a in times_asked(utcnow(), segment)
    ]
    found = [
        {
            "messages": group_name(e.messages),
            "n": e.n,
            "response_rate": _as_json(e.response),
            "unsubscribe_rate": _as_json(e.unsubscribe),
            "response_verdict": e.response_compared.verdict if e.response_compared else None,
            "unsubscribe_verdict": e.unsubscribe_compared.verdict if e.unsubscribe_compared else None,
        }
        for e in effects(*moments(Days(first, last)))
    ]
    return jsonify({"metric": "pressure", "segment": segment, "asked": asked, "effects": found})


def group_name(times: int) -> str:
    return f"{times}+" if times == MOST else str(times)


def times_as_json(asked: Asked) -> dict[str, int]:
    return {group_name(times): contacts for times, contacts in enumerate(asked.times)}


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
