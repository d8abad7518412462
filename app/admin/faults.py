"""What was found wrong with a definition, a payload or a sending, said in the reader's language.

The rules name their faults in English, once; here each is known again by its words, so that they stay free of any site.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from flask_babel import gettext

from app.admin.reasons import plain_reason

N_ = str  # the extractor knows it: a message that is translated elsewhere

TEMPLATES = (
    # definitions
    N_("%(key)s is missing: the scheme %(scheme)s needs it"),
    N_("%(key)s is missing"),
    N_("%(key)s is built in"),
    N_("%(key)s is not set in the environment"),
    N_("%(key)s stands here twice"),
    N_("%(key)s takes no value"),
    N_("a question of type %(kind)s has no %(key)s"),
    N_("a statement asks for no answer"),
    N_("two quotas have the same name"),
    N_("an anonymous survey gives no codes: whoever uses one is known"),
    N_("an anonymous survey calls nobody: whoever is called is known"),
    N_("an ending that leads away cannot ask for a number"),
    N_("is wider than from min to max"),
    N_("leaves no page for the others; give them one with for: known or anonymous"),
    N_("min is larger than max"),
    N_('must be a colour in quotes, like "#5b5bd6"'),
    N_('must be a day in quotes, like "2026-12-31", or today'),
    N_("must be a web address, like https://example.com/review"),
    N_("must be the id of a later page, or end"),
    N_("must be the name of a stored picture: 32 digits and letters from a to f"),
    N_("there is already a page %(name)s"),
    N_("a segment cannot look at segments"),
    N_("a segment looks at contacts and their past events only"),
    N_("at most %(most)s secrets are live at a time"),
    N_("belongs to the scheme %(scheme)s"),
    N_("%(event)s cannot both start it and call it off"),
    N_("comes after the link has closed; expires must be longer"),
    N_("leaves no day on which anything could go out"),
    N_("must be a country like RU or DE, or contact"),
    N_("must be a country like RU or DE"),
    N_("must be at least an hour"),
    N_("needs either responses or invitations"),
    N_("needs weekdays or holidays"),
    N_("cannot look at other events"),
    N_("comes of what this trigger sends itself; a condition on properties.survey must exclude that"),
    N_("from and to are the same"),
    N_("has more than %(most)s comparisons"),
    N_("has more than %(most)s entries"),
    N_("is for silence, a date that comes once, entering a segment and now; here nobody matches already"),
    N_("is longer than %(most)s characters"),
    N_("is no object, so nothing can be put into it"),
    N_("is nested deeper than %(most)s"),
    N_("is not a cron expression: %(why)s"),
    N_("is not JMESPath: %(why)s"),
    N_("is not a part of an event; see id, type, occurred_at, contact.email, properties.amount"),
    N_("is the moment that this trigger itself would be"),
    N_("is the event itself, so it could never stay away"),
    N_("is of no use here: a page says what happened in our own words"),
    N_("must be a condition: {field, op, value}, or all, any, not"),
    N_("must be a duration like 30d, 4h, 15m or 0s"),
    N_("must be a list of at most %(most)s texts"),
    N_("must be a list"),
    N_("must be a mapping of fields"),
    N_("must be a mapping"),
    N_("must be a number from %(low)s to %(high)s"),
    N_("must be a pair of bounds"),
    N_("must be a path that begins with answers or properties"),
    N_("must be a path that begins with properties"),
    N_("must be a path that begins with %(roots)s"),
    N_('must be a day of the year in quotes, like "03-08"; there is no such day'),
    N_('must be a time of day in quotes, like "21:00"'),
    N_("must be a time zone like Europe/Moscow"),
    N_("must be a whole number from %(low)s to %(high)s"),
    N_("must be an attribute, like %(path)s"),
    N_("must be an e-mail address"),
    N_("must be an origin like https://shop.example, without a path"),
    N_("must be at least a day"),
    N_('must be five fields: minute, hour, day, month, weekday, like "0 10 1 * *"'),
    N_("must be less than a year for a day of every year"),
    N_("must be at most %(most)s days"),
    N_('must be hours like "Mo-Fr 09:00-18:00; Sa 10:00-14:00"'),
    N_("must be letters, digits and underscores"),
    N_("must be longer than nothing"),
    N_("must be lower-case letters, digits and dashes, like nps-upgrade"),
    N_("must be one action: %(options)s"),
    N_("says %(what)s, but no offer of this trigger gives a code"),
    N_("must be one of %(options)s"),
    N_("must be text, a number, true or false"),
    N_("must be text"),
    N_("must be the key of a part"),
    N_("must be true or false"),
    N_("must be true"),
    N_("must be {env: NAME} or {keep: true}: a secret has no place in a file"),
    N_("must be {env: NAME} or {keep: true}"),
    N_("must say when: %(options)s"),
    N_("must have between %(least)s and %(most)s entries"),
    N_("needs a field or events to look at"),
    N_("needs a text in at least one language"),
    N_("needs a text in %(language)s, the survey's first language"),
    N_("needs exactly one of %(options)s"),
    N_("never comes: no day is like that"),
    N_("now is for those who are there already; leave this out, or spread them with per_day"),
    N_("not YAML: %(why)s"),
    N_("not a plain value: %(why)s"),
    N_("source %(key)s has no secret to keep; name one with {env: NAME}"),
    N_("the file unfolds to more than %(most)s values, or deeper than %(deep)s"),
    N_("the first page is always shown"),
    N_("the id %(key)s is used twice, or is not free"),
    N_("the key must be text"),
    N_("the name of a field must be plain"),
    N_("the number is too large"),
    N_("there is a policy already"),
    N_("there is already one called %(key)s"),
    N_("there is no %(what)s, so the trigger cannot be %(status)s"),
    N_("there is no %(what)s"),
    N_("two answers have the same value"),
    N_("two limits have the same name"),
    N_("unknown field; known here are %(options)s"),
    # payloads
    N_("An event is an object."),
    N_("Contains the character NUL."),
    N_("Field may not be null."),
    N_("Invalid input type."),
    N_("Invalid value."),
    N_("Is taken by another event."),
    N_("Larger than %(most)s bytes."),
    N_("Length must be between %(least)s and %(most)s."),
    N_("Lies before %(year)s."),
    N_("Lies in the future."),
    N_("Longer than maximum length %(most)s."),
    N_("Missing data for required field."),
    N_("NaN and Infinity are not JSON."),
    N_("Nested deeper than %(most)s."),
    N_("Not JSON: %(why)s."),
    N_("Not a valid boolean."),
    N_("Not a valid datetime."),
    N_("Not a valid mapping type."),
    N_("Not a valid string."),
    N_("Shorter than minimum length %(least)s."),
    N_("The source is gone."),
    N_("Types that begin with %(root)s. are Otklik's own."),
    N_("Unknown field."),
    N_("Use letters, digits and . : / - _, at most 200."),
    # sendings
    N_("connection lost while handing over: %(why)s"),
    N_("connection lost: %(why)s"),
    N_("not in OTKLIK_SEND_ONLY_TO"),
    N_("settled by hand: not sent"),
    N_("the mail cannot be written: %(why)s"),
    N_("the mail server cannot be reached: %(why)s"),
    N_("the mail server cannot take this address: %(why)s"),
    N_("the worker died of it, time and again"),
    N_("the worker stopped in the middle of handing over"),
)
PLACE = re.compile(r"[\w.\[\]-]+: ")
"""A fault of a definition begins with where it stands: ``limits.0.max: must be …``."""


def fault_words(text: str) -> str:
    """A fault in the reader's language; what is not known stays as it is."""
    place = PLACE.match(text)
    if place and (found := _known(text[place.end() :])):
        return place[0] + found
    return _known(text) or plain_reason(text)


def _known(text: str) -> str | None:
    for template in TEMPLATES:
        if seen := _pattern(template).fullmatch(text):
            return str(gettext(template) % seen.groupdict()) if seen.groupdict() else str(gettext(template))
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(template)), re.DOTALL)


def fault_lines(errors: Mapping[str, Any] | None, where: str = "") -> Iterator[tuple[str, str]]:
    """The faults of a payload, one by one: the field as a path, and what is wrong with it."""
    for name, said in (errors or {}).items():
        path = where if name == "_schema" else f"{where}.{name}" if where else str(name)
        if isinstance(said, Mapping):
            yield from fault_lines(said, path)
        else:
            yield path, " ".join(fault_words(str(each)) for each in ([said] if isinstance(said, str) else said))
