"""Sampling: fair, sticky, and the same in every process."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys import sampling
from surveys.sampling import EPOCH, draw, period, period_ends

SALT, OTHER_SALT = b"installation", b"holdout"
CONTACTS = [f"ct_{n}" for n in range(100_000)]
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
QUARTER = timedelta(days=90)
# The critical values of chi-square at 0.1 %, for 1, 81, 89 and 99 degrees of freedom.
CHI_SQUARE = {1: 10.828, 81: 124.839, 89: 134.834, 99: 148.230}


def chi_square(counts: list[int], expected: list[float]) -> float:
    return sum((seen - wanted) ** 2 / wanted for seen, wanted in zip(counts, expected, strict=True))


def test_draws_are_uniform_over_contacts() -> None:
    bins = Counter(int(100 * draw(SALT, "upgrade-nps", contact)) for contact in CONTACTS)
    assert set(bins) == set(range(100))
    assert chi_square([bins[n] for n in range(100)], [1000.0] * 100) < CHI_SQUARE[99]


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.05, 0.3, 0.5, 0.9, 0.999])
def test_the_share_included_is_the_rate(rate: float) -> None:
    included = sum(draw(SALT, f"trigger-{rate}", contact) < rate for contact in CONTACTS)
    n = len(CONTACTS)
    assert chi_square([included, n - included], [rate * n, (1 - rate) * n]) < CHI_SQUARE[1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((SALT, "upgrade-nps", 0), (SALT, "delivery-csat", 0)),
        ((SALT, "upgrade-nps", 7), (SALT, "upgrade-nps", 8)),
        ((SALT, "upgrade-nps", 0), (OTHER_SALT, "upgrade-nps", 0)),
    ],
    ids=["two triggers", "two periods", "sample and holdout"],
)
def test_two_draws_of_a_contact_are_independent(first: tuple[bytes, str, int], second: tuple[bytes, str, int]) -> None:
    def lot(of: tuple[bytes, str, int], contact: str) -> int:
        salt, trigger, number = of
        return int(10 * draw(salt, trigger, contact, number))

    cells = Counter((lot(first, contact), lot(second, contact)) for contact in CONTACTS)
    rows = [sum(cells[i, j] for j in range(10)) for i in range(10)]
    columns = [sum(cells[i, j] for i in range(10)) for j in range(10)]
    seen = [cells[i, j] for i in range(10) for j in range(10)]
    expected = [rows[i] * columns[j] / len(CONTACTS) for i in range(10) for j in range(10)]
    assert chi_square(seen, expected) < CHI_SQUARE[81]


# Drawn once and written down: an upgrade that changes them would ask other people.
DRAWN = {
    ("upgrade-nps", "ct_1", 0): 0.3990241035744734,
    ("upgrade-nps", "ct_1", 1): 0.911266810185069,
    ("upgrade-nps", "ct_2", 0): 0.686283922240682,
    ("delivery-csat", "ct_1", 0): 0.07944234789656657,
    ("доставка", "клиент", 27): 0.9022541722485379,
}


@pytest.mark.parametrize(("of", "lot"), DRAWN.items())
def test_a_draw_never_changes(of: tuple[str, str, int], lot: float) -> None:
    assert draw(SALT, *of) == lot


def test_a_period_never_moves() -> None:
    ends = period_ends(SALT, "ct_1", AT, QUARTER)
    assert (period(SALT, "ct_1", AT, QUARTER), ends) == (28, datetime.fromisoformat("2027-02-08T16:04:57.351324+00:00"))


@pytest.mark.parametrize("seed", ["0", "1", "424242"])
def test_other_processes_draw_the_same(seed: str) -> None:
    program = (
        "from datetime import *; from surveys.sampling import *;"
        f"at = datetime.fromisoformat({AT.isoformat()!r});"
        "print([draw(b'installation', 'upgrade-nps', f'ct_{n}', n) for n in range(50)],"
        " [period(b'installation', f'ct_{n}', at, timedelta(days=90)) for n in range(50)])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    lots = [draw(SALT, "upgrade-nps", f"ct_{n}", n) for n in range(50)]
    periods = [period(SALT, f"ct_{n}", AT, QUARTER) for n in range(50)]
    assert found.stdout.strip() == f"{lots} {periods}"


def test_a_replay_in_another_order_draws_the_same() -> None:
    once = {contact: draw(SALT, "upgrade-nps", contact) for contact in CONTACTS[:1000]}
    again = {contact: draw(SALT, "upgrade-nps", contact) for contact in reversed(CONTACTS[:1000])}
    assert once == again


def test_another_trigger_contact_period_or_salt_is_another_lot() -> None:
    lots = {
        draw(SALT, "upgrade-nps", "ct_1"),
        draw(SALT, "upgrade-nps", "ct_1", 1),
        draw(SALT, "upgrade-nps", "ct_11"),
        draw(SALT, "upgrade-nps1", "ct_1"),
        draw(OTHER_SALT, "upgrade-nps", "ct_1"),
    }
    assert len(lots) == 5


@pytest.mark.parametrize(
    ("digest", "lot"), [(b"\x00" * 8, 0.0), (b"\xff" * 8, 1 - 2**-53), (b"\x80" + b"\x00" * 7, 0.5)]
)
def test_a_lot_is_at_least_nought_and_below_one(digest: bytes, lot: float, monkeypatch: pytest.MonkeyPatch) -> None:
    class Digest:
        def digest(self) -> bytes:
            return digest

    monkeypatch.setattr(sampling, "blake2b", lambda *_args, **_kwargs: Digest())
    assert draw(SALT, "upgrade-nps", "ct_1") == lot
    assert lot < 1


moments = st.datetimes(datetime(2015, 1, 1), datetime(2060, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
redraws = st.timedeltas(timedelta(days=1), timedelta(days=3650))
names = st.integers(0, 10**9).map("ct_{}".format)


@given(names, moments)
def test_without_redraw_there_is_one_period_for_ever(contact: str, at: datetime) -> None:
    assert period(SALT, contact, at, None) == 0
    assert period_ends(SALT, contact, at, None) is None


@given(names, moments, redraws)
def test_a_period_holds_until_it_ends_and_then_the_next_begins(contact: str, at: datetime, redraw: timedelta) -> None:
    number = period(SALT, contact, at, redraw)
    end = period_ends(SALT, contact, at, redraw)
    assert end is not None
    assert at < end <= at + redraw
    assert period(SALT, contact, end, redraw) == number + 1
    assert period(SALT, contact, end - timedelta(microseconds=1), redraw) == number
    assert period(SALT, contact, at + redraw, redraw) == number + 1
    assert period_ends(SALT, contact, end, redraw) == end + redraw


@given(names, moments, st.integers(-12, 14))
def test_a_period_depends_on_the_moment_and_not_on_the_zone_it_is_written_in(
    contact: str, at: datetime, hours: int
) -> None:
    there = at.astimezone(timezone(timedelta(hours=hours)))
    assert period(SALT, contact, there, QUARTER) == period(SALT, contact, at, QUARTER)


def test_every_day_another_share_of_the_contacts_begins_a_period() -> None:
    ends = Counter[int]()
    for contact in CONTACTS[:20_000]:
        end = period_ends(SALT, contact, EPOCH, QUARTER)
        assert end is not None
        ends[(end - EPOCH - timedelta(microseconds=1)).days] += 1
    assert set(ends) == set(range(90))
    assert chi_square([ends[day] for day in range(90)], [20_000 / 90] * 90) < CHI_SQUARE[89]


def test_who_is_redrawn_is_independent_of_the_draw() -> None:
    cells = Counter[tuple[int, int]]()
    for contact in CONTACTS[:20_000]:
        end = period_ends(SALT, contact, EPOCH, QUARTER)
        assert end is not None
        cells[int(10 * ((end - EPOCH) / QUARTER - 1e-12)), int(10 * draw(SALT, "upgrade-nps", contact))] += 1
    seen = [cells[i, j] for i in range(10) for j in range(10)]
    assert chi_square(seen, [20_000 / 100] * 100) < CHI_SQUARE[99]
