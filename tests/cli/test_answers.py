"""``import responses``: an older tool's answers are counted like all others, once, and nobody acts on them."""
# ruff: noqa: E501 tables with a case in a line

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.models.contacts import Contact
from app.models.decisions import Decision
from app.models.events import Event, PendingEvent
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.tasks import Task
from app.queries.catalogue import survey_rows
from app.queries.overview import today
from app.queries.responses import raw_responses
from app.queries.results import survey_results
from app.queries.rollups import figures
from dashboards.readers import Days
from tests.cli.conftest import Otklik
from tests.cli.test_imports import refused, written
from tests.conftest import put_in_force, until_nothing_is_ready
from tests.wire import on_postgres, on_sqlite, said, stored

SURVEY = """
departments: [{slug: care, name: Care}]
surveys:
  - slug: s
    languages: [en, ru]
    pages:
      - questions:
          - {id: nps, type: nps, text: "How likely?", required: true}
          - {id: why, type: single, text: "Why?", options: [{value: price, text: {en: The price, ru: Цена}}], other: true}
          - {id: say, type: text, text: "More?"}
triggers:
  - {slug: t, status: live, when: {event: survey.answered}, then: [{task: {department: care, title: Call}}]}
  - {slug: u, status: live, when: {event: answer.imported}, then: [{task: {department: care, title: Call}}]}
"""
FILE = """No,When,Mail,Score,Reason,Words,Where,How,Lang
1,2024-03-01 10:00,ada@example.com,9,Цена,"Good, I'd say",Riverside,E-mail,en
2,2024-03-01 23:30,,3,The cat,,Northside,,ru
3,01.04.2024,bo@example.com,10,price,,,kiosk,
4,2024-04-02,,eleven,price,,,,
5,,,9,,,,,
6,2024-04-03,,,,,,,
7,2024-04-03,,5,,,,,fr
"""
MAPS = ["id=No", "answered_at=When", "contact.email=Mail", "nps=Score", "why=Reason", "say=Words",
        "properties.place=Where", "channel=How", "language=Lang"]  # fmt: skip


def mapped(*maps: str) -> list[str]:
    return [part for pair in maps for part in ("--map", pair)]


@pytest.fixture
def imported(otklik: Otklik, tmp_path: Path) -> tuple[Path, str]:
    put_in_force(SURVEY)
    file = written(tmp_path, "old.csv", FILE)
    result = otklik("import", "responses", file, "--survey", "s", *mapped(*MAPS))
    until_nothing_is_ready()
    return file, result.stdout


def test_answers_are_stored_as_they_were_given(imported: tuple[Path, str]) -> None:
    file, told = imported
    assert "3 accepted, 0 known already, 4 refused." in told
    rows = raw_responses("s", 0, 100)
    assert [(r.answers, r.channel, r.language, r.contact is not None, r.complete) for r in rows] == [
        ({"nps": 9, "why": "price", "say": "Good, I'd say"}, "email", "en", True, True),
        ({"nps": 3, "why": "other", "why_other": "The cat"}, "import", "ru", False, True),
        ({"nps": 10, "why": "price"}, "kiosk", "en", True, True),
    ]
    assert [r.completed_at.isoformat() if r.completed_at else "" for r in rows] == [
        "2024-03-01T10:00:00+00:00",
        "2024-03-01T23:30:00+00:00",
        "2024-04-01T00:00:00+00:00",
    ]
    assert {row["line"]: row["errors"] for row in refused(file)} == {
        5: {"nps": ["is none of its answers"]},
        6: {"answered_at": ["is missing"]},
        7: {"_schema": ["answers nothing"]},
        8: {"language": ["is none of the survey's: en, ru"]},
    }


def test_they_count_in_every_figure_and_nothing_acts_on_them(imported: tuple[Path, str]) -> None:
    [whole] = figures("nps", None, None, None)
    assert (whole.figure.n, round(whole.figure.value or 0)) == (3, 33)
    assert {g.group: g.figure.n for g in figures("nps", None, None, "place")} == {"Riverside": 1, "Northside": 1}
    assert {g.group: g.figure.n for g in figures("nps", None, None, "channel")} == {"email": 1, "import": 1, "kiosk": 1}
    [rate] = figures("response-rate", None, None, None)
    assert rate.figure.n == 0, "they were never asked by us"
    results = survey_results("s", Days(today().replace(year=2000), today()), None)
    assert (results.complete, dict(results.questions["why"].values)) == (3, {"price": 2, "other": 1})
    [row] = survey_rows(date(2024, 1, 1))
    assert (row.answers, row.triggers, row.live) == (3, [], False)
    assert survey_rows(date(2024, 4, 1))[0].answers == 1
    assert stored(Task) == []
    assert stored(Decision) == []
    assert stored(PendingEvent) == []
    assert {event.type for event in stored(Event)} == {"answer.imported"}
    assert all(response.announced_at for response in stored(Response))
    assert len(stored(Contact)) == 2


