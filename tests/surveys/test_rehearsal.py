"""Rehearsals as values: people are as they were at every event, however seldom they are looked at."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from surveys.contact_policy import ContactPolicy
from surveys.decision import Decision, decide_each
from surveys.definition import read
from surveys.gates import Address, Contact, Event, Rules
from surveys.history import event_of
from surveys.rehearsal import Course, Happening, Mailbox, Person, run
from surveys.triggers import Trigger, read_trigger

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = Rules(ContactPolicy(consent_required=frozenset({"email"})), b"sampling", b"holdout", "UTC")


def trigger(slug: str = "ask", **fields: Any) -> Trigger:
    then = [{"send": {"survey": "nps", "channels": ["email", "web"]}}]
    return read({"slug": slug, "status": "live", "when": {"event": "paid"}, "then": then, **fields}, read_trigger)


def paid(number: int, hour: int, contact_id: int = 1) -> Happening:
    return Happening(number, "paid", START + hour * HOUR, contact_id, {}, {})


class Told:
    """What a rehearsal told of: by event, what it came to and through which address."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str, str | None, list[int]]] = []

    def __call__(self, event: Event, _contact: int | None, result: Decision) -> None:
        self.seen.append((event.id, *came_to(result)))


def came_to(result: Decision) -> tuple[str, str | None, list[int]]:
    reason = result.closed.reason if result.closed else None
    return result.outcome, reason, [invite.address_id for invite in result.invites]


# People as they were.

hours = st.integers(0, 12)
moments = hours.map(lambda n: START + n * HOUR)
perhaps = st.none() | moments
mailboxes = st.lists(
    st.tuples(st.sampled_from(["email", "web"]), moments, perhaps, perhaps), max_size=4
).map(lambda told: [Mailbox(7 + n, *one) for n, one in enumerate(told)])  # fmt: skip
consents = st.dictionaries(
    st.sampled_from(["email", "web", "transactional"]), st.tuples(st.booleans(), moments), max_size=3
)


def as_of(person: Person, at: datetime) -> Contact:
    """The contact at a moment, looked at plainly: whatever began by then holds."""

    def begun(moment: datetime | None) -> datetime | None:
        return moment if moment and moment <= at else None

    boxes: Mapping[str, Address] = {
        box.channel: Address(box.id, begun(box.unsubscribed_at), begun(box.suppressed_at))
        for box in person.mailboxes
        if box.since <= at
    }
    consents = {scope: yes for scope, (yes, since) in person.consents.items() if since <= at}
    return Contact(
        person.id, person.sampling_id, unsubscribed_at=begun(person.unsubscribed_at), consents=consents, addresses=boxes
    )


@given(st.lists(hours, max_size=12).map(sorted), perhaps, consents, mailboxes)
def test_a_contact_is_at_every_event_as_they_were_then(
    events: list[int],
    unsubscribed_at: datetime | None,
    consents: dict[str, tuple[bool, datetime]],
    mailboxes: list[Mailbox],
) -> None:
    person = Person(1, "ct_1", {}, unsubscribed_at, consents, mailboxes)
    happened = [paid(n, hour) for n, hour in enumerate(events)]
    told, rule = Told(), trigger()
    course = Course([rule], RULES, {}, START, told)
    assert list(run([course], [(one, person) for one in happened], START + 13 * HOUR)) == [len(happened)]
    expected = []
    for one in happened:
        event = event_of(one, {}, {}, {}, first=False)
        (result,) = decide_each(event, as_of(person, one.occurred_at), [rule], RULES, one.occurred_at)
        assert isinstance(result, Decision)
        expected.append((one.id, *came_to(result)))
    assert told.seen == expected
