"""Deciding: contacts are claimed, their waiting events decided in order, and all that follows stored at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.extensions import among, insert_into, insert_rows, lock_rows, transaction
from app.links import new_public_id
from app.models.contacts import Complaint, ContactLock
from app.models.decisions import ConditionMiss, Decision, Effect, QuotaUse, Reservation
from app.models.events import Event, PendingEvent
from app.models.invitations import Invitation
from app.models.rollups import TallyCorrection
from app.models.timers import Timer
from app.queries.contacts import newest_addresses
from app.queries.decisions import Batch, WaitingDecision, WaitingEvent, claim_contacts, load_batch
from app.queries.rollups import came_to
from app.queries.surveys import current_surveys
from app.queries.triggers import trigger_version
from surveys.decision import Decision as Result
from surveys.decision import Deferred, Invite, Miss, decide_deferred, decide_each
from surveys.gates import Closed
from surveys.history import complaint_since, follow_complaint, release, sent_elsewhere, take
from surveys.occasions import Absence
from surveys.timers import subject
from surveys.triggers import FETCHED, GiveOffer, Notify, SetAttribute, Task, Trigger
from surveys.wording import best_language

EVENTS_MAX = 1_000
EFFECT_KINDS = {Task: "task", Notify: "notify", SetAttribute: "set", GiveOffer: "offer"}


@dataclass
class Decided:
    """What one batch came to."""

    contacts: int = 0
    events: int = 0
    invited: int = 0
    effects: int = 0


class QuotaTaken(Exception):
    """Others gave away what was left of a quota while this was decided."""


@dataclass
class _Rows:
    """What is to be stored, by table. ``replaced`` are decisions that were deferred, and are made anew."""

    decisions: list[dict[str, Any]] = field(default_factory=list)
    replaced: list[WaitingDecision] = field(default_factory=list)
    called_off: list[tuple[WaitingEvent, int]] = field(default_factory=list)
    invitations: list[dict[str, Any]] = field(default_factory=list)
    reservations: list[dict[str, Any]] = field(default_factory=list)
    elsewhere: list[dict[str, Any]] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)
    complaints: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    timers: list[dict[str, Any]] = field(default_factory=list)
    misses: Counter[tuple[int, Any, int]] = field(default_factory=Counter)


def decide_events(limit: int, now: datetime, company_zone: str, language: str, only: int | None = None) -> Decided:
    """Decide what waits for up to ``limit`` contacts (or the one) nobody else is at, deferred ones that are due too."""
    try:
        return _decide_some(limit, now, company_zone, language, only)
    except QuotaTaken:
        return _decide_some(limit, now, company_zone, language, only, exact=True)


def _decide_some(
    limit: int, now: datetime, company_zone: str, language: str, only: int | None, *, exact: bool = False
) -> Decided:
    with transaction() as session:
        _wake_deferred(session, limit, now)
        contact_ids = claim_contacts(limit, now, only)
        if not contact_ids:
            return Decided()
        batch = load_batch(contact_ids, EVENTS_MAX, now, company_zone, exact=exact)
        return _decide(session, batch, contact_ids, now, language)


def _wake_deferred(session: Session, limit: int, now: datetime) -> None:
    """Make contacts ready whose deferred decisions are due."""
    due = session.scalars(select(Decision.contact_id).where(Decision.retry_at <= now).limit(limit)).all()
    if not due:
        return
    free = (
        select(ContactLock.contact_id)
        .where(among(ContactLock.contact_id, set(due)), ContactLock.ready_at.is_(None))
        .order_by(ContactLock.contact_id)
        .with_for_update(skip_locked=True, key_share=True)
    )
    if ids := session.scalars(free).all():
        session.execute(update(ContactLock).where(among(ContactLock.contact_id, ids)).values(ready_at=now))


def decide_past(limit: int, since: datetime, until: datetime, company_zone: str, language: str) -> Decided:
    """As :func:`decide_events`, but each event as of its own moment, from ``since`` to ``until``: to make a past."""
    with transaction() as session:
        contact_ids = claim_contacts(limit, until)
        if not contact_ids:
            return Decided()
        return _decide(session, load_batch(contact_ids, limit, since, company_zone), contact_ids, None, language)


def decide_contact(contact_id: int, now: datetime, company_zone: str, language: str) -> Decided:
    """Decide the oldest waiting event of one contact: how a batch that failed is taken up again."""
    with transaction() as session:
        lock_rows(session, ContactLock.contact_id, [contact_id])
        batch = load_batch([contact_id], 1, now, company_zone, exact=True)
        return _decide(session, batch, [contact_id], now, language)


def _decide(session: Session, batch: Batch, contact_ids: Sequence[int], now: datetime | None, language: str) -> Decided:
    """Decide a batch and store what follows; with ``now`` None the clock moves from event to event."""
    rows = _Rows()
    makers = _Makers(batch, rows, language)
    zone = ZoneInfo(batch.rules.company_zone)
    for event in batch.waiting:
        _follow_complaints(batch, rows, event)
        _call_off(batch, rows, event)
        _set_timers(batch, rows, event)
        _count_elsewhere(batch, rows, event)
        at = now or event.occurred_at
        for trigger_id, version, result in _results(batch, event, at):
            if isinstance(result, Miss):
                rows.misses[trigger_id, event.occurred_at.astimezone(zone).date(), result.clause] += 1
            else:
                makers.keep(event, trigger_id, version, result, at)
    if batch.deferred and (now or batch.waiting):
        _decide_deferred(batch, rows, makers, now or batch.waiting[-1].occurred_at)
    _take_quotas(session, batch)
    _store(session, rows)
    _finish(session, batch, contact_ids)
    return Decided(len(contact_ids), len(batch.waiting), len(rows.invitations), len(rows.effects))


def _results(batch: Batch, event: WaitingEvent, now: datetime) -> list[tuple[int, int, Result | Miss]]:
    heard = batch.triggers.get(event.type)
    if not heard:
        return []
    contact = batch.contacts.get(event.contact_id)
    if contact is not None:
        contact.complaint_since = complaint_since(batch.complaints.get(contact.id, {}), now)
    results = decide_each(batch.events[event.id], contact, [rule for _, _, rule in heard], batch.rules, now)
    return [(trigger_id, version, r) for (trigger_id, version, _), r in zip(heard, results, strict=True)]


def _follow_complaints(batch: Batch, rows: _Rows, event: WaitingEvent) -> None:
    """Open or close the contact's complaint before anything is decided about the event; in order of occurrence."""
    found = batch.complaints.get(event.contact_id, {})
    key = follow_complaint(found, event, batch.rules.policy) if event.contact_id else None
    if key is not None:
        batch.complaints[event.contact_id] = found
        opened_at, closed_at = found[key]
        rows.complaints[event.contact_id, key] = {
            "contact_id": event.contact_id,
            "key": key,
            "opened_at": opened_at,
            "closed_at": closed_at,
            "lapsed_at": None,
        }


