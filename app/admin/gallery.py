"""New surveys: recipes by moment, made as drafts that belong together; or a file of ours or of another tool."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from app.actions.definitions import ChangedMeanwhile, apply_definitions
from app.admin import blueprint
from app.admin.editing import put_in_force
from app.admin.overview import as_file
from app.admin.reading import condition_words, when_words
from app.admin.words import LANGUAGES, inner
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.definitions import LineFault, load_definitions, read_yaml, write_definition
from app.definitions.recipes import SOMEBODY, Effort, Recipe, effort, localised, prepare, recipes
from app.inbound.foreign import UnknownFormat
from app.inbound.surveys import read_foreign
from app.queries.definitions import used_slugs
from app.queries.surveys import survey_definitions
from surveys.catalog import READERS
from surveys.occasions import Occurs
from surveys.triggers import SetAttribute, Task
from surveys.wording import fill, pick

FILE_MAX = 400_000
"""Bytes of a file that can be looked at here; the command takes larger ones."""


@dataclass(frozen=True)
class Card:
    """A recipe as the gallery shows it."""

    slug: str
    name: str
    about: str
    question: str
    effort: str
    waits: str
    event: str | None
    """The event to be posted, where it waits for one."""


def moment_names() -> Mapping[str, str]:
    return {
        "us": _("How they feel about us"),
        "welcome": _("New customers"),
        "delivery": _("After a delivery"),
        "service": _("After a service"),
        "support": _("After support and complaints"),
        "abandoned": _("Left half-way"),
        "leaving": _("Leaving, or silent for long"),
        "interests": _("Interests"),
        "interview": _("A talk"),
        "crisis": _("In a crisis"),
    }


def _card(recipe: Recipe) -> Card:
    language, (trigger, _send) = _language(), recipe.asking
    survey = recipe.survey
    return Card(
        slug=recipe.slug,
        name=pick(recipe.name, language),
        about=pick(recipe.about, language),
        question=_told(survey.questions[0].text, language),
        effort=effort_words(effort(recipe)),
        waits=when_words(trigger),
        event=trigger.when.event if isinstance(trigger.when, Occurs) else None,
    )


def _told(texts: Mapping[str, str], language: str) -> str:
    """A text as somebody would read it."""
    return fill(pick(texts, language), SOMEBODY[language])


def _language() -> str:
    return str(get_locale())


def effort_words(needed: Effort) -> str:
    """``2 questions, about 30 s``."""
    if needed.least == needed.most:
        return ngettext("%(num)d question, about %(seconds)d s", "%(num)d questions, about %(seconds)d s",
                        needed.least, seconds=needed.seconds)  # fmt: skip
    return _(
        "%(least)d to %(most)d questions, from %(seconds)d s",
        least=needed.least, most=needed.most, seconds=needed.seconds,
    )  # fmt: skip


@blueprint.get("/surveys/new")
@staff("design")
def survey_gallery() -> Any:
    names = moment_names()
    return render_template(
        "admin/gallery.html",
        cards=[(names[recipe.moment], _card(recipe)) for recipe in recipes().values()],
        blank=url_for("admin.new_survey"),
    )


def _find(slug: str) -> Recipe:
    return recipes().get(slug) or abort(404)


@blueprint.get("/surveys/new/<slug>")
@staff("design")
def survey_recipe(slug: str) -> Any:
    """One recipe: the page and the mail as customers would see them, and what the drafts are."""
    recipe = _find(slug)
    shown = request.args.get("language", _language())
    shown = shown if shown in recipe.survey.languages else recipe.survey.languages[0]
    bodies = localised(recipe.definitions, _language())
    return render_template(
        "admin/recipe.html",
        card=_card(recipe),
        shown=shown,
        spoken={code: LANGUAGES[code] for code in recipe.survey.languages},
        questions=[_told(question.text, shown) for question in recipe.survey.questions],
        subject=_told(recipe.survey.message["subject"], shown),
        opening=_told(recipe.survey.message["preview"], shown),
        triggers=[_trigger_words(body["name"], trigger, bodies)
                  for body, trigger in zip(bodies["triggers"], recipe.triggers, strict=True)],
        departments=[department["name"] for department in bodies.get("departments", ())],
        delay=recipe.asking[1].delay,
    )  # fmt: skip


def _trigger_words(name: str, trigger: Any, bodies: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    """A trigger's name, when it is heard, and what it does."""
    titles = {d["slug"]: d["name"] for d in bodies.get("departments", ())}
    done = []
    for action in trigger.actions:
        if isinstance(action, Task):
            done.append(_("opens a task for %(department)s", department=titles.get(action.department, "")))
        elif isinstance(action, SetAttribute):
            done.append(_("remembers “%(attribute)s” of the customer", attribute=inner(action.attribute)))
        else:
            done.append(_("sends the survey"))
    trees = [tree for tree in trigger.condition.trees if "properties.survey" not in str(tree.get("field"))]
    condition = "; ".join(condition_words(tree) for tree in trees)
    said = f"{when_words(trigger)}, {condition}" if condition else when_words(trigger)
    return name, said, done


