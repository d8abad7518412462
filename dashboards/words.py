"""Figures, days and verdicts as the viewer's language writes them."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from flask_babel import get_locale, get_timezone, gettext, lazy_gettext
from flask_babel import ngettext as _ngettext

_: Callable[..., str] = gettext
ngettext: Callable[..., str] = _ngettext
MINUS, NONE = "\u2212", "\u2013"

TOPIC_NAMES = {
    "late": lazy_gettext("late"),
    "cold": lazy_gettext("cold"),
    "missing": lazy_gettext("missing"),
    "taste": lazy_gettext("taste"),
    "quality": lazy_gettext("quality"),
    "price": lazy_gettext("price"),
    "courier": lazy_gettext("courier"),
    "app": lazy_gettext("app"),
    "support": lazy_gettext("support"),
    "packaging": lazy_gettext("packaging"),
    "choice": lazy_gettext("choice"),
}
CHANNEL_NAMES = {
    "email": lazy_gettext("E-mail"),
    "web": lazy_gettext("Website"),
    "link": lazy_gettext("Open link"),
    "import": lazy_gettext("Imported"),
}
LOSSES = {
    "no_question": lazy_gettext("nothing asks about them"),
    "not_sampled": lazy_gettext("not in the sample"),
    "stale": lazy_gettext("came too late"),
    "not_live": lazy_gettext("trigger was paused"),
    "loop": lazy_gettext("chain of events too long"),
    "contact_limit": lazy_gettext("contact limit"),
    "complaint_open": lazy_gettext("a complaint is open"),
    "crisis": lazy_gettext("crisis mode"),
    "holdout": lazy_gettext("control group"),
    "quota_full": lazy_gettext("enough answers"),
    "superseded": lazy_gettext("another survey went first"),
    "no_consent": lazy_gettext("no consent"),
    "unsubscribed": lazy_gettext("unsubscribed"),
    "suppressed": lazy_gettext("address does not accept mail"),
    "unreachable": lazy_gettext("no address"),
    "unknown_contact": lazy_gettext("customer unknown"),
    "ambiguous_contact": lazy_gettext("two customers in one event"),
    "not_sent": lazy_gettext("called off or not sent yet"),
    "no_answer": lazy_gettext("no answer yet"),
    "no_task": lazy_gettext("nothing to follow up"),
}


def locale() -> str:
    return str(get_locale() or "en")


def number(value: float | None, digits: int = 0, *, signed: bool = False) -> str:
    """A figure with a fixed number of digits; a dash where there is none."""
    if value is None:
        return NONE
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    rounded = round(value, digits) or 0
    written = str(format_decimal(abs(rounded), pattern, locale=locale()))
    sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
    return sign + written


def day(on: date, *, year: bool = False) -> str:
    return str(format_date(on, "d MMMM y" if year else "d MMMM", locale=locale()))


def short_day(on: date) -> str:
    return str(format_date(on, "d MMM", locale=locale()))


def span(begin: date, end: date) -> str:
    return f"{short_day(begin)} {NONE} {short_day(end)}"


def month(on: date) -> str:
    return str(format_date(on, "LLL", locale=locale()))


def month_of_year(on: date) -> str:
    return str(format_date(on, "LLL y", locale=locale()))


def moment(at: datetime) -> str:
    return str(format_datetime(at.astimezone(get_timezone()), "d MMM, HH:mm", locale=locale()))


def topic(name: str) -> str:
    return str(TOPIC_NAMES.get(name, name))


def channel(name: str) -> str:
    return str(CHANNEL_NAMES.get(name, name))


def loss(reason: str) -> str:
    return str(LOSSES.get(reason, reason))


def touchpoint(name: str | None) -> str:
    return name or _("No touchpoint")


def plain(value: Any) -> str:
    """A score as it was given: without a fraction where it has none."""
    return number(float(value), 0 if float(value).is_integer() else 1)
