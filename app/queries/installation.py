"""The company as it speaks and looks: what the environment says, else what was set on screen, else a default."""

from dataclasses import dataclass
from email.utils import parseaddr, quote
from time import monotonic
from typing import Any

from flask import current_app
from sqlalchemy import select

from app.extensions import db
from app.models.accounts import Installation
from app.text.colours import Button, buttons

KEEP_SECONDS = 1.0
SETTABLE = ("company_name", "company_zone", "language", "mail_from", "brand_colour")
"""What administrators set on screen, besides the logo; the first four may be fixed by the environment."""
USUAL = {
    "company_name": "Our company",
    "company_zone": "UTC",
    "language": "en",
    "mail_from": "otklik@localhost",
    "brand_colour": "",
    "logo_tag": "",
}


@dataclass(frozen=True)
class Company:
    """Whom customers hear from. ``fixed`` names what the environment says, and the screen cannot change."""

    name: str
    zone: str
    language: str
    mail_from: str
    colour: str
    logo_tag: str
    fixed: frozenset[str]

    @property
    def buttons(self) -> dict[str, Button]:
        """The button of pages, mails and popups, by day and by night."""
        return buttons(self.colour)


def company() -> Company:
    """The company, as of the last second: every page, mail and worker asks here."""
    kept: dict[str, Any] = current_app.extensions["otklik_company"]
    if kept.get("until", 0.0) < monotonic():
        kept.update(known=present_company(), until=monotonic() + KEEP_SECONDS)
    known: Company = kept["known"]
    return known


def known_company() -> Company:
    """The company as it was last read here, without asking the database: for pages that say it is away."""
    known: Company = current_app.extensions["otklik_company"].get("known") or _company({})
    return known


def present_company() -> Company:
    """The company as it is this moment, for whoever changes it."""
    return _company(stored_company())


def stored_company() -> dict[str, str | None]:
    """What was set on screen; None where nothing was."""
    columns = [getattr(Installation, name) for name in (*SETTABLE, "logo_tag")]
    row = db.session.execute(select(*columns)).one_or_none()
    return dict(row._mapping) if row else {}  # noqa: SLF001 as SQLAlchemy documents it


def _company(stored: dict[str, str | None]) -> Company:
    told = {name: current_app.config.get(name.upper()) or "" for name in SETTABLE}
    said = {name: told.get(name) or stored.get(name) or usual for name, usual in USUAL.items()}
    named, address = parseaddr(said["mail_from"])
    if not named:  # a bare address speaks in the company's name
        usual_name = "Otklik" if said["company_name"] == USUAL["company_name"] else said["company_name"]
        said["mail_from"] = f'"{quote(usual_name)}" <{address}>'
    return Company(
        name=said["company_name"],
        zone=said["company_zone"],
        language=said["language"],
        mail_from=said["mail_from"],
        colour=said["brand_colour"],
        logo_tag=said["logo_tag"],
        fixed=frozenset(name for name, value in told.items() if value),
    )


def stored_logo(tag: str) -> tuple[bytes, str] | None:
    """The logo and its type, while it is the company's."""
    row = db.session.execute(
        select(Installation.logo, Installation.logo_type).where(Installation.logo_tag == tag)
    ).one_or_none()
    return (row[0], row[1]) if row and row[0] and row[1] else None
