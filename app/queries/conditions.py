"""Conditions over contacts in SQL: who may match, and who matches for certain; the pure rule settles the rest."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Numeric, and_, case, exists, false, func, literal, not_, or_, select, true

from app.extensions import UtcDateTime, is_sqlite, microseconds, table_of
from app.models.contacts import Contact
from app.models.events import Event
from app.queries.operands import (
    MAPPING,
    NOTHING,
    UNKNOWN,
    Number,
    Operand,
    constant,
    exact,
    folded,
    json_operand,
    number_literal,
    text_operand,
)
from app.queries.segments import segment_conditions
from surveys.conditions import Condition, composed
from surveys.definition import DURATION_MAX, Node

CONTACTS, EVENTS = table_of(Contact), table_of(Event)
_OPPOSITES = {"ne": "eq", "gte": "lt", "lte": "gt", "not_in": "in", "missing": "exists"}
_WHOLE_END = 2**53
_ROUNDING = 1e-9
"""How far a sum of fractions in Python may lie from the database's, as a share of what was added up."""


@dataclass(frozen=True)
class Truth:
    """What is known of a part: where it may hold and fail, and where it does so for certain; NULL is no."""

    yes: Any
    no: Any
    surely_yes: Any
    surely_no: Any
    exact: bool

    def negated(self) -> "Truth":
        return Truth(self.no, self.yes, self.surely_no, self.surely_yes, self.exact)


def _settled(yes: Any, no: Any) -> Truth:
    return Truth(yes, no, yes, no, exact=True)


PERHAPS = Truth(true(), true(), false(), false(), exact=False)
NEVER = _settled(false(), false())
ALWAYS = _settled(true(), false())


@dataclass(frozen=True)
class Narrowed:
    """The contacts that a condition may hold for.

    ``expression`` loses nobody the pure rule says yes to; where ``exact`` it is the rule. ``certain`` marks, row by
    row, those that need no second look. Both speak of ``source``: the contacts, beside what was counted for them.
    """

    expression: Any
    certain: Any
    exact: bool
    source: Any


def narrowed(condition: Condition, at: datetime, *, one_by_one: bool = False) -> Narrowed:
    """A condition as of ``at`` in SQL.

    Past events are counted for all contacts at once, or ``one_by_one``: better where only the first few are asked for.
    """
    segments = segment_conditions() if condition.needs.segments else {}
    writer = _Writer(at, segments, one_by_one=one_by_one and not is_sqlite())
    truth = writer.holds(condition)
    return Narrowed(truth.yes, truth.surely_yes, truth.exact, writer.source)


