"""Rehearsals: past events, and the people they were about as they were then, handed to the rules; what came of it."""

import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select

from app.extensions import among, db
from app.models.contacts import Address, Contact, ContactAddress
from app.models.decisions import Reservation
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.rollups import Rollup
from app.models.sources import Source
from app.queries.contacts import contact_facts
from app.queries.crises import crises_between
from app.queries.policies import policy_number, rules_of
from app.queries.quotas import LOOKED_BACK, RIPE, answer_rates
from app.queries.rollups import figures
from app.queries.sealed import opened
from app.queries.segments import segment_conditions
from app.queries.surveys import current_surveys, survey_version
from app.queries.triggers import CurrentTrigger, current_triggers
from surveys import contact_policy
from surveys.conditions import Condition
from surveys.contact_policy import ContactPolicy
from surveys.expectation import days_to_quota, expected_answers, nps_half_width
from surveys.quotas import USUAL_RATE, Standing, answer_rate, period
from surveys.rehearsal import (
    CHANGED,
    Course,
    Happening,
    Mailbox,
    Person,
    Recorder,
    Refused,
    change,
    differing,
    run,
    times_asked,
)
from surveys.triggers import Trigger

BLOCK = 2_000
DIFFERING_MAX = 1_000
"""How many of the contacts whose outcome differs are handed out at once."""
COLLECTED_AFTER = 50_000
"""New objects after which the collector looks, where it usually does after 700."""
Differing = Callable[[Sequence[dict[str, Any]]], None]
"""Is handed everybody whose outcome differs, some at a time."""
Progress = Callable[[int], bool]
"""Is told how many events are done; answers whether to go on."""


class Cancelled(Exception):
    """Somebody does not want to know any more."""


@dataclass(frozen=True)
class Draft:
    """What is laid over what is in force: triggers and segments by slug, and the policy if it is another."""

    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    segments: Mapping[str, Condition] = field(default_factory=dict)
    policy: ContactPolicy | None = None


@dataclass(frozen=True)
class Span:
    """From when (included) to when (not included) events are rehearsed, and on whose clock days are counted."""

    since: datetime
    until: datetime
    company_zone: str


def count_events(span: Span) -> int:
    """How many events services told of in this time."""
    own = select(Source.id).where(Source.slug == "otklik").scalar_subquery()
    counted = select(func.count()).where(
        Event.occurred_at >= span.since, Event.occurred_at < span.until, Event.source_id != own
    )
    return db.session.scalar(counted) or 0


def first_and_last_event() -> tuple[datetime | None, datetime | None]:
    """Between which moments there are events at all."""
    first, last = db.session.execute(select(func.min(Event.occurred_at), func.max(Event.occurred_at))).one()
    return first, last


def rehearse(
    draft: Draft,
    span: Span,
    *,
    compare: bool = False,
    differ: Differing | None = None,
    progress: Progress | None = None,
    record: Recorder | None = None,
) -> dict[str, Any]:
    """Run the draft, and with ``compare`` what is in force beside it, over the events of a time.

    The result names the first of those whose outcome differs, unless ``differ`` is handed them all. Raises
    :class:`Cancelled` when ``progress`` says so.
    """
    course = _course(draft, span, record, compared=compare)
    courses = [course, _course(Draft(), span, None, compared=True)] if compare else [course]
    crowd = _Crowd(courses, span)
    with _seldom_collected():
        for done in run(courses, crowd.happenings(), span.until):
            if progress is not None and not progress(done):
                raise Cancelled
    result = {"events": count_events(span), **_told(course, crowd.concerned, span)}
    if compare:
        result["in_force"] = _told(courses[1], crowd.concerned, span)
        changed = differing(courses[1], course)
        parts = _differences(changed, courses[1], course)
        result["differing"] = {"total": len(changed)}
        if differ is None:
            result["differing"]["contacts"] = next(parts, [])
        else:
            for part in parts:
                differ(part)
    return result


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look less often for objects that only hold each other: millions are made, and looking is a fifth of the work."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECTED_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _course(draft: Draft, span: Span, record: Recorder | None, *, compared: bool) -> Course:
    policy = draft.policy or rules_of(policy_number(), span.company_zone).policy
    current = {rule.slug: (i, version, rule) for i, version, rule in current_triggers()}
    laid = {
        slug: replace(rule, status="live") if rule.status == "draft" else rule for slug, rule in draft.triggers.items()
    }
    triggers = {slug: rule for slug, (_, _, rule) in current.items()} | laid
    rules = replace(
        rules_of(policy_number(), span.company_zone),
        policy=policy,
        crises=crises_between(span.since, span.until),
        standings=_standings(triggers, current, span),
    )
    segments = {**segment_conditions(), **draft.segments}
    return Course(triggers.values(), rules, segments, span.since, record, compared=compared)


