"""A "no" is a sentence, never a code; so are the checks on the way to it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from app.admin.kinds import channel_word, consent_words, field_name
from app.admin.words import chosen, day, inner, moment, number, span
from app.queries.explanations import Explained
from app.queries.policies import policy_version
from app.queries.triggers import trigger_names
from dashboards.words import LOSSES
from surveys.contact_policy import Limit
from surveys.decision import Rung


def outcome_word(outcome: str) -> str:
    """A decision in a word, said at the moment it was made."""
    return {
        "invited": pgettext("decision", "Asked"),
        "deferred": pgettext("decision", "Waiting"),
        "skipped": pgettext("decision", "Not asked"),
        "acted": pgettext("decision", "Done"),
    }[outcome]


def outcome_heading(outcome: str) -> str:
    """Decisions of one kind, counted or chosen."""
    return {"invited": _("Asked"), "deferred": _("Waiting"), "skipped": _("Not asked"), "acted": _("Done")}[outcome]


def often(limit: Limit) -> str:
    """``once in 30 days``."""
    if limit.max == 0:
        return _("never")
    if limit.max == 1:
        return _("once in %(time)s", time=span(limit.per))
    return ngettext("%(num)d time in %(time)s", "%(num)d times in %(time)s", limit.max, time=span(limit.per))


def percent(part: float | None) -> str:
    return f"{number(100 * (part or 0), 1)}\u00a0%"


def _moment_of(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def status_word(status: str) -> str:
    return {
        "draft": _("a draft"),
        "paused": _("on pause"),
        "pilot": _("a pilot"),
        "live": _("live"),
        "archived": _("archived"),
    }.get(status, status)


def field_word(path: str) -> str:
    """A field as a person would call it: ``properties.amount gte`` → ``amount``."""
    return field_name(path.split(" ", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1]) or path


def sentence(found: Explained, heard: Sequence[datetime] = ()) -> str:
    """What a decision says, in one sentence. ``heard``: when messages to this customer counted."""
    if found.outcome == "invited":
        return _("All checks passed.")
    if found.outcome == "acted":
        return _("All checks passed; nobody had to be asked.")
    closing = next((g for g in reversed(found.gates) if not g.passed), None)
    gate = closing or Rung("", passed=False)
    limits = policy_version(found.policy_version or 0).limits if found.reason == "contact_limit" else ()
    return because(
        found.reason or "",
        gate,
        at=found.decided_at,
        limit=next((one for one in limits if one.name == gate.rule), None),
        heard=heard,
        next_possible_at=found.next_possible_at,
    )


def because(
    reason: str,
    gate: Rung,
    *,
    at: datetime,
    limit: Limit | None,
    heard: Sequence[datetime],
    next_possible_at: datetime | None,
) -> str:
    """The sentence of a reason, filled with what the closing gate saw at a moment."""
    if reason == "contact_limit":
        return _limit_sentence(limit, at, heard)
    if reason == "not_sampled":
        return _sample_sentence(gate, next_possible_at)
    return FILLED[reason](gate) if reason in FILLED else plain_reason(reason)


FILLED: Mapping[str, Callable[[Rung], str]] = {
    "condition": lambda g: _condition_sentence(g.rule or "", g.observed, g.limit),
    "superseded": lambda g: _(
        "Another survey went first: %(name)s.", name=inner(trigger_names().get(g.rule or "", g.rule))
    ),
    "stale": lambda g: _stale_sentence(g.observed, g.limit),
    "quota_full": lambda g: _quota_sentence(g),  # noqa: PLW0108 it stands below
    "not_live": lambda g: _("The trigger was %(status)s at that moment.", status=status_word(str(g.observed))),
    "complaint_open": lambda g: _(
        "A complaint is open since %(day)s; we leave them in peace.", day=day(_moment_of(g.observed))
    ),
    "unsubscribed": lambda g: _("Unsubscribed on %(day)s.", day=day(_moment_of(g.observed))),
    "suppressed": lambda g: _("The address bounces since %(day)s.", day=day(_moment_of(g.observed))),
    "crisis": lambda g: _crisis_sentence(g.rule or ""),
    "no_consent": lambda g: _("No consent for %(what)s.", what=consent_words(g.rule or "")),
    "unreachable": lambda g: _no_address(g.rule or ""),
}
"""Reasons whose sentence says what was seen."""


def _quota_sentence(gate: Rung) -> str:
    seen = {"n": number(gate.observed), "all": number(gate.limit)}
    if gate.rule == "invitations":
        return _("%(n)s of %(all)s invitations of this period are given.", **seen)
    if isinstance(gate.observed, int) and isinstance(gate.limit, int) and gate.observed < gate.limit:
        return _("%(n)s of %(all)s answers of this period are in or on their way; they are spread over it.", **seen)
    return _("%(n)s of %(all)s answers of this period are in.", **seen)


def _crisis_sentence(value: str) -> str:
    return _("Paused: crisis mode for %(what)s.", what=inner(value)) if value else _("Paused: crisis mode.")


def _no_address(channel: str) -> str:
    named = {"email": _("No address for e-mail."), "web": _("No page is open to ask on.")}
    return named.get(channel) or _("No address for %(channel)s.", channel=channel_word(channel))


def _sample_sentence(gate: Rung, until: datetime | None) -> str:
    if until is None:
        return _("Not in the sample of %(share)s.", share=percent(gate.limit))
    return _(
        "Not in the sample of %(share)s; this draw holds until %(day)s.", share=percent(gate.limit), day=day(until)
    )


def plain_reason(reason: str) -> str:
    """A reason without what was seen: for counts, and where nothing more is known."""
    return {
        "contact_limit": _("The contact limit was reached."),
        "not_sampled": _("Not in the sample."),
        "holdout": _("In the control group that is never asked."),
        "quota_full": _("Enough answers of this period are in."),
        "superseded": _("Another survey went first."),
        "complaint_open": _("A complaint is open; we leave them in peace."),
        "crisis": _("Paused: crisis mode."),
        "no_consent": _("There is no consent."),
        "unsubscribed": _("Unsubscribed."),
        "unreachable": _("There is no address."),
        "suppressed": _("The address bounces."),
        "unknown_contact": _("The event does not say who it was about."),
        "ambiguous_contact": _("The event names two different customers."),
        "condition": _("The condition did not hold."),
        "stale": _("Came too late to ask."),
        "expired": _("Waited too long: too late to ask."),
        "cancelled": _("Called off."),
        "answered": _("Already answered."),
        "not_live": _("The trigger was not live at that moment."),
        "loop": _("Stopped: one answer led to the next too many times."),
    }.get(reason, reason)


def short_reason(reason: str) -> str:
    """Two words for a chart or a list."""
    return str(LOSSES.get(reason, reason))


def _limit_sentence(limit: Limit | None, decided_at: datetime, heard: Sequence[datetime]) -> str:
    if limit is None:
        return plain_reason("contact_limit")
    before = [at for at in heard if at <= decided_at]
    if not before:
        if not heard:
            return _("The limit is %(often)s, and it was reached.", often=often(limit))
        return _("A message to them is planned already; the limit is %(often)s.", often=often(limit))
    apart = max(decided_at - before[-1], timedelta(seconds=1))
    return _("Heard from us %(time)s before; the limit is %(often)s.", time=span(apart), often=often(limit))


def _condition_sentence(rule: str, observed: Any, limit: Any) -> str:
    if rule == "occurrence":
        return (
            _("It was not the first time.")
            if not isinstance(limit, int)
            else _(
                "It was number %(seen)s, asked at number %(wanted)s.",
                seen=value_word(observed),
                wanted=value_word(limit),
            )
        )
    what = field_word(rule) or _("the condition")
    op = rule.split(" ")[1] if " " in rule else ""
    if observed is None:
        return _("%(what)s is not known.", what=what.capitalize())
    wanted = {
        "eq": _("asked for %(value)s"),
        "ne": _("asked if not %(value)s"),
        "lt": _("asked below %(value)s"),
        "lte": _("asked up to %(value)s"),
        "gt": _("asked above %(value)s"),
        "gte": _("asked from %(value)s"),
    }.get(op, _("asked: %(value)s"))
    return _(
        "%(what)s was %(seen)s, %(wanted)s.",
        what=what.capitalize(),
        seen=value_word(observed),
        wanted=wanted % {"value": value_word(limit)},
    )


def value_word(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return number(value, 2)
    if isinstance(value, list):
        return ", ".join(value_word(v) for v in value)
    return "–" if value is None else str(value)


def _stale_sentence(observed: Any, limit: Any) -> str:
    if isinstance(observed, int | float) and isinstance(limit, int | float):
        return _("The event came %(time)s late.", time=span(int(observed)))
    return _("Would have waited until %(day)s: too late to ask.", day=day(_moment_of(observed)))


GATES = {
    "depth": lambda: _("Not a chain of answers without end"),
    "live": lambda: _("The trigger is live"),
    "fresh": lambda: _("The event is fresh"),
    "condition": lambda: _("The condition holds"),
    "sample": lambda: _("In the sample"),
    "contact": lambda: _("We know who it is about"),
    "consent": lambda: _("There is consent"),
    "unsubscribe": lambda: _("Not unsubscribed"),
    "suppression": lambda: _("The address takes mail"),
    "complaint": lambda: _("No open complaint"),
    "crisis": lambda: _("No crisis lasts"),
    "holdout": lambda: _("Not in the control group"),
    "quota": lambda: _("Answers are still wanted"),
    "reachable": lambda: _("There is an address"),
    "limits": lambda: _("Contact limits"),
    "priority": lambda: _("No other survey goes first"),
}


def rung_words(rung: Rung) -> tuple[str, str]:
    """A check by its name, and what it saw and allowed."""
    name = GATES[rung.gate]() if rung.gate in GATES else rung.gate
    seen = ""
    if rung.gate in ("sample", "holdout") and rung.observed is not None:
        seen = _(
            "lot %(lot)s, limit %(limit)s", lot=number(float(rung.observed), 4), limit=number(float(rung.limit or 0), 4)
        )
    elif rung.gate == "fresh" and isinstance(rung.observed, int | float):
        seen = _(
            "%(time)s old, allowed %(limit)s",
            time=span(max(0, int(rung.observed))) or "0",
            limit=span(int(rung.limit or 0)),
        )
    elif at := _moment_of(rung.observed):
        seen = moment(at)
    elif rung.observed is not None and rung.gate not in ("live", "depth"):
        seen = _("saw %(seen)s, limit %(limit)s", seen=value_word(rung.observed), limit=value_word(rung.limit))
    return name, seen + (f" ({_rule_word(rung)})" if rung.rule and not rung.passed else "")


def _rule_word(rung: Rung) -> str:
    """Which rule closed the check, as it is called on screen."""
    rule = rung.rule or ""
    named: dict[str, Callable[[str], str]] = {
        "consent": consent_words,
        "reachable": channel_word,
        "priority": lambda slug: trigger_names().get(slug, slug),
    }
    return named[rung.gate](rule) if rung.gate in named else rule


def survey_name(definitions: Mapping[str, Mapping[str, Any]], slug: str) -> str:
    """What a survey is called on screen: its name if it has one, else its slug as words."""
    body = definitions.get(slug, {})
    return chosen(body["name"]) if body.get("name") else slug.replace("-", " ").capitalize()
