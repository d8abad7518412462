"""``key``: API keys of services."""

import click

from app.actions.sources import SCOPES, UnknownSource, add_key, revoke_key
from app.cli import cli, with_app
from app.clock import utcnow
from app.queries.sources import list_keys


@cli.group()
def key() -> None:
    """API keys."""


@key.command("add")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES))
@click.option("--source", default="api", show_default=True)
@with_app
def add(name: str, scopes: tuple[str, ...], source: str) -> None:
    """Make a key and print it, once, alone on the last line."""
    try:
        made = add_key(name, scopes, source, utcnow())
    except UnknownSource as error:
        raise click.ClickException(f"there is no source {source}") from error
    click.echo("This key is shown only now:", err=True)
    click.echo(made)


@key.command("list")
@with_app
def show() -> None:
    """Every key, without what makes it a secret."""
    for key_id, name, scopes, created_at, revoked_at in list_keys():
        state = f"revoked {revoked_at:%Y-%m-%d %H:%M}" if revoked_at else "live"
        click.echo(f"{key_id}  {state:24}  {created_at:%Y-%m-%d}  {name}  {' '.join(scopes)}")


@key.command("revoke")
@click.argument("name")
@with_app
def revoke(name: str) -> None:
    """Revoke a key by its name or id; it stops working within a second."""
    if not revoke_key(name, utcnow()):
        raise click.ClickException(f"there is no live key {name}")
    click.echo(f"{name} is revoked.")
