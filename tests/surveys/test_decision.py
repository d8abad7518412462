"""Deciding: every reason, the order of the gates, one question an event, and the ladder that explains it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import combinations
from math import nextafter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.conditions import Facts, PastEvent, read_condition
from surveys.contact_policy import NEVER, Basis, ContactPolicy, Limit, QuietHours, Refusal, Reservation, refusal
from surveys.crisis import Crisis
from surveys.decision import (
    GATE_OF,
    NOT_FIRST,
    SEND_GATES,
    TRIGGER_GATES,
    Decision,
    Invite,
    Miss,
    Rung,
    decide_each,
    ladder,
)
from surveys.definition import read
from surveys.gates import (
    Address,
    Closed,
    Contact,
    Event,
    Rules,
    company_holdout_draw,
    hand_over_closed,
    holdout_draw,
    in_order,
    limit_closed,
    reservation_of,
    room,
    sample_draw,
)
from surveys.lifecycle import DEPTH_MAX
from surveys.quotas import Standing
from surveys.sampling import draw, period, period_ends
from surveys.triggers import Send, Trigger, read_trigger

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SALT, HOLDOUT_SALT = b"sampling", b"holdout"
ASK = {"send": {"survey": "nps"}}
OTHER_ACTIONS = [
    {"task": {"department": "care", "title": "Call"}},
    {"notify": {"channel": "care", "text": "Look"}},
    {"set": {"attribute": "interest", "from": "properties.topic"}},
]


def trigger(slug: str = "upgrade-nps", **fields: Any) -> Trigger:
    written = {"slug": slug, "status": "live", "when": {"event": "upgraded"}, "then": [ASK], **fields}
    return read(written, read_trigger)


def service(slug: str = "thanks", **fields: Any) -> Trigger:
    return trigger(slug, then=[{"message": {"text": "Thank you.", "class": "service"}}], **fields)


def through(rule: Trigger, *channels: str) -> Trigger:
    """The trigger with every send going through these channels."""
    return replace(
        rule, actions=tuple(replace(a, channels=channels) if isinstance(a, Send) else a for a in rule.actions)
    )


def place(at: datetime, class_: str = "transactional", channel: str = "email") -> Reservation:
    return Reservation(at, class_, channel, "nps", "other")


@dataclass
class Scene:
    """One event about one contact, one trigger that listens, and those that stand ahead of it."""

    event: Event = field(default_factory=lambda: Event(1, "upgraded", AT, Facts({"properties": {}}, AT), first=True))
    contact: Contact | None = field(default_factory=lambda: Contact(1, "ct_1", addresses={"email": Address(7)}))
    trigger: Trigger = field(default_factory=trigger)
    ahead: list[Trigger] = field(default_factory=list)
    rules: Rules = field(default_factory=lambda: Rules(ContactPolicy(), SALT, HOLDOUT_SALT, "UTC"))
    now: datetime = AT

    @property
    def person(self) -> Contact:
        assert self.contact is not None
        return self.contact

    def policy(self, **fields: Any) -> None:
        self.rules = replace(self.rules, policy=replace(self.rules.policy, **fields))

    def sample(self, **fields: Any) -> None:
        self.trigger = replace(self.trigger, sample=replace(self.trigger.sample, **fields))

    def decide(self) -> Decision | Miss:
        return decide_each(self.event, self.contact, [*self.ahead, self.trigger], self.rules, self.now)[-1]

    def decided(self) -> Decision:
        result = self.decide()
        assert isinstance(result, Decision)
        return result

    def closed(self) -> Closed:
        closed = self.decided().closed
        assert closed is not None
        return closed

    def invite(self) -> Invite:
        (invite,) = self.decided().invites
        return invite


def test_an_event_that_passes_every_gate_is_invited() -> None:
    result = Scene().decided()
    (_, send) = trigger().sends[0]
    assert (result.outcome, result.closed, result.acts) == ("invited", None, [])
    assert result.invites == [Invite(0, send, "email", 7, AT, AT + timedelta(hours=48))]


# Every reason, as the smallest change that closes its gate.


def deep(scene: Scene) -> None:
    scene.event = replace(scene.event, depth=DEPTH_MAX + 1)


def paused(scene: Scene) -> None:
    scene.trigger = replace(scene.trigger, status="paused")


def late(scene: Scene) -> None:
    scene.event = replace(scene.event, occurred_at=scene.now - timedelta(hours=48, seconds=1))


def unlucky(scene: Scene) -> None:
    scene.sample(rate=0.0)


def unknown(scene: Scene) -> None:
    scene.contact = None


def ambiguous(scene: Scene) -> None:
    scene.contact = None
    scene.event = replace(scene.event, ambiguous=True)


def without_consent(scene: Scene) -> None:
    scene.policy(consent_required=frozenset({"email"}))


def unsubscribed(scene: Scene) -> None:
    if scene.contact:
        scene.contact.unsubscribed_at = AT - DAY


def suppressed(scene: Scene) -> None:
    if scene.contact:
        scene.contact.addresses = {"email": Address(7, suppressed_at=AT - DAY)}


def complaining(scene: Scene) -> None:
    if scene.contact:
        scene.contact.complaint_since = AT - DAY


def in_crisis(scene: Scene) -> None:
    scene.rules = replace(scene.rules, crises=(Crisis("all", "", AT - DAY, AT + DAY),))


def held_out(scene: Scene) -> None:
    scene.sample(holdout=1.0)


def full(scene: Scene) -> None:
    quota = trigger(sample={"quota": {"responses": 400, "per": "7d"}}).sample.quota
    scene.sample(quota=quota)
    scene.rules = replace(scene.rules, standings={scene.trigger.slug: Standing(AT - DAY, AT + 6 * DAY, 400)})


def unreachable(scene: Scene) -> None:
    if scene.contact:
        scene.contact.addresses = {}


def over_the_limit(scene: Scene) -> None:
    scene.policy(limits=(Limit("one-a-month", 1, 30 * DAY),))
    if scene.contact:
        scene.contact.taken = [place(AT - DAY)]


def beaten(scene: Scene) -> None:
    scene.ahead = [trigger("delivery-csat")]


REASONS: dict[str, Callable[[Scene], None]] = {
    "loop": deep,
    "not_live": paused,
    "stale": late,
    "not_sampled": unlucky,
    "unknown_contact": unknown,
    "ambiguous_contact": ambiguous,
    "no_consent": without_consent,
    "unsubscribed": unsubscribed,
    "suppressed": suppressed,
    "complaint_open": complaining,
    "crisis": in_crisis,
    "holdout": held_out,
    "quota_full": full,
    "unreachable": unreachable,
    "contact_limit": over_the_limit,
    "superseded": beaten,
}
DETAILS: dict[str, Callable[[Scene], Closed]] = {
    "loop": lambda _: Closed("loop", 9, 8),
    "not_live": lambda _: Closed("not_live", "paused", "live"),
    "stale": lambda _: Closed("stale", 172_801, 172_800),
    "not_sampled": lambda s: Closed("not_sampled", round(sample_draw(s.trigger, "ct_1", s.rules, AT), 4), 0.0),
    "unknown_contact": lambda _: Closed("unknown_contact"),
    "ambiguous_contact": lambda _: Closed("ambiguous_contact"),
    "no_consent": lambda _: Closed("no_consent", rule="email"),
    "unsubscribed": lambda _: Closed("unsubscribed", "2026-11-20T10:00:00+00:00"),
    "suppressed": lambda _: Closed("suppressed", "2026-11-20T10:00:00+00:00"),
    "complaint_open": lambda _: Closed("complaint_open", "2026-11-20T10:00:00+00:00", next_possible_at=AT + 29 * DAY),
    "crisis": lambda _: Closed("crisis", "all", rule="", next_possible_at=AT + DAY),
    "holdout": lambda s: Closed("holdout", round(holdout_draw(s.trigger, "ct_1", s.rules), 4), 1.0),
    "quota_full": lambda _: Closed("quota_full", 400, 400, "responses", AT + 6 * DAY),
    "unreachable": lambda _: Closed("unreachable", rule="email"),
    "contact_limit": lambda _: Closed("contact_limit", 1, 1, "one-a-month", AT + 29 * DAY),
    "superseded": lambda _: Closed("superseded", rule="delivery-csat"),
}


def test_every_reason_that_can_close_a_gate_is_in_the_tables() -> None:
    assert set(REASONS) == set(DETAILS) == set(GATE_OF) - {"condition"}
    assert list(REASONS) == [reason for reason in GATE_OF if reason != "condition"]


@pytest.mark.parametrize("reason", REASONS)
def test_a_closed_gate_gives_its_reason_and_what_it_saw(reason: str) -> None:
    scene = Scene()
    REASONS[reason](scene)
    result = scene.decided()
    assert (result.outcome, result.invites) == ("skipped", [])
    assert result.closed == DETAILS[reason](scene)


@pytest.mark.parametrize(("first", "second"), [(a, b) for a, b in combinations(REASONS, 2) if GATE_OF[a] != GATE_OF[b]])
def test_of_two_closed_gates_the_one_that_stands_first_is_named(first: str, second: str) -> None:
    scene = Scene()
    REASONS[second](scene)
    REASONS[first](scene)
    nobody_draws_no_lot = first == "not_sampled" and scene.contact is None
    assert scene.closed().reason == (second if nobody_draws_no_lot else first)


@pytest.mark.parametrize("reason", REASONS)
def test_other_actions_run_once_the_trigger_gates_pass_whatever_becomes_of_the_send(reason: str) -> None:
    scene = Scene(trigger=trigger(then=[OTHER_ACTIONS[0], ASK, *OTHER_ACTIONS[1:]]))
    REASONS[reason](scene)
    result = scene.decided()
    assert (result.outcome, result.invites) == ("skipped", [])
    assert result.acts == ([] if GATE_OF[reason] in TRIGGER_GATES else [0, 2, 3])


def test_an_event_that_names_nobody_still_opens_a_task() -> None:
    for name in (unknown, ambiguous):
        scene = Scene(trigger=trigger(then=OTHER_ACTIONS, sample={"rate": 0.01}))
        name(scene)
        assert scene.decided() == Decision(scene.trigger, "acted", acts=[0, 1, 2])


def test_a_send_that_passes_is_invited_together_with_the_other_actions() -> None:
    result = Scene(trigger=trigger(then=[*OTHER_ACTIONS, ASK])).decided()
    assert (result.outcome, result.acts, len(result.invites)) == ("invited", [0, 1, 2], 1)
    assert result.invites[0].action == 3


# Condition and occurrence come before everything: no decision, only a miss.


@pytest.mark.parametrize("reason", REASONS)
def test_a_condition_that_does_not_hold_is_a_miss_and_no_decision(reason: str) -> None:
    holds = {"field": "properties.amount", "op": "gte", "value": 10}
    fails = {"field": "properties.vip", "op": "eq", "value": True}
    scene = Scene(trigger=replace(trigger(), condition=read({"all": [holds, fails]}, read_condition)))
    scene.event = replace(scene.event, facts=Facts({"properties": {"amount": 10}}, AT))
    REASONS[reason](scene)
    assert scene.decide() == Miss(scene.trigger, 1)


def test_a_trigger_on_the_first_occurrence_misses_the_others() -> None:
    scene = Scene(trigger=trigger(when={"event": "upgraded", "occurrence": "first"}))
    assert scene.decided().outcome == "invited"
    scene.event = replace(scene.event, first=False)
    assert scene.decide() == Miss(scene.trigger, NOT_FIRST)


def test_a_trigger_on_the_third_occurrence_counts_those_before() -> None:
    scene = Scene(trigger=trigger(when={"event": "upgraded", "occurrence": {"nth": 3}}))
    for before in range(5):
        past = {"upgraded": [PastEvent(AT - (before - n) * DAY, {}) for n in range(before)]}
        scene.event = replace(scene.event, facts=Facts({"properties": {}}, AT, past))
        missed = scene.decide() == Miss(scene.trigger, NOT_FIRST)
        assert missed == (before != 2)


# Trigger gates.


def test_what_was_made_for_a_crisis_is_not_live_without_one() -> None:
    scene = Scene(trigger=trigger(crisis="only"))
    assert scene.closed() == Closed("not_live", "no crisis", "crisis")
    in_crisis(scene)
    assert scene.decided().outcome == "invited"


def test_a_chain_may_be_as_deep_as_the_limit() -> None:
    scene = Scene()
    scene.event = replace(scene.event, depth=DEPTH_MAX)
    assert scene.decided().outcome == "invited"


@pytest.mark.parametrize(
    ("status", "closed"),
    [
        ("live", None),
        ("pilot", None),
        ("paused", Closed("not_live", "paused", "live")),
        ("draft", Closed("not_live", "draft", "live")),
    ],
)
def test_live_and_pilot_triggers_decide(status: str, closed: Closed | None) -> None:
    scene = Scene(trigger=replace(trigger(), status=status))
    assert scene.decided().closed == closed


@pytest.mark.parametrize(
    ("delay", "fresh", "age", "reason"),
    [
        ("0s", "48h", timedelta(hours=48), None),
        ("0s", "48h", timedelta(hours=48, microseconds=1), "stale"),
        ("1d", "48h", timedelta(hours=72), None),
        ("1d", "48h", timedelta(hours=72, microseconds=1), "stale"),
        ("5d", "1s", timedelta(days=5, seconds=1), None),
        ("5d", "1s", timedelta(days=5, seconds=2), "stale"),
        ("0s", "48h", timedelta(days=-1), None),
    ],
)
def test_an_event_is_fresh_from_its_delay_on(delay: str, fresh: str, age: timedelta, reason: str | None) -> None:
    scene = Scene(trigger=trigger(fresh=fresh, then=[{"send": {"survey": "nps", "delay": delay}}]), now=AT + age)
    closed = scene.decided().closed
    assert (closed and closed.reason) == reason


def test_freshness_of_other_actions_counts_from_the_event() -> None:
    scene = Scene(trigger=trigger(fresh="1h", then=OTHER_ACTIONS), now=AT + HOUR)
    assert scene.decided().outcome == "acted"
    scene.now += timedelta(seconds=1)
    assert scene.closed() == Closed("stale", 3601, 3600)


def test_a_lot_that_is_exactly_the_rate_is_not_in_the_sample() -> None:
    scene = Scene()
    lot = sample_draw(scene.trigger, "ct_1", scene.rules, AT)
    scene.sample(rate=lot)
    assert scene.closed() == Closed("not_sampled", round(lot, 4), lot)
    scene.sample(rate=nextafter(lot, 1))
    assert scene.decided().outcome == "invited"


@given(st.integers(0, 1000), st.floats(0, 1, exclude_max=True))
def test_who_is_in_the_sample_is_decided_by_the_lot(number: int, rate: float) -> None:
    scene = Scene(trigger=trigger(sample={"rate": rate}))
    scene.person.sampling_id = f"ct_{number}"
    lot = sample_draw(scene.trigger, f"ct_{number}", scene.rules, AT)
    closed = scene.decided().closed
    assert (closed is None) == (lot < rate)
    if closed:
        assert closed == Closed("not_sampled", round(lot, 4), rate)


def test_the_sample_is_the_same_at_every_decision_and_changes_with_the_period() -> None:
    scene = Scene(trigger=trigger(sample={"rate": 0.5, "redraw": "90d"}))
    ends = period_ends(SALT, "ct_1", AT, 90 * DAY)
    assert ends is not None
    drawn = {sample_draw(scene.trigger, "ct_1", scene.rules, at) for at in (AT, ends - timedelta(microseconds=1))}
    assert len(drawn) == 1
    assert sample_draw(scene.trigger, "ct_1", scene.rules, ends) not in drawn
    scene.sample(rate=0.0)
    assert scene.closed().next_possible_at == ends


def test_the_holdout_has_a_salt_of_its_own_and_is_never_redrawn() -> None:
    rule = trigger(sample={"rate": 0.5, "holdout": 0.1, "redraw": "90d"})
    rules = Scene().rules
    assert holdout_draw(rule, "ct_1", rules) == holdout_draw(rule, "ct_1", replace(rules, sampling_salt=b"other"))
    assert holdout_draw(rule, "ct_1", rules) != holdout_draw(rule, "ct_1", replace(rules, holdout_salt=b"other"))
    assert holdout_draw(rule, "ct_1", rules) == holdout_draw(replace(rule, sample=trigger().sample), "ct_1", rules)


def test_lots_are_drawn_by_the_trigger_the_contact_and_the_salt() -> None:
    rule, rules = trigger(sample={"redraw": "90d"}), Scene().rules
    number = period(SALT, "ct_1", AT, 90 * DAY)
    assert sample_draw(rule, "ct_1", rules, AT) == draw(SALT, "upgrade-nps", "ct_1", number)
    assert holdout_draw(rule, "ct_1", rules) == draw(HOLDOUT_SALT, "upgrade-nps", "ct_1")
    assert company_holdout_draw("ct_1", rules) == draw(HOLDOUT_SALT, "", "ct_1")


# Send gates.


@pytest.mark.parametrize(
    ("required", "consents", "lacking"),
    [
        ([], {}, None),
        ([], {"email": False}, "email"),
        ([], {"transactional": False}, "transactional"),
        ([], {"marketing": False, "sms": False}, None),
        (["email"], {}, "email"),
        (["email"], {"email": True}, None),
        (["transactional"], {"email": True}, "transactional"),
        (["transactional"], {"transactional": True}, None),
        (["transactional", "email"], {"transactional": True}, "email"),
        (["marketing", "sms"], {}, None),
    ],
)
def test_consent_is_needed_for_the_class_and_for_the_channel(
    required: list[str], consents: dict[str, bool], lacking: str | None
) -> None:
    scene = Scene()
    scene.policy(consent_required=frozenset(required))
    scene.person.consents = consents
    assert scene.decided().closed == (Closed("no_consent", rule=lacking) if lacking else None)


def test_an_address_that_unsubscribed_is_unsubscribed() -> None:
    scene = Scene()
    scene.person.addresses = {"email": Address(7, unsubscribed_at=AT - DAY, suppressed_at=AT - 2 * DAY)}
    assert scene.closed() == Closed("unsubscribed", "2026-11-20T10:00:00+00:00")


@pytest.mark.parametrize(
    ("class_", "reason"),
    [
        ("transactional", "complaint_open"),
        ("relationship", "complaint_open"),
        ("marketing", "complaint_open"),
        ("service", None),
    ],
)
def test_while_a_complaint_is_open_only_service_goes_out(class_: str, reason: str | None) -> None:
    scene = Scene(trigger=trigger(**{"class": class_}))
    complaining(scene)
    closed = scene.decided().closed
    assert (closed and closed.reason) == reason


def test_nothing_is_exempt_from_unsubscribe_suppression_and_consent() -> None:
    for setup, reason in ((unsubscribed, "unsubscribed"), (suppressed, "suppressed"), (without_consent, "no_consent")):
        scene = Scene(trigger=service())
        scene.policy(exempt=frozenset({"service"}))
        setup(scene)
        assert scene.closed().reason == reason


@pytest.mark.parametrize(("used", "reason"), [(0, None), (399, None), (400, "quota_full"), (401, "quota_full")])
def test_a_quota_is_full_when_its_answers_came(used: int, reason: str | None) -> None:
    scene = Scene()
    full(scene)
    over = Standing(AT - 7 * DAY, AT + timedelta(seconds=1), used)
    scene.rules = replace(scene.rules, standings={scene.trigger.slug: over})
    closed = scene.decided().closed
    assert (closed and closed.reason) == reason


# Time of hand-over, and channels.

NIGHT = QuietHours(time(21), time(9), of_contact=True)


@pytest.mark.parametrize(
    ("now", "delay", "planned"),
    [
        (AT, "0s", AT),
        (AT + HOUR, "0s", AT + HOUR),
        (AT, "2h", AT + 2 * HOUR),
        (AT + 3 * HOUR, "2h", AT + 3 * HOUR),
        (AT, "12h", AT + 23 * HOUR),
        (AT - DAY, "0s", AT),
    ],
)
def test_a_message_is_planned_for_its_delay_outside_the_quiet_hours(
    now: datetime, delay: str, planned: datetime
) -> None:
    scene = Scene(trigger=trigger(then=[{"send": {"survey": "nps", "delay": delay}}]), now=now)
    scene.policy(quiet_hours=NIGHT)
    assert scene.invite().planned_at == planned


@pytest.mark.parametrize(
    ("of_contact", "zone", "planned"),
    [
        (True, "Asia/Tokyo", AT),
        (True, "Pacific/Auckland", datetime(2026, 11, 21, 20, tzinfo=UTC)),
        (True, None, AT),
        (True, "Nowhere", AT),
        (False, "Pacific/Auckland", AT),
    ],
)
def test_quiet_hours_are_read_on_the_contacts_clock_or_else_the_companys(
    of_contact: bool, zone: str | None, planned: datetime
) -> None:
    scene = Scene()
    scene.policy(quiet_hours=replace(NIGHT, of_contact=of_contact))
    scene.person.timezone = zone
    assert scene.invite().planned_at == planned


@pytest.mark.parametrize(("fresh", "passes"), [("11h", True), ("10h", False)])
def test_what_quiet_hours_move_beyond_freshness_is_stale(fresh: str, passes: bool) -> None:
    night = AT.replace(hour=22)
    scene = Scene(trigger=trigger(fresh=fresh), now=night)
    scene.event = replace(scene.event, occurred_at=night)
    scene.policy(quiet_hours=NIGHT)
    if passes:
        assert scene.invite().planned_at == scene.invite().stale_at == night + 11 * HOUR
    else:
        assert scene.closed() == Closed("stale", "2026-11-22T09:00:00+00:00", "2026-11-22T08:00:00+00:00")


def test_limits_are_checked_at_the_planned_time() -> None:
    scene = Scene(trigger=trigger(then=[{"send": {"survey": "nps", "delay": "2h"}}]))
    scene.policy(limits=(Limit("one", 1, 30 * DAY),))
    scene.person.taken = [place(AT + 2 * HOUR - 30 * DAY)]
    assert scene.invite().planned_at == AT + 2 * HOUR
    scene.person.taken = [place(AT + 2 * HOUR - 30 * DAY + timedelta(microseconds=1))]
    assert scene.closed().reason == "contact_limit"


def test_limits_hold_for_the_address_too() -> None:
    scene = Scene()
    scene.policy(limits=(Limit("one", 1, 30 * DAY),))
    scene.person.addresses = {"email": Address(7, taken=[place(AT - DAY)])}
    assert scene.closed() == Closed("contact_limit", 1, 1, "one", AT + 29 * DAY)


def two_channels() -> Scene:
    scene = Scene(trigger=through(trigger(), "telegram", "email"))
    scene.person.addresses = {"email": Address(7), "telegram": Address(8)}
    return scene


def test_the_first_channel_that_passes_wins_and_never_two() -> None:
    scene = two_channels()
    assert (scene.invite().channel, scene.invite().address_id) == ("telegram", 8)


@pytest.mark.parametrize("closed", ["address", "consent", "suppressed", "unsubscribed", "limit"])
def test_a_channel_that_does_not_pass_leaves_the_next_one(closed: str) -> None:
    scene = two_channels()
    if closed == "address":
        scene.person.addresses = {"email": Address(7)}
    elif closed == "consent":
        scene.person.consents = {"telegram": False}
    elif closed == "suppressed":
        scene.person.addresses = {"telegram": Address(8, suppressed_at=AT), "email": Address(7)}
    elif closed == "unsubscribed":
        scene.person.addresses = {"telegram": Address(8, unsubscribed_at=AT), "email": Address(7)}
    else:
        scene.policy(limits=(Limit("telegram", 0, DAY, channels=frozenset({"telegram"})),))
    assert scene.invite().channel == "email"


def test_when_no_channel_passes_the_first_that_could_have_is_named() -> None:
    scene = two_channels()
    by_channel = [Limit(name, 0, DAY, channels=frozenset({name})) for name in ("email", "telegram")]
    scene.policy(limits=tuple(by_channel))
    assert scene.closed() == Closed("contact_limit", 0, 0, "telegram", None)
    scene.person.addresses = {"email": Address(7)}
    assert scene.closed().rule == "email"


# Priority: one question an event.


def asked(results: Sequence[Decision | Miss]) -> list[tuple[str, str, str | None]]:
    return [
        (r.trigger.slug, r.outcome, r.closed.rule if r.closed and r.closed.reason == "superseded" else None)
        for r in results
        if isinstance(r, Decision)
    ]


def decide(scene: Scene, *triggers: Trigger) -> list[Decision | Miss]:
    return decide_each(scene.event, scene.contact, in_order(triggers), scene.rules, scene.now)


def test_triggers_stand_in_order_of_priority_and_then_of_name() -> None:
    rules = [trigger("c", priority=10), trigger("b"), trigger("a"), trigger("d", priority=90)]
    assert [rule.slug for rule in in_order(rules)] == ["d", "a", "b", "c"]


def test_one_event_that_triggers_two_surveys_asks_once() -> None:
    results = decide(Scene(), trigger("b"), trigger("a", priority=10), trigger("c"))
    assert asked(results) == [("b", "invited", None), ("c", "skipped", "b"), ("a", "skipped", "b")]


@pytest.mark.parametrize("reason", [r for r in REASONS if r in ("not_live", "holdout", "quota_full", "not_sampled")])
def test_the_winner_is_one_that_really_passed(reason: str) -> None:
    scene = Scene(trigger=trigger("first", priority=90))
    REASONS[reason](scene)
    results = decide(scene, scene.trigger, trigger("second"), trigger("third", priority=10))
    assert asked(results) == [("first", "skipped", None), ("second", "invited", None), ("third", "skipped", "second")]


def test_two_surveys_of_one_trigger_ask_once() -> None:
    scene = Scene(trigger=trigger(then=[{"send": {"survey": "nps"}}, {"send": {"survey": "csat"}}]))
    assert scene.invite().action == 0


def test_who_lost_to_the_winner_is_superseded_and_not_over_the_limit_that_the_winner_filled() -> None:
    scene = Scene()
    scene.policy(limits=(Limit("one-a-month", 1, 30 * DAY),))
    results = decide(scene, trigger("a"), trigger("b"))
    assert asked(results) == [("a", "invited", None), ("b", "skipped", "a")]


def test_an_exempt_service_message_goes_out_beside_a_survey() -> None:
    scene = Scene()
    scene.policy(limits=(Limit("one-a-month", 1, 30 * DAY),), exempt=frozenset({"service"}))
    for survey, message in ((90, 10), (10, 90)):
        results = decide(scene, trigger(priority=survey), service(priority=message))
        assert {(slug, outcome) for slug, outcome, _ in asked(results)} == {
            ("upgrade-nps", "invited"),
            ("thanks", "invited"),
        }
        scene = replace(scene, contact=Scene().contact)


def test_without_an_exemption_a_service_message_competes_like_any_other() -> None:
    results = decide(Scene(), trigger(priority=90), service(priority=10))
    assert asked(results) == [("upgrade-nps", "invited", None), ("thanks", "skipped", "upgrade-nps")]


@pytest.mark.parametrize(("survey", "message", "passing"), [(90, 10, "upgrade-nps"), (10, 90, "thanks")])
def test_a_service_message_that_a_limit_names_counts_within_the_same_event(
    survey: int, message: int, passing: str
) -> None:
    scene = Scene()
    named = Limit("all", 1, DAY, classes=frozenset({"service", "transactional"}))
    scene.policy(limits=(named,), exempt=frozenset({"service"}))
    first, second = decide(scene, trigger(priority=survey), service(priority=message))
    assert isinstance(first, Decision)
    assert isinstance(second, Decision)
    assert (first.trigger.slug, first.outcome) == (passing, "invited")
    assert second.closed == Closed("contact_limit", 1, 1, "all", AT + DAY)


def test_two_events_decided_before_delivery_promise_one_invitation() -> None:
    scene = Scene()
    scene.policy(limits=(Limit("one-a-month", 1, 30 * DAY),))
    assert scene.decided().outcome == "invited"
    scene.event = replace(scene.event, id=2)
    assert scene.closed() == Closed("contact_limit", 1, 1, "one-a-month", AT + 30 * DAY)


def test_promises_are_added_to_the_contact_and_to_the_address() -> None:
    scene = Scene(trigger=trigger(then=[{"send": {"survey": "nps", "delay": "2h"}}]))
    scene.decide()
    promised = Reservation(AT + 2 * HOUR, "transactional", "email", "nps", "upgrade-nps")
    assert scene.person.taken == [promised]
    assert scene.person.addresses["email"].taken == [promised]


def test_who_is_not_invited_leaves_no_promise() -> None:
    for reason in set(REASONS) - {"unknown_contact", "ambiguous_contact", "superseded", "contact_limit"}:
        scene = Scene()
        REASONS[reason](scene)
        scene.decide()
        assert scene.person.taken == []


steps = st.lists(st.tuples(st.integers(0, 72), st.integers(0, 4)), min_size=1, max_size=12)
limit = st.builds(
    lambda name, most, per, classes: Limit(name, most, per * HOUR, classes=frozenset(classes)),
    st.sampled_from(["a", "b"]),
    st.integers(0, 3),
    st.integers(1, 48),
    st.sampled_from([[], ["transactional"], ["service"], ["service", "relationship"]]),
)


@given(steps, st.lists(limit, max_size=3), st.booleans(), st.booleans())
def test_no_run_of_events_ever_breaks_a_limit_or_asks_twice_for_one_event(
    events: list[tuple[int, int]], limits: list[Limit], quiet: bool, exempt: bool
) -> None:
    policy = ContactPolicy(tuple(limits), frozenset({"service"}) if exempt else frozenset(), NIGHT if quiet else None)
    scene = Scene(rules=Rules(policy, SALT, HOLDOUT_SALT, "Europe/Berlin"))
    for hour, delay in sorted(events):
        scene.event = replace(scene.event, occurred_at=AT + hour * HOUR)
        scene.now = AT + hour * HOUR
        send = {"survey": "nps", "delay": f"{delay}h"}
        results = decide(
            scene,
            trigger("now"),
            trigger("later", then=[{"send": send}], priority=60 if delay % 2 else 40, **{"class": "relationship"}),
            service(priority=55),
        )
        invites = [i for r in results if isinstance(r, Decision) for i in r.invites]
        assert sum(invite.send.class_ not in policy.exempt for invite in invites) <= 1
    for each in limits:
        times = [p.counts_at for p in scene.person.taken if each.counts(p, policy.exempt)]
        assert all(sum(end - each.per < t <= end for t in times) <= each.max for end in times)
    assert scene.person.addresses["email"].taken == scene.person.taken


# Room, for the contact and for the address.


def test_there_is_room_where_contact_and_address_both_have_it() -> None:
    policy = ContactPolicy((Limit("one", 1, 10 * DAY),))
    new = place(AT)
    assert room(policy, [], [], new) is None
    only_address = room(policy, [], [place(AT - DAY)], new)
    assert only_address == Refusal(policy.limits[0], 1, AT + 9 * DAY)
    assert room(policy, [place(AT - DAY)], [], new) == only_address


def test_room_is_possible_again_when_both_have_it() -> None:
    policy = ContactPolicy((Limit("one", 1, 10 * DAY),))
    # The contact is free from day 5 on, the address until day 4 and again from day 24 on.
    found = room(policy, [place(AT - 5 * DAY)], [place(AT + 14 * DAY)], place(AT + 2 * DAY))
    assert found is not None
    assert found.next_possible_at == AT + 24 * DAY
    never = ContactPolicy((Limit("none", 0, DAY),))
    assert room(never, [], [], place(AT)) == Refusal(never.limits[0], 0, NEVER)
    assert limit_closed(Refusal(never.limits[0], 0, NEVER)) == Closed("contact_limit", 0, 0, "none", None)


filled = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["transactional", "service"])), max_size=8)


@given(filled, filled, st.booleans(), st.lists(limit, min_size=1, max_size=3), st.integers(0, 60))
def test_room_names_what_is_first_in_the_way_and_the_earliest_time_that_is_free_for_both(
    contact: list[tuple[int, str]], address: list[tuple[int, str]], alone: bool, limits: list[Limit], hour: int
) -> None:
    policy = ContactPolicy(tuple(limits), frozenset({"service"}))
    sides = [[place(AT + n * HOUR, class_) for n, class_ in side] for side in (contact, address)]
    if alone:  # at the address, as most contacts are
        sides[1] = [*sides[0]]

    def full(n: int) -> list[Refusal]:
        return [one for side in sides if (one := refusal(policy, side, place(AT + n * HOUR)))]

    found = room(policy, sides[0], sides[1], place(AT + hour * HOUR))
    at_once = full(hour)
    assert (found and (found.limit, found.observed)) == ((at_once[0].limit, at_once[0].observed) if at_once else None)
    if found and any(each.max == 0 and each.counts(place(AT), policy.exempt) for each in limits):
        assert found.next_possible_at == NEVER
    elif found:
        assert found.next_possible_at == AT + next(n for n in range(hour, 400) if not full(n)) * HOUR


# At hand-over.


@pytest.mark.parametrize(
    ("setup", "reason"),
    [
        (lambda _: None, None),
        (paused, "not_live"),
        (without_consent, "no_consent"),
        (unsubscribed, "unsubscribed"),
        (suppressed, "suppressed"),
        (complaining, "complaint_open"),
        (in_crisis, "crisis"),
        (over_the_limit, "contact_limit"),
        # What was drawn, counted and compared when it was promised is not asked again.
        (held_out, None),
        (unlucky, None),
        (full, None),
        (beaten, None),
    ],
)
def test_at_hand_over_the_gates_that_can_have_changed_are_read_again(
    setup: Callable[[Scene], None], reason: str | None
) -> None:
    scene = Scene()
    setup(scene)
    (_, send) = scene.trigger.sends[0]
    new, address = reservation_of(scene.trigger, send, "email", AT), scene.person.addresses["email"]
    closed = hand_over_closed(scene.event.facts, scene.person, address, scene.trigger, new, scene.rules)
    assert closed == (DETAILS[reason](scene) if reason else None)


def test_at_hand_over_the_contacts_country_counts_too() -> None:
    scene = Scene()
    scene.policy(legal_basis=(Basis("assumed", frozenset({"US"})), Basis("consent")))
    (_, send) = scene.trigger.sends[0]
    new, address = reservation_of(scene.trigger, send, "email", AT), scene.person.addresses["email"]
    for country, closed in (("US", None), ("DE", Closed("no_consent", rule="transactional"))):
        scene.person.country = country
        assert hand_over_closed(scene.event.facts, scene.person, address, scene.trigger, new, scene.rules) == closed


def test_at_hand_over_a_crisis_counts_at_the_time_of_the_hand_over() -> None:
    scene = Scene()
    scene.rules = replace(scene.rules, crises=(Crisis("all", "", AT, AT + DAY),))
    (_, send) = scene.trigger.sends[0]
    address = scene.person.addresses["email"]
    for at, closed in ((AT - HOUR, False), (AT, True), (AT + DAY, False)):
        new = reservation_of(scene.trigger, send, "email", at)
        found = hand_over_closed(scene.event.facts, scene.person, address, scene.trigger, new, scene.rules)
        assert (found is not None) is closed


@pytest.mark.parametrize("setup", [complaining, in_crisis])
def test_at_hand_over_a_service_message_passes_an_open_complaint_and_a_crisis(setup: Callable[[Scene], None]) -> None:
    scene = Scene(trigger=service())
    setup(scene)
    (_, send) = scene.trigger.sends[0]
    new = reservation_of(scene.trigger, send, "email", AT)
    address = scene.person.addresses["email"]
    assert hand_over_closed(scene.event.facts, scene.person, address, scene.trigger, new, scene.rules) is None


# The ladder.


def rungs(scene: Scene, closed: Closed | None) -> list[Rung]:
    sampling_id = scene.contact.sampling_id if scene.contact else None
    return ladder(scene.trigger, scene.event, sampling_id, scene.rules, scene.now, closed)


def test_the_gates_stand_in_the_order_of_the_reasons() -> None:
    assert (*TRIGGER_GATES, *SEND_GATES) == tuple(dict.fromkeys(GATE_OF.values()))


@pytest.mark.parametrize("reason", REASONS)
def test_a_ladder_ends_at_the_gate_that_closed(reason: str) -> None:
    scene = Scene()
    REASONS[reason](scene)
    closed = scene.closed()
    shown = rungs(scene, closed)
    gates = (*TRIGGER_GATES, *SEND_GATES)
    assert tuple(rung.gate for rung in shown) == gates[: gates.index(GATE_OF[reason]) + 1]
    assert [rung.passed for rung in shown] == [True] * (len(shown) - 1) + [False]
    assert shown[-1] == Rung(
        GATE_OF[reason], passed=False, observed=closed.observed, limit=closed.limit, rule=closed.rule
    )


def test_a_ladder_that_was_climbed_shows_every_gate() -> None:
    sample = {"rate": 0.9999, "redraw": "90d", "holdout": 0.0001}
    scene = Scene(trigger=trigger(sample=sample), now=AT + HOUR)
    shown = rungs(scene, None)
    assert tuple(rung.gate for rung in shown) == (*TRIGGER_GATES, *SEND_GATES)
    assert all(rung.passed for rung in shown)
    seen: Mapping[str, Rung] = {rung.gate: rung for rung in shown}
    assert (seen["depth"].observed, seen["depth"].limit) == (0, DEPTH_MAX)
    assert (seen["live"].observed, seen["live"].limit) == ("live", "live")
    assert (seen["fresh"].observed, seen["fresh"].limit) == (3600, 172_800)
    assert (seen["sample"].observed, seen["sample"].limit) == (
        round(sample_draw(scene.trigger, "ct_1", scene.rules, AT), 4),
        0.9999,
    )
    assert (seen["holdout"].observed, seen["holdout"].limit) == (
        round(holdout_draw(scene.trigger, "ct_1", scene.rules), 4),
        0.0001,
    )


@pytest.mark.parametrize(("own", "company"), [(0.0001, 0.0), (0.0001, 0.2), (0.0, 0.2), (0.0, 0.0)])
def test_a_ladder_shows_the_control_group_of_the_trigger_else_that_of_the_company(own: float, company: float) -> None:
    scene = Scene(trigger=trigger(sample={"holdout": own}))
    scene.policy(holdout=company)
    (seen,) = [rung for rung in rungs(scene, None) if rung.gate == "holdout"]
    drawn = holdout_draw(scene.trigger, "ct_1", scene.rules)
    if company and not own:
        drawn = company_holdout_draw("ct_1", scene.rules)
    assert (seen.observed, seen.limit) == (round(drawn, 4), own or company)


def test_a_trigger_without_a_send_has_no_send_gates() -> None:
    shown = rungs(Scene(trigger=trigger(then=OTHER_ACTIONS)), None)
    assert tuple(rung.gate for rung in shown) == TRIGGER_GATES


def test_a_ladder_counts_freshness_from_the_delay_as_the_decision_did() -> None:
    scene = Scene(trigger=trigger(then=[{"send": {"survey": "nps", "delay": "5d"}}]), now=AT + 6 * DAY)
    assert scene.decided().outcome == "invited"
    (fresh,) = [rung for rung in rungs(scene, None) if rung.gate == "fresh"]
    assert (fresh.passed, fresh.observed, fresh.limit) == (True, 86_400, 172_800)


def test_what_became_stale_in_the_quiet_hours_had_passed_the_gates_before_the_limits() -> None:
    closed = Closed("stale", "2026-11-22T09:00:00+00:00", "2026-11-22T08:00:00+00:00")
    shown = rungs(Scene(), closed)
    assert [rung.gate for rung in shown if not rung.passed] == ["limits"]
    assert shown[-1].observed == closed.observed
