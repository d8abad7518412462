"""Rehearsals and crises on screen."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

from flask.testing import FlaskClient

from app.actions.erasure import erase_contact
from app.actions.simulations import claim_simulation, finish_simulation
from app.clock import utcnow
from app.models.crises import Crisis
from app.models.policies import PolicyVersion
from app.models.simulations import Simulation
from app.queries.contacts import find_contacts
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
    assert "this would have asked 4 customers as before, brought about 2 answers instead of 3, and nobody twice" in page
    assert "nobody twice within 65 days." in page  # as it came, not as it was asked for
    assert "Nothing was sent. Nothing was changed." in page
    assert "12 events, decided again in" in page
    assert "The contact limit was reached." in page
    assert "4 customers' outcomes differ" in page
    assert "Person &lt;1&gt;" in page
    why = "With the draft, “After a payment”: Heard from us 30 days before; the limit is once in 60 days."
    assert page.count(why) == 4
    assert "came too soon after itself 4 times" in page
    in_force = anna.post(address, data={"csrf_token": token_of(page), "verb": "apply"})
    assert in_force.status_code == 303
    assert [v.body["limits"][0]["per"] for v in stored(PolicyVersion)] == ["30d", "60d"]
    nothing = {"csrf_token": token_of(page), "verb": "again", "from": "2019-01-01", "to": "2019-02-01"}
    assert "No events between these days" in anna.post(address, data=nothing, follow_redirects=True).text


@on_sqlite
def test_how_many_answer_can_be_supposed_and_quotas_say_when_they_are_reached(
    client: FlaskClient, key: dict[str, str], sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    with_quota = DEFINITIONS.replace("status: live", "status: live, sample: {quota: {invitations: 40, per: 365d}}")
    define(with_quota)
    tell(client, key, *(paid(days, person) for person in range(4) for days in (70, 40, 5)))
    work()
    anna = sign_in("designer").client
    typed = {"csrf_token": token_of(anna.get("/policy").text), "number": "1", "max-0": "1", "per-0": "60"}
    address = anna.post("/policy", data=typed | {"verb": "rehearse"}).headers["Location"]
    work()
    page = anna.get(address).text
    assert "brought about 2 answers instead of 3" in page
    assert re.search(r"Days to the quota of “After a payment”</td><td>607</td><td><span[^>]*>910</span>", page)
    supposed = anna.get(f"{address}?rate-email=50").text
    assert "brought about 4 answers instead of 6" in supposed
    assert "answer by e-mail, as you say" in supposed
    refused = anna.get(f"{address}?rate-email=lots").text
    assert "How many answer is a number from 0 to 100: e-mail." in refused
    assert 'value="lots"' in refused


@on_sqlite
def test_the_draft_comes_back_into_the_form_it_was_typed_in(
    client: FlaskClient, key: dict[str, str], sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define("policy: {limits: [{name: once, max: 1, per: 30d}, {name: rare, max: 3, per: 90d}]}")
    tell(client, key, paid(3, 1))
    work()
    anna = sign_in("designer")
    typed = {"number": "1", "max-0": "2", "per-0": "45", "remove-1": "on", "new-max": "5", "new-per": "200",
             "quiet-from": "22:00", "quiet-to": "08:00", "verb": "rehearse"}  # fmt: skip
    address = anna.post("/policy", **typed).headers["Location"]
    number = int(address.rpartition("/")[2])
    waiting = anna.get(f"/policy?draft={number}").text
    assert filled_button(waiting) == "Rehearse"  # nobody has seen yet what comes of it
    work()
    assert f'href="/policy?draft={number}"' in anna.get(address).text
    form = anna.get(f"/policy?draft={number}").text
    assert fields_of(form) >= {("max-0", "2"), ("per-0", "45"), ("new-max", "5"), ("new-per", "200"),
                               ("quiet-from", "22:00"), ("quiet-to", "08:00")}  # fmt: skip
    assert re.search(r'name="remove-1" checked', form)
    assert filled_button(form) == "Put in force"
    assert filled_button(anna.get("/policy").text) == "Rehearse"
    define("policy: {limits: [{name: once, max: 1, per: 90d}]}")
    late = anna.get(f"/policy?draft={number}").text
    assert "Somebody changed the policy while you were working" in late
    assert filled_button(late) == "Rehearse"


def fields_of(page: str) -> set[tuple[str, str]]:
    return set(re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', page))


def filled_button(page: str) -> str:
    """What the one filled button of a form says."""
    [said] = re.findall(r'<button class="btn btn-primary" name="verb"[^>]*>([^<]+)', page)
    return str(said)


@on_sqlite
def test_a_draft_written_as_text_is_changed_as_text_and_not_on_any_other_page(
    client: FlaskClient, key: dict[str, str], sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, paid(3, 1))
    work()
    anna = sign_in("designer")
    page = anna.get("/as-text/triggers/ask").text
    made_from = unescape(re.findall(r'name="made_from" value="([^"]*)"', page)[0])
    text = "triggers: [{slug: ask, when: {event: order.paid}, then: [{send: {survey: s}}]}]  # mine"
    address = anna.post("/as-text/triggers/ask", text=text, verb="rehearse", made_from=made_from).headers["Location"]
    number = address.rpartition("/")[2]
    work()
    assert f'href="/as-text/triggers/ask?draft={number}"' in anna.get(address).text
    assert "# mine" in anna.get(f"/as-text/triggers/ask?draft={number}").text
    assert "# mine" not in anna.get(f"/as-text/policy?draft={number}").text
    assert "The draft that was rehearsed" not in anna.get(f"/policy?draft={number}").text
    define(DEFINITIONS.replace("After a payment", "Another name"))
    late = anna.get(f"/as-text/triggers/ask?draft={number}").text
    assert "Somebody changed this while you were working." in late
    assert "# mine" in late


@on_sqlite
def test_everybody_whose_outcome_differs_is_reached_page_by_page_and_the_erased_are_not_named(
    client: FlaskClient, key: dict[str, str], sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, *(paid(days, person) for person in range(100, 130) for days in (70, 30)))
    work()
    anna = sign_in("designer")
    address = anna.post("/policy", number="1", **{"max-0": "1", "per-0": "60", "verb": "rehearse"}).headers["Location"]
    work()
    erase_contact(find_contacts("c-110")[0], utcnow())
    pages = [anna.get(f"{address}?page={number}").text for number in (1, 2)]
    assert "1 to 25 of 30" in pages[0]
    assert "26 to 30 of 30" in pages[1]
    named = [re.findall(r"Person &lt;(\d+)&gt;</div>", page) for page in pages]
    assert sorted(named[0] + named[1]) == [str(n) for n in range(100, 130) if n != 110]
    assert anna.get(f"{address}?page=99999999999999999").text.count("26 to 30 of 30") == 1
    link = unescape(re.findall(r'href="(/customers/[^"]+)"', pages[0])[0])
    assert "If it happened now" in anna.get(link).text


@on_sqlite
def test_days_are_drawn_as_long_as_they_can_be_told_apart(
    client: FlaskClient, key: dict[str, str], sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, paid(10, 1), paid(3, 2))
    work()
    anna = sign_in("designer")
    address = anna.post("/policy", number="1", **{"max-0": "1", "per-0": "60", "verb": "rehearse"}).headers["Location"]
    work()
    page = anna.get(address).text
    assert "Invitations a week" in page
    assert "The last week has only" not in page  # half a year is 26 of them
    for days, head, rows in ((19, "Invitations a day", 20), (99, "Invitations a week", 15)):
        last = utcnow().date()
        span = {"from": str(last - timedelta(days=days)), "to": str(last)}
        again = anna.post(address, verb="again", **span).headers["Location"]
        work()
        page = anna.get(again).text
        assert head in page
        assert len(re.search(r'class="line-new" points="([^"]+)"', page)[1].split()) == rows  # type: ignore[index]
    assert "The last week has only 2 days." in page
    assert "this would have changed nothing: it asked 2 customers as before" in page


@on_sqlite
def test_a_rehearsal_that_failed_is_tried_again_with_the_very_draft(
    client: FlaskClient, key: dict[str, str], sign_in: SignIn, define: Callable[[str], None], work: Callable[[], None]
) -> None:
    define(DEFINITIONS)
    tell(client, key, paid(3, 1))
    work()
    anna = sign_in("designer", language="ru")
    address = anna.post("/policy", number="1", **{"max-0": "1", "per-0": "60", "verb": "rehearse"}).headers["Location"]
    claimed = claim_simulation(utcnow())
    assert claimed
    finish_simulation(claimed.id, None, "there is no survey x", utcnow())
    page = anna.get(address).text
    assert "Репетиция не удалась: такого нет: survey x." in page
    span = dict(re.findall(r'type="hidden" name="(from|to)" value="([^"]+)"', page))
    again = anna.post(address, verb="again", **span).headers["Location"]
    assert again != address
    first, second = stored(Simulation)
    assert (first.text, first.since, first.until, first.page) == (second.text, second.since, second.until, "/policy")
    work()
    assert "никого дважды" in anna.get(again).text or "ничего бы не изменилось" in anna.get(again).text


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
    cancelled = anna.get(address).text
    assert "It was cancelled" in cancelled
    assert "Try again" in cancelled
    assert [s.state for s in stored(Simulation)] == ["cancelled"]


@on_sqlite
def test_a_crisis_is_begun_with_an_end_shown_on_every_page_and_ended(
    sign_in: SignIn, define: Callable[[str], None]
) -> None:
    define(DEFINITIONS)
    anna, agent = sign_in("manager").client, sign_in("agent").client
    form = {"csrf_token": token_of(anna.get("/policy").text), "scope": "place", "value": "Riverside"}
    without = anna.post("/policy/crisis", data=form | {"until": ""}, follow_redirects=True)
    assert "A crisis needs an end" in without.text
    until = (utcnow() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    anna.post("/policy/crisis", data=form | {"until": until})
    (crisis,) = stored(Crisis)
    end, page = f"/policy/crisis/{crisis.id}/end", anna.get("/tasks").text
    assert re.search(r"Crisis mode for Riverside until [^·]+ · 1 trigger paused", page)
    assert f'action="{end}"' in page
    assert "Crisis mode for Riverside until" in agent.get("/tasks").text
    assert f'action="{end}"' not in agent.get("/tasks").text
    assert agent.post(end, data={"csrf_token": token_of(agent.get("/tasks").text)}).status_code == 403
    ended = anna.post(end, data={"csrf_token": form["csrf_token"], "back": "/tasks"})
    assert ended.headers["Location"] == "/tasks"
    assert "Crisis mode for Riverside until" not in anna.get("/tasks").text


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
