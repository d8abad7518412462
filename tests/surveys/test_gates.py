"""The gates beyond limits and consent: legal basis, control groups, crises, quotas, quiet days, waiting, preference."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.conditions import Facts
from surveys.contact_policy import (
    ContactPolicy,
    Limit,
    QuietDays,
    QuietHours,
    Reservation,
    allowed_time,
    country_of,
    may_ask,
    read_policy,
)
from surveys.crisis import Crisis
from surveys.decision import Decision, Deferred, decide_deferred, decide_each
from surveys.definition import read
from surveys.gates import Address, Contact, Event, Rules, company_holdout_draw
from surveys.quotas import Quota, Standing, allowed, answer_rate, is_full, opens_at, period, roll
from surveys.triggers import Trigger, read_trigger
from tests.surveys.faults import assert_fault

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONCE = ContactPolicy(limits=(Limit("once", 1, 30 * DAY),))


def trigger(slug: str = "ask", send: dict[str, Any] | None = None, **fields: Any) -> Trigger:
    then = [{"send": {"survey": "nps", **(send or {})}}]
    return read({"slug": slug, "status": "live", "when": {"event": "paid"}, "then": then, **fields}, read_trigger)


def message(class_: str, **fields: Any) -> Trigger:
    then = [{"message": {"text": "Hello", "class": class_}}]
    return read({"slug": "say", "status": "live", "when": {"event": "paid"}, "then": then, **fields}, read_trigger)


def event(number: int = 1, at: datetime = AT, **properties: Any) -> Event:
    return Event(number, "paid", at, Facts({"properties": properties, "contact": {}}, at), first=True)


def contact(**fields: Any) -> Contact:
    return Contact(1, "ct_1", addresses={"email": Address(7), "web": Address(8)}, **fields)


def rules(policy: ContactPolicy | None = None, **fields: Any) -> Rules:
    return Rules(policy or ContactPolicy(), b"sampling", b"holdout", "UTC", **fields)


def decide(
    rule: Trigger, given: Rules, about: Event | None = None, who: Contact | None = None, now: datetime = AT
) -> Decision:
    (result,) = decide_each(about or event(), who or contact(), [rule], given, now)
    assert isinstance(result, Decision)
    return result


def reason(result: Decision) -> str | None:
    return result.closed.reason if result.closed else None


# Legal basis

BASES = read(
    {
        "consent": {"marketing": "required"},
        "legal_basis": [
            {"countries": ["DE"], "classes": ["marketing"], "basis": "consent"},
            {"countries": ["DE", "AT"], "channels": ["email"], "basis": "customer"},
            {"countries": ["US"], "basis": "assumed"},
        ],
    },
    read_policy,
)


@pytest.mark.parametrize(
    ("consents", "country", "class_", "channel", "lacking"),
    [
        ({}, "DE", "marketing", "email", "marketing"),
        ({"marketing": True}, "DE", "marketing", "email", None),
        ({"informed": True}, "DE", "marketing", "email", "marketing"),  # to be a customer is not enough there
        ({}, "DE", "transactional", "email", "transactional"),
        ({"informed": True}, "DE", "transactional", "email", None),
        ({"email": True}, "AT", "marketing", "email", None),
        ({"informed": True, "email": False}, "AT", "transactional", "email", "email"),
        ({}, "US", "marketing", "email", None),
        ({"marketing": False}, "US", "marketing", "email", "marketing"),
        ({}, "FR", "transactional", "email", None),  # no rule is about it
        ({}, "FR", "marketing", "email", "marketing"),
        ({}, None, "transactional", "email", "transactional"),  # whose country is unknown falls under the strict rule
        ({}, "DE", "transactional", "sms", None),
    ],
)
def test_the_first_rule_about_a_message_says_on_which_basis_it_may_go(
    consents: dict[str, bool], country: str | None, class_: str, channel: str, lacking: str | None
) -> None:
    assert may_ask(BASES, consents, country, class_, channel) == lacking


@pytest.mark.parametrize(
    ("told", "country"),
    [
        ({"attributes": {"country": "de"}, "locale": "en-US"}, "DE"),
        ({"locale": "de-AT"}, "AT"),
        ({"locale": "pt_BR"}, "BR"),
        ({"locale": "ru"}, None),
        ({"attributes": {"country": 7}}, None),
        ({"attributes": {"country": "Germany"}}, None),
        ({}, None),
    ],
)
def test_a_country_is_the_attribute_or_the_region_of_the_locale(told: dict[str, Any], country: str | None) -> None:
    assert country_of(told) == country


@pytest.mark.parametrize(
    ("written", "path", "words"),
    [
        ({"legal_basis": [{"basis": "hope"}]}, ("legal_basis", 0, "basis"), "must be one of"),
        (
            {"legal_basis": [{"basis": "consent", "countries": ["Germany"]}]},
            ("legal_basis", 0, "countries", 0),
            "like RU",
        ),
        ({"holdout": 0.9}, ("holdout",), "from 0 to 0.5"),
        (
            {"quiet_days": {"weekdays": ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]}},
            ("quiet_days", "weekdays"),
            "no day",
        ),
        ({"quiet_days": {"weekdays": ["Monday"]}}, ("quiet_days", "weekdays", 0), "must be one of"),
        ({"quiet_days": {"holidays": "Russia"}}, ("quiet_days", "holidays"), "like RU"),
        ({"crisis": {"limits": [{"name": "a", "max": 1, "per": "0d"}]}}, ("crisis", "limits", 0, "per"), "longer"),
    ],
)
def test_a_fault_in_the_policy_is_reported_where_it_stands(
    written: dict[str, Any], path: tuple[Any, ...], words: str
) -> None:
    assert_fault(read_policy, written, path, words)


@pytest.mark.parametrize(
    ("send", "path", "words"),
    [
        ({"remind": {"after": "8d"}}, ("remind",), "after the link has closed"),
        ({"remind": {"after": "3d", "times": 9}}, ("remind", "times"), "from 1 to 3"),
        ({"cancel_on": ["paid"]}, ("cancel_on",), "cannot both"),
        ({"blocked": "maybe"}, ("blocked",), "must be one of"),
    ],
)
def test_a_fault_in_a_send_is_reported_where_it_stands(send: dict[str, Any], path: tuple[Any, ...], words: str) -> None:
    written = {"slug": "s", "when": {"event": "paid"}, "then": [{"send": {"survey": "nps", **send}}]}
    assert_fault(read_trigger, written, ("then", 0, "send", *path), words)


# Control group of the company


def test_the_company_keeps_its_control_group_out_of_everything_but_service() -> None:
    given = rules(ContactPolicy(holdout=0.5))
    people = [replace(contact(), sampling_id=f"ct_{n}") for n in range(200)]
    out = [p for p in people if company_holdout_draw(p.sampling_id, given) < 0.5]
    assert 60 < len(out) < 140
    for person in people:
        closed = decide(trigger(), given, who=replace(person, taken=[])).closed
        assert (closed.reason if closed else None) == ("holdout" if person in out else None)
        assert reason(decide(message("service"), given, who=replace(person, taken=[]))) is None
    assert {reason(decide(trigger("other"), given, who=p)) for p in out} == {"holdout"}


# Crises

RIVERSIDE = Crisis("place", "Riverside", AT - DAY, AT + DAY)


@pytest.mark.parametrize(
    ("crisis", "covers"),
    [
        (RIVERSIDE, True),
        (Crisis("all", "", AT - DAY, AT + DAY), True),
        (Crisis("place", "Centre", AT - DAY, AT + DAY), False),
        (Crisis("place", "Riverside", AT - DAY, AT), False),  # its end is over
        (Crisis("place", "Riverside", AT, AT + DAY), True),
        (Crisis("touchpoint", "Delivery", AT - DAY, AT + DAY), True),
        (Crisis("segment", "premium", AT - DAY, AT + DAY), True),
        (Crisis("segment", "other", AT - DAY, AT + DAY), False),
        (Crisis("product", "box", AT - DAY, AT + DAY), False),
    ],
)
def test_a_crisis_covers_its_part_of_the_company_for_its_time(crisis: Crisis, covers: bool) -> None:
    facts = {"properties": {"place": "Riverside"}, "contact": {"segments": ["premium"]}}
    assert crisis.covers(AT, facts, "Delivery") is covers


@pytest.mark.parametrize(
    ("rule", "place", "outcome"),
    [
        (trigger(), "Riverside", "crisis"),
        (trigger(), "Centre", None),
        (trigger(crisis="run"), "Riverside", None),
        (trigger(crisis="only"), "Riverside", None),
        (trigger(crisis="only"), "Centre", "not_live"),
        (message("service"), "Riverside", None),
        (message("marketing"), "Riverside", "crisis"),
    ],
)
def test_in_a_crisis_only_service_and_what_was_made_for_it_goes_out(
    rule: Trigger, place: str, outcome: str | None
) -> None:
    assert reason(decide(rule, rules(crises=(RIVERSIDE,)), event(place=place))) == outcome


def test_limits_are_tighter_in_a_crisis() -> None:
    policy = ContactPolicy(crisis_limits=(Limit("calm", 1, 90 * DAY),))
    before = Reservation(AT - 60 * DAY, "transactional", "email", "nps", "ask")
    given = rules(policy, crises=(RIVERSIDE,))
    assert reason(decide(trigger(crisis="run"), given, event(place="Centre"), contact(taken=[before]))) is None
    closed = decide(trigger(crisis="run"), given, event(place="Riverside"), contact(taken=[before])).closed
    assert closed is not None
    assert (closed.reason, closed.rule) == ("contact_limit", "calm")


# Quotas

WEEK = Quota("responses", 100, 7 * DAY)


def test_periods_of_whole_weeks_begin_on_monday_and_those_of_days_at_midnight_also_across_clock_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    starts, ends = period(datetime(2026, 10, 25, 12, tzinfo=UTC), 7 * DAY, berlin)  # the clock went back that night
    assert (starts.astimezone(berlin), ends.astimezone(berlin)) == (
        datetime(2026, 10, 19, tzinfo=berlin),
        datetime(2026, 10, 26, tzinfo=berlin),
    )
    starts, ends = period(datetime(2026, 10, 25, 12, tzinfo=UTC), DAY, berlin)
    assert ends - starts == 25 * HOUR


@given(
    st.integers(0, 365 * 24 * 60),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
    st.integers(1, 400),
)
def test_every_moment_falls_into_one_period(minutes: int, zone: str, hours: int) -> None:
    moment, per, where = AT + timedelta(minutes=minutes), hours * HOUR, ZoneInfo(zone)
    starts, ends = period(moment, per, where)
    assert starts <= moment < ends
    assert period(ends, per, where)[0] == ends


def test_responses_are_spread_over_the_period_and_never_more_than_all() -> None:
    standing = Standing(AT, AT + 7 * DAY)
    seen = [allowed(WEEK, standing, AT + n * HOUR) for n in range(7 * 24 + 1)]
    assert (seen[0], seen[84], seen[-1]) == (1, 50, 100)
    assert seen == sorted(seen)
    assert allowed(Quota("invitations", 100, 7 * DAY), standing, AT) == 100


@given(st.floats(0, 100), st.integers(0, 167))
def test_a_full_quota_is_open_when_it_says_so(used: float, hours: int) -> None:
    standing, now = Standing(AT, AT + 7 * DAY, used), AT + hours * HOUR
    if is_full(WEEK, standing, now):
        opens = opens_at(WEEK, standing, now)
        roll(WEEK, standing, opens, ZoneInfo("UTC"))
        assert opens > now
        assert not is_full(WEEK, standing, opens)


@pytest.mark.parametrize(
    ("quota", "used", "after", "opens"),
    [
        (WEEK, 30, timedelta(0), 0.3 * 7 * DAY + timedelta(seconds=1)),  # when the pace allows one more
        (WEEK, 1, timedelta(0), 0.01 * 7 * DAY + timedelta(seconds=1)),
        (WEEK, 1, HOUR, HOUR + 0.01 * 7 * DAY),  # not at every step of the pace
        (WEEK, 100, DAY, 7 * DAY),
        (WEEK, 130, DAY, 7 * DAY),
        (Quota("invitations", 3, 7 * DAY), 3, DAY, 7 * DAY),
    ],
)
def test_a_full_quota_opens_with_its_pace_or_its_next_period(
    quota: Quota, used: float, after: timedelta, opens: timedelta
) -> None:
    standing = Standing(AT, AT + 7 * DAY, used)
    assert is_full(quota, standing, AT + after)
    assert opens_at(quota, standing, AT + after) == AT + opens


@pytest.mark.parametrize(
    ("answered", "asked", "rate"), [(0, 0, 0.25), (19, 19, 0.25), (5, 20, 0.25), (0, 20, 0.0), (30, 40, 0.75)]
)
def test_the_rate_of_answers_is_the_usual_one_until_enough_were_asked(answered: int, asked: int, rate: float) -> None:
    assert answer_rate(answered, asked) == rate


def test_promises_of_a_batch_count_in_its_quota() -> None:
    standing = Standing(AT - DAY, AT + DAY)
    given = rules(standings={"ask": standing})
    rule = trigger(sample={"quota": {"invitations": 3, "per": "2d"}})
    results = [decide(rule, given, event(n), replace(contact(), id=n)) for n in range(5)]
    assert [r.outcome for r in results] == ["invited"] * 3 + ["skipped"] * 2
    assert (standing.used, standing.promised) == (3, 3)


# Quiet days


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)),  # Friday
        (datetime(2026, 11, 20, 22, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)),  # its night, then a weekend
        (datetime(2026, 11, 21, 12, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)),
        (datetime(2026, 12, 31, 12, tzinfo=UTC), datetime(2026, 12, 31, 12, tzinfo=UTC)),
        (datetime(2027, 1, 1, 12, tzinfo=UTC), datetime(2027, 1, 4, 9, tzinfo=UTC)),  # a holiday on a Friday
    ],
)
def test_nothing_goes_out_on_quiet_days(at: datetime, expected: datetime) -> None:
    policy = ContactPolicy(
        quiet_hours=QuietHours(time(21), time(9), of_contact=True), quiet_days=QuietDays(frozenset({5, 6}), "DE")
    )
    assert allowed_time(policy, at, ZoneInfo("UTC"), {date(2027, 1, 1)}) == expected


def test_holidays_are_those_of_the_policy_or_of_the_contact() -> None:
    dates = {"DE": frozenset({date(2026, 10, 3)}), "RU": frozenset({date(2026, 6, 12)})}
    of_contact = rules(ContactPolicy(quiet_days=QuietDays(frozenset(), "contact")), holidays=dates)
    assert (of_contact.holidays_of("DE"), of_contact.holidays_of(None), of_contact.holidays_of("XX")) == (
        dates["DE"],
        (),
        (),
    )
    fixed = rules(ContactPolicy(quiet_days=QuietDays(frozenset(), "RU")), holidays=dates)
    assert fixed.holidays_of("DE") == dates["RU"]


def test_a_borrowed_clock_is_said() -> None:
    night = rules(ContactPolicy(quiet_hours=QuietHours(time(21), time(9), of_contact=True)))
    for zone, borrowed in ((None, True), ("Mars/Olympus", True), ("Europe/Moscow", False)):
        (invite,) = decide(trigger(), night, who=contact(timezone=zone)).invites
        assert invite.borrowed_clock is borrowed
    (invite,) = decide(trigger(), rules()).invites
    assert not invite.borrowed_clock


# Waiting

TAKEN = Reservation(AT - 29 * DAY, "transactional", "email", "nps", "other")


def test_what_may_wait_is_deferred_until_there_is_room() -> None:
    result = decide(trigger(send={"blocked": "defer"}), rules(ONCE), who=contact(taken=[TAKEN]))
    assert (result.outcome, reason(result), result.retry_at) == ("deferred", "contact_limit", AT + DAY)


@pytest.mark.parametrize(
    ("send", "fields", "who"),
    [
        ({}, {}, contact(taken=[TAKEN])),  # it does not want to wait
        ({"blocked": "defer"}, {"fresh": "23h"}, contact(taken=[TAKEN])),  # it would be too late
        ({"blocked": "defer"}, {}, contact(unsubscribed_at=AT)),  # time does not help
        ({"blocked": "defer"}, {"sample": {"rate": 0}}, contact()),
    ],
)
def test_what_cannot_wait_is_skipped(send: dict[str, Any], fields: dict[str, Any], who: Contact) -> None:
    result = decide(trigger(send=send, **fields), rules(ONCE), who=who)
    assert (result.outcome, result.retry_at) == ("skipped", None)


def test_deferred_ones_are_decided_together_by_priority_then_age_and_one_wins() -> None:
    wait = {"blocked": "defer"}
    low, high = trigger("low", wait), trigger("high", wait, priority=90)
    waiting = [Deferred(event(1, AT), low), Deferred(event(3, AT + HOUR), high), Deferred(event(2, AT), high)]
    results = decide_deferred(waiting, contact(), rules(ONCE), AT + DAY)
    assert [(one.event.id, one.trigger.slug, r.outcome, reason(r)) for one, r in results] == [
        (2, "high", "invited", None),
        (3, "high", "skipped", "superseded"),
        (1, "low", "skipped", "superseded"),
    ]


def test_every_gate_is_read_again_when_a_deferred_one_is_decided() -> None:
    rule = trigger(send={"blocked": "defer"})
    cases: dict[str, tuple[Contact, datetime, dict[str, Any]]] = {
        "stale": (contact(), AT + 3 * DAY, {}),
        "unsubscribed": (contact(unsubscribed_at=AT), AT + DAY, {}),
        "not_live": (contact(), AT + DAY, {"status": "paused"}),
        "condition": (contact(), AT + DAY, {"if": {"field": "properties.amount", "op": "exists"}}),
    }
    for expected, (who, now, fields) in cases.items():
        now_read = trigger(send={"blocked": "defer"}, **fields) if fields else rule
        ((_, result),) = decide_deferred([Deferred(event(), now_read)], who, rules(ONCE), now)
        assert (result.trigger, result.outcome, reason(result)) == (now_read, "skipped", expected)


# Preference


@pytest.mark.parametrize(
    ("preferred", "channel"), [((), "email"), (("web",), "web"), (("sms", "web"), "web"), (("email", "web"), "email")]
)
def test_the_contacts_own_order_of_channels_goes_first(preferred: tuple[str, ...], channel: str) -> None:
    (invite,) = decide(trigger(send={"channels": ["email", "web"]}), rules(), who=contact(preferred=preferred)).invites
    assert invite.channel == channel


def test_where_the_preferred_channel_is_closed_the_next_one_is_taken() -> None:
    policy = ContactPolicy(limits=(Limit("popups", 1, 30 * DAY, channels=frozenset({"web"})),))
    popup = Reservation(AT - DAY, "transactional", "web", "nps", "other")
    who = contact(preferred=("web",), taken=[popup])
    (invite,) = decide(trigger(send={"channels": ["email", "web"]}), rules(policy), who=who).invites
    assert invite.channel == "email"
