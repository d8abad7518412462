"""Follow-up tasks: listed and worked."""

from dataclasses import asdict
from typing import Any

from flask import abort, g, jsonify
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.actions.tasks import work_task
from app.api.pages import ID_MAX, PageQuery, paged
from app.auth import require
from app.clock import utcnow
from app.inbound.bodies import fault_of
from app.jobs import ring
from app.queries.tasks import list_tasks
from surveys.lifecycle import OUTCOMES, TASK_STATUSES
from surveys.triggers import PRIORITIES

blueprint = Blueprint("tasks", __name__, description="Follow-up tasks")


def _text(longest: int) -> validate.And:
    return validate.And(validate.Length(1, longest), _check_characters)


def _check_characters(value: str) -> None:
    if fault := fault_of(value):
        raise ValidationError(fault)


class TaskQuery(PageQuery):
    """Filters of the list."""

    department = fields.String(load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(TASK_STATUSES))


class TaskChange(Schema):
    """What may be changed of a task; a comment may come along, or alone."""

    class Meta:
        unknown = RAISE

    status = fields.String(validate=validate.OneOf(TASK_STATUSES))
    priority = fields.String(validate=validate.OneOf(PRIORITIES))
    owner = fields.String(validate=_text(200), allow_none=True)
    outcome = fields.String(validate=validate.OneOf(OUTCOMES), allow_none=True)
    cause = fields.String(validate=_text(200), allow_none=True)
    comment = fields.String(validate=_text(5000))


@blueprint.get("/tasks")
@blueprint.doc(summary="Follow-up tasks")
@require("read")
@blueprint.arguments(TaskQuery, location="query")
def get_tasks(query: dict[str, Any]) -> Any:
    rows = list_tasks(
        department=query["department"], status=query["status"], after=query["cursor"], limit=query["limit"] + 1
    )
    told = paged(rows, query["limit"], lambda row: row.id)
    told["items"] = [asdict(row) for row in told["items"]]
    return jsonify(told)


@blueprint.get("/tasks/<int:task_id>")
@blueprint.doc(summary="One task")
@require("read")
def get_task(task_id: int) -> Any:
    return _one(task_id)


@blueprint.patch("/tasks/<int:task_id>")
@blueprint.doc(summary="Work a task: status, owner, priority, outcome, cause, comment")
@require("tasks:write")
@blueprint.arguments(TaskChange)
def patch_task(change: dict[str, Any], task_id: int) -> Any:
    _check_id(task_id)
    comment = change.pop("comment", None)
    work_task(task_id, change, comment, g.key.name, utcnow())
    if change.get("status") == "resolved":
        ring("announce")
    return _one(task_id)


def _check_id(task_id: int) -> None:
    if task_id > ID_MAX:
        abort(404, "No task has this id.")


def _one(task_id: int) -> Any:
    _check_id(task_id)
    found = list_tasks(only=task_id)
    return jsonify(asdict(found[0])) if found else abort(404, "No task has this id.")
