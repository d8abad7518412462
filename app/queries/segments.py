"""Segments in force."""

from typing import Any

import orjson
from sqlalchemy import select

from app.extensions import db, remembered
from app.models.segments import Segment
from surveys.conditions import Condition
from surveys.definition import read
from surveys.segments import read_segment


def segment_definitions() -> dict[str, dict[str, Any]]:
    rows = db.session.execute(
        select(Segment.slug, Segment.body).where(Segment.archived_at.is_(None)).order_by(Segment.slug)
    )
    return {slug: body for slug, body in rows}


def segment_conditions() -> dict[str, Condition]:
    """Every segment's condition by slug."""
    return {slug: _condition(orjson.dumps(body)) for slug, body in segment_definitions().items()}


@remembered
def _condition(body: bytes) -> Condition:
    return read(orjson.loads(body), read_segment).condition
