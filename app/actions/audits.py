"""Audits of the contact policy: asked for or due at night, begun by one process, ended with what was found."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from app.extensions import insert_into, transaction
from app.models.accounts import AuditEntry, User
from app.models.audits import Audit
from app.models.deliveries import Delivery
from app.queries.audits import LEASE, Audited, latest_audit, night_of, nightly_due
from app.text.phrases import phrases
from surveys.wording import fill


def ask_for_audit(actor: str, now: datetime, *, begin: bool = False) -> int:
    """Put an audit on the list; whoever will make it themselves, ``begin`` s it at once."""
    with transaction() as session:
        audit = Audit(asked_by=actor, asked_at=now, begun_at=now if begin else None, violations=[])
        session.add(audit)
        session.add(AuditEntry(at=now, actor=actor, verb="ask", kind="check", object="all"))
        session.flush()
        return audit.id


def begin_audit(now: datetime) -> int | None:
    """Take the next audit that waits, the night's among them; None when there is none, or others are at it."""
    with transaction() as session:
        if session.scalar(nightly_due(now)):
            night, _due = night_of(now)
            session.execute(
                insert_into(Audit).on_conflict_do_nothing(index_elements=["night"]),
                [{"night": night, "asked_at": now, "violations": []}],
            )
        audit = session.scalar(
            select(Audit)
            .where(Audit.ended_at.is_(None), or_(Audit.begun_at.is_(None), Audit.begun_at < now - LEASE))
            .order_by(Audit.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if audit is None:
            return None
        audit.begun_at = now
        return audit.id


def end_audit(audit_id: int, audited: Audited, base_url: str, now: datetime) -> list[dict[str, Any]]:
    """Keep what an audit found, and write to the administrators of what was never found before; returns just that.

    What people have seen stays on the list, but is no longer ``new``.
    """
    with transaction() as session:
        audit = session.get_one(Audit, audit_id, with_for_update=True)
        before = latest_audit()
        known = {_key(v) for v in before.violations} if before else set()
        seen = {_key(v) for v in before.violations if before.seen_at or not v["new"]} if before else set()
        audit.violations = [{**v, "new": _key(v) not in seen} for v in audited.violations]
        audit.fresh = sum(v["new"] for v in audit.violations)
        audit.found, audit.places, audit.looked_at = audited.found, audited.places, audited.looked_at
        audit.policy_version, audit.ended_at = audited.policy_version, now
        unheard = [v for v in audited.violations if _key(v) not in known]
        if unheard:
            session.add_all(_notices(session.scalars(select(User)), len(unheard), base_url, now))
        return unheard


def _key(violation: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(violation[name] for name in ("owner", "id", "place", "limit"))


def _notices(people: Iterable[User], found: int, base_url: str, now: datetime) -> list[Delivery]:
    """The mails that tell every administrator, in their own language; handed over like any other."""
    made = []
    for person in people:
        if person.role != "admin" or person.disabled_at:
            continue
        said = phrases(person.language or "en")
        facts = {"found": found, "url": f"{base_url}/policy/audits"}
        notice = {"to": person.email, "subject": said["audit.subject"], "text": fill(said["audit.text"], facts)}
        made.append(Delivery(channel="email", notice=notice, state="claimed", attempt=0, act_at=now, created_at=now))
    return made


def see_audit(audit_id: int, actor: str, now: datetime) -> None:
    """Somebody has looked at what an audit found: it needs attention no longer."""
    with transaction() as session:
        audit = session.get(Audit, audit_id, with_for_update=True)
        if audit is not None and audit.ended_at and not audit.seen_at:
            audit.seen_at, audit.seen_by = now, actor
            session.add(AuditEntry(at=now, actor=actor, verb="see", kind="check", object="all"))
