"""A company's facts, written straight into the tables: many, quickly, the same every time, and each with its place."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from app.actions.definitions import apply_definitions
from app.definitions import load_definitions
from app.extensions import db, insert_rows, transaction
from app.models.contacts import Address, Contact
from app.models.decisions import Decision, Effect
from app.models.departments import Department
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.rollups import DirtyDay
from app.models.sources import Source
from app.models.surveys import Survey, SurveyVersion
from app.models.tasks import Task
from app.models.triggers import Trigger
from surveys.sampling import draw

DEFINITIONS = """
departments:
  - {slug: care, name: Customer care, email: care@example.com, hours: "Mo-Fr 09:00-18:00", zone: Europe/Moscow}
surveys:
  - slug: relation
    pages: [{questions: [{id: nps, type: nps, text: "How likely?"}, {id: why, type: text, text: "Why?"}]}]
  - slug: delivery
    pages: [{questions: [{id: csat, type: csat, text: "How was it?"}, {id: why, type: text, text: "Why?"}]}]
  - slug: support
    pages: [{questions: [{id: ces, type: ces, text: "How easy?"}]}]
segments:
  - {slug: premium, name: Premium, if: {field: contact.attributes.plan, op: eq, value: premium}}
  - {slug: frequent, if: {events: box.delivered, count: true, within: 20d, op: gte, value: 2}}
triggers:
  - {slug: upgrade-nps, status: live, touchpoint: Upgrade, when: {event: subscription.upgraded},
     then: [{send: {survey: relation}}]}
  - {slug: delivery-csat, status: live, touchpoint: Delivery, when: {event: box.delivered},
     then: [{send: {survey: delivery}}]}
  - {slug: support-ces, status: live, when: {event: complaint.resolved}, then: [{send: {survey: support}}]}
  - {slug: unhappy, status: live, when: {event: survey.answered},
     then: [{task: {department: care, title: "Call", due: 4h}}]}
