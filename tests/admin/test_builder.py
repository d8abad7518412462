"""The builder's server: drafts that save themselves, two people in one survey, publishing, versions, rights."""

import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.admin.builder import free_slug
from app.extensions import db
from app.links import draft_url
from app.models.accounts import AuditEntry
from app.models.invitations import Invitation
from app.models.surveys import SurveyDraft, SurveyVersion
from app.queries.deliveries import message_of
from app.queries.drafts import find_written, in_force
from app.queries.installation import present_company
from surveys.drafts import take_apart
from tests.admin.conftest import Person, token_of
from tests.conftest import put_in_force
from tests.wire import Clock, on_sqlite, said, stored

SignIn = Callable[..., Person]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (40).to_bytes(4) + (30).to_bytes(4)


def save(person: Person, *changes: dict[str, Any], slug: str = "order", **more: Any) -> TestResponse:
    """Send changes as the builder does."""
    token = token_of(person.get("/profile").text)
    sent = {"changes": list(changes), "revision": 0, "based_on": 1, "at": None} | more
    return person.client.post(f"/surveys/{slug}/draft", json=sent, headers={"X-CSRFToken": token})


def why(text: str, seen: int = 0) -> dict[str, Any]:
    value = {"id": "why", "type": "text", "text": {"en": text, "ru": "Почему?"}}
    return {"verb": "set", "key": "q2", "value": value, "seen": seen}


def written(slug: str = "order") -> dict[str, Any]:
    stored(SurveyDraft)
    found = find_written(slug)
    assert found
    return found.body


def publish(person: Person, slug: str = "order", **more: str) -> TestResponse:
    stored(SurveyDraft)
    found, live = find_written(slug), in_force(slug)
    assert found
    return person.post(
        f"/surveys/{slug}/publish", **{"revision": str(found.revision), "live": str(live[0] if live else 0), **more}
    )


