"""The survey builder: a draft that saves itself part by part, and what its editors are told."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf

from app.actions.drafts import (
    Changed,
    Editor,
    MadeFromAnother,
    SlugTaken,
    UnknownDraft,
    remove_draft,
    replace_draft,
    save_draft,
    start_draft,
)
from app.actions.pictures import store_picture
from app.admin import blueprint
from app.admin.builder_words import builder_words, stop_words, type_fields, type_groups, warning_words
from app.admin.faults import fault_words
from app.admin.reading import condition_words
from app.admin.reasons import survey_name
from app.admin.surveys import FIGURES_OF, deliver_test
from app.admin.words import LANGUAGES, clock
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.inbound.pictures import BYTES_MAX, SIDE_MAX, NotAPicture, PictureTooLarge, read_picture
from app.links import draft_url, seen_as_proof
from app.queries.contacts import find_contacts, public_ids
from app.queries.drafts import Written, customer_facts, find_written, in_force, people_names, taken_slugs
from app.queries.installation import company
from app.queries.offers import offer_definitions
from app.queries.results import stops
from app.text.beginnings import SCORES, beginnings, first_body
from app.text.drafted import message_to_look_at
from app.text.phrases import phrases
from surveys.catalog import broken_references, read_catalog
from surveys.definition import SLUG, InvalidDefinition, read
from surveys.drafts import FIXED, HEAD, Draft, place_of, put_together, read_changes, showable
from surveys.review import expected_seconds
from surveys.survey import ROLES

SHAPES = ("phone", "desktop", "mail", "popup")
WAYS = ("mail", "popup")
"""Shapes that are no page of the survey, but what leads to it."""
SLUG_MAX = 64
ADDRESSES = frozenset({"new"})
"""Slugs that are addresses of something else."""
SPOKEN = ("en", "ru")
LETTERS = dict(zip("абвгдеёзийклмнопрстуфхыэ", "abvgdeeziiklmnoprstufhye", strict=True)) | {
    "ж": "zh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "sch",
    "ъ": "",
    "ь": "",
    "ю": "yu",
    "я": "ya",
}


@blueprint.get("/surveys/<slug>/build")
@staff("design")
def build_survey(slug: str) -> Any:
    """The editor; whoever only looks begins no draft."""
    written = find_written(slug)
    if written is None:
        abort(404)
    live = in_force(slug)
    return render_template(
        "admin/builder.html",
        slug=slug,
        name=survey_name({slug: written.body}, slug),
        live=live[0] if live else None,
        groups=type_groups(),
        given={
            "slug": slug,
            **_told(written.draft, slug, written.revision),
            "parts": written.draft.parts,
            "based_on": written.based_on,
            "live": live[0] if live else None,
            "stops": url_for("admin.see_stops", slug=slug) if live else "",
            "words": builder_words(),
            "types": type_fields(),
            "languages": LANGUAGES,
            "preview": draft_url(slug),
            "starts": beginnings(),
            "usual": {
                name: {code: phrases(code)[name] for code in SPOKEN} for name in ("subject", "reason", "reminder")
            },
            "shapes": SHAPES,
            "ways": WAYS,
            "roles": ROLES,
            "bonuses": list(offer_definitions()),
            "me": signed_in().email,
            "save": url_for("admin.save_survey_draft", slug=slug),
            "seen_as": url_for("admin.see_draft_as", slug=slug),
            "pictures": url_for("admin.add_survey_picture"),
            "token": generate_csrf(),
            "colour": company().colour,
        },
    )


def _told(draft: Draft, slug: str, revision: int) -> dict[str, Any]:
    """What editors need to know of a draft besides its parts."""
    body = put_together(draft, slug)
    return {
        "revision": revision,
        "pages": draft.pages,
        "endings": draft.endings,
        "marks": {key: [mark.revision, mark.by, mark.wanted_by] for key, mark in draft.marks.items()},
        "faults": draft_faults(draft, body),
        "warnings": [{"key": key, "place": [*place], "text": text} for key, place, text in warning_words(draft, body)],
        "sentences": _sentences(draft.parts),
        "seconds": expected_seconds(body),
    }


def draft_faults(draft: Draft, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What stands in the way of publishing, by part."""
    catalog, faults = read_catalog([{"surveys": [body]}])
    faults += broken_references(catalog, {"offers": set(offer_definitions())})
    found = []
    for fault in faults:
        key, place = place_of(draft, fault.path[3:])
        found.append({"key": key, "place": [*place], "text": fault_words(fault.message)})
    return found


