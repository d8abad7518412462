"""Conditions as choices: what a trigger can look at, as the editor's script wants to be told."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _

from app.admin.builder_words import condition_form_words
from app.admin.kinds import field_name
from app.admin.reading import condition_words, field_words
from app.admin.segments import segment_names
from app.admin.words import chosen
from app.queries.contacts import attributes_seen
from app.queries.events import properties_seen
from app.queries.surveys import survey_definitions
from surveys.questions import SCALES

OFFERED, SHORT = 20, 60
"""How many values that were seen are offered, and how long they may be."""
QUESTIONS = 60


def condition_given(event: str, tree: Any) -> dict[str, Any]:
    """Words, the fields to choose from, and the condition as a sentence.

    The fields are what events of this type and customers were seen to have, and whatever the condition names already.
    """
    fields = {field["path"]: field for field in _fields(event)}
    for path in _named(tree):
        fields.setdefault(path, {"path": path, "label": field_words(path), "kind": "words"})
    return {
        "words": condition_form_words(),
        "fields": list(fields.values()),
        "sentence": condition_words(tree),
        "label": _("If"),
    }


def _fields(event: str) -> Iterator[dict[str, Any]]:
    if event.startswith("survey."):
        yield from _answers()
    for name, values in properties_seen(event).items():
        yield _field(f"properties.{name}", field_name(name), values)
    segments = list(segment_names().items())
    if segments:
        yield {"path": "contact.segments", "label": _("the customer’s segments"), "kind": "list", "options": segments}
    yield _field("contact.locale", _("the customer’s language"), Counter())
    for name, values in attributes_seen().items():
        label = _("the customer’s attribute “%(name)s”", name=field_name(name))
        yield _field(f"contact.attributes.{name}", label, values)


def _field(path: str, label: str, values: Counter[Any]) -> dict[str, Any]:
    """What was seen once only is somebody's own, and not offered."""
    if values and all(isinstance(value, bool) for value in values):
        return {"path": path, "label": label, "kind": "choice", "options": [(True, _("yes")), (False, _("no"))]}
    numbers = values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    seen = [str(value) for value, times in values.most_common() if times > 1 and len(str(value)) <= SHORT]
    return {
        "path": path,
        "label": label,
        "kind": "number" if numbers else "words",
        "seen": [] if numbers else seen[:OFFERED],
    }


def _answers() -> Iterator[dict[str, Any]]:
    """Scores, and the answers to what is asked now."""
    for metric in SCALES:
        yield {"path": f"properties.scores.{metric}", "label": metric.upper(), "kind": "number"}
    surveys = survey_definitions()
    yield {"path": "properties.survey", "label": _("survey"), "kind": "words", "seen": list(surveys)}
    asked = {q["id"]: q for body in surveys.values() for page in body["pages"] for q in page["questions"]}
    for name, question in list(asked.items())[:QUESTIONS]:
        yield {
            "path": f"answers.{name}",
            "label": _("the answer to “%(question)s”", question=chosen(question.get("text")) or name),
            "kind": "number" if question["type"] in (*SCALES, "rating", "slider", "number") else "words",
            "seen": [o["value"] if isinstance(o, dict) else o for o in question.get("options", ())],
        }


def _named(tree: Any) -> Iterator[str]:
    """The fields that a condition compares."""
    if isinstance(tree, dict):
        if isinstance(tree.get("field"), str):
            yield tree["field"]
        for key in ("all", "any"):
            for part in tree[key] if isinstance(tree.get(key), list) else ():
                yield from _named(part)
