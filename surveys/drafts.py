"""A survey while it is written: in parts, so that two people can work on it and neither loses what the other did.

Every page, question and ending is a part under a key of its own, which stays when its place or words change.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from surveys.conditions import read_condition
from surveys.definition import Fault, Node, Path
from surveys.questions import read_question
from surveys.survey import Survey, read_survey
from surveys.wording import MESSAGE_TEXTS, REMINDER

HEAD, MESSAGE, THEME = "head", "message", "theme"
FIXED = (HEAD, MESSAGE, THEME)
"""The parts that every draft has."""
HEAD_FIELDS = ("name", "languages", "progress", "back", "anonymous", "sensitive", "quotas")
PARTS_MAX = 1_000
CHANGES_MAX = 2_000
_KEY = re.compile(r"[a-z][a-z0-9]{0,31}")

Kind = Literal["page", "question", "ending"]
KINDS: tuple[Kind, ...] = ("page", "question", "ending")
VERBS = ("set", "add", "move", "remove")


@dataclass(frozen=True)
class Mark:
    """When a part was changed last, by whom, and who wanted it otherwise at the same time."""

    revision: int = 0
    by: str = ""
    wanted_by: str = ""


@dataclass
class Draft:
    """A survey in parts: what each holds, in which order they stand, and when each was changed."""

    parts: dict[str, Any]
    pages: list[tuple[str, list[str]]]
    endings: list[str]
    marks: dict[str, Mark] = field(default_factory=dict)

    def mark(self, key: str) -> Mark:
        return self.marks.get(key, Mark())


@dataclass(frozen=True)
class Change:
    """One thing that somebody did. ``seen`` is the revision of the part that they had before them.

    A question stands on ``page``; what is added or moved stands behind ``after``, or first where that is None.
    """

    verb: str
    key: str
    value: Any = None
    seen: int = 0
    kind: Kind = "question"
    page: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class Conflict:
    """A part that somebody else changed meanwhile: what they made of it (None: they removed it), and who it was."""

    key: str
    theirs: Any
    by: str


# Between a body and its parts


def take_apart(body: Mapping[str, Any]) -> Draft:
    """A definition in parts; the same body always gives the same keys."""
    parts: dict[str, Any] = {
        HEAD: {name: body[name] for name in HEAD_FIELDS if name in body},
        MESSAGE: dict(body.get("message") or {}),
        THEME: dict(body.get("theme") or {}),
    }
    pages, count = [], 0
    for number, page in enumerate(body.get("pages") or (), 1):
        parts[f"p{number}"] = {name: value for name, value in page.items() if name != "questions"}
        keys = []
        for question in page.get("questions") or ():
            count += 1
            keys.append(f"q{count}")
            parts[f"q{count}"] = question
        pages.append((f"p{number}", keys))
    endings = []
    for number, ending in enumerate(body.get("endings") or (), 1):
        endings.append(f"e{number}")
        parts[f"e{number}"] = ending
    return Draft(parts, pages, endings)


def put_together(draft: Draft, slug: str) -> dict[str, Any]:
    """The definition that a draft is, which may be a faulty one."""
    head = draft.parts.get(HEAD, {})
    body = {"slug": slug, **{name: head[name] for name in ("name", "languages") if name in head}}
    body["pages"] = [
        {**draft.parts[page], "questions": [draft.parts[key] for key in questions]} for page, questions in draft.pages
    ]
    if draft.endings:
        body["endings"] = [draft.parts[key] for key in draft.endings]
    body |= {name: draft.parts[name] for name in (MESSAGE, THEME) if draft.parts.get(name)}
    return body | {name: head[name] for name in HEAD_FIELDS[2:] if name in head}


def as_stored(draft: Draft) -> dict[str, Any]:
    return {
        "parts": draft.parts,
        "pages": draft.pages,
        "endings": draft.endings,
        "marks": {key: [mark.revision, mark.by, mark.wanted_by] for key, mark in draft.marks.items()},
    }


def from_stored(stored: Mapping[str, Any]) -> Draft:
    return Draft(
        dict(stored["parts"]),
        [(page, list(questions)) for page, questions in stored["pages"]],
        list(stored["endings"]),
        {key: Mark(*mark) for key, mark in stored["marks"].items()},
    )


def place_of(draft: Draft, path: Path) -> tuple[str, Path]:
    """The key of the part that a place of the definition belongs to, and the place in it."""
    match path:
        case ("pages", int(page), "questions", int(question), *below) if _has(draft, page, question):
            return draft.pages[page][1][question], tuple(below)
        case ("pages", int(page), *below) if page < len(draft.pages):
            return draft.pages[page][0], tuple(below)
        case ("endings", int(ending), *below) if ending < len(draft.endings):
            return draft.endings[ending], tuple(below)
        case (str(name), *below) if name in (MESSAGE, THEME):
            return name, tuple(below)
    return HEAD, path


def _has(draft: Draft, page: int, question: int) -> bool:
    return page < len(draft.pages) and question < len(draft.pages[page][1])


# What editors do


def read_changes(node: Node) -> list[Change]:
    """Read what an editor's page sent; faults gather in the node."""
    return [_read_change(item) for item in _some(node)]


