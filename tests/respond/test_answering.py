"""Answering: every type of question, page after page, once, and only what can be an answer."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.models.events import Event
from app.models.invitations import Invitation
from app.models.offers import OfferCode
from app.models.responses import Response
from tests.respond.conftest import Ask, AskAll, address
from tests.wire import Clock, event, everything, on_sqlite, stored, tell

NPS = '{id: nps, type: nps, text: "How likely?", required: true}'
WHY = '{id: why, type: text, long: true, text: "Why?"}'
SAD = "show_if: {field: answers.nps, op: lte, value: 6}"
PAGED = f"""pages: [
  {{questions: [{NPS}]}},
  {{{SAD}, questions: [{{id: what, type: multiple, text: "What?", required: true,
    options: [late, broken, "дорого"]}}]}},
  {{questions: [{WHY}, {{id: again, type: yes_no, text: "Again?"}}]}}]"""


def one(question: str) -> str:
    return f"pages: [{{questions: [{question}]}}]"


def answers() -> list[dict[str, Any]]:
    return [row.answers for row in stored(Response)]


# -- Every type

SCALE = [("{low}", "{low}"), ("{high}", "{high}")]
COLOURS = "options: [red, {value: b, text: {en: Blue}}, {value: c, text: {en: Café}}]"


@on_sqlite
@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        pytest.param("type: nps", [("0", 0), ("10", 10), (" 7 ", 7)], ["11", "-1", "x", "7.5", "05", "７"], id="nps"),
        pytest.param("type: csat", [("1", 1), ("5", 5)], ["0", "6", "true"], id="csat"),
        pytest.param("type: ces", [("1", 1), ("7", 7)], ["0", "8"], id="ces"),
        pytest.param("type: yes_no", [("yes", True), ("no", False)], ["Yes", "true", "1"], id="yes or no"),
        pytest.param(
            f"type: single, {COLOURS}", [("red", "red"), ("b", "b")], ["Blue", "RED", "d", "red,b"], id="single"
        ),
        pytest.param(
            f"type: multiple, {COLOURS}",
            [(["c", "red"], ["red", "c"]), ("b", ["b"]), (["b", "b"], ["b"])],
            [["red", "d"], "Blue"],
            id="multiple",
        ),
        pytest.param(
            "type: text",
            [
                ("  It was late. ", "It was late."),
                ("<b>'\"&amp;", "<b>'\"&amp;"),
                ("line\r\nline\ttab", "line\nline\ttab"),
                ("10\u00a0000 ₽", "10 000 ₽"),
                ("a\0b\x07c", "abc"),
                ("x" * 5000, "x" * 5000),
                ("👨‍👩‍👧 می‌خواهم", "👨‍👩‍👧 می‌خواهم"),
            ],
            ["x" * 5001],
            id="text",
        ),
    ],
)
def test_an_answer_is_read_and_what_is_none_is_refused(
    client: FlaskClient, ask_all: AskAll, question: str, right: list[tuple[Any, Any]], wrong: list[Any]
) -> None:
    last, *links = ask_all(one(f'{{id: q, text: "Well?", {question}}}'), len(right) + 1)
    for link, (given, meant) in zip(links, right, strict=True):
        assert client.post(link, data={"page": "0", "q": given}).status_code == 200
        assert answers()[-1] == {"q": meant}
    for given in wrong:
        refused = client.post(last, data={"page": "0", "q": given})
        assert (refused.status_code, 'role="alert"' in refused.text) == (422, True), given
        assert answers()[len(right) :] in ([], [{}]), given
    assert client.post(last, data={"page": "0"}).status_code == 200
    assert answers()[-1] == {}


@on_sqlite
@pytest.mark.parametrize("question", ["nps", "yes_no", "text", "single, options: [a]", "multiple, options: [a]"])
def test_a_required_question_wants_an_answer(client: FlaskClient, ask: Ask, question: str) -> None:
    link = ask(one(f'{{id: q, text: "Well?", required: true, type: {question}}}'))
    for given in ({}, {"q": ""}, {"q": "  \n"}, {"q": "\0\u200b\x07"}, {"Q": "a"}):
        response = client.post(link, data={"page": "0", **given})
        assert response.status_code == 422, given
        assert "Please answer this question." in response.text or question != "text"
    assert [(r.complete, r.answers) for r in stored(Response)] in ([], [(False, {})])


@on_sqlite
def test_what_was_typed_stands_there_again_beside_the_fault(client: FlaskClient, ask: Ask) -> None:
    link = ask(one(f'{NPS}, {WHY}, {{id: c, type: single, text: "Colour?", options: [red, blue]}}'))
    response = client.post(link, data={"page": "0", "why": 'He said "no" <twice>', "c": "blue"})
    assert response.status_code == 422
    assert "He said &#34;no&#34; &lt;twice&gt;</textarea>" in response.text
    assert re.search(r'value="blue"\s+checked', response.text)
    assert response.text.count("Please answer this question.") == 1
    assert client.post(link, data={"page": "0", "nps": "9", "why": "x", "c": "blue"}).status_code == 200
    assert answers() == [{"nps": 9, "why": "x", "c": "blue"}]


@on_sqlite
def test_fields_that_nobody_asked_for_are_not_stored(client: FlaskClient, ask: Ask) -> None:
    link = ask(one(NPS))
    client.post(link, data={"page": "0", "nps": "9", "admin": "1", "complete": "true", "nps[]": "3", "": "x"})
    assert answers() == [{"nps": 9}]


# -- Pages


def test_an_unhappy_answer_leads_to_another_page(client: FlaskClient, ask: Ask) -> None:
    link = ask(PAGED)
    assert "What?" not in client.get(link).text
    first = client.post(link, data={"page": "0", "nps": "3"})
    assert (first.status_code, first.location) == (303, f"{link}?page=1")
    second = client.get(first.location)
    assert "What?" in second.text
    assert "Page 2 of 3" in second.text
    third = client.post(link, data={"page": "1", "what": ["дорого", "late"]})
    assert third.location == f"{link}?page=2"
    last = client.post(link, data={"page": "2", "why": "Slow.", "again": "no"})
    assert (last.status_code, "Thank you" in last.text) == (200, True)
    assert answers() == [{"nps": 3, "what": ["late", "дорого"], "why": "Slow.", "again": False}]


def test_a_happy_answer_passes_over_it(client: FlaskClient, ask: Ask) -> None:
    link = ask(PAGED)
    first = client.post(link, data={"page": "0", "nps": "7"})
    assert first.location == f"{link}?page=2"
    assert "Page 2 of 2" in client.get(first.location).text
    assert client.post(link, data={"page": "2"}).status_code == 200
    assert answers() == [{"nps": 7}]


def test_all_pages_can_be_sent_at_once(client: FlaskClient, ask: Ask) -> None:
    response = client.post(ask(PAGED), data={"nps": "0", "what": "late", "why": "Slow.", "again": "yes"})
    assert response.status_code == 200
    assert answers() == [{"nps": 0, "what": ["late"], "why": "Slow.", "again": True}]


@on_sqlite
def test_answers_to_a_page_that_is_not_shown_do_not_count(client: FlaskClient, ask: Ask) -> None:
    link = ask(PAGED)
    client.post(link, data={"page": "0", "nps": "3"})
    client.post(link, data={"page": "1", "what": "late"})
    client.post(link, data={"page": "0", "nps": "10"})
    assert client.post(link, data={"page": "2", "why": "Changed my mind."}).status_code == 200
    assert answers() == [{"nps": 10, "why": "Changed my mind."}]
    at_once = ask(PAGED)
    client.post(at_once, data={"nps": "10", "what": "late", "why": "All good."})
    assert answers()[-1] == {"nps": 10, "why": "All good."}


@on_sqlite
@pytest.mark.parametrize(
    "posts",
    [
        [{"page": "2", "why": "Skipped."}],
        [{"page": "1", "what": "late"}, {"page": "2"}],
        [{"page": "99"}, {"page": "-1"}, {"page": "x"}, {"page": str(10**30)}],
        [{"page": "0", "nps": "3"}, {"page": "2", "why": "Skipped the second."}],
        [{"nps": "3", "why": "Skipped the second."}],
    ],
)
def test_a_required_page_cannot_be_skipped(client: FlaskClient, ask: Ask, posts: list[dict[str, str]]) -> None:
    link = ask(PAGED)
    for post in posts:
        assert client.post(link, data=post).status_code in (303, 422)
    assert [r.complete for r in stored(Response)] in ([], [False])
    assert client.get(f"{link}?page=2").status_code == 200


# -- Partial answers


def test_partial_answers_are_kept_and_stand_there_again(client: FlaskClient, ask: Ask) -> None:
    link = ask(PAGED)
    client.post(link, data={"page": "0", "nps": "3"})
    (row,) = stored(Response)
    assert (row.answers, row.complete, row.completed_at) == ({"nps": 3}, False, None)
    assert [i.state for i in stored(Invitation)] == ["started"]
    assert "What?" in client.get(link).text
    assert re.search(r'value="3"\s+checked', client.get(f"{link}?page=0").text)
    client.post(link, data={"page": "1", "what": "late"})
    assert answers() == [{"nps": 3, "what": ["late"]}]


def test_who_stops_in_the_middle_is_told_of_once_after_half_an_hour(
    client: FlaskClient,
    key: dict[str, str],
    ask: Ask,
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    link = ask(PAGED)
    clock.move(timedelta(minutes=5))
    client.post(link, data={"page": "0", "nps": "3"})
    clock.move(timedelta(minutes=29))
    work()
    assert stored(Event, Event.type == "survey.answered") == []
    clock.move(timedelta(minutes=2))
    work()
    (told,) = stored(Event, Event.type == "survey.answered")
    assert (told.properties["complete"], told.properties["answers"]) == (False, {"nps": 3})
    # They come back and finish: the answer is stored, and nothing else that was to be told is held up.
    client.post(link, data={"page": "1", "what": "late"})
    assert client.post(link, data={"page": "2"}).status_code == 200
    tell(client, key, event("e-2", contact={"id": "somebody new"}))
    work()
    assert [r.complete for r in stored(Response)] == [True]
    assert len(stored(Event, Event.type == "survey.answered")) == 1
    assert len(stored(Event, Event.type == "contact.created")) == 2


# -- Once


def test_a_double_submit_is_one_response(client: FlaskClient, ask: Ask, work: Callable[[], None]) -> None:
    link = ask(one(NPS))
    replies = [client.post(link, data={"page": "0", "nps": n}) for n in ("9", "9", "2")]
    assert [r.status_code for r in replies] == [200, 200, 200]
    assert ["answered already" in r.text for r in replies] == [False, True, True]
    work()
    assert answers() == [{"nps": 9}]
    assert len(stored(Event, Event.type == "survey.answered")) == 1
    before = everything()
    assert client.post(link, data={"page": "0", "nps": "1"}).status_code == 200
    assert everything() == before


# -- Endings and codes

OFFER = 'offers: [{slug: gift, codes: ["A-1", "A-2"]}]'
ENDINGS = f"""{one(NPS)}, endings: [
  {{if: {{field: answers.nps, op: gte, value: 9}}, offer: gift, text: "Wonderful, {{{{ contact.first_name }}}}!"}},
  {{if: {{field: answers.nps, op: lte, value: 6}}, text: "Sorry for the {{{{ answers.nps }}}}."}},
  {{text: {{en: "Thanks."}}}}]"""


@on_sqlite
@pytest.mark.parametrize(
    ("score", "words", "code"),
    [("10", "Wonderful, Ada!", True), ("3", "Sorry for the 3.", False), ("7", "Thanks.", False)],
)
def test_the_first_ending_that_fits_is_said(client: FlaskClient, ask: Ask, score: str, words: str, code: bool) -> None:
    link = ask(ENDINGS, more=OFFER, name="Ada Byron")
    response = client.post(link, data={"page": "0", "nps": score})
    assert words in response.text
    assert ("A-1" in response.text) == code


def test_every_code_is_given_once_and_found_again(client: FlaskClient, ask: Ask) -> None:
    links = [ask(ENDINGS, more=OFFER) for _ in range(3)]
    pages = [client.post(link, data={"page": "0", "nps": "10"}) for link in links]
    given = [re.findall(r"A-\d", page.text) for page in pages]
    assert given == [["A-1"], ["A-2"], []]
    assert pages[2].status_code == 200
    for link, code in zip(links, given, strict=True):
        for again in (client.get(link), client.post(link, data={"page": "0", "nps": "10"})):
            assert re.findall(r"A-\d", again.text) == code
    assert len({c.response_id for c in stored(OfferCode)}) == 2


# -- Languages

RUSSIAN = """languages: [en, ru], pages: [{questions: [
  {id: nps, type: nps, required: true, text: {en: "How likely?", ru: "Посоветуете нас, {{ contact.first_name }}?"}},
  {id: c, type: single, text: {en: "Colour?", ru: "Цвет?"}, options: [{value: r, text: {en: Red, ru: Красный}}]},
  {id: y, type: yes_no, text: {en: "Only in English?"}}]}],
  endings: [{text: {en: "Thanks!", ru: "Спасибо, {{ contact.first_name }}!"}}]"""


@on_sqlite
@pytest.mark.parametrize("locale", ["ru", "ru-RU", "RU", "ru_BY"])
def test_a_russian_customer_is_asked_in_russian(client: FlaskClient, ask: Ask, locale: str) -> None:
    link = ask(RUSSIAN, name="Ада Байрон", locale=locale)
    page = client.get(link).text
    assert '<html lang="ru">' in page
    for words in ("Посоветуете нас, Ада?", "Цвет?", "Красный", "Отправить", "Точно нет", "Only in English?"):
        assert words in page
    assert "Пожалуйста, ответьте" in client.post(link, data={"page": "0"}).text
    assert "Спасибо, Ада!" in client.post(link, data={"page": "0", "nps": "9", "c": "r"}).text
    assert "Вы уже ответили" in client.get(link).text
    assert [(r.language, r.answers) for r in stored(Response)] == [("ru", {"nps": 9, "c": "r"})]


@on_sqlite
@pytest.mark.parametrize("locale", ["en", "de", "", None])
def test_whoever_speaks_another_language_is_asked_in_the_first(
    client: FlaskClient, ask: Ask, locale: str | None
) -> None:
    assert "How likely?" in client.get(ask(RUSSIAN, locale=locale)).text


# -- Scores by a link


@on_sqlite
def test_a_score_pressed_in_a_mail_is_chosen_and_not_stored(client: FlaskClient, ask: Ask) -> None:
    link = ask(one(f"{NPS}, {WHY}"))
    before = everything()
    for query in ("nps=9", "nps=9&nps=3", "nps=99", "nps=%ff", "why=%3Cb%3E", "page=7", "page=x", "q=" + "x" * 9000):
        page = client.get(f"{link}?{query}")
        assert page.status_code == 200, query
        assert (" checked" in page.text) == (query in ("nps=9", "nps=9&nps=3"))
    assert everything() == before
    assert re.search(r'value="9"\s+checked', client.get(f"{link}?nps=9").text)
    assert "<script>" not in client.get(f"{link}?why=%3Cscript%3E").text


def test_a_page_is_bound_to_its_own_invitation(client: FlaskClient, ask: Ask) -> None:
    first, second = ask(one(NPS)), ask(one(NPS))
    client.post(first, data={"page": "0", "nps": "1"})
    client.post(second, data={"page": "0", "nps": "10"})
    assert [(address(i), i.state) for i in stored(Invitation)] == [(first, "completed"), (second, "completed")]
    assert {r.invitation_id: r.answers["nps"] for r in stored(Response)} == {1: 1, 2: 10}
