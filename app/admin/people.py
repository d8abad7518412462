"""People, API keys, settings and the audit log: what administrators look after."""

from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import EmailField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from app.actions.accounts import (
    EmailTaken,
    LastAdmin,
    UnknownUser,
    add_user,
    change_user,
    make_password,
    reset_password,
)
from app.actions.sources import SCOPES, add_key, revoke_key
from app.admin import blueprint, entries
from app.admin.company import SettingsForm, colour_verdict, colour_words, save_company
from app.admin.kinds import actor_word
from app.admin.session import check_email
from app.admin.shell import ID_MAX, whole
from app.admin.words import LANGUAGES, choices
from app.auth.staff import signed_in, staff
from app.clock import utcnow
from app.extensions import db
from app.queries.accounts import audit_entries, list_accounts
from app.queries.departments import department_definitions
from app.queries.installation import Company, present_company, stored_company
from app.queries.sources import list_keys, source_rows
from app.queries.work import youngest_heartbeat
from surveys.survey import ROLES

SHOWN = 50


def role_words() -> dict[str, str]:
    return {
        "admin": _("administrator: everything"),
        "designer": _("designer: surveys, triggers, policy, sources"),
        "manager": _("manager: figures, customers, all tasks"),
        "agent": _("agent: the tasks of a department"),
    }


class NoDepartment(ValueError):
    """An agent without a department would see nothing."""


class PersonForm(FlaskForm):
    name = StringField(lazy_gettext("Full name"), [InputRequired(), Length(max=200)])
    email = EmailField(lazy_gettext("E-mail"), [InputRequired(), Length(max=200), check_email])
    role = SelectField(lazy_gettext("Role"))
    department = SelectField(lazy_gettext("Department"), default="")

    def validate_department(self, field: Any) -> None:
        if self.role.data == "agent" and not field.data:
            raise ValidationError(_("An agent works the tasks of a department: choose it."))


def _person_form() -> PersonForm:
    form = PersonForm()
    form.role.choices = choices(role_words())
    form.department.choices = choices({"": "–"} | {s: b.get("name") or s for s, b in department_definitions().items()})
    return form


@blueprint.route("/people", methods=["GET", "POST"])
@staff("people")
def people() -> Any:
    form, made = _person_form(), None
    if form.validate_on_submit():
        password = make_password()
        try:
            add_user(
                form.email.data or "",
                form.name.data or "",
                form.role.data,
                password,
                utcnow(),
                actor=signed_in().email,
                department=form.department.data or None,
            )
        except EmailTaken:
            form.email.errors = [_("This address has an account already.")]
        else:
            made = (form.email.data, password)
            form = PersonForm(formdata=None)
            form.role.choices, form.department.choices = _person_form().role.choices, _person_form().department.choices
    status = 422 if form.errors else 200
    return render_template(
        "admin/people.html",
        form=form,
        made=made,
        rows=list_accounts(),
        roles=role_words(),
        departments=department_definitions(),
    ), status


@blueprint.post("/people/<int:user_id>")
@staff("people")
def change_person(user_id: int) -> Any:
    who, verb = signed_in(), request.form.get("verb", "")
    if user_id > ID_MAX:
        abort(404)
    try:
        if verb == "password":
            password = make_password()
            reset_password(user_id, password, who.email, utcnow())
            name = next((a.email for a in list_accounts() if a.id == user_id), "")
            return render_template(
                "admin/people.html",
                form=_person_form(),
                made=(name, password),
                rows=list_accounts(),
                roles=role_words(),
                departments=department_definitions(),
            )
        change_user(user_id, _changes(verb), who.email, utcnow())
        flash(_("Saved."), "good")
    except NoDepartment:
        flash(_("An agent works the tasks of a department: choose it."), "bad")
    except LastAdmin:
        flash(_("Somebody has to be administrator: this is the last one."), "bad")
    except UnknownUser:
        abort(404)
    return redirect(url_for("admin.people"), 303)


