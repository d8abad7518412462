"""Crisis mode: declared, always with an end, and ended."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from app.actions.crises import EndlessCrisis, UnknownCrisis, declare_crisis, end_crisis
from app.cli import cli, with_app
from app.clock import utcnow
from app.queries.crises import lasting_crises
from app.queries.installation import company
from surveys.crisis import SCOPES

PARTS = tuple(scope for scope in SCOPES if scope != "all")


@cli.group()
def crisis() -> None:
    """Crisis mode: for a while, and for a part of the company, nobody is asked as if nothing had happened."""


def _parts(command: Callable[..., None]) -> Callable[..., None]:
    for scope in reversed(PARTS):
        command = click.option(f"--{scope}", metavar="NAME", help=f"only for this {scope}")(command)
    return command


@crisis.command()
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]))
@_parts
@with_app
def start(until: datetime, **parts: str | None) -> None:
    """Begin a crisis for the whole company, or one part of it; --until is on the company's clock."""
    named = [(scope, value) for scope, value in parts.items() if value]
    if len(named) > 1:
        raise click.UsageError("name one part of the company, or none")
    scope, value = named[0] if named else ("all", "")
    ends_at = until.replace(tzinfo=ZoneInfo(company().zone))
    try:
        crisis_id = declare_crisis(scope, value, ends_at, actor="command", now=utcnow())
    except EndlessCrisis:
        raise click.BadParameter("must be later than now, and within 90 days", param_hint="--until") from None
    click.echo(f"Crisis {crisis_id} has begun. End it before its time: otklik crisis end {crisis_id}")


@crisis.command()
@click.argument("crisis_id", metavar="ID", type=int)
@with_app
def end(crisis_id: int) -> None:
    """End a crisis now; whoever waited for that is decided again."""
    try:
        end_crisis(crisis_id, actor="command", now=utcnow())
    except UnknownCrisis:
        raise click.ClickException(f"no crisis {crisis_id} lasts") from None
    click.echo("It is over.")


@crisis.command("list")
@with_app
def list_() -> None:
    """The crises that last now."""
    found = lasting_crises(utcnow())
    for one in found:
        click.echo(f"{one.id}  {one.scope} {one.value}  until {one.ends_at:%Y-%m-%d %H:%M} UTC  by {one.declared_by}")
    click.echo(f"{len(found)} last now.")
