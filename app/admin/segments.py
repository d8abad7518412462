"""Segments: who belongs to them now, which triggers speak of them, and a plain form for what is simple."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.actions.definitions import ChangedMeanwhile
from app.admin import blueprint
from app.admin.editing import changed_body, made_from_form, put_in_force
from app.admin.reading import condition_words
from app.admin.words import chosen
from app.auth.staff import staff
from app.clock import utcnow
from app.definitions import write_definition
from app.queries.definitions import body_in_force
from app.queries.members import segment_size
from app.queries.segments import segment_conditions, segment_definitions
from app.queries.stories import count_customers, customers_in
from app.queries.triggers import trigger_definitions, trigger_names
from surveys.segments import speaks_of

SHOWN = 20
COUNTED_AT_ONCE = 200_000
"""With more customers than that, a segment is counted on its own page only."""
ROWS = 5
OWN = ("name", "locale", "timezone")
NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
LISTS = ("in", "not_in", "between")
TEXTS = ("starts_with", "ends_with")
SILENT = ("exists", "missing")


def operator_words() -> dict[str, str]:
    return {
        "eq": _("is"),
        "ne": _("is not"),
        "in": _("is one of"),
        "not_in": _("is none of"),
        "gte": _("is at least"),
        "gt": _("is more than"),
        "lte": _("is at most"),
        "lt": _("is less than"),
        "between": _("is between"),
        "contains": _("contains"),
        "starts_with": _("begins with"),
        "ends_with": _("ends with"),
        "within_days": _("is within so many days"),
        "exists": _("is known"),
        "missing": _("is not known"),
    }


def segment_names() -> dict[str, str]:
    return {slug: _name(slug, body) for slug, body in segment_definitions().items()}


def _name(slug: str, body: Mapping[str, Any]) -> str:
    return chosen(body.get("name")) or slug.replace("-", " ")


def _used_by(slug: str) -> dict[str, str]:
    """The triggers that speak of a segment, by slug."""
    names = trigger_names()
    return {t: names.get(t, t) for t, body in trigger_definitions().items() if speaks_of(body, slug)}


@blueprint.get("/segments")
@staff("read")
def segments() -> Any:
    counted, now = count_customers() <= COUNTED_AT_ONCE, utcnow()
    rows = [
        (
            slug,
            _name(slug, body),
            condition_words(body.get("if")),
            segment_size(slug, now) if counted else None,
            list(_used_by(slug).values()),
        )
        for slug, body in segment_definitions().items()
    ]
    return render_template("admin/segments.html", rows=rows)


@blueprint.get("/segments/<slug>")
@staff("read")
def segment(slug: str) -> Any:
    body, condition, now = body_in_force("segments", slug), segment_conditions().get(slug), utcnow()
    if body is None or condition is None:
        abort(404)
    return render_template(
        "admin/segment.html",
        slug=slug,
        name=_name(slug, body),
        condition=condition_words(body.get("if")),
        size=segment_size(slug, now),
        customers=customers_in(condition, now, "", department=None, limit=SHOWN),
        used_by=_used_by(slug),
    )


@blueprint.route("/new-segment", methods=["GET", "POST"], defaults={"slug": ""})
@blueprint.route("/segments/<slug>/edit", methods=["GET", "POST"])
@staff("design")
def edit_segment(slug: str) -> Any:
    """A name, and a few comparisons; a condition that is more than that is edited as text."""
    body = body_in_force("segments", slug) if slug else {}
    if body is None:
        abort(404)
    plain = _plain_rows(body.get("if")) if slug else ("all", [])
    faults, conflict = [], False
    if request.method == "POST":
        wanted = slug or request.form.get("slug", "").strip()
        changed = changed_body({"slug": wanted, **body}, {"name": request.form.get("name", "").strip() or None})
        if plain is not None:
            changed["if"] = _written_condition()
        try:
            faults = put_in_force("segments", slug, write_definition("segments", changed), made_from_form())
        except ChangedMeanwhile:
            conflict = True
        if not faults and not conflict:
            flash(_("In force."), "good")
            return redirect(url_for("admin.segment", slug=wanted), 303)
    joint, rows = _typed_rows() if request.method == "POST" else plain or ("all", [])
    return render_template(
        "admin/segment_edit.html",
        slug=slug,
        title=_name(slug, body) if slug else _("New segment"),
        typed_name=request.form.get("name", chosen(body.get("name"))),
        typed_slug=request.form.get("slug", ""),
        made_from=request.form.get("made_from") or orjson.dumps(body if slug else None).decode(),
        plain=plain is not None,
        condition=condition_words(body.get("if")),
        joint=joint,
        rows=[*rows, *[("", "eq", "")] * ROWS][: max(ROWS, len(rows) + 1)],
        operators=operator_words(),
        faults=faults,
        conflict=conflict,
    ), 409 if conflict else 422 if faults else 200


Row = tuple[str, str, str]


def _plain_rows(tree: Any) -> tuple[str, list[Row]] | None:
    """A condition as rows of the form, joined by ``all`` or ``any``; None where it is more than that."""
    joint = next((key for key in ("all", "any") if isinstance(tree, dict) and set(tree) == {key}), "all")
    parts = tree[joint] if isinstance(tree, dict) and joint in tree else [tree]
    rows = [_plain_row(part) for part in parts]
    return (joint, [row for row in rows if row]) if all(rows) else None


def _plain_row(part: Any) -> Row | None:
    if not isinstance(part, dict) or not set(part) <= {"field", "op", "value"} or "op" not in part:
        return None
    first, _dot, rest = str(part.get("field")).partition(".")
    value = part.get("value", "")
    values = value if isinstance(value, list) else [value]
    if first != "contact" or not rest or any(isinstance(v, dict) or '"' in str(v) for v in values):
        return None
    own = rest in OWN or rest.removeprefix("attributes.") in OWN
    shown = rest if own else rest.removeprefix("attributes.")
    said = value if part["op"] in TEXTS else ", ".join(map(_written, values))
    return shown, part["op"], "" if part["op"] in SILENT else said


def _written(value: Any) -> str:
    """A constant as it is typed; in quotes where it would be read as something else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    plain = not isinstance(value, str) or (_constant(text) == text and "," not in text and text == text.strip())
    return text if plain else f'"{text}"'


def _constant(text: str) -> Any:
    said = text.strip()
    if len(said) > 1 and said[0] == said[-1] == '"':
        return said[1:-1]
    if NUMBER.fullmatch(said):
        return float(said) if "." in said else int(said)
    return {"true": True, "false": False}.get(said, said)


def _typed_rows() -> tuple[str, list[Row]]:
    columns = (request.form.getlist(name) for name in ("field", "op", "value"))
    rows = [row for row in zip(*columns, strict=False) if row[0].strip()]
    return "any" if request.form.get("joint") == "any" else "all", rows


def _written_condition() -> Any:
    """The rows of the form as a condition tree."""
    joint, rows = _typed_rows()
    parts = [_comparison(*row) for row in rows]
    return parts[0] if len(parts) == 1 else {joint: parts}


def _comparison(field: str, op: str, typed: str) -> dict[str, Any]:
    name = field.strip()
    path = f"contact.{name}" if name in OWN or name.startswith("attributes.") else f"contact.attributes.{name}"
    if op in SILENT:
        return {"field": path, "op": op}
    if op in LISTS:
        return {"field": path, "op": op, "value": [_constant(v) for v in re.findall(r'"[^"]*"|[^,]+', typed)]}
    return {"field": path, "op": op, "value": typed if op in TEXTS else _constant(typed)}
