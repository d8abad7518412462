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
        question = asked.get(name, {})
        texts = {o["value"]: chosen(o.get("text")) for o in question.get("options", ()) if isinstance(o, dict)}
        values = value if isinstance(value, list) else [value]
        said = ", ".join(texts.get(v) or value_word(v) if isinstance(v, str) else value_word(v) for v in values)
        yield chosen(question.get("text")) or name, said
