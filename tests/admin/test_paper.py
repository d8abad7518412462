"""The paper version: every type can be printed, with its boxes and lines, in the survey's languages."""

from collections.abc import Callable
from pathlib import Path

from flask import Flask

from surveys.questions import KINDS
from tests.admin.conftest import Person
from tests.conftest import put_in_force
from tests.respond.test_types import FIRST, SECOND, pages
from tests.wire import on_sqlite

TEMPLATES = Path(__file__).parents[2] / "app/templates/admin/paper"
ROUTED = """
surveys:
  - slug: routed
    languages: [en, ru]
    pages:
      - questions:
          - {id: nps, type: nps, required: true, text: {en: "Recommend, {{ contact.first_name }}?", ru: "Посоветуете?"}}
          - {id: people, type: number, text: {en: "How many?", ru: "Сколько вас?"}}
      - show_if: {field: answers.nps, op: lte, value: 6}
        questions: [{id: why, type: text, long: true, text: {en: "Why?", ru: "Почему?"}}]
      - show_if: {field: answers.people, op: gt, value: 2}
        questions: [{id: call, type: yes_no, text: {en: "Call you?", ru: "Позвонить?"}}]
        jumps: [{if: {field: answers.call, op: eq, value: false}, to: end}]
      - questions: [{id: tel, type: phone, text: {en: "Phone?", ru: "Телефон?"}}]
    endings:
      - {if: {field: answers.nps, op: lte, value: 6}, text: {en: "Sorry.", ru: "Жаль."}}
      - {text: {en: "Thanks!", ru: "Спасибо!"}}
"""


def test_every_type_has_its_way_to_stand_on_paper() -> None:
    assert {kind.drawn for kind in KINDS.values()} == {path.stem for path in TEMPLATES.glob("*.html")}


@on_sqlite
def test_every_type_of_question_is_printed(app: Flask, sign_in: Callable[..., Person]) -> None:
    put_in_force(f"surveys: [{{slug: all, name: Everything, {pages(FIRST, SECOND.replace('PICTURE', 'a' * 32))}}}]")
    page = sign_in("manager").get("/surveys/all/paper").text
    assert page.count('class="question"') == 21
    assert page.count('class="number"') == 20, "a statement has none"
    assert page.count('class="box') >= 11 + 5 + 7
    for words in ("The taste", "Tick one in every line.", "1 for the first place", "day, month, year", "That is all."):
        assert words in page
    assert "Only if your answer to 6 is “price”. Otherwise go on with 8." in page
    assert page.index("paper.css") < page.index("<main>")
    assert "style=" not in page


@on_sqlite
def test_the_way_through_is_told_in_words(app: Flask, sign_in: Callable[..., Person]) -> None:
    put_in_force(ROUTED)
    person = sign_in("designer")
    page = person.get("/surveys/routed/paper").text
    assert "Only if your answer to 1 is 0\u20136. Otherwise go on with 4." in page
    assert "Only if your answer to 2 is more than 2. Otherwise go on with 5." in page
    assert "If your answer to 4 is “No”, you are done." in page
    assert "Recommend?" in page, "nobody's name stands on paper"
    assert "Thanks!" in page
    assert "Sorry." not in page
    russian = person.get("/surveys/routed/paper?language=ru").text
    assert '<html lang="ru">' in russian
    assert "Посоветуете?" in russian
    assert "ответ на вопрос 1: 0\u20136" in russian
    assert "Otherwise" not in russian
    assert person.get("/surveys/routed/paper?language=xx").status_code == 200
    assert person.get("/surveys/none/paper").status_code == 404
    assert 'href="/surveys/routed/paper"' in person.get("/surveys/routed").text
    assert sign_in("agent").get("/surveys/routed/paper").status_code in (403, 404)
