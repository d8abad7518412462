"""What is looked at stands in the address, and what cannot be read there is as if it were not."""

from datetime import date, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.filters import NAMES, PERIODS, read_address, read_filters
from dashboards.readers import Days, Where

TODAY = date(2026, 11, 21)


def test_without_an_address_it_is_six_weeks_and_the_six_before() -> None:
    filters = read_address("", TODAY)
    assert filters.days == Days(date(2026, 10, 11), TODAY)
    assert filters.before == Days(date(2026, 8, 30), date(2026, 10, 10))
    assert (filters.days.length, filters.before.length) == (42, 42)
    assert filters.where == Where()
    assert filters.address("/dashboards/") == "/dashboards/"


@pytest.mark.parametrize(
    ("search", "days", "before"),
    [
        ("?period=7d", ("2026-11-15", "2026-11-21"), ("2026-11-08", "2026-11-14")),
        ("?period=30d&with=year", ("2026-10-23", "2026-11-21"), ("2025-10-24", "2025-11-22")),
        ("?from=2026-03-01&to=2026-03-01", ("2026-03-01", "2026-03-01"), ("2026-02-28", "2026-02-28")),
        ("?from=2026-03-01&to=2026-03-10&period=7d", ("2026-03-01", "2026-03-10"), ("2026-02-19", "2026-02-28")),
    ],
)
def test_days_are_read(search: str, days: tuple[str, str], before: tuple[str, str]) -> None:
    filters = read_address(search, TODAY)
    assert (filters.days.begin.isoformat(), filters.days.end.isoformat()) == days
    assert (filters.before.begin.isoformat(), filters.before.end.isoformat()) == before


@pytest.mark.parametrize(
    "search",
    [
        "?period=1000y",
        "?period=",
        "?from=yesterday&to=today",
        "?from=2026-03-10&to=2026-03-01",
        "?from=0001-01-01&to=9999-12-31",
        "?from=2026-03-01",
        "?with=mars",
        "?&&&=%",
        "?touchpoint=+&place=",
        "?unknown=1",
    ],
)
def test_what_cannot_be_read_is_as_if_it_were_not_there(search: str) -> None:
    assert read_address(search, TODAY) == read_address("", TODAY)


def test_a_name_is_cut_off_rather_than_refused() -> None:
    assert read_address(f"?place={'x' * 5000}", TODAY).where.place == "x" * 100


names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30)
wheres = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, names))
periods = st.one_of(
    st.fixed_dictionaries({"period": st.sampled_from(sorted(PERIODS))}),
    st.tuples(st.integers(0, 1000), st.integers(0, 400)).map(
        lambda of: {
            "from": (TODAY - timedelta(days=of[0] + of[1])).isoformat(),
            "to": (TODAY - timedelta(days=of[0])).isoformat(),
        }
    ),
)


@given(wheres, periods, st.sampled_from(["previous", "year"]))
def test_an_address_says_all_of_what_is_looked_at(where: dict[str, str], period: dict[str, str], compared: str) -> None:
    filters = read_address("?" + urlencode(where | period | {"with": compared}), TODAY)
    assert read_address(filters.address(), TODAY) == filters
    assert filters.active == len(where)
    assert filters.days.length == filters.before.length


def test_a_filter_can_be_changed_and_taken_away() -> None:
    filters = read_filters({"place": "Riverside", "touchpoint": "Delivery", "period": "7d"}, TODAY)
    assert filters.address("/x", place=None) == "/x?period=7d&touchpoint=Delivery"
    assert filters.address("/x", place="A & B") == "/x?period=7d&touchpoint=Delivery&place=A+%26+B"
    assert filters.only(place=None).where == Where(touchpoint="Delivery")