def _some(node: Node) -> list[Node]:
    if not isinstance(node.value, list) or len(node.value) > CHANGES_MAX:
        node.fault("must be a list")
        return []
    return [Node(value, node.faults, (*node.path, number)) for number, value in enumerate(node.value)]


def _read_change(node: Node) -> Change:
    fields = node.mapping(("verb", "key", "value", "seen", "kind", "page", "after"), ("verb", "key"))
    verb = fields["verb"].one_of(VERBS) if "verb" in fields else VERBS[0]
    if verb in ("set", "add") and not isinstance(fields["value"].value if "value" in fields else None, dict):
        node.fault("must be a mapping of fields", "value")
    kind = fields["kind"].one_of(KINDS) if "kind" in fields else "question"
    return Change(
        verb=verb,
        key=_read_key(fields["key"]) if "key" in fields else "",
        value=fields["value"].value if "value" in fields else None,
        seen=fields["seen"].integer(0, 2**53) if "seen" in fields else 0,
        kind=next(known for known in KINDS if known == kind),
        page=_read_key(fields["page"]) if "page" in fields and fields["page"].value is not None else None,
        after=_read_key(fields["after"]) if "after" in fields and fields["after"].value is not None else None,
    )


def _read_key(node: Node) -> str:
    if not isinstance(node.value, str) or not _KEY.fullmatch(node.value):
        node.fault("must be the key of a part")
        return ""
    return node.value


def change_draft(draft: Draft, changes: Iterable[Change], by: str, revision: int) -> list[Conflict]:
    """Do what an editor did, as far as nobody else changed the same part since; the rest is told as conflicts.

    Changes that were done already are done again without a trace, so that a lost answer does no harm. ``revision`` is
    the number of this change.
    """
    found = [_DOERS[change.verb](draft, change, by, revision) for change in changes]
    return [conflict for conflict in found if conflict]


def _set(draft: Draft, change: Change, by: str, revision: int) -> Conflict | None:
    mark, present = draft.mark(change.key), draft.parts.get(change.key)
    if present == change.value:
        return None
    if present is None or mark.revision > change.seen:
        draft.marks[change.key] = Mark(mark.revision, mark.by, by)
        return Conflict(change.key, present, mark.by)
    draft.parts[change.key] = change.value
    draft.marks[change.key] = Mark(revision, by)
    return None


def _add(draft: Draft, change: Change, by: str, revision: int) -> Conflict | None:
    if change.key in draft.parts:
        return None
    if len(draft.parts) >= PARTS_MAX:
        return Conflict(change.key, None, "")
    draft.parts[change.key] = change.value
    draft.marks[change.key] = Mark(revision, by)
    _stand(draft, change)
    return None


def _move(draft: Draft, change: Change, _by: str, _revision: int) -> Conflict | None:
    if kind := _kind_of(draft, change.key):
        _stand(draft, replace(change, kind=kind))
    return None


def _kind_of(draft: Draft, key: str) -> Kind | None:
    if key in draft.endings:
        return "ending"
    if any(key == page for page, _ in draft.pages):
        return "page"
    return "question" if any(key in questions for _, questions in draft.pages) else None


def _stand(draft: Draft, change: Change) -> None:
    """Put a part behind another; where that is gone, at the end."""
    if change.kind == "page":
        questions = next((questions for key, questions in draft.pages if key == change.key), [])
        rest = [page for page in draft.pages if page[0] != change.key]
        draft.pages[:] = rest
        draft.pages.insert(_behind([key for key, _ in rest], change.after), (change.key, questions))
    elif change.kind == "ending":
        draft.endings[:] = [key for key in draft.endings if key != change.key]
        draft.endings.insert(_behind(draft.endings, change.after), change.key)
    else:
        for _page, questions in draft.pages:
            questions[:] = [key for key in questions if key != change.key]
        if not draft.pages:
            draft.pages.append((change.page or f"{change.key}p", []))
            draft.parts.setdefault(draft.pages[0][0], {})
        home = next((questions for key, questions in draft.pages if key == change.page), draft.pages[-1][1])
        home.insert(_behind(home, change.after), change.key)


def _behind(keys: Sequence[str], after: str | None) -> int:
    if after is None:
        return 0
    return keys.index(after) + 1 if after in keys else len(keys)


def _remove(draft: Draft, change: Change, by: str, revision: int) -> Conflict | None:
    """Remove a part, unless somebody else changed it since; a page goes with its questions."""
    if change.key not in draft.parts or change.key in FIXED:
        return None
    inside = next((questions for key, questions in draft.pages if key == change.key), [])
    for key in (change.key, *inside):
        mark = draft.mark(key)
        if mark.revision > change.seen and mark.by != by:
            draft.marks[key] = Mark(mark.revision, mark.by, by)
            return Conflict(key, draft.parts[key], mark.by)
    for key in (change.key, *inside):
        del draft.parts[key]
        draft.marks[key] = Mark(revision, by)
    draft.pages[:] = [
        (page, [key for key in questions if key != change.key]) for page, questions in draft.pages if page != change.key
    ]
    draft.endings[:] = [key for key in draft.endings if key != change.key]
    return None


