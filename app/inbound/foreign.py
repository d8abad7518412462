"""Surveys of other tools: which tool's a file is, and what every reader of one needs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from app.inbound.expressions import CannotRead, read_expression
from surveys.survey import RESERVED_IDS

_BLOCKS = re.compile(r"<\s*(?:br|/p|/div|/li)\b[^>]*>", re.IGNORECASE)
_DROPPED = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"<[^<>]*>")
_ODD = re.compile(r"\W+")


class UnknownFormat(ValueError):
    """A file that is no survey of a tool we know; the message says what is wrong with it."""


@dataclass
class Foreign:
    """A survey on its way to become ours: its definition, and line by line what of it does not map."""

    body: dict[str, Any]
    lost: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    """The ids of questions by the names they had."""

    @property
    def language(self) -> str:
        return str(self.body["languages"][0])

    def lose(self, where: str, what: str) -> None:
        self.lost.append(f"{where}: {what}" if where else what)

    def identify(self, name: Any) -> str:
        """An id of a question, as close to its old name as may be; names that differ stay different."""
        wanted = _ODD.sub("_", str(name or "")).strip("_")[:50] or f"q{len(self.ids) + 1}"
        taken, free, number = {*self.ids.values(), *RESERVED_IDS}, wanted, 2
        while free in taken:
            free, number = f"{wanted}_{number}", number + 1
        self.ids[str(name)] = free
        return free

    def condition(self, where: str, expression: Any) -> dict[str, Any] | None:
        """An expression as a condition; what cannot be read is lost, and said so."""
        if not expression:
            return None
        try:
            return read_expression(str(expression), self.ids)
        except CannotRead as error:
            self.lose(where, f"the condition {expression} (at {str(error) or 'its end'})")
            return None

    def leftovers(self, where: str, item: Mapping[str, Any], known: Iterable[str]) -> None:
        """Say what else stands in an item and means something."""
        for key in sorted(set(item) - set(known)):
            if item[key] not in (None, "", False, [], {}):
                self.lose(where, f"{key}: {str(item[key])[:100]}")


def plain(text: Any) -> str:
    """A text without its markup."""
    without = _TAGS.sub("", _BLOCKS.sub("\n", _DROPPED.sub("", str(text or ""))))
    lines = (" ".join(line.split()) for line in unescape(without).splitlines())
    return "\n".join(line for line in lines if line)[:5_000]