"""
KINDS = (("subscription.upgraded", "upgrade-nps", "relation"), ("box.delivered", "delivery-csat", "delivery"),
         ("complaint.resolved", "support-ces", "support"), ("page.viewed", None, None))  # fmt: skip
PLACES = ("Centre", "Riverside", "Northside", None)
EMPLOYEES = ("c-1", "c-2", None)
COMMENTS = ("The box came late", "Всё было холодное и опоздало", "Lovely, thank you", "", "Too expensive")
SALT = b"company"
PEOPLE = 100


def chance(what: str, number: int) -> float:
    return draw(SALT, what, str(number))


def pick(what: str, number: int, among: tuple[Any, ...]) -> Any:
    return among[int(chance(what, number) * len(among))]


def found_company(
    events: int, days: int, now: datetime, score: Callable[[str, int, Any, datetime], int] | None = None
) -> None:
    """``events`` events in the ``days`` before ``now``, decided, asked about, answered, followed by tasks.

    ``score`` is told metric, number, place and moment, and gives the score of an answer.
    """
    loaded = load_definitions({"company.yaml": DEFINITIONS})
    assert not loaded.faults, loaded.faults
    apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=now)
    with transaction() as session:
        triggers = {t.slug: t.id for t in session.query(Trigger)}
        versions = {
            slug: version
            for slug, version in session.query(Survey.slug, SurveyVersion.id).join(
                SurveyVersion, SurveyVersion.survey_id == Survey.id
            )
        }
        source = session.query(Source.id).filter(Source.slug == "api").scalar()
        own = session.query(Source.id).filter(Source.slug == "otklik").scalar()
        department = session.query(Department.id).scalar()
        people = [_person(n, now) for n in range(1, PEOPLE + 1)]
        insert_rows(session, Contact, people)
        insert_rows(session, Address, [{"id": n, "channel": "email", "value": f"c{n}@example.com",
                                        "shared": False} for n in range(1, PEOPLE + 1)])  # fmt: skip
        made = [_story(n, events, days, now, score or _score) for n in range(1, events + 1)]
        insert_rows(session, Event, [s["event"] | {"source_id": source} for s in made])
        insert_rows(session, Decision, [
            s["decision"] | {"trigger_id": triggers[s["trigger"]]} for s in made if "decision" in s
        ])  # fmt: skip
        asked = [s for s in made if "invitation" in s]
        insert_rows(session, Invitation, [
            s["invitation"] | {"trigger_id": triggers[s["trigger"]], "survey_version_id": versions[s["survey"]]}
            for s in asked
        ])  # fmt: skip
        answered = [s for s in asked if "response" in s]
        insert_rows(session, Response, [s["response"] | {"survey_version_id": versions[s["survey"]]}
                                        for s in answered])  # fmt: skip
        unhappy = [s for s in answered if s["low"]]
        again = [_answered(s, events + n, own) for n, s in enumerate(unhappy, 1)]
        insert_rows(session, Event, again)
        insert_rows(session, Event, _upgrades(len(made) + len(again), turned(days, now), own))
        insert_rows(session, Effect, [
            {"id": n, "event_id": e["id"], "trigger_id": triggers["unhappy"], "trigger_version": 1, "action": 0,
             "kind": "task", "contact_id": e["contact_id"], "created_at": e["occurred_at"], "attempts": 1}
            for n, e in enumerate(again, 1)
        ])  # fmt: skip
        insert_rows(session, Task, [
            {"effect_id": n, "department_id": department, "event_id": e["id"], "contact_id": e["contact_id"],
             "trigger_id": triggers["unhappy"], "trigger_version": 1, "action": 0,
             "status": "open" if n % 3 else "resolved", "priority": "normal",
             "due_at": e["occurred_at"] + timedelta(days=30), "created_at": e["occurred_at"]}
            for n, e in enumerate(again, 1)
        ])  # fmt: skip
        sent = {s["invitation"]["handed_over_at"].replace(hour=12, minute=0, second=0) for s in asked
                if s["invitation"]["handed_over_at"]}  # fmt: skip
        halves = {moment + timedelta(hours=12 * n) for moment in sent for n in (-1, 0, 1)}
        insert_rows(session, DirtyDay, [{"moment": moment} for moment in sorted(halves)])
    db.session.remove()


def turned(days: int, now: datetime) -> datetime:
    """When every fourth customer became a premium one."""
    return now - timedelta(days=days / 2)


def belongs(contact: int, at: datetime, upgraded: datetime, deliveries: Collection[datetime]) -> list[str]:
    """The segments of a customer at a moment, told by how they were made."""
    premium = contact % 4 == 0 or (contact % 4 == 1 and at >= upgraded)
    frequent = sum(at - timedelta(days=20) < delivery <= at for delivery in deliveries) > 1
    return [slug for slug, holds in (("frequent", frequent), ("premium", premium)) if holds]


def _upgrades(after: int, at: datetime, source: int) -> list[dict[str, Any]]:
    told = {"field": "attributes.plan", "from": None, "to": "premium"}
    return [
        {"id": after + n, "external_id": f"c-{n}", "type": "contact.changed", "source_id": source, "occurred_at": at,
         "received_at": at, "properties": told, "contact_id": n, "depth": 1, "history": False}
        for n in range(1, PEOPLE + 1, 4)
    ]  # fmt: skip


def _person(number: int, now: datetime) -> dict[str, Any]:
    return {"id": number, "public_id": f"ct_{number}", "sampling_id": str(number), "name": f"Person {number}",
            "attributes": {"plan": "premium"} if number % 4 < 2 else {}, "consents": {}, "profile_at": now,
            "created_at": now}  # fmt: skip


def _story(number: int, events: int, days: int, now: datetime, score: Any) -> dict[str, Any]:
    at = (now - timedelta(days=days) * ((events - number + 1) / events)).replace(microsecond=0)
    kind, trigger, survey = pick("kind", number, KINDS)
    place, employee = pick("place", number, PLACES), pick("employee", number, EMPLOYEES)
    properties = {k: v for k, v in (("place", place), ("employee", employee)) if v}
    if chance("touchpoint", number) < 0.1:
        properties["touchpoint"] = "Kitchen"
    contact = 1 + number % PEOPLE
    story: dict[str, Any] = {
        "event": {"id": number, "external_id": f"e-{number}", "type": kind, "occurred_at": at, "received_at": at,
                  "properties": properties, "contact_id": contact, "depth": 0, "history": False},
        "trigger": trigger, "survey": survey,
    }  # fmt: skip
    if trigger is None or chance("condition", number) < 0.2:
        return story
    reason = pick("reason", number, (None, None, None, "not_sampled", "not_sampled", "contact_limit", "holdout"))
    story["decision"] = {"event_id": number, "contact_id": contact, "outcome": "skipped" if reason else "invited",
                         "reason": reason, "decided_at": at, "trigger_version": 1, "policy_version": 1}  # fmt: skip
    if reason:
        return story
    touchpoint = properties.get("touchpoint") or {"upgrade-nps": "Upgrade", "delivery-csat": "Delivery"}.get(trigger)
    sent = None if chance("sent", number) < 0.05 else at + timedelta(minutes=3)
    done = sent + timedelta(hours=5) if sent and chance("answered", number) < 0.4 else None
    done = done if done and done < now else None
    state = "completed" if done else "open" if sent else "cancelled"
    story["invitation"] = {
        "id": number, "public_id": f"i{number}", "event_id": number, "trigger_version": 1, "action": 0,
        "contact_id": contact, "address_id": contact, "class": "transactional", "channel": "email",
        "touchpoint": touchpoint, "language": "en", "probability": 1.0, "state": state, "created_at": at,
        "planned_at": at, "stale_at": at + timedelta(days=2), "handed_over_at": sent, "started_at": done,
        "completed_at": done,
    }  # fmt: skip
    if done:
        metric = {"relation": "nps", "delivery": "csat", "support": "ces"}[survey]
        value = score(metric, number, place, done)
        comment = pick("comment", number, COMMENTS) if metric != "ces" else ""
        story["low"] = value <= 3
        story["response"] = {"id": number, "invitation_id": number, "contact_id": contact, "language": "en",
                             "answers": {metric: value} | ({"why": comment} if comment else {}), "complete": True,
                             "started_at": done, "changed_at": done, "completed_at": done,
                             "announced_at": done}  # fmt: skip
    return story


def _score(metric: str, number: int, place: Any, at: datetime) -> int:
    low, high = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}[metric]
    return low + int(chance("score", number) ** 0.4 * (high - low + 1))


def _answered(story: dict[str, Any], number: int, source: int) -> dict[str, Any]:
    event: dict[str, Any] = story["event"]
    return event | {"id": number, "external_id": f"r-{number}", "type": "survey.answered", "source_id": source,
                    "occurred_at": story["response"]["completed_at"], "received_at": story["response"]["completed_at"],
                    "properties": event["properties"] | {"invitation": story["invitation"]["public_id"]},
                    "cause_id": event["id"], "depth": 1}  # fmt: skip
