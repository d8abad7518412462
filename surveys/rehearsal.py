"""Rehearsal: past events decided once more by the same rules, with a clock that moves from event to event.

Nothing is sent and nothing is stored. What reality did (profiles, unsubscribes, closed complaints, answers as events)
is taken as it was; what was promised is carried along as these rules promise it. Reminders are not rehearsed, since
nobody knows who would have answered; a message counts at its planned time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import pairwise, permutations
from typing import Any, Self
from zoneinfo import ZoneInfo

from surveys.conditions import Condition, Facts, PastEvent
from surveys.contact_policy import COMPLAINT_LAPSES, NEVER, Limit, Reservation, country_of
from surveys.decision import Decision, Deferred, Miss, decide_deferred, decide_each
from surveys.gates import ACTIVE, Address, Closed, Contact, Event, Rules, hand_over_closed, in_order, reservation_of
from surveys.history import (
    PROFILE,
    Complaints,
    complaint_since,
    event_of,
    follow_complaint,
    release,
    sent_elsewhere,
    take,
)
from surveys.occasions import Absence, Occurs, Silence
from surveys.permission import SENT
from surveys.timers import Later, silence_due, stays_away, subject
from surveys.triggers import Trigger

INSTANT = timedelta(microseconds=1)
EVER = datetime.min.replace(tzinfo=UTC)
STEP = 2_000
"""After how many events it is said how far a rehearsal is."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A past event; ``contact_id`` is None where it named nobody."""

    id: int
    type: str
    occurred_at: datetime
    contact_id: int | None
    block: Mapping[str, Any]
    properties: Mapping[str, Any]
    depth: int = 0
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address of a contact: through which channel, and since when it is theirs, unsubscribed, suppressed."""

    id: int
    channel: str
    since: datetime
    unsubscribed_at: datetime | None = None
    suppressed_at: datetime | None = None


@dataclass(slots=True)
class Person:
    """A contact as of the beginning, carried along: what all courses share.

    ``consents`` say since when they hold; ``taken`` are the places that were taken before the beginning, with the id of
    the address where each was.
    """

    id: int
    sampling_id: str
    profile: dict[str, Any]
    unsubscribed_at: datetime | None = None
    consents: Mapping[str, tuple[bool, datetime]] = field(default_factory=dict)
    mailboxes: Sequence[Mailbox] = ()
    taken: Sequence[tuple[int | None, Reservation]] = ()
    complaints: Complaints = field(default_factory=dict)
    preferred: tuple[str, ...] = ()
    seen: set[str] = field(default_factory=set)
    past: dict[str, list[PastEvent]] = field(default_factory=dict)


@dataclass
class Count:
    """What a trigger's events came to."""

    matched: int = 0
    invited: int = 0
    deferred: int = 0
    acted: int = 0
    called_off: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    behind: Counter[str] = field(default_factory=Counter)
    """By whom it was kept out: superseded by, or over a limit that was filled by."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a trigger did not ask a contact about an event, and when; with a limit, and the latest that filled it."""

    trigger: str
    event_id: int
    closed: Closed
    at: datetime
    limit: Limit | None = None
    heard: datetime | None = None


@dataclass(slots=True)
class _State:
    """One contact in one course."""

    contact: Contact
    complaints: Complaints
    waiting: list[tuple[datetime, Deferred]] = field(default_factory=list)
    """What is tried again, and when."""
    asked: list[tuple[int, str]] = field(default_factory=list)
    holds_until: datetime = EVER
    """When addresses, consents or an unsubscription have to be looked at again."""


Recorder = Callable[[Event, int | None, Decision], None]
"""Is told of every decision: the event, the contact, what it came to."""


