"""The company as customers meet it: its name, sender, logo and colour, in the first run and among the settings."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import Length, ValidationError

from app.actions.installation import Logo, change_company
from app.admin.words import LANGUAGES, ZONES, choices
from app.clock import utcnow
from app.inbound.pictures import BYTES_MAX, SIDE_MAX, NotAPicture, PictureTooLarge, read_picture
from app.queries.installation import SETTABLE, Company
from app.text.addresses import is_mailbox
from app.text.colours import CARDS, button_on, normal_colour

NO_LOGO = Logo(None, None)


def check_sender(_form: FlaskForm, field: Any) -> None:
    if field.data and not is_mailbox(field.data):
        raise ValidationError(_("This is not an e-mail address."))


def check_colour(_form: FlaskForm, field: Any) -> None:
    if not field.data:
        return
    colour = normal_colour(field.data)
    if colour is None:
        raise ValidationError(_("This is not a colour: write it like #5b5bd6."))
    field.data = colour


def check_logo(_form: FlaskForm, field: Any) -> None:
    """What was sent is looked at, whatever it is called; ``field.logo`` is what may be stored."""
    content = field.data.read(BYTES_MAX + 1) if field.data else b""
    if not content:
        return
    try:
        picture = read_picture(content)
    except NotAPicture as error:
        raise ValidationError(_("This is not a picture: send a PNG, a JPEG or a WebP.")) from error
    except PictureTooLarge as error:
        raise ValidationError(
            _("Too large: at most %(kb)d kB and %(side)d by %(side)d pixels.", kb=BYTES_MAX // 1000, side=SIDE_MAX)
        ) from error
    field.logo = Logo(picture.content, picture.type)


class CompanyForm(FlaskForm):
    """What the environment fixes has no field; nothing has to be filled in."""

    company_name = StringField(lazy_gettext("Company"), [Length(max=100)])
    mail_from = StringField(lazy_gettext("Sender of mails"), [Length(max=200), check_sender])
    brand_colour = StringField(lazy_gettext("Colour"), [Length(max=20), check_colour])
    logo = FileField(lazy_gettext("Logo"), [check_logo])

    def keep(self, known: Company) -> None:
        """Leave out what the environment says."""
        for name in known.fixed & set(self._fields):
            del self[name]

    def changes(self) -> dict[str, str | None]:
        """What is to be stored; an empty field is as usual again."""
        return {n: (f.data or "").strip() or None for n, f in self._fields.items() if n in SETTABLE}

    def sent_logo(self) -> Logo | None:
        return getattr(self.logo, "logo", None)


class SettingsForm(CompanyForm):
    company_zone = SelectField(
        lazy_gettext("Company time zone"), choices=choices({z: z.replace("_", " ") for z in ZONES})
    )
    language = SelectField(lazy_gettext("Language of customers who have not told theirs"), choices=choices(LANGUAGES))
    no_logo = BooleanField(lazy_gettext("Take the logo away"))

    def sent_logo(self) -> Logo | None:
        return super().sent_logo() or (NO_LOGO if self.no_logo.data else None)


def save_company(form: CompanyForm, actor: str, more: dict[str, str | None] | None = None) -> None:
    change_company(form.changes() | (more or {}), utcnow(), actor=actor, logo=form.sent_logo())


def colour_words() -> dict[str, str]:
    """What is said beside a colour, by where it can be read; the page says the same while one types."""
    return {
        "": _("Buttons have Otklik’s own colour."),
        "light dark": _("Easy to read: buttons of answer pages, mails and popups take it."),
        "light": _("Easy to read by day. In the dark it is too faint: there buttons keep Otklik’s own colour."),
        "dark": _("Easy to read in the dark only. By day and in mails buttons keep Otklik’s own colour."),
        "none": _("Too faint to read as a button: they keep Otklik’s own colour."),
    }


def colour_verdict(colour: str) -> str:
    """Where a colour passes, as a key of :func:`colour_words`."""
    known = normal_colour(colour or "")
    if known is None:
        return ""
    return " ".join(theme for theme, card in CARDS.items() if button_on(known, card)) or "none"
