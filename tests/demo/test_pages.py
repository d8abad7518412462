"""The demo's own pages: the walk, step by step, through the real doors; the mailbox; and who may open what."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import config
from app import create_app
from app.cli.demo import DATABASE, PASSWORD
from app.demo import blueprint
from app.demo.people import ANNA, GUESTS, VICTOR
from app.extensions import db
from tests.admin.conftest import log_in, token_of
from tests.conftest import whole_file
from tests.dashboards.cards import draw


@pytest.fixture
def anna(app: Flask) -> FlaskClient:
    """Anna's browser, signed in."""
    client = app.test_client()
    password = (app.config["DATA_DIR"] / PASSWORD).read_text().strip()
    assert log_in(client, ANNA["en"].email, password).status_code == 302
    return client


@pytest.fixture
def walk(anna: FlaskClient) -> str:
    """The address of a walk that has just begun."""
    return anna.get("/demo/").location


def state(anna: FlaskClient, walk: str) -> Any:
    return anna.get(f"{walk}/state").get_json()


def texts(anna: FlaskClient, walk: str) -> list[str]:
    return [line["text"] for line in state(anna, walk)["lines"]]


def press(anna: FlaskClient, walk: str) -> None:
    """Press the button in the shop."""
    token = token_of(anna.get(f"{walk}/shop").text)
    answer = anna.post(f"{walk}/upgrade", data={"csrf_token": token})
    assert answer.status_code == 303
    assert "You are on Premium now" in anna.get(answer.location).text


def answer(anna: FlaskClient, link: str, **given: str) -> str:
    return anna.post(link, data={"page": "0", **given}, follow_redirects=True).text


def letter_link(anna: FlaskClient, walk: str, value: str) -> str:
    """Where a score in her newest mail leads."""
    page = anna.get(state(anna, walk)["mail"]).text
    found = re.search(rf'href="(/s/[^"?]+)\?\w+={value}"', page)
    assert found, "the mail has no such score, or it leads elsewhere"
    return found[1]


def test_the_walk_from_the_button_to_the_confirmed_recovery(
    anna: FlaskClient, walk: str, work: Callable[[], None]
) -> None:
    mia = GUESTS["en"][0]
    assert mia in anna.get(walk).text
    assert state(anna, walk) == {"awaited": ["event", "decision", "mail", "answer", "task"], "lines": [], "mail": None}

    press(anna, walk)
    work()
    told = texts(anna, walk)
    assert re.fullmatch(r"Event accepted, \d+ ms: moved to Premium", told[0])
    assert told[1:] == ["Asked: all checks passed.", "Mail handed over to Mia."]
    assert len(state(anna, walk)["lines"][1]["checks"]) > 10
    assert state(anna, walk)["awaited"] == ["answer", "task"]

    link = letter_link(anna, walk, "3")
    assert 'value="3" checked' in anna.get(f"{link}?nps=3").text
    assert len(texts(anna, walk)) == 3, "opening the link stores nothing"
    thanks = answer(anna, link, nps="3", why="The first box came an hour late.")
    assert "Thank you, Mia. Someone from Care will call you today." in thanks
    work()
    told = texts(anna, walk)
    assert told[3:5] == ["Mia answered: NPS after upgrade.", "Score 3, detractor."]
    assert re.match(r"Task for Care: Call Mia Clarke, due in 4 working hours: ", told[5])
    assert told[6] == "Dashboard updated."

    press(anna, walk)
    work()
    refused = state(anna, walk)["lines"][-1]
    assert re.match(r"Not asked\. Heard from us .* the limit is once in 30 days\. Possible again from", refused["text"])
    [(words, address)] = refused["links"]
    assert words == f"Also ask: why was {VICTOR['en']} not asked?"
    story = anna.get(address).text
    assert VICTOR["en"] in story
    for sentence in ("the limit is once in 30 days", "Not in the sample", "control group", "complaint is open"):
        assert sentence in story

    task = dict(state(anna, walk)["lines"][5]["links"])["Open the task"]
    form = {"csrf_token": token_of(anna.get(task).text), "verb": "solve", "outcome": "recovered", "cause": "route"}
    solved = anna.post(task, data=form)
    assert solved.status_code in (302, 303), solved.text
    work()
    told = texts(anna, walk)
    assert "Task solved: recovered." in told
    assert "How did we handle it? goes to Mia: a service message, which the limits let through." in told
    answer(anna, letter_link(anna, walk, "5"), csat="5")
    work()
    assert "Recovered, confirmed by the customer: 5 of 5." in texts(anna, walk)


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("sentence", "Delivery got worse in Riverside"),
        ("sentence", "better in Northside"),
        ("sentence", "NPS: no change seen"),
        ("/decisions?trigger=quarterly-nps&outcome=skipped", "The limit is once in 30 days"),
        ("/home", "3 refused payloads (Support desk)"),
        ("/sources/support-desk", "<strong>occurred_at</strong>"),
        ("/home", "1 sending nobody is sure of"),
        ("/sending", "Nobody is sure of these"),
        ("/tasks?tab=all", "2 overdue"),
    ],
)
def test_what_was_planted_is_told_on_its_page(anna: FlaskClient, page: str, told: str) -> None:
    text = anna.get(page).text if page.startswith("/") else draw(anna, page)
    assert told in text


