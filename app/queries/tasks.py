"""Follow-up tasks as people see them: titles filled in on read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.extensions import db
from app.models.departments import Department
from app.models.events import Event
from app.models.tasks import Task, TaskComment
from app.models.triggers import Trigger
from app.queries.contacts import references
from app.queries.events import facts_of_events
from app.queries.triggers import trigger_version
from surveys.triggers import Task as TaskAction
from surveys.wording import fill


@dataclass(frozen=True)
class Comment:
    author: str
    text: str
    at: datetime


@dataclass(frozen=True)
class TaskView:
    """A task as the API shows it."""

    id: int
    title: str
    department: str
    status: str
    priority: str
    owner: str | None
    contact: str | None
    trigger: str
    due_at: datetime | None
    created_at: datetime
    resolved_at: datetime | None
    outcome: str | None
    cause: str | None
    comments: Sequence[Comment]


def list_tasks(
    *,
    department: str | None = None,
    status: str | None = None,
    only: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[TaskView]:
    """Tasks by id, each with its title filled in from its event and contact."""
    query = (
        select(Task, Department.slug, Trigger.slug)
        .join(Department, Department.id == Task.department_id)
        .join(Trigger, Trigger.id == Task.trigger_id)
        .where(Task.id > after)
        .order_by(Task.id)
        .limit(limit)
    )
    if department:
        query = query.where(Department.slug == department)
    if status:
        query = query.where(Task.status == status)
    if only is not None:
        query = query.where(Task.id == only)
    rows = db.session.execute(query).all()
    facts = facts_of_events({task.event_id for task, _, _ in rows})
    known = references({task.contact_id for task, _, _ in rows if task.contact_id})
    comments = comments_of([task.id for task, _, _ in rows])
    return [
        TaskView(
            id=task.id,
            title=_title(task, facts[task.event_id]),
            department=slug,
            status=task.status,
            priority=task.priority,
            owner=task.owner,
            contact=known.get(task.contact_id or 0),
            trigger=trigger,
            due_at=task.due_at,
            created_at=task.created_at,
            resolved_at=task.resolved_at,
            outcome=task.outcome,
            cause=task.cause,
            comments=comments.get(task.id, []),
        )
        for task, slug, trigger in rows
    ]


def _title(task: Task, facts: Mapping[str, object]) -> str:
    action = trigger_version(task.trigger_id, task.trigger_version).actions[task.action]
    assert isinstance(action, TaskAction)
    return fill(action.title, facts)


def comments_of(task_ids: Collection[int]) -> dict[int, list[Comment]]:
    """What was written under tasks, the oldest first."""
    found: dict[int, list[Comment]] = {}
    rows = db.session.scalars(select(TaskComment).where(TaskComment.task_id.in_(task_ids)).order_by(TaskComment.id))
    for row in rows:
        found.setdefault(row.task_id, []).append(Comment(row.author, row.text, row.at))
    return found


def task_origins(task_ids: Collection[int]) -> dict[int, tuple[str, Event]]:
    """The department and the event that led to each task."""
    rows = db.session.execute(
        select(Task.id, Department.slug, Event)
        .join(Department, Department.id == Task.department_id)
        .join(Event, Event.id == Task.event_id)
        .where(Task.id.in_(task_ids))
    )
    return {task_id: (slug, event) for task_id, slug, event in rows}
