"""Wording: the reader's language, and what is known put in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveys.wording import best_language, fill, pick

FACTS: dict[str, Any] = {
    "contact": {"first_name": "Ada", "name": "Ada Byron", "last_name": "", "attributes": {"plan-b": "pro"}, "age": 0},
    "answers": {
        "nps": 3,
        "why": None,
        "ok": True,
        "what": ["price", "speed"],
        "none": [],
        "mean": 4.5,
        "whole": 4.0,
        "sum": 1234567.0,
        "exact": 123456.78,
        "third": 0.1 + 0.2,
    },
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello", "Hello"),
        ("", ""),
        ("Hello, {{ contact.first_name }}!", "Hello, Ada!"),
        ("Hello, {{contact.first_name}}!", "Hello, Ada!"),
        ("{{ contact.name }} scored {{ answers.nps }}", "Ada Byron scored 3"),
        ("{{ contact.attributes.plan-b }}", "pro"),
        ("{{ contact.age }}", "0"),
        ("{{ answers.what }}", "price, speed"),
        ("{{ answers.mean }} {{ answers.whole }}", "4.5 4"),
        ("{{ answers.sum }} {{ answers.exact }} {{ answers.third }}", "1234567 123456.78 0.3"),
        # What is not known leaves no gap: the comma and the space before it go along.
        ("What went wrong, {{ contact.middle_name }}?", "What went wrong?"),
        ("What went wrong, {{ contact.last_name }}?", "What went wrong?"),
        ("Dear {{ contact.middle_name }} {{ contact.name }}", "Dear Ada Byron"),
        ("It was {{ answers.why }}.", "It was."),
        ("It was {{ answers.ok }}.", "It was."),
        ("It was {{ answers.none }}.", "It was."),
        ("It was {{ answers }}.", "It was."),
        ("It was {{ answers.nps.deeper }}.", "It was."),
        ("It was {{ orders.last }}.", "It was."),
        # A fallback stands in.
        ("Hello, {{ contact.middle_name | friend }}!", "Hello, friend!"),
        ("Hello, {{ contact.middle_name|dear friend }}!", "Hello, dear friend!"),
        ("Hello, {{ contact.first_name | friend }}!", "Hello, Ada!"),
        ("Hello, {{ contact.middle_name | }}!", "Hello!"),
        ("Здравствуйте, {{ contact.first_name | друг }}!", "Здравствуйте, Ada!"),
        # Control characters go; spaces of every kind and what joins letters stay.
        ("a\x00b\x1b[31m\u202ec\ud800\r", "ab[31mc"),
        ("line\n\tline", "line\n\tline"),
        ("10\u00a0000\u202f₽", "10\u00a0000\u202f₽"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        # What is no placeholder stays as it is.
        ("{ contact.name } {{ }} {{ Contact.name }} {{ 5 }}", "{ contact.name } {{ }} {{ Contact.name }} {{ 5 }}"),
        ("{{ contact.name", "{{ contact.name"),
        ("100 % {name} %s", "100 % {name} %s"),
    ],
)
def test_what_is_known_is_put_in(text: str, filled: str) -> None:
    assert fill(text, FACTS) == filled


def test_what_is_put_in_is_not_read_again() -> None:
    facts = {"contact": {"first_name": "{{ contact.secret }}", "secret": "x", "name": r"\1 \g<0>"}}
    assert (
        fill("Hello, {{ contact.first_name }} {{ contact.name }}!", facts) == r"Hello, {{ contact.secret }} \1 \g<0>!"
    )


@given(st.text("{} |.a,\n\\"), st.text("{}<>&|\\a", min_size=1, max_size=8))
def test_a_value_stands_between_untouched_texts(text: str, name: str) -> None:
    before, after = text.replace("{", "("), text.replace("}", ")")
    assert fill(f"{before}{{{{ a }}}}{after}", {"a": name}) == before + name + fill(after, {"a": name})


@pytest.mark.parametrize(
    ("wanted", "available", "best"),
    [
        (["ru"], ["en", "ru"], "ru"),
        (["ru-RU"], ["en", "ru"], "ru"),
        (["ru_RU"], ["en", "ru"], "ru"),
        (["RU"], ["en", "ru"], "ru"),
        (["pt-BR"], ["en", "pt", "pt-BR"], "pt-BR"),
        (["pt-br"], ["en", "pt-BR"], "pt-BR"),
        (["pt-PT"], ["en", "pt-BR"], "en"),
        (["de", "ru"], ["en", "ru"], "ru"),
        ([None, "", "ru"], ["en", "ru"], "ru"),
        (["de", None], ["en", "ru"], "en"),
        ([], ["ru", "en"], "ru"),
        (["zh-Hant-TW"], ["en", "zh"], "zh"),
        (["english"], ["ru", "en"], "ru"),
    ],
)
def test_the_best_language_is_the_first_wanted_that_is_there(
    wanted: list[str | None], available: list[str], best: str
) -> None:
    assert best_language(wanted, available) == best


@pytest.mark.parametrize(
    ("texts", "language", "picked"),
    [
        ({"en": "Hello", "ru": "Привет"}, "ru", "Привет"),
        ({"en": "Hello", "ru": "Привет"}, "de", "Hello"),
        ({"ru": "Привет", "en": "Hello"}, "de", "Привет"),
        ({"en": "Hello", "ru": ""}, "ru", "Hello"),
    ],
)
def test_a_text_is_picked_in_the_language_or_in_the_first_there_is(
    texts: dict[str, str], language: str, picked: str
) -> None:
    assert pick(texts, language) == picked
