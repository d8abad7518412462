"""What figures are handed: readers, typed by what they answer, so that a picture can be drawn from a list in a test."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from surveys.statistics import Figure


class GroupFigure(Protocol):
    """A figure of one group; ``group`` is None for the whole."""

    @property
    def group(self) -> str | None: ...

    @property
    def figure(self) -> Figure: ...


class ReadFigures(Protocol):
    """A metric over company days, both ends included, per value of ``group`` if one is named."""

    def __call__(
        self, metric: str, begin: date | None, end: date | None, group: str | None
    ) -> Sequence[GroupFigure]: ...
