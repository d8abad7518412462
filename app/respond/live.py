"""The script of the answer page, which stands in the page itself, and what it is told of it."""

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup

from app.extensions import dump_json
from app.queries.invitations import Asked
from app.respond.forms import PageView, QuestionView, Submit, local_day, question_views
from app.text.phrases import phrases
from surveys.live import live_conditions, reading_rules

STATIC = Path(__file__).parent.parent / "static"
WORDS = ("kept", "offline")


@dataclass(frozen=True)
class Script:
    """A script as it stands in a page, and the hash by which a policy allows just it."""

    text: Markup
    hash: str


@cache
def script(*, branching: bool) -> Script:
    """The script of the page; the language of conditions only where a question waits for another."""
    return _script(*(("conditions", "answer") if branching else ("answer",)))


@cache
def open_script() -> Script:
    """What a page does besides that anybody may answer on."""
    return _script("open")


def _script(*names: str) -> Script:
    text = "\n".join(_inlined((STATIC / f"{name}.js").read_text()) for name in names)
    return Script(Markup(text), f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'")  # noqa: S704 our own file


def _inlined(module: str) -> str:
    """A module as a part of a larger one: without what imports and exports, without comments and indentation."""
    lines = (re.sub(r"\s+// .*$", "", line.strip()) for line in module.splitlines())
    kept = (line for line in lines if line and not line.startswith(("//", "import ")))
    return "\n".join(line.removeprefix("export ") for line in kept)


def policy(ancestors: str = "'none'", *more: Script) -> str:
    """The content security policy of a page to answer on: our own script, style and pictures, and nobody else's."""
    hashes = " ".join(known.hash for known in (script(branching=False), script(branching=True), *more))
    return (
        f"default-src 'none'; script-src {hashes}; connect-src 'self'; style-src 'unsafe-inline'; img-src 'self'; "
        f"form-action 'self'; frame-ancestors {ancestors}; base-uri 'none'"
    )


@dataclass(frozen=True)
class LivePage:
    """The questions of a page, those too that wait for others to be answered, and what its script is told."""

    questions: list[tuple[QuestionView, bool]]
    data: str
    script: Markup


def live_page(asked: Asked, submit: Submit, view: PageView, now: datetime, to: str | None) -> LivePage:
    """``to``: where answers are sent; None: the script sends nothing."""
    rules = live_conditions(asked.survey, submit.page, submit.answers, asked.known, now)
    shown = {question.id: question for question in view.questions}
    drawn = [q for q in asked.survey.pages[submit.page].questions if q.id in rules or q.id in shown]
    waiting = {v.id: v for v in question_views(asked, submit, [q for q in drawn if q.id not in shown], now)}
    data: dict[str, Any] = {"page": submit.page, "to": to, "at": now.isoformat()}
    data["keep"] = not asked.survey.anonymous
    if to:
        data["words"] = {name: phrases(asked.language)[name] for name in WORDS}
    branching = any(rules.values())
    if branching:
        today = local_day(now)
        data["rules"] = [reading_rules(q, today) | ({"if": tree} if (tree := rules.get(q.id)) else {}) for q in drawn]
    views = [(shown.get(q.id) or waiting[q.id], q.id in shown) for q in drawn]
    return LivePage(views, dump_json(data), script(branching=branching).text)
