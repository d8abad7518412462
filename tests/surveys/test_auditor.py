"""The auditor sees every window that holds too much, and nothing else: whatever became of the policy meanwhile."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.auditor import Cap, InForce, Place, Violation, violations
from surveys.contact_policy import ContactPolicy, Limit, Reservation, refusal

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
EVER = datetime.min.replace(tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = 1 / 1440
"""Of a day."""


def place(day: float, class_: str = "transactional", made: float | None = None, **more: bool) -> Place:
    at = NOON + timedelta(days=day)
    made_at = at if made is None else NOON + timedelta(days=made)
    return Place(1, 1, 1, class_, "email", "csat", "ask", at, made_at, **more)


def limited(day: float, most: int, number: int = 1) -> InForce:
    """A policy of one limit a day, in force since a day."""
    return InForce(number, NOON + timedelta(days=day), [Cap("c", most, DAY)], ("service",))


@pytest.mark.parametrize(
    ("taken", "cap", "broken"),
    [
        ([place(0), place(1)], Cap("c", 1, DAY), 0),  # exactly a day later is free again
        ([place(0), place(0.999)], Cap("c", 1, DAY), 1),
        ([place(0), place(0)], Cap("c", 1, DAY), 2),  # two at one moment count at each of their ends
        ([place(0), place(0.4), place(0.8)], Cap("c", 2, DAY), 1),
        ([place(0), place(0, "service")], Cap("c", 1, DAY), 0),
        ([place(0, "service")] * 2, Cap("c", 1, DAY, classes=("service",)), 2),
        ([place(0), place(0, "marketing")], Cap("c", 1, DAY, classes=("marketing",)), 0),
        ([place(0)] * 2, Cap("c", 1, DAY, channels=("sms",)), 0),
        ([place(0)] * 2, Cap("c", 1, DAY, surveys=("other",)), 0),
        ([place(0)] * 2, Cap("c", 1, DAY, triggers=("other",)), 0),
        ([place(0)], Cap("c", 0, DAY), 1),
    ],
)
def test_the_auditor_sees_what_breaks_a_limit(taken: list[Place], cap: Cap, broken: int) -> None:
    assert len(violations(taken, [InForce(1, EVER, [cap], ("service",))], NOON)) == broken


@pytest.mark.parametrize(
    ("taken", "versions", "broken"),
    [
        # Two within a day, handed over while two were allowed; then only one.
        ([place(0), place(0.5)], [limited(-9, 2), limited(1, 1)], 0),
        # The second came when only one was allowed any more.
        ([place(0), place(0.5)], [limited(-9, 2), limited(0.4, 1)], 1),
        # One of them after the policy was loosened: the window that ends in the stricter time was fine.
        ([place(0), place(0.5)], [limited(-9, 1), limited(0.4, 2)], 0),
        # Before there was a policy nothing was limited.
        ([place(0), place(0.5)], [InForce(0, EVER, ()), limited(1, 1)], 0),
        # Clocks never quite agree: within a minute either policy may have been read.
        ([place(0), place(0.5)], [limited(-9, 2), limited(0.4999, 1)], 0),
        ([place(0), place(0.5)], [limited(-9, 1), limited(0.5001, 2)], 0),
        # What is allowed later does not excuse it.
        ([place(0), place(0.5)], [limited(-9, 1), limited(1, 2)], 1),
        # A promise of today for tomorrow, made while two were allowed, is looked at again before it goes out.
        ([place(0), place(0.9, made=0, handed_over=False)], [limited(-9, 2), limited(0.5, 1)], 0),
        ([place(0), place(0.9, made=0, handed_over=False)], [limited(-9, 1)], 1),
        # It is due, but did not go out yet.
        ([place(0), place(0.5, made=0, handed_over=False)], [limited(-9, 1), limited(1, 2)], 0),
        ([place(0), place(0.5, made=0, handed_over=False)], [limited(-9, 1), limited(3, 2)], 1),
        # It was promised alone; what was put beside it since was weighed by the policy of that day.
        ([place(0.9, made=-1, handed_over=False), place(0.5)], [limited(-9, 1), limited(0.4, 2)], 0),
        # What another system sent counts once we know of it, and is never judged.
        ([place(0, made=0, ours=False), place(0.5)], [limited(-9, 1)], 1),
        ([place(0, made=0.6, ours=False), place(0.5)], [limited(-9, 1)], 0),
        ([place(0), place(0.5, ours=False)], [limited(-9, 1)], 0),
        # Whether we were told just before or just after is not to be known: within a minute it does not count.
        ([place(0, made=0.5 - 2 * MINUTE, ours=False), place(0.5)], [limited(-9, 1)], 1),
        ([place(0, made=0.5 - MINUTE, ours=False), place(0.5)], [limited(-9, 1)], 0),
        ([place(0, made=0.5 + MINUTE / 2, ours=False), place(0.5)], [limited(-9, 1)], 0),
    ],
)
def test_a_place_is_judged_by_the_policy_of_its_moment(
    taken: list[Place], versions: list[InForce], broken: int
) -> None:
    assert len(violations(taken, versions, NOON + 2 * DAY)) == broken


def test_a_violation_names_the_place_the_limit_the_count_and_the_policy() -> None:
    taken = [place(0), place(0.2), place(0.4)]
    loose, strict = limited(-9, 2, number=3), limited(0.3, 1, number=4)
    assert violations(taken, [loose, strict], NOON) == [Violation(taken[2], strict.caps[0], 3, 4)]


HOURS = st.integers(0, 240).map(lambda h: NOON + timedelta(hours=h))
CLASSES = st.sampled_from(["transactional", "relationship", "service"])


@given(
    asked=st.lists(st.tuples(HOURS, CLASSES), max_size=12),
    limits=st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 90), st.frozensets(CLASSES, max_size=2)), min_size=1, max_size=3
    ),
)
def test_what_the_rules_let_through_the_auditor_passes_and_what_they_refuse_it_sees(
    asked: list[tuple[datetime, str]], limits: list[tuple[int, int, frozenset[str]]]
) -> None:
    named = [(f"c{n}", most, timedelta(hours=hours), classes) for n, (most, hours, classes) in enumerate(limits)]
    policy = ContactPolicy(tuple(Limit(*each) for each in named), frozenset({"service"}))
    versions = [InForce(1, EVER, [Cap(*each) for each in named], policy.exempt)]
    taken: list[Reservation] = []
    held: list[Place] = []
    for at, class_ in asked:
        reserved = Reservation(at, class_, "email", "csat", "ask")
        stands = Place(1, 1, 1, class_, "email", "csat", "ask", at, at)
        refused = refusal(policy, taken, reserved) is not None
        assert bool(violations([*held, stands], versions, NOON)) == refused
        if not refused:
            taken.append(reserved)
            held.append(stands)
    assert Counter(p.counts_at for p in held) == Counter(r.counts_at for r in taken)
