"""A company's colour stands on a button only where it can be read."""

import pytest

from app.text.colours import CARDS, OWN, SHAPE_MIN, TEXT_MIN, button_on, buttons, contrast, normal_colour


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
    ],
)
def test_contrast_is_that_of_the_guidelines(one: str, other: str, wanted: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("#5B5BD6", "#5b5bd6"), (" 5b5bd6 ", "#5b5bd6"), ("#abc", "#aabbcc"), ("red", None), ("#12345", None), ("", None)],
)
def test_a_colour_is_six_digits(typed: str, wanted: str | None) -> None:
    assert normal_colour(typed) == wanted


def test_whatever_the_colour_every_button_can_be_read() -> None:
    for colour in (
        f"#{r:02x}{g:02x}{b:02x}" for r in range(0, 256, 51) for g in range(0, 256, 51) for b in range(0, 256, 51)
    ):
        for theme, button in buttons(colour).items():
            assert contrast(button.background, CARDS[theme]) >= SHAPE_MIN
            assert contrast(button.background, button.text) >= TEXT_MIN
            assert (button == OWN[theme]) == (button_on(colour, CARDS[theme]) is None)


@pytest.mark.parametrize(
    ("colour", "passes"), [("#5b6fd6", ""), ("#0b3d2e", "light"), ("#ffd400", "dark"), ("#c2410c", "light dark")]
)
def test_a_colour_may_pass_by_day_only_or_by_night_only(colour: str, passes: str) -> None:
    assert " ".join(theme for theme, card in CARDS.items() if button_on(colour, card)) == passes
