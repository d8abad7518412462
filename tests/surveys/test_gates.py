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
    Basis,
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
from surveys.crisis import Crisis, covering
from surveys.decision import Decision, Deferred, decide_deferred, decide_each
from surveys.definition import read
from surveys.gates import Address, Closed, Contact, Event, Rules, company_holdout_draw, holdout_draw
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
    ("basis", "country", "channel"),
    [
        (Basis("consent", frozenset({"DE"})), "FR", "email"),
        (Basis("consent", frozenset({"DE"})), "DE", None),
        (Basis("consent", frozenset({"DE"})), None, None),
        (Basis("consent", frozenset({"DE"}), channels=frozenset({"email"})), "FR", "email"),
        (Basis("consent", frozenset({"DE"}), channels=frozenset({"email"})), "DE", "web"),
        (Basis("consent", classes=frozenset({"transactional"}), channels=frozenset({"email"})), "DE", "web"),
        (Basis("consent", classes=frozenset({"marketing"})), "DE", "email"),
    ],
)
def test_of_the_channels_one_with_a_legal_basis_is_taken(
    basis: Basis, country: str | None, channel: str | None
) -> None:
    ask = trigger(send={"channels": ["email", "web"]})
    result = decide(ask, rules(ContactPolicy(legal_basis=(basis,))), who=contact(country=country))
    assert [invite.channel for invite in result.invites] == ([channel] if channel else [])
    assert result.closed == (None if channel else Closed("no_consent", rule="transactional"))


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
        lot = round(company_holdout_draw(person.sampling_id, given), 4)
        closed = decide(trigger(), given, who=replace(person, taken=[])).closed
        assert closed == (Closed("holdout", lot, 0.5, "company") if person in out else None)
        assert reason(decide(message("service"), given, who=replace(person, taken=[]))) is None
    assert {reason(decide(trigger("other"), given, who=p)) for p in out} == {"holdout"}


def test_a_lot_that_is_exactly_the_share_is_not_held_out() -> None:
    lot = company_holdout_draw("ct_1", rules())
    assert reason(decide(trigger(), rules(ContactPolicy(holdout=lot)))) is None
    ask = trigger()
    own = replace(ask, sample=replace(ask.sample, holdout=holdout_draw(ask, "ct_1", rules())))
    assert reason(decide(own, rules())) is None


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


def test_of_several_crises_the_one_that_lasts_longest_counts() -> None:
    facts = {"properties": {"place": "Riverside"}}
    long = Crisis("touchpoint", "Delivery", AT - HOUR, AT + 2 * DAY)
    other = Crisis("place", "Centre", AT - DAY, AT + 9 * DAY)
    assert covering([RIVERSIDE, long, other], AT, facts, "Delivery") == long
    assert covering([long, RIVERSIDE, other], AT, facts, None) == RIVERSIDE
    assert covering([other], AT, facts, "Delivery") is None


def test_a_crisis_of_a_touchpoint_concerns_the_triggers_of_it() -> None:
    given = rules(crises=(Crisis("touchpoint", "Delivery", AT - DAY, AT + DAY),))
    assert reason(decide(trigger(touchpoint="Delivery"), given)) == "crisis"
    assert reason(decide(trigger(touchpoint="Checkout"), given)) is None
    assert reason(decide(trigger(touchpoint="Delivery"), given, event(touchpoint="Checkout"))) is None
    assert reason(decide(trigger(touchpoint="Checkout"), given, event(touchpoint="Delivery"))) == "crisis"


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
    assert allowed(WEEK, standing, AT + 8 * DAY) == 100
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


