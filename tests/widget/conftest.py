"""What the tests of the widget share: a site with a key, and the visitors of its pages."""

import hmac
from collections.abc import Callable
from hashlib import sha256
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SITE = "https://shop.example"
SECRET = "the-site-s-own-secret"
DEFINITIONS = """
policy:
  limits: [{name: one-a-month, max: 1, per: 30d}]
sources:
  - {slug: site, scheme: widget, namespace: shop, origins: ["https://shop.example"], secret: {env: SITE_SECRET}}
surveys:
  - slug: checkout
    languages: [en, ru]
    pages:
      - questions:
          - {id: csat, type: csat, required: true, text: {en: "How was it, {{ contact.first_name }}?", ru: "Ну как?"}}
      - show_if: {field: answers.csat, op: lte, value: 3}
        questions: [{id: why, type: text, long: true, text: {en: "What went wrong?", ru: "Что не так?"}}]
    endings: [{text: {en: "Thank you, {{ contact.first_name }}!", ru: "Спасибо!"}}]
triggers:
  - slug: ask-after-checkout
    status: live
    when: {event: order.paid}
    then: [{send: {survey: checkout, channels: [web], expires: 7d}}]
"""
numbers = count(1)


def signed(words: str, secret: str = SECRET) -> str:
    """What the shop's own server says of a customer."""
    return hmac.new(secret.encode(), words.encode(), sha256).hexdigest()


def known(visitor: str = "c-1", **more: str) -> dict[str, str]:
    return {"id": visitor, "hash": signed(visitor), "name": "Ada Byron", **more}


def happening(kind: str = "order.paid", **more: Any) -> dict[str, Any]:
    return {"id": f"event-of-a-page-{next(numbers):04}", "type": kind, "properties": {}} | more


class Page:
    """A page of the shop in a visitor's browser."""

    def __init__(self, client: FlaskClient, origin: str | None = SITE, source: str = "site") -> None:
        self.client, self.source = client, source
        self.headers = {"Origin": origin} if origin else {}

    def visit(self, identity: dict[str, str] | None = None, event: Any = None, **more: Any) -> TestResponse:
        body: dict[str, Any] = {"popup": True, **more}
        if identity is not None:
            body["identity"] = identity
        if event is not None:
            body["event"] = event
        return self.client.post(f"/widget/{self.source}/visits", json=body, headers=self.headers)

    def post(self, what: str, token: str, data: dict[str, Any] | None = None) -> TestResponse:
        return self.client.post(f"/widget/{self.source}/{what}/{token}", data=data or {}, headers=self.headers)


@pytest.fixture
def page(app: Flask, client: FlaskClient, define: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Page:
    """A page of a shop that has everything to ask after a checkout."""
    monkeypatch.setenv("SITE_SECRET", SECRET)
    define(DEFINITIONS)
    return Page(client)
