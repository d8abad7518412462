"""Coming and going: signing in and out, one's own profile."""

from typing import Any
from urllib.parse import urlsplit

from flask import abort, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from app.actions.accounts import (
    PASSWORD_MIN,
    WrongPassword,
    change_password,
    change_profile,
    sign_in,
    sign_out,
)
from app.admin import blueprint
from app.admin.digests import rhythm_words
from app.admin.words import LANGUAGES, ZONES, choices
from app.auth.staff import end_session, landing, signed_in, staff, start_session, viewer
from app.clock import utcnow
from app.extensions import RateExceeded, check_rate
from app.queries.accounts import nobody_yet
from app.queries.digests import digests_of
from app.text.addresses import normal_email

THEMES = ("light", "dark")


def check_email(_form: FlaskForm, field: Any) -> None:
    address = normal_email(field.data)
    if address is None:
        raise ValidationError(_("This is not an e-mail address."))
    field.data = address


def check_password(_form: FlaskForm, field: Any) -> None:
    if len(field.data or "") < PASSWORD_MIN:
        raise ValidationError(_("Use at least %(n)d characters; three words are fine.", n=PASSWORD_MIN))


class LoginForm(FlaskForm):
    email = EmailField(lazy_gettext("E-mail"), [InputRequired(), Length(max=200)])
    password = PasswordField(lazy_gettext("Password"), [InputRequired(), Length(max=200)])


class ProfileForm(FlaskForm):
    name = StringField(lazy_gettext("Your name"), [InputRequired(), Length(max=200)])
    language = SelectField(lazy_gettext("Language"), choices=choices(LANGUAGES))
    zone = SelectField(lazy_gettext("Time zone"), choices=choices({z: z.replace("_", " ") for z in ZONES}))
    theme = SelectField(
        lazy_gettext("Theme"),
        choices=choices(
            {"": lazy_gettext("Like this device"), "light": lazy_gettext("Light"), "dark": lazy_gettext("Dark")}
        ),
    )


class PasswordForm(FlaskForm):
    old = PasswordField(lazy_gettext("Password until now"), [InputRequired(), Length(max=200)])
    new = PasswordField(lazy_gettext("New password"), [InputRequired(), Length(max=200), check_password])


def safe_back(wanted: str | None) -> str | None:
    """A page of ours to go back to; an address of another site is never followed."""
    try:
        parts = urlsplit(wanted or "")
    except ValueError:
        return None
    fine = wanted and wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc
    return wanted if fine else None


@blueprint.get("/")
def index() -> Any:
    who = viewer()
    if who is None:
        return redirect(url_for("admin.login"))
    return redirect(landing(who))


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> Any:
    who = viewer()
    if who is not None:
        return redirect(landing(who))
    form, fault = LoginForm(), None
    status = 200 if request.method == "GET" else 422
    if form.validate_on_submit():
        try:
            check_rate("logins", str(request.remote_addr))
            check_rate("logins", f"to {form.email.data.strip().lower()[:200]}")
            user_id = sign_in(form.email.data.strip().lower(), form.password.data, utcnow())
        except WrongPassword:
            fault = _("E-mail and password do not fit together.")
        except RateExceeded:
            fault, status = _("Too many attempts; please wait a minute."), 429
        else:
            start_session(user_id)
            return redirect(safe_back(request.args.get("next")) or landing(signed_in()))
    return render_template("admin/login.html", form=form, fault=fault, nobody=nobody_yet()), status


@blueprint.post("/logout")
@staff("self")
def logout() -> Any:
    sign_out(signed_in().session_tag, utcnow())
    end_session()
    return redirect(url_for("admin.login"), 303)


def browser_language() -> str:
    return request.accept_languages.best_match(LANGUAGES, "en")


@blueprint.route("/profile", methods=["GET", "POST"])
@staff("self")
def profile() -> Any:
    who = signed_in()
    known = who.account
    form = ProfileForm(
        name=known.name,
        language=known.language or browser_language(),
        zone=known.zone or "UTC",
        theme=known.theme or "",
    )
    if form.validate_on_submit():
        change_profile(
            who.id,
            {
                "name": form.name.data,
                "language": form.language.data,
                "zone": form.zone.data,
                "theme": form.theme.data or None,
            },
            utcnow(),
        )
        flash(_("Saved."), "good")
        return redirect(url_for("admin.profile"), 303)
    status = 422 if form.is_submitted() else 200
    return _profile(form, PasswordForm(formdata=None), status)


def _profile(form: ProfileForm, password: PasswordForm, status: int) -> Any:
    mine = digests_of(signed_in().id)
    page = render_template(
        "admin/profile.html", form=form, password=password, digests=mine, rhythms=rhythm_words() if mine else {}
    )
    return page, status


@blueprint.post("/profile/password")
@staff("self")
def set_password() -> Any:
    form, who = PasswordForm(), signed_in()
    if form.validate_on_submit():
        try:
            check_rate("logins", str(request.remote_addr))
            change_password(who.id, form.old.data or "", form.new.data or "", utcnow())
        except WrongPassword:
            form.old.errors = [_("This is not your password.")]
        else:
            start_session(who.id)
            flash(_("Your new password holds; every other session has ended."), "good")
            return redirect(url_for("admin.profile"), 303)
    known = who.account
    shown = ProfileForm(
        formdata=None, name=known.name, language=known.language, zone=known.zone, theme=known.theme or ""
    )
    return _profile(shown, form, 422)


@blueprint.post("/look")
@staff("self")
def change_look() -> Any:
    """Language and theme, from the bar."""
    changes: dict[str, str | None] = {}
    if (language := request.form.get("language")) in LANGUAGES:
        changes["language"] = language
    if (theme := request.form.get("theme")) is not None:
        changes["theme"] = theme if theme in THEMES else None
    if not changes:
        abort(422)
    change_profile(signed_in().id, changes, utcnow())
    return redirect(safe_back(request.form.get("back")) or url_for("admin.index"), 303)


@blueprint.post("/language")
def choose_before_login() -> Any:
    """The language of the pages before signing in."""
    if (language := request.form.get("language")) in LANGUAGES:
        session["language"] = language
    return redirect(safe_back(request.form.get("back")) or url_for("admin.login"), 303)
