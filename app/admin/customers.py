"""Customers: their story, and why they were asked or not."""

from datetime import datetime
from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.actions.contacts import UnknownContact
from app.actions.deliveries import unsubscribe_person
from app.actions.erasure import erase_contact
from app.actions.links import begin_interview
from app.admin import blueprint
from app.admin.kinds import consent_words
from app.admin.reasons import survey_name
from app.admin.segments import segment_names
from app.admin.shell import whole
from app.admin.tasks import outcome_words
from app.admin.telling import telling
from app.admin.words import day, moment, not_there
from app.auth.staff import signed_in, staff
from app.channels.email import forget
from app.clock import utcnow
from app.links import survey_token
from app.queries.contacts import find_contacts, newest_addresses, public_ids, view_contact
from app.queries.explanations import Explained, imagined, missed_conditions
from app.queries.inbox import tasks_of
from app.queries.installation import company
from app.queries.segments import segment_conditions
from app.queries.stories import (
    Happened,
    count_customers,
    customers_in,
    heard_before,
    may_see,
    search_customers,
    story,
)
from app.queries.surveys import current_surveys, survey_definitions, survey_version
from app.queries.triggers import trigger_names
from surveys.wording import best_language

SHOWN = 50
STORY = 120
KINDS = {
    "all": None,
    "asked": ("decision", "message"),
    "not_asked": ("decision",),
    "answers": ("answer",),
    "tasks": ("task",),
    "events": ("event",),
}


@blueprint.get("/customers")
@staff("customers")
def customers() -> Any:
    words, slug = request.args.get("q", "")[:200], request.args.get("segment", "")
    segments = segment_conditions() if signed_in().may("read") else {}
    wanted: Any = {"department": signed_in().only_department, "limit": SHOWN + 1, "after": whole(request.args, "after")}
    if slug in segments:
        found = customers_in(segments[slug], utcnow(), words, **wanted)
    else:
        found, slug = search_customers(words, **wanted), ""
    return render_template(
        "admin/customers.html",
        rows=found[:SHOWN],
        more=found[SHOWN - 1].id if len(found) > SHOWN else None,
        q=words,
        segment=slug,
        segments=segment_names() if segments else {},
        gone=not_there(request.args.get("segment", ""), segments) if signed_in().may("read") else "",
        total=count_customers() if signed_in().only_department is None else None,
    )


def find_customer(reference: str) -> tuple[int, str]:
    """The customer that an address of this site means, and the id that means nobody else.

    404 where there is none, or not for this person. Only what is looked at may be named by an external id, and only
    where it is one customer's in every namespace; what is changed is named by ``ct_…``.
    """
    by_id = reference.startswith("ct_")
    found = find_contacts(reference, namespace="") if by_id or request.method == "GET" else []
    if len(found) != 1 or not may_see(found[0], signed_in().only_department):
        abort(404)
    return found[0], public_ids(found)[found[0]]


@blueprint.get("/customers/<path:reference>")
@staff("customers")
def customer(reference: str) -> Any:
    contact_id, reference = find_customer(reference)
    zone = company().zone
    view = view_contact(contact_id)
    if view is None:
        abort(404)
    heard = heard_before([contact_id]).get(contact_id, [])
    kind = request.args.get("show", "all")
    told = [h for h in _story(contact_id, zone) if _wanted(h, kind)]
    why = request.args.get("why", "")
    return render_template(
        "admin/customer.html",
        view=view,
        reference=reference,
        surveys={s: survey_name(definitions, s) for definitions in [survey_definitions()] for s in definitions},
        days=_by_day(told),
        kind=kind if kind in KINDS else "all",
        state=_state(contact_id, heard, view.unsubscribed_at),
        tasks=tasks_of(contact_id, signed_in().only_department),
        outcomes=outcome_words(),
        consent_words=consent_words,
        **telling(heard),
        why=why,
        answers=_why(contact_id, why, zone) if why else [],
    )


def _story(contact_id: int, zone: str) -> list[Happened]:
    return story(contact_id, limit=STORY, company_zone=zone, department=signed_in().only_department)