def _standings(
    triggers: Mapping[str, Trigger], current: Mapping[str, CurrentTrigger], span: Span
) -> dict[str, Standing]:
    """How far quotas were used when the time begins; what each further invitation uses is what it usually does."""
    zone = ZoneInfo(span.company_zone)
    ids = {slug: current[slug][0] for slug in triggers if slug in current}
    rates = answer_rates(list(ids.values()), span.until, zone)
    found = {}
    for slug, trigger in triggers.items():
        if quota := trigger.sample.quota:
            starts, ends = period(span.since, quota.per, zone)
            each = 1.0 if quota.of == "invitations" else rates.get(ids.get(slug, 0), USUAL_RATE)
            before = select(func.count()).where(
                Invitation.trigger_id == ids.get(slug, 0),
                Invitation.created_at >= starts,
                Invitation.created_at < span.since,
            )
            found[slug] = Standing(starts, ends, (db.session.scalar(before) or 0) * each, each)
    return found


class _Crowd:
    """Events in order, each with the person it was about, who is met when first needed."""

    def __init__(self, courses: Sequence[Course], span: Span) -> None:
        self._span = span
        self._people: dict[int, Person] = {}
        self._longest = max(course.rules.policy.longest for course in courses)
        self._first_of = {kind for course in courses for kind in course.first_of}
        self._back: dict[str, timedelta] = {CHANGED: timedelta(0)}
        for course in courses:
            for kind, window in course.looks_back.items():
                self._back[kind] = max(window, self._back.get(kind, timedelta(0)))
        self._heard = {trigger.event for course in courses for trigger in course.triggers}
        self.concerned: set[int] = set()
        """Contacts with an event that a trigger listens to."""

    def happenings(self) -> Iterator[tuple[Happening, Person | None]]:
        by_window: dict[timedelta, list[str]] = {}
        for kind, window in self._back.items():
            by_window.setdefault(window, []).append(kind)
        wanted = [
            and_(among(Event.type, sorted(kinds)), Event.occurred_at >= self._span.since - window)
            for window, kinds in by_window.items()
        ]
        rows = db.session.execute(
            select(
                Event.id,
                Event.type,
                Event.occurred_at,
                Event.contact_id,
                Event.contact,
                Event.properties,
                Event.depth,
            )
            .where(or_(*wanted), Event.occurred_at < self._span.until)
            .order_by(Event.occurred_at, Event.id)
            .execution_options(yield_per=BLOCK)
        )
        for block in rows.partitions():
            told = opened([(r[1], r[5]) for r in block])
            found = [Happening(r[0], r[1], r[2], r[3], r[4] or {}, p, r[6]) for r, p in zip(block, told, strict=True)]
            self._meet({h.contact_id for h in found if h.contact_id} - self._people.keys())
            for happening in found:
                person = self._people.get(happening.contact_id or 0)
                if person is not None and happening.type in self._heard and happening.occurred_at >= self._span.since:
                    self.concerned.add(person.id)
                yield happening, person

    def _meet(self, contact_ids: Collection[int]) -> None:
        """Make the acquaintance of contacts, as they were when the time begins."""
        if not contact_ids:
            return
        boxes, taken = _mailboxes(contact_ids), self._taken(contact_ids)
        rows = db.session.execute(
            select(
                Contact.id,
                Contact.sampling_id,
                Contact.name,
                Contact.locale,
                Contact.timezone,
                Contact.attributes,
                Contact.unsubscribed_at,
                Contact.consents,
            ).where(among(Contact.id, contact_ids))
        )
        for row in rows:
            profile = contact_facts(None, row.name, row.locale, row.timezone, row.attributes)
            chosen = row.attributes.get("preferred_channel")
            self._people[row.id] = Person(
                row.id,
                row.sampling_id,
                profile,
                unsubscribed_at=row.unsubscribed_at,
                consents={s: (said["granted"], _moment(said.get("at"))) for s, said in row.consents.items()},
                mailboxes=boxes.get(row.id, ()),
                taken=taken.get(row.id, ()),
                preferred=(chosen,) if isinstance(chosen, str) else (),
            )
        self._turn_back(contact_ids)
        if self._first_of:
            self._recall(contact_ids)

    def _turn_back(self, contact_ids: Collection[int]) -> None:
        """Undo every change of these contacts since the time began."""
        rows = db.session.execute(
            select(Event.contact_id, Event.properties)
            .where(
                among(Event.contact_id, contact_ids),
                Event.type == CHANGED,
                Event.occurred_at >= self._span.since,
            )
            .order_by(Event.occurred_at.desc(), Event.id.desc())
        )
        for contact_id, told in rows:
            if contact_id is not None:
                change(self._people[contact_id].profile, told, "from")

    def _recall(self, contact_ids: Collection[int]) -> None:
        rows = db.session.execute(
            select(Event.contact_id, Event.type)
            .where(
                among(Event.contact_id, contact_ids),
                among(Event.type, sorted(self._first_of)),
                Event.occurred_at < self._span.since,
            )
            .distinct()
        )
        for contact_id, kind in rows:
            if contact_id is not None:
                self._people[contact_id].seen.add(kind)

    def _taken(self, contact_ids: Collection[int]) -> dict[int, list[tuple[int | None, contact_policy.Reservation]]]:
        """The places that were taken, or promised, before the time begins."""
        since = self._span.since
        rows = db.session.execute(
            select(
                Reservation.contact_id,
                Reservation.address_id,
                Reservation.counts_at,
                Reservation.class_,
                Reservation.channel,
                Reservation.survey,
                Reservation.trigger,
            )
            .outerjoin(Invitation, Invitation.id == Reservation.invitation_id)
            .where(
                among(Reservation.contact_id, contact_ids),
                Reservation.counts_at > since - self._longest,
                or_(Reservation.counts_at < since, Invitation.created_at < since),
            )
            .order_by(Reservation.counts_at)
        )
        found: dict[int, list[tuple[int | None, contact_policy.Reservation]]] = {}
        for row in rows:
            place = contact_policy.Reservation(row.counts_at, row.class_, row.channel, row.survey, row.trigger)
            found.setdefault(row.contact_id, []).append((row.address_id, place))
        return found


