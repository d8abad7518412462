"""A customer's story told: what its template needs to say each thing in words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.admin.kinds import channel_word, event_words, field_name
from app.admin.reasons import outcome_word, plain_reason, rung_words, sentence, survey_name, value_word
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
    }
