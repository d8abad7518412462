"""Follow-up tasks: opened by triggers, worked by people."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select

from app.extensions import transaction
from app.models.accounts import AuditEntry
from app.models.deliveries import Delivery
from app.models.tasks import Task, TaskComment
from app.queries.crises import crises_at
from app.queries.departments import departments, open_tasks_by_person
from app.queries.effects import lock_effects
from app.queries.events import facts_of_events
from app.queries.triggers import trigger_version
from app.text.addresses import normal_email
from surveys.crisis import covering
from surveys.lifecycle import TASK_CLOSED, due_time
from surveys.triggers import PRIORITIES
from surveys.triggers import Task as TaskAction
from surveys.wording import fill


class UnknownTask(LookupError):
    """No task has this id."""


class TaskClosed(ValueError):
    """A closed task can be commented on, and nothing else."""


class TaskMoved(ValueError):
    """Somebody else changed the task meanwhile."""


def open_tasks(effect_ids: Collection[int], now: datetime) -> int:
    """Open the tasks that these effects ask for; returns how many were opened here."""
    with transaction() as session:
        effects = lock_effects(effect_ids)
        teams = departments() if effects else {}
        facts = facts_of_events({effect.event_id for effect in effects})
        crises = crises_at(now) if effects else ()
        busy = open_tasks_by_person() if effects else {}
        for effect in effects:
            rule = trigger_version(effect.trigger_id, effect.trigger_version)
            action = rule.actions[effect.action]
            assert isinstance(action, TaskAction)
            urgent = covering(crises, effect.created_at, facts[effect.event_id], rule.touchpoint) is not None
            department_id, team = teams[action.department]
            session.add(
                Task(
                    effect_id=effect.id,
                    department_id=department_id,
                    event_id=effect.event_id,
                    contact_id=effect.contact_id,
                    trigger_id=effect.trigger_id,
                    trigger_version=effect.trigger_version,
                    action=effect.action,
                    status="open",
                    priority=PRIORITIES[-1] if urgent else action.priority,
                    owner=_least_busy(busy.get(department_id, {})) if action.least_busy else None,
                    due_at=due_time(effect.created_at, action.due, team.hours) if action.due else None,
                    created_at=now,
                )
            )
            if team.email and (to := normal_email(team.email)):
                title = fill(action.title, facts[effect.event_id])
                session.add(_notice(effect.id, to, title, now))
            effect.done_at = now
    return len(effects)


def _least_busy(busy: dict[str, int]) -> str | None:
    """Whoever has the fewest open tasks of these people, who get one more; None when there is nobody."""
    if not busy:
        return None
    person = min(busy, key=lambda email: (busy[email], email))
    busy[person] += 1
    return person


def _notice(effect_id: int, to: str, title: str, now: datetime) -> Delivery:
    """The mail that tells a department of its new task, handed over like any other."""
    text = f"{title}\n\n{current_app.config['BASE_URL']}/tasks"
    notice = {"to": to, "subject": (" ".join(title.split()) or "Otklik")[:120], "text": text}
    return Delivery(
        effect_id=effect_id, channel="email", notice=notice, state="claimed", attempt=0, act_at=now, created_at=now
    )


def work_task(
    task_id: int,
    changes: Mapping[str, Any],
    comment: str | None,
    author: str,
    now: datetime,
    *,
    seen: Mapping[str, Any] | None = None,
) -> None:
    """Change a task's status, owner, priority, outcome or cause, and add a comment; all in one step.

    ``seen`` holds what must still be so. Raises :class:`UnknownTask`, :class:`TaskMoved` when it is not, or
    :class:`TaskClosed` when a closed task is to be changed.
    """
    with transaction() as session:
        task = session.scalar(select(Task).where(Task.id == task_id).with_for_update())
        if task is None:
            raise UnknownTask(task_id)
        moved = {k: v for k, v in changes.items() if getattr(task, k) != v}
        if moved and task.status in TASK_CLOSED:
            raise TaskClosed(task_id)
        if moved and any(getattr(task, k) != v for k, v in (seen or {}).items()):
            raise TaskMoved(task_id)
        for name, value in moved.items():
            setattr(task, name, value)
        if moved.get("status") == "resolved":
            task.resolved_at = now
        if moved:
            said = {k: v for k, v in moved.items() if k != "cause"}  # the cause is in somebody's own words
            session.add(AuditEntry(at=now, actor=author, verb="update", kind="tasks", object=str(task_id), detail=said))
        if comment:
            session.add(TaskComment(task_id=task_id, author=author, text=comment, at=now))
            # Not its words: what somebody wrote of a customer has to be forgotten with them.
            session.add(AuditEntry(at=now, actor=author, verb="comment", kind="tasks", object=str(task_id)))


def take_task(task_id: int, owner: str, now: datetime) -> bool:
    """Become the owner of an open task that has none; False when somebody else was faster."""
    with transaction() as session:
        task = session.scalar(
            select(Task)
            .where(Task.id == task_id, Task.owner.is_(None), Task.status.not_in(TASK_CLOSED))
            .with_for_update()
        )
        if task is None:
            return False
        task.owner = owner
        if task.status == "open":
            task.status = "in_progress"
        taken = {"owner": owner}
        session.add(AuditEntry(at=now, actor=owner, verb="update", kind="tasks", object=str(task_id), detail=taken))
        return True