def _mailboxes(contact_ids: Collection[int]) -> dict[int, list[Mailbox]]:
    """Every address these contacts ever had, the newest last."""
    rows = db.session.execute(
        select(
            ContactAddress.contact_id,
            Address.id,
            Address.channel,
            ContactAddress.since,
            Address.unsubscribed_at,
            Address.suppressed_at,
        )
        .join(Address, Address.id == ContactAddress.address_id)
        .where(among(ContactAddress.contact_id, contact_ids))
        .order_by(ContactAddress.since, Address.id)
    )
    found: dict[int, list[Mailbox]] = {}
    for row in rows:
        box = Mailbox(row.id, row.channel, row.since, row.unsubscribed_at, row.suppressed_at)
        found.setdefault(row.contact_id, []).append(box)
    return found


def _moment(written: str | None) -> datetime:
    return datetime.fromisoformat(written) if written else datetime.min.replace(tzinfo=UTC)


def _told(course: Course, concerned: Collection[int], span: Span) -> dict[str, Any]:
    """What a course came to, as everybody is told of it."""
    asked = times_asked(course, concerned)
    days: dict[str, dict[str, int]] = {}
    for (day, channel), n in sorted(course.days.items()):
        days.setdefault(day, {})[channel] = n
    rates, asked_through, nps = channel_rates(span), _asked(course), _nps(course, span)
    return {
        "triggers": {
            slug: {
                "matched": count.matched,
                "invited": count.invited,
                "deferred": count.deferred,
                "skipped": dict(sorted(count.skipped.items())),
                "acted": count.acted,
                "called_off": count.called_off,
                "behind": dict(count.behind.most_common()),
            }
            for slug, count in course.counts.items()
        },
        "contacts": {str(times): asked[times] for times in sorted(asked)},
        "days": days,
        "questions": sum(asked_through.values()),
        "asked": asked_through,
        "answers": round(expected_answers(asked_through, rates), 1),
        "rates": {channel: round(rates.get(channel, USUAL_RATE), 4) for channel in asked_through},
        "nps": nps,
        "nps_half_width": nps_half_width(nps["value"], expected_answers(nps["asked"], rates)),
        "quotas": _quotas(course, span),
        "most": max(asked, default=0),
        "closest": _seconds(course.closest(counted=False)),
        "closest_counted": _seconds(course.closest(counted=True)),
        "not_rehearsed": course.not_rehearsed,
    }


