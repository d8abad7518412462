"""Entries of the audit log in words: what was done, to what, and how."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from app.admin.editing import PAGE_OF, kind_word
from app.admin.policy import scope_words
from app.admin.reasons import value_word
from app.admin.words import moment, role_word
from app.queries.accounts import Audited


def done_words(entry: Audited) -> str:
    """``Changed: trigger``; the object itself stands beside it."""
    return _("%(verb)s: %(kind)s", verb=_begun(entry) or _verb(entry.verb), kind=_kind(entry.kind))


def object_word(entry: Audited) -> str:
    """What it was done to; a policy and the sending of all are named by their kind."""
    return "" if entry.object in ("policy", "all", "company") else entry.object


def _begun(entry: Audited) -> str:
    """Sending goes on; a crisis begins."""
    return pgettext("audit", "Begun") if (entry.verb, entry.kind) == ("start", "crisis") else ""


def _verb(verb: str) -> str:
    return {
        "create": pgettext("audit", "Made"),
        "update": pgettext("audit", "Changed"),
        "archive": pgettext("audit", "Archived"),
        "password": pgettext("audit", "New password"),
        "settle": pgettext("audit", "Settled"),
        "stop": pgettext("audit", "Stopped"),
        "start": pgettext("audit", "Let go on"),
        "unsubscribe": pgettext("audit", "Unsubscribed"),
        "erase": pgettext("audit", "Erased"),
        "revoke": pgettext("audit", "Revoked"),
        "remove": pgettext("audit", "Taken away"),
        "ask": pgettext("audit", "Asked for"),
        "read": pgettext("audit", "Read"),
        "see": pgettext("audit", "Looked at"),
        "end": pgettext("audit", "Ended"),
        "interview": pgettext("audit", "Began an interview"),
        "comment": pgettext("audit", "Commented"),
        "redrive": pgettext("audit", "Tried again"),
    }.get(verb, verb)


def _kind(kind: str) -> str:
    if kind in PAGE_OF:
        return kind_word(kind)
    return {
        "people": _("account"),
        "keys": _("key"),
        "sending": _("sending"),
        "customer": _("customer"),
        "changes": _("marked change"),
        "targets": _("target"),
        "digests": _("figures sent again and again"),
        "lists": _("list of customers"),
        "links": _("open link"),
        "answers": _("answers to a sensitive survey"),
        "settings": _("settings of the company"),
        "check": _("check of the limits"),
        "profile": _("own profile"),
        "tasks": _("task"),
        "customers": _("customer"),
        "crisis": _("crisis mode"),
        "survey drafts": _("draft of a survey"),
        "events": _("events that were set aside"),
        "effects": _("tasks, notes and attributes that were set aside"),
    }.get(kind, kind)


def detail_words(detail: Mapping[str, Any] | None) -> str:
    return "; ".join(f"{_detail(name)}: {_value(name, value)}" for name, value in (detail or {}).items())


def _detail(name: str) -> str:
    return {
        "fields": _("fields"),
        "role": _("role"),
        "department": _("department"),
        "disabled": _("account closed"),
        "became": _("became of it"),
        "source": _("source"),
        "scopes": _("it may"),
        "name": _("name"),
        "answer": _("answer"),
        "customer": _("customer"),
        "file": _("file"),
        "day": _("day"),
        "value": _("value"),
        "n": _("how many"),
        "scope": _("for"),
        "ends_at": _("until"),
        "survey": _("survey"),
    }.get(name, name)


def _value(name: str, value: Any) -> str:
    if name == "fields" and isinstance(value, list):
        return ", ".join(_field(str(each)) for each in value)
    words: dict[str, Callable[[str], str]] = {"became": _became, "role": role_word, "scope": _scope, "ends_at": _moment}
    return words[name](str(value)) if name in words else value_word(value)


def _field(name: str) -> str:
    """A field of a definition by its name; the codes of a bonus are counted instead."""
    n, _space, what = name.partition(" ")
    if what == "new codes":
        return ngettext("%(num)d new code", "%(num)d new codes", int(n))
    return {
        "company_name": _("name"),
        "company_zone": _("time zone"),
        "mail_from": _("sender of mails"),
        "brand_colour": _("colour"),
        "logo": _("logo"),
        "name": _("name"),
        "language": _("language"),
        "zone": _("time zone"),
        "theme": _("theme"),
    }.get(name, name)


def _scope(scope: str) -> str:
    return scope_words().get(scope, scope)


def _moment(at: str) -> str:
    return moment(datetime.fromisoformat(at))


def _became(outcome: str) -> str:
    return {"arrived": _("arrived"), "lost": pgettext("sending", "lost")}.get(outcome, outcome)