def test_an_event_of_one_s_own_lights_the_ladder(
    anna: FlaskClient, walk: str, app: Flask, work: Callable[[], None]
) -> None:
    key = (app.config["DATA_DIR"] / "shop-key").read_text().strip()
    mine = {
        "id": "mine-1",
        "type": "subscription.upgraded",
        "contact": {"id": "me", "email": "me@mail.example", "name": "Me"},
        "properties": {"amount": 1990},
    }
    passing = {**mine, "id": "live-1-1", "contact": {"id": "c-1001"}}
    for event in (mine, passing):
        sent = app.test_client().post("/api/v1/events", json=event, headers={"Authorization": f"Bearer {key}"})
        assert sent.status_code == 202
    work()
    told = texts(anna, walk)
    assert told[0] == "Event accepted: moved to Premium · Me"
    assert len(told) >= 2
    assert state(anna, walk)["awaited"] == ["event", "decision", "mail", "answer", "task"], "hers has not begun"


def tell(app: Flask, walk: str, proof: str, number: int, kind: str) -> Any:
    """What the widget of her shop says."""
    event = {"id": f"{number:032x}", "type": kind, "at": 1_000, "properties": {"form": "delivery-wishes"}}
    visit = {"identity": {"id": walk.split("/")[3], "hash": proof}, "event": event, "sent": 1_000, "popup": False}
    return app.test_client().post("/widget/website/visits", json=visit, headers={"Origin": "http://localhost"})


def test_a_form_in_the_shop_is_told_by_the_widget_as_hers(
    anna: FlaskClient, walk: str, app: Flask, work: Callable[[], None]
) -> None:
    shop = anna.get(f"{walk}/shop").text
    assert 'src="/widget.js" data-source="website"' in shop
    found = re.search(r'data-guest="([^"]+)" data-proof="([0-9a-f]{64})"', shop)
    assert found
    assert found[1] == walk.split("/")[3]
    assert tell(app, walk, "0" * 64, 99, "form.started").get_json()["identified"] is False
    press(anna, walk)
    for number in range(14):
        kind = "form.submitted" if number % 2 else "form.started"
        assert tell(app, walk, found[2], number, kind).get_json() == {
            "accepted": 1,
            "duplicates": 0,
            "identified": True,
            "popup": None,
        }
    work()
    told = texts(anna, walk)
    assert sum("delivery-wishes" in text for text in told) == 12, "no more, and none of nobody's"
    assert sum("moved to Premium" in text for text in told) == 1, "her walk is not pushed out"
    assert state(anna, walk)["awaited"] == ["answer", "task"]
    assert "Form submitted" in anna.get(f"/customers/{found[1]}").text
    assert "24 hours: 15 events." in anna.get("/sources/website").text
    press(anna, walk)


def test_a_company_without_a_website_has_a_shop_all_the_same(anna: FlaskClient, walk: str, app: Flask) -> None:
    (app.config["DATA_DIR"] / "website-secret").unlink()
    shop = anna.get(f"{walk}/shop")
    assert shop.status_code == 200
    assert "widget.js" not in shop.text


