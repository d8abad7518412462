"""Crisis mode: for a while, and for a part of the company, nobody is asked as if nothing had happened."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SCOPES = ("all", "place", "product", "touchpoint", "segment")
IN_CRISIS = ("pause", "run", "only")
"""What a trigger does in a crisis that concerns its event: it is paused (as usual), goes on, or runs only then."""


@dataclass(frozen=True)
class Crisis:
    """What it is about (``value`` is empty for all), and until when it lasts."""

    scope: str
    value: str
    starts: datetime
    ends: datetime

    def covers(self, at: datetime, facts: Mapping[str, Any], touchpoint: str | None) -> bool:
        """Whether something that is to happen at ``at``, with these facts, falls under it."""
        if not self.starts <= at < self.ends:
            return False
        if self.scope == "all":
            return True
        properties = facts.get("properties") or {}
        if self.scope == "segment":
            return self.value in ((facts.get("contact") or {}).get("segments") or ())
        seen = properties.get(self.scope)
        if self.scope == "touchpoint":
            seen = seen or touchpoint
        return isinstance(seen, str) and seen == self.value


def covering(crises: Iterable[Crisis], at: datetime, facts: Mapping[str, Any], touchpoint: str | None) -> Crisis | None:
    """The crisis that covers this and lasts longest; None when none does."""
    found = [crisis for crisis in crises if crisis.covers(at, facts, touchpoint)]
    return max(found, key=lambda crisis: crisis.ends, default=None)