@blueprint.post("/surveys/new/<slug>")
@staff("design")
def use_recipe(slug: str) -> Any:
    """Make its drafts, under slugs of their own where theirs are taken; nobody is asked before they go live."""
    recipe = _find(slug)
    prepared = prepare(recipe, _language(), used_slugs())
    loaded = load_definitions({f"{slug}.yaml": prepared.text})
    fresh = {(kind, name): None for kind, names in prepared.made.items() for name in names}
    try:
        assert not loaded.faults, loaded.faults  # a test applies every recipe
        apply_definitions(
            loaded.catalog, loaded.secrets, prune=False, now=utcnow(), actor=signed_in().email, made_from=fresh
        )
    except ChangedMeanwhile:  # somebody made one of this name at the same moment
        return use_recipe(slug)
    made = prepared.made["triggers"]
    flash(
        ngettext(
            "Made, with %(num)d trigger as a draft. Nobody is asked before you let it go live.",
            "Made, with %(num)d triggers as drafts. Nobody is asked before you let them go live.",
            len(made),
        ),
        "good",
    )
    return redirect(url_for("admin.survey", slug=prepared.made["surveys"][0]), 303)


# -- A file


@blueprint.get("/surveys/<slug>/definition.<kind>")
@staff("read")
def export_survey_definition(slug: str, kind: str) -> Response:
    """A survey as our file: YAML to be read and changed, JSON for programs; both can be imported again."""
    body = survey_definitions().get(slug)
    if body is None or kind not in ("yaml", "json"):
        abort(404)
    if kind == "yaml":
        return as_file(write_definition("surveys", body).encode(), "application/yaml", f"{slug}.yaml")
    content = orjson.dumps({"surveys": [body]}, option=orjson.OPT_INDENT_2)
    return as_file(content, "application/json", f"{slug}.json")


@blueprint.route("/surveys/new/file", methods=["GET", "POST"])
@staff("design")
def survey_file() -> Any:
    """A file is read and shown, with what of it does not map; only then it is made a survey."""
    form, faults, lost = FlaskForm(), list[LineFault](), list[str]()
    text, refused = request.form.get("text", ""), ""
    if form.validate_on_submit():
        if request.form.get("verb") == "make":
            made, faults = _make(text)
            if made:
                flash(_("Made. It is asked by no trigger yet."), "good")
                return redirect(url_for("admin.survey", slug=made), 303)
        else:
            text, lost, refused = _read_file()
            faults = list(load_definitions({_("line"): text}).faults) if text else []
    return render_template(
        "admin/survey_file.html", form=form, text=text, lost=lost, refused=refused, faults=faults, largest=FILE_MAX
    ), 422 if refused or (faults and request.form.get("verb") == "make") else 200


def _read_file() -> tuple[str, list[str], str]:
    """The definition in an uploaded file, what of it does not map, and why it cannot be read at all."""
    given = request.files.get("file")
    content = given.read(FILE_MAX + 1) if given else b""
    if not given or not content:
        return "", [], _("Choose a file first.")
    if len(content) > FILE_MAX:
        return "", [], _("The file is larger than %(size)s kB; import it with the command.", size=FILE_MAX // 1000)
    if (own := _own(content, given.filename or "")) is not None:
        return own, [], ""
    stem = (given.filename or "").rpartition("/")[2].rpartition(".")[0] or (given.filename or "")
    wanted = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:60].strip("-") or "imported"
    try:
        found = read_foreign(content, _free(wanted))
    except UnknownFormat as error:
        return "", [], _("This file cannot be read: %(why)s.", why=str(error))
    return write_definition("surveys", found.body), found.lost, ""


def _free(wanted: str) -> str:
    taken, number, free = used_slugs()["surveys"], 2, wanted
    while free in taken:
        number, free = number + 1, f"{wanted}-{number}"
    return free


def _own(content: bytes, name: str) -> str | None:
    """The text of a definition file of ours, in YAML or JSON; None for everything else."""
    try:
        text = content.decode("utf-8-sig")
        found = read_yaml(text)
    except UnicodeDecodeError:
        return None
    except Exception:  # noqa: BLE001 whatever it is: only ours are YAML, and the place of its fault is told below
        return text if name.lower().endswith((".yaml", ".yml")) else None
    if not isinstance(found, dict):
        return None
    if set(found) & {"policy", *READERS}:
        return text
    pages = found.get("pages")
    asks = isinstance(pages, list) and pages and isinstance(pages[0], dict) and "questions" in pages[0]
    return write_definition("surveys", found) if asks and "slug" in found else None


def _make(text: str) -> tuple[str, list[LineFault]]:
    """The slug of the survey that this text made; or what is wrong with it."""
    try:
        faults = put_in_force("surveys", "", text, None)
    except ChangedMeanwhile as error:
        return "", [LineFault(_("line"), 1, _("There is one called “%(slug)s” already.", slug=error.slug))]
    if faults:
        return "", faults
    slugs = list(load_definitions({_("line"): text}).catalog.bodies["surveys"])
    return (slugs[0], []) if slugs else ("", [LineFault(_("line"), 1, _("There is no survey in it."))])
