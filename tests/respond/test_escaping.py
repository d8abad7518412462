"""Text from customers is only ever text: on a page, in a mail, and in the headers of a mail."""

import re
from collections.abc import Callable
from email.utils import formataddr
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.links import survey_url
from app.models.invitations import Invitation
from tests.services import MailServer
from tests.wire import event, listed, mails, on_sqlite, stored, tell, text_of

pytestmark = on_sqlite

HARMLESS = "harmless"
NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></textarea></style><svg onload=alert(1)>",
    "&lt;b&gt;&#60;script&#62;",
    "{{ 7 * 7 }}{% raw %}{{ contact.email }}",
    "</mj-text></mj-column><mj-raw><script>alert(1)</script></mj-raw>",
    "<mj-include path='/etc/passwd' />",
    "<!-- ]]> <![CDATA[ -->",
    "<?php ?><%= 1 %>",
    "javascript:alert(1)//\\",
    "<a href='http://evil.example'>Click</a>",
    "=cmd|' /C calc'!A0",
]
TEXT = "{{ contact.name }} / {{ properties.x }} / {{ contact.attributes.a }} / {{ contact.locale }}"
DEFINITIONS = f"""
departments: [{{slug: care, email: care@example.com}}]
surveys:
  - slug: s
    pages:
      - questions:
          - {{id: nps, type: nps, required: true, text: "{TEXT}"}}
          - {{id: why, type: text, text: "{TEXT}"}}
          - {{id: long, type: text, long: true, text: "Long?"}}
          - {{id: one, type: single, text: "{TEXT}", options: [a, b]}}
    endings: [{{text: "{TEXT} / {{{{ answers.why }}}} / {{{{ answers.long }}}}"}}]
triggers:
  - slug: greet
    status: live
    when: {{event: greeting}}
    then: [{{message: {{text: "Hello", sender: "{{{{ contact.name }}}}"}}}}]
  - slug: ask
    status: live
    when: {{event: order.paid}}
    then:
      - send:
          survey: s
          message: {{subject: "{TEXT}", preview: "{TEXT}", reason: "{TEXT}", benefit: "{TEXT}", sender: "{TEXT}"}}
      - {{notify: {{channel: care, text: "{TEXT}"}}}}
      - {{task: {{department: care, title: "{TEXT}"}}}}
"""