def _call_off(batch: Batch, rows: _Rows, event: WaitingEvent) -> None:
    """What this event calls off: promises to its contact that are not handed over yet, and what waits to be one."""
    off = batch.calling_off.get(event.type)
    if not off or not event.contact_id:
        return
    rows.called_off += [(event, trigger_id) for trigger_id, _ in off]
    if person := batch.contacts.get(event.contact_id):
        release(person, {slug for _, slug in off}, event.occurred_at)
    for waiting in batch.deferred:
        if waiting.event.contact_id == event.contact_id and waiting.event.occurred_at <= event.occurred_at:
            waiting.called_off = waiting.called_off or any(i == waiting.trigger_id for i, _ in off)
            waiting.retry_at = min(waiting.retry_at, event.occurred_at)  # there is room now


def _decide_deferred(batch: Batch, rows: _Rows, makers: "_Makers", now: datetime) -> None:
    """Decide again what is due; what has become possible by itself meanwhile, too."""
    due: dict[int, list[tuple[Deferred, WaitingDecision]]] = {}
    for waiting in batch.deferred:
        person = batch.contacts.get(waiting.event.contact_id)
        if person is not None:
            person.complaint_since = complaint_since(batch.complaints.get(person.id, {}), now)
        freed = waiting.reason == "complaint_open" and (person is None or person.complaint_since is None)
        if waiting.retry_at > now and not freed and not waiting.called_off:
            continue
        if waiting.trigger is None or waiting.called_off or person is None:
            rows.replaced.append(waiting)
            makers.keep_closed(waiting, now)
        else:
            rule = Deferred(batch.events[waiting.event.id], waiting.trigger[2])
            due.setdefault(person.id, []).append((rule, waiting))
    for contact_id, found in due.items():
        by_event = {(rule.event.id, rule.trigger.slug): waiting for rule, waiting in found}
        for one, result in decide_deferred([rule for rule, _ in found], batch.contacts[contact_id], batch.rules, now):
            waiting = by_event[one.event.id, one.trigger.slug]
            assert waiting.trigger is not None
            rows.replaced.append(waiting)
            result.acts = []  # carried out when it was decided first
            makers.keep(waiting.event, waiting.trigger_id, waiting.trigger[1], result, now)


