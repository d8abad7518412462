"""Recipes: a survey, its message, triggers, tasks and departments for one moment, ready to be made drafts of."""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.definitions import read_yaml, write_definitions
from surveys.definition import read
from surveys.review import PAGE_TURN, question_seconds
from surveys.survey import Survey, read_survey
from surveys.triggers import Send, Trigger, read_trigger
from surveys.wording import pick

FOLDER = Path(__file__).parent.parent / "recipes"
LANGUAGES = ("en", "ru")
MOMENTS = (
    *("us", "welcome", "delivery", "service", "support"),
    *("abandoned", "leaving", "interests", "interview", "crisis"),
)
"""In which order the gallery shows them."""
PLAIN = ("name", "title", "touchpoint")
"""Fields that only the company's people read, in the language of whoever makes the drafts."""
RENAMED = ("surveys", "triggers")
"""What is made under another slug where its own is taken; departments are used as they are."""
SLUG_MAX = 64


SOMEBODY: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "type": "",
        "properties": {"employee_name": "Nora"},
        "contact": {"name": "Ada Byron", "first_name": "Ada", "attributes": {}},
    },
    "ru": {
        "type": "",
        "properties": {"employee_name": "Нина"},
        "contact": {"name": "Анна Снегина", "first_name": "Анна", "attributes": {}},
    },
}
"""What is known of whoever a preview speaks to."""


@dataclass(frozen=True)
class Recipe:
    """A recipe as it is written; its slug is the name of its file."""

    slug: str
    moment: str
    name: Mapping[str, str]
    about: Mapping[str, str]
    definitions: Mapping[str, Any]

    @property
    def survey(self) -> Survey:
        return read(localised(self.definitions, LANGUAGES[0])["surveys"][0], read_survey)

    @property
    def triggers(self) -> list[Trigger]:
        return [read(body, read_trigger) for body in localised(self.definitions, LANGUAGES[0])["triggers"]]

    @property
    def asking(self) -> tuple[Trigger, Send]:
        """The trigger that asks, and how it does."""
        return next((trigger, send) for trigger in self.triggers for _, send in trigger.sends)


@cache
def recipes() -> Mapping[str, Recipe]:
    """Every recipe, in the order of their moments."""
    found = [_read_recipe(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return {recipe.slug: recipe for recipe in sorted(found, key=lambda r: MOMENTS.index(r.moment))}


def _read_recipe(path: Path) -> Recipe:
    written = read_yaml(path.read_text())
    card = written.pop("recipe")
    return Recipe(path.stem, card["moment"], card["name"], card["about"], written)


@dataclass(frozen=True)
class Effort:
    """How many questions a respondent is asked at least and at most, and about how many seconds that takes."""

    least: int
    most: int
    seconds: int


def effort(recipe: Recipe) -> Effort:
    """What answering takes; seconds are those of the shortest way, in tens."""
    pages = recipe.definitions["surveys"][0]["pages"]
    asked = [(page, question) for page in pages for question in page["questions"] if question["type"] != "statement"]
    always = [q for page, q in asked if "show_if" not in page and "show_if" not in q]
    turns = PAGE_TURN * sum("show_if" not in page for page in pages)
    seconds = turns + sum(question_seconds(question) for question in always)
    return Effort(len(always), len(asked), max(10, round(seconds / 10) * 10))


def localised(definitions: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Texts for the company's people in one language; those for customers stay in all, that language first."""
    found: dict[str, Any] = _localised(deepcopy(dict(definitions)), language)
    for survey in found.get("surveys", ()):
        survey["languages"] = sorted(survey["languages"], key=lambda code: code != language)
    return found


def _localised(value: Any, language: str) -> Any:
    if isinstance(value, list):
        return [_localised(item, language) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: pick(item, language) if key in PLAIN and isinstance(item, dict) else _localised(item, language)
        for key, item in value.items()
    }


@dataclass(frozen=True)
class Prepared:
    """A recipe ready to be applied: as text, and which slugs it makes, by kind."""

    text: str
    made: Mapping[str, list[str]]


def prepare(recipe: Recipe, language: str, taken: Mapping[str, Collection[str]]) -> Prepared:
    """Write a recipe for an installation where these slugs are ``taken``, by kind."""
    found = localised(recipe.definitions, language)
    names = {
        (kind, body["slug"]): _free(body["slug"], taken.get(kind, ()))
        for kind in RENAMED
        for body in found.get(kind, ())
    }
    found = _renamed(found, names)
    departments = [d for d in found.pop("departments", []) if d["slug"] not in taken.get("departments", ())]
    kept = {**({"departments": departments} if departments else {}), **found}
    return Prepared(write_definitions(kept), {kind: [body["slug"] for body in bodies] for kind, bodies in kept.items()})


def _free(slug: str, taken: Collection[str]) -> str:
    """A slug that nobody has: the same, or the first free one with a number behind it."""
    number, free = 2, slug
    while free in taken:
        free = f"{slug[: SLUG_MAX - len(str(number)) - 1]}-{number}"
        number += 1
    return free


def _renamed(found: Mapping[str, Any], names: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The same, under other slugs, and with everything that points to them."""
    renamed = {kind: [_pointing(body, names) for body in bodies] for kind, bodies in found.items()}
    for kind in RENAMED:
        for body in renamed.get(kind, ()):
            body["slug"] = names[kind, body["slug"]]
    return renamed


POINTERS = {"properties.survey": "surveys", "properties.trigger": "triggers"}


def _pointing(value: Any, names: Mapping[tuple[str, str], str]) -> Any:
    if isinstance(value, list):
        return [_pointing(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {key: _pointing(item, names) for key, item in value.items()}
    if isinstance(moved.get("survey"), str):
        moved["survey"] = names.get(("surveys", moved["survey"]), moved["survey"])
    if kind := POINTERS.get(str(moved.get("field"))):
        moved["value"] = names.get((kind, moved["value"]), moved["value"])
    return moved