class Structure(HTMLParser):
    """The tags of a document with the names of their attributes, and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.values = ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs if name != "checked")))
        self.values += " ".join(value or "" for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", (data.partition("[")[0].strip()[:10],)))


Documents = dict[str, Structure]


@pytest.fixture
def posted(app: Flask, define: Callable[[str], None], mail_server: MailServer) -> MailServer:
    """The definitions are in force, and mails go to this server."""
    app.config["SMTP_URL"] = mail_server.url
    define(DEFINITIONS)
    return mail_server


def documents(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None], posted: MailServer
) -> dict[str, Documents]:
    """By what a customer is called and says: every document that they come to see."""
    said = [HARMLESS, *NASTY]
    for number, words in enumerate(said):
        contact = {"id": f"c-{number}", "email": f"c{number}@example.com", "name": words, "locale": words[:35]}
        properties = {"x": words, "touchpoint": words}
        tell(client, key, event(f"e-{number}", contact=contact | {"attributes": {"a": words}}, properties=properties))
    work()
    links = [survey_url(invitation.public_id) for invitation in stored(Invitation)]
    sent = {str(mail["To"]): text_of(mail, "html") for mail in mails(posted) if mail["To"] != "care@example.com"}
    found = {}
    for number, (words, link) in enumerate(zip(said, links, strict=True)):
        typed = {"page": "0", "why": words, "long": words, "one": words}
        pages = {
            "mail": sent[f"c{number}@example.com"],
            "page": client.get(link).text,
            "page with a choice of the address": client.get(link, query_string={"why": words, "one": words}).text,
            "page with faults": client.post(link, data=typed).text,
            "page again": client.get(link).text,
            "ending": client.post(link, data={**typed, "nps": "9", "one": "a"}).text,
            "answered": client.get(link).text,
        }
        found[words] = {name: Structure(page) for name, page in pages.items()}
    return found


def test_whatever_a_customer_says_is_text(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None], posted: MailServer
) -> None:
    found = documents(client, key, work, posted)
    harmless = found.pop(HARMLESS)
    for words, pages in found.items():
        for name, page in pages.items():
            assert page.tags == harmless[name].tags, f"{name}: {words}"
            if HARMLESS in harmless[name].text:
                assert words in page.text, f"{name}: {words}"
    titles = [task["title"] for task in listed(client, key, "/tasks")]
    assert titles == [f"{words} / {words} / {words} / {words[:35]}" for words in [HARMLESS, *NASTY]]
    assert [r["answers"]["why"] for r in listed(client, key, "/responses")] == [HARMLESS, *NASTY]


GAPS = ["\r\n", "\n", "\r", "\r\n\r\n", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029", "\n \n\t"]


def test_no_line_of_a_header_can_be_written_by_a_customer(
    client: FlaskClient, key: dict[str, str], work: Callable[[], None], posted: MailServer
) -> None:
    for number, gap in enumerate(GAPS):
        evil = f"Ada{gap}Bcc: evil@example.com{gap}Content-Type: text/html{gap}{gap}<b>body</b>"
        contact = {"id": f"c-{number}", "email": f"c{number}@example.com", "name": evil, "attributes": {"a": evil}}
        tell(client, key, event(f"e-{number}", contact=contact, properties={"x": evil}))
    work()
    addresses = [f"c{number}@example.com" for number in range(len(GAPS))] + ["care@example.com"] * 2 * len(
        GAPS
    )  # of the task, and the note
    assert sorted(to for to, _ in posted.mailbox.received) == sorted(addresses)
    for _, content in posted.mailbox.received:
        head = content.partition(b"\r\n\r\n")[0]
        lines = re.split(rb"\r\n(?![ \t])", head)
        names = [line.partition(b":")[0].lower() for line in lines]
        assert b"bcc" not in names
        assert len(names) == len(set(names))
        assert not re.search(rb"[^\r]\n|\r[^\n]", head)
    assert {mail["Bcc"] for mail in mails(posted)} == {None}


SENDERS = [
    "Meadow",
    "Meadow, Inc.",
    "Ada <evil@example.com>",
    '"Ada" evil@example.com',
    "Ада Байрон",
    "Meadow, Inc. customer care and happiness department, London (evil@example.com)",
    "Отдел заботы о покупателях, компания «Луг», Москва <evil@example.com> " * 2,
]


@pytest.mark.parametrize("way", ["sender of the message", "setting"])
def test_a_name_is_never_read_as_an_address(
    app: Flask, client: FlaskClient, key: dict[str, str], work: Callable[[], None], posted: MailServer, way: str
) -> None:
    for number, sender in enumerate(SENDERS):
        name = sender if way == "sender of the message" else ""
        if way == "setting":
            app.config["MAIL_FROM"] = formataddr((sender, "otklik@localhost"))
            app.extensions["otklik_company"].clear()
        contact = {"id": f"c-{number}", "email": f"c{number}@example.com", "name": name}
        tell(client, key, event(f"e-{number}", "greeting", contact=contact))
        if way == "setting":
            work()
    work()
    named = {str(mail["To"]): mail["From"].addresses for mail in mails(posted)}
    for number, sender in enumerate(SENDERS):
        (address,) = named[f"c{number}@example.com"]
        assert address.addr_spec == "otklik@localhost"
        assert "".join(sender.split()).startswith("".join(address.display_name.split())), sender
        assert len(address.display_name) >= min(len(sender), 50)
