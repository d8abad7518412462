"""The command ``otklik``."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from flask import current_app
from flask_migrate import Migrate, upgrade
from sqlalchemy.exc import OperationalError, SQLAlchemyError

import config
from app import create_app
from app.actions.installation import prepare_installation
from app.clock import utcnow
from app.extensions import db
from app.queries.work import schema_revision

MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"
P = ParamSpec("P")
R = TypeVar("R")


@click.group()
@click.version_option(package_name="otklik")
def cli() -> None:
    """Otklik asks customers the right question at the right moment, and can say why."""


def with_app(command: Callable[P, R]) -> Callable[P, R]:
    """Run a command inside the application, its tables up to date."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        settings = config.load(log_format="text")
        with create_app(settings, pictures=False).app_context():
            migrate_tables()
            return command(*args, **kwargs)

    return run


def migrate_tables() -> None:
    """Bring the tables up to date, and make what every installation has. Costs one query where all is well."""
    if schema_revision() != newest_revision():
        # Only commands migrate, so only they carry what it takes.
        Migrate(current_app._get_current_object(), db, directory=str(MIGRATIONS), render_as_batch=True)  # type: ignore[attr-defined]  # noqa: SLF001
        upgrade(str(MIGRATIONS))
        prepare_installation(utcnow())


def newest_revision() -> str:
    """The revision that this program is written for."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def main() -> None:
    """Run the command; what goes wrong is said in one plain line."""
    try:
        cli()
    except config.SettingsError as error:
        sys.exit(f"otklik: {error}")
    except OperationalError as error:
        sys.exit(f"otklik: the database cannot be used: {str(error.orig).splitlines()[0]}")
    except SQLAlchemyError as error:
        sys.exit(f"otklik: the database refused: {str(error).splitlines()[0]}")


def read_texts(files: tuple[Path, ...]) -> dict[str, str]:
    """The texts of files by name, or of every ``.yaml`` in a folder."""
    found = {}
    for path in files:
        inside = sorted(p for p in path.rglob("*.y*ml")) if path.is_dir() else [path]
        for file in inside:
            try:
                found[str(file)] = file.read_text()
            except UnicodeDecodeError as error:
                raise click.ClickException(f"{file}: not UTF-8 text at byte {error.start}") from error
    return found


from app.cli import (  # noqa: E402 they add their commands to the group
    answers,
    crises,
    definitions,
    explain,
    imports,
    keys,
    lists,
    operations,
    people,
    pictures,
    simulate,
    up,
)

__all__ = [
    "answers",
    "cli",
    "crises",
    "definitions",
    "explain",
    "imports",
    "keys",
    "lists",
    "main",
    "operations",
    "people",
    "pictures",
    "simulate",
    "up",
]