@dataclass
class _Writer:
    """Writes a condition over contacts as SQL, gathering what must be joined to them."""

    at: datetime
    segments: Mapping[str, Condition]
    one_by_one: bool
    counted: dict[bytes, Any] = field(default_factory=dict)

    @property
    def source(self) -> Any:
        source: Any = CONTACTS
        for counted in self.counted.values():
            source = source.outerjoin(counted, true() if self.one_by_one else counted.c.contact_id == CONTACTS.c.id)
        return source

    def holds(self, condition: Condition, properties: Any = None) -> Truth:
        return _all([self.tree(tree, properties) for tree in condition.trees])

    def tree(self, tree: Any, properties: Any = None) -> Truth:
        if "all" in tree:
            return _all([self.tree(part, properties) for part in tree["all"]])
        if "any" in tree:
            return _any([self.tree(part, properties) for part in tree["any"]])
        if "not" in tree:
            return self.tree(tree["not"], properties).negated()
        return self.comparison(tree, properties)

    def comparison(self, leaf: Mapping[str, Any], properties: Any) -> Truth:
        op = leaf["op"]
        if b"\\u0000" in orjson.dumps(leaf):  # no text in PostgreSQL holds it
            return PERHAPS
        if op in _OPPOSITES:
            return self.comparison({**leaf, "op": _OPPOSITES[op]}, properties).negated()
        if leaf.get("field") == "contact.segments":
            return self.membership(op, leaf.get("value")) if properties is None else PERHAPS
        seen = self.operand(leaf, properties)
        if not seen.known:
            return PERHAPS
        if op == "exists":
            return _settled(seen.present, seen.absent)
        value = composed(leaf["value"])
        if isinstance(value, dict):
            return self.computed(op, seen, value, properties)
        if op == "within_days":
            return _within_days(seen, value, self.at) if properties is None else PERHAPS
        return _COMPARISONS[op](seen, value)

    def computed(self, op: str, seen: Operand, value: Mapping[str, Any], properties: Any) -> Truth:
        other = self.operand(value, properties)
        if op not in ("eq", "lt", "gt") or not other.known:
            return PERHAPS
        return _compared(op, seen, _times(other, float(value["times"])) if "times" in value else other)

    def membership(self, op: str, slug: Any) -> Truth:
        """Whether ``contact.segments`` contains a segment."""
        if op != "contains" or not isinstance(slug, str) or not self.segments:
            return PERHAPS
        if slug not in self.segments:
            return _settled(false(), true())
        inside = self.holds(self.segments[slug])
        yes, sure = func.coalesce(inside.yes, false()), func.coalesce(inside.surely_yes, false())
        return Truth(yes, not_(sure), sure, not_(yes), inside.exact)

    def operand(self, leaf: Mapping[str, Any], properties: Any) -> Operand:
        if "events" in leaf:
            return self.aggregate(leaf)
        root, *keys = leaf["field"].split(".")
        if root == "contact":
            return _of_contact(keys)
        if properties is None:
            return UNKNOWN
        if root != "properties":
            return NOTHING
        return json_operand(properties, tuple(keys)) if keys else MAPPING

    def aggregate(self, leaf: Mapping[str, Any]) -> Operand:
        if "by" in leaf:  # of the present event, which is not here
            return UNKNOWN
        where = self.tree(leaf["where"], EVENTS.c.properties) if "where" in leaf else ALWAYS
        if "count" in leaf:
            own = EVENTS.c.id.is_not(None)  # what is added up must be the event's, not the contact's alone
            sure = func.sum(_one_if(and_(own, where.surely_yes)))
            found = self.count_up(leaf, where, possible=func.count(), certain=sure)
            high = func.coalesce(found.c.possible, 0)
            return Operand(number=exact(high) if where.exact else Number(func.coalesce(found.c.certain, 0), high))
        if not where.exact:
            return UNKNOWN
        if "last_days" in leaf:
            return _days_since(self.count_up(leaf, where, last=func.max(EVENTS.c.occurred_at)).c.last, self.at)
        return self.total(leaf, where)

    def total(self, leaf: Mapping[str, Any], where: Truth) -> Operand:
        number = json_operand(EVENTS.c.properties, (leaf["sum"] if "sum" in leaf else leaf["avg"],)).number
        if number is None:
            return UNKNOWN
        value = number.low
        add = func.total if is_sqlite() else func.sum
        found = self.count_up(
            leaf,
            where,
            numbers=func.count(value),
            total=add(value),
            size=add(func.abs(value * 1.0 if is_sqlite() else value)),
            fractions=func.sum(_one_if(value != (func.round(value) if is_sqlite() else func.trunc(value)))),
        ).c
        # Whole numbers add up alike everywhere; fractions are rounded at every step in Python.
        rounded = or_(found.fractions > 0, found.size >= number_literal(_WHOLE_END))
        slack = case((rounded, found.size * number_literal(_ROUNDING)), else_=number_literal(0))
        there = func.coalesce(found.numbers, 0) > 0
        if "sum" in leaf:
            low, high = _bounds(found.total, slack)
            return Operand(number=Number(case((there, low), else_=0), case((there, high), else_=0)))
        low, high = _bounds(found.total, slack + found.size * number_literal(_ROUNDING))
        number = Number(case((there, low / found.numbers)), case((there, high / found.numbers)))
        return Operand(there, not_(there), number=number)

    def count_up(self, leaf: Mapping[str, Any], where: Truth, **columns: Any) -> Any:
        """The past events that an aggregate looks at, per contact, joined to the contacts."""
        key = orjson.dumps({k: v for k, v in leaf.items() if k not in ("op", "value", "times")})
        if key in self.counted:
            return self.counted[key]
        window = Node(leaf["within"], []).duration() if "within" in leaf else DURATION_MAX
        found = select(*(column.label(name) for name, column in columns.items())).where(
            EVENTS.c.type == leaf["events"],
            EVENTS.c.occurred_at > self.at - window,
            EVENTS.c.occurred_at <= self.at,
        )
        if where is not ALWAYS:
            found = found.where(where.yes)
        if self.one_by_one:
            return self.counted.setdefault(key, found.where(EVENTS.c.contact_id == CONTACTS.c.id).lateral())
        if b'"contact' in orjson.dumps(leaf.get("where")):
            found = found.select_from(EVENTS.join(CONTACTS, EVENTS.c.contact_id == CONTACTS.c.id))
        grouped = found.add_columns(EVENTS.c.contact_id).where(EVENTS.c.contact_id.is_not(None))
        return self.counted.setdefault(key, grouped.group_by(EVENTS.c.contact_id).subquery())


