"""Whatever happens in whatever order, nobody is promised or sent too much: contacts, clocks, complaints, crashes."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from surveys.conditions import Facts
from surveys.contact_policy import ContactPolicy, Limit, QuietHours, Reservation, allowed_time, zone
from surveys.crisis import Crisis
from surveys.decision import Decision, Deferred, Invite, decide_deferred, decide_each
from surveys.definition import read
from surveys.gates import Address, Contact, Event, Rules, hand_over_closed, in_order, reservation_of
from surveys.history import release
from surveys.quotas import Standing, period
from surveys.triggers import Trigger, read_trigger

START = datetime(2026, 3, 27, 12, tzinfo=UTC)  # two days later clocks go forward in Europe
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/New_York", None)
LIMITS = (
    Limit("all", 2, 5 * DAY),
    Limit("about-us", 1, 9 * DAY, classes=frozenset({"relationship"})),
    Limit("service", 3, 2 * DAY, classes=frozenset({"service"})),
)


def trigger(slug: str, send: dict[str, Any] | None = None, class_: str = "transactional", **fields: Any) -> Trigger:
    asked = {"send": {"survey": "s", **(send or {})}}
    when = {"event": slug.partition("-")[0]}
    written = {"slug": slug, "status": "live", "class": class_, "when": when, "fresh": "6d", "then": [asked]}
    return read(written | fields, read_trigger)


TRIGGERS = (
    trigger("paid", {"blocked": "defer", "cancel_on": ["returned"]}),
    trigger("paid-big", {"delay": "1d"}, "relationship", priority=90),
    trigger("seen", {"blocked": "defer"}, sample={"rate": 0.6, "redraw": "3d", "holdout": 0.2}),
    trigger("seen-service", None, "service"),
    trigger("left", sample={"quota": {"invitations": 3, "per": "2d"}}),
)


@dataclass
class Promise:
    """An invitation: what was promised, and when it went out, if it did."""

    who: int
    trigger: Trigger
    invite: Invite
    place: Reservation
    sent_at: datetime | None = None
    gone: bool = False


@dataclass
class World:
    """What is stored between one step and the next: promises, places, what waits."""

    promises: list[Promise] = field(default_factory=list)
    waiting: dict[int, list[tuple[datetime, Deferred]]] = field(default_factory=dict)
    complaints: dict[int, datetime] = field(default_factory=dict)
    unsubscribed: dict[int, datetime] = field(default_factory=dict)
    given: dict[datetime, int] = field(default_factory=dict)


class Promises(RuleBasedStateMachine):
    """Three contacts, two of whom share an address; every step reads what is stored anew, as a worker does."""

    @initialize(exempt=st.booleans(), quiet=st.booleans(), holdout=st.sampled_from([0.0, 0.2]))
    def begin(self, *, exempt: bool, quiet: bool, holdout: float) -> None:
        self.now, self.world, self.made = START, World(), 0
        self.crises: tuple[Crisis, ...] = ()
        self.policy = ContactPolicy(
            limits=LIMITS,
            exempt=frozenset({"service"} if exempt else ()),
            quiet_hours=QuietHours(time(22), time(8), of_contact=True) if quiet else None,
            complaint_opens=frozenset({"opened"}),
            complaint_closes=frozenset({"closed"}),
            holdout=holdout,
            crisis_limits=(Limit("calm", 1, 20 * DAY),),
        )

    def contact(self, who: int, without: Promise | None = None) -> Contact:
        """A contact as the database knows them now."""
        held = [p for p in self.world.promises if not p.gone and p is not without]
        box = min(who, 1)  # 1 and 2 share one
        near = [p.place for p in held if min(p.who, 1) == box]
        gone = self.world.unsubscribed.get(who)
        return Contact(
            who, f"ct_{who}", timezone=ZONES[who], unsubscribed_at=gone,
            complaint_since=self.world.complaints.get(who), taken=[p.place for p in held if p.who == who],
            addresses={"email": Address(box, taken=near)},
        )  # fmt: skip

    def in_force(self) -> Rules:
        starts, ends = period(self.now, 2 * DAY, ZoneInfo("UTC"))
        used = self.world.given.get(starts, 0)
        return Rules(
            self.policy, b"sampling", b"holdout", "UTC",
            standings={"left": Standing(starts, ends, used)}, crises=self.crises,
        )  # fmt: skip

    def keep(self, who: int, results: list[tuple[Event, Decision]]) -> None:
        for event, result in results:
            for invite in result.invites:
                place = reservation_of(result.trigger, invite.send, invite.channel, invite.planned_at)
                self.world.promises.append(Promise(who, result.trigger, invite, place))
                if result.trigger.slug == "left":
                    starts, _ = period(self.now, 2 * DAY, ZoneInfo("UTC"))
                    self.world.given[starts] = self.world.given.get(starts, 0) + 1
            if result.retry_at:
                self.world.waiting.setdefault(who, []).append((result.retry_at, Deferred(event, result.trigger)))

    # What happens

    @rule(
        who=st.integers(0, 2),
        kind=st.sampled_from(["paid", "seen", "left"]),
        late=st.integers(0, 30),
        crash=st.booleans(),
    )
    def happen(self, who: int, kind: str, late: int, *, crash: bool) -> None:
        self.made += 1
        at = self.now - late * HOUR
        event = Event(self.made, kind, at, Facts({"properties": {}, "contact": {}}, at), first=False)
        heard = in_order(t for t in TRIGGERS if t.event == kind)
        results = decide_each(event, self.contact(who), heard, self.in_force(), self.now)
        if not crash:  # else nothing of it was stored
            self.keep(who, [(event, r) for r in results if isinstance(r, Decision)])

    @rule(who=st.integers(0, 2))
    def called_off(self, who: int) -> None:
        for promise in self.world.promises:
            if promise.who == who and promise.trigger.slug == "paid" and promise.sent_at is None:
                promise.gone = True
        kept = [(at, w) for at, w in self.world.waiting.get(who, []) if w.trigger.slug != "paid"]
        self.world.waiting[who] = kept
        person = self.contact(who)
        release(person, {"paid"}, self.now)

    @rule(who=st.integers(0, 2))
    def complain(self, who: int) -> None:
        self.world.complaints.setdefault(who, self.now)

    @rule(who=st.integers(0, 2))
    def settle(self, who: int) -> None:
        self.world.complaints.pop(who, None)

    @rule(who=st.integers(0, 2))
    def unsubscribe(self, who: int) -> None:
        self.world.unsubscribed[who] = self.now

    @rule(hours=st.integers(1, 60))
    def crisis(self, hours: int) -> None:
        self.crises = (Crisis("all", "", self.now, self.now + hours * HOUR),)

    @rule(minutes=st.sampled_from([1, 30, 60, 720, 1440, 7200]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: any(self.world.waiting.values()))
    @rule()
    def try_again(self) -> None:
        for who, waiting in list(self.world.waiting.items()):
            due = [one for at, one in waiting if at <= self.now]
            self.world.waiting[who] = [(at, one) for at, one in waiting if at > self.now]
            if due:
                results = decide_deferred(due, self.contact(who), self.in_force(), self.now)
                self.keep(who, [(one.event, result) for one, result in results])

    @precondition(lambda self: any(not p.gone and p.sent_at is None for p in self.world.promises))
    @rule(crash=st.booleans())
    def hand_over(self, *, crash: bool) -> None:
        """Whatever is due goes out, is put off, or is called off; a crash after the commit keeps the place."""
        for promise in self.world.promises:
            if promise.gone or promise.sent_at is not None or promise.place.counts_at > self.now:
                continue
            person, rules = self.contact(promise.who, without=promise), self.in_force()
            opens = allowed_time(self.policy, self.now, zone(person.timezone, "UTC"))
            asked = replace(promise.place, counts_at=opens)
            facts, address = Facts({"properties": {}}, self.now), person.addresses["email"]
            if opens > promise.invite.stale_at or hand_over_closed(
                facts, person, address, promise.trigger, asked, rules
            ):
                promise.gone = True
            elif opens > self.now:
                promise.place = asked
            else:
                promise.place, promise.sent_at = asked, self.now
                self.quiet(promise)
            if crash:
                return

    def quiet(self, promise: Promise) -> None:
        local = self.now.astimezone(zone(ZONES[promise.who], "UTC")).time()
        assert self.policy.quiet_hours is None or not self.policy.quiet_hours.covers(local)
        gone = self.world.unsubscribed.get(promise.who)
        assert gone is None or gone > self.now
        assert promise.trigger.class_ == "service" or promise.who not in self.world.complaints
        assert self.now <= promise.invite.stale_at

    # What must hold after each step

    @invariant()
    def no_window_is_ever_too_full(self) -> None:
        """Counted as slowly and plainly as can be, places in the future included, for contacts and for addresses."""
        for owners in ({0}, {1}, {2}, {1, 2}):
            places = [p.place for p in self.world.promises if not p.gone and p.who in owners]
            for limit in LIMITS:
                counted = [p for p in places if limit.counts(p, self.policy.exempt)]
                for last in counted:
                    inside = [p for p in counted if last.counts_at - limit.per < p.counts_at <= last.counts_at]
                    assert len(inside) <= limit.max, (owners, limit.name)

    @invariant()
    def no_quota_is_exceeded(self) -> None:
        assert all(given <= 3 for given in self.world.given.values())

    @invariant()
    def what_waits_is_still_fresh(self) -> None:
        for waiting in self.world.waiting.values():
            assert all(at <= one.event.occurred_at + one.trigger.fresh for at, one in waiting)


Promises.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestPromises = Promises.TestCase
