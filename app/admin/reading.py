"""Definitions read aloud: a trigger as four sentences, and a condition in words."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from babel.dates import get_day_names
from flask_babel import format_date, get_locale, ngettext
from flask_babel import gettext as _

from app.admin.kinds import channel_word, class_word, event_words, field_name, slug_words
from app.admin.reasons import percent, value_word
from app.admin.words import chosen, inner, span
from surveys.occasions import (
    Absence,
    Anniversary,
    Entry,
    Exit,
    Holiday,
    Occurs,
    Once,
    Schedule,
    Silence,
)
from surveys.quotas import Quota
from surveys.triggers import FRESH, USUAL_CLASS, USUAL_PRIORITY, GiveOffer, Notify, Send, SetAttribute, Task, Trigger


def field_words(path: Any) -> str:
    """``properties.amount`` → ``amount``; ``answers.nps`` → ``the answer to “nps”``."""
    if isinstance(path, dict):
        return aggregate_words(path)
    first, dot, rest = str(path).partition(".")
    if first == "answers":
        return _("the answer to “%(question)s”", question=rest)
    return field_name(rest.removeprefix("attributes.") if dot else first)


def aggregate_words(tree: Mapping[str, Any]) -> str:
    """An aggregate over past events."""
    return _calculated_words(tree) + _of_which(tree)


def _calculated_words(tree: Mapping[str, Any]) -> str:
    kind = event_words(tree.get("events", ""))
    within = _(" in %(time)s", time=_written_span(tree["within"])) if tree.get("within") else ""
    for op, words in (("sum", _("sum of %(what)s")), ("avg", _("average of %(what)s"))):
        if op in tree:
            what = field_name(str(tree[op]).rpartition(".")[2]) if isinstance(tree[op], str) else op
            return (words % {"what": what}) + _(" over %(event)s%(within)s", event=kind, within=within)
    if "last_days" in tree:
        return _("days since the last %(event)s", event=kind) + within
    return _("number of %(event)s%(within)s", event=kind, within=within)


def _of_which(tree: Mapping[str, Any]) -> str:
    """Which of the past events an aggregate takes."""
    said = [_("with the same %(what)s", what=field_words(tree["by"]))] if tree.get("by") else []
    said += [_("where %(condition)s", condition=condition_words(tree["where"]))] if tree.get("where") else []
    return f" ({', '.join(said)})" if said else ""


def _written_span(text: Any) -> str:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    value = str(text)
    known = value[:-1].isdecimal() and value[-1:] in units
    return span(int(value[:-1]) * units[value[-1]]) if known else value


def condition_words(tree: Any) -> str:
    """A condition tree as one sentence."""
    if not isinstance(tree, dict):
        return _("always")
    for key, joint in (("all", _(" and ")), ("any", _(" or "))):
        if isinstance(tree.get(key), list):
            parts = [condition_words(t) for t in tree[key]]
            return joint.join(f"({p})" if joint in p or _(" or ") in p else p for p in parts)
    if "not" in tree:
        return _("not (%(what)s)", what=condition_words(tree["not"]))
    return _clause_words(tree)


def _clause_words(clause: Mapping[str, Any]) -> str:
    field = field_words(clause.get("field") if "field" in clause else clause)
    op, value = clause.get("op", ""), clause.get("value")
    shown = _ends(value) if op == "between" else _value(value)
    words = {
        "eq": _("%(field)s is %(value)s"),
        "ne": _("%(field)s is not %(value)s"),
        "lt": _("%(field)s is less than %(value)s"),
        "lte": _("%(field)s is at most %(value)s"),
        "gt": _("%(field)s is more than %(value)s"),
        "gte": _("%(field)s is at least %(value)s"),
        "in": _("%(field)s is one of %(value)s"),
        "not_in": _("%(field)s is none of %(value)s"),
        "contains": _("%(field)s contains %(value)s"),
        "starts_with": _("%(field)s begins with %(value)s"),
        "ends_with": _("%(field)s ends with %(value)s"),
        "exists": _("%(field)s is known"),
        "missing": _("%(field)s is not known"),
        "between": _("%(field)s is between %(value)s"),
        "within_days": _("%(field)s is within %(value)s days"),
    }.get(op, "%(field)s " + str(op) + " %(value)s")
    return words % {"field": field, "value": shown}


def _ends(value: Any) -> str:
    low, high = value if isinstance(value, list) and len(value) == 2 else (value, value)  # noqa: PLR2004 both ends
    return _("%(low)s and %(high)s", low=_value(low), high=_value(high))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        times = value.get("times")
        field = field_words(value.get("field") if "field" in value else value)
        return _("%(times)s × %(field)s", times=value_word(times), field=field) if times else field
    return value_word(value)


def when_words(trigger: Trigger) -> str:
    """When a trigger is heard, in words."""
    return _WHEN[type(trigger.when)](trigger.when)


def _absence_words(when: Absence) -> str:
    said = _(
        "%(event)s, and no %(other)s within %(time)s",
        event=event_words(when.event),
        other=event_words(when.without),
        time=span(when.within),
    )
    return said + (_(", for each %(what)s", what=field_words(when.on)) if when.on else "")


def _holiday_words(when: Holiday) -> str:
    day = format_date(date(2024, when.month, when.day), "d MMMM")  # a leap year has every day
    return _("every year on %(day)s at %(clock)s", day=day, clock=when.at.strftime("%H:%M")) + _for_segment(
        when.segment
    )


def _schedule_words(when: Schedule) -> str:
    return cron_words(when.cron) + _for_segment(when.segment)


def cron_words(cron: str) -> str:
    """The usual schedules in words: daily, on weekdays, on a day of the month; of others, the expression itself."""
    minute, hour, day, month, weekdays = cron.split()
    named = _weekdays(weekdays)
    if not (minute.isdecimal() and hour.isdecimal()) or month != "*" or (day != "*" and weekdays != "*"):
        return _("by the schedule %(cron)s", cron=cron)
    clock = f"{int(hour):02}:{int(minute):02}"
    if day.isdecimal():
        return _("on day %(day)s of every month at %(clock)s", day=day, clock=clock)
    if day == weekdays == "*":
        return _("every day at %(clock)s", clock=clock)
    if day == "*" and named:
        days = ", ".join(_("on %(day)s", day=name) for name in named)
        return _("every week %(days)s at %(clock)s", days=days, clock=clock)
    return _("by the schedule %(cron)s", cron=cron)


def _weekdays(field: str) -> list[str]:
    """The weekdays of a cron field (0 and 7 are Sunday) that is a number, a list or a range; else none."""
    first, dash, last = field.partition("-")
    wanted = [*range(int(first), int(last) + 1)] if dash and f"{first}{last}".isdecimal() else field.split(",")
    if not all(str(day).isdecimal() for day in wanted):
        return []
    names = get_day_names("wide", locale=get_locale())
    return [names[(int(day) - 1) % 7] for day in wanted]


def _for_segment(segment: str | None) -> str:
    return _(", for the segment “%(segment)s”", segment=slug_words(segment)) if segment else ""


def _occurs_words(when: Occurs) -> str:
    said = event_words(when.event)
    if when.nth is None:
        return _("%(event)s, each time", event=said)
    if when.first_only:
        return _("%(event)s, the first time", event=said)
    counted = _("%(event)s, number %(num)s", event=said, num=when.nth)
    counted += _(" within %(time)s", time=span(when.within)) if when.within else ""
    return counted + (_(" with the same %(what)s", what=field_words(when.by)) if when.by else "")


def _silence_words(when: Silence) -> str:
    events = ", ".join(event_words(kind) for kind in when.since)
    said = _("nothing for %(time)s of: %(events)s; once for each lapse", time=span(when.period), events=events)
    if when.used is None:
        return said
    return said + ngettext(
        ", after at least %(num)d time in %(time)s",
        ", after at least %(num)d times in %(time)s",
        when.used.times,
        time=span(when.used.per),
    )


def _date_words(when: Anniversary) -> str:
    what = inner(field_name(when.attribute))
    if when.offset < timedelta(0):
        said = _("%(time)s before the day “%(what)s”", time=span(-when.offset), what=what)
    elif when.offset:
        said = _("%(time)s after the day “%(what)s”", time=span(when.offset), what=what)
    else:
        said = _("on the day “%(what)s”", what=what)
    said = _("%(day)s at %(clock)s", day=said, clock=when.at.strftime("%H:%M"))
    return _("every year %(day)s", day=said) if when.yearly else said


_WHEN: Mapping[type[Any], Callable[[Any], str]] = {
    Occurs: _occurs_words,
    Absence: _absence_words,
    Silence: _silence_words,
    Anniversary: _date_words,
    Holiday: _holiday_words,
    Schedule: _schedule_words,
    Entry: lambda when: _("the customer comes into the segment “%(segment)s”", segment=slug_words(when.segment)),
    Exit: lambda when: _("the customer leaves the segment “%(segment)s”", segment=slug_words(when.segment)),
    Once: lambda when: _("once, for everybody in “%(audience)s”", audience=slug_words(when.audience)),
}


def sample_words(trigger: Trigger) -> list[str]:
    sample = trigger.sample
    said = [_("ask %(share)s", share=percent(sample.rate)) if sample.rate < 1 else _("ask everyone")]
    if sample.rate < 1:
        said.append(
            _("a new draw every %(time)s", time=span(sample.redraw)) if sample.redraw else _("the draw holds for good")
        )
    if sample.holdout:
        said.append(_("keep %(share)s never asked", share=percent(sample.holdout)))
    if sample.quota:
        said.append(_quota_words(sample.quota))
    return said


def _quota_words(quota: Quota) -> str:
    if quota.of == "invitations":
        return ngettext(
            "ask no more than %(num)d customer per %(time)s",
            "ask no more than %(num)d customers per %(time)s",
            quota.max,
            time=span(quota.per),
        )
    return ngettext(
        "stop at %(num)d answer per %(time)s",
        "stop at %(num)d answers per %(time)s",
        quota.max,
        time=span(quota.per),
    )


def then_words(trigger: Trigger, surveys: Mapping[str, str], departments: Mapping[str, str]) -> list[str]:
    """What follows, in words; ``surveys`` and ``departments`` are names by slug."""
    return [_action_words(action, trigger.class_, surveys, departments) for action in trigger.actions]


def _action_words(action: Any, class_: str, surveys: Mapping[str, str], departments: Mapping[str, str]) -> str:
    match action:
        case Send(survey=None):
            said = _("say “%(text)s” by %(channels)s", text=inner(chosen(action.text)), channels=_channels(action))
            kind = _(" (counts as “%(kind)s”)", kind=class_word(action.class_)) if action.class_ != class_ else ""
            return said + _later(action) + kind + _besides(action)
        case Send():
            told = _(
                "send %(survey)s by %(channels)s",
                survey=inner(surveys.get(action.survey or "", action.survey)),
                channels=_channels(action),
            )
            return told + _later(action) + _besides(action)
        case Task():
            due = _(", due in %(time)s of working time", time=span(action.due)) if action.due else ""
            more = _(", for whoever has the fewest") if action.least_busy else ""
            return _(
                "open a task for %(department)s: “%(title)s”%(due)s",
                department=inner(departments.get(action.department, action.department)),
                title=inner(action.title),
                due=due + {"high": _(", urgent"), "low": _(", not urgent")}.get(action.priority, "") + more,
            )
        case Notify():
            return _(
                "tell %(channel)s: “%(text)s”",
                channel=inner(departments.get(action.channel, action.channel)),
                text=inner(action.text),
            )
        case SetAttribute():
            return _("remember %(what)s as “%(name)s”", what=field_words(action.source), name=action.attribute)
        case GiveOffer():
            return _("give a code of “%(offer)s”", offer=slug_words(action.pool))
    raise TypeError(type(action).__name__)


def _later(send: Send) -> str:
    return " " + (_("after %(time)s", time=span(send.delay)) if send.delay else _("at once"))


def _besides(send: Send) -> str:
    """What else is said of a send: reminders, the end, what calls it off, what it does when a limit is in the way."""
    said = []
    if remind := send.remind:
        often_ = ngettext("remind %(num)d time", "remind up to %(num)d times", remind.times)
        said.append(_("%(often)s, after %(time)s of silence", often=often_, time=span(remind.after)))
    if send.expires:
        said.append(_("give up after %(time)s", time=span(send.expires)))
    if send.cancel_on:
        events = ", ".join(event_words(kind) for kind in sorted(send.cancel_on))
        said.append(_("called off by: %(events)s", events=events))
    if send.defer:
        said.append(_("if a limit is in the way, it waits"))
    if send.message:
        names = message_text_names()
        own = (
            _("%(what)s “%(text)s”", what=names[key], text=inner(chosen(texts))) for key, texts in send.message.items()
        )
        said.append(_("in its own words: %(texts)s", texts=", ".join(own)))
    return "".join(f"; {words}" for words in said)


def message_text_names() -> dict[str, str]:
    """What the texts around a message are called."""
    return {
        "subject": _("subject"),
        "preview": _("preview line"),
        "reason": _("reason why one gets it"),
        "benefit": _("line about what one gets for it"),
        "sender": _("sender"),
        "reply_to": _("address for replies"),
        "signature": _("signature"),
        "reminder": _("subject of a reminder"),
    }


def trigger_notes(trigger: Trigger) -> list[str]:
    """What holds besides the four sentences, where it is not as usual."""
    said = []
    if trigger.in_crisis == "run":
        said.append(_("Goes on in crisis mode."))
    elif trigger.in_crisis == "only":
        said.append(_("Works in crisis mode only."))
    if trigger.class_ != USUAL_CLASS:
        said.append(_("Counts as “%(kind)s”.", kind=class_word(trigger.class_)))
    if trigger.priority != USUAL_PRIORITY:
        said.append(
            _("Priority %(num)s: of several surveys for one event, the highest goes first.", num=trigger.priority)
        )
    if trigger.touchpoint:
        said.append(_("Belongs to the touchpoint “%(name)s”.", name=inner(trigger.touchpoint)))
    if trigger.fresh != FRESH:
        said.append(_("An event older than %(time)s is too old to ask about.", time=span(trigger.fresh)))
    if trigger.existing:
        said.append(
            ngettext(
                "%(num)d a day of those it fits today is taken.",
                "%(num)d a day of those it fits today are taken.",
                trigger.existing,
            )
        )
    return said


def _channels(send: Send) -> str:
    return _(", else ").join(channel_word(c) for c in send.channels)