def channel_rates(span: Span) -> dict[str, float]:
    """Which share of those asked through a channel answers, as seen in the 90 days before the end of the time."""
    end = span.until.astimezone(ZoneInfo(span.company_zone)).date()
    rows = db.session.execute(
        select(Rollup.channel, func.sum(Rollup.answered), func.sum(Rollup.handed_over))
        .where(Rollup.dimension == "", Rollup.day.between(end - LOOKED_BACK, end - RIPE))
        .group_by(Rollup.channel)
    )
    return {channel: answer_rate(answered, asked) for channel, answered, asked in rows}


def _nps(course: Course, span: Span) -> dict[str, Any]:
    """The NPS as it is, and the invitations by channel to surveys that ask for it."""
    end = span.until.astimezone(ZoneInfo(span.company_zone)).date()
    whole = next(iter(figures("nps", end - LOOKED_BACK, end, None)), None)
    asking = {
        slug
        for slug, (version_id, _) in current_surveys().items()
        if any(q.type == "nps" for page in survey_version(version_id).pages for q in page.questions)
    }
    known = whole is not None and whole.figure.low is not None
    return {"value": whole.figure.value if whole and known else None, "asked": _asked(course, asking)}


def _asked(course: Course, surveys: Collection[str] | None = None) -> dict[str, int]:
    """Invitations by channel, to these surveys or to all."""
    asked: Counter[str] = Counter()
    for (slug, channel), n in course.questions.items():
        if surveys is None or slug in surveys:
            asked[channel] += n
    return dict(asked)


def _quotas(course: Course, span: Span) -> dict[str, dict[str, Any]]:
    """Every quota, and how many days it takes to reach it at this pace."""
    found = {}
    for trigger in course.triggers:
        if quota := trigger.sample.quota:
            each = course.rules.standings[trigger.slug].each
            invited = course.counts[trigger.slug].invited
            days = days_to_quota(quota.max, invited, each, span.until - span.since)
            found[trigger.slug] = {"of": quota.of, "max": quota.max, "per": _seconds(quota.per), "days": days}
    return found


def _differences(contact_ids: Sequence[int], before: Course, after: Course) -> Iterator[list[dict[str, Any]]]:
    """What differs for these contacts, so many of them at a time."""
    was, now = before.asked_of(), after.asked_of()
    for first in range(0, len(contact_ids), DIFFERING_MAX):
        part = contact_ids[first : first + DIFFERING_MAX]
        yield [_difference(i, was.get(i, []), now.get(i, []), before, after) for i in part]


def _difference(
    contact_id: int, was: Sequence[tuple[int, str]], now: Sequence[tuple[int, str]], before: Course, after: Course
) -> dict[str, Any]:
    gained = [trigger for event, trigger in now if (event, trigger) not in was]
    lost = [trigger for event, trigger in was if (event, trigger) not in now]
    by = after if lost else before
    refused = by.refused_of(contact_id, lost or gained)
    return {
        "contact": contact_id,
        "before": len(was),
        "after": len(now),
        "gained": sorted(set(gained)),
        "lost": sorted(set(lost)),
        "reason": refused.closed.reason if refused else None,
        "trigger": refused.trigger if refused else None,
        "refused": _refusal(refused) if refused else None,
    }


def _refusal(refused: Refused) -> dict[str, Any]:
    """What is needed to say it in a sentence."""
    closed, limit = refused.closed, refused.limit
    found = {
        "at": refused.at.isoformat(),
        "observed": closed.observed,
        "limit": closed.limit,
        "rule": closed.rule,
        "per": _seconds(limit.per) if limit else None,
        "heard_at": refused.heard.isoformat() if refused.heard else None,
        "next_possible_at": closed.next_possible_at.isoformat() if closed.next_possible_at else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())
