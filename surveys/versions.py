"""Two versions of a survey side by side: what customers would see otherwise, and whether figures go on across them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

from surveys.questions import SCALES

TEXT_FIELDS = ("text", "help", "low", "high", "unit", "other")
SCORED = tuple(SCALES)
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise: what kind of thing, of which part, and how it was and is."""

    code: str
    part: str
    field: str = ""
    language: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Break:
    """Something that ends a line of figures, or lets answers in it mean something else."""

    code: str
    question: str
    detail: str = ""


# Figures


def going_on(before: Body, after: Body) -> list[str]:
    """The ids of the questions whose figures go on in one line, scores first."""
    old, new = _by_id(before), _by_id(after)
    kept = [key for key in new if key in old and old[key].get("type") == new[key].get("type")]
    return sorted(kept, key=lambda key: (new[key].get("type") not in SCORED, list(new).index(key)))


def breaks(before: Body, after: Body) -> list[Break]:
    """What would break the mapping of figures from the one to the other."""
    old, new = _by_id(before), _by_id(after)
    found = []
    for key, question in old.items():
        if key not in new:
            found.append(Break("removed", key))
            continue
        found += _breaks_of(key, question, new[key])
    return found


def _breaks_of(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Break]:
    if old.get("type") != new.get("type"):
        yield Break("type", key, f"{old.get('type')} → {new.get('type')}")
        return
    for field in ("options", "rows"):
        gone = [value for value in _values(old.get(field)) if value not in _values(new.get(field))]
        if gone:
            yield Break(field, key, ", ".join(gone))
    if old.get("type") in ("rating", "slider") and any(old.get(name) != new.get(name) for name in ("min", "max")):
        yield Break("scale", key)


# What is otherwise


def differences(before: Body, after: Body) -> list[Difference]:
    """Everything that differs, in the order of the survey."""
    return [
        *_settings("survey", before, after, ("name", "languages", "progress", "back", "anonymous", "sensitive")),
        *_quotas(before.get("quotas") or [], after.get("quotas") or []),
        *_message(before.get("message") or {}, after.get("message") or {}),
        *_settings("look", before.get("theme") or {}, after.get("theme") or {}, ("colour", "corner", "size")),
        *_texts("look", before.get("theme") or {}, after.get("theme") or {}, ("next", "send"), _first(after)),
        *_pages(before, after),
        *_questions(before, after),
        *_endings(before, after),
    ]


def _first(body: Body) -> str:
    return str((body.get("languages") or ["en"])[0])


def _quotas(old: Sequence[Any], new: Sequence[Any]) -> Iterator[Difference]:
    if old != new:
        yield Difference("setting", "survey", "quotas", "", dumps(old), dumps(new))


def _message(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    fields = tuple(dict.fromkeys((*old, *new)))
    return _texts("message", old, new, fields, "en")


def _pages(before: Body, after: Body) -> Iterator[Difference]:
    old, new = before.get("pages") or [], after.get("pages") or []
    if len(old) != len(new):
        yield Difference("pages", "survey", before=str(len(old)), after=str(len(new)))
    for number, (one, other) in enumerate(zip(old, new, strict=False), 1):
        yield from _settings(f"page:{number}", one, other, ("id", "show_if", "for", "jumps"))


def _questions(before: Body, after: Body) -> Iterator[Difference]:
    old, new = _by_id(before), _by_id(after)
    for key, question in new.items():
        if key not in old:
            yield Difference("added", f"question:{key}", after=_said(question.get("text"), _first(after)))
        else:
            yield from _question(key, old[key], question, _first(after))
    for key, question in old.items():
        if key not in new:
            yield Difference("removed", f"question:{key}", before=_said(question.get("text"), _first(before)))
    kept = [key for key in old if key in new]
    if kept != [key for key in new if key in old]:
        yield Difference("order", "survey", before=", ".join(kept), after=", ".join(k for k in new if k in old))


def _question(key: str, old: Mapping[str, Any], new: Mapping[str, Any], first: str) -> Iterator[Difference]:
    part = f"question:{key}"
    yield from _texts(part, old, new, TEXT_FIELDS, first)
    for field in ("options", "rows"):
        yield from _options(part, old.get(field) or (), new.get(field) or (), first)
    plain = {*old, *new} - {*TEXT_FIELDS, "options", "rows", "id"}
    yield from _settings(part, old, new, sorted(plain))


def _options(part: str, old: Sequence[Any], new: Sequence[Any], first: str) -> Iterator[Difference]:
    was, now = _option_texts(old), _option_texts(new)
    for value, option in now.items():
        if value not in was:
            yield Difference("option_added", part, after=_said(option, first) or value)
        else:
            yield from _texts(part, {value: was[value]}, {value: option}, (value,), first)
    for value, option in was.items():
        if value not in now:
            yield Difference("option_removed", part, before=_said(option, first) or value)


def _endings(before: Body, after: Body) -> Iterator[Difference]:
    old, new = before.get("endings") or [], after.get("endings") or []
    for number in range(max(len(old), len(new))):
        part = f"ending:{number + 1}"
        if number >= len(old):
            yield Difference("added", part, after=_said(new[number].get("text"), _first(after)))
        elif number >= len(new):
            yield Difference("removed", part, before=_said(old[number].get("text"), _first(before)))
        else:
            yield from _texts(part, old[number], new[number], ("text",), _first(after))
            yield from _settings(part, old[number], new[number], ("if", "offer", "link", "redirect", "call"))


def _texts(
    part: str, old: Mapping[str, Any], new: Mapping[str, Any], fields: Sequence[str], first: str
) -> Iterator[Difference]:
    for field in fields:
        was, now = _by_language(old.get(field), first), _by_language(new.get(field), first)
        for language in dict.fromkeys((*was, *now)):
            one, other = was.get(language, ""), now.get(language, "")
            if one != other:
                yield Difference("text", part, field, language, one, other)


def _settings(part: str, old: Mapping[str, Any], new: Mapping[str, Any], fields: Sequence[str]) -> Iterator[Difference]:
    for field in fields:
        one, other = old.get(field), new.get(field)
        if one == other:
            continue
        if field in ("show_if", "if"):
            yield Difference("condition", part, field, "", *(dumps(tree) if tree else "" for tree in (one, other)))
        else:
            yield Difference("setting", part, field, "", _plain(one), _plain(other))


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_plain(inner)}" for name, inner in value.items())
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _by_language(text: Any, first: str) -> dict[str, str]:
    if isinstance(text, Mapping):
        return {str(language): str(words) for language, words in text.items()}
    if text is None or text is False:
        return {}
    return {first: "" if text is True else str(text)}


def _said(text: Any, first: str) -> str:
    found = _by_language(text, first)
    return found.get(first) or next(iter(found.values()), "")


def _by_id(body: Body) -> dict[str, Mapping[str, Any]]:
    return {
        str(question.get("id")): question
        for page in body.get("pages") or ()
        for question in page.get("questions") or ()
        if question.get("type") != "statement" or question.get("id")
    }


def _option_texts(options: Sequence[Any]) -> dict[str, Any]:
    return {
        str(o.get("value")): o.get("text") if isinstance(o, Mapping) else o for o in options if isinstance(o, Mapping)
    } | {str(o): str(o) for o in options if not isinstance(o, Mapping)}


def _values(options: Any) -> list[str]:
    return list(_option_texts(options or ()))