class Course:
    """One set of rules and triggers, run over past events in order; what it came to is read from it at the end.

    Only a course that is to be ``compared`` remembers why it passed over whom.
    """

    def __init__(
        self,
        triggers: Iterable[Trigger],
        rules: Rules,
        segments: Mapping[str, Condition],
        since: datetime,
        record: Recorder | None = None,
        *,
        compared: bool = False,
    ) -> None:
        self.triggers = in_order(trigger for trigger in triggers if trigger.status in ACTIVE)
        self.rules, self._since, self._record = rules, since, record
        self._zone = ZoneInfo(rules.company_zone)
        looks = rules.crises or any(c.needs.segments for t in self.triggers for c in t.conditions)
        self._segments = segments if looks else {}
        self._heard: dict[str, list[Trigger]] = {}
        self._calling_off: dict[str, set[str]] = {}
        self._virtual = {t.event for t in self.triggers if isinstance(t.when, Absence | Silence)}
        for trigger in self.triggers:
            self._heard.setdefault(trigger.event, []).append(trigger)
            for kind in {kind for _, send in trigger.sends for kind in send.cancel_on}:
                self._calling_off.setdefault(kind, set()).add(trigger.slug)
        self._opening = [t for t in self.triggers if isinstance(t.when, Absence | Silence)]
        self._states: dict[int, _State] = {}
        self._refused: dict[tuple[int, str], Refused] | None = {} if compared else None
        self._disputed: dict[tuple[int, str], Refused] = {}
        self._just_asked: list[tuple[int, str, int]] = []
        self._people: dict[int, Person] = {}
        self._addresses: dict[int, Address] = {}
        self._queue: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._made = 0
        self.counts = {trigger.slug: Count() for trigger in self.triggers}
        self.days: Counter[tuple[str, str]] = Counter()
        self.questions: Counter[tuple[str, str]] = Counter()
        """Invitations by survey and channel."""

    @property
    def not_rehearsed(self) -> list[str]:
        """Triggers whose moments are not worked out here: only those that came in reality are seen."""
        return [t.slug for t in self.triggers if not isinstance(t.when, Occurs | Absence | Silence)]

    @property
    def looks_back(self) -> dict[str, timedelta]:
        """The types of events that matter, and for how long before the beginning."""
        policy = self.rules.policy
        back = dict.fromkeys((*self._heard, *self._calling_off), timedelta(0)) | {SENT: timedelta(0)}
        for kind in policy.complaint_opens | policy.complaint_closes:
            back[kind] = COMPLAINT_LAPSES
        wanted = [c.needs.events.items() for t in self.triggers for c in t.conditions]
        wanted += [c.needs.events.items() for c in self._segments.values()]
        for trigger in self._opening:
            rule = trigger.when
            if isinstance(rule, Absence):
                wanted.append({rule.event: rule.within, rule.without: rule.within}.items())
            elif isinstance(rule, Silence):
                lasts = rule.period + (rule.used.per if rule.used else timedelta(0))
                wanted.append(dict.fromkeys(rule.since, lasts).items())
        for kind, window in (pair for pairs in wanted for pair in pairs):
            back[kind] = max(window, back.get(kind, timedelta(0)))
        return back

    @property
    def first_of(self) -> set[str]:
        """Types of which it matters whether an event is a contact's first."""
        return {trigger.event for trigger in self.triggers if trigger.first_only}

    def happen(self, happened: Happening, person: Person | None) -> None:
        """What follows from one event. Events come in order of (occurred_at, id)."""
        at = happened.occurred_at
        self._catch_up(at)
        heard = self._heard.get(happened.type) if at >= self._since and happened.type not in self._virtual else None
        if person is None:
            if heard:
                nobody = event_of(happened, {}, {}, self._segments, first=False)
                self._tally(None, decide_each(nobody, None, heard, self.rules, at), nobody)
            return
        freed = self._react(happened, person)
        if heard:
            first = happened.type not in person.seen
            event = event_of(happened, person.profile, person.past, self._segments, first=first)
            state = self._ready(person, at)
            self._tally(state, decide_each(event, state.contact, heard, self.rules, at), event)
        if freed:
            self._decide_waiting(person, at, freed=True)

    def finish(self, until: datetime) -> None:
        """Let everything come that is due before ``until``."""
        self._catch_up(until)

    def asked_of(self) -> Mapping[int, list[tuple[int, str]]]:
        """Who was asked about which event by which trigger."""
        return {contact_id: state.asked for contact_id, state in self._states.items()}

    def refused_of(self, contact_id: int, triggers: Iterable[str]) -> Refused | None:
        """Why one of these triggers did not ask the contact: about what another course asks, else the last time."""
        for known in (self._disputed, self._refused or {}):
            found = [refused for slug in triggers if (refused := known.get((contact_id, slug)))]
            if found:
                return max(found, key=lambda refused: refused.at)
        return None

    def dispute(self, other: Self) -> None:
        """Keep why this course did not ask about what another one has just asked about."""
        for contact_id, slug, event_id in other._just_asked:
            refused = (self._refused or {}).get((contact_id, slug))
            if refused is not None and refused.event_id == event_id:
                self._disputed[contact_id, slug] = refused
        other._just_asked.clear()

    def closest(self, *, counted: bool) -> timedelta | None:
        """The shortest time from one question to the next for the same contact; None where nobody was asked twice.

        ``counted``: among those alone that the limits over everything count.
        """
        exempt = self.rules.policy.exempt if counted else frozenset()
        found: timedelta | None = None
        for state in self._states.values():
            asked = sorted(p.counts_at for p in state.contact.taken if p.survey and p.class_ not in exempt)
            for earlier, later in pairwise(asked):
                if later >= self._since and (found is None or later - earlier < found):
                    found = later - earlier
        return found

    # -- What an event does besides being decided

    def _react(self, happened: Happening, person: Person) -> bool:
        """Complaints, promises called off, timers set; returns whether something that waits may have become free."""
        policy, freed = self.rules.policy, False
        if happened.type in policy.complaint_opens or happened.type in policy.complaint_closes:
            follow_complaint(self._state(person).complaints, happened, policy)
            freed = happened.type in policy.complaint_closes
        if off := self._calling_off.get(happened.type):
            self._call_off(self._state(person), off, happened)
            freed = True
        if happened.type == SENT and (place := sent_elsewhere(happened)):
            take(self._ready(person, happened.occurred_at).contact, place)
        for trigger in self._opening:
            self._set_timer(trigger, happened, person)
        return freed

    def _call_off(self, state: _State, slugs: set[str], happened: Happening) -> None:
        promised = Counter(p.trigger for p in state.contact.taken if p.counts_at > happened.occurred_at)
        for slug in slugs:
            self.counts[slug].called_off += promised[slug]
        release(state.contact, slugs, happened.occurred_at)
        for _, one in state.waiting:
            if one.trigger.slug in slugs:
                self.counts[one.trigger.slug].deferred -= 1
                self.counts[one.trigger.slug].skipped["cancelled"] += 1
                if self._record:
                    self._record(one.event, state.contact.id, Decision(one.trigger, "skipped", Closed("cancelled")))
        state.waiting = [(again, one) for again, one in state.waiting if one.trigger.slug not in slugs]

    def _set_timer(self, trigger: Trigger, happened: Happening, person: Person) -> None:
        rule = trigger.when
        if isinstance(rule, Silence) and happened.type in rule.since:
            self._at(happened.occurred_at + rule.period, partial(self._fall_silent, trigger, rule, person))
        elif (
            isinstance(rule, Absence) and happened.type == rule.event and subject(rule, happened.properties) is not None
        ):
            self._at(happened.occurred_at + rule.within, partial(self._stay_away, trigger, rule, happened, person))

    def _fall_silent(self, trigger: Trigger, rule: Silence, person: Person, at: datetime) -> None:
        moments = sorted(past.occurred_at for kind in rule.since for past in person.past.get(kind, ()))
        due = silence_due(rule, moments, at - INSTANT, at)
        if due is not None:
            self._wake(trigger, person, at, {"trigger": trigger.slug, "kind": rule.kind, **due.told})

    def _stay_away(self, trigger: Trigger, rule: Absence, opened: Happening, person: Person, at: datetime) -> None:
        later = [
            Later(kind, past.occurred_at, past.properties)
            for kind in (rule.event, rule.without)
            for past in person.past.get(kind, ())
            if past.occurred_at > opened.occurred_at
        ]
        if stays_away(rule, opened.properties, at, later):
            told = {"trigger": trigger.slug, "kind": rule.kind}
            self._wake(trigger, person, at, {**opened.properties, **told}, opened.depth + 1)

    def _wake(self, trigger: Trigger, person: Person, at: datetime, told: Mapping[str, Any], depth: int = 1) -> None:
        if at < self._since:
            return
        moment = round(at.timestamp() * 1_000_000)  # the same in every course, unlike any count
        happened = Happening(-moment, trigger.event, at, person.id, {}, told, depth)
        event = event_of(happened, person.profile, person.past, self._segments, first=trigger.event not in person.seen)
        state = self._ready(person, at)
        self._tally(state, decide_each(event, state.contact, [trigger], self.rules, at), event)

    # -- The clock

    def _at(self, when: datetime, call: Callable[[datetime], None]) -> None:
        self._made += 1
        heappush(self._queue, (when, self._made, call))

    def _catch_up(self, until: datetime) -> None:
        """Let everything come that is due before ``until``: at the same moment events go first."""
        while self._queue and self._queue[0][0] < until:
            at, _, call = heappop(self._queue)
            call(at)

    # -- People

    def _state(self, person: Person) -> _State:
        state = self._states.get(person.id)
        if state is None:
            taken = [place for _, place in person.taken]
            state = _State(Contact(person.id, person.sampling_id, taken=taken), dict(person.complaints))
            state.contact.preferred = person.preferred
            self._states[person.id], self._people[person.id] = state, person
            for box in person.mailboxes:
                if box.id not in self._addresses:
                    there = [place for address_id, place in person.taken if address_id == box.id]
                    self._addresses[box.id] = Address(box.id, taken=there)
        return state

    def _ready(self, person: Person, at: datetime) -> _State:
        """The contact as they were at this moment."""
        state = self._state(person)
        contact = state.contact
        contact.timezone = person.profile.get("timezone")
        if self.rules.policy.by_country:
            contact.country = country_of(person.profile)
        contact.complaint_since = complaint_since(state.complaints, at) if state.complaints else None
        if at >= state.holds_until:
            self._look_again(state, person, at)
        return state

    def _look_again(self, state: _State, person: Person, at: datetime) -> None:
        """What has its own moments: unsubscribed, consents, addresses."""
        contact = state.contact
        contact.unsubscribed_at = _passed(person.unsubscribed_at, at)
        contact.consents = {scope: granted for scope, (granted, since) in person.consents.items() if since <= at}
        addresses: dict[str, Address] = {}
        for box in person.mailboxes:  # the newest last
            if box.since <= at:
                address = addresses[box.channel] = self._addresses[box.id]
                address.unsubscribed_at = _passed(box.unsubscribed_at, at)
                address.suppressed_at = _passed(box.suppressed_at, at)
        contact.addresses = addresses
        moments = [person.unsubscribed_at, *(since for _, since in person.consents.values())]
        for box in person.mailboxes:
            moments += [box.since, box.unsubscribed_at, box.suppressed_at]
        state.holds_until = min((moment for moment in moments if moment and moment > at), default=NEVER)

    # -- What was decided

    def _tally(self, state: _State | None, results: Sequence[Decision | Miss], event: Event) -> None:
        for result in results:
            if isinstance(result, Decision):
                self.counts[result.trigger.slug].matched += 1
                self._count(state, result, event, event.occurred_at)

    def _count(self, state: _State | None, result: Decision, event: Event, at: datetime) -> None:
        slug = result.trigger.slug
        count = self.counts[slug]
        if result.outcome == "acted":
            count.acted += 1
        elif result.closed is None and state is not None:
            count.invited += 1
            self._promise(state, result, event)
        elif result.retry_at is not None and state is not None:
            count.deferred += 1
            self._wait(state, result, event, result.retry_at)
        elif result.closed:
            count.skipped[result.closed.reason] += 1
        if result.closed and state is not None:
            self._refuse(count, state, result, event, at)
        if self._record:
            self._record(event, state.contact.id if state else None, result)

    def _refuse(self, count: Count, state: _State, result: Decision, event: Event, at: datetime) -> None:
        """Note who is to blame, and where courses are compared what was seen."""
        slug, closed = result.trigger.slug, result.closed
        limit: Limit | None = None
        latest: Reservation | None = None
        assert closed is not None
        if closed.reason == "superseded" and closed.rule:
            count.behind[closed.rule] += 1
        elif closed.reason == "contact_limit":
            limit = next((one for one in self.rules.policy.in_crisis.limits if one.name == closed.rule), None)
            latest = self._latest(state, limit, at) if limit else None
            if latest:
                count.behind[latest.trigger] += 1
        if self._refused is not None:
            refused = Refused(slug, event.id, closed, at, limit, latest.counts_at if latest else None)
            self._refused[state.contact.id, slug] = refused

    def _latest(self, state: _State, limit: Limit, at: datetime) -> Reservation | None:
        """The latest place that a limit counts."""
        exempt, since = self.rules.policy.exempt, at - limit.per
        return next((p for p in reversed(state.contact.taken) if p.counts_at > since and limit.counts(p, exempt)), None)

    def _promise(self, state: _State, result: Decision, event: Event) -> None:
        person = self._people[state.contact.id]
        for invite in result.invites:
            day = invite.planned_at.astimezone(self._zone).date().isoformat()
            self.days[day, invite.channel] += 1
            if invite.send.survey:
                self.questions[invite.send.survey, invite.channel] += 1
                state.asked.append((event.id, result.trigger.slug))
                if self._refused is not None:
                    self._just_asked.append((state.contact.id, result.trigger.slug, event.id))
            if invite.planned_at > event.occurred_at:
                asked = reservation_of(result.trigger, invite.send, invite.channel, invite.planned_at)
                call = partial(self._hand_over, person, result.trigger, asked, event.facts)
                self._at(invite.planned_at, call)

    def _hand_over(self, person: Person, trigger: Trigger, asked: Reservation, facts: Facts, at: datetime) -> None:
        """What was planned for later is looked at once more; called off, its place becomes free."""
        state = self._ready(person, at)
        contact, address = state.contact, state.contact.addresses.get(asked.channel)
        if asked not in contact.taken:
            return  # called off by an event
        contact.taken.remove(asked)
        held = address is not None and asked in address.taken
        if held and address is not None:
            address.taken.remove(asked)
        if address is None or hand_over_closed(facts, contact, address, trigger, asked, self.rules):
            self.counts[trigger.slug].called_off += 1
            self._decide_waiting(person, at, freed=True)
            return
        contact.taken.append(asked)
        if held:
            address.taken.append(asked)

    def _wait(self, state: _State, result: Decision, event: Event, again: datetime) -> None:
        then = replace(event.facts, past={kind: list(past) for kind, past in event.facts.past.items()})
        waiting = replace(event, facts=then, first=True)  # whether it was the first has been asked
        state.waiting.append((again, Deferred(waiting, result.trigger)))
        self._at(again, partial(self._decide_waiting, self._people[state.contact.id]))

    def _decide_waiting(self, person: Person, at: datetime, *, freed: bool = False) -> None:
        """Decide again what is due; all that waits, where something has become free."""
        state = self._ready(person, at)
        due = [(again, one) for again, one in state.waiting if freed or again <= at]
        if not due:
            return
        state.waiting = [waiting for waiting in state.waiting if waiting not in due]
        for one, result in decide_deferred([one for _, one in due], state.contact, self.rules, at):
            self.counts[one.trigger.slug].deferred -= 1
            self._count(state, result, one.event, at)


