"""How the staff site speaks: languages, moments in the viewer's zone, figures, and the files of a page."""

from collections.abc import Container, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from math import isfinite
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal
from babel.units import format_unit
from flask import Flask, current_app, request, session, url_for
from flask_babel import Babel, get_locale
from flask_babel import gettext as _
from markupsafe import Markup
from wtforms.fields.choices import SelectChoice

from app.admin.shell import csrf, navigation, notices
from app.auth.staff import viewer, zone_of
from app.clock import utcnow
from surveys.wording import pick

LANGUAGES = {"en": "English", "ru": "Русский"}
ZONES = [*sorted(z for z in available_timezones() if "/" in z and not z.startswith(("Etc/", "SystemV/"))), "UTC"]
SAYABLE = 1e15
"""From here on a figure is written as mathematicians do."""
RECENT = timedelta(hours=20)
IN_A_SENTENCE = {"ru": {"секунда": "секунду", "минута": "минуту", " ": "\u00a0"}}
"""What changes between the name of a length of time and its place in a sentence: case, and no line break."""
SHOWN_OF_A_NAME = 60
"""Of a name that stands in an address, and may be anything."""
INNER_QUOTES = {"ru": str.maketrans("«»", "„“"), "en": str.maketrans("“”", "‘’")}


def choose_language() -> str:
    """The viewer's own language, else what was chosen before signing in, else what the browser asks for."""
    who = viewer()
    chosen = who.account.language if who else session.get("language")
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES, "en")


def register(app: Flask) -> None:
    app.config.update(
        BABEL_TRANSLATION_DIRECTORIES=str(Path(__file__).parent.parent / "translations"), BABEL_DEFAULT_LOCALE="en"
    )
    Babel(app, locale_selector=choose_language, timezone_selector=lambda: str(zone_of(viewer())))
    app.jinja_env.filters.update(
        role_word=role_word,
        moment=moment,
        day=day,
        clock=clock,
        ago=ago,
        number=number,
        chosen=chosen,
        lines=lines,
        span=span,
        inner=inner,
        ended=ended,
    )
    app.context_processor(_frame)


def _frame() -> dict[str, Any]:
    """What every page of the site can say; the pages of customers need none of it."""
    if request.blueprint == "respond":
        return {}
    return {
        "viewer": viewer(),
        "language": _locale(),
        "LANGUAGES": LANGUAGES,
        "asset": asset,
        "now": utcnow(),
        "navigation": navigation,
        "notices": notices,
        "csrf": csrf,
    }


def _locale() -> str:
    return str(get_locale() or "en")


def _local(at: datetime) -> datetime:
    return at.astimezone(zone_of(viewer()))


def moment(at: datetime | None) -> str:
    """``21 Nov 2026, 12:04`` on the viewer's clock; this year's without the year."""
    if at is None:
        return ""
    local = _local(at)
    year = "" if local.year == _local(utcnow()).year else " y"
    return (
        f"{format_datetime(local, f'd MMM{year}', locale=_locale())}, {format_time(local, 'HH:mm', locale=_locale())}"
    )


def day(at: datetime | date | None) -> str:
    """``21 November``; with the year when it is another."""
    if at is None:
        return ""
    on = _local(at).date() if isinstance(at, datetime) else at
    form = "d MMMM" if on.year == _local(utcnow()).year else "d MMMM y"
    return str(format_date(on, form, locale=_locale()))


def clock(at: datetime | None) -> str:
    return str(format_time(_local(at), "HH:mm", locale=_locale())) if at else ""


def ago(at: datetime | None) -> str:
    """``5 minutes ago``, ``in 2 hours``; beyond a day the moment itself."""
    if at is None:
        return ""
    apart = at - utcnow()
    if abs(apart) > RECENT:
        return moment(at)
    if abs(apart) < timedelta(seconds=45):
        return _("just now")
    return str(format_timedelta(apart, add_direction=True, locale=_locale()))


def span(length: timedelta | int | None) -> str:
    """``3 days``, ``2 hours``: the largest unit that says it well; in Russian as an object, ``21 минуту``."""
    said = _span(length)
    for named, wanted in IN_A_SENTENCE.get(_locale(), {}).items():
        said = said.replace(named, wanted)
    return said


def _span(length: timedelta | int | None) -> str:
    if length is None:
        return ""
    length = length if isinstance(length, timedelta) else timedelta(seconds=length)
    granularity = "day" if length >= timedelta(days=2) and length.days < 700 else "second"  # noqa: PLR2004 "30 days", not "4 weeks"
    if granularity == "day":
        return str(_days(length.days))
    return str(format_timedelta(length, locale=_locale(), threshold=1.2))


def _days(n: int) -> str:
    return format_unit(n, "duration-day", locale=_locale())


def number(value: float | None, digits: int = 0) -> str:
    """A figure as the language writes it; a dash where there is none."""
    if value is None:
        return "–"
    if not isfinite(value) or abs(value) >= SAYABLE:
        return f"{value:g}"
    pattern = "#,##0" + ("." + "#" * digits if digits else "")
    return str(format_decimal(round(value, digits), pattern, locale=_locale())).replace("-", "\u2212")


def chosen(texts: Any) -> str:
    """A text of a definition in the viewer's language."""
    return pick(texts, _locale()) if isinstance(texts, dict) and texts else str(texts or "")


def inner(value: Any) -> str:
    """A text that stands in quotes, with its own quotes turned into the inner ones."""
    return str(value).translate(INNER_QUOTES[_locale()])


def ended(value: Any) -> str:
    """A name as the end of a sentence: with a full stop, unless it ends by itself."""
    text = str(value)
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def lines(value: str) -> Markup:
    """Text of a customer with its line breaks, and nothing else of what it may contain."""
    return Markup("<br>").join(str(value).splitlines())


def choices(words: Mapping[str, Any]) -> list[SelectChoice]:
    """The options of a select field: value → what it is called."""
    return [SelectChoice(value, label) for value, label in words.items()]


def asset(name: str) -> str:
    """The address of a file of ours, which changes when the file does, so that browsers may keep it for good."""
    return url_for("static", filename=name, v=_print(str(Path(current_app.static_folder or "") / name)))


@lru_cache(maxsize=100)
def _print(path: str) -> str:
    return blake2b(Path(path).read_bytes(), digest_size=6).hexdigest()


def role_word(role: str) -> str:
    return {
        "admin": _("administrator"),
        "designer": _("designer"),
        "manager": _("manager"),
        "agent": _("agent"),
    }.get(role, role)


def not_there(slug: str, known: Container[str]) -> str:
    """What a filter of the address names, where there is no such thing any more; else nothing."""
    return slug[:SHOWN_OF_A_NAME] if slug and slug not in known else ""
