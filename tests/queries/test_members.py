"""Who belongs to a segment: all of them, in pages, and as many as are counted."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from app.extensions import db, transaction
from app.models.contacts import Contact
from app.queries.members import contacts_in, segment_size
from tests.queries.test_conditions import AT, CROWD, found_crowd

SEGMENTS = """
segments:
  - {slug: spoken-to, if: {field: contact.locale, op: in, value: [ru, en]}}
  - {slug: named, if: {field: contact.first_name, op: exists}}
  - {slug: buyers, if: {events: order.paid, sum: n, op: gt, value: 0.25}}
"""


@pytest.mark.parametrize("segment", ["spoken-to", "named", "buyers"])
def test_pages_of_a_segment_are_its_contacts_in_order_and_nobody_else(
    define: Callable[[str], None], segment: str
) -> None:
    define(SEGMENTS)
    found_crowd(11)
    everybody = list(contacts_in(segment, AT))
    assert 0 < len(everybody) < CROWD
    assert everybody == sorted(set(everybody))
    assert segment_size(segment, AT) == len(everybody)
    assert list(contacts_in(segment, AT, after=everybody[4], limit=7)) == everybody[5:12]
    with transaction() as session:
        session.execute(update(Contact).where(Contact.id == everybody[0]).values(erased_at=AT))
    db.session.rollback()
    assert list(contacts_in(segment, AT)) == everybody[1:]
    assert segment_size(segment, AT) == len(everybody) - 1


def test_a_segment_that_is_not_there_has_nobody(define: Callable[[str], None]) -> None:
    define(SEGMENTS)
    found_crowd(11)
    assert list(contacts_in("dormant", AT)) == []
    assert segment_size("dormant", AT) == 0