def _wanted(h: Happened, kind: str) -> bool:
    kinds = KINDS.get(kind)
    if kinds is None:
        return True
    if h.kind not in kinds:
        return False
    if h.decision is None:
        return True
    return (h.decision.outcome == "invited") is (kind == "asked")


def _by_day(told: list[Happened]) -> list[tuple[str, list[Happened]]]:
    days: dict[str, list[Happened]] = {}
    for h in told:
        days.setdefault(day(h.at), []).append(h)
    return list(days.items())


def _state(contact_id: int, heard: list[datetime], unsubscribed_at: datetime | None) -> str:
    """In words: whether they can be asked, and when they were asked last."""
    now = utcnow()
    past = [at for at in heard if at <= now]
    if unsubscribed_at:
        return _("Unsubscribed on %(day)s: nobody writes to them any more.", day=day(unsubscribed_at))
    if not newest_addresses([contact_id]).get(contact_id):
        return _("There is no address to reach them at.")
    if not past:
        return _("Was never asked yet.")
    return ngettext(
        "Heard from us last on %(when)s; %(num)d time in all.",
        "Heard from us last on %(when)s; %(num)d times in all.",
        len(past),
        when=moment(past[-1]),
    )


def _why(contact_id: int, slug: str, zone: str) -> list[tuple[Explained, bool]]:
    """For one trigger: if its event happened now, and the last events that its condition turned away."""
    known = trigger_names()
    if slug not in known:
        return []
    found = imagined(contact_id, slug, utcnow(), zone)
    missed = missed_conditions(contact_id, slug, 5, zone)
    return [*([(found, True)] if found else []), *((m, False) for m in missed)]


@blueprint.post("/customers/interview")
@staff("customers")
def interview() -> Any:
    """Open a survey for a customer who is on the phone or at the counter; the answer says who filled it in."""
    contact_id, reference = find_customer(request.form.get("reference", ""))
    slug, view = request.form.get("survey", ""), view_contact(contact_id)
    found = current_surveys().get(slug)
    if found is None or view is None or slug not in survey_definitions():
        abort(404)
    if survey_version(found[0]).anonymous:
        flash(_("This survey is anonymous: only the customer can fill it in."))
        return redirect(url_for("admin.customer", reference=reference), 303)
    version_id, languages = found
    readers = survey_version(version_id).sensitive
    if readers and signed_in().role not in readers:  # the page shows what was answered so far
        flash(_("This survey is sensitive: only whoever may read its answers can fill it in for somebody."))
        return redirect(url_for("admin.customer", reference=reference), 303)
    language = best_language((view.locale,), languages)
    public_id = begin_interview(contact_id, version_id, language, signed_in().email, utcnow())
    return redirect(f"/s/{survey_token(public_id)}", 303)


@blueprint.post("/customers/unsubscribe")
@staff("design")
def unsubscribe_customer() -> Any:
    contact_id, reference = find_customer(request.form.get("reference", ""))
    unsubscribe_person(contact_id, signed_in().email, utcnow())
    flash(_("Unsubscribed. Nothing more is sent to this customer."), "good")
    return redirect(url_for("admin.customer", reference=reference), 303)


@blueprint.route("/erase", methods=["GET", "POST"])
@staff("people")
def erase_customer() -> Any:
    """Erasure asks twice: here it says what goes, and wants the reference typed."""
    contact_id, reference = find_customer(request.values.get("reference", ""))
    fault = None
    if request.method == "POST":
        if request.form.get("typed", "").strip() == reference:
            try:
                forget(current_app.config["DATA_DIR"] / "mail", erase_contact(contact_id, utcnow(), signed_in().email))
            except UnknownContact:
                abort(404)
            flash(_("Erased. What remains is a keyed hash, so that the address stays left in peace."), "good")
            return redirect(url_for("admin.customers"), 303)
        fault = _("This is not what stands above.")
    view = view_contact(contact_id)
    return render_template("admin/erase.html", reference=reference, view=view, fault=fault), 422 if fault else 200