def _all(parts: Sequence[Truth]) -> Truth:
    return Truth(
        and_(true(), *(part.yes for part in parts)),
        or_(false(), *(part.no for part in parts)),
        and_(true(), *(part.surely_yes for part in parts)),
        or_(false(), *(part.surely_no for part in parts)),
        all(part.exact for part in parts),
    )


def _any(parts: Sequence[Truth]) -> Truth:
    return _all([part.negated() for part in parts]).negated()


def _of_contact(keys: Sequence[str]) -> Operand:
    match keys:
        case [] | ["attributes"]:
            return MAPPING
        case ["attributes", *below]:
            return json_operand(CONTACTS.c.attributes, tuple(below))
        case ["name" | "locale" | "timezone" as name]:
            return text_operand(CONTACTS.c[name])
    return UNKNOWN


def _compared(op: str, seen: Operand, wanted: Operand) -> Truth:
    """``eq``, ``lt`` or ``gt`` of two values: those of a kind are compared, others are unknown."""
    parts = []
    if seen.text is not None and wanted.text is not None:
        parts.append(_test(op, seen.text, wanted.text))
    if seen.number is not None and wanted.number is not None:
        parts.append(_of_numbers(op, seen.number, wanted.number))
    if op == "eq" and seen.boolean is not None and wanted.boolean is not None:
        parts.append(_test(op, seen.boolean, wanted.boolean))
    return _first_known(parts)


def _first_known(parts: Sequence[Truth]) -> Truth:
    """The truth of the one kind that both values are of."""
    return Truth(
        or_(false(), *(part.yes for part in parts)),
        or_(false(), *(part.no for part in parts)),
        or_(false(), *(part.surely_yes for part in parts)),
        or_(false(), *(part.surely_no for part in parts)),
        all(part.exact for part in parts),
    )


def _test(op: str, seen: Any, wanted: Any) -> Truth:
    if op == "eq":
        return _settled(seen == wanted, seen != wanted)
    return _settled(seen < wanted, seen >= wanted) if op == "lt" else _settled(seen > wanted, seen <= wanted)


def _of_numbers(op: str, seen: Number, wanted: Number) -> Truth:
    if seen.exact and wanted.exact:
        return _test(op, seen.low, wanted.low)
    if op == "gt":
        seen, wanted = wanted, seen
    if op != "eq":
        below, above = seen.low < wanted.high, seen.high >= wanted.low
        return Truth(below, above, seen.high < wanted.low, seen.low >= wanted.high, exact=False)
    apart = or_(seen.high < wanted.low, wanted.high < seen.low)
    same = and_(seen.low == seen.high, wanted.low == wanted.high, seen.low == wanted.low)
    overlap = and_(seen.low <= wanted.high, wanted.low <= seen.high)
    return Truth(overlap, or_(apart, not_(same)), same, apart, exact=False)


def _in(seen: Operand, wanted: Sequence[Any]) -> Truth:
    return _any([_compared("eq", seen, constant(value)) for value in wanted])


def _contains(seen: Operand, wanted: Any) -> Truth:
    parts = []
    if isinstance(wanted, str) and seen.text is not None:
        like = wanted.casefold()
        place = (func.instr if is_sqlite() else func.strpos)(folded(seen.text, like), like)
        parts.append(_settled(place > 0, place == 0))
    if seen.elements is not None:
        listed, source, element = seen.elements()
        same = _compared("eq", element, constant(wanted))
        one = select(literal(1)).select_from(source)
        found, other = exists(one.where(same.yes)), exists(one.where(not_(func.coalesce(same.no, false()))))
        parts.append(_settled(and_(listed, found), and_(listed, not_(other))))
    return _first_known(parts)


