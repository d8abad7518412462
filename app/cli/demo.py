"""The demo company in a folder of its own: made at the first start, found again at the next."""

import gc
import secrets
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click

import config
from app import create_app, kept_secret
from app.actions.accounts import add_user, make_password, make_start_code
from app.actions.past import pack
from app.actions.sources import add_key
from app.cli import migrate_tables
from app.clock import utcnow
from app.demo.happenings import COURIER_APP, DESK, SHOP, WEBSITE
from app.demo.live import DESK_SECRET, WEBSITE_SECRET, key_file
from app.demo.past import Past
from app.demo.people import ANNA, TEAMS
from app.extensions import db
from app.queries.accounts import password_of

COMPANY = {
    "en": {"company_name": "Meadow", "company_zone": "Europe/London", "mail_from": "Meadow <hello@meadow.example>"},
    "ru": {"company_name": "Полянка", "company_zone": "Europe/Moscow", "mail_from": "Полянка <hello@meadow.example>"},
}
DATABASE, DRAFT, PASSWORD = "otklik.db", "making.db", "anna-password"
KEYS = {SHOP: ("events:write", "invitations:links", "read"), COURIER_APP: ("events:write",)}
"""What the services of the company may do; the one of the shop also answers for its customers."""
SECRETS = {DESK: DESK_SECRET, WEBSITE: WEBSITE_SECRET}
"""Who signs, and the file that holds the secret."""


def demo_settings(settings: config.Settings) -> config.Settings:
    """The settings of the demo: its own folder and SQLite, no mail server; what was not set is Meadow's."""
    language = settings.language or "en"
    company: dict[str, Any] = {name: value for name, value in COMPANY[language].items() if not getattr(settings, name)}
    return replace(
        settings,
        **company,
        language=language,
        demo=True,
        data_dir=settings.data_dir / "demo",
        database_url="",
        redis_url="",  # nothing of a real installation on this machine: not its bells, its address or its key
        base_url="",
        secret_key="",
        trusted_proxies=0,
        smtp_url="",
        send_only_to="",
    )


def prepare_demo(settings: config.Settings, stopped: Callable[[], bool]) -> None:
    """Make the company if there is none. A making that is interrupted is begun again: there is no half a company.

    It is made in a process of its own, which takes the memory it needed along.
    """
    if (settings.data_dir / DATABASE).exists():
        return
    making = get_context("fork").Process(target=_make, args=(settings,))
    making.start()
    while making.is_alive():
        making.join(0.2)
        if stopped():
            making.terminate()
    if making.exitcode:
        raise click.ClickException("the demo company was not made; it is begun again at the next start.")


def _make(settings: config.Settings) -> None:
    for inherited in (signal.SIGTERM, signal.SIGINT):
        signal.signal(inherited, signal.SIG_DFL)
    gc.disable()  # what is made is let go all at once, at the end
    began = time.monotonic()
    draft = settings.data_dir / DRAFT
    for left_over in settings.data_dir.glob(f"{DRAFT}*"):
        left_over.unlink()
    make_company(replace(settings, database_url=f"sqlite:///{draft}", rate_limit=""), utcnow(), _progress)
    draft.replace(settings.data_dir / DATABASE)
    click.echo(f"\rMade the demo company in {time.monotonic() - began:.0f} s.{' ' * 40}")


def make_company(settings: config.Settings, now: datetime, progress: Callable[[int, int], None]) -> None:
    """The whole company as it is at ``now``: past, people, and the key of those who live in it."""
    with create_app(settings).app_context():
        migrate_tables()
        signed = {source: kept_secret(settings.data_dir / file, _make_secret) for source, file in SECRETS.items()}
        Past(settings.language, now, signed, progress).make()
        _hire(settings, now)
        for source in KEYS:
            _give_key(settings.data_dir, source, now)
        pack()
        db.session.remove()
        db.engine.dispose()


def _make_secret() -> str:
    return secrets.token_hex(24)


def _progress(done: int, of: int) -> None:
    """A line that grows, for whoever sits at a terminal."""
    if sys.stdout.isatty():
        click.echo(f"\rMaking the demo company: {done} of {of} days of its past …", nl=False)


def _hire(settings: config.Settings, now: datetime) -> None:
    """Anna signs in with a password made here; her colleagues' are nobody's."""
    language, zone = settings.language, settings.company_zone
    anna = ANNA[language]
    password = kept_secret(settings.data_dir / PASSWORD, make_password)
    add_user(anna.email, anna.name, "admin", password, now, actor="demo", language=language, zone=zone)
    for department, people in TEAMS[language].items():
        for person in people:
            add_user(
                person.email,
                person.name,
                "agent",
                make_password(),
                now,
                actor="demo",
                language=language,
                zone=zone,
                department=department,
            )


def _give_key(folder: Path, source: str, now: datetime) -> None:
    """The key with which the shop, or the courier app, speaks to Otklik."""
    file = folder / key_file(source)
    file.unlink(missing_ok=True)  # of a making that was interrupted
    kept_secret(file, lambda: add_key(f"demo {source}", KEYS[source], source, now))


def start_code(settings: config.Settings) -> str:
    """A one-time code that signs in as Anna."""
    found = password_of(ANNA[settings.language].email)
    if found is None:
        raise click.ClickException("Anna's account is gone; remove the folder of the demo to make it anew.")
    return make_start_code(found[0], utcnow())


def welcome(settings: config.Settings, redis_said: str, code: str) -> str:
    """What the terminal says once everything runs."""
    # A log is no place for a password: it is shown to whoever sits at a terminal.
    file = settings.data_dir / PASSWORD
    password = file.read_text().strip() if sys.stdout.isatty() else f"(in {file})"
    folder = _short(settings.data_dir)
    return (
        f"\nOtklik is ready.  SQLite in {folder}, Redis {redis_said}, mail is caught: nothing leaves this machine.\n"
        f"  Open      {settings.base_url}/start?code={code}   (once, 15 minutes)\n"
        f"  or login  {ANNA[settings.language].email}   {password}\n"
        f"Ctrl-C stops everything; the next `make run` goes on where it was.  Your own company: .venv/bin/otklik up\n"
    )


def _short(folder: Path) -> str:
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)
