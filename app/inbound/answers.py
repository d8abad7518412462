"""Answers in the rows of an older tool's file: when, by whom, by which way, and what to which question."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from unicodedata import normalize
from zoneinfo import ZoneInfo

import orjson
from marshmallow import ValidationError

from app.actions.events import NewEvent
from app.actions.imports import IMPORTED, ImportedAnswer
from app.inbound.envelopes import read_event
from surveys.cells import fields_of, read_cells
from surveys.survey import Survey
from surveys.wording import best_language

CONTACT = ("contact.id", "contact.email", "contact.phone", "contact.name")
OWN = ("id", "answered_at", "language", "channel", *CONTACT)
PROPERTIES = "properties."
MOMENTS = ("%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y%m%d")
"""How moments are written besides ISO 8601; ``12/31/2026`` is American."""
CHANNELS = {"e-mail": "email", "mail": "email", "почта": "email", "сайт": "web", "website": "web", "телефон": "phone"}
CHANNEL_MAX = 32
UNKNOWN_CHANNEL = "import"


@dataclass(frozen=True)
class ReadAnswer:
    """A row that was read: the event it becomes, and the answer itself."""

    event: NewEvent
    answer: ImportedAnswer


def columns_of(survey: Survey) -> list[str]:
    """Every field that a column can be mapped to; besides, ``properties.`` and a name."""
    return [*OWN, *fields_of(survey)]


def read_answer(survey: Survey, row: Mapping[str, str], identifier: str, zone: ZoneInfo, now: datetime) -> ReadAnswer:
    """Read a row whose columns are already named by their fields.

    Raises ``marshmallow.ValidationError`` whose messages name the fields.
    """
    answered_at = _moment(row.get("answered_at", ""), zone)
    answers, faults = read_cells(survey, row, answered_at.astimezone(zone).date())
    if faults:
        raise ValidationError(faults)
    if not answers:
        raise ValidationError({"_schema": ["answers nothing"]})
    language, channel = _language(survey, row.get("language", "")), _channel(row.get("channel", ""))
    properties = {k.removeprefix(PROPERTIES): v for k, v in row.items() if k.startswith(PROPERTIES) and v}
    contact = {k.removeprefix("contact."): v for k, v in row.items() if k in CONTACT and v}
    item: dict[str, Any] = {
        "id": f"{survey.slug}:{identifier}",
        "type": IMPORTED,
        "occurred_at": answered_at.isoformat(),
        "properties": {"survey": survey.slug, **properties},
    }
    event = read_event(item | ({"contact": contact} if contact else {}), now, history=True)
    event.body_hash = hash_of([item, contact, answers, language, channel])
    touchpoint = properties.get("touchpoint")
    return ReadAnswer(
        event, ImportedAnswer(event.external_id, event.occurred_at, language, channel, touchpoint, answers)
    )


def hash_of(value: Any) -> bytes:
    """What tells a copy from another answer."""
    return blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _moment(written: str, zone: ZoneInfo) -> datetime:
    """A moment of the company's zone, unless it names its own."""
    text = written.strip()
    if not text:
        raise ValidationError({"answered_at": ["is missing"]})
    found = None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        for form in MOMENTS:
            try:
                found = datetime.strptime(text, form)  # noqa: DTZ007 its zone comes below
            except ValueError:
                continue
            break
    if found is None:
        raise ValidationError({"answered_at": ["is no moment, like 2024-12-31 18:30"]})
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise ValidationError({"answered_at": ["is no moment, like 2024-12-31 18:30"]}) from None


def _language(survey: Survey, written: str) -> str:
    wanted = written.strip()
    if not wanted:
        return survey.languages[0]
    found = best_language([wanted], survey.languages)
    if found.lower().split("-")[0] != wanted.replace("_", "-").lower().split("-")[0]:
        raise ValidationError({"language": [f"is none of the survey's: {', '.join(survey.languages)}"]})
    return found


def _channel(written: str) -> str:
    name = normalize("NFC", written).strip().lower()
    name = CHANNELS.get(name, name)
    if not name:
        return UNKNOWN_CHANNEL
    if len(name) > CHANNEL_MAX or not all(c.isalnum() or c in "-_" for c in name):
        raise ValidationError({"channel": ["must be letters, digits, - and _, at most 32"]})
    return name
