"""The one condition language: a small JSON tree over the facts of an event, read into functions.

Truth is Kleene's: True, False, or None where a fact is missing or of another kind than it is compared with. At the top
unknown is no. A missing fact never matches: silence is not consent to be surveyed.
"""

import math
import operator
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from surveys.definition import DURATION_MAX, Node

OPERATORS = (
    "eq",
    "ne",
    "lt",
    "lte",
    "gt",
    "gte",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
    "exists",
    "missing",
    "between",
    "within_days",
)
ROOTS = ("type", "properties", "contact", "answers")
CALCULATIONS = ("count", "sum", "avg", "last_days")
DEPTH_MAX = 8
LEAVES_MAX = 100
LIST_MAX = 200

Truth = bool | None
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An earlier event of the same contact."""

    occurred_at: datetime
    properties: Mapping[str, Any]


@dataclass(slots=True)
class Facts:
    """What a condition may look at, as of one moment.

    ``tree`` holds ``type``, ``properties``, ``contact`` and ``answers``; ``past`` the contact's events before this
    one by type, oldest first, at least as far back as the condition's :func:`needs` says.
    """

    tree: dict[str, Any]
    at: datetime
    past: Mapping[str, list[PastEvent]] = field(default_factory=dict)


@dataclass(frozen=True)
class Needs:
    """What must be known before a condition can be evaluated.

    How far back per event type; the contact's segments or not; and whether it looks at the present event itself.
    """

    events: Mapping[str, timedelta]
    segments: bool
    present: bool


@dataclass(frozen=True)
class Clause:
    """A part of a condition that did not hold, for people: what was looked at, and what was seen."""

    field: str
    op: str
    value: Any
    observed: Any


Check = Callable[[Facts], Truth]
Value = Callable[[Facts], Any]


@dataclass(frozen=True)
class Condition:
    """A condition ready to use. ``clauses`` are the parts that must all hold."""

    clauses: tuple[Check, ...]
    trees: tuple[Any, ...]
    needs: Needs

    def failing(self, facts: Facts) -> int | None:
        """The number of the first clause that does not hold, or None when the condition holds."""
        for number, clause in enumerate(self.clauses):
            if clause(facts) is not True:
                return number
        return None

    def holds(self, facts: Facts) -> bool:
        return self.failing(facts) is None

    def clause(self, number: int, facts: Facts | None = None) -> Clause:
        """What clause ``number`` looks at and, given facts, what it saw there."""
        leaf = _first_leaf(self.trees[number])
        operand = _read_operand(Node(leaf, []))
        return Clause(
            field=leaf.get("field") or f"events {leaf.get('events')}",
            op=leaf["op"],
            value=leaf.get("value"),
            observed=None if facts is None else _shown(operand(facts)),
        )


def read_condition(node: Node) -> Condition:
    """Read a condition tree; faults gather in the node."""
    tree = node.value
    if sum(1 for _ in _leaves(tree, ("where",))) > LEAVES_MAX:
        node.fault(f"has more than {LEAVES_MAX} comparisons")
        return ALWAYS
    parts = [node]
    if isinstance(tree, dict) and set(tree) == {"all"}:
        parts = node.mapping(("all",))["all"].items(least=1)
    return Condition(tuple(_read_tree(p, 0) for p in parts), tuple(p.value for p in parts), _needs(tree))


ALWAYS = Condition((), (), Needs({}, segments=False, present=False))


def _read_tree(node: Node, depth: int) -> Check:
    tree = node.value
    if depth > DEPTH_MAX:
        node.fault(f"is nested deeper than {DEPTH_MAX}")
    elif not isinstance(tree, dict):
        node.fault("must be a condition: {field, op, value}, or all, any, not")
    elif "all" in tree or "any" in tree:
        key = "all" if "all" in tree else "any"
        parts = [_read_tree(part, depth + 1) for part in node.mapping((key,))[key].items(least=1)]
        return _all(parts) if key == "all" else _any(parts)
    elif "not" in tree:
        return _not(_read_tree(node.mapping(("not",))["not"], depth + 1))
    else:
        return _read_comparison(node)
    return _unknown


def _read_comparison(node: Node) -> Check:
    aggregate = "events" in node.value
    own = ("events", *CALCULATIONS, "within", "by", "where") if aggregate else ("field",)
    fields = node.mapping((*own, "op", "value"), required=("op",))
    if not aggregate and "field" not in fields:
        node.fault("needs a field or events to look at")
        return _unknown
    operand = _read_operand(node)
    if "op" not in fields:
        return _unknown
    op = fields["op"].one_of(OPERATORS)
    if op in ("exists", "missing"):
        if "value" in fields:
            fields["value"].fault(f"{op} takes no value")
        wanted = op == "exists"
        return lambda facts: (operand(facts) is not _ABSENT) is wanted
    if "value" not in fields:
        node.fault("value is missing")
        return _unknown
    return _compare(op, operand, _read_value(op, fields["value"]))


def _read_operand(node: Node) -> Value:
    if "events" in node.value:
        return _read_aggregate(node)
    return _read_path(Node(node.value.get("field"), node.faults, (*node.path, "field")))


def _read_path(node: Node) -> Value:
    path = node.value
    if not isinstance(path, str) or path.split(".")[0] not in ROOTS:
        node.fault(f"must be a path that begins with {', '.join(ROOTS)}")
        return lambda _facts: _ABSENT
    return _lookup(tuple(path.split(".")))


def _lookup(keys: tuple[str, ...]) -> Value:
    if len(keys) == 2:  # noqa: PLR2004 properties.amount: the common case
        return _lookup_pair(*keys)

    def look(facts: Facts) -> Any:
        value: Any = facts.tree
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
            if value is None:
                return _ABSENT
        return value if type(value) is str and value.isascii() else composed(value)

    return look


def _lookup_pair(root: str, key: str) -> Value:
    def look(facts: Facts) -> Any:
        node = facts.tree.get(root)
        value = node.get(key) if isinstance(node, dict) else None
        kind = type(value)
        if kind is int or kind is float:
            return value
        if value is None:
            return _ABSENT
        return value if kind is str and value.isascii() else composed(value)

    return look


def _read_aggregate(node: Node) -> Value:
    """``{events: type, count|sum|avg|last_days: …, within: 30d, by: properties.x, where: condition}``."""
    tree = node.value
    fields = {k: Node(v, node.faults, (*node.path, k)) for k, v in tree.items()}
    kind = fields["events"].text(longest=200)
    chosen = [c for c in CALCULATIONS if c in tree]
    if len(chosen) != 1:
        node.fault(f"needs exactly one of {', '.join(CALCULATIONS)}")
        return lambda _facts: _ABSENT
    calculation = chosen[0]
    key = fields[calculation].text(longest=200) if calculation in ("sum", "avg") else ""
    if calculation in ("count", "last_days") and tree[calculation] is not True:
        fields[calculation].fault("must be true")
    window = fields["within"].duration() if "within" in fields else DURATION_MAX
    where = _read_where(fields["where"]) if "where" in fields else ALWAYS
    by = _read_path(fields["by"]) if "by" in fields else None

    def matching(facts: Facts) -> list[PastEvent]:
        found = [e for e in facts.past.get(kind, ()) if facts.at - window < e.occurred_at <= facts.at]
        own = by(facts) if by else None
        return [e for e in found if _like(e, facts, where, by, own)]

    def calculate(facts: Facts) -> Any:
        events = matching(facts)
        if calculation == "count":
            return len(events)
        if calculation == "last_days":
            return (facts.at - events[-1].occurred_at) / timedelta(days=1) if events else _ABSENT
        numbers: list[Any] = [n for e in events if _is_number(n := e.properties.get(key))]
        if calculation == "sum":
            return sum(numbers)
        return sum(numbers) / len(numbers) if numbers else _ABSENT

    return calculate


def _read_where(node: Node) -> Condition:
    if any("events" in leaf for leaf in _leaves(node.value)):
        node.fault("cannot look at other events")
        return ALWAYS
    return read_condition(node)


def _like(event: PastEvent, facts: Facts, where: Condition, by: Value | None, own: Any) -> bool:
    then = Facts({"properties": event.properties, "contact": facts.tree.get("contact")}, event.occurred_at)
    return (by is None or _equal(by(then), own) is True) and where.holds(then)


def _read_value(op: str, node: Node) -> Value:
    value = node.value
    if isinstance(value, dict):
        return _read_computed(node)
    if op in ("in", "not_in", "between"):
        items = node.items(least=1)
        if len(items) > LIST_MAX:
            node.fault(f"has more than {LIST_MAX} entries")
        if op == "between" and len(items) != 2:  # noqa: PLR2004 a pair
            node.fault("must be a pair of bounds")
        for item in items:
            _read_constant(item)
    elif op == "within_days":
        node.number(0, 36_500)
    elif op in ("starts_with", "ends_with"):
        node.text()
    else:
        _read_constant(node)
    return _Constant(composed(value))


class _Constant:
    """A value that stands in the condition itself."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, _facts: Facts) -> Any:
        return self.value


