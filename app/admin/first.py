"""The one-time link that was printed: the first run in three steps, or signing in without a password."""

from contextlib import suppress
from typing import Any

from flask import current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import EmailField, HiddenField, IntegerField, PasswordField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.actions.accounts import PASSWORD_MIN, CodeSpent, add_first_user, use_start_code
from app.actions.definitions import ChangedMeanwhile
from app.admin import blueprint
from app.admin.company import CompanyForm, colour_verdict, colour_words, save_company
from app.admin.editing import EXAMPLES, put_in_force
from app.admin.session import browser_language, check_email, check_password, safe_back
from app.admin.words import LANGUAGES, ZONES, choices
from app.auth.staff import landing, signed_in, start_session, viewer
from app.clock import utcnow
from app.definitions import write_definition
from app.extensions import RateExceeded, check_rate
from app.queries.accounts import nobody_yet
from app.queries.installation import Company, present_company
from app.queries.policies import policy_definition

BEGINNINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "service": ("admin.source", {"slug": "api"}),
    "shop": ("admin.as_text", {"kind": "sources"}),
    "site": ("admin.as_text", {"kind": "sources", "example": "widget"}),
    "look": ("admin.home", {}),
}
"""Where the first run leads, by where the events come from."""


class FirstForm(CompanyForm):
    """Who runs this installation, for whom, and what comes first. Only name, mail and password must be typed."""

    code = HiddenField()
    name = StringField(lazy_gettext("Your name"), [InputRequired(), Length(max=200)])
    email = EmailField(lazy_gettext("E-mail"), [InputRequired(), Length(max=200), check_email])
    password = PasswordField(lazy_gettext("Password"), [InputRequired(), Length(max=200), check_password])
    language = SelectField(lazy_gettext("Language"), choices=choices(LANGUAGES))
    zone = SelectField(lazy_gettext("Time zone"), choices=choices({z: z.replace("_", " ") for z in ZONES}))
    most = IntegerField(lazy_gettext("Messages at most"), [Optional(), NumberRange(1, 100)], default=1)
    days = IntegerField(lazy_gettext("In how many days"), [Optional(), NumberRange(1, 365)], default=30)
    begin = RadioField(
        lazy_gettext("Where do events come from?"), choices=choices({b: b for b in BEGINNINGS}), default="service"
    )

    def keep(self, known: Company) -> None:
        """The language is one's own, whatever customers are spoken to in."""
        for name in known.fixed & set(self._fields) - {"language"}:
            del self[name]

    def policy(self) -> dict[str, Any]:
        """The contact rule, with the quiet hours and the peace after a complaint that every company starts with."""
        limit = {"name": "everything", "max": self.most.data or 1, "per": f"{self.days.data or 30}d"}
        return {**EXAMPLES["policy"], "limits": [limit]}


@blueprint.get("/start")
def start() -> Any:
    """It signs nobody in by being opened: mail scanners and previews open links."""
    code = request.args.get("code", "")[:40]
    if nobody_yet():
        return _steps(FirstForm(code=code, language=browser_language()))
    page = "demo/start.html" if current_app.config["DEMO"] else "admin/start.html"
    return render_template(page, code=code, signed_in=viewer())


@blueprint.post("/start")
def use_start() -> Any:
    if nobody_yet():
        return _make_first()
    try:
        check_rate("logins", str(request.remote_addr))
        user_id = use_start_code(request.form.get("code", "")[:40], utcnow())
    except (CodeSpent, RateExceeded):
        return render_template("admin/start.html", code=None, signed_in=None), 410
    start_session(user_id)
    first = url_for("demo.begin") if current_app.config["DEMO"] else landing(signed_in())
    return redirect(safe_back(request.form.get("next")) or first, 303)


def _make_first() -> Any:
    form = FirstForm()
    form.keep(present_company())
    if not form.validate_on_submit():
        return _steps(form), 422
    try:
        check_rate("logins", str(request.remote_addr))
        user_id = add_first_user(
            form.code.data or "",
            form.email.data or "",
            form.name.data or "",
            form.password.data or "",
            utcnow(),
            language=form.language.data,
            zone=form.zone.data,
        )
    except (CodeSpent, RateExceeded):
        return _steps(form, spent=True), 410
    start_session(user_id)
    save_company(form, signed_in().email, {"company_zone": form.zone.data})
    if policy_definition() is None:
        with suppress(ChangedMeanwhile):  # somebody put one in force this very moment: then it is theirs
            put_in_force("policy", "", write_definition("policy", form.policy()), None)
    endpoint, values = BEGINNINGS[form.begin.data]
    return redirect(url_for(endpoint, **values), 303)


def _steps(form: FirstForm, *, spent: bool = False) -> str:
    """The three steps on one page, so that going back keeps what was typed."""
    known = present_company()
    form.keep(known)
    return render_template(
        "admin/first.html",
        form=form,
        spent=spent,
        known=known,
        rule=policy_definition() is None,
        password_min=PASSWORD_MIN,
        colour_words=colour_words(),
        verdict=colour_verdict(form.brand_colour.data),
        tiles=_tiles(),
        faulty=_faulty(form),
    )


def _faulty(form: FirstForm) -> int:
    """The first step in which something is wrong."""
    you = ("name", "email", "password", "language", "zone", "code")
    return 0 if any(name in form.errors for name in you) else 1 if form.errors else 0


def _tiles() -> dict[str, tuple[str, str, str]]:
    """What each beginning is called, what it means, and what is said once it is chosen."""
    return {
        "service": (
            _("My own service"),
            _("It posts JSON with a key."),
            _("Next: a line to paste into a terminal, and the first event."),
        ),
        "shop": (
            _("A CRM or shop"),
            _("It sends webhooks of its own form."),
            _("Next: name it, and say how its payloads are read; until then they are kept."),
        ),
        "site": (
            _("My website"),
            _("A small script tells what visitors do."),
            _("Next: name your site, and copy two lines into its pages."),
        ),
        "look": (
            _("Just look around"),
            _("A demo company with half a year behind it."),
            _("In another terminal; it lives in a folder of its own and touches nothing here:"),
        ),
    }