def test_what_is_typed_is_kept_and_nothing_is_live_before_it_is_published(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    assert person.get("/surveys/order/build").status_code == 200
    assert stored(SurveyDraft) == []  # a look begins no draft
    answer = save(person, why("What was it?"))
    assert (answer.status_code, said(answer)["revision"], said(answer)["conflicts"]) == (200, 1, [])
    assert said(answer)["saved"]
    assert written()["pages"][1]["questions"][0]["text"]["en"] == "What was it?"
    live = in_force("order")
    assert live
    assert live[1]["pages"][1]["questions"][0]["text"]["en"] == "Why?"
    assert "The draft differs from what is live." in person.get("/surveys").text
    answer = publish(person)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/surveys/order")
    assert [row.number for row in stored(SurveyVersion)] == [1, 2]
    live = in_force("order")
    assert live
    assert (live[0], live[1]) == (2, written())
    assert "The draft differs" not in person.get("/surveys").text
    assert [e.verb for e in stored(AuditEntry) if e.actor == person.email] == ["create", "update"]


def test_two_editors_of_different_questions_both_keep_their_work(company: None, sign_in: SignIn) -> None:
    anna, boris = sign_in("designer"), sign_in("admin")
    assert save(anna, why("Anna's")).status_code == 200
    other = {"verb": "set", "key": "e1", "value": {"text": {"en": "Bye!", "ru": "Пока!"}}, "seen": 0}
    answer = save(boris, other)
    assert answer.status_code == 200
    assert said(answer)["parts"]["q2"]["text"]["en"] == "Anna's"  # the other's work comes along
    assert [one["email"] for one in said(answer)["present"]] == [anna.email]
    assert written()["pages"][1]["questions"][0]["text"]["en"] == "Anna's"
    assert written()["endings"][0]["text"]["en"] == "Bye!"


def test_two_editors_of_one_question_lose_nothing_and_are_both_told(company: None, sign_in: SignIn) -> None:
    anna, boris = sign_in("designer"), sign_in("admin")
    save(anna, why("Anna's"))
    answer = save(boris, why("Boris's"))
    [conflict] = said(answer)["conflicts"]
    assert answer.status_code == 409
    assert (conflict["key"], conflict["theirs"]["text"]["en"], conflict["by"]) == ("q2", "Anna's", "Designer")
    assert written()["pages"][1]["questions"][0]["text"]["en"] == "Anna's"
    told = said(save(anna, revision=1))
    assert told["marks"]["q2"][1:] == [anna.email, boris.email]
    assert told["names"][anna.email] == "Designer"
    assert save(boris, why("Boris's", seen=conflict["seen"]), revision=2).status_code == 200
    assert written()["pages"][1]["questions"][0]["text"]["en"] == "Boris's"
    assert said(save(anna, revision=2))["parts"]["q2"]["text"]["en"] == "Boris's"


@on_sqlite
def test_a_lost_answer_does_no_harm(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    for _ in range(2):
        assert save(person, why("Once")).status_code == 200
    assert written()["pages"][1]["questions"][0]["text"]["en"] == "Once"


@on_sqlite
def test_a_draft_may_be_wrong_and_is_told_so_at_its_place(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    broken = {"verb": "set", "key": "q2", "value": {"id": "nps", "type": "single", "text": {}}, "seen": 0}
    told = said(save(person, broken))
    places = {(fault["key"], *fault["place"]) for fault in told["faults"]}
    assert {("q2",), ("q2", "text"), ("q2", "id")} <= places
    sheet = person.get("/surveys/order/publish").text
    assert "Not right yet" in sheet
    assert 'name="revision"' not in sheet  # no button
    assert publish(person).status_code == 409
    assert len(stored(SurveyVersion)) == 1
    with person.client.application.app_context():
        shown = person.client.get(draft_url("order", "en") + "?page=1")
    assert (shown.status_code, "This question is not complete yet." in shown.text) == (200, True)


@on_sqlite
def test_an_ending_with_a_bonus_that_there_is_not_is_a_fault(company: None, sign_in: SignIn) -> None:
    told = said(
        save(
            sign_in("designer"),
            {"verb": "set", "key": "e1", "value": {"text": {"en": "Bye"}, "offer": "none"}, "seen": 0},
        )
    )
    assert [(fault["key"], fault["place"]) for fault in told["faults"]] == [("e1", ["offer"])]


def test_who_publishes_what_others_changed_meanwhile_reads_it_first(company: None, sign_in: SignIn) -> None:
    anna, boris = sign_in("designer"), sign_in("admin")
    save(anna, why("Anna's"))
    save(boris, {"verb": "set", "key": "theme", "value": {"corner": 2}, "seen": 0})
    assert publish(anna, revision="1").status_code == 409
    assert len(stored(SurveyVersion)) == 1
    assert publish(anna).status_code == 303
    assert publish(boris, live="1").status_code == 409
    assert len(stored(SurveyVersion)) == 2


@on_sqlite
def test_a_draft_of_another_version_is_not_begun_or_gone_on_with(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    assert said(save(person, why("x"), based_on=7)) == {"reload": True}
    assert said(save(person, why("x"), revision=5)) == {"reload": True}
    assert stored(SurveyDraft) == []
    assert save(person, why("x"), slug="nothing").status_code == 404


@on_sqlite
@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"changes": [{"verb": "set", "key": "q1", "value": {"a": "\\u0000"}}]}']
)
def test_nonsense_is_refused(company: None, sign_in: SignIn, content: str) -> None:
    person = sign_in("designer")
    headers = {"X-CSRFToken": token_of(person.get("/profile").text)}
    assert person.client.post("/surveys/order/draft", data=content, headers=headers).status_code == 400
    assert save(person, {"verb": "burn", "key": "q1"}).status_code == 422
    assert stored(SurveyDraft) == []


def test_a_new_survey_could_be_sent_as_it_is(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    answer = person.post("/new-survey", name="Доставка «Полянка»", score="csat", languages="ru")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/surveys/dostavka-polyanka/build")
    page = person.get("/surveys").text
    assert "Доставка «Полянка»" in page
    assert "not published yet" in page
    assert person.get("/surveys/dostavka-polyanka/build").status_code == 200
    body = written("dostavka-polyanka")
    assert [q["type"] for q in body["pages"][0]["questions"]] == ["csat", "text"]
    assert set(body["message"]) == {"subject", "preview", "reason", "benefit"}
    assert publish(person, "dostavka-polyanka").status_code == 303
    assert in_force("dostavka-polyanka")


@on_sqlite
def test_a_new_survey_says_what_is_missing_and_keeps_what_was_typed(company: None, sign_in: SignIn) -> None:
    answer = sign_in("designer").post("/new-survey", name=" ", score="ces")
    assert answer.status_code == 422
    assert "Please give it a name" in answer.text
    assert "Please choose at least one language." in answer.text
    assert 'value="ces" checked' in answer.text


@pytest.mark.parametrize(
    ("name", "taken", "slug"),
    [
        ("After an order", set(), "after-an-order"),
        ("After an order", {"after-an-order", "after-an-order-2"}, "after-an-order-3"),
        ("Щи да каша", set(), "schi-da-kasha"),
        ("調査", set(), "survey"),
        ("x" * 200, set(), "x" * 59),
    ],
)
def test_a_name_becomes_a_slug_that_is_free(name: str, taken: set[str], slug: str) -> None:
    assert free_slug(name, taken) == slug


@on_sqlite
def test_a_copy_begins_as_what_is_written_and_goes_its_own_way(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    save(person, why("Written"))
    answer = person.post("/surveys/order/duplicate")
    assert answer.headers["Location"] == "/surveys/order-copy/build"
    assert written("order-copy")["name"] == "After an order (copy)"
    assert written("order-copy")["pages"] == written()["pages"]


@on_sqlite
def test_giving_up_a_draft_leaves_what_is_live_and_tells_who_has_it_open(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    save(person, why("Gone"))
    assert person.post("/surveys/order/draft/drop").status_code == 303
    live = in_force("order")
    assert live
    assert written() == live[1]
    late = save(person, why("Late", seen=1), revision=1)
    assert late.status_code == 409
    assert [(c["key"], c["theirs"]) for c in said(late)["conflicts"]] == [("q2", None)]
    person.post("/new-survey", name="New", score="nps", languages="en")
    assert person.post("/surveys/new-2/draft/drop").headers["Location"] == "/surveys"
    assert find_written("new-2") is None
    assert person.post("/surveys/new-2/draft/drop").status_code == 404


def test_a_version_of_before_comes_back_as_a_draft(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    first = written()
    save(person, why("Second"))
    publish(person)
    page = person.get("/surveys/order/versions").text
    assert "Second" in page
    assert "Restore as draft" in page
    assert person.post("/surveys/order/versions/1/restore").headers["Location"] == "/surveys/order/build"
    assert written() == first
    live = in_force("order")
    assert live
    assert live[0] == 2
    assert publish(person).status_code == 303
    live = in_force("order")
    assert live
    assert (live[0], live[1]) == (3, first)
    assert person.post("/surveys/order/versions/9/restore").status_code == 404


@on_sqlite
def test_publishing_says_first_what_it_does_to_figures(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    options = [{"value": v, "text": {"en": v.title()}} for v in ("late", "cold")]
    single = {"id": "why", "type": "single", "text": {"en": "Why?", "ru": "Почему?"}, "options": options}
    save(person, {"verb": "set", "key": "q2", "value": single, "seen": 0})
    page = person.get("/surveys/order/publish").text
    assert "is another type under the same id" in page
    assert "Answers to nps go on in one line." in page
    publish(person)
    fewer = single | {"options": options[:1]}
    save(person, {"verb": "set", "key": "q2", "value": fewer, "seen": 1}, revision=1)
    assert "loses answers (cold)" in person.get("/surveys/order/publish").text
    gone = {"verb": "remove", "key": "q2", "seen": 2}
    save(person, gone, revision=2)
    assert "is no longer asked" in person.get("/surveys/order/publish").text


@on_sqlite
@pytest.mark.parametrize("role", ["manager", "agent"])
def test_only_who_may_design_builds(company: None, sign_in: SignIn, role: str) -> None:
    person = sign_in(role, "care" if role == "agent" else None)
    assert person.get("/surveys/order/build").status_code == 403
    assert save(person, why("x")).status_code == 403
    assert person.post("/surveys/order/publish").status_code == 403
    assert stored(SurveyDraft) == []


@on_sqlite
def test_the_preview_of_a_draft_opens_by_its_link_only_and_stores_nothing(
    app: Flask, company: None, sign_in: SignIn, client: FlaskClient
) -> None:
    save(sign_in("designer"), why("As it is written"))
    address = draft_url("order", "en")
    assert "How likely?" in client.get(address).text
    assert "As it is written" in client.get(f"{address}?page=1").text
    assert "Thanks!" in client.get(f"{address}?ending=0").text
    assert "Спасибо!" in client.get(draft_url("order", "ru") + "?ending=0").text
    assert client.get(address.replace("order", "other")).status_code == 404
    assert "As it is written" in client.post(address, data={"page": "0", "nps": "9", "shown": "nps"}).text
    assert client.post(address, data={"page": "0", "shown": "nps"}).status_code == 422
    assert "Thanks!" in client.post(address, data={"page": "1", "why": "So", "shown": "why"}).text
    assert client.get(f"{address}?page=77&ending=99").status_code == 200


@on_sqlite
def test_an_author_is_told_what_is_worth_a_look_at_its_place(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    hidden = {
        "id": "why",
        "type": "text",
        "text": {"en": "Why?"},
        "show_if": {"field": "answers.nps", "op": "gt", "value": 10},
    }
    told = said(save(person, {"verb": "set", "key": "q2", "value": hidden, "seen": 0}))
    assert {(one["key"], *one["place"], one["text"]) for one in told["warnings"]} == {
        ("q2", "text", "Русский is missing."),
        ("q2", "show_if", "Nobody can see this question: what it depends on never happens."),
    }
    assert told["sentences"]["q2"].endswith("is more than 10")
    assert "Nobody can see this question" in person.get("/surveys/order/publish").text


@on_sqlite
def test_mail_and_popup_of_a_draft_are_the_real_ones(
    app: Flask, company: None, sign_in: SignIn, client: FlaskClient
) -> None:
    message = {
        "subject": {"en": "{{ contact.first_name }}, how was it?"},
        "benefit": {"en": "A <b>cake</b>"},
        "reason": {},
    }
    save(sign_in("designer"), {"verb": "set", "key": "message", "value": message, "seen": 0})
    mail = client.get(draft_url("order", "en") + "/mail")
    assert "Ada, how was it?" in mail.text
    assert "A &amp;lt;b&amp;gt;cake" in mail.text  # in a mail that stands in an attribute
    assert "How likely?" in mail.text
    popup = client.get(draft_url("order", "en") + "/popup")
    assert "How likely?" in popup.text
    assert "script-src 'self'" in popup.headers["Content-Security-Policy"]
    answer = said(client.post(draft_url("order", "en") + "/popup", data={"page": "0", "nps": "9", "shown": "nps"}))
    assert answer["page"]["questions"][0]["text"] == "Why?"
    sent = {"page": "0", "nps": "9", "why": "So", "shown": ["nps", "why"]}
    assert said(client.post(draft_url("order", "en") + "/popup", data=sent)) == {"code": None, "done": "Thanks!"}
    wrong = draft_url("order", "en").replace("order", "other")
    assert [client.get(f"{wrong}/{way}").status_code for way in ("mail", "popup")] == [404, 404]


@on_sqlite
def test_a_draft_is_tried_out_on_oneself(app: Flask, company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    save(person, {"verb": "set", "key": "message", "value": {"subject": {"en": "How was it?"}}, "seen": 0})
    before = len(stored(Invitation))
    assert person.post("/surveys/order/draft/test", language="en").status_code == 303
    assert f"Sent to {person.email}." in person.get("/surveys/order/build").text
    caught = (app.config["DATA_DIR"] / "mail" / "test-draft.eml").read_bytes()
    mail = message_from_bytes(caught, policy=policy.default)
    assert (mail["Subject"], mail["To"]) == ("[Test] How was it?", person.email)
    assert len(stored(Invitation)) == before


@on_sqlite
def test_a_mail_without_a_preview_line_has_none(company: None) -> None:
    [invitation] = stored(Invitation)
    assert message_of(invitation, present_company()).preview == ""


@on_sqlite
def test_a_draft_is_seen_as_a_customer_by_whoever_may_and_only_for_a_while(
    app: Flask, company: None, sign_in: SignIn, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = sign_in("designer")
    save(person, why("Why, {{ contact.first_name }}, after {{ properties.amount }}?"))
    answer = said(person.get("/surveys/order/draft/seen-as?reference=ada@example.com"))
    assert (answer["found"], answer["name"]) == (1, "Ada Byron")
    seen = f"{draft_url('order', 'en')}?page=1&as={answer['as']}&proof={answer['proof']}"
    assert "Why, Ada, after 5?" in client.get(seen).text  # the last that happened to her
    assert "Ada" in client.get(seen.replace("en?page=1&", "en/mail?")).text
    other = said(person.get("/surveys/order/draft/seen-as?reference=bo"))
    forged = f"{draft_url('order', 'en')}?page=1&as={other['as']}&proof={answer['proof']}"
    assert "Diddley" not in client.get(forged).text
    assert "after 5" not in client.get(forged).text
    clock = Clock(monkeypatch)
    clock.move(timedelta(days=2))
    assert "after 5" not in client.get(seen).text
    assert said(person.get("/surveys/order/draft/seen-as?reference=nobody")) == {"found": 0}
    assert said(person.get("/surveys/order/draft/seen-as")) == {"found": 0}


@on_sqlite
def test_pictures_to_choose_from_are_kept_and_nothing_else_is(
    company: None, sign_in: SignIn, client: FlaskClient
) -> None:
    person = sign_in("designer")
    headers = {"X-CSRFToken": token_of(person.get("/profile").text)}

    def send(content: bytes) -> TestResponse:
        return person.client.post("/survey-pictures", data={"picture": (BytesIO(content), "a.png")}, headers=headers)

    answer = send(PNG)
    assert answer.status_code == 200
    shown = client.get(f"/i/{said(answer)['name']}")
    assert (shown.status_code, shown.mimetype, shown.data) == (200, "image/png", PNG)
    for content, words in ((b"<svg>", "no PNG"), (b"", "no PNG"), (PNG + b"x" * 300_000, "Larger than")):
        answer = send(content)
        assert (answer.status_code, words in said(answer)["message"]) == (422, True)


@on_sqlite
def test_the_draft_of_an_archived_survey_rests(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    person.post("/surveys/order/duplicate")
    publish(person, "order-copy")
    save(person, why("Later"), slug="order-copy", revision=0)
    assert person.post("/archive/surveys/order-copy").status_code == 303
    assert "order-copy" not in person.get("/surveys?show=draft").text
    assert person.post("/surveys/order-copy/versions/1/restore").status_code == 303
    assert person.post("/surveys/order-copy/draft/drop").status_code == 303
    assert person.post("/surveys/order-copy/versions/1/restore").status_code == 404
    assert person.get("/surveys/order-copy/versions").status_code == 404


@on_sqlite
def test_a_reminder_says_the_survey_s_own_words(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    message = {"subject": {"en": "Hello"}, "reminder": {"en": "{{ contact.first_name }}, once more: {{ subject }}"}}
    told = said(save(person, {"verb": "set", "key": "message", "value": message, "seen": 0}))
    assert told["faults"] == []
    publish(person)
    newest = stored(SurveyVersion)[-1].id
    [invitation] = stored(Invitation)
    db.session.expunge(invitation)
    invitation.survey_version_id = newest
    assert message_of(invitation, present_company(), reminder=True).subject == "Ada, once more: Hello"
    assert message_of(invitation, present_company()).subject == "Hello"


@on_sqlite
def test_where_people_stop_is_asked_of_a_live_survey_only_and_not_while_the_page_is_made(
    company: None, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = sign_in("designer")
    assert person.get("/surveys/order/draft/stops").json == {"pages": {}, "all": ""}
    person.post("/new-survey", name="Fresh", score="nps", languages="en")
    monkeypatch.setattr("app.admin.builder.stops", None)
    assert '"stops":"/surveys/order/draft/stops"' in person.get("/surveys/order/build").text
    assert '"stops":""' in person.get("/surveys/fresh/build").text


NPS_LOW = {"field": "answers.nps", "op": "lte", "value": 6}
HEARING = """
departments: [{slug: care, name: Care, email: care@example.com}]
triggers:
- {slug: unhappy, name: Unhappy, status: live,
   when: {event: survey.answered}, if: {all: [{field: properties.survey, op: eq, value: order},
   {field: answers.nps, op: lte, value: 6}]}, then: [{task: {department: care, title: "{{ answers.why }}"}}]}
- {slug: keep, name: Keep, status: live, when: {event: survey.answered},
   then: [{set: {attribute: score, from: answers.nps}}]}
- {slug: happy, name: Happy, status: live, when: {event: survey.answered},
   if: {field: properties.scores.nps, op: gte, value: 9}, then: [{notify: {channel: care, text: Hurray}}]}
- {slug: silent, name: Silent, status: live, when: {event: survey.answered},
   then: [{notify: {channel: care, text: "An answer to {{ properties.survey }}"}}]}
- {slug: other, name: Other, status: live, when: {event: survey.answered},
   if: {field: properties.survey, op: ne, value: order}, then: [{set: {attribute: score, from: answers.nps}}]}
- {slug: paid, name: Paid, status: live, when: {event: order.paid},
   then: [{set: {attribute: answer, from: properties.answers}}]}
"""


def test_publishing_a_sensitive_survey_says_which_triggers_do_something_with_its_answers(
    company: None, sign_in: SignIn
) -> None:
    put_in_force(HEARING)
    person = sign_in("designer")
    assert 'id="heard"' not in person.get("/surveys/order/publish").text
    head = take_apart(written()).parts["head"]
    head |= {"sensitive": ["manager"], "quotas": [{"name": "low", "if": NPS_LOW, "max": 5}, {"name": "all", "max": 9}]}
    assert save(person, {"verb": "set", "key": "head", "value": head}).status_code == 200
    page = unescape(person.get("/surveys/order/publish").text)
    assert '<td class="muted">–</td><td>manager</td>' in page
    assert re.search(r"<td>low: at most 5, if .+ is at most 6; all: at most 9</td>", page)
    found = re.search(r'id="heard">.*?</ul>', page, re.DOTALL)
    assert found
    assert re.findall(r"<li>(.*?) <a", found[0]) == [
        "“Happy” depends on the answers: that it acts tells something of them.",
        "“Keep” puts answers into texts or attributes: they stay empty.",
        (
            "“Unhappy” puts answers into texts or attributes: they stay empty. "
            "It depends on the answers, too: that it acts tells something of them."
        ),
    ]


@on_sqlite
def test_a_quota_is_read_aloud_and_its_faults_stand_at_their_place(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    head = take_apart(written()).parts["head"]
    low = {"name": "low", "if": NPS_LOW, "max": 0}
    quotas = [low, {"name": "x", "if": {"field": "answers.gone", "op": "eq", "value": 1}, "max": 1}, 7]
    told = said(save(person, {"verb": "set", "key": "head", "value": head | {"quotas": quotas}}))
    assert told["sentences"]["head.quotas.0"].endswith("is at most 6")
    places = [fault["place"] for fault in told["faults"] if fault["key"] == "head"]
    assert places == [["quotas", 0, "max"], ["quotas", 2]]
    assert ["quotas", 1, "if"] in [warning["place"] for warning in told["warnings"]]  # there is no such question


@on_sqlite
@pytest.mark.parametrize(
    "tree", [{"all": 5}, {"any": {"a": 1}}, {"not": None}, {"op": 7, "field": 3}, {"field": "x"}, [1]]
)
def test_a_condition_typed_wrongly_is_a_fault_and_nothing_else(company: None, sign_in: SignIn, tree: Any) -> None:
    person = sign_in("designer")
    value = {"id": "why", "type": "text", "text": {"en": "Why?", "ru": "Почему?"}, "show_if": tree}
    answer = save(person, {"verb": "set", "key": "q2", "value": value})
    assert answer.status_code == 200
    assert {fault["key"] for fault in said(answer)["faults"]} == {"q2"}