def _set_timers(batch: Batch, rows: _Rows, event: WaitingEvent) -> None:
    """Set a timer for every trigger that hears of what does not follow this event in time."""
    for trigger_id, rule in batch.openers.get(event.type, ()):
        assert isinstance(rule.when, Absence)
        if event.contact_id and subject(rule.when, event.properties) is not None:
            rows.timers.append(
                {
                    "trigger_id": trigger_id,
                    "contact_id": event.contact_id,
                    "key": str(event.id),
                    "due_at": event.occurred_at + rule.when.within,
                    "state": "waiting",
                    "opened_at": event.occurred_at,
                    "event_id": event.id,
                    "depth": event.depth + 1,
                    "told": {"trigger": rule.slug, "kind": rule.when.kind},
                }
            )


def _count_elsewhere(batch: Batch, rows: _Rows, event: WaitingEvent) -> None:
    """What another system has sent counts in the limits from here on, at the time it was sent."""
    place = sent_elsewhere(event)
    if place is None or not event.contact_id:
        return
    if person := batch.contacts.get(event.contact_id):
        take(person, place)
    rows.elsewhere.append(
        {
            "event_id": event.id,
            "contact_id": event.contact_id,
            "address_id": None,
            "class": place.class_,
            "channel": place.channel,
            "survey": place.survey,
            "trigger": place.trigger,
            "counts_at": place.counts_at,
        }
    )


class _Makers:
    """Turns results into rows."""

    def __init__(self, batch: Batch, rows: _Rows, language: str) -> None:
        self._batch, self._rows, self._language = batch, rows, language
        self._surveys = current_surveys()

    def keep(self, event: WaitingEvent, trigger_id: int, version: int, result: Result, now: datetime) -> None:
        closed = result.closed
        detail = {k: v for k in ("observed", "limit", "rule") if (v := getattr(closed, k, None)) is not None}
        if any(invite.borrowed_clock for invite in result.invites):
            detail["zone"] = "company"
        key = {"event_id": event.id, "trigger_id": trigger_id, "trigger_version": version}
        self._rows.decisions.append(
            {
                **key,
                "contact_id": event.contact_id or None,
                "outcome": result.outcome,
                "reason": closed.reason if closed else None,
                "detail": detail or None,
                "next_possible_at": closed.next_possible_at if closed else None,
                "retry_at": result.retry_at,
                "decided_at": now,
                "policy_version": self._batch.policy_number,
            }
        )
        for invite in result.invites:
            self._invite(event, key, result.trigger, invite, now)
        for number in result.acts:
            kind = EFFECT_KINDS[type(result.trigger.actions[number])]
            self._rows.effects.append(
                {
                    **key,
                    "action": number,
                    "kind": kind,
                    "contact_id": event.contact_id or None,
                    "created_at": now,
                    "attempts": 0,
                }
            )

    def keep_closed(self, waiting: WaitingDecision, now: datetime) -> None:
        """What waited is called off, or its trigger or contact is gone."""
        closed = Closed("cancelled") if waiting.called_off else Closed("not_live", "archived", "live")
        version = waiting.trigger[1] if waiting.trigger else waiting.version
        rule = waiting.trigger[2] if waiting.trigger else trigger_version(waiting.trigger_id, waiting.version)
        self.keep(waiting.event, waiting.trigger_id, version, Result(rule, "skipped", closed), now)

    def _invite(
        self, event: WaitingEvent, key: dict[str, Any], trigger: Trigger, invite: Invite, now: datetime
    ) -> None:
        send = invite.send
        version_id, languages = self._surveys[send.survey] if send.survey else (None, tuple(send.text or {}))
        locale = self._batch.trees[event.contact_id].get("locale")
        self._rows.invitations.append(
            {
                **key,
                "public_id": new_public_id(),
                "action": invite.action,
                "contact_id": event.contact_id,
                "address_id": invite.address_id,
                "survey_version_id": version_id,
                "class": send.class_,
                "channel": invite.channel,
                "touchpoint": _touchpoint(event) or trigger.touchpoint,
                "language": best_language((event.block.get("locale"), locale, self._language), languages),
                "probability": trigger.sample.probability,
                "state": "planned",
                "created_at": now,
                "planned_at": invite.planned_at,
                "stale_at": invite.stale_at,
                "due_at": None if invite.channel in FETCHED else invite.planned_at,
                "expires_after": int(send.expires.total_seconds()) if send.expires else None,
            }
        )
        self._rows.reservations.append(
            {
                "contact_id": event.contact_id,
                "address_id": invite.address_id,
                "class": send.class_,
                "channel": invite.channel,
                "survey": send.survey,
                "trigger": trigger.slug,
                "counts_at": invite.planned_at,
            }
        )


def _touchpoint(event: WaitingEvent) -> str | None:
    named = event.properties.get("touchpoint")
    return named[:100] if isinstance(named, str) else None


