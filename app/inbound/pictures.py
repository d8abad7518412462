"""A picture as somebody sends it: known by its first bytes, never by its name; small, and nothing that could run."""

import re
from collections.abc import Callable
from dataclasses import dataclass

BYTES_MAX = 200_000
SIDE_MAX = 2_000
_FRAME = re.compile(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]..\x08(..)(..)", re.DOTALL)
"""The part of a JPEG that names its sides."""


class NotAPicture(ValueError):
    """Neither PNG, JPEG nor WebP."""


class PictureTooLarge(ValueError):
    """More bytes or pixels than a page needs."""


@dataclass(frozen=True)
class Picture:
    content: bytes
    type: str


def read_picture(content: bytes) -> Picture:
    """Raises :class:`NotAPicture` or :class:`PictureTooLarge`."""
    if len(content) > BYTES_MAX:
        raise PictureTooLarge
    for start, kind, measure in _KINDS:
        if content.startswith(start):
            sides = measure(content)
            if sides is None or not all(sides):
                raise NotAPicture
            if max(sides) > SIDE_MAX:
                raise PictureTooLarge
            return Picture(content, kind)
    raise NotAPicture


Sides = tuple[int, int]


def _png(content: bytes) -> Sides | None:
    if content[12:16] != b"IHDR" or len(content) < 24:  # noqa: PLR2004 where the sides end
        return None
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _jpeg(content: bytes) -> Sides | None:
    """The sides that the frame names; parts before it, with pictures of their own, are passed over."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:  # noqa: PLR2004 what every part begins with
        if found := _FRAME.match(content, at):
            return int.from_bytes(found[2]), int.from_bytes(found[1])
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return None


def _webp(content: bytes) -> Sides | None:
    if content[8:12] != b"WEBP" or len(content) < 30:  # noqa: PLR2004 where the sides end in all three forms
        return None
    form = content[12:16]
    if form == b"VP8X":
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    if form == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 ":
        return int.from_bytes(content[26:28], "little") & 0x3FFF, int.from_bytes(content[28:30], "little") & 0x3FFF
    return None


_KINDS: tuple[tuple[bytes, str, Callable[[bytes], Sides | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png", _png),
    (b"\xff\xd8\xff", "image/jpeg", _jpeg),
    (b"RIFF", "image/webp", _webp),
)
