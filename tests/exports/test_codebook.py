"""Raw answers as columns, the book that explains them, and the syntax for SPSS."""

from typing import Any

import yaml

from app.exports.codebook import Variable, book, spss_syntax, variables
from surveys.definition import read
from surveys.survey import Survey, read_survey

NEW = """
- {id: nps, type: nps, text: 'Recommend "us"', high: 'Yes'}
- {id: why, type: single, other: true, text: Why, options: [{value: price, text: The price}, taste]}
- {id: liked, type: multiple, text: Liked, options: [Taste, Speed]}
- {id: m, type: matrix, text: How good is, rows: [{value: box, text: the box}], options: [bad, fine]}
- {id: mm, type: matrix, several: true, text: What of, rows: [ride], options: [late, wet]}
- {id: rank, type: ranking, text: Which first, options: [Taste, Speed]}
- {id: ok, type: yes_no, text: OK}
- {id: n, type: number, text: How many}
- {id: say, type: text, text: Else}
- {id: bye, type: statement, text: Bye}
"""
OLD = "- {id: nps, type: nps, text: Recommend}\n- {id: gone, type: text, text: Gone}"


def survey(questions: str) -> Survey:
    return read({"slug": "s", "pages": [{"questions": yaml.safe_load(questions)}]}, read_survey)


def columns() -> dict[str, Variable]:
    return {column.name: column for column in variables([survey(NEW), survey(OLD)], "en")}


NAMES = [
    *("nps", "why", "why_other", "liked.Taste", "liked.Speed", "m.box", "mm.ride.late", "mm.ride.wet"),
    *("rank.Taste", "rank.Speed", "ok", "n", "say", "gone"),
]


def cells(answers: dict[str, Any]) -> dict[str, Any]:
    found = {name: column.cell(answers) for name, column in columns().items()}
    return {name: cell for name, cell in found.items() if cell is not None}


def test_every_part_of_an_answer_has_a_column_and_old_questions_keep_theirs() -> None:
    assert list(columns()) == NAMES
    assert cells({}) == {}
    assert cells(
        {
            "nps": 9,
            "why": "other",
            "why_other": "The cat",
            "liked": ["Speed"],
            "m": {"box": "fine"},
            "mm": {"ride": ["wet"]},
            "rank": ["Speed", "Taste"],
            "ok": False,
            "n": 2.5,
            "say": "=1+1",
            "gone": "x",
        }
    ) == {
        "nps": 9,
        "why": "other",
        "why_other": "The cat",
        "liked.Taste": 0,
        "liked.Speed": 1,
        "m.box": "fine",
        "mm.ride.late": 0,
        "mm.ride.wet": 1,
        "rank.Taste": 2,
        "rank.Speed": 1,
        "ok": 0,
        "n": 2.5,
        "say": "=1+1",
        "gone": "x",
    }


def test_an_answer_of_another_kind_than_the_question_has_no_cell() -> None:
    odd = {"liked": "Speed", "m": ["box"], "mm": {"ride": "wet"}, "rank": "Taste", "nps": [9], "say": {"a": 1}}
    assert cells(odd) == {}


def test_the_book_says_what_the_values_mean() -> None:
    lines = {line[0]: line[1:] for line in book(columns().values())}
    assert lines["nps"] == ["nps", "nps", 'Recommend "us"', "10 = Yes"]
    assert lines["why"] == ["why", "single", "Why", "price = The price; taste = taste"]
    assert lines["m.box"] == ["m", "matrix", "How good is the box", "bad = bad; fine = fine"]
    assert lines["liked.Taste"] == ["liked", "multiple", "Liked Taste", ""]
    assert lines["ok"] == ["ok", "yes_no", "OK", "1 = yes; 0 = no"]


def test_spss_is_told_names_it_takes_and_words_it_cannot_mistake() -> None:
    found = list(columns().values())
    syntax = spss_syntax(found, ["response"], 'odd".csv')
    assert '/FILE="odd"".csv"' in syntax
    assert "  response A200\n  nps F12.4\n  why A2000\n" in syntax
    assert '  nps "Recommend ""us"""' in syntax
    assert '  mm_ride_late "What of ride late"' in syntax
    assert 'VALUE LABELS why "price" "The price" "taste" "taste".' in syntax
    assert 'VALUE LABELS ok 1 "yes" 0 "no".' in syntax
    names = [line.split()[0] for line in syntax.split("/VARIABLES=\n")[1].split("\n.")[0].splitlines()]
    assert len({name.lower() for name in names}) == len(names) == len(NAMES) + 1
    assert all(name.replace("_", "").isalnum() and name.isascii() for name in names)
