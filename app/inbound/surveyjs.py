"""SurveyJS's JSON as one of our surveys."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.inbound.foreign import Foreign, plain

_COMMON = ("type", "name", "title", "description", "isRequired", "visibleIf", "titleLocation", "startWithNewLine")
_INPUTS = {"number": "number", "range": "slider", "date": "date", "email": "email", "tel": "phone"}
NPS = (0, 10)
RATING_MOST = 10
Item = Mapping[str, Any]


def read_surveyjs(survey: Item, slug: str) -> Foreign:
    """Map a survey; what does not map is in ``lost``."""
    languages = _languages(survey)
    found = Foreign({"slug": slug, "languages": languages, "pages": []})
    reader = _Reader(found, languages)
    if survey.get("title"):
        found.body["name"] = plain(reader.texts(survey["title"])[found.language])[:200]
    for number, page in enumerate(survey.get("pages") or [{"elements": survey.get("elements") or []}], 1):
        reader.page(page, number)
    if thanks := reader.texts(survey.get("completedHtml")):
        found.body["endings"] = [{"text": thanks}]
    known = ("title", "pages", "elements", "completedHtml", "locale", "logoPosition", "showQuestionNumbers")
    found.leftovers("survey", survey, known)
    return found


def _languages(survey: Item) -> list[str]:
    """Every language a text stands in; ``default`` is the survey's own."""
    own = str(survey.get("locale") or "en")
    seen = dict.fromkeys([own])

    def look(value: Any) -> None:
        if isinstance(value, Mapping):
            if "default" in value and all(isinstance(v, str) for v in value.values()):
                seen.update(dict.fromkeys(k for k in value if k != "default"))
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look({k: v for k, v in survey.items() if k != "locale"})
    return list(seen)