def _sentences(parts: Mapping[str, Any]) -> dict[str, str]:
    """The conditions of the draft, read aloud."""
    trees = {key: part.get("show_if", part.get("if")) for key, part in parts.items() if key not in FIXED}
    quotas = parts[HEAD].get("quotas")
    for number, quota in enumerate(quotas if isinstance(quotas, list) else ()):
        trees[f"{HEAD}.quotas.{number}"] = quota.get("if") if isinstance(quota, dict) else None
    return {key: condition_words(tree) for key, tree in trees.items() if tree is not None}


@blueprint.post("/surveys/<slug>/draft")
@staff("design")
def save_survey_draft(slug: str) -> Any:
    """What an editor did since they saved last; or nothing, to hear what others did."""
    sent = _sent()
    try:
        changes = read(sent.get("changes", []), read_changes)
    except InvalidDefinition as error:
        return jsonify({"message": str(error)}), 422
    at, based_on = sent.get("at"), sent.get("based_on")
    who = signed_in()
    editor = Editor(
        who.email,
        who.name,
        at if isinstance(at, str) and len(at) < SLUG_MAX else None,
        based_on if isinstance(based_on, int) else None,
        _whole(sent.get("revision")),
    )
    now = utcnow()
    try:
        changed = save_draft(slug, changes, editor, now)
    except UnknownDraft:
        abort(404)
    except MadeFromAnother:
        return jsonify({"reload": True}), 409
    return jsonify({**_news(changed, slug, editor), "saved": clock(now)}), 409 if changed.conflicts else 200


def _sent() -> dict[str, Any]:
    """The JSON of a request, as long as it is an object without what no text can hold."""
    content = request.get_data()
    try:
        sent = orjson.loads(content)
    except orjson.JSONDecodeError:
        abort(400)
    if not isinstance(sent, dict) or b"\\u0000" in content:
        abort(400)
    return sent


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _news(changed: Changed, slug: str, editor: Editor) -> dict[str, Any]:
    names, draft = people_names(), changed.draft
    return {
        **_told(draft, slug, changed.revision),
        "parts": {key: draft.parts[key] for key in draft.parts if draft.mark(key).revision > editor.revision},
        "conflicts": [
            {"key": c.key, "theirs": c.theirs, "by": names.get(c.by, c.by), "seen": draft.mark(c.key).revision}
            for c in changed.conflicts
        ],
        "names": {
            email: names.get(email, email) for mark in draft.marks.values() for email in (mark.by, mark.wanted_by)
        },
        "present": [
            {"email": email, "name": said["name"], "at": said["at"]}
            for email, said in changed.present.items()
            if email != editor.email
        ],
    }


@blueprint.get("/surveys/<slug>/draft/seen-as")
@staff("design")
def see_draft_as(slug: str) -> Any:
    """A customer whom the preview may speak to: by id, mail or phone, as the search finds them."""
    reference = request.args.get("reference", "").strip()
    found = find_contacts(reference) if reference and signed_in().may("customers") else []
    if len(found) != 1:
        return jsonify({"found": len(found)})
    public_id = public_ids(found)[found[0]]
    facts = customer_facts(public_id)
    if facts is None:
        return jsonify({"found": 0})
    proof = seen_as_proof(slug, public_id, utcnow().date())
    return jsonify({"found": 1, "as": public_id, "proof": proof, "name": facts["contact"]["name"] or reference})


@blueprint.get("/surveys/<slug>/draft/stops")
@staff("design")
def see_stops(slug: str) -> Any:
    """Where people stop, page by page: counted beside the page, which waits for nothing."""
    return jsonify(stop_words(stops(slug, utcnow() - FIGURES_OF)))