def _read_computed(node: Node) -> Value:
    """Another field, or an aggregate, times a factor."""
    factor = Node(node.value.get("times", 1), node.faults, (*node.path, "times")).number(-1e9, 1e9)
    own = {k: v for k, v in node.value.items() if k != "times"}
    inner = Node(own, node.faults, node.path)
    known = ("events", *CALCULATIONS, "within", "by", "where") if "events" in own else ("field",)
    inner.mapping(known)
    operand = _read_operand(inner)
    if "times" not in node.value:
        return operand

    def times(facts: Facts) -> Any:
        value = operand(facts)
        return value * factor if _is_number(value) else _ABSENT

    return times


def _read_constant(node: Node) -> None:
    if not _is_constant(node.value):
        node.fault("must be text, a number, true or false")


def _is_constant(value: Any) -> bool:
    """Whether a value can stand in a condition, and be stored with it as JSON."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) or (isinstance(value, int) and -(2**63) <= value < 2**64)


def _compare(op: str, operand: Value, value: Value) -> Check:
    test = _TESTS[op]
    if isinstance(value, _Constant):
        return _compare_constant(op, operand, value.value)

    def check(facts: Facts) -> Truth:
        seen = operand(facts)
        if seen is _ABSENT:
            return None
        wanted = value(facts)
        return None if wanted is _ABSENT else test(seen, wanted, facts.at)

    return check


def _compare_constant(op: str, operand: Value, wanted: Any) -> Check:
    """A comparison with a constant; of two numbers it is one step, for that is what most conditions are."""
    test, plain = _TESTS[op], _PLAIN.get(op) if type(wanted) in (int, float) else None

    def check(facts: Facts) -> Truth:
        seen = operand(facts)
        if seen is _ABSENT:
            return None
        if plain and (type(seen) is int or type(seen) is float):
            return plain(seen, wanted)
        return test(seen, wanted, facts.at)

    return check


def _all(parts: list[Check]) -> Check:
    def check(facts: Facts) -> Truth:
        return _conjunction(part(facts) for part in parts)

    return check


def _any(parts: list[Check]) -> Check:
    def check(facts: Facts) -> Truth:
        return _negation(_conjunction(_negation(part(facts)) for part in parts))

    return check


def _not(part: Check) -> Check:
    return lambda facts: _negation(part(facts))


def _unknown(_facts: Facts) -> Truth:
    return None


def _negation(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _conjunction(truths: Iterable[Truth]) -> Truth:
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparable(seen: Any, wanted: Any) -> bool:
    if isinstance(seen, str):
        return isinstance(wanted, str)
    return _is_number(seen) and _is_number(wanted)


def _equal(seen: Any, wanted: Any) -> Truth:
    if isinstance(seen, bool) and isinstance(wanted, bool):
        return seen is wanted
    return bool(seen == wanted) if _comparable(seen, wanted) else None


def _among(seen: Any, wanted: Any) -> Truth:
    if not isinstance(wanted, list):
        return None
    found: Truth = False
    for one in wanted:
        same = _equal(seen, one)
        if same:
            return True
        if same is None:
            found = None
    return found


def _contains(seen: Any, wanted: Any) -> Truth:
    if isinstance(seen, list | tuple):
        return _among(wanted, list(seen))
    return wanted.casefold() in seen.casefold() if isinstance(seen, str) and isinstance(wanted, str) else None


def _between(seen: Any, wanted: Any) -> Truth:
    if not isinstance(wanted, list) or len(wanted) != 2:  # noqa: PLR2004 a pair
        return None
    low, high = wanted
    if not (_comparable(seen, low) and _comparable(seen, high)):
        return None
    return bool(low <= seen <= high)


def _within_days(seen: Any, wanted: Any, at: datetime) -> Truth:
    moment = moment_of(seen)
    if moment is None or not _is_number(wanted):
        return None
    return bool(0 <= (at - moment) / timedelta(days=1) <= wanted)


def moment_of(value: Any) -> datetime | None:
    """An ISO 8601 date or time, in UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any, datetime], Truth]:
    return lambda seen, wanted, _at: test(seen, wanted) if _comparable(seen, wanted) else None


