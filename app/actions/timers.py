"""Timers: found by looking through contacts, ripened when they are due; announced like all that happens inside."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, aliased

from app.extensions import among, insert_rows, transaction
from app.models.segments import SegmentMember
from app.models.timers import Timer, TimerWatch
from app.queries.timers import (
    SETTLED,
    Look,
    Stretch,
    event_properties,
    known_keys,
    known_until,
    later_events,
    living,
    look_through,
    still_members,
)
from app.queries.triggers import CurrentTrigger, current_triggers, in_force_since, trigger_version
from surveys.gates import ACTIVE
from surveys.occasions import Absence, Anniversary, Entry, Exit, Holiday, Occurs, Once, Schedule, Silence, Timed
from surveys.timers import Due, anniversary_due, next_cron, place_of, spread, stays_away
from surveys.triggers import Trigger

PAUSES: Mapping[type[Any], timedelta] = {
    Silence: timedelta(minutes=5),
    Anniversary: timedelta(minutes=15),
    Holiday: timedelta(minutes=15),
    Entry: timedelta(minutes=5),
    Exit: timedelta(minutes=5),
}
"""How long after one look through all contacts the next begins."""
KEPT = timedelta(days=400)
"""How long a moment that came is remembered: longer than a year, since days that return are told by theirs."""
REST = 20
"""A look that took long is not made more often than one part in so many of the time."""


def look_for_timers(limit: int, now: datetime, company_zone: str) -> int:
    """Look through the next stretch of contacts for the trigger that has waited longest.

    Returns how many timers were set, at least 1 when anything was done; 0 when no trigger waits. Each trigger is one
    process's at a time, and how far it came is stored together with what it found: so each moment is found once.
    """
    with transaction() as session:
        watch = session.scalar(
            select(TimerWatch)
            .where(TimerWatch.next_at <= now)
            .order_by(TimerWatch.next_at, TimerWatch.trigger_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if watch is None:
            return 0
        current = next((c for c in current_triggers() if c[0] == watch.trigger_id), None)
        if current is None or current[2].status not in ACTIVE or isinstance(current[2].when, Occurs | Absence):
            session.execute(delete(SegmentMember).where(SegmentMember.trigger_id == watch.trigger_id))
            session.delete(watch)
            return 1
        _go_live(session, watch, current)
        rule, when = current[2], current[2].when
        if watch.scanning_until is None and not _begin(watch, rule, now, company_zone):
            return 1
        assert watch.scanning_until is not None
        stretch = Stretch(
            watch.trigger_id, watch.scanned_until, watch.scanning_until, watch.after_id, limit, company_zone
        )
        look = look_through(when, stretch)
        _set_timers(session, watch, rule, look)
        _follow_members(session, watch, look)
        _advance(watch, when, look, now)
        return max(1, len(look.found))


def _go_live(session: Session, watch: TimerWatch, current: CurrentTrigger) -> None:
    """Begin anew for a trigger that has just gone live, or listens for something else than before."""
    trigger_id, version, rule = current
    if watch.version == version:
        return
    before = trigger_version(trigger_id, watch.version) if watch.version is not None else None
    if before is None or before.when != rule.when or rule.existing not in (None, before.existing):
        session.execute(delete(SegmentMember).where(SegmentMember.trigger_id == trigger_id))
        watch.live_at = in_force_since(trigger_id, version)
        watch.scanned_until = watch.scanning_until = None
        watch.after_id = watch.found = 0
    watch.version = version


def _begin(watch: TimerWatch, rule: Trigger, now: datetime, company_zone: str) -> bool:
    """Say up to when is looked, and that it begins; False when it is not time yet."""
    assert watch.live_at is not None
    when = rule.when
    if watch.scanned_until is None and rule.existing is None and not isinstance(when, Once | Entry | Exit):
        watch.scanned_until = watch.live_at  # who matches already is left out
    until = watch.live_at
    if watch.scanned_until is not None:
        known = known_until(now - SETTLED)
        if isinstance(when, Schedule):
            # Moments that nobody could be asked for any more are not caught up with.
            moment = next_cron(when, max(watch.scanned_until, now - rule.fresh), company_zone)
            if moment is None or moment > known:
                watch.next_at = moment and max(moment + SETTLED, now + SETTLED)
                return False
            until = moment
        elif known <= watch.scanned_until:
            watch.next_at = now + SETTLED
            return False
        else:
            until = known
    watch.scanning_until, watch.began_at, watch.after_id = until, now, 0
    return True


def _advance(watch: TimerWatch, when: Timed, look: Look, now: datetime) -> None:
    if look.after is not None:
        watch.after_id = look.after
        return
    first = watch.scanned_until is None
    assert watch.began_at is not None
    watch.scanned_until, watch.scanning_until, watch.after_id = watch.scanning_until, None, 0
    if isinstance(when, Once):
        watch.next_at = None
    elif first or isinstance(when, Schedule):
        watch.next_at = now
    else:
        watch.next_at = now + max(PAUSES[type(when)], REST * (now - watch.began_at))


def _set_timers(session: Session, watch: TimerWatch, rule: Trigger, look: Look) -> None:
    """Store what was found: ripe at once, but for those who matched before and come up so many a day."""
    assert watch.live_at is not None
    matched_before = watch.scanned_until is None
    if not look.found or (matched_before and rule.existing is None and not isinstance(rule.when, Once)):
        return
    found = [] if isinstance(rule.when, Schedule) else [contact_id for contact_id, _ in look.found]
    rows, known = [], known_keys(watch.trigger_id, found) if found else set()  # a moment of a schedule is new
    for contact_id, due in look.found:
        waits = matched_before and rule.existing is not None
        at = spread(watch.live_at, watch.found, rule.existing) if waits and rule.existing else due.at
        watch.found += matched_before
        if (contact_id, due.key) not in known:
            rows.append(_timer(watch.trigger_id, rule, contact_id, due, at, state="waiting" if waits else "ripe"))
    insert_rows(session, Timer, rows)


def _timer(trigger_id: int, rule: Trigger, contact_id: int, due: Due, at: datetime, *, state: str) -> dict[str, Any]:
    last = due.told.get("last_at")
    return {
        "trigger_id": trigger_id,
        "contact_id": contact_id,
        "key": due.key,
        "due_at": at,
        "state": state,
        "opened_at": datetime.fromisoformat(last) if last else None,
        "event_id": None,
        "depth": 0,
        "told": {"trigger": rule.slug, "kind": rule.when.kind, **due.told},
    }


def _follow_members(session: Session, watch: TimerWatch, look: Look) -> None:
    if look.left:
        session.execute(
            delete(SegmentMember).where(
                SegmentMember.trigger_id == watch.trigger_id, among(SegmentMember.contact_id, look.left)
            )
        )
    since = watch.scanning_until
    insert_rows(
        session,
        SegmentMember,
        [{"trigger_id": watch.trigger_id, "contact_id": i, "since": since} for i in look.joined],
    )


def put_off_looking(now: datetime) -> None:
    """Let the trigger rest a while for which looking failed, so that it does not hold up the others."""
    with transaction() as session:
        first = select(TimerWatch.trigger_id).where(TimerWatch.next_at <= now)
        first = first.order_by(TimerWatch.next_at, TimerWatch.trigger_id).limit(1)
        session.execute(
            update(TimerWatch)
            .where(TimerWatch.trigger_id.in_(first))
            .values(next_at=now + timedelta(minutes=1))
            .execution_options(synchronize_session=False)
        )


def ripen_timers(limit: int, now: datetime, company_zone: str) -> int:
    """Look once more at the timers that are due: those that still hold become ripe, the others go.

    What was received before a timer was due has found its contact by then. Returns how many timers were looked at.
    """
    with transaction() as session:
        timers = session.scalars(
            select(Timer)
            .where(Timer.state == "waiting", Timer.due_at <= known_until(now - SETTLED))
            .order_by(Timer.due_at, Timer.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        if not timers:
            return 0
        ripe = _ripe(timers, company_zone)
        for state, ids in (("ripe", ripe), ("gone", {t.id for t in timers} - ripe)):
            if not ids:
                continue
            of_them = among(Timer.id, ids)
            session.execute(
                update(Timer).where(of_them).values(state=state) if state == "ripe" else delete(Timer).where(of_them)
            )
    return len(timers)


def _ripe(timers: Sequence[Timer], company_zone: str) -> set[int]:
    """Which of these timers still hold, by the triggers as they are now."""
    rules = {i: rule for i, _, rule in current_triggers() if rule.status in ACTIVE}
    contacts = living({t.contact_id for t in timers})
    there = [t for t in timers if t.trigger_id in rules and t.contact_id in contacts]
    types = {t.id: _looked_at(rules[t.trigger_id].when) for t in there}
    later = later_events(there, types)
    opened = event_properties({t.event_id for t in there if t.event_id})
    members = still_members({(t.trigger_id, t.contact_id) for t in there})
    ripe = set()
    for timer in there:
        match rules[timer.trigger_id].when:
            case Absence() as when:
                properties = opened.get(timer.event_id or 0)
                holds = properties is not None and stays_away(when, properties, timer.due_at, later.get(timer.id, []))
            case Silence():
                holds = not any(event.occurred_at <= timer.due_at for event in later.get(timer.id, []))
            case Entry():
                holds = (timer.trigger_id, timer.contact_id) in members
            case Anniversary() as when:
                timezone, attributes = contacts[timer.contact_id]
                where = place_of(timezone, company_zone)
                due = anniversary_due(when, attributes.get(when.attribute), None, timer.due_at, where)
                holds = due is not None and due.key == timer.key
            case _:
                holds = True
        if holds:
            ripe.add(timer.id)
    return ripe


def _looked_at(when: Any) -> tuple[str, ...]:
    """The types of events that can make a timer come to nothing."""
    if isinstance(when, Absence):
        return (when.event, when.without)
    return when.since if isinstance(when, Silence) else ()


def forget_timers(limit: int, now: datetime) -> int:
    """Remove moments that came long ago; returns how many there were.

    The last of each trigger and contact stays: it could be found again, by a trigger that goes live anew, and each
    comes once.
    """
    with transaction() as session:
        later = aliased(Timer)
        newer = (
            select(later.id)
            .where(
                later.trigger_id == Timer.trigger_id,
                later.contact_id == Timer.contact_id,
                later.state == "fired",
                later.due_at > Timer.due_at,
            )
            .exists()
        )
        old = select(Timer.id).where(Timer.state == "fired", Timer.due_at < now - KEPT, newer).limit(limit)
        ids = session.scalars(old).all()
        session.execute(delete(Timer).where(among(Timer.id, ids)))
        return len(ids)
