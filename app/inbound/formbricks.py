"""Formbricks' survey JSON as one of ours. Its questions stand one to a page, or in blocks."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.inbound.foreign import Foreign, plain

_COMMON = ("id", "type", "headline", "subheader", "required", "buttonLabel", "backButtonLabel", "isDraft")
_INPUTS = {"email": "email", "phone": "phone", "number": "number"}
_LOOKS = {"star": "stars", "smiley": "smileys", "number": "numbers"}
CSAT = 5
RATING_MOST = 10
Item = Mapping[str, Any]


def read_formbricks(survey: Item, slug: str) -> Foreign:
    """Map a survey; what does not map is in ``lost``."""
    own, others = _languages(survey)
    found = Foreign({"slug": slug, "languages": [own, *others], "pages": []})
    if survey.get("name"):
        found.body["name"] = plain(survey["name"])[:200]
    reader = _Reader(found, own, others)
    card = survey.get("welcomeCard") or {}
    if card.get("enabled") and (words := reader.texts(card.get("headline"))):
        found.body["pages"].append(
            {"questions": [{"id": found.identify("welcome"), "type": "statement", "text": words}]}
        )
    for block in survey.get("blocks") or [{"elements": [q]} for q in survey.get("questions") or ()]:
        questions = [made for element in block.get("elements") or () if (made := reader.question(element))]
        found.leftovers(str(block.get("name") or "block"), block, ("id", "name", "elements", "buttonLabel"))
        if questions:
            found.body["pages"].append({"questions": questions})
    if endings := [made for ending in survey.get("endings") or () if (made := reader.ending(ending))]:
        found.body["endings"] = endings
    hidden = survey.get("hiddenFields") or {}
    if hidden.get("enabled") and hidden.get("fieldIds"):
        found.lose("survey", f"hidden fields: {', '.join(map(str, hidden['fieldIds']))}")
    known = ("name", "welcomeCard", "blocks", "questions", "endings", "hiddenFields", "languages", "id", "type")
    found.leftovers("survey", survey, (*known, "status", "createdAt", "updatedAt", "environmentId", "createdBy"))
    return found


def _languages(survey: Item) -> tuple[str, list[str]]:
    told = [(lang.get("language") or {}, lang.get("default")) for lang in survey.get("languages") or ()]
    own = next((str(lang.get("code")) for lang, default in told if default), "en")
    return own, [str(lang.get("code")) for lang, default in told if not default and lang.get("code") not in (None, own)]


class _Reader:
    def __init__(self, found: Foreign, own: str, others: Iterable[str]) -> None:
        self._found, self._own, self._others = found, own, tuple(others)

    def texts(self, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            value = {"default": value}
        told = {self._own: plain(value.get("default"))} | {code: plain(value.get(code)) for code in self._others}
        return {language: text for language, text in told.items() if text}

    def question(self, element: Item) -> dict[str, Any] | None:
        kind, name = str(element.get("type")), str(element.get("id"))
        where = self.texts(element.get("headline")).get(self._own, name)[:60]
        reader = _KINDS.get(kind)
        if reader is None:
            self._found.lose(where, f"a question of type {kind}")
            return None
        text = self.texts(element.get("headline")) or {self._own: "?"}
        made: dict[str, Any] = {"id": self._found.identify(name), "type": "text", "text": text}
        if hint := self.texts(element.get("subheader")):
            made["help"] = hint
        if element.get("required"):
            made["required"] = True
        known = reader(self, element, made)
        self._found.leftovers(where, element, (*_COMMON, *known))
        return made

    def ending(self, ending: Item) -> dict[str, Any] | None:
        if ending.get("type") == "redirectToUrl" and ending.get("url"):
            return {"text": {self._own: plain(ending.get("label")) or "Thank you."}, "redirect": str(ending["url"])}
        text = self.texts(ending.get("headline"))
        if not text:
            return None
        if more := self.texts(ending.get("subheader")):
            text = {
                language: f"{told}\n{more[language]}" if language in more else told for language, told in text.items()
            }
        made: dict[str, Any] = {"text": text}
        if ending.get("buttonLink"):
            label = self.texts(ending.get("buttonLabel")) or {self._own: str(ending["buttonLink"])}
            made["link"] = {"url": str(ending["buttonLink"]), "text": label}
        self._found.leftovers("ending", ending, ("id", "type", "headline", "subheader", "buttonLink", "buttonLabel"))
        return made

    def words(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        kind = _INPUTS.get(str(element.get("inputType")), "text")
        made["type"] = kind
        if kind == "text" and element.get("longAnswer"):
            made["long"] = True
        return ("inputType", "longAnswer", "placeholder", "charLimit")

    def choices(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made["type"] = "single" if element["type"] == "multipleChoiceSingle" else "multiple"
        made["options"] = self._options(element, made)
        return self._shuffled(element, made)

    def ranking(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made |= {"type": "ranking", "options": self._options(element, made)}
        return self._shuffled(element, made)

    def _options(self, element: Item, made: dict[str, Any]) -> list[dict[str, Any]]:
        options = []
        for choice in element.get("choices") or ():
            label = self.texts(choice.get("label"))
            if choice.get("id") == "other" and made["type"] in ("single", "multiple"):
                made["other"] = label or True
            elif label:
                options.append({"value": str(choice.get("id") or label[self._own])[:200], "text": label})
        return options

    def _shuffled(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        if element.get("shuffleOption") in ("all", "exceptLast"):
            made["mixed"] = True
            if element["shuffleOption"] == "exceptLast" and "other" not in made and made["options"]:
                made["options"][-1]["fixed"] = True
        return ("choices", "shuffleOption", "otherOptionPlaceholder")

    def nps(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made["type"] = "nps"
        return self._ends(element, made)

    def rating(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        most, look = int(element.get("range") or CSAT), _LOOKS.get(str(element.get("scale")), "numbers")
        if look == "smileys" and most == CSAT:
            made |= {"type": "csat", "look": look}
        else:
            made |= {"type": "rating", "max": min(most, RATING_MOST), "look": "numbers" if look == "smileys" else look}
            if look == "smileys":
                self._found.lose(made["text"][self._own][:60], f"{most} smileys; they are numbers now")
        return (*self._ends(element, made), "range", "scale")

    def _ends(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        ends = {"low": element.get("lowerLabel"), "high": element.get("upperLabel")}
        made |= {end: told for end, value in ends.items() if (told := self.texts(value))}
        return ("lowerLabel", "upperLabel", "isColorCodingEnabled")

    def statement(self, _element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made["type"] = "statement"
        made.pop("required", None)
        return ("html", "dismissButtonLabel")

    def consent(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made["type"] = "consent"
        if label := self.texts(element.get("label")):
            made["help"] = label
        return ("label", "html")

    def date(self, _element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made["type"] = "date"
        return ("format",)

    def matrix(self, element: Item, made: dict[str, Any]) -> tuple[str, ...]:
        made |= {"type": "matrix"} | {
            ours: [
                {
                    "value": str(item.get("id") or number),
                    "text": self.texts(item.get("label", item)) or {self._own: "?"},
                }
                for number, item in enumerate(element.get(theirs) or (), 1)
            ]
            for ours, theirs in (("rows", "rows"), ("options", "columns"))
        }
        return ("rows", "columns", "shuffleOption")


_KINDS: Mapping[str, Callable[[_Reader, Item, dict[str, Any]], tuple[str, ...]]] = {
    "openText": _Reader.words,
    "multipleChoiceSingle": _Reader.choices,
    "multipleChoiceMulti": _Reader.choices,
    "ranking": _Reader.ranking,
    "nps": _Reader.nps,
    "rating": _Reader.rating,
    "cta": _Reader.statement,
    "consent": _Reader.consent,
    "date": _Reader.date,
    "matrix": _Reader.matrix,
}
