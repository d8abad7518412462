"""Texts in the reader's language, with what is known about them filled in. The result is text, never markup."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import category

from surveys.definition import Node

Texts = Mapping[str, str]
"""A text by language."""
MessageTexts = Mapping[str, Texts]
MESSAGE_TEXTS = ("subject", "preview", "reason", "benefit", "sender", "reply_to", "signature")
"""What a message says around the question it carries."""
REMINDER = "reminder"
"""The subject of a reminder, which may hold ``{{ subject }}``, that of the message."""

# An empty value takes the comma and space before it along: "What went wrong, {{ contact.first_name }}?"
PLACEHOLDER = re.compile(r"(,?[ \t]*)\{\{\s*([a-z_]+(?:\.[\w-]+)*)\s*(?:\|\s*([^{}]*?)\s*)?\}\}")

KEPT = "\n\t\u200c\u200d"  # line ends, and what joins letters and emoji


def read_texts(node: Node, languages: Sequence[str]) -> Texts:
    """A text in the first language at least; a bare one is in that language."""
    texts = {languages[0]: node.text()} if isinstance(node.value, str) else node.texts()
    if texts and languages[0] not in texts:
        node.fault(f"needs a text in {languages[0]}, the survey's first language")
    return texts


def read_message_texts(node: Node) -> MessageTexts:
    return {key: text.texts() for key, text in node.mapping((*MESSAGE_TEXTS, REMINDER)).items()}


def best_language(wanted: Iterable[str | None], available: Iterable[str]) -> str:
    """The first of ``wanted`` that is available, exactly or by its base (``pt-BR`` → ``pt``); else the first."""
    have = {language.lower(): language for language in available}
    for language in wanted:
        tag = (language or "").replace("_", "-").lower()
        for candidate in (tag, tag.split("-")[0]):
            if candidate in have:
                return have[candidate]
    return next(iter(have.values()))


def pick(texts: Mapping[str, str], language: str) -> str:
    """The text in ``language``, else in the first language there is."""
    return texts.get(language) or next(iter(texts.values()))


def fill(text: str, facts: Mapping[str, Any]) -> str:
    """Put values in for ``{{ path }}`` and ``{{ path | fallback }}``; what is not known leaves no gap.

    Control characters go: no page and no mail can show them.
    """

    def value(found: re.Match[str]) -> str:
        before, path, fallback = found.groups()
        known = _look_up(path, facts) or fallback
        return f"{before}{known}" if known else ""

    return "".join(c for c in PLACEHOLDER.sub(value, text) if c.isprintable() or c in KEPT or category(c) == "Zs")


def paths_in(text: str) -> set[str]:
    """The paths that a text puts values in for."""
    return {found[2] for found in PLACEHOLDER.finditer(text)}


def _look_up(path: str, facts: Mapping[str, Any]) -> str:
    value: Any = facts
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None or isinstance(value, Mapping | bool):
        return ""
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)
