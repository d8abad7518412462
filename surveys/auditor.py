"""The auditor: whether the ledger of reservations kept every limit, counted on its own and in another way.

It shares no code with what it audits (:func:`surveys.contact_policy.refusal`): that looks ahead from one message that
is asked for, this looks back from every place that was taken.

A window (x - per, x] that holds too much can be moved until it ends at a place, and this last place is the one to
judge. **By which policy?** By the one in force when it was handed over, for that is when the limits were read for the
last time; a later policy, stricter or not, says nothing about it. A promise that was not handed over yet is judged by
every policy from its making until now: whatever was reserved beside it since was weighed against the policy of that
day. Two clocks never quite agree, so policies within :data:`GRACE` of the moment judge too, and a place stands accused
only when none of them would have let it pass.

What another system sent counts from the moment we were told, and is never judged itself: nobody asked us.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A reservation, as it stands in its table. ``ours`` is False for what another system sent."""

    id: int
    contact: int
    address: int | None
    class_: str
    channel: str
    survey: str | None
    trigger: str
    counts_at: datetime
    made_at: datetime
    handed_over: bool = True
    ours: bool = True

    @property
    def settled_at(self) -> datetime:
        """When the limits were last read for it."""
        return self.counts_at if self.handed_over else self.made_at


@dataclass(frozen=True)
class Cap:
    """At most ``max`` within ``per``, of the messages it names; naming none means all."""

    name: str
    max: int
    per: timedelta
    classes: Collection[str] = ()
    channels: Collection[str] = ()
    surveys: Collection[str] = ()
    triggers: Collection[str] = ()

    def counts(self, place: Place, exempt: Collection[str]) -> bool:
        if place.class_ in exempt and place.class_ not in self.classes:
            return False
        filters: tuple[tuple[Collection[str], str | None], ...] = (
            (self.classes, place.class_),
            (self.channels, place.channel),
            (self.surveys, place.survey),
            (self.triggers, place.trigger),
        )
        return all(not named or value in named for named, value in filters)


@dataclass(frozen=True, eq=False)
class InForce:
    """A version of the policy, in force from ``since`` until the next; before the first one nothing was limited."""

    number: int
    since: datetime
    caps: Sequence[Cap]
    exempt: Collection[str] = ()


@dataclass(frozen=True)
class Violation:
    """A place that no policy of its moment had room for: so many inside, the place itself included."""

    place: Place
    cap: Cap
    inside: int
    policy: int


def violations(places: Sequence[Place], versions: Sequence[InForce], now: datetime) -> list[Violation]:
    """Every place of one contact, or of one address, that broke a limit. The first of ``versions`` is of all time."""
    counted: dict[tuple[int, str], tuple[list[Place], list[datetime]]] = {}
    in_order = sorted(places, key=lambda p: p.counts_at)
    found = []
    for place in in_order:
        if not place.ours:
            continue
        broken: list[list[Violation]] = []
        for version in judges(place, versions, now):
            broken.append([])
            for cap in version.caps:
                key = (version.number, cap.name)
                if key not in counted:
                    about = [p for p in in_order if cap.counts(p, version.exempt)]
                    counted[key] = about, [p.counts_at for p in about]
                if cap.counts(place, version.exempt) and (inside := _inside(place, cap, *counted[key])) > cap.max:
                    broken[-1].append(Violation(place, cap, inside, version.number))
            if not broken[-1]:
                break
        else:
            found += broken[0]
    return found


def judges(place: Place, versions: Sequence[InForce], now: datetime) -> list[InForce]:
    """The versions that were in force at some time from ``place`` being settled until its hand-over, or until now."""
    begin = place.settled_at - GRACE
    end = place.counts_at + GRACE if place.handed_over else now
    since = [version.since for version in versions]
    return list(versions[bisect_right(since, begin) - 1 : bisect_right(since, end)])


def _inside(place: Place, cap: Cap, about: Sequence[Place], times: Sequence[datetime]) -> int:
    """How many places the window that ends at ``place`` holds."""
    begin, end = bisect_right(times, place.counts_at - cap.per), bisect_right(times, place.counts_at)
    if end - begin <= cap.max:
        return end - begin
    known = place.settled_at - GRACE
    return sum(p.ours or p.made_at < known for p in about[begin:end])
