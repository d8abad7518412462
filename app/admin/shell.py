"""The frame around every staff page: where one can go, and what everybody has to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from flask_babel import format_datetime, lazy_gettext, ngettext
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from app.auth.staff import signed_in
from app.clock import utcnow
from app.queries.crises import lasting_crises, paused_triggers
from app.queries.deliveries import sending_stopped

ID_MAX = 2**63 - 1


@dataclass(frozen=True)
class Place:
    """One entry of the bar. ``late`` ones move to More under 1100 px; ``phone`` ones stand in the bottom bar."""

    name: str
    url: str
    here: bool
    main: bool
    late: bool
    phone: bool
    icon: str


# name, endpoint, right, in the bar, moves to More when it is narrow, in the phone's bar, icon
PLACES = (
    (lazy_gettext("Follow one customer"), "demo.begin", "self", False, False, False, ""),
    (lazy_gettext("Mailbox"), "demo.mailbox", "self", False, False, False, ""),
    (lazy_gettext("Home"), "admin.home", "home", True, False, True, "home"),
    (lazy_gettext("Surveys"), "admin.surveys", "read", True, False, False, ""),
    (lazy_gettext("Triggers"), "admin.triggers", "read", True, False, False, ""),
    (lazy_gettext("Policy"), "admin.policy", "read", True, True, False, ""),
    (lazy_gettext("Tasks"), "admin.tasks", "tasks", True, False, True, "tasks"),
    (lazy_gettext("Dashboard"), "/dashboards/", "dashboard", True, False, True, "dashboard"),
    (lazy_gettext("Customers"), "admin.customers", "customers", True, True, True, "customers"),
    (lazy_gettext("Segments"), "admin.segments", "read", False, False, False, ""),
    (lazy_gettext("Bonuses"), "admin.offers", "read", False, False, False, ""),
    (lazy_gettext("Sources"), "admin.sources", "sources", False, False, False, ""),
    (lazy_gettext("Sending"), "admin.sending", "sending", False, False, False, ""),
    (lazy_gettext("Departments"), "admin.departments", "read", False, False, False, ""),
    (lazy_gettext("People"), "admin.people", "people", False, False, False, ""),
    (lazy_gettext("Keys"), "admin.keys", "settings", False, False, False, ""),
    (lazy_gettext("Settings"), "admin.settings", "settings", False, False, False, ""),
    (lazy_gettext("Audit"), "admin.audit", "audit", False, False, False, ""),
)


def navigation() -> list[Place]:
    """The pages this person may open, and which of them they are on."""
    who = signed_in()
    found = []
    for name, endpoint, right, main, late, phone, icon in PLACES:
        if who.may(right) and (current_app.config["DEMO"] or not endpoint.startswith("demo.")):
            url = endpoint if endpoint.startswith("/") else url_for(endpoint)
            here = request.path == url or request.path.startswith(url.rstrip("/") + "/")
            found.append(Place(str(name), url, here, main, late, phone, icon))
    return found


@dataclass(frozen=True)
class Notice:
    """What stands above every page; ``ends`` is where a press ends it, for whoever may."""

    text: str
    ends: str | None = None


def notices() -> Sequence[Notice]:
    """What everybody at a screen has to know, whatever they are doing."""
    found = []
    if sending_stopped():
        found.append(Notice(_("Sending is stopped: nobody gets a message until it is switched on again.")))
    found += [_crisis_notice(crisis) for crisis in lasting_crises(utcnow())]
    if only := current_app.config["SEND_ONLY_TO"]:
        found.append(Notice(_("Trying out: messages go only to %(addresses)s.", addresses=only)))
    return found


def _crisis_notice(crisis: Any) -> Notice:
    about = crisis.value or _("the whole company")
    ends = format_datetime(crisis.ends_at, "d MMM, HH:mm")
    said = _("Crisis mode for %(what)s until %(when)s", what=about, when=ends)
    paused = paused_triggers(crisis)
    count = ngettext("%(num)d trigger paused", "%(num)d triggers paused", paused)
    may_end = signed_in().may("crisis")
    return Notice(f"{said} · {count}", url_for("admin.stop_crisis", crisis_id=crisis.id) if may_end else None)


def whole(values: Mapping[str, str], name: str) -> int:
    """A number that a request names, as far as an id can be one; 0 for everything else."""
    text = values.get(name, "")
    value = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(ID_MAX)) else 0
    return value if value <= ID_MAX else 0


def csrf() -> Markup:
    """The hidden field that every form of a session carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())
