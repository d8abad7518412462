"""Follow-up tasks and what people wrote under them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class Task(Model):
    """Work for a department. Its title is the trigger's, filled in on read."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_inbox", "department_id", "status", "due_at"),
        Index("ix_tasks_unannounced", "id", postgresql_where="resolved_at IS NOT NULL AND announced_at IS NULL"),
        Index("ix_tasks_created", "created_at"),
        Index("ix_tasks_contact", "contact_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    effect_id: Mapped[int] = mapped_column(ForeignKey("effects.id"), unique=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    event_id: Mapped[int] = mapped_column(BigInteger)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"))
    trigger_version: Mapped[int]
    action: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str]  # open in_progress waiting resolved dismissed
    priority: Mapped[str]
    owner: Mapped[str | None]
    due_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    cause: Mapped[str | None]
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    announced_at: Mapped[datetime | None]


class TaskComment(Model):
    """A note under a task."""

    __tablename__ = "task_comments"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), index=True)
    author: Mapped[str]
    text: Mapped[str]
    at: Mapped[datetime]
