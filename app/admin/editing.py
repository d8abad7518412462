"""Definitions changed on screen: as text, with the plan and faults of ``apply``; nobody's work is lost."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.actions.definitions import ChangedMeanwhile, StillUsed, apply_definitions, archive_definition
from app.admin import blueprint
from app.admin.faults import fault_words
from app.admin.kinds import actor_word
from app.admin.rehearsals import ask, changed_since, draft_to_change
from app.admin.words import number
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.definitions import LineFault, Loaded, load_definitions, write_definition
from app.jobs import ring
from app.queries.accounts import audit_entries
from app.queries.definitions import CURRENT, MissingSecret, body_in_force, plan_changes
from app.queries.installation import company
from app.queries.timers import going_live

PAGE_OF = {
    "policy": "admin.policy",
    "surveys": "admin.surveys",
    "triggers": "admin.triggers",
    "sources": "admin.sources",
    "segments": "admin.segments",
    "departments": "admin.departments",
    "offers": "admin.offers",
}
ONE_OF = {
    "surveys": "admin.survey",
    "triggers": "admin.trigger",
    "sources": "admin.source",
    "segments": "admin.segment",
}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "policy": {
        "limits": [{"name": "one-a-month", "max": 1, "per": "30d"}],
        "exempt": ["service"],
        "quiet_hours": {"from": "21:00", "to": "09:00", "zone": "contact"},
        "complaint": {"opens_on": ["complaint.opened"], "closes_on": ["complaint.resolved"]},
    },
    "surveys": {
        "slug": "my-survey",
        "name": "My survey",
        "languages": ["en", "ru"],
        "pages": [
            {
                "questions": [
                    {
                        "id": "nps",
                        "type": "nps",
                        "text": {
                            "en": "How likely are you to recommend us?",
                            "ru": "Насколько вероятно, что вы нас порекомендуете?",
                        },
                        "required": True,
                    },
                    {
                        "id": "why",
                        "type": "text",
                        "long": True,
                        "text": {"en": "What is the main reason?", "ru": "Какова главная причина?"},
                    },
                ]
            }
        ],
        "endings": [{"text": {"en": "Thank you.", "ru": "Спасибо."}}],
    },
    "triggers": {
        "slug": "my-trigger",
        "name": "My trigger",
        "status": "draft",
        "touchpoint": "Upgrade",
        "when": {"event": "subscription.upgraded"},
        "sample": {"rate": 0.3, "redraw": "90d"},
        "then": [{"send": {"survey": "my-survey", "expires": "7d"}}],
    },
    "sources": {
        "slug": "my-service",
        "scheme": "bearer",
        "secret": {"env": "MY_SERVICE_SECRET"},
        "map": {"id": "body.id", "type": "body.type", "contact.email": "body.customer.email"},
    },
    "segments": {"slug": "premium", "if": {"field": "contact.attributes.plan", "op": "eq", "value": "premium"}},
    "departments": {
        "slug": "care",
        "name": "Customer care",
        "email": "care@example.com",
        "hours": "Mo-Fr 09:00-18:00",
        "zone": "Europe/Moscow",
    },
    "offers": {"slug": "welcome-10", "codes": ["A1B2", "C3D4"]},
}
"""What stands in the field when something new is written: the shortest that is of use."""
REHEARSED = ("policy", "triggers", "segments")
"""Kinds that change who is asked, so that they can be tried on past events."""
WIDGET_EXAMPLE = {
    "slug": "my-site",
    "name": "My site",
    "scheme": "widget",
    "origins": ["https://www.example.com"],
    "secret": {"env": "MY_SITE_SECRET"},
}


def kind_word(kind: str) -> str:
    return {
        "policy": _("contact policy"),
        "surveys": _("survey"),
        "triggers": _("trigger"),
        "sources": _("source"),
        "segments": _("segment"),
        "departments": _("department"),
        "offers": _("bonus"),
    }[kind]


def put_in_force(kind: str, slug: str, text: str, made_from: dict[str, Any] | None) -> list[LineFault]:
    """Apply one definition written as text; returns the faults, none when it is in force.

    Raises :class:`app.actions.definitions.ChangedMeanwhile`.
    """
    loaded = load_definitions({_("line"): text})
    faults = _faults(loaded, kind, slug)
    named = {(k, s) for k, bodies in loaded.catalog.bodies.items() for s in bodies}
    if not faults:
        try:
            apply_definitions(
                loaded.catalog,
                loaded.secrets,
                prune=False,
                now=utcnow(),
                actor=signed_in().email,
                made_from={(kind, slug): made_from} if slug or kind == "policy" else dict.fromkeys(named),
            )
        except MissingSecret as error:
            faults.append(LineFault(_("line"), 1, str(error)))
        else:
            ring("read_held")
    return _told(faults)


def faults_in(kind: str, slug: str, text: str) -> list[LineFault]:
    """What is wrong with a definition as it is typed."""
    return _told(_faults(load_definitions({_("line"): text}), kind, slug))


def _faults(loaded: Loaded, kind: str, slug: str) -> list[LineFault]:
    """The faults of a text; one of its own is that it speaks of something else than its page."""
    named = {(k, s) for k, bodies in loaded.catalog.bodies.items() for s in bodies}
    strange = (loaded.catalog.policy is not None and kind != "policy") or any(
        k != kind or slug not in ("", s) for k, s in named
    )
    if loaded.faults or not strange:
        return list(loaded.faults)
    said = _("This page is about one %(kind)s; its slug cannot be changed.", kind=kind_word(kind))
    return [LineFault(_("line"), 1, said)]


def _told(faults: Iterable[LineFault]) -> list[LineFault]:
    """Faults in the words of whoever reads the page."""
    return [replace(fault, message=fault_words(fault.message)) for fault in faults]


@blueprint.route("/as-text/<kind>", methods=["GET", "POST"], defaults={"slug": ""})
@blueprint.route("/as-text/<kind>/<slug>", methods=["GET", "POST"])
@staff("design")
def as_text(kind: str, slug: str) -> Any:
    """One definition as YAML; without a slug a new one, or the policy."""
    if kind not in PAGE_OF:
        abort(404)
    present = body_in_force(kind, slug) if slug or kind == "policy" else None
    if slug and present is None:
        abort(404)
    if (row := draft_to_change()) is not None:
        meanwhile = changed_since(kind, slug, row.created_at) if slug or kind == "policy" else False
        conflict = ChangedMeanwhile(kind, slug, present) if meanwhile else None
        return _page(kind, slug, row.text, made_from=present, conflict=conflict)
    if request.method == "GET":
        wanted = WIDGET_EXAMPLE if (kind, request.args.get("example")) == ("sources", "widget") else EXAMPLES[kind]
        text = write_definition(kind, _shown(kind, present) or wanted)
        return _page(kind, slug, text, made_from=present)
    if request.form.get("verb") == "check":
        return _checked(kind, slug, request.form.get("text", ""))
    if request.form.get("verb") == "rehearse" and kind in REHEARSED:
        return _rehearse(kind, slug, request.form.get("text", ""), present)
    return _save(kind, slug, request.form.get("text", ""), made_from_form())


def _checked(kind: str, slug: str, text: str) -> str:
    """The plan, or the faults; nothing is changed."""
    loaded = load_definitions({_("line"): text})
    changes = [] if loaded.faults else _plan(loaded)
    return _page(kind, slug, text, made_from=made_from_form(), faults=_told(loaded.faults), changes=changes)


def _rehearse(kind: str, slug: str, text: str, present: dict[str, Any] | None) -> Any:
    """What is typed, on past events, as long as it was made from what is in force."""
    if (slug or kind == "policy") and made_from_form() != present:
        return _page(kind, slug, text, made_from=present, conflict=ChangedMeanwhile(kind, slug, present)), 409
    if faults := faults_in(kind, slug, text):
        return _page(kind, slug, text, made_from=made_from_form(), faults=faults), 422
    return ask(text) or _checked(kind, slug, text)


def _save(kind: str, slug: str, text: str, made_from: dict[str, Any] | None) -> Any:
    try:
        faults = put_in_force(kind, slug, text, made_from)
    except ChangedMeanwhile as error:
        if not slug and kind != "policy":
            taken = LineFault(_("line"), 1, _("There is one called “%(slug)s” already.", slug=error.slug))
            return _page(kind, slug, text, made_from=made_from, faults=[taken]), 422
        return _page(kind, slug, text, made_from=error.present, conflict=error), 409
    if faults:
        return _page(kind, slug, text, made_from=made_from, faults=faults), 422
    flash(_("In force."), "good")
    if slug and kind in ONE_OF:
        return redirect(url_for(ONE_OF[kind], slug=slug), 303)
    return redirect(url_for(PAGE_OF[kind]), 303)


def made_from_form() -> dict[str, Any] | None:
    """What the author had before them; something that was never in force where the form does not say it."""
    try:
        found = orjson.loads(request.form.get("made_from") or "null")
    except orjson.JSONDecodeError:
        return {"unreadable": True}
    return found if isinstance(found, dict) else None


def _plan(loaded: Any) -> list[str]:
    try:
        said = [str(c).strip() for c in plan_changes(loaded.catalog, loaded.secrets, prune=False)]
    except MissingSecret as error:
        return [fault_words(str(error))]
    said += [matching_words(n) for n in going_live(loaded.catalog, utcnow(), company().zone).values()]
    return said


def matching_words(count: int) -> str:
    """How many match a trigger before it is live."""
    return str(
        ngettext(
            "%(count)s customer matches already.", "%(count)s customers match already.", count, count=number(count)
        )
    )


def _shown(kind: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
    """A source keeps its secret unless another is named."""
    if kind == "sources" and body and "secret" in body:
        return body | {"secret": {"keep": True}}
    return body


def _page(  # noqa: PLR0913 what one page shows
    kind: str,
    slug: str,
    text: str,
    *,
    made_from: dict[str, Any] | None,
    faults: Any = (),
    changes: Any = None,
    conflict: ChangedMeanwhile | None = None,
) -> str:
    return render_template(
        "admin/as_text.html",
        kind=kind,
        kind_word=kind_word(kind),
        rehearsed=kind in REHEARSED,
        slug=slug,
        text=text,
        made_from=orjson.dumps(made_from).decode(),
        faults=faults,
        changes=changes,
        conflict=conflict,
        theirs=write_definition(kind, conflict.present or {}) if conflict else "",
        actor_word=actor_word,
        last_change=next(iter(audit_entries(before=None, limit=1, kind=kind, name=slug or "policy")), None),
        back=url_for(ONE_OF[kind], slug=slug) if slug and kind in ONE_OF else url_for(PAGE_OF[kind]),
    )


@blueprint.post("/archive/<kind>/<slug>")
@staff("design")
def archive(kind: str, slug: str) -> Any:
    """Take something out of force; what was asked and answered stays."""
    try:
        if kind not in CURRENT or not archive_definition(kind, slug, actor=signed_in().email, now=utcnow()):
            abort(404)
    except StillUsed as error:
        said = "; ".join(fault_words(message) for message in str(error).split("; "))
        flash(_("Not archived, something in force needs it: %(what)s", what=said), "bad")
        return redirect(url_for("admin.as_text", kind=kind, slug=slug), 303)
    flash(_("Archived. Its history stays; define it again under the same slug to bring it back."), "good")
    return redirect(url_for(PAGE_OF[kind]), 303)


def changed_body(body: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A body with some of its fields set, or left out where the new value is None; the order of fields stays."""
    merged = {**body, **changes}
    return {k: v for k, v in merged.items() if v is not None}
