"""Surveys from files of other tools, whichever it is: SurveyJS, LimeSurvey, Formbricks."""

from collections.abc import Iterator
from typing import Any

from app.inbound.bodies import BodyError, fault_of, parse_json
from app.inbound.foreign import Foreign, UnknownFormat
from app.inbound.formbricks import read_formbricks
from app.inbound.limesurvey import read_limesurvey
from app.inbound.surveyjs import read_surveyjs

FILE_MAX = 5_000_000


def read_foreign(content: bytes, slug: str) -> Foreign:
    """Map a survey of another tool.

    Raises :class:`UnknownFormat`.
    """
    if len(content) > FILE_MAX:
        raise UnknownFormat(f"it is larger than {FILE_MAX // 1_000_000} MB")
    found = read_limesurvey(content, slug) if content.lstrip()[:1] == b"<" else _read_json(content, slug)
    _compare_as_we_do(found)
    if not found.body["pages"]:
        raise UnknownFormat("none of its questions maps: " + "; ".join(found.lost[:10]))
    return found


def _read_json(content: bytes, slug: str) -> Foreign:
    try:
        survey = parse_json(content)
    except BodyError as error:
        raise UnknownFormat("it is neither JSON nor XML") from error
    if fault := fault_of(survey):
        raise UnknownFormat(fault)
    if isinstance(survey, dict) and isinstance(survey.get("data"), dict):
        survey = survey["data"]
    if not isinstance(survey, dict):
        raise UnknownFormat("it is no survey of SurveyJS or Formbricks")
    try:
        if isinstance(survey.get("pages") or survey.get("elements"), list):
            return read_surveyjs(survey, slug)
        if isinstance(survey.get("questions") or survey.get("blocks"), list):
            return read_formbricks(survey, slug)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownFormat(f"its parts are not what they should be: {error}") from error
    raise UnknownFormat("it is no survey of SurveyJS or Formbricks")


def _compare_as_we_do(found: Foreign) -> None:
    """Other tools have words of their own for yes and no, and look for one value as they look into a list."""
    questions = [question for page in found.body["pages"] for question in page["questions"]]
    kinds = {f"answers.{question['id']}": question["type"] for question in questions}
    for tree in [item["show_if"] for item in (*found.body["pages"], *questions) if "show_if" in item]:
        for leaf in _leaves(tree):
            kind = kinds.get(leaf["field"])
            if kind == "yes_no" and leaf.get("value") in ("Y", "N", "yes", "no"):
                leaf["value"] = leaf["value"] in ("Y", "yes")
            elif kind in ("single", "dropdown") and leaf["op"] == "contains":
                leaf["op"] = "eq"


def _leaves(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("all", "any"):
        for part in tree.get(name, ()):
            yield from _leaves(part)
    if "not" in tree:
        yield from _leaves(tree["not"])
    if "field" in tree:
        yield tree
