"""What was measured: a figure beside its budget and its reference, as rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("work", "figure", "budget", "met", "reference")


@dataclass(frozen=True, slots=True)
class Budget:
    """The least or the most that a figure may be."""

    bound: float
    least: bool

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {written(self.bound)}"

    def meets(self, figure: float) -> bool:
        return figure >= self.bound if self.least else figure <= self.bound


def at_least(bound: float) -> Budget:
    return Budget(bound, least=True)


def at_most(bound: float) -> Budget:
    return Budget(bound, least=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure; without a budget it is only reported."""

    name: str
    figure: float
    unit: str
    budget: Budget | None = None
    reference: str = ""

    @property
    def met(self) -> bool | None:
        return self.budget.meets(self.figure) if self.budget else None

    def cells(self) -> tuple[str, str, str, str, str]:
        met = {None: "", True: "yes", False: "NO"}[self.met]
        budget = f"{self.budget} {self.unit}".rstrip() if self.budget else ""
        return self.name, f"{written(self.figure)} {self.unit}".rstrip(), budget, met, self.reference


def written(figure: float) -> str:
    """A figure with three digits that count: 0.312, 27.4, 4,810."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.3g}"


def as_text(rows: Sequence[Row]) -> str:
    """Rows in columns, for a terminal."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def as_markdown(rows: Sequence[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