def _folded(test: Callable[[str, str], bool]) -> Callable[[Any, Any, datetime], Truth]:
    def check(seen: Any, wanted: Any, _at: datetime) -> Truth:
        text = isinstance(seen, str) and isinstance(wanted, str)
        return test(seen.casefold(), wanted.casefold()) if text else None

    return check


_PLAIN: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_TESTS: dict[str, Callable[[Any, Any, datetime], Truth]] = {
    "eq": lambda seen, wanted, _at: _equal(seen, wanted),
    "ne": lambda seen, wanted, _at: _negation(_equal(seen, wanted)),
    "lt": _ordered(lambda seen, wanted: seen < wanted),
    "lte": _ordered(lambda seen, wanted: seen <= wanted),
    "gt": _ordered(lambda seen, wanted: seen > wanted),
    "gte": _ordered(lambda seen, wanted: seen >= wanted),
    "in": lambda seen, wanted, _at: _among(seen, wanted),
    "not_in": lambda seen, wanted, _at: _negation(_among(seen, wanted)),
    "contains": lambda seen, wanted, _at: _contains(seen, wanted),
    "starts_with": _folded(str.startswith),
    "ends_with": _folded(str.endswith),
    "between": lambda seen, wanted, _at: _between(seen, wanted),
    "within_days": _within_days,
}


