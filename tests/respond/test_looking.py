"""Looking changes nothing: whatever is opened, by whomever, no table is touched."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.actions.links import Wanted, make_link
from app.clock import utcnow
from app.links import survey_url, unsubscribe_url
from app.models.invitations import Invitation
from app.models.links import OpenLink
from tests.wire import event, everything, stored, tell

DEFINITIONS = """
policy: {limits: [{name: once, max: 2, per: 30d}]}
departments: [{slug: care, email: care@example.com}]
sources: [{slug: shop, scheme: bearer, secret: {env: SHOP_SECRET}}]
offers: [{slug: gift, codes: [A, B]}]
surveys:
  - slug: s
    pages:
      - {questions: [{id: nps, type: nps, text: "How likely?", required: true}]}
      - {questions: [{id: why, type: text, text: "Why?"}]}
    endings: [{text: "Thanks", offer: gift}]
triggers:
  - slug: ask
    status: live
    when: {event: order.paid}
    then: [{send: {survey: s}}, {task: {department: care, title: "Look"}}, {notify: {channel: care, text: "Paid"}}]
"""


def addresses(app: Flask, invitation: Invitation) -> Iterator[str]:
    """Every address that can be looked at, with what is there and what is not."""
    token = survey_url(invitation.public_id).rpartition("/")[2]
    leave = unsubscribe_url(invitation.public_id).rpartition("/")[2]
    tokens: dict[str, list[str]] = {
        "respond.show_survey": [token, "nothing"],
        "open_links.show_begun": [token, "nothing"],
        "respond.show_unsubscribe": [leave, "nothing"],
    }
    values: dict[str, list[str | int]] = {
        "source": ["api", "otklik", "shop"],
        "event_id": ["e-1", "nothing"],
        "reference": ["c-1", "nobody"],
        "task_id": [1, 99],
        "simulation_id": [1, 99],
        "metric": ["nps", "csat", "ces", "response-rate"],
        "kind": ["surveys", "triggers"],
        "slug": ["s", "ask"],
        "public_id": [stored(OpenLink)[0].public_id, "nothing"],
        "filename": ["nothing.css"],
        "name": ["form", "nothing"],
        "tag": ["nothing"],
    }
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint.startswith(
            ("admin.", "demo.", "preview.", "recipes.", "bootstrap.", "/dash")
        ):
            continue
        names = sorted(rule.arguments)
        for number in range(4):
            options: dict[str, Any] = {
                name: tokens[rule.endpoint] if name == "token" else values[name] for name in names
            }
            chosen = {name: found[number % len(found)] for name, found in options.items()}
            yield adapter.build(rule.endpoint, chosen)


def test_no_get_changes_any_table(
    app: Flask, client: FlaskClient, key: dict[str, str], define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    contacts = [{"id": f"c-{n}", "email": f"c{n}@example.com", "name": "Ada"} for n in range(4)]
    tell(client, key, *(event(f"e-{n}", contact=contact) for n, contact in enumerate(contacts)))
    client.post("/webhooks/shop", json={"a": 1}, headers={"Authorization": "Bearer whatever"})
    make_link("s", Wanted("Poster", None, None, (), None), actor="tests", now=utcnow())
    work()
    fresh, partial, complete, left = stored(Invitation)
    client.post(survey_url(partial.public_id), data={"page": "0", "nps": "3"})
    client.post(survey_url(complete.public_id), data={"nps": "9", "why": "Good."})
    client.post(unsubscribe_url(left.public_id))
    tell(client, key, event("waiting", contact={"id": "c-9"}))
    before = everything()
    seen = set()
    for address in {a for invitation in (fresh, partial, complete, left) for a in addresses(app, invitation)}:
        query = "?nps=9&page=1&limit=1&why=x&List-Unsubscribe=One-Click"
        for asked, method, headers in (
            (address, "GET", key),
            (address, "GET", {}),
            (address + query, "GET", key),
            (address, "HEAD", key),
        ):
            response = client.open(asked, method=method, headers=headers)
            assert response.status_code in (200, 401, 404, 410, 422, 503), address
            seen.add(response.status_code)
    assert seen >= {200, 401, 404}
    assert everything() == before
