"""What is otherwise between two versions of a survey, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from flask_babel import gettext as _
from flask_babel import ngettext

from app.admin.reading import condition_words
from app.admin.surveys import question_types
from app.admin.words import LANGUAGES, chosen, inner, role_word
from surveys.versions import Break, Difference

LONGEST = 160


def difference_words(found: Difference, body: Mapping[str, Any]) -> tuple[str, str, str]:
    """What is otherwise, how it was, how it is."""
    part = _part_words(found.part, body)
    what = {
        "added": _("%(part)s: new"),
        "removed": _("%(part)s: gone"),
        "pages": _("Number of pages"),
        "order": _("Order of the questions"),
        "option_added": _("%(part)s: new answer"),
        "option_removed": _("%(part)s: answer gone"),
        "condition": _("%(part)s: when it is shown"),
        "text": _("%(part)s: %(field)s (%(language)s)") if found.language else _("%(part)s: %(field)s"),
        "setting": _("%(part)s: %(field)s"),
    }[found.code] % {"part": part, "field": _field_words(found.field), "language": _language(found.language)}
    return what, _short(_value_words(found, found.before)), _short(_value_words(found, found.after))


def _value_words(found: Difference, value: str) -> str:
    """A setting as people say it."""
    if found.code == "condition":
        return condition_words(orjson.loads(value)) if value else _("always")
    if found.code != "setting":
        return value
    if found.field == "type":
        return question_types().get(value, value)
    if found.field == "languages":
        return ", ".join(_language(code) for code in value.split(", "))
    if found.field == "sensitive":
        return ", ".join(role_word(role) for role in value.split(", ") if role)
    if found.field == "quotas":
        return "; ".join(map(_quota_words, orjson.loads(value)))
    return {"true": _("yes"), "false": _("no")}.get(value, value)


def _quota_words(quota: Any) -> str:
    """A quota as it stands in a draft, where it may be a faulty one."""
    if not isinstance(quota, Mapping):
        return str(quota)
    name, most = inner(str(quota.get("name", ""))), quota.get("max", "–")
    if "if" not in quota:
        return _("%(name)s: at most %(max)s", name=name, max=most)
    return _("%(name)s: at most %(max)s, if %(what)s", name=name, max=most, what=condition_words(quota["if"]))


def _part_words(part: str, body: Mapping[str, Any]) -> str:
    kind, _colon, name = part.partition(":")
    if kind == "question":
        return _("Question “%(id)s”", id=name)
    if kind == "page":
        return _("Page %(n)s", n=name)
    if kind == "ending":
        return _("Ending %(n)s", n=name)
    return {"survey": _("Survey"), "message": _("Message"), "look": _("Appearance")}.get(kind, chosen(body.get("name")))


def _field_words(field: str) -> str:
    return {
        "name": _("name"),
        "languages": _("languages"),
        "progress": _("how far one is"),
        "back": _("going back"),
        "anonymous": _("whether it is anonymous"),
        "sensitive": _("who may read what was answered"),
        "quotas": _("quotas by answer"),
        "text": _("text"),
        "help": _("help"),
        "type": _("type"),
        "required": _("must be answered"),
        "jumps": _("where it goes on"),
        "for": _("who sees it"),
        "offer": _("bonus"),
        "link": _("link"),
        "redirect": _("where it goes on"),
        "call": _("whether it asks for a number to call"),
        "colour": _("colour"),
        "corner": _("corners"),
        "size": _("size of letters"),
        "subject": _("subject"),
        "preview": _("preview line"),
        "reason": _("why one gets it"),
        "benefit": _("what one gets for it"),
        "sender": _("sender"),
        "reply_to": _("answers go to"),
        "signature": _("signature"),
        "reminder": _("subject of a reminder"),
        "min": _("lower bound"),
        "max": _("upper bound"),
        "mixed": _("order"),
        "look": _("drawn as"),
    }.get(field, field)


def _language(code: str) -> str:
    return LANGUAGES.get(code, code)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def break_words(found: Break, before: Mapping[str, Any] | None) -> str:
    """What happens to figures where they cannot go on."""
    question = inner(_question_text(found.question, before or {}) or found.question)
    types = question_types()
    old, _arrow, new = found.detail.partition(" → ")
    return {
        "removed": _("“%(question)s” is no longer asked: its figures end here, and stay to be looked at."),
        "type": _(
            "“%(question)s” is another type under the same id (%(old)s, now %(new)s): "
            "its figures do not go on in one line. Give the question a new id instead."
        ),
        "options": _(
            "“%(question)s” loses answers (%(detail)s): "
            "they stay in old figures, and shares of before and after cannot be compared."
        ),
        "rows": _("“%(question)s” loses rows (%(detail)s): their figures end here."),
        "scale": _("“%(question)s” has another scale under the same id: old and new means cannot be compared."),
    }[found.code] % {
        "question": question,
        "detail": found.detail,
        "old": types.get(old, old),
        "new": types.get(new, new),
    }


def _question_text(identifier: str, body: Mapping[str, Any]) -> str:
    questions = (q for page in body.get("pages") or () for q in page.get("questions") or ())
    return next((chosen(q.get("text")) for q in questions if q.get("id") == identifier), "")


def going_on_words(ids: Sequence[str]) -> str:
    """Which figures go on."""
    if not ids:
        return ""
    return ngettext(
        "Answers to %(ids)s go on in one line.",
        "Answers to %(ids)s go on in one line each.",
        len(ids),
        ids=", ".join(ids),
    )