def composed(value: Any) -> Any:
    """A value with its text in NFC, as comparisons see it."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    return [composed(v) for v in value] if isinstance(value, list) else value


def _shown(value: Any) -> Any:
    if value is _ABSENT:
        return None
    return round(value, 4) if isinstance(value, float) else value


def _leaves(tree: Any, also: Collection[str] = ()) -> Iterable[dict[str, Any]]:
    """Every comparison and computed value of a tree, however broken the tree is; those below the keys ``also`` too."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            if "field" in part or "events" in part:
                yield part
            waiting.extend(v for k, v in part.items() if k in ("all", "any", "not", "value", *also))


def fields_of(tree: Any) -> set[str]:
    """Every path that a tree looks at; ``events`` where it looks at past ones."""
    return {"events" if "events" in leaf else str(leaf["field"]) for leaf in _leaves(tree, ("where",))}


def _first_leaf(tree: Any) -> dict[str, Any]:
    while "op" not in tree:
        inner = tree.get("all") or tree.get("any") or tree["not"]
        tree = inner[0] if isinstance(inner, list) else inner
    leaf: dict[str, Any] = tree
    return leaf


def _needs(tree: Any) -> Needs:
    events: dict[str, timedelta] = {}
    segments = present = False
    for leaf in _leaves(tree):
        path = str(leaf.get("field", "contact"))
        segments = segments or path == "contact.segments"
        by = str(leaf.get("by", "contact"))
        present = present or any(p.split(".", maxsplit=1)[0] != "contact" for p in (path, by))
        kind = leaf.get("events")
        if isinstance(kind, str):
            window = Node(leaf["within"], []).duration() if "within" in leaf else DURATION_MAX
            events[kind] = max(window, events.get(kind, timedelta(0)))
            inner = _needs(leaf["where"]) if "where" in leaf else None
            segments = segments or (inner is not None and inner.segments)
    return Needs(events, segments, present)
