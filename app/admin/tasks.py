"""The task inbox: taken, worked, solved; in the customer's own words."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.actions.tasks import TaskClosed, TaskMoved, take_task, work_task
from app.admin import blueprint
from app.admin.shell import ID_MAX
from app.admin.telling import telling
from app.admin.words import number
from app.auth.staff import signed_in, staff, zone_of
from app.clock import utcnow
from app.jobs import ring
from app.queries.accounts import Account, list_accounts
from app.queries.departments import department_definitions
from app.queries.inbox import (
    InboxTask,
    closed_tasks,
    find_task,
    inbox_counts,
    most_urgent,
    open_tasks_by_due,
)
from app.queries.installation import company
from app.queries.stories import Happened, heard_before, story
from surveys.lifecycle import OUTCOMES, TASK_CLOSED, TASK_STATUSES

SHOWN = 100


def outcome_words() -> dict[str, str]:
    return {
        "recovered": _("recovered"),
        "lost": _("lost"),
        "no_contact": _("could not be reached"),
        "not_needed": _("not needed"),
    }


def task_status_words() -> dict[str, str]:
    return {
        "open": _("open"),
        "in_progress": _("in progress"),
        "waiting": _("waiting for the customer"),
        "resolved": _("solved"),
        "dismissed": _("dismissed"),
    }


def _end_of_day() -> datetime:
    local = utcnow().astimezone(zone_of(signed_in()))
    return local.replace(hour=23, minute=59, second=59)


def _scope(tab: str) -> dict[str, str | None]:
    """Which tasks a tab is about. Whoever belongs to one department never sees another's."""
    who = signed_in()
    own = who.only_department
    if tab == "mine":
        return {"department": own, "owner": who.email}
    if tab == "department":
        return {"department": own if own is not None else who.department, "owner": None}
    return {"department": own, "owner": None}


def _tabs() -> list[tuple[str, str]]:
    who = signed_in()
    found = [("mine", _("Mine"))]
    if who.department:
        found.append(("department", _("Department")))
    if who.only_department is None:
        found.append(("all", _("All")))
    return [*found, ("closed", _("Closed"))]


@blueprint.get("/tasks")
@staff("tasks")
def tasks() -> Any:
    return _inbox(None)


@blueprint.get("/tasks/<int:task_id>")
@staff("tasks")
def task(task_id: int) -> Any:
    found = find_task(task_id, signed_in().only_department) if task_id <= ID_MAX else None
    return _inbox(found) if found else abort(404)


def _inbox(chosen: InboxTask | None, status: int = 200, **typed: Any) -> Any:
    tabs = _tabs()
    tab = request.args.get("tab", "")
    now = utcnow()
    counts = {
        name: inbox_counts(**_scope(name), now=now, end_of_day=_end_of_day())
        for name, _label in tabs
        if name != "closed"
    }
    if tab not in dict(tabs):
        tab = next((name for name, _label in tabs if name != "closed" and counts[name].open), tabs[0][0])
    find = closed_tasks if tab == "closed" else open_tasks_by_due
    rows = find(**_scope(tab), limit=SHOWN)
    wide = counts.get("all") or counts.get("department") or counts["mine"]
    return render_template(
        "admin/tasks.html",
        tabs=tabs,
        tab=tab,
        counts=counts,
        rows=rows,
        task=chosen,
        sentence=_sentence(counts.get(tab) or wide),
        solved=wide,
        events=_last_seen(chosen),
        people={a.email: a.name for a in list_accounts()},
        owners={a.email: a.name for a in _may_work(chosen)} if chosen else {},
        outcomes=outcome_words(),
        statuses=task_status_words(),
        closed=TASK_CLOSED,
        **(telling(_heard(chosen)) if chosen else {}),
        take=most_urgent(signed_in().only_department),
        departments=department_definitions(),
        soon=now + timedelta(hours=4),
        **typed,
    ), status


def _may_work(task: InboxTask) -> list[Account]:
    """Who could open a task: everybody but the agents of other departments."""
    return [a for a in list_accounts() if not a.disabled_at and (a.role != "agent" or a.department == task.department)]


def _seen() -> dict[str, str | None]:
    """The owner that stood on the page when somebody took or handed over the task."""
    if request.form.get("verb") not in ("take", "give") or "owner_was" not in request.form:
        return {}
    return {"owner": request.form["owner_was"] or None}


