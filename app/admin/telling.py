"""A customer's story told: what its template needs to say each thing in words."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.admin.kinds import channel_word, event_words, field_name
from app.admin.reasons import outcome_word, plain_reason, rung_words, sentence, survey_name, value_word
from app.admin.words import chosen
from app.queries.departments import department_definitions
from app.queries.sources import source_definitions
from app.queries.surveys import survey_definitions
from app.queries.triggers import trigger_names


def telling(heard: Sequence[datetime]) -> dict[str, Any]:
    """``heard``: when messages to this customer counted."""
    surveys = survey_definitions()
    return {
        "event_words": event_words,
        "field_name": field_name,
        "value_word": value_word,
        "channel_word": channel_word,
        "outcome_word": outcome_word,
        "plain_reason": plain_reason,
        "say": lambda found: sentence(found, heard),
        "rungs": lambda found: [(*rung_words(r), r.passed) for r in found.gates],
        "trigger_names": trigger_names(),
        "survey_names": {slug: survey_name(surveys, slug) for slug in surveys},
        "source_names": source_names(),
        "department_names": {slug: body.get("name") or slug for slug, body in department_definitions().items()},
        "answered": lambda slug, answers: list(answered(surveys.get(slug or "", {}), answers)),
    }


def source_names() -> dict[str, str]:
    return {"otklik": "Otklik"} | {slug: body.get("name") or slug for slug, body in source_definitions().items()}


def answered(survey: Mapping[str, Any], answers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Questions with what was answered, in the viewer's language; what the survey does not ask any more by its id."""
    asked = {q["id"]: q for page in survey.get("pages", ()) for q in page["questions"]}
    for name, value in answers.items():
        if name.endswith("_other") and name not in asked:
            continue  # said with the answer it belongs to
        question = asked.get(name, {})
        words = _said(question, value)
        own = answers.get(f"{name}_other")
        yield chosen(question.get("text")) or name, f"{words}: {own}" if own else words


def _said(question: Mapping[str, Any], value: Any) -> str:
    texts = _texts(question, "options")
    if isinstance(value, dict):
        rows = _texts(question, "rows")
        return "; ".join(f"{rows.get(row) or row}: {_said(question, chosen_)}" for row, chosen_ in value.items())
    values = value if isinstance(value, list) else [value]
    told = [texts.get(v) or value_word(v) if isinstance(v, str) else value_word(v) for v in values]
    if question.get("type") == "ranking":
        told = [f"{place}. {words}" for place, words in enumerate(told, 1)]
    return ", ".join(told)


def _texts(question: Mapping[str, Any], key: str) -> dict[str, str]:
    return {o["value"]: chosen(o.get("text")) for o in question.get(key, ()) if isinstance(o, dict)}
