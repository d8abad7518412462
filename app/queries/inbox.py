"""The task inbox: what waits, for whom, in the customer's own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from app.extensions import db
from app.models.departments import Department
from app.models.events import Event
from app.models.tasks import Task
from app.models.triggers import Trigger
from app.queries.contacts import public_ids
from app.queries.events import facts_of_events
from app.queries.sealed import Sealed, is_withheld, sealed_behind
from app.queries.tasks import Comment, comments_of
from app.queries.triggers import trigger_version
from surveys.lifecycle import TASK_CLOSED
from surveys.triggers import Task as TaskAction
from surveys.wording import fill

ANSWERED = "survey.answered"
URGENCY = {"high": 0, "normal": 1, "low": 2}


@dataclass(frozen=True)
class InboxTask:
    """A task as its department reads it: ``words`` are the customer's own, ``score`` the metric and what they gave."""

    id: int
    title: str
    department: str
    department_name: str
    status: str
    priority: str
    owner: str | None
    contact_id: int | None
    contact: str | None
    name: str | None
    phone: str | None
    email: str | None
    touchpoint: str | None
    trigger: str
    event_type: str
    words: str
    score: tuple[str, float] | None
    answers: Mapping[str, Any]
    survey: str | None
    sealed: Sealed | None
    """The answer it is about, where that is not told here."""
    due_at: datetime | None
    created_at: datetime
    resolved_at: datetime | None
    outcome: str | None
    cause: str | None
    comments: Sequence[Comment]


def _filtered(department: str | None, owner: str | None) -> Select[Any]:
    query = (
        select(Task, Department.slug, Department.body, Trigger.slug)
        .join(Department, Department.id == Task.department_id)
        .join(Trigger, Trigger.id == Task.trigger_id)
    )
    if department is not None:
        query = query.where(Department.slug == department)
    if owner is not None:
        query = query.where(Task.owner == owner)
    return query


def _is_open() -> ColumnElement[bool]:
    return Task.status.not_in(TASK_CLOSED)


def open_tasks_by_due(*, department: str | None, owner: str | None, limit: int) -> list[InboxTask]:
    """Open tasks, the first due on top; of one department or owner when named."""
    order = (Task.due_at.is_(None), Task.due_at, Task.id)
    return _views(_filtered(department, owner).where(_is_open()).order_by(*order).limit(limit))


def closed_tasks(*, department: str | None, owner: str | None, limit: int) -> list[InboxTask]:
    """Closed tasks, the last one first."""
    return _views(_filtered(department, owner).where(~_is_open()).order_by(Task.id.desc()).limit(limit))


def find_task(task_id: int, department: str | None = None) -> InboxTask | None:
    """One task; None also when it is of another department than the one named."""
    found = _views(_filtered(department, None).where(Task.id == task_id))
    return found[0] if found else None


def tasks_of(contact_id: int, department: str | None = None) -> list[InboxTask]:
    """A customer's tasks, the newest first."""
    return _views(_filtered(department, None).where(Task.contact_id == contact_id).order_by(Task.id.desc()).limit(50))


def most_urgent(department: str | None) -> int | None:
    """The open task without an owner that is to be taken next."""
    query = (
        select(Task.id)
        .join(Department, Department.id == Task.department_id)
        .where(_is_open(), Task.owner.is_(None))
        .order_by(Task.due_at.is_(None), Task.due_at, case(URGENCY, value=Task.priority, else_=1), Task.id)
        .limit(1)
    )
    if department is not None:
        query = query.where(Department.slug == department)
    return db.session.scalar(query)


@dataclass(frozen=True)
class InboxCounts:
    """How many open tasks there are, and what became of those of the last seven days."""

    open: int
    overdue: int
    due_today: int
    solved: int
    in_time: int


def inbox_counts(*, department: str | None, owner: str | None, now: datetime, end_of_day: datetime) -> InboxCounts:
    def counted(*conditions: ColumnElement[bool]) -> Any:
        whole = conditions[0]
        for condition in conditions[1:]:
            whole &= condition
        return func.coalesce(func.sum(case((whole, 1), else_=0)), 0)

    week = Task.resolved_at > now - timedelta(days=7)
    query = select(
        counted(_is_open()),
        counted(_is_open(), Task.due_at <= now),
        counted(_is_open(), Task.due_at > now, Task.due_at <= end_of_day),
        counted(week),
        counted(week, (Task.due_at.is_(None)) | (Task.resolved_at <= Task.due_at)),
    ).select_from(Task)
    query = query.where(_is_open() | week)
    if department is not None:
        query = query.join(Department, Department.id == Task.department_id).where(Department.slug == department)
    if owner is not None:
        query = query.where(Task.owner == owner)
    return InboxCounts(*db.session.execute(query).one())


def _views(query: Select[Any]) -> list[InboxTask]:
    rows = db.session.execute(query).all()
    facts = facts_of_events({task.event_id for task, *_ in rows})
    events = {
        event_id: (kind, properties)
        for event_id, kind, properties in db.session.execute(
            select(Event.id, Event.type, Event.properties).where(Event.id.in_({task.event_id for task, *_ in rows}))
        )
    }
    known = public_ids({task.contact_id for task, *_ in rows if task.contact_id})
    comments = comments_of([task.id for task, *_ in rows])
    closed = sealed_behind(list(events.values()))
    return [
        _view(task, slug, body, trigger, (facts[task.event_id], *events[task.event_id], closed), known, comments)
        for task, slug, body, trigger in rows
    ]


def _view(  # noqa: PLR0913, PLR0917 the parts of one row
    task: Task,
    slug: str,
    body: Mapping[str, Any],
    trigger: str,
    event: tuple[Mapping[str, Any], str, Mapping[str, Any], Mapping[str, Sealed]],
    known: Mapping[int, str],
    comments: Mapping[int, list[Comment]],
) -> InboxTask:
    facts, kind, properties, closed = event
    action = trigger_version(task.trigger_id, task.trigger_version).actions[task.action]
    assert isinstance(action, TaskAction)
    contact = facts["contact"]
    # Only our own events say what was answered; in others the same names may hold anything.
    own = properties if kind == ANSWERED else {}
    answers = own.get("answers", {})
    return InboxTask(
        id=task.id,
        title=fill(action.title, facts),
        department=slug,
        department_name=body.get("name") or slug,
        status=task.status,
        priority=task.priority,
        owner=task.owner,
        contact_id=task.contact_id,
        contact=known.get(task.contact_id or 0),
        name=contact.get("name"),
        phone=contact.get("phone"),
        email=contact.get("email"),
        touchpoint=_text(properties.get("touchpoint")) or None,
        trigger=trigger,
        event_type=kind,
        words=own_words(answers) or _text(properties.get("text")) or _text(properties.get("comment")),
        score=first_score(own.get("scores", {})),
        answers=answers,
        survey=own.get("survey"),
        sealed=closed.get(properties["invitation"]) if is_withheld(kind, properties) else None,
        due_at=task.due_at,
        created_at=task.created_at,
        resolved_at=task.resolved_at,
        outcome=task.outcome,
        cause=task.cause,
        comments=comments.get(task.id, []),
    )


def own_words(answers: Mapping[str, Any]) -> str:
    """What a customer wrote, of all they answered: the longest text."""
    texts = [v for v in answers.values() if isinstance(v, str) and " " in v.strip()]
    return max(texts, key=len, default="")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def first_score(scores: Mapping[str, float]) -> tuple[str, float] | None:
    return next(((metric, float(value)) for metric, value in scores.items()), None)
