"""A company's colour on a button: used where it can be read, and nowhere else."""

import re
from dataclasses import dataclass

TEXT_MIN, SHAPE_MIN = 4.5, 3.0
"""Contrast (WCAG 2.2) of a button's words with the button, and of the button with the card it stands on."""
CARDS = {"light": "#ffffff", "dark": "#171b2d"}
WORDS = ("#ffffff", "#0f1220")
_HEX = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Button:
    """A button's colour, and that of the words on it."""

    background: str
    text: str


OWN = {"light": Button("#5b5bd6", "#ffffff"), "dark": Button("#8b8bff", "#0f1220")}
"""Otklik's own, wherever a company's colour is not used."""


def normal_colour(value: str) -> str | None:
    """A colour as ``#rrggbb``, or None when it is none."""
    clean = value.strip().lower().removeprefix("#")
    if len(clean) == 3:  # noqa: PLR2004 the short form of CSS
        clean = "".join(2 * digit for digit in clean)
    return f"#{clean}" if _HEX.fullmatch(f"#{clean}") else None


def contrast(one: str, other: str) -> float:
    """From 1, not to be told apart, to 21, black on white (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 as sRGB is defined


def button_on(colour: str, card: str) -> Button | None:
    """A button of this colour on such a card; None where it or its words could not be made out."""
    words = max(WORDS, key=lambda text: contrast(text, colour))
    readable = contrast(words, colour) >= TEXT_MIN and contrast(colour, card) >= SHAPE_MIN
    return Button(colour, words) if readable else None


def buttons(colour: str) -> dict[str, Button]:
    """The button by day and by night: of the company's colour where it passes."""
    return {theme: (button_on(colour, card) if colour else None) or OWN[theme] for theme, card in CARDS.items()}