def test_the_next_walk_follows_somebody_who_may_be_asked(
    anna: FlaskClient, walk: str, work: Callable[[], None]
) -> None:
    assert anna.get(walk).status_code == 200
    assert anna.get("/demo/").location == walk, "one comes back to the walk one was on"
    press(anna, walk)
    work()
    other = anna.get(f"/demo/?without={walk.split('/')[3]}").location
    assert GUESTS["en"][1] in anna.get(other).text
    assert anna.get("/demo/?without=").location.split("/")[3] != walk.split("/")[3]


def test_her_letters_are_hers_alone(anna: FlaskClient, walk: str, work: Callable[[], None]) -> None:
    press(anna, walk)
    work()
    reference = state(anna, walk)["mail"].rsplit("/", 1)[1]
    other = anna.get(f"/demo/?without={walk.split('/')[3]}").location
    assert anna.get(f"{walk}/mail").text.count(reference) == 1
    assert anna.get(f"{other}/mail/{reference}").status_code == 404
    assert anna.get(f"{other}/mail").text.count(reference) == 0


def test_the_mailbox_holds_every_mail_that_was_caught(anna: FlaskClient, walk: str, work: Callable[[], None]) -> None:
    assert "Nothing was caught yet." in anna.get("/demo/mailbox").text
    press(anna, walk)
    work()
    box = anna.get("/demo/mailbox").text
    assert "Mia, how do you like Premium?" in box
    reference = state(anna, walk)["mail"].rsplit("/", 1)[1]
    assert "hello@meadow.example" in anna.get(f"/demo/mailbox/{reference}").text
    body = anna.get(f"/demo/mailbox/{reference}/body")
    assert "default-src 'none'" in body.headers["Content-Security-Policy"]
    assert "http://" not in re.sub(r"<!--.*?-->", "", body.text, flags=re.DOTALL), "a caught mail leads nowhere else"


@pytest.mark.parametrize("reference", ["nobody", "..%2f..%2fanna-password", "a" * 65])
def test_the_mailbox_shows_nothing_but_mails(anna: FlaskClient, reference: str) -> None:
    assert anna.get(f"/demo/mailbox/{reference}").status_code == 404


@pytest.mark.parametrize("who", ["c-1001", "nobody", "v-101"])
def test_only_guests_are_followed(anna: FlaskClient, who: str) -> None:
    assert anna.get(f"/demo/follow/{who}/1").status_code == 404


def test_every_page_of_the_demo_wants_a_session(app: Flask) -> None:
    views = {name: view for name, view in app.view_functions.items() if name.startswith(f"{blueprint.name}.")}
    assert views
    for name, view in views.items():
        assert getattr(view, "right", None) == "home", name
    assert app.test_client().get("/demo/", headers={"Accept": "text/html"}).location.startswith("/login")


def test_no_get_of_the_demo_changes_its_database(
    anna: FlaskClient, walk: str, work: Callable[[], None], app: Flask
) -> None:
    press(anna, walk)
    work()
    letter = state(anna, walk)["mail"].rsplit("/", 1)[1]
    who, after = walk.split("/")[3:]
    adapter = app.url_map.bind("localhost")
    given: dict[str, list[Any]] = {"who": [who, "nobody"], "after": [int(after)], "reference": [letter, "nothing"]}
    db.session.remove()
    before, seen = whole_file(app.config["DATA_DIR"] / DATABASE), set()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(f"{blueprint.name}.") and "GET" in (rule.methods or ()):
            for number in range(2):
                values = {name: given[name][number % len(given[name])] for name in rule.arguments}
                address = adapter.build(rule.endpoint, values)
                for asked in (address, f"{address}?without={who}"):
                    seen.add(anna.get(asked).status_code)
    db.session.remove()
    assert seen == {200, 302, 404}
    assert whole_file(app.config["DATA_DIR"] / DATABASE) == before


def test_a_change_needs_the_session_s_token(anna: FlaskClient, walk: str) -> None:
    assert anna.post(f"{walk}/upgrade").status_code == 400


def test_the_answer_page_may_stand_in_the_phone_and_only_in_the_demo(
    app: Flask, tmp_path_factory: pytest.TempPathFactory
) -> None:
    framed = app.test_client().get("/s/nothing").headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in framed
    real = create_app(config.load({}, data_dir=tmp_path_factory.mktemp("real"))).test_client()
    assert "frame-ancestors 'none'" in real.get("/s/nothing").headers["Content-Security-Policy"]
    assert real.get("/demo/").status_code == 404
