"""Departments in force."""

from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.accounts import User
from app.models.departments import Department
from app.models.tasks import Task
from surveys.definition import read
from surveys.lifecycle import TASK_CLOSED, read_department
from surveys.lifecycle import Department as Team


def department_definitions() -> dict[str, dict[str, Any]]:
    rows = db.session.execute(
        select(Department.slug, Department.body).where(Department.archived_at.is_(None)).order_by(Department.slug)
    )
    return {slug: body for slug, body in rows}


def departments() -> dict[str, tuple[int, Team]]:
    """By slug: the id and the department, archived ones too: their tasks live on."""
    rows = db.session.execute(select(Department.id, Department.slug, Department.body))
    return {slug: (department_id, read(body, read_department)) for department_id, slug, body in rows}


def open_tasks_by_person() -> dict[int, dict[str, int]]:
    """By department and the address of each of its people who may sign in: how many open tasks they have."""
    rows = db.session.execute(
        select(Department.id, User.email, func.count(Task.id))
        .join(Department, Department.id == User.department_id)
        .outerjoin(Task, (Task.owner == User.email) & Task.status.not_in(TASK_CLOSED))
        .where(User.disabled_at.is_(None))
        .group_by(Department.id, User.email)
    )
    found: dict[int, dict[str, int]] = {}
    for department_id, email, tasks in rows:
        found.setdefault(department_id, {})[email] = tasks
    return found
