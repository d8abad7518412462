"""Offers: a pool of codes as it is written."""

from datetime import timedelta
from typing import Any

import pytest

from surveys.definition import Path, read
from surveys.offers import CODES_MAX, Offer, read_offer
from tests.surveys.faults import assert_fault

BASE = {"slug": "winback-10"}


@pytest.mark.parametrize(
    ("written", "offer"),
    [
        ({"codes": ["A1B2", "C3D4"], "expires": "30d"}, Offer("winback-10", ("A1B2", "C3D4"), timedelta(days=30))),
        ({"name": "Come back"}, Offer("winback-10", (), None)),
        ({"codes": []}, Offer("winback-10", (), None)),
        ({"codes": ["b", "a", "b", "A"]}, Offer("winback-10", ("b", "a", "A"), None)),
    ],
)
def test_an_offer_is_read_with_every_code_once(written: dict[str, Any], offer: Offer) -> None:
    assert read({**BASE, **written}, read_offer) == offer


def test_a_pool_may_hold_many_codes_and_no_more() -> None:
    codes = [str(n) for n in range(CODES_MAX)]
    assert len(read({**BASE, "codes": codes}, read_offer).codes) == CODES_MAX
    assert_fault(read_offer, {**BASE, "codes": [*codes, "x"]}, ("codes",), "at most 100,000")


FAULTS: list[tuple[Any, Path, str]] = [
    ("winback-10", (), "must be a mapping"),
    ({}, (), "slug is missing"),
    ({"slug": "Win Back"}, ("slug",), "lower-case"),
    ({**BASE, "name": 5}, ("name",), "must be text"),
    ({**BASE, "codes": "A1B2"}, ("codes",), "must be a list"),
    ({**BASE, "codes": None}, ("codes",), "must be a list"),
    ({**BASE, "codes": ["A", 5]}, ("codes",), "must be a list"),
    ({**BASE, "codes": ["A", ""]}, ("codes",), "must be a list"),
    ({**BASE, "codes": [["A"]]}, ("codes",), "must be a list"),
    ({**BASE, "expires": "soon"}, ("expires",), "must be a duration"),
    ({**BASE, "price": 5}, ("price",), "unknown field"),
]


@pytest.mark.parametrize(("written", "path", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(written: Any, path: Path, words: str) -> None:
    assert_fault(read_offer, written, path, words)
