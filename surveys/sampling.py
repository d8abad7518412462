"""Sticky chance: the same contact draws the same lot for the same trigger, today, tomorrow and in the test."""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_LOTS = 1 << 53  # as many as a float tells apart, so that none is rounded up to 1


def draw(salt: bytes, trigger: str, sampling_id: str, period: int = 0) -> float:
    """A number in [0, 1), uniform over contacts: keyed BLAKE2b of trigger, contact and period (RFC 7693)."""
    digest = blake2b(f"{trigger}\x1f{sampling_id}\x1f{period}".encode(), key=salt, digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / _LOTS


def period(salt: bytes, sampling_id: str, at: datetime, redraw: timedelta | None) -> int:
    """The number of the redraw period that ``at`` falls in; every contact's periods begin on a day of their own."""
    if redraw is None:
        return 0
    return (at - EPOCH + _stagger(salt, sampling_id, redraw)) // redraw


def period_ends(salt: bytes, sampling_id: str, at: datetime, redraw: timedelta | None) -> datetime | None:
    """When the present draw stops to hold; None: never."""
    if redraw is None:
        return None
    stagger = _stagger(salt, sampling_id, redraw)
    return EPOCH + ((at - EPOCH + stagger) // redraw + 1) * redraw - stagger


def _stagger(salt: bytes, sampling_id: str, redraw: timedelta) -> timedelta:
    return redraw * draw(salt, "stagger", sampling_id)
