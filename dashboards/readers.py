"""What the pictures are handed: readers, typed by what they answer, so that a picture can be drawn from a list.

Every reader is told who looks and what is looked at; what that person may see is the reader's to know.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Protocol

Viewer = Any
"""Whoever looks: what it is, only the readers know."""


@dataclass(frozen=True)
class Days:
    """Company days, both ends included."""

    begin: date
    end: date

    @property
    def length(self) -> int:
        return (self.end - self.begin).days + 1


@dataclass(frozen=True)
class Where:
    """What is looked at; None stands for all of it."""

    touchpoint: str | None = None
    place: str | None = None
    survey: str | None = None
    channel: str | None = None
    segment: str | None = None


@dataclass(frozen=True)
class Counts:
    """What figures are made of: counts and sums, which add up."""

    handed_over: int = 0
    answered: int = 0
    promoters: int = 0
    passives: int = 0
    detractors: int = 0
    satisfied: int = 0
    csat_count: int = 0
    csat_sum: float = 0
    csat_squares: float = 0
    ces_count: int = 0
    ces_sum: float = 0
    ces_squares: float = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)))

    @property
    def nps_count(self) -> int:
        return self.promoters + self.passives + self.detractors


@dataclass(frozen=True)
class Cell:
    """The counts of one day, touchpoint, place: of those that were asked for, the others are None."""

    counts: Counts
    day: date | None = None
    touchpoint: str | None = None
    place: str | None = None


@dataclass(frozen=True)
class Funnel:
    """The way from event to task. ``lost`` tells, for each step but the first, what was lost before it, by reason.

    ``first`` is the step at which the counting begins: what comes before is not known of whom one looks at.
    """

    events: int = 0
    matched: int = 0
    sampled: int = 0
    asked: int = 0
    sent: int = 0
    answered: int = 0
    tasks: int = 0
    lost: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    first: str = "events"


@dataclass(frozen=True)
class Comment:
    """An answer in the customer's own words. ``customer`` is None for whoever may not know who it was."""

    response_id: int
    at: datetime
    text: str
    metric: str | None
    value: float | None
    touchpoint: str | None
    place: str | None
    topics: Sequence[str]
    changed_at: datetime
    customer: str | None = None
    customer_id: str | None = None
    readers: tuple[str, ...] = ()
    """The roles that may open it, where it is not told here."""


@dataclass(frozen=True)
class Marker:
    """Something that changed on a day."""

    id: int
    day: date
    text: str
    place: str | None = None
    touchpoint: str | None = None
    author: str = ""


@dataclass(frozen=True)
class Tasks:
    """Tasks that are not closed, and those of them that are late."""

    open: int = 0
    overdue: int = 0


@dataclass(frozen=True)
class Choices:
    """What there is to choose from."""

    touchpoints: Sequence[str] = ()
    places: Sequence[str] = ()
    surveys: Sequence[tuple[str, str]] = ()
    """slug and name"""
    channels: Sequence[str] = ()
    segments: Sequence[tuple[str, str]] = ()
    """slug and name"""


@dataclass(frozen=True)
class Outlook:
    """What may still come: invitations that are out, and within how many hours half of those who answer do."""

    out: int = 0
    hours: float | None = None


class Readers(Protocol):
    """Everything the overview wants to be told."""

    def today(self) -> date:
        """The company's day."""

    def counts(self, viewer: Viewer, where: Where, days: Days, by: Collection[str]) -> Sequence[Cell]:
        """Counts by any of ``day``, ``touchpoint`` and ``place``."""

    def reasons(self, viewer: Viewer, where: Where, days: Days) -> Mapping[str | None, Mapping[str, int]]:
        """By touchpoint: how many unhappy answers touch which topic."""

    def funnel(self, viewer: Viewer, where: Where, days: Days) -> Funnel: ...

    def comments(self, viewer: Viewer, where: Where, days: Days, limit: int) -> Sequence[Comment]:
        """The latest comments."""

    def markers(self, viewer: Viewer, where: Where, days: Days) -> Sequence[Marker]: ...

    def targets(self, viewer: Viewer) -> Mapping[str, float]:
        """What figures are meant to reach, by the key of their metric."""

    def tasks(self, viewer: Viewer, where: Where) -> Tasks: ...

    def choices(self, viewer: Viewer) -> Choices: ...

    def outlook(self, viewer: Viewer, where: Where) -> Outlook: ...

    def pulse(self, viewer: Viewer) -> str:
        """A text that is another one whenever a figure may have changed."""
