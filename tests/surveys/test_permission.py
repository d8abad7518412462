"""May somebody else write to a contact now? What is in the way, and the first moment at which nothing is."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from surveys.conditions import Facts
from surveys.contact_policy import ContactPolicy, Limit, QuietDays, QuietHours, Reservation
from surveys.crisis import Crisis
from surveys.gates import Address, Closed, Contact, Rules, company_holdout_draw
from surveys.permission import permission

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTHLY = Limit("monthly", 1, 30 * DAY)
NIGHT = QuietHours(time(21), time(9), of_contact=True)


def place(at: datetime, class_: str = "transactional", channel: str = "email") -> Reservation:
    return Reservation(at, class_, channel, None, "")


def rules(**fields: Any) -> Rules:
    crises = fields.pop("crises", ())
    return Rules(ContactPolicy(**fields), b"sampling", b"holdout", "UTC", crises=crises)


def ask(
    who: Contact, given: Rules, asked: Reservation | None = None, facts: dict[str, Any] | None = None
) -> Closed | None:
    asked = asked or place(AT)
    return permission(who, Facts({"properties": {}, "contact": {}} | (facts or {}), asked.counts_at), asked, given)


def contact(**fields: Any) -> Contact:
    return Contact(1, "ct_1", addresses=fields.pop("addresses", {"email": Address(7)}), **fields)


def test_nothing_is_in_the_way_of_who_may_be_written_to() -> None:
    assert ask(contact(), rules(limits=(MONTHLY,), quiet_hours=NIGHT)) is None


@pytest.mark.parametrize(
    ("who", "given", "asked", "closed"),
    [
        (
            contact(taken=[place(AT - DAY)]),
            rules(limits=(MONTHLY,)),
            place(AT),
            Closed("contact_limit", 1, 1, "monthly", AT + 29 * DAY),
        ),
        (
            contact(),
            rules(quiet_hours=NIGHT),
            place(AT + 10 * HOUR),
            Closed("quiet_hours", "2026-11-20T22:00:00+00:00", next_possible_at=AT + 21 * HOUR),
        ),
        (
            contact(complaint_since=AT - DAY),
            rules(),
            place(AT),
            Closed("complaint_open", "2026-11-19T12:00:00+00:00", next_possible_at=AT + 29 * DAY),
        ),
        (
            contact(),
            rules(crises=(Crisis("all", "", AT - DAY, AT + 2 * DAY),)),
            place(AT),
            Closed("crisis", "all", rule="", next_possible_at=AT + 2 * DAY),
        ),
        # Of what follows one upon the other the first is named, and the moment at which all of it is over.
        (
            contact(complaint_since=AT - DAY, taken=[place(AT - HOUR)]),
            rules(limits=(Limit("ninety", 1, 90 * DAY),), quiet_hours=NIGHT, quiet_days=QuietDays(frozenset({3}), "")),
            place(AT + HOUR),
            Closed("complaint_open", "2026-11-19T12:00:00+00:00", next_possible_at=AT + 90 * DAY + 21 * HOUR),
        ),
        # What time does not remove has no such moment, be it first or last.
        (contact(), rules(limits=(Limit("none", 0, DAY),)), place(AT), Closed("contact_limit", 0, 0, "none")),
        (
            contact(unsubscribed_at=AT - DAY),
            rules(),
            place(AT),
            Closed("unsubscribed", "2026-11-19T12:00:00+00:00"),
        ),
        (contact(), rules(consent_required=frozenset({"email"})), place(AT), Closed("no_consent", rule="email")),
        (
            contact(complaint_since=AT - DAY),
            rules(limits=(Limit("none", 0, DAY),)),
            place(AT),
            Closed("complaint_open", "2026-11-19T12:00:00+00:00"),
        ),
        (
            contact(addresses={"email": Address(7, suppressed_at=AT - DAY)}),
            rules(),
            place(AT),
            Closed("suppressed", "2026-11-19T12:00:00+00:00"),
        ),
        # The address is asked about too; another channel's is not.
        (
            contact(addresses={"email": Address(7, taken=[place(AT - DAY)]), "web": Address(8)}),
            rules(limits=(MONTHLY,)),
            place(AT),
            Closed("contact_limit", 1, 1, "monthly", AT + 29 * DAY),
        ),
        (
            contact(addresses={"email": Address(7, taken=[place(AT - DAY)]), "web": Address(8)}),
            rules(limits=(MONTHLY,)),
            place(AT, channel="web"),
            None,
        ),
        (contact(addresses={}), rules(limits=(MONTHLY,)), place(AT, channel="sms"), None),
        (contact(complaint_since=AT - DAY), rules(), place(AT, "service"), None),
    ],
)  # fmt: skip
def test_what_is_in_the_way_is_named_with_the_moment_at_which_nothing_is(
    who: Contact, given: Rules, asked: Reservation, closed: Closed | None
) -> None:
    assert ask(who, given, asked) == closed


def test_asking_takes_no_place() -> None:
    who = contact(taken=[place(AT - DAY)], addresses={"email": Address(7, taken=[place(AT - 2 * DAY)])})
    before = replace(who, taken=[*who.taken], addresses={"email": replace(who.addresses["email"])})
    assert ask(who, rules(limits=(Limit("ten", 10, DAY),))) is None
    assert ask(who, rules(limits=(MONTHLY,))) is not None
    assert who == before
    assert who.addresses["email"].taken == [place(AT - 2 * DAY)]


def test_a_crisis_concerns_whom_it_is_about() -> None:
    crisis = Crisis("segment", "premium", AT - DAY, AT + DAY)
    closed = ask(contact(), rules(crises=(crisis,)), facts={"contact": {"segments": ["premium"]}})
    assert closed == Closed("crisis", "segment", rule="premium", next_possible_at=AT + DAY)
    assert ask(contact(), rules(crises=(crisis,)), facts={"contact": {"segments": []}}) is None


def test_the_message_is_counted_as_what_it_is() -> None:
    given = rules(limits=(Limit("nps", 1, 30 * DAY, surveys=frozenset({"nps"})),))
    who = contact(taken=[Reservation(AT - DAY, "marketing", "email", "nps", "other")])
    assert ask(who, given) is None
    assert ask(who, given, replace(place(AT), survey="nps")) is not None


def test_who_is_in_the_control_group_of_the_company_is_written_to_for_service_only() -> None:
    given = rules(holdout=0.5)
    people = [replace(contact(), sampling_id=f"ct_{n}") for n in range(20)]
    lots = [company_holdout_draw(who.sampling_id, given) for who in people]
    assert 0 < sum(lot < 0.5 for lot in lots) < 20
    wanted = [Closed("holdout", round(lot, 4), 0.5, "company") if lot < 0.5 else None for lot in lots]
    assert [ask(who, given) for who in people] == wanted
    assert {ask(who, given, place(AT, "service")) for who in people} == {None}


@pytest.mark.parametrize(("days", "found"), [(1, True), (48, True), (49, False)])
def test_where_every_way_out_ends_at_another_obstacle_the_search_has_an_end(days: int, found: bool) -> None:
    """Open for an hour a day, and every day there is a message in the middle of it."""
    given = rules(limits=(Limit("hourly", 1, HOUR),), quiet_hours=QuietHours(time(13), time(12), of_contact=True))
    who = contact(taken=[place(AT + n * DAY + HOUR / 2) for n in range(days)])
    closed = ask(who, given)
    assert closed == Closed("contact_limit", 1, 1, "hourly", AT + days * DAY if found else None)
