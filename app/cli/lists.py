"""``list``: customers put on a list, for a trigger that asks everybody on it."""

from pathlib import Path

import click

from app.actions.lists import ListUsed, NameTaken, UnknownList, add_to_list, remove_list
from app.cli import cli, with_app
from app.cli.imports import Refused, batches, progress_bar, rows_of, tell
from app.clock import utcnow
from app.queries.lists import contact_lists, customers_meant
from app.queries.sources import namespace_of
from surveys.definition import SLUG

COLUMNS = ("id", "email", "contact.id", "contact.email")


@cli.group("list")
def lists() -> None:
    """Lists of customers, for triggers that ask everybody on one."""


@lists.command("add")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", default="api", show_default=True, help="The source whose ids these are.")
@with_app
def add(name: str, file: Path, source: str) -> None:
    """Put customers on a list: CSV or NDJSON with a column id or email, or one of them a line."""
    if not SLUG.fullmatch(name):
        raise click.ClickException("a list is named in lower-case letters, digits and dashes, like spring-guests")
    namespace = namespace_of(source)
    if namespace is None:
        raise click.ClickException(f"there is no source {source}")
    added = known = 0
    with Refused(file) as refused, progress_bar(file) as bar:
        for batch in batches(rows_of(file, bar)):
            named = [(line, row, _reference(row)) for line, row in batch]
            named += [(1, {"": header}, header) for header in _bare_header(batch)]
            meant = customers_meant([reference for _, _, reference in named], namespace)
            for (line, row, reference), contact_id in zip(named, meant, strict=True):
                if contact_id is None:
                    said = "No customer has this id or address." if reference else "Has neither an id nor an email."
                    refused.add((line, row), {"id": [said]})
            found = {contact_id for contact_id in meant if contact_id is not None}
            try:
                new = add_to_list(name, found, actor="command", now=utcnow())
            except NameTaken as error:
                raise click.ClickException(f"a segment is called {name} already") from error
            added, known = added + new, known + len(found) - new
    tell(added, known, refused)


def _reference(row: dict[str, object]) -> str:
    column = next((name for name in COLUMNS if row.get(name)), None)
    if column is None and len(row) == 1:  # a file without a header: its only column
        column = next(iter(row))
    return str(row.get(column, "")).strip() if column else ""


def _bare_header(batch: list[tuple[int, dict[str, object]]]) -> list[str]:
    """The first line of a file that has one column and no header: it names a customer too."""
    line, row = batch[0]
    bare = line == 2 and len(row) == 1 and next(iter(row)) not in COLUMNS  # noqa: PLR2004 the line after the first
    return [str(next(iter(row)))] if bare else []


@lists.command("show")
@with_app
def show() -> None:
    """Every list, and how many customers are on it."""
    for slug, (members, at) in contact_lists().items():
        click.echo(f"{slug}  {members:,}  since {at:%Y-%m-%d}")


@lists.command("remove")
@click.argument("name")
@with_app
def remove(name: str) -> None:
    """Take a list away; the customers stay."""
    try:
        remove_list(name, actor="command", now=utcnow())
    except UnknownList as error:
        raise click.ClickException(f"there is no list {name}") from error
    except ListUsed as error:
        raise click.ClickException(f"the trigger {error} asks everybody on it") from error
    click.echo(f"{name} is gone.")
