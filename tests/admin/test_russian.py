"""The staff site as a Russian reader meets it: page by page, with its faults."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from flask import Flask

from tests.admin.conftest import Person, token_of
from tests.admin.test_access import routes
from tests.test_words import read_catalog, speak
from tests.wire import on_sqlite

SignIn = Callable[..., Person]
SPOKEN = {"title", "aria-label", "placeholder", "alt", "data-ask", "data-done"}
"""Attributes that are read, or read out."""
MORE = ("/customers/ada?why=ask", "/tasks/1", "/tasks?tab=closed", "/search?q=zz", "/customers?q=zz", "/dashboards/")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog()


@pytest.fixture
def russian(app: Flask, catalog: Catalog, tmp_path: Path, company: None, sign_in: SignIn) -> Person:
    speak(app, catalog, tmp_path)
    return sign_in("admin", language="ru")


class Spoken(HTMLParser):
    """What a page says: its texts, but for code and what was typed."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style", "pre", "code", "textarea")
        self.said += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style", "pre", "code", "textarea")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.said.append(data)


def said_by(page: str) -> str:
    spoken = Spoken()
    spoken.feed(page)
    return "\n".join(" ".join(text.split()) for text in spoken.said)


@on_sqlite
def test_no_page_says_in_english_what_it_could_say_in_russian(app: Flask, russian: Person, catalog: Catalog) -> None:
    english = {
        said
        for message in catalog
        for said in ([message.id] if isinstance(message.id, str) else message.id)
        if " " in said and len(said) > 10 and "%(" not in said
    }
    addresses = [address for method, address, _right in routes(app) if method == "GET" and "export" not in address]
    for address in (*addresses, *MORE):
        answer = russian.get(address)
        if answer.content_type.startswith("text/html"):
            said = said_by(answer.text)
            assert [text for text in english if re.search(rf"(?<!\w){re.escape(text)}(?!\w)", said)] == [], address


@on_sqlite
def test_pages_name_their_language(russian: Person) -> None:
    assert '<html lang="ru"' in russian.get("/home").text
    assert "От события до задачи" in russian.get("/home").text


@on_sqlite
@pytest.mark.parametrize(
    ("address", "fields", "fault"),
    [
        ("/people", {"name": "", "email": "a@example.com", "role": "admin"}, "Обязательное поле"),
        ("/people", {"name": "Ян", "email": "ян", "role": "admin"}, "Это не похоже на адрес почты."),
        ("/triggers/ask/edit", {"name": "x", "status": "live", "priority": "x", "rate": "30"}, "Неверное целое число"),
        ("/triggers/ask/edit", {"name": "x", "status": "live", "priority": "5", "rate": "300"}, "между 0 и 100"),
        ("/policy", {"number": "1", "max-0": "many", "per-0": "30"}, "нужно целое число"),
        (
            "/as-text/triggers/ask",
            {"text": "triggers: [{slug: ask}]", "verb": "save"},
            "Строка 1: triggers.0: не хватает поля when",
        ),
        ("/tasks/1", {"verb": "comment", "comment": " "}, "Ничего не написано."),
    ],
)
def test_faults_are_said_in_russian(russian: Person, address: str, fields: dict[str, str], fault: str) -> None:
    answer = russian.post(address, **fields)
    assert answer.status_code == 422
    assert fault in said_by(answer.text).replace("\N{NO-BREAK SPACE}", " ")


@on_sqlite
def test_the_login_speaks_as_the_browser_asks(app: Flask, catalog: Catalog, tmp_path: Path) -> None:
    speak(app, catalog, tmp_path)
    client = app.test_client()
    page = client.get("/login", headers={"Accept-Language": "ru"})
    assert "Почта" in page.text
    wrong = client.post(
        "/login",
        data={"csrf_token": token_of(page.text), "email": "a@example.com", "password": "wrong"},
        headers={"Accept-Language": "ru"},
    )
    assert "Почта или пароль не подходят." in wrong.text