def test_a_quota_begins_anew_with_its_period_on_the_companys_clock() -> None:
    standing = Standing(AT - 9 * DAY, AT - 2 * DAY, 100, 0.3, 5)
    roll(WEEK, standing, AT - 2 * DAY - HOUR, ZoneInfo("Asia/Tokyo"))
    assert standing == Standing(AT - 9 * DAY, AT - 2 * DAY, 100, 0.3, 5)
    given = replace(rules(standings={"ask": standing}), company_zone="Asia/Tokyo")
    (invite,) = decide(trigger(sample={"quota": {"responses": 100, "per": "7d"}}), given).invites
    monday = datetime(2026, 11, 16, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert (standing.starts, standing.ends) == (monday, monday + 7 * DAY)
    assert (invite.planned_at, standing.used, standing.promised, standing.each) == (AT, 0.3, 1, 0.3)
    roll(WEEK, standing, standing.ends, ZoneInfo("Asia/Tokyo"))
    assert (standing.starts, standing.used, standing.promised) == (monday + 7 * DAY, 0, 0)


def test_a_quota_closes_nothing_where_nobody_counts_and_a_count_nothing_where_there_is_no_quota() -> None:
    full = Standing(AT - DAY, AT + DAY, 3)
    assert reason(decide(trigger(sample={"quota": {"invitations": 3, "per": "2d"}}), rules())) is None
    assert reason(decide(trigger(), rules(standings={"ask": full}))) is None


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


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        # Saturday begins in the evening of Friday (UTC), or on its morning.
        ("Asia/Tokyo", datetime(2026, 11, 20, 14, 59, tzinfo=UTC), datetime(2026, 11, 20, 14, 59, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 11, 20, 15, tzinfo=UTC), datetime(2026, 11, 22, 15, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 21, 4, tzinfo=UTC), datetime(2026, 11, 21, 4, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 21, 5, tzinfo=UTC), datetime(2026, 11, 23, 5, tzinfo=UTC)),
        # The clock goes back on that Sunday.
        ("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_quiet_days_begin_and_end_at_midnight_on_the_clock_of_the_place(
    zone: str, at: datetime, expected: datetime
) -> None:
    weekend = QuietDays(frozenset({5, 6}), "")
    assert allowed_time(ContactPolicy(quiet_days=weekend), at, ZoneInfo(zone)) == expected
    lunch = QuietHours(time(0, 30), time(1), of_contact=True)
    assert allowed_time(ContactPolicy(quiet_hours=lunch, quiet_days=weekend), at, ZoneInfo(zone)) == expected
    night = QuietHours(time(22), time(9), of_contact=True)
    if at != expected:
        nine = expected + 9 * HOUR
        assert allowed_time(ContactPolicy(quiet_hours=night, quiet_days=weekend), at, ZoneInfo(zone)) == nine


def test_a_holiday_of_the_contacts_country_moves_what_is_planned() -> None:
    holidays = {"DE": {AT.date()}}
    for country, planned_at in (("DE", datetime(2026, 11, 22, tzinfo=UTC)), ("FR", AT), (None, AT)):
        given = rules(ContactPolicy(quiet_days=QuietDays(frozenset(), "contact")), holidays=holidays)
        (invite,) = decide(trigger(), given, who=contact(country=country)).invites
        assert invite.planned_at == planned_at


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
    ("delay", "fresh", "retry_at"),
    [
        ("0s", "24h", AT + DAY),
        ("0s", "23h", None),
        ("12h", "12h", AT + DAY),  # it is fresh from its delay on
        ("12h", "11h", None),
    ],
)
def test_what_may_wait_waits_as_long_as_it_is_fresh(delay: str, fresh: str, retry_at: datetime | None) -> None:
    waits = trigger(send={"blocked": "defer", "delay": delay}, fresh=fresh)
    assert decide(waits, rules(ONCE), who=contact(taken=[TAKEN])).retry_at == retry_at


def test_nobody_waits_for_a_limit_that_never_has_room() -> None:
    result = decide(trigger(send={"blocked": "defer"}), rules(ContactPolicy(limits=(Limit("none", 0, DAY),))))
    assert (result.outcome, reason(result), result.retry_at) == ("skipped", "contact_limit", None)


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