def _changes(verb: str) -> dict[str, Any]:
    if verb in ("close", "open"):
        return {"disabled": verb == "close"}
    role = request.form.get("role", "")
    if verb != "change" or role not in ROLES:
        abort(422)
    department = request.form.get("department") or None
    department = department if department in department_definitions() else None
    if role == "agent" and department is None:
        raise NoDepartment
    return {"role": role, "department": department}


class KeyForm(FlaskForm):
    name = StringField(lazy_gettext("What is it for?"), [InputRequired(), Length(max=100)])
    source = SelectField(lazy_gettext("Source"))
    scopes = SelectMultipleField(
        lazy_gettext("It may"),
        [InputRequired()],
        choices=choices({s: s for s in SCOPES}),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


@blueprint.route("/keys", methods=["GET", "POST"])
@staff("settings")
def keys() -> Any:
    form, made = KeyForm(), None
    form.source.choices = choices({r.slug: r.body.get("name") or r.slug for r in source_rows(utcnow())})
    if form.validate_on_submit():
        made = add_key(
            form.name.data or "", form.scopes.data or [], form.source.data, utcnow(), actor=signed_in().email
        )
    return render_template("admin/keys.html", form=form, made=made, rows=list_keys()), 422 if form.errors else 200


@blueprint.post("/keys/<key_id>/revoke")
@staff("settings")
def revoke(key_id: str) -> Any:
    if not revoke_key(key_id, utcnow(), actor=signed_in().email):
        abort(404)
    flash(_("Revoked. It stops working within a second."), "good")
    return redirect(url_for("admin.keys"), 303)


@blueprint.route("/settings", methods=["GET", "POST"])
@staff("settings")
def settings() -> Any:
    """The company, set here; and what the installation runs with, set in its environment, without its secrets."""
    known = present_company()
    form = SettingsForm(data=stored_company() | {"company_zone": known.zone, "language": known.language})
    form.keep(known)
    if form.validate_on_submit():
        save_company(form, signed_in().email)
        flash(_("Saved. It holds within a second or two."), "good")
        return redirect(url_for("admin.settings"), 303)
    return render_template(
        "admin/settings.html",
        form=form,
        known=known,
        fixed=_fixed(known),
        colour_words=colour_words(),
        verdict=colour_verdict(form.brand_colour.data),
        rows=_environment(),
        beat=youngest_heartbeat(),
    ), 422 if form.errors else 200


def _fixed(known: Company) -> list[tuple[str, str, str]]:
    """What the environment says of the company: its name on the page, its value, its variable."""
    values = {
        "company_name": (_("Company"), known.name),
        "company_zone": (_("Company time zone"), known.zone),
        "language": (
            _("Language of customers who have not told theirs"),
            LANGUAGES[known.language],
        ),
        "mail_from": (_("Sender of mails"), known.mail_from),
    }
    return [(*said, f"OTKLIK_{name.upper()}") for name, said in values.items() if name in known.fixed]


def _environment() -> list[tuple[str, str, str]]:
    config = current_app.config
    return [
        (_("Where customers reach the answer pages"), config["BASE_URL"], "OTKLIK_BASE_URL"),
        (_("Database"), db.engine.dialect.name, "OTKLIK_DATABASE_URL"),
        (
            _("Mail server"),
            _("is set") if config["SMTP_URL"] else _("none: every mail is caught on this machine"),
            "OTKLIK_SMTP_URL",
        ),
        (_("Only to these addresses"), config["SEND_ONLY_TO"] or _("everybody"), "OTKLIK_SEND_ONLY_TO"),
        (_("Mails per second"), str(config["MAIL_RATE"]), "OTKLIK_MAIL_RATE"),
    ]


@blueprint.get("/audit")
@staff("audit")
def audit() -> Any:
    before = whole(request.args, "before") or None
    found = audit_entries(before=before, limit=SHOWN + 1)
    return render_template(
        "admin/audit.html",
        rows=found[:SHOWN],
        more=found[SHOWN - 1].id if len(found) > SHOWN else None,
        actor_word=actor_word,
        done_words=entries.done_words,
        object_word=entries.object_word,
        detail_words=entries.detail_words,
    )
