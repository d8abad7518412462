"""Whatever customers and services say is only text: on every page of the staff site, and in every file it gives."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.clock import utcnow
from app.links import draft_url, seen_as_proof, survey_url
from app.models.contacts import Contact
from app.models.invitations import Invitation
from dashboards.overview import CARDS
from tests.admin.conftest import Person
from tests.admin.test_access import routes
from tests.dashboards.cards import draw
from tests.wire import event, key_with, on_sqlite, stored, tell

pytestmark = on_sqlite
SAID = """=1+1<x-nasty onnasty="1">"'></title></textarea></script></option><x-nasty>{{ 7 * 191 }}{% raw %}"""
COUNTED = "1337"
"""What the sum comes to, should anybody count it."""
MORE = [
    *("/customers/mallory?why=ask", "/customers?q=x-nasty", "/search?q=x-nasty", "/decisions?trigger=ask"),
    *("/answers?place=%s", "/answers?topic=%s", "/dashboards/?place=%s", "/search?q=%s", "/customers?q=%s"),
    *("/surveys/order/results?period=365d", "/home?days=7", "/tasks?tab=all", "/tasks/3", "/sources/api", "/changes"),
    *("/answers.xlsx", "/overview.xlsx", "/surveys/order/answers.xlsx", "/surveys/order/answers.sps"),
]


class Found(HTMLParser):
    """Whether a page holds tags or attributes that customers made."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.made: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made += [found for found in (tag, *(name for name, _ in attrs)) if "nasty" in found]


@pytest.fixture
def mallory(company: None, client: FlaskClient, work: Callable[[], None]) -> None:
    """A customer who says it everywhere: in names, facts, answers, and in what cannot even be taken."""
    contact = {"id": "mallory", "email": "m@example.com", "name": SAID, "attributes": {"plan": SAID, "note": SAID}}
    told = dict.fromkeys(("place", "product", "employee", "touchpoint", "comment"), SAID) | {"amount": 500, SAID: SAID}
    key = key_with("all")
    tell(client, key, event("m-1", contact=contact, properties=told))
    work()
    invitation = stored(Invitation)[-1]
    client.post(survey_url(invitation.public_id), data={"page": "0", "nps": "3"})
    client.post(survey_url(invitation.public_id), data={"page": "1", "why": SAID})
    work()
    tell(client, key, event("m-2", contact=contact, properties=told), event("m-3", "review.posted", contact=contact))
    broken = {"id": "m-4", "type": SAID, "contact": {"email": 7}, "properties": told}
    assert client.post("/api/v1/events", json=broken, headers=key).status_code == 422
    tell(client, key, event("m-5", "complaint.opened", contact=contact, properties=told))
    work()


def cells(answer: TestResponse) -> Iterator[str]:
    for row in csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))):
        yield from row


def look_at_a_page(address: str, answer: TestResponse) -> bool:
    """Whether the words stand there; they may not be anything but words."""
    assert Found(answer.text).made == [], address
    assert COUNTED not in answer.text, address
    return "x-nasty" in answer.text


def look_at_a_book(address: str, answer: TestResponse) -> bool:
    book = zipfile.ZipFile(io.BytesIO(answer.data))
    sheets = "".join(book.read(name).decode() for name in book.namelist() if "worksheets" in name)
    assert "<f>" not in sheets, address
    return "x-nasty" in book.read("xl/sharedStrings.xml").decode()


def look_at_a_table(address: str, answer: TestResponse) -> bool:
    risky = [cell for cell in cells(answer) if cell[:1] in ("=", "@") or cell[:2] == "+1"]
    assert risky == [], address
    return "x-nasty" in answer.text


LOOKS = {"text/html": look_at_a_page, "text/csv": look_at_a_table, "application/vnd.": look_at_a_book}


def test_on_every_page_and_in_every_file(
    app: Flask, mallory: None, sign_in: Callable[..., Person], client: FlaskClient
) -> None:
    person = sign_in("admin")
    person.post("/changes", day="2026-01-01", text=SAID, place="", touchpoint="")
    person.post("/tasks/3", verb="comment", comment=SAID)
    addresses = [address for method, address, _right in routes(app) if method == "GET"]
    shown = set()
    for address in (*addresses, *(m.replace("%s", "%3Dx-nasty%3E%7B%7B7*191%7D%7D") for m in MORE)):
        answer = person.get(address)
        for kind, look in LOOKS.items():
            if (answer.content_type or "").startswith(kind) and look(address, answer):
                shown.add(address.split("?")[0])
    assert shown >= {
        *("/home/just-in", "/tasks", "/tasks/3", "/customers", "/customers/mallory", "/answers", "/search"),
        *("/answers.csv", "/answers.xlsx", "/surveys/order/answers.csv", "/surveys/order/answers.xlsx", "/changes"),
        *("/surveys/order/results", "/sources/api", "/overview.csv", "/overview.xlsx"),
    }


def test_on_every_card_of_the_overview(mallory: None, sign_in: Callable[..., Person]) -> None:
    person = sign_in("manager")
    told = [draw(person.client, card) for names in CARDS for card in names]
    assert any("x-nasty" in card for card in told)
    assert not any(COUNTED in card or "dangerously" in card for card in told)


def test_in_a_draft_that_is_seen_as_they_see_it(
    mallory: None, sign_in: Callable[..., Person], client: FlaskClient
) -> None:
    reference = stored(Contact, Contact.name == SAID)[0].public_id
    seen = f"as={reference}&proof={seen_as_proof('order', reference, utcnow().date())}"
    for page in ("en", "en/mail", "en/popup"):
        answer = client.get(f"{draft_url('order')}{page}?{seen}")
        assert answer.status_code in (200, 404), page
        look_at_a_page(page, answer)