def _passed(moment: datetime | None, at: datetime) -> datetime | None:
    return moment if moment is not None and moment <= at else None


CHANGED = "contact.changed"


def run(
    courses: Sequence[Course],
    happenings: Iterable[tuple[Happening, Person | None]],
    until: datetime,
) -> Iterator[int]:
    """Run the courses over past events in order of (occurred_at, id); yields, now and then, how many are done."""
    # Only what somebody looks back at is remembered: the rest would be most of the memory.
    kept = {kind for course in courses for kind, window in course.looks_back.items() if window}
    done = 0
    for happened, person in happenings:
        for course in courses:
            course.happen(happened, person)
        _compare(courses)
        if person is not None:
            person.seen.add(happened.type)
            if happened.type in kept:
                past = PastEvent(happened.occurred_at, happened.properties)
                person.past.setdefault(happened.type, []).append(past)
            if happened.type == CHANGED:
                change(person.profile, happened.properties, "to")
        done += 1
        if done % STEP == 0:
            yield done
    for course in courses:
        course.finish(until)
    _compare(courses)
    yield done


def _compare(courses: Sequence[Course]) -> None:
    for course, other in permutations(courses, 2):
        course.dispute(other)


def change(profile: dict[str, Any], told: Mapping[str, Any], way: str) -> None:
    """Make a ``contact.changed`` so in a profile: forth (``to``), or back (``from``)."""
    name, value = str(told.get("field")), told.get(way)
    if name.startswith("attributes."):
        attributes = {k: v for k, v in profile.get("attributes", {}).items() if k != name[11:]}
        profile["attributes"] = attributes if value is None else attributes | {name[11:]: value}
    elif name in PROFILE:
        profile[name] = value


def differing(before: Course, after: Course) -> list[int]:
    """The contacts who are asked about something else, or about nothing, or for the first time."""
    was, now = before.asked_of(), after.asked_of()
    return [i for i in sorted({*was, *now}) if sorted(was.get(i, ())) != sorted(now.get(i, ()))]


def times_asked(course: Course, people: Iterable[int]) -> Counter[int]:
    """How many of these contacts are asked how often."""
    asked = course.asked_of()
    return Counter(len(asked.get(i, ())) for i in people)