def _starts_with(seen: Operand, wanted: str) -> Truth:
    if seen.text is None:
        return NEVER
    like = wanted.casefold()
    text = folded(seen.text, like)
    return _test("eq", func.substr(text, 1, len(like)), like)


def _ends_with(seen: Operand, wanted: str) -> Truth:
    if seen.text is None:
        return NEVER
    like = wanted.casefold()
    text = folded(seen.text, like)
    end = func.substr(text, -len(like)) if is_sqlite() else func.right(text, len(like))
    return _test("eq", end, like)


def _between(seen: Operand, bounds: Sequence[Any]) -> Truth:
    low, high = (constant(value) for value in bounds)
    if (low.text is None or high.text is None) and (low.number is None or high.number is None):
        return NEVER
    return _all([_compared("lt", seen, low).negated(), _compared("gt", seen, high).negated()])


_COMPARISONS: dict[str, Callable[[Operand, Any], Truth]] = {
    "eq": lambda seen, wanted: _compared("eq", seen, constant(wanted)),
    "lt": lambda seen, wanted: _compared("lt", seen, constant(wanted)),
    "gt": lambda seen, wanted: _compared("gt", seen, constant(wanted)),
    "in": _in,
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "between": _between,
}

_DATED = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DATE = "[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?"
_MOMENT = f"^{_DATE}(?:T{_TIME}(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?)?$"
"""Moments that are surely some: the 29th of February is left to Python, and so is whatever is written otherwise."""


def _within_days(seen: Operand, days: float, at: datetime) -> Truth:
    if seen.text is None:
        return NEVER
    if is_sqlite():
        ago = (literal(microseconds(at)) - func.microseconds(seen.text)) / literal(86_400e6)
        return _settled(and_(ago >= 0, ago <= days), or_(ago < 0, ago > days))
    # Whatever the time and zone, a moment lies within two days of the date that it begins with.
    first, last = (at - timedelta(days=days)).astimezone(UTC).date(), at.astimezone(UTC).date()
    margin = timedelta(days=2)
    date, dated = func.left(seen.text, 10), seen.text.regexp_match(_DATED)
    near = date.between((first - margin).isoformat(), (last + margin).isoformat())
    inside = date.between((first + margin).isoformat(), (last - margin).isoformat())
    sure = and_(seen.text.regexp_match(_MOMENT), date >= "0001-01-01")
    return Truth(
        and_(seen.text.is_not(None), or_(not_(dated), near)),
        and_(seen.text.is_not(None), or_(not_(dated), not_(inside))),
        and_(sure, inside),
        and_(sure, not_(near)),
        exact=False,
    )


def _days_since(last: Any, at: datetime) -> Operand:
    if is_sqlite():
        days = func.julianday(literal(at, UtcDateTime())) - func.julianday(last)
        slack = literal(1e-6)
    else:
        days = func.extract("epoch", literal(at, UtcDateTime()) - last) / literal(Decimal(86_400), Numeric())
        slack = literal(Decimal("1e-9"), Numeric())
    there = last.is_not(None)
    return Operand(there, not_(there), number=Number(days - slack, days + slack))


def _bounds(value: Any, slack: Any) -> tuple[Any, Any]:
    low, high = value - slack, value + slack
    if is_sqlite():  # where a sum has grown without bounds, there is no telling
        return func.coalesce(low, -math.inf), func.coalesce(high, math.inf)
    return low, high


def _times(operand: Operand, factor: float) -> Operand:
    """A number times a factor; Python rounds the product."""
    if operand.number is None:
        return MAPPING
    bounds = [bound * number_literal(factor) for bound in (operand.number.low, operand.number.high)]
    low, high = bounds if factor >= 0 else reversed(bounds)
    if not is_sqlite():
        nudge = number_literal(1e-15)
        low, high = low - func.abs(low) * nudge - number_literal(1e-320), high + func.abs(high) * nudge
        high = high + number_literal(1e-320)
    return Operand(number=Number(low, high))


def _one_if(test: Any) -> Any:
    return case((test, 1), else_=0)
