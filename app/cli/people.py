"""``user``: the company's people."""

import click

from app.actions.accounts import EmailTaken, add_user, make_password, reset_password
from app.cli import cli, with_app
from app.clock import utcnow
from app.queries.accounts import list_accounts
from app.text.addresses import normal_email
from surveys.survey import ROLES


@cli.group()
def user() -> None:
    """People who sign in."""


@user.command("add")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--name", default="", help="As others see it; else the beginning of the address.")
@click.option("--department", default=None, help="Whose tasks an agent works.")
@with_app
def add(email: str, role: str, name: str, department: str | None) -> None:
    """Make an account and print its password, once, alone on the last line."""
    address = normal_email(email)
    if address is None:
        raise click.ClickException(f"{email} is not an e-mail address")
    password = make_password()
    try:
        add_user(
            address, name or address.split("@")[0], role, password, utcnow(), actor="command", department=department
        )
    except EmailTaken as error:
        raise click.ClickException(f"{address} has an account already") from error
    click.echo("This password is shown only now:", err=True)
    click.echo(password)


@user.command("password")
@click.argument("email")
@with_app
def password(email: str) -> None:
    """Set a new password, which ends every session, and print it, once."""
    found = next((a for a in list_accounts() if a.email == email.strip().lower()), None)
    if found is None:
        raise click.ClickException(f"{email} has no account")
    made = make_password()
    reset_password(found.id, made, "command", utcnow())
    click.echo("This password is shown only now:", err=True)
    click.echo(made)


@user.command("list")
@with_app
def show() -> None:
    """Everybody who may sign in."""
    for account in list_accounts():
        state = "closed" if account.disabled_at else account.role
        click.echo(f"{state:9} {account.email:40} {account.name}")