class _Reader:
    def __init__(self, found: Foreign, languages: list[str]) -> None:
        self._found, self._languages = found, languages

    def texts(self, value: Any) -> dict[str, str]:
        """A text by language, ours first."""
        if value is None:
            return {}
        by_language = dict(value) if isinstance(value, Mapping) else {"default": value}
        own = self._languages[0]
        by_language[own] = by_language.get(own) or by_language.pop("default", None)
        cleaned = {language: plain(by_language.get(language)) for language in self._languages}
        return {language: text for language, text in cleaned.items() if text}

    def page(self, page: Item, number: int) -> None:
        where = f"page {page.get('name') or number}"
        made: dict[str, Any] = {}
        if title := self.texts(page.get("title")):
            made["questions"] = [{"id": self._found.identify(f"{where} title"), "type": "statement", "text": title}]
        condition = self._found.condition(where, page.get("visibleIf"))
        questions = made.get("questions", []) + list(self._elements(page.get("elements") or ()))
        self._found.leftovers(where, page, ("name", "title", "elements", "visibleIf"))
        if not questions:
            self._found.lose(where, "has no question that maps")
            return
        made = {"questions": questions}
        if condition and self._found.body["pages"]:
            made["show_if"] = condition
        elif condition:
            for question in questions:
                question.setdefault("show_if", condition)
        self._found.body["pages"].append(made)

    def _elements(self, elements: Any) -> Iterator[dict[str, Any]]:
        for element in elements:
            if element.get("type") == "panel":
                yield from self._panel(element)
            elif question := self._question(element):
                yield question

    def _panel(self, panel: Item) -> Iterator[dict[str, Any]]:
        where = f"panel {panel.get('name')}"
        condition = self._found.condition(where, panel.get("visibleIf"))
        for question in self._elements(panel.get("elements") or ()):
            if condition:
                own = question.get("show_if")
                question["show_if"] = {"all": [condition, own]} if own else condition
            yield question
        self._found.leftovers(where, panel, ("type", "name", "elements", "visibleIf", "title"))

    def _question(self, element: Item) -> dict[str, Any] | None:
        kind, name = str(element.get("type") or "text"), str(element.get("name") or "")
        reader = _KINDS.get(kind)
        if reader is None:
            self._found.lose(name, f"a question of type {kind}")
            return None
        condition = self._found.condition(name, element.get("visibleIf"))
        text = self.texts(element.get("title")) or self.texts(name) or {self._languages[0]: "?"}
        made: dict[str, Any] = {"id": self._found.identify(name), "type": "text", "text": text}
        if hint := self.texts(element.get("description")):
            made["help"] = hint
        if element.get("isRequired"):
            made["required"] = True
        known = reader(self, element, made)
        if condition:
            made["show_if"] = condition
        self._found.leftovers(name, element, (*_COMMON, *known))
        return made

    def options(self, name: str, items: Any) -> list[dict[str, Any]]:
        """Choices, columns or rows: bare values, or with a text."""
        made = []
        for item in items or ():
            value = item.get("value") if isinstance(item, Mapping) else item
            told = self.texts(item.get("text")) if isinstance(item, Mapping) else {}
            made.append({"value": str(value)[:200], "text": told or {self._languages[0]: str(value)[:200]}})
            if isinstance(item, Mapping):
                self._found.leftovers(f"{name}, answer {value}", item, ("value", "text"))
        return made

    def line(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        kind = _INPUTS.get(str(element.get("inputType") or "text"), "text")
        made["type"] = kind
        if kind == "text" and element.get("maxLength"):
            made["max"] = min(int(element["maxLength"]), 5_000)
        if kind in ("number", "slider"):
            made |= {key: element[key] for key in ("min", "max") if isinstance(element.get(key), int | float)}
            if kind == "slider" and isinstance(element.get("step"), int | float):
                made["step"] = element["step"]
            return ("inputType", "min", "max", "step")
        return ("inputType", "maxLength")

    def comment(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made["long"] = True
        if element.get("maxLength"):
            made["max"] = min(int(element["maxLength"]), 5_000)
        return ("maxLength", "rows", "autoGrow")

    def choices(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        kinds = {"radiogroup": "single", "checkbox": "multiple", "tagbox": "multiple", "dropdown": "dropdown"}
        made["type"] = kinds[str(element["type"])]
        made["options"] = self.options(str(element.get("name")), element.get("choices"))
        if element.get("hasOther") or element.get("showOtherItem"):
            made["other"] = self.texts(element.get("otherText")) or True
        if element.get("choicesOrder") == "random":
            made["mixed"] = True
        if made["type"] == "multiple":
            bounds = {"min": element.get("minSelectedChoices"), "max": element.get("maxSelectedChoices")}
            made |= {key: value for key, value in bounds.items() if value}
        known = ("choices", "hasOther", "showOtherItem", "otherText", "colCount", "minSelectedChoices")
        return (*known, "maxSelectedChoices", *(["choicesOrder"] if element.get("choicesOrder") == "random" else []))

    def yes_no(self, _element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made["type"] = "yes_no"
        return ()

    def rating(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        least, most = int(element.get("rateMin", 1)), int(element.get("rateMax") or element.get("rateCount") or 5)
        known = ["rateMin", "rateMax", "rateCount", "minRateDescription", "maxRateDescription"]
        if (least, most) == NPS:
            made["type"] = "nps"
        elif least == 1 and 3 <= most <= RATING_MOST:  # noqa: PLR2004 what a rating can have
            made |= {
                "type": "rating",
                "max": most,
                "look": "stars" if element.get("rateType") == "stars" else "numbers",
            }
            known.append("rateType")
        else:
            made |= {"type": "slider", "min": least, "max": most}
        ends = {"low": element.get("minRateDescription"), "high": element.get("maxRateDescription")}
        made |= {end: told for end, value in ends.items() if (told := self.texts(value))}
        return tuple(known)

    def ranking(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made |= {"type": "ranking", "options": self.options(str(element.get("name")), element.get("choices"))}
        return ("choices",)

    def matrix(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        name = str(element.get("name"))
        made |= {
            "type": "matrix",
            "rows": self.options(name, element.get("rows")),
            "options": self.options(name, element.get("columns")),
        }
        return ("rows", "columns", "alternateRows")

    def words(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made |= {"type": "statement", "text": self.texts(element.get("html")) or made["text"]}
        made.pop("required", None)
        return ("html",)


_KINDS: Mapping[str, Callable[[_Reader, Item, dict[str, Any]], tuple[str, ...]]] = {
    "text": _Reader.line,
    "comment": _Reader.comment,
    **dict.fromkeys(("radiogroup", "checkbox", "tagbox", "dropdown"), _Reader.choices),
    "boolean": _Reader.yes_no,
    "rating": _Reader.rating,
    "ranking": _Reader.ranking,
    "matrix": _Reader.matrix,
    "html": _Reader.words,
}
