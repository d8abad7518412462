"""What a page can decide by itself while it is filled in: conditions with all but its own answers put in.

A page is told no facts about the respondent: what can be known before it is filled in is decided here, and what needs
both is left to the server, which decides everything once more anyway.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from surveys.branching import visible
from surveys.conditions import ALWAYS, Check, Condition, Facts, fields_of, read_condition
from surveys.definition import read
from surveys.questions import TODAY, Question, answer_keys
from surveys.survey import Survey

Tree = dict[str, Any]
YES: Tree = {"all": []}
NO: Tree = {"any": []}
UNKNOWN: Tree = {"field": "-", "op": "eq", "value": 0}
"""Constants in the words of the condition language; no fact has the name of the last."""


class NeedsMore(Exception):
    """A comparison of an answer on the page with something that the page must not know."""


def live_conditions(
    survey: Survey, page: int, answers: Mapping[str, Any], known: Mapping[str, Any], at: datetime
) -> dict[str, Tree | None]:
    """The questions of a page that may come to be shown while it is filled in, by id, and when (None: always)."""
    questions = survey.pages[page].questions
    shown = visible(survey, answers, known, at)
    before = {number: found for number, found in shown.items() if number < page}
    given = {key: answers[key] for found in before.values() for key in answer_keys(found) if key in answers}
    facts = Facts({**known, "answers": given}, at)
    keys = frozenset(answer_keys(questions))
    found: dict[str, Tree | None] = {}
    for question in questions:
        try:
            tree = residual(question.show_if, keys, facts)
        except NeedsMore:
            tree = YES if question in shown.get(page, ()) else NO
        if tree != NO:
            found[question.id] = None if tree == YES else tree
    return found


def residual(condition: Condition, keys: frozenset[str], facts: Facts) -> Tree:
    """What is left of a condition when all is known but the answers under these keys."""
    if condition is ALWAYS:
        return YES
    left = []
    for clause, tree in zip(condition.clauses, condition.trees, strict=True):
        if _looks_at(tree, keys):
            left.append(_fold(tree, keys, facts))
        elif clause(facts) is not True:
            return NO  # unknown at the top is no
    return _all(left)


def _looks_at(tree: Any, keys: frozenset[str]) -> bool:
    return any(_is_own(path, keys) for path in fields_of(tree))


def _is_own(path: str, keys: frozenset[str]) -> bool:
    root, _, rest = path.partition(".")
    return root == "answers" and rest.partition(".")[0] in keys


def _fold(tree: Tree, keys: frozenset[str], facts: Facts) -> Tree:
    if not _looks_at(tree, keys):
        return {True: YES, False: NO, None: UNKNOWN}[_check(tree)(facts)]
    if "all" in tree:
        return _all([_fold(part, keys, facts) for part in tree["all"]])
    if "any" in tree:
        return _any([_fold(part, keys, facts) for part in tree["any"]])
    if "not" in tree:
        inner = _fold(tree["not"], keys, facts)
        return NO if inner == YES else YES if inner == NO else {"not": inner}
    if not all(_is_own(path, keys) for path in fields_of(tree)):
        raise NeedsMore
    return tree


def _all(parts: list[Tree]) -> Tree:
    parts = [part for part in parts if part != YES]
    if NO in parts:
        return NO
    return parts[0] if len(parts) == 1 else {"all": parts}


def _any(parts: list[Tree]) -> Tree:
    parts = [part for part in parts if part != NO]
    if YES in parts:
        return YES
    return parts[0] if len(parts) == 1 else {"any": parts}


def _check(tree: Tree) -> Check:
    return read({"any": [tree]}, read_condition).clauses[0]


def reading_rules(question: Question, today: date) -> dict[str, Any]:
    """What must be known of a question to read its answer in the browser as the server will."""
    least, most = (today if bound == TODAY else bound for bound in (question.least, question.most))
    rules = {
        "id": question.id,
        "type": question.type,
        "required": question.required,
        "several": question.several,
        "whole": question.whole,
        "least": least.isoformat() if isinstance(least, date) else least,
        "most": most.isoformat() if isinstance(most, date) else most,
        "step": question.step if question.type == "slider" else None,
        "other": question.other is not None,
        "options": [option.value for option in question.options] if question.type in _LISTED else None,
        "rows": [row.value for row in question.rows],
    }
    return {name: value for name, value in rules.items() if value is not None and value is not False and value != []}


_LISTED = ("multiple", "image_choice", "matrix", "ranking")
