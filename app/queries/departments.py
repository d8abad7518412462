"""Departments in force."""

from typing import Any

from sqlalchemy import select

from app.extensions import db
from app.models.departments import Department
from surveys.definition import read
from surveys.lifecycle import Department as Team
from surveys.lifecycle import read_department


def department_definitions() -> dict[str, dict[str, Any]]:
    rows = db.session.execute(
        select(Department.slug, Department.body).where(Department.archived_at.is_(None)).order_by(Department.slug)
    )
    return {slug: body for slug, body in rows}


def departments() -> dict[str, tuple[int, Team]]:
    """By slug: the id and the department, archived ones too: their tasks live on."""
    rows = db.session.execute(select(Department.id, Department.slug, Department.body))
    return {slug: (department_id, read(body, read_department)) for department_id, slug, body in rows}
