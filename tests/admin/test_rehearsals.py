"""Rehearsals and crises on screen."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

from flask.testing import FlaskClient

from app.clock import utcnow
from app.models.crises import Crisis
from app.models.policies import PolicyVersion
from app.models.simulations import Simulation
from tests.admin.conftest import Person, token_of
from tests.wire import event, on_sqlite, stored, tell

SignIn = Callable[..., Person]
DEFINITIONS = """
policy: {limits: [{name: once, max: 1, per: 30d}]}
surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]
triggers: [{slug: ask, name: After a payment, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]
"""


def paid(days: int, person: int) -> dict[str, Any]:
    who = {"id": f"c-{person}", "email": f"c{person}@example.com", "name": f"Person <{person}>"}
    at = (utcnow() - timedelta(days=days)).isoformat()
    return event(f"e-{days}-{person}", contact=who, occurred_at=at)


@on_sqlite
def test_a_policy_is_rehearsed_as_it_is_typed_and_put_in_force_from_its_result(
    client: FlaskClient,
    key: dict[str, str],
    sign_in: SignIn,
    define: Callable[[str], None],
    work: Callable[[], None],
) -> None:
    define(DEFINITIONS)
    tell(client, key, *(paid(days, person) for person in range(4) for days in (70, 40, 5)))
    work()
    anna = sign_in("designer").client
    typed = {"csrf_token": token_of(anna.get("/policy").text), "number": "1", "max-0": "1", "per-0": "60"}
    wrong = anna.post("/policy", data=typed | {"max-0": "many", "verb": "rehearse"})
    assert (wrong.status_code, 'value="many"' in wrong.text) == (422, True)
    asked = anna.post("/policy", data=typed | {"verb": "rehearse"})
    assert asked.status_code == 303
    address = asked.headers["Location"]
    assert "0 of 12 events rehearsed." in anna.get(address).text
    assert len(stored(PolicyVersion)) == 1
    work()
    page = anna.get(address).text
    assert "This would have asked 4 customers instead of 4" in page
    assert "outcomes differ" in page
    assert "Person &lt;1&gt;" in page
    assert "came too soon after itself" in page
    in_force = anna.post(address, data={"csrf_token": token_of(page), "verb": "apply"})
    assert in_force.status_code == 303
    assert [v.body["limits"][0]["per"] for v in stored(PolicyVersion)] == ["30d", "60d"]
    nothing = {"csrf_token": token_of(page), "verb": "again", "from": "2019-01-01", "to": "2019-02-01"}
    assert "No events between these days" in anna.post(address, data=nothing, follow_redirects=True).text


@on_sqlite
def test_a_rehearsal_is_cancelled_and_says_so(
    client: FlaskClient, key: dict[str, str], sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, paid(3, 1))
    work()
    anna = sign_in("designer").client
    text = "triggers: [{slug: ask, when: {event: order.paid}, then: [{send: {survey: s}}]}]"
    page = anna.get("/as-text/triggers/ask").text
    made_from = unescape(re.findall(r'name="made_from" value="([^"]*)"', page)[0])
    form = {"csrf_token": token_of(page), "text": text, "verb": "rehearse", "made_from": made_from}
    address = anna.post("/as-text/triggers/ask", data=form).headers["Location"]
    anna.post(address, data={"csrf_token": token_of(anna.get(address).text), "verb": "cancel"})
    work()
    assert "It was cancelled" in anna.get(address).text
    assert [s.state for s in stored(Simulation)] == ["cancelled"]


@on_sqlite
def test_a_crisis_is_begun_with_an_end_shown_on_every_page_and_ended(
    sign_in: SignIn, define: Callable[[str], None]
) -> None:
    define(DEFINITIONS)
    anna = sign_in("designer").client
    form = {"csrf_token": token_of(anna.get("/policy").text), "scope": "place", "value": "Riverside"}
    without = anna.post("/policy/crisis", data=form | {"until": ""}, follow_redirects=True)
    assert "A crisis needs an end" in without.text
    until = (utcnow() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    anna.post("/policy/crisis", data=form | {"until": until})
    assert "Crisis mode for Riverside until" in anna.get("/triggers").text
    (crisis,) = stored(Crisis)
    anna.post(f"/policy/crisis/{crisis.id}/end", data={"csrf_token": form["csrf_token"]})
    assert "Crisis mode for Riverside until" not in anna.get("/triggers").text


@on_sqlite
def test_what_somebody_changed_meanwhile_is_not_lost_by_putting_a_rehearsal_in_force(
    client: FlaskClient, key: dict[str, str], sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, paid(3, 1))
    work()
    anna = sign_in("designer")
    typed = {"number": "1", "max-0": "1", "per-0": "60", "verb": "rehearse"}
    address = anna.post("/policy", **typed).headers["Location"]
    work()
    define("policy: {limits: [{name: once, max: 1, per: 90d}]}")
    told = anna.client.get(anna.post(address, verb="apply").headers["Location"])
    assert "Somebody has changed this since it was rehearsed" in told.text
    late = anna.post("/policy", **typed)
    assert (late.status_code, 'value="60"' in late.text) == (409, True)
    assert [v.body["limits"][0]["per"] for v in stored(PolicyVersion)] == ["30d", "90d"]


@on_sqlite
def test_odd_rehearsals_are_refused_in_words(
    client: FlaskClient, key: dict[str, str], sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, paid(3, 1))
    work()
    anna = sign_in("designer")
    page = anna.get("/as-text/triggers/ask").text
    made_from = unescape(re.findall(r'name="made_from" value="([^"]*)"', page)[0])
    other = anna.post("/as-text/triggers/ask", text="policy: {}", verb="rehearse", made_from=made_from)
    assert (other.status_code, "This page is about one trigger" in other.text) == (422, True)
    assert stored(Simulation) == []
    address = anna.post("/policy", number="1", **{"max-0": "1", "per-0": "60", "verb": "rehearse"}).headers["Location"]
    for begin, end in (("0001-01-01", "0001-01-02"), ("9999-12-30", "9999-12-31")):
        told = anna.post(address, **{"verb": "again", "from": begin, "to": end})
        assert "No events between these days" in anna.client.get(told.headers["Location"]).text
        body = {"definitions": {}, "from": begin, "to": end}
        assert client.post("/api/v1/simulations", json=body, headers=key).status_code == 422
    far = 10**30
    assert anna.get(f"/rehearsals/{far}").status_code == 404
    assert anna.post(f"/policy/crisis/{far}/end").status_code == 404
    assert client.get(f"/api/v1/simulations/{far}", headers=key).status_code == 404
    assert client.delete(f"/api/v1/simulations/{far}", headers=key).status_code == 404
