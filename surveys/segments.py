"""Segments: named conditions over contacts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from surveys.conditions import ALWAYS, Condition, Facts, read_condition
from surveys.definition import Node


@dataclass(frozen=True)
class Segment:
    """A segment ready to use."""

    slug: str
    condition: Condition


def read_segment(node: Node) -> Segment:
    """Read a segment definition; faults gather in the node."""
    fields = node.mapping(("slug", "name", "if"), ("slug", "if"))
    if "name" in fields:
        fields["name"].text(longest=200)
    condition = read_condition(fields["if"]) if "if" in fields else ALWAYS
    if condition.needs.segments:
        fields["if"].fault("a segment cannot look at segments")
    if condition.needs.present:
        fields["if"].fault("a segment looks at contacts and their past events only")
    return Segment(fields["slug"].slug() if "slug" in fields else "", condition)


def segments_of(segments: Mapping[str, Condition], facts: Facts) -> list[str]:
    """The segments that the contact of ``facts`` belongs to."""
    return [slug for slug, condition in segments.items() if condition.holds(facts)]


def written_together(slugs: Collection[str]) -> str:
    """Segments as they stand in one text, in which each can be looked for with its bars; empty for none."""
    return f"|{'|'.join(sorted(slugs))}|" if slugs else ""


def read_apart(written: str | None) -> list[str]:
    """The segments of such a text."""
    return [slug for slug in (written or "").split("|") if slug]


def speaks_of(definition: Any, slug: str) -> bool:
    """Whether a trigger, as written, hears of a segment or asks whether somebody belongs to it."""
    if isinstance(definition, list):
        return any(speaks_of(part, slug) for part in definition)
    if not isinstance(definition, dict):
        return False
    named = any(definition.get(key) == slug for key in ("segment", "enters", "exits", "now"))
    asked = definition.get("field") == "contact.segments" and definition.get("value") == slug
    return named or asked or any(speaks_of(part, slug) for part in definition.values())