def _take_quotas(session: Session, batch: Batch) -> None:
    """Count the invitations given away, none too many. Raises :class:`QuotaTaken` when others were faster."""
    for trigger_id, _, rule in batch.current:
        standing, quota = batch.rules.standings.get(rule.slug), rule.sample.quota
        if standing is None or quota is None or quota.of != "invitations" or not standing.promised:
            continue
        key = {"trigger_id": trigger_id, "starts_at": standing.starts}
        session.execute(insert_into(QuotaUse).on_conflict_do_nothing(), [{**key, "used": 0}])
        taken = update(QuotaUse).filter_by(**key).where(QuotaUse.used + standing.promised <= quota.max)
        found = session.execute(taken.values(used=QuotaUse.used + standing.promised).returning(QuotaUse.used))
        if found.one_or_none() is None:
            raise QuotaTaken(rule.slug)


def _replace(session: Session, rows: _Rows) -> None:
    """Take away the decisions that come anew, and say so to those who may have counted them."""
    became = {(d["event_id"], d["trigger_id"]): d for d in rows.decisions}
    corrections = []
    for waiting in rows.replaced:
        key = (waiting.event.id, waiting.trigger_id)
        session.execute(delete(Decision).where(Decision.event_id == key[0], Decision.trigger_id == key[1]))
        row = became[key]
        corrections.append(
            {
                "event_id": key[0],
                "trigger_id": key[1],
                "was": waiting.reason,
                "became": came_to(row["outcome"], row["reason"]),
                "at": row["decided_at"],
            }
        )
    insert_rows(session, TallyCorrection, [c for c in corrections if c["was"] != c["became"]])


def _store_called_off(session: Session, rows: _Rows) -> None:
    """Cancel what is planned and was called off by an event that came after the one that led to it."""
    for event, trigger_id in rows.called_off:
        off = session.scalars(
            update(Invitation)
            .where(
                Invitation.contact_id == event.contact_id,
                Invitation.trigger_id == trigger_id,
                Invitation.state == "planned",
                select(Event.id)
                .where(Event.id == Invitation.event_id, Event.occurred_at <= event.occurred_at)
                .exists(),
            )
            .values(state="cancelled", reason="cancelled", cause_id=event.id, due_at=None)
            .returning(Invitation.id)
            .execution_options(synchronize_session=False)
        ).all()
        if off:
            session.execute(delete(Reservation).where(Reservation.invitation_id.in_(off)))


def _store(session: Session, rows: _Rows) -> None:
    if rows.replaced:
        _replace(session, rows)
    insert_rows(session, Decision, rows.decisions)
    if rows.invitations:
        stored = insert_rows(session, Invitation, rows.invitations, ("public_id", "id"))
        ids = {public_id: invitation_id for public_id, invitation_id in stored}
        reserved = [
            {"invitation_id": ids[i["public_id"]], **r}
            for i, r in zip(rows.invitations, rows.reservations, strict=True)
        ]
        insert_rows(session, Reservation, reserved)
    _store_called_off(session, rows)
    _store_elsewhere(session, rows)
    insert_rows(session, Effect, rows.effects)
    insert_rows(session, Timer, rows.timers)
    insert_rows(
        session,
        ConditionMiss,
        [{"trigger_id": t, "day": d, "clause": c, "events": n} for (t, d, c), n in rows.misses.items()],
    )
    if rows.complaints:
        statement = insert_into(Complaint)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["contact_id", "key"],
                set_={name: statement.excluded[name] for name in ("opened_at", "closed_at", "lapsed_at")},
            ),
            list(rows.complaints.values()),
        )


def _store_elsewhere(session: Session, rows: _Rows) -> None:
    """Places of what other systems sent, at the addresses that the contacts have in use."""
    if rows.elsewhere:
        reached = newest_addresses({place["contact_id"] for place in rows.elsewhere})
        for place in rows.elsewhere:
            address = reached.get(place["contact_id"], {}).get(place["channel"])
            place["address_id"] = address.id if address else None
        insert_rows(session, Reservation, rows.elsewhere)


def _finish(session: Session, batch: Batch, contact_ids: Sequence[int]) -> None:
    """Take the events off the list; contacts with more of them stay ready."""
    session.execute(delete(PendingEvent).where(among(PendingEvent.event_id, [e.id for e in batch.waiting])))
    done = [i for i in contact_ids if i not in batch.unfinished]
    session.execute(
        update(ContactLock).where(among(ContactLock.contact_id, done)).values(seq=ContactLock.seq + 1, ready_at=None)
    )


def put_off_deferred(contact_id: int, until: datetime) -> None:
    """Leave a contact alone for a while whose deferred decisions cannot be made."""
    with transaction() as session:
        lock_rows(session, ContactLock.contact_id, [contact_id])
        session.execute(update(ContactLock).where(ContactLock.contact_id == contact_id).values(ready_at=None))
        session.execute(
            update(Decision).where(Decision.contact_id == contact_id, Decision.retry_at <= until).values(retry_at=until)
        )
