"""Offers as authors write them: a pool of codes, each given once."""

from dataclasses import dataclass
from datetime import timedelta

from surveys.definition import Node

CODES_MAX = 100_000


@dataclass(frozen=True)
class Offer:
    """An offer; ``codes`` are those to be added to its pool."""

    slug: str
    codes: tuple[str, ...]
    expires: timedelta | None


def read_offer(node: Node) -> Offer:
    """Read an offer definition; faults gather in the node."""
    fields = node.mapping(("slug", "name", "codes", "expires"), ("slug",))
    if "name" in fields:
        fields["name"].text(longest=200)
    codes = fields["codes"].value if "codes" in fields else []
    if not isinstance(codes, list) or len(codes) > CODES_MAX or not all(isinstance(c, str) and c for c in codes):
        fields["codes"].fault(f"must be a list of at most {CODES_MAX:,} texts")
        codes = []
    return Offer(
        fields["slug"].slug() if "slug" in fields else "",
        tuple(dict.fromkeys(codes)),
        fields["expires"].duration() if "expires" in fields else None,
    )
