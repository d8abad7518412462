"""Why someone was asked or not, gate by gate: decisions read back, with what passed rebuilt from their versions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select

from app.extensions import db
from app.models.contacts import Contact
from app.models.decisions import Decision
from app.models.events import Event, PendingEvent
from app.models.invitations import Invitation
from app.models.sources import Source
from app.models.triggers import Trigger
from app.queries.contacts import contact_facts, references
from app.queries.decisions import WaitingEvent, make_event, past_events, present_contact
from app.queries.policies import rules_at, rules_of
from app.queries.quotas import standings
from app.queries.sealed import is_withheld
from app.queries.segments import segment_conditions
from app.queries.triggers import current_triggers, trigger_version
from surveys.conditions import ALWAYS
from surveys.decision import NOT_FIRST, Miss, Rung, decide_each, ladder
from surveys.gates import Closed
from surveys.gates import Event as Happening
from surveys.occasions import Absence
from surveys.triggers import Trigger as Rule


@dataclass(frozen=True)
class Explained:
    """A decision, or an event whose condition did not hold, with every gate that was reached."""

    event_id: int
    trigger_id: int
    event: str
    source: str
    contact: str | None
    trigger: str
    outcome: str
    reason: str | None
    gates: Sequence[Rung]
    next_possible_at: datetime | None
    decided_at: datetime
    trigger_version: int
    policy_version: int | None
    invitation: dict[str, Any] | None = None
    contact_id: int | None = None

    @property
    def cursor(self) -> str:
        return f"{self.event_id}-{self.trigger_id}"

    def as_json(self) -> dict[str, Any]:
        shown = asdict(self)
        del shown["event_id"], shown["trigger_id"], shown["contact_id"]
        shown["gates"] = [
            {k: v for k, v in gate.items() if v is not None or k in ("observed", "limit")} for gate in shown["gates"]
        ]
        return shown


def list_decisions(
    *,
    contact_id: int | None,
    trigger: str | None,
    outcome: str | None,
    before: str,
    limit: int,
    company_zone: str,
) -> list[Explained]:
    """Decisions, newest event first."""
    query = (
        select(Decision, Event, Source.slug, Trigger.slug)
        .join(Event, Event.id == Decision.event_id)
        .join(Source, Source.id == Event.source_id)
        .join(Trigger, Trigger.id == Decision.trigger_id)
        .order_by(Decision.event_id.desc(), Decision.trigger_id.desc())
        .limit(limit)
    )
    if contact_id is not None:
        query = query.where(Decision.contact_id == contact_id)
    if trigger:
        query = query.where(Trigger.slug == trigger)
    if outcome:
        query = query.where(Decision.outcome == outcome)
    if before:
        event_id, trigger_id = (int(part) for part in before.split("-"))
        query = query.where(
            or_(
                Decision.event_id < event_id,
                and_(Decision.event_id == event_id, Decision.trigger_id < trigger_id),
            )
        )
    rows = db.session.execute(query).all()
    contacts = _contacts({d.contact_id for d, *_ in rows if d.contact_id})
    invited = _invitations({d.event_id for d, *_ in rows if d.outcome == "invited"})
    found = []
    for decision, event, source, slug in rows:
        reference, sampling_id = contacts.get(decision.contact_id or 0, (None, None))
        found.append(
            Explained(
                event_id=decision.event_id,
                trigger_id=decision.trigger_id,
                event=event.external_id,
                source=source,
                contact=reference,
                trigger=slug,
                outcome=decision.outcome,
                reason=decision.reason,
                gates=_gates(decision, event, source, sampling_id, company_zone),
                next_possible_at=decision.next_possible_at,
                decided_at=decision.decided_at,
                trigger_version=decision.trigger_version,
                policy_version=decision.policy_version,
                invitation=invited.get((decision.event_id, decision.trigger_id)),
                contact_id=decision.contact_id,
            )
        )
    return found


def _contacts(contact_ids: set[int]) -> dict[int, tuple[str, str]]:
    """Reference and sampling id per contact."""
    known = references(contact_ids)
    rows = db.session.execute(select(Contact.id, Contact.sampling_id).where(Contact.id.in_(contact_ids)))
    return {contact_id: (known[contact_id], sampling_id) for contact_id, sampling_id in rows}


def _invitations(event_ids: set[int]) -> dict[tuple[int, int], dict[str, Any]]:
    """What became of the invitations of these events: what happens after ``invited`` lives there."""
    rows = db.session.scalars(select(Invitation).where(Invitation.event_id.in_(event_ids)).order_by(Invitation.action))
    return {
        (i.event_id, i.trigger_id): {
            "state": i.state,
            "reason": i.reason,
            "channel": i.channel,
            "planned_at": i.planned_at,
            "handed_over_at": i.handed_over_at,
        }
        for i in rows
    }


def _gates(decision: Decision, event: Event, source: str, sampling_id: str | None, company_zone: str) -> list[Rung]:
    detail = decision.detail or {}
    closed = (
        Closed(decision.reason, detail.get("observed"), detail.get("limit"), detail.get("rule"))
        if decision.reason
        else None
    )
    happening = make_event(_stored(event, source), {}, {}, {}, first=True)
    rules = rules_of(decision.policy_version, company_zone)
    rule = trigger_version(decision.trigger_id, decision.trigger_version)
    return ladder(rule, happening, sampling_id, rules, decision.decided_at, closed)


def _stored(event: Event, source: str) -> WaitingEvent:
    return WaitingEvent(
        event.id,
        source,
        event.external_id,
        event.type,
        event.occurred_at,
        event.contact or {},
        event.properties,
        event.depth,
        event.contact_id or 0,
        ambiguous=False,
    )


def missed_conditions(contact_id: int, trigger: str | None, limit: int, company_zone: str) -> list[Explained]:
    """Events of a contact whose condition did not hold: read again, with the triggers in force now."""
    heard = {rule.event: [] for _, _, rule in current_triggers()}  # type: dict[str, list[Any]]
    for current in current_triggers():
        if trigger in (None, current[2].slug):
            heard[current[2].event].append(current)
    waiting = select(PendingEvent.event_id).where(PendingEvent.event_id == Event.id).exists()
    decided = select(Decision.event_id, Decision.trigger_id)
    rows = db.session.execute(
        select(Event, Source.slug)
        .join(Source, Source.id == Event.source_id)
        .where(Event.contact_id == contact_id, Event.type.in_(heard), ~waiting, Event.history.is_(False))
        .order_by(Event.id.desc())
        .limit(limit)
    ).all()
    known = {
        (e, t) for e, t in db.session.execute(decided.where(Decision.event_id.in_([event.id for event, _ in rows])))
    }
    found = []
    for event, source in rows:
        happening = None
        for trigger_id, version, rule in heard[event.type]:
            if (event.id, trigger_id) in known or is_withheld(event.type, event.properties):
                continue  # which condition a sensitive answer did not meet tells what it is
            happening = happening or _happening(event, source)
            closed = _missed(rule, happening)
            if closed:
                found.append(
                    Explained(
                        event_id=event.id,
                        trigger_id=trigger_id,
                        event=event.external_id,
                        source=source,
                        contact=references([contact_id])[contact_id],
                        trigger=rule.slug,
                        outcome="skipped",
                        reason="condition",
                        gates=ladder(rule, happening, None, rules_of(0, company_zone), event.received_at, closed),
                        next_possible_at=None,
                        decided_at=event.received_at,
                        trigger_version=version,
                        policy_version=None,
                    )
                )
    return found


def _happening(event: Event, source: str) -> Happening:
    """An event with its facts as they can be known now."""
    assert event.contact_id is not None
    contact = db.session.get_one(Contact, event.contact_id)
    tree = contact_facts(None, contact.name, contact.locale, contact.timezone, contact.attributes)
    segments = segment_conditions()
    windows: dict[str, timedelta] = {}
    for condition in (*(c for _, _, rule in current_triggers() for c in rule.conditions), *segments.values()):
        for kind, window in condition.needs.events.items():
            windows[kind] = max(window, windows.get(kind, timedelta(0)))
    past = past_events([event.contact_id], windows, event.occurred_at).get(event.contact_id, {})
    earlier = (
        select(Event.id)
        .where(
            Event.contact_id == event.contact_id,
            Event.type == event.type,
            or_(
                Event.occurred_at < event.occurred_at,
                and_(Event.occurred_at == event.occurred_at, Event.id < event.id),
            ),
        )
        .limit(1)
    )
    first = db.session.scalar(earlier) is None
    return make_event(_stored(event, source), tree, past, segments, first=first)


def imagined(contact_id: int, slug: str, now: datetime, company_zone: str) -> Explained | None:
    """What would be decided for this contact if the trigger's event happened now; None when there is no such trigger.

    The properties are those of the contact's last event of that kind, or of the last that would set its timer; without
    any, the condition is taken to hold.
    """
    current = next((c for c in current_triggers() if c[2].slug == slug), None)
    if current is None:
        return None
    trigger_id, version, rule = current
    last = db.session.execute(
        select(Event, Source.slug)
        .join(Source, Source.id == Event.source_id)
        .where(Event.contact_id == contact_id, Event.type.in_(_heard_types(rule)))
        .order_by(Event.occurred_at.desc())
        .limit(1)
    ).one_or_none()
    number, rules = rules_at(now, company_zone, standings([current], now, company_zone))
    person, tree = present_contact(contact_id, rules, number, now)
    block = WaitingEvent(
        0, "", "", rule.event, now, {}, last[0].properties if last else {}, 0, contact_id, ambiguous=False
    )
    windows = {kind: window for condition in rule.conditions for kind, window in condition.needs.events.items()}
    past = past_events([contact_id], windows, now).get(contact_id, {}) if windows else {}
    happening = make_event(block, tree, past, segment_conditions(), first=last is None)
    asked = rule if last else replace(rule, condition=ALWAYS)
    [result] = decide_each(happening, person, [asked], rules, now)
    closed = _missed(rule, happening) if isinstance(result, Miss) else result.closed
    return Explained(
        event_id=0,
        trigger_id=trigger_id,
        event=last[0].external_id if last else "",
        source=last[1] if last else "",
        contact=references([contact_id])[contact_id],
        trigger=slug,
        outcome="skipped" if isinstance(result, Miss) else result.outcome,
        reason=closed.reason if closed else None,
        gates=ladder(asked, happening, person.sampling_id, rules, now, closed),
        next_possible_at=closed.next_possible_at if closed else None,
        decided_at=now,
        trigger_version=version,
        policy_version=number,
    )


def _heard_types(rule: Rule) -> tuple[str, ...]:
    return (rule.event, rule.when.event) if isinstance(rule.when, Absence) else (rule.event,)


def _missed(rule: Any, happening: Happening) -> Closed | None:
    if rule.first_only and not happening.first:
        return Closed("condition", "not the first", "first", "occurrence")
    if rule.counted is not None and not rule.counted.holds(happening.facts):
        before = rule.counted.clause(0, happening.facts).observed or 0
        return Closed("condition", before + 1, rule.when.nth, "occurrence")
    number = rule.condition.failing(happening.facts)
    if number is None or number == NOT_FIRST:
        return None
    clause = rule.condition.clause(number, happening.facts)
    return Closed("condition", clause.observed, clause.value, f"{clause.field} {clause.op}")
