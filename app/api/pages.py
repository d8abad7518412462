"""Lists come in pages: ``limit`` rows, and a cursor to the next ones."""

from collections.abc import Sequence
from typing import Any, TypeVar

from marshmallow import EXCLUDE, Schema, fields, validate

Row = TypeVar("Row")
LIMIT_MAX = 500
ID_MAX = 2**63 - 1


class LimitQuery(Schema):
    """How many rows."""

    class Meta:
        unknown = EXCLUDE

    limit = fields.Integer(load_default=100, validate=validate.Range(1, LIMIT_MAX))


class PageQuery(LimitQuery):
    """How many rows, after which."""

    cursor = fields.Integer(load_default=0, validate=validate.Range(0, ID_MAX))


def paged(rows: Sequence[Row], limit: int, last: Any) -> dict[str, Any]:
    """The answer for ``rows``, of which one more than ``limit`` was asked for."""
    shown = rows[:limit]
    return {"items": shown, "next": str(last(shown[-1])) if len(rows) > limit else None}
