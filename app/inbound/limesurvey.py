"""LimeSurvey's ``.lss`` as one of our surveys: its tables, as rows of text, in the forms before and since version 4."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from app.inbound.foreign import Foreign, UnknownFormat, plain

_OTHER_TEXT = "other_replace_text"
_QUIET = ("hidden", "page_break", "statistics_showgraph", "question_template", "time_limit_action", "cssclass")
_ARRAYS = {
    "A": [str(n) for n in range(1, 6)],
    "B": [str(n) for n in range(1, 11)],
    "C": ["Yes", "Uncertain", "No"],
    "E": ["Increase", "Same", "Decrease"],
}
_NOWHERE = ("", "1")
"""What relevance reads when there is no condition."""
Row = Mapping[str, str]


def read_limesurvey(content: bytes, slug: str) -> Foreign:
    """Map a survey; what does not map is in ``lost``.

    Raises :class:`UnknownFormat`.
    """
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UnknownFormat("it declares entities, which no survey needs")
    try:
        root = ET.fromstring(content)  # noqa: S314 what could make it explode has been refused above
    except ET.ParseError as error:
        raise UnknownFormat(f"it is no XML: {error}") from error
    if root.findtext("LimeSurveyDocType") != "Survey":
        raise UnknownFormat("it is no LimeSurvey survey (.lss)")
    return _Reader(_Tables(root), slug).read()


class _Tables:
    """The tables of the file, and their texts by language."""

    def __init__(self, root: ET.Element) -> None:
        self._rows: dict[str, list[dict[str, str]]] = {}
        for table in root:
            found = [{cell.tag: cell.text or "" for cell in row} for row in table.iterfind("rows/row")]
            if found:
                self._rows[table.tag] = found
        survey = next(iter(self.rows("surveys")), {})
        more = [code for code in survey.get("additional_languages", "").split() if code]
        self.languages = [survey.get("language") or root.findtext("languages/language") or "en", *more]

    def rows(self, name: str) -> list[dict[str, str]]:
        return self._rows.get(name, [])

    def once(self, name: str, key: str) -> list[dict[str, str]]:
        """The rows of a table, one for each key: before version 4 there is one for every language."""
        return list({row[key]: row for row in reversed(self.rows(name)) if key in row}.values())[::-1]

    def texts(self, name: str, key: str, value: str, column: str) -> dict[str, str]:
        """A text by language: of the table itself, or of the one that holds its translations."""
        rows = [*self.rows(name), *self.rows(f"{name.removesuffix('s')}_l10ns")]
        if name == "subquestions":
            rows += self.rows("question_l10ns")
        told = {
            row["language"]: plain(row[column])
            for row in rows
            if row.get(key) == value and row.get("language") and column in row
        }
        return {language: told[language] for language in self.languages if told.get(language)}


class _Reader:
    def __init__(self, tables: _Tables, slug: str) -> None:
        self._tables, self._own = tables, tables.languages[0]
        self._found = Foreign({"slug": slug, "languages": tables.languages, "pages": []})
        self._attributes: dict[str, dict[str, str]] = defaultdict(dict)
        for row in tables.rows("question_attributes"):
            if row.get("value"):
                self._attributes[row.get("qid", "")][row.get("attribute", "")] = row["value"]

    def read(self) -> Foreign:
        settings = next((r for r in self._tables.rows("surveys_languagesettings")), {})
        if name := plain(settings.get("surveyls_title")):
            self._found.body["name"] = name[:200]
        if words := self._setting("surveyls_welcometext"):
            welcome = {"id": self._found.identify("welcome"), "type": "statement", "text": words}
            self._found.body["pages"].append({"questions": [welcome]})
        for group in sorted(self._tables.once("groups", "gid"), key=lambda r: int(r.get("group_order") or 0)):
            self._group(group)
        if thanks := self._setting("surveyls_endtext"):
            self._found.body["endings"] = [{"text": thanks}]
        for row in self._tables.rows("quota"):
            self._found.lose("survey", f"quota {row.get('name')}")
        for row in self._tables.rows("assessments"):
            self._found.lose("survey", f"assessment {row.get('name')}")
        return self._found

    def _setting(self, column: str) -> dict[str, str]:
        rows = self._tables.rows("surveys_languagesettings")
        told = {row.get("surveyls_language", self._own): plain(row.get(column)) for row in rows}
        return {language: told[language] for language in self._tables.languages if told.get(language)}

    def _group(self, group: Row) -> None:
        names = self._tables.texts("groups", "gid", group["gid"], "group_name")
        where = f"group {next(iter(names.values()), group['gid'])}"
        mine = [row for row in self._tables.once("questions", "qid") if row.get("gid") == group["gid"]]
        mine = [row for row in mine if row.get("parent_qid", "0") == "0"]
        condition = self._condition(where, group.get("grelevance", ""))
        in_order = sorted(mine, key=lambda r: int(r.get("question_order") or 0))
        questions = [question for row in in_order if (question := self._question(row))]
        if not questions:
            return
        page: dict[str, Any] = {"questions": questions}
        if condition and self._found.body["pages"]:
            page["show_if"] = condition
        elif condition:
            self._found.lose(where, "its condition: the first page is always shown")
        self._found.body["pages"].append(page)

    def _condition(self, where: str, expression: str) -> dict[str, Any] | None:
        return None if expression.strip() in _NOWHERE else self._found.condition(where, expression)

    def _question(self, row: Row) -> dict[str, Any] | None:
        name, kind = row.get("title", ""), row.get("type", "")
        reader = _KINDS.get(kind)
        if reader is None:
            self._found.lose(name, f"a question of type {kind}")
            return None
        condition = self._condition(name, row.get("relevance", ""))
        text = self._tables.texts("questions", "qid", row["qid"], "question")
        made: dict[str, Any] = {
            "id": self._found.identify(name),
            "type": "text",
            "text": text or {self._own: name or "?"},
        }
        if hint := self._tables.texts("questions", "qid", row["qid"], "help"):
            made["help"] = {language: told for language, told in hint.items() if self._own in hint}
        if row.get("mandatory") in ("Y", "S"):
            made["required"] = True
        reader(self, row, made)
        if not made.get("help"):
            made.pop("help", None)
        if condition:
            made["show_if"] = condition
        if row.get("preg"):
            self._found.lose(name, f"the pattern {row['preg']}")
        self._found.leftovers(name, self._attributes[row["qid"]], _QUIET)
        return made

    # -- The types, by LimeSurvey's letters

    def short(self, _row: Row, made: dict[str, Any]) -> None:
        made["type"] = "text"

    def long(self, _row: Row, made: dict[str, Any]) -> None:
        made["long"] = True

    def number(self, row: Row, made: dict[str, Any]) -> None:
        made["type"] = "number"
        attributes = self._attributes[row["qid"]]
        for ours, theirs in (("min", "min_num_value_n"), ("max", "max_num_value_n")):
            bound = attributes.get(theirs, "")
            if bound.lstrip("-").replace(".", "", 1).isdigit():
                made[ours] = float(bound) if "." in bound else int(bound)
                del attributes[theirs]
        if attributes.pop("num_value_int_only", "") == "1":
            made["whole"] = True

    def five(self, _row: Row, made: dict[str, Any]) -> None:
        made |= {"type": "rating", "max": 5, "look": "numbers"}

    def yes_no(self, _row: Row, made: dict[str, Any]) -> None:
        made["type"] = "yes_no"

    def gender(self, row: Row, made: dict[str, Any]) -> None:
        self._found.lose(row.get("title", ""), "the words of its answers; they stand in English")
        made |= {"type": "single", "options": [{"value": v, "text": {self._own: t}} for v, t in _GENDERS]}

    def single(self, row: Row, made: dict[str, Any]) -> None:
        made |= {"type": "dropdown" if row["type"] == "!" else "single", "options": self._answers(row)}
        if row["type"] == "O":
            self._found.lose(row.get("title", ""), "the comment beside its answer")
        self._other(row, made)

    def multiple(self, row: Row, made: dict[str, Any]) -> None:
        made |= {"type": "multiple", "options": self._parts(row)}
        if row["type"] == "P":
            self._found.lose(row.get("title", ""), "the comments beside its answers")
        for ours, theirs in (("min", "min_answers"), ("max", "max_answers")):
            if self._attributes[row["qid"]].get(theirs, "").isdigit():
                made[ours] = int(self._attributes[row["qid"]].pop(theirs))
        self._other(row, made)

    def _other(self, row: Row, made: dict[str, Any]) -> None:
        words = self._attributes[row["qid"]].pop(_OTHER_TEXT, "")
        if row.get("other") == "Y":
            made["other"] = {self._own: plain(words)} if words else True
        if self._attributes[row["qid"]].get("random_order") == "1":
            made["mixed"] = True
            del self._attributes[row["qid"]]["random_order"]

    def ranking(self, row: Row, made: dict[str, Any]) -> None:
        made |= {"type": "ranking", "options": self._answers(row)}

    def date(self, _row: Row, made: dict[str, Any]) -> None:
        made["type"] = "date"

    def words(self, _row: Row, made: dict[str, Any]) -> None:
        made["type"] = "statement"
        made.pop("required", None)

    def array(self, row: Row, made: dict[str, Any]) -> None:
        made |= {"type": "matrix", "rows": self._parts(row), "options": self._answers(row)}

    def plain_array(self, row: Row, made: dict[str, Any]) -> None:
        values = _ARRAYS[row["type"]]
        if not values[0].isdigit():
            self._found.lose(row.get("title", ""), "the words of its answers; they stand in English")
        options = [{"value": value, "text": {self._own: value}} for value in values]
        made |= {"type": "matrix", "rows": self._parts(row), "options": options}

    def _answers(self, row: Row) -> list[dict[str, Any]]:
        rows = [a for a in self._tables.rows("answers") if a.get("qid") == row["qid"]]
        return self._options(rows, "answers", ("aid", "code"), "answer")

    def _parts(self, row: Row) -> list[dict[str, Any]]:
        rows = [q for q in self._tables.rows("subquestions") if q.get("parent_qid") == row["qid"]]
        return self._options(rows, "subquestions", ("qid", "title"), "question", order="question_order")

    def _options(
        self, rows: Sequence[Row], table: str, names: tuple[str, str], column: str, order: str = "sortorder"
    ) -> list[dict[str, Any]]:
        made: dict[str, dict[str, Any]] = {}
        key, code = names
        for row in sorted(rows, key=lambda r: int(r.get(order) or 0)):
            value = row.get(code) or str(len(made) + 1)
            told = {row["language"]: plain(row[column])} if row.get("language") and row.get(column) else {}
            if key in row and not told:
                told = self._tables.texts(table, key, row[key], column)
            option = made.setdefault(value, {"value": value, "text": {}})
            option["text"] |= told
        for option in made.values():
            option["text"] = (
                option["text"] if self._own in option["text"] else {self._own: option["value"], **option["text"]}
            )
        return list(made.values())


_GENDERS = (("F", "Female"), ("M", "Male"))
_KINDS: Mapping[str, Callable[[_Reader, Row, dict[str, Any]], None]] = {
    "S": _Reader.short,
    **dict.fromkeys(("T", "U"), _Reader.long),
    "N": _Reader.number,
    "5": _Reader.five,
    "Y": _Reader.yes_no,
    "G": _Reader.gender,
    **dict.fromkeys(("L", "!", "O"), _Reader.single),
    **dict.fromkeys(("M", "P"), _Reader.multiple),
    "R": _Reader.ranking,
    "D": _Reader.date,
    "X": _Reader.words,
    "F": _Reader.array,
    **dict.fromkeys(_ARRAYS, _Reader.plain_array),
}