def test_running_it_again_stores_nothing_twice_and_an_id_is_one_answers(
    otklik: Otklik, imported: tuple[Path, str]
) -> None:
    file, _told = imported
    before = len(stored(Response)), len(stored(Invitation)), len(stored(Event))
    result = otklik("import", "responses", file, "--survey", "s", *mapped(*MAPS))
    assert "0 accepted, 3 known already, 4 refused." in result.stdout
    file.write_text(FILE.replace(",9,Цена", ",1,Цена"))
    result = otklik("import", "responses", file, "--survey", "s", *mapped(*MAPS))
    assert "0 accepted, 2 known already, 5 refused." in result.stdout
    assert refused(file)[-1]["errors"] == {"id": ["is taken by another answer"]}
    assert (len(stored(Response)), len(stored(Invitation)), len(stored(Event))) == before


@on_sqlite
def test_equal_rows_without_an_id_are_two_answers_and_stay_two(otklik: Otklik, tmp_path: Path) -> None:
    put_in_force(SURVEY)
    rows = b"nps,answered_at\n10,2024-01-01\n10,2024-01-01\n9,2024-01-01\n"
    file = written(tmp_path, "old.csv.gz", gzip.compress(rows))
    assert "3 accepted" in otklik("import", "responses", file, "--survey", "s").stdout
    assert "0 accepted, 3 known" in otklik("import", "responses", file, "--survey", "s").stdout
    assert len(stored(Response)) == 3


@on_sqlite
def test_lines_of_json_are_read_too(otklik: Otklik, tmp_path: Path) -> None:
    put_in_force(SURVEY)
    lines = '{"nps": 8, "answered_at": "2024-01-01T10:00:00+03:00", "say": null}\n[]\n{"nps": 1}\n'
    file = written(tmp_path, "old.ndjson", lines)
    assert "1 accepted, 0 known already, 2 refused." in otklik("import", "responses", file, "--survey", "s").stdout


@on_sqlite
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--survey", "none"], "there is no survey none"),
        (["--survey", "s", "--map", "csat=Score"], "csat is no field of this survey; there are id, answered_at"),
        (["--survey", "s", "--map", "nps=Nothing"], "the file has no column Nothing"),
        (["--survey", "s", "--source", "none"], "there is no source none"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_stored(
    otklik: Otklik, tmp_path: Path, arguments: list[str], words: str
) -> None:
    put_in_force(SURVEY)
    file = written(tmp_path, "old.csv", FILE)
    result = CliRunnerStatus(otklik, arguments).run(file)
    assert words in result
    assert stored(Event) == []


class CliRunnerStatus:
    """The command where it is to fail, whatever it ends with."""

    def __init__(self, otklik: Otklik, arguments: list[str]) -> None:
        self._otklik, self._arguments = otklik, arguments

    def run(self, file: Path) -> str:
        status = 2 if any("csat" in argument for argument in self._arguments) else 1
        return self._otklik("import", "responses", file, *self._arguments, status=status).output


@on_postgres
def test_an_import_that_broke_between_event_and_answer_is_healed_by_the_next(
    otklik: Otklik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_force(SURVEY)
    file = written(tmp_path, "old.csv", "nps,answered_at\n10,2024-01-01\n")

    def broken(*_arguments: Any) -> Any:
        raise SystemExit(1)

    with monkeypatch.context() as patched:
        patched.setattr("app.cli.answers.store_imported", broken)
        otklik("import", "responses", file, "--survey", "s", status=1)
    assert (len(stored(Event)), len(stored(Response))) == (1, 0)
    assert "1 accepted" in otklik("import", "responses", file, "--survey", "s").stdout
    assert len(stored(Response)) == 1


def test_lists_of_the_api_bear_answers_of_nobody(
    imported: tuple[Path, str], client: FlaskClient, key: dict[str, str]
) -> None:
    items = said(client.get("/api/v1/responses", headers=key))["items"]
    assert [item["contact"] is None for item in items] == [False, True, False]
    assert said(client.get("/api/v1/invitations", headers=key))["items"] == []