@blueprint.post("/survey-pictures")
@staff("design")
def add_survey_picture() -> Any:
    """Keep a picture that answers are chosen by; tells the name it is shown by."""
    sent = request.files.get("picture")
    try:
        read_one = read_picture(sent.read(BYTES_MAX + 1) if sent else b"")
    except NotAPicture:
        return jsonify({"message": _("This is no PNG, JPEG or WebP picture.")}), 422
    except PictureTooLarge:
        most = {"size": BYTES_MAX // 1_000, "side": SIDE_MAX}
        return jsonify({"message": _("Larger than %(size)s kB, or than %(side)s pixels a side.", **most)}), 422
    return jsonify({"name": store_picture(read_one.content, read_one.type, utcnow())})


# Beginning, doubling, giving up


@blueprint.route("/new-survey", methods=["GET", "POST"])
@staff("design")
def new_survey() -> Any:
    """A name, what is asked for, in which languages: the rest stands there already."""
    faults: dict[str, str] = {}
    typed: dict[str, Any] = {"name": "", "score": SCORES[0], "languages": [*SPOKEN]}
    if request.method == "POST":
        typed = {
            "name": " ".join(request.form.get("name", "").split())[:200],
            "score": request.form.get("score", ""),
            "languages": [code for code in request.form.getlist("languages") if code in SPOKEN],
        }
        faults = _new_faults(typed)
        if not faults:
            slug = _begun(
                typed["name"], lambda slug: first_body(slug, typed["name"], typed["score"], typed["languages"])
            )
            return redirect(url_for("admin.build_survey", slug=slug), 303)
    return render_template("admin/builder_new.html", typed=typed, faults=faults, spoken=SPOKEN), 422 if faults else 200


def _new_faults(typed: Mapping[str, Any]) -> dict[str, str]:
    faults = {
        "name": "" if typed["name"] else _("Please give it a name; you can change it at any time."),
        "score": "" if typed["score"] in SCORES else _("Please choose what is asked first."),
        "languages": "" if typed["languages"] else _("Please choose at least one language."),
    }
    return {name: text for name, text in faults.items() if text}


def _begun(name: str, body_of: Any) -> str:
    """Begin a draft under a slug made of its name; returns the slug."""
    while True:
        slug = free_slug(name, taken_slugs() | ADDRESSES)
        try:
            start_draft(slug, body_of(slug), actor=signed_in().email, now=utcnow())
        except SlugTaken:
            continue  # somebody was faster
        return slug


def free_slug(name: str, taken: set[str]) -> str:
    """A name as a slug that is still free: Russian letters as Latin ones, anything else as dashes."""
    plain = "".join(LETTERS.get(letter, letter) for letter in name.lower())
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: SLUG_MAX - 5].strip("-") or "survey"
    base = base if SLUG.fullmatch(base) else "survey"
    return next(slug for n in range(1, len(taken) + 2) if (slug := base if n == 1 else f"{base}-{n}") not in taken)


@blueprint.post("/surveys/<slug>/duplicate")
@staff("design")
def duplicate_survey(slug: str) -> Any:
    """A draft of its own that begins as this survey is written now."""
    written = _written(slug)
    name = _("%(name)s (copy)", name=survey_name({slug: written.body}, slug))[:200]
    copy = _begun(f"{slug} copy", lambda new: {**written.body, "slug": new, "name": name})
    return redirect(url_for("admin.build_survey", slug=copy), 303)


def _written(slug: str) -> Written:
    found = find_written(slug)
    if found is None:
        abort(404)
    return found


@blueprint.post("/surveys/<slug>/draft/test")
@staff("design")
def test_survey_draft(slug: str) -> Any:
    """Send the message as it is written to oneself; its link leads to the preview, which keeps no answer."""
    written, who, us = _written(slug), signed_in(), company()
    spoken = written.draft.parts["head"].get("languages") or ["en"]
    wanted = request.form.get("language", "")
    language = wanted if wanted in spoken else str(spoken[0])
    said = phrases(language)
    survey = showable(written.body, said["draft.unready"], said["draft.empty"])
    facts = {"contact": {"name": who.name, "first_name": who.name.split()[0]}, "company": us.name}
    url = draft_url(slug, language, outside=True)
    message = message_to_look_at(survey, language, facts, to=who.email, url=url, button=us.buttons["light"])
    deliver_test(replace(message, subject=_("[Test] %(name)s", name=message.subject)))
    return redirect(url_for("admin.build_survey", slug=slug), 303)


@blueprint.post("/surveys/<slug>/draft/drop")
@staff("design")
def drop_survey_draft(slug: str) -> Any:
    """Give up what is written: back to what is in force, or, where nothing is, to no survey at all."""
    live, now, actor = in_force(slug), utcnow(), signed_in().email
    try:
        if live is None:
            remove_draft(slug, actor=actor, now=now)
        else:
            replace_draft(slug, live[1], actor=actor, now=now)
    except UnknownDraft:
        abort(404)
    flash(_("The draft is gone.") if live is None else _("The draft is again what is live."), "good")
    if live is None:
        return redirect(url_for("admin.surveys"), 303)
    return redirect(url_for("admin.build_survey", slug=slug), 303)