_DOERS = {"set": _set, "add": _add, "move": _move, "remove": _remove}


# What can be shown of a draft that is not right yet


def placed_faults(draft: Draft, faults: Iterable[Fault]) -> list[tuple[str, Path, str]]:
    """Faults of the definition by the part they belong to."""
    return [(*place_of(draft, fault.path), fault.message) for fault in faults]


def renewed(draft: Draft, revision: int, by: str) -> Draft:
    """The same draft under other keys: what somebody still has open of the one before does not fit any part of it."""
    new = {key: key if key in FIXED else f"{key}r{revision}" for key in draft.parts}
    return Draft(
        {new[key]: part for key, part in draft.parts.items()},
        [(new[page], [new[key] for key in questions]) for page, questions in draft.pages],
        [new[key] for key in draft.endings],
        {new[key]: Mark(revision, by) for key in draft.parts},
    )


def showable(body: Mapping[str, Any], unready: str, empty: str) -> Survey:
    """What customers would see of a draft; where a part is not right yet, words stand in its place."""
    said = body.get("languages")
    languages = [code for code in said if isinstance(code, str)] if isinstance(said, list) else []
    languages = languages or ["en"]
    pages = [_shown_page(page, languages, unready, empty) for page in body.get("pages") or ()]
    whole = {
        "slug": "draft",
        "languages": languages,
        "pages": pages or [{"questions": [_words("empty", languages, empty)]}],
        "endings": [_shown_ending(ending, languages) for ending in body.get("endings") or ()],
        "message": _shown_message(body.get("message")),
        **{name: body[name] for name in ("progress", "back", "anonymous") if isinstance(body.get(name), bool)},
    }
    for name in ("theme", "sensitive"):
        if body.get(name) and _fine({**whole, name: body[name]}, name):
            whole[name] = body[name]
    return _leniently(whole)


def _shown_message(message: Any) -> dict[str, Any]:
    """The texts of a message that can be read."""
    fields = message if isinstance(message, Mapping) else {}
    return {
        name: text
        for name, text in fields.items()
        if name in (*MESSAGE_TEXTS, REMINDER) and _reads(text, lambda n: n.texts())
    }


def _leniently(body: Mapping[str, Any]) -> Survey:
    return read_survey(Node(body, []))


def _fine(body: Mapping[str, Any], name: str) -> bool:
    faults: list[Fault] = []
    read_survey(Node(body, faults))
    return not any(fault.path[:1] == (name,) for fault in faults)


def _words(identifier: str, languages: Sequence[str], text: str) -> dict[str, Any]:
    return {"id": identifier, "type": "statement", "text": dict.fromkeys(languages, text)}


def _shown_page(page: Mapping[str, Any], languages: Sequence[str], unready: str, empty: str) -> dict[str, Any]:
    questions = [_shown_question(q, languages, unready, n) for n, q in enumerate(page.get("questions") or ())]
    shown = {**page, "questions": questions or [_words("empty", languages, empty)]}
    if "show_if" in page and not _reads(page["show_if"], read_condition):
        del shown["show_if"]
    return shown


def _shown_question(question: Mapping[str, Any], languages: Sequence[str], unready: str, number: int) -> Any:
    for tried in (question, {**question, "text": _some_text(question.get("text"), languages)}):
        if _reads(tried, lambda node: read_question(node, languages)):
            return tried
    identifier = str(question.get("id", ""))
    known = identifier.replace("_", "").isalnum()
    return _words(identifier if known else f"unready_{number}", languages, unready)


def _some_text(text: Any, languages: Sequence[str]) -> dict[str, str]:
    found = {k: v for k, v in text.items() if isinstance(v, str) and v.strip()} if isinstance(text, Mapping) else {}
    return {languages[0]: "…", **found}


def _shown_ending(ending: Mapping[str, Any], languages: Sequence[str]) -> dict[str, Any]:
    shown = {**ending, "text": _some_text(ending.get("text"), languages)}
    if isinstance(ending.get("text"), str) and ending["text"].strip():
        shown["text"] = ending["text"]
    readers: dict[str, Callable[[Node], Any]] = {
        "if": read_condition,
        "link": _read_link,
        "redirect": Node.text,
        "call": Node.boolean,
    }
    for name, reader in readers.items():
        if name in shown and not _reads(shown[name], reader):
            del shown[name]
    return shown


def _read_link(node: Node) -> None:
    fields = node.mapping(("url", "text"), ("url", "text"))
    if "text" in fields:
        fields["text"].texts()


def _reads(value: Any, reader: Callable[[Node], Any]) -> bool:
    faults: list[Fault] = []
    reader(Node(value, faults))
    return not faults