def _last_seen(task: InboxTask | None) -> list[Happened]:
    if task is None or task.contact_id is None:
        return []
    zone = company().zone
    return story(task.contact_id, limit=5, company_zone=zone, department=signed_in().only_department)


def _heard(task: InboxTask | None) -> Sequence[datetime]:
    return heard_before([task.contact_id]).get(task.contact_id, []) if task and task.contact_id else ()


def _sentence(counts: Any) -> str:
    parts = []
    if counts.overdue:
        parts.append(ngettext("%(num)d overdue", "%(num)d overdue", counts.overdue))
    if counts.due_today:
        parts.append(ngettext("%(num)d due today", "%(num)d due today", counts.due_today))
    if not parts and counts.open:
        parts.append(ngettext("%(num)d open, nothing is pressing", "%(num)d open, nothing is pressing", counts.open))
    if counts.solved:
        share = number(100 * counts.in_time / counts.solved)
        parts.append(_("%(n)s solved this week, %(share)s %% in time", n=number(counts.solved), share=share))
    return ", ".join(parts) if parts else _("Nothing waits.")


@blueprint.post("/tasks/next")
@staff("tasks")
def take_next() -> Any:
    """The most urgent task without an owner becomes mine; two people never take the same."""
    who = signed_in()
    while (task_id := most_urgent(who.only_department)) is not None:
        if take_task(task_id, who.email, utcnow()):
            return redirect(url_for("admin.task", task_id=task_id), 303)
    flash(_("No task is without an owner."), "good")
    return redirect(url_for("admin.tasks"), 303)


@blueprint.post("/tasks/<int:task_id>")
@staff("tasks")
def work(task_id: int) -> Any:
    """Comment, take, move, solve: whatever of it the form says, in one step."""
    who, form = signed_in(), request.form
    found = find_task(task_id, who.only_department) if task_id <= ID_MAX else None
    if found is None:
        abort(404)
    changes, faults = _changes(found)
    comment = form.get("comment", "").strip()[:5000] or None
    if faults:
        return _inbox(found, 422, faults=faults, typed=form)
    try:
        work_task(task_id, changes, comment, who.email, utcnow(), seen=_seen())
    except TaskMoved:
        moved = {"owner": _("Somebody else has just taken this task; what you wrote still stands here.")}
        return _inbox(find_task(task_id, who.only_department), 409, faults=moved, typed=form)
    except TaskClosed:
        return _inbox(
            find_task(task_id),
            409,
            faults={"status": _("Somebody closed this task meanwhile; your comment still stands here.")},
            typed=form,
        )
    if changes.get("status") == "resolved":
        ring("announce")
        flash(_("Solved. %(title)s", title=found.title), "good")
        following = next(iter(open_tasks_by_due(**_scope("mine"), limit=1)), None)
        return redirect(url_for("admin.task", task_id=following.id) if following else url_for("admin.tasks"), 303)
    return redirect(url_for("admin.task", task_id=task_id, tab=request.args.get("tab")), 303)


def _changes(found: InboxTask) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form changes of the task, and what is wrong with it, by field."""
    form = request.form
    verb = form.get("verb", "")
    if verb == "take":
        return {"owner": signed_in().email, "status": "in_progress" if found.status == "open" else found.status}, {}
    if verb == "give":
        owner = form.get("owner") or None
        fine = owner is None or owner in {a.email for a in _may_work(found)}
        return ({"owner": owner}, {}) if fine else ({}, {"owner": _("They cannot open this task.")})
    if verb == "move":
        status = form.get("status", "")
        fine = status in TASK_STATUSES and status != "resolved"
        return ({"status": status}, {}) if fine else ({}, {"status": _("Choose a state.")})
    if verb == "solve":
        outcome, cause = form.get("outcome", ""), form.get("cause", "").strip()[:200]
        faults = {} if outcome in OUTCOMES else {"outcome": _("How did it end?")}
        solver = found.owner or signed_in().email
        return {"status": "resolved", "outcome": outcome, "cause": cause or None, "owner": solver}, faults
    if verb == "comment":
        return {}, {} if form.get("comment", "").strip() else {"comment": _("There is nothing written.")}
    return abort(422)
