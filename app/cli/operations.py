"""What an operator does by hand: sending on and off, dead events, unknown deliveries, and a look at it all."""

import sys
from dataclasses import asdict

import click
from flask import current_app

from app.actions.audits import ask_for_audit
from app.actions.deliveries import NotUnknown, settle_by_hand, switch_sending
from app.actions.effects import redrive_effects
from app.actions.events import redrive_events
from app.admin.reference import as_markdown
from app.cli import cli, with_app
from app.clock import utcnow
from app.extensions import db, dump_json
from app.jobs import carry_out_audit
from app.queries.deliveries import sending_stopped, unknown_deliveries
from app.queries.effects import dead_effects
from app.queries.events import count_pending, dead_events
from app.queries.work import youngest_heartbeat

SHOWN = 100


@cli.group()
def sending() -> None:
    """The stop-all switch, and deliveries nobody is sure of."""


@sending.command()
@with_app
def stop() -> None:
    """Stop all sending at once; what is due waits."""
    switch_sending(stopped=True, now=utcnow())
    click.echo("Nothing is sent any more, until: otklik sending start")


@sending.command()
@with_app
def start() -> None:
    """Let sending go on."""
    switch_sending(stopped=False, now=utcnow())
    click.echo("Sending goes on.")


@sending.command()
@with_app
def unknown() -> None:
    """Deliveries that may or may not have arrived: a worker died in the middle."""
    rows = unknown_deliveries(SHOWN)
    for delivery_id, invitation, begun_at in rows:
        click.echo(f"{delivery_id}  {begun_at:%Y-%m-%d %H:%M:%S}  {invitation or 'a note to the team'}")
    click.echo(f"{len(rows)} unknown." + ("  Settle one: otklik sending settle ID --arrived|--lost" if rows else ""))


@sending.command()
@click.argument("delivery", type=int)
@click.option("--arrived/--lost", required=True, help="What is known about it now.")
@with_app
def settle(delivery: int, *, arrived: bool) -> None:
    """Say what became of an unknown delivery. It is never sent again."""
    try:
        settle_by_hand(delivery, arrived, utcnow())
    except NotUnknown as error:
        raise click.ClickException(f"delivery {delivery} is not unknown") from error
    click.echo(f"Delivery {delivery}: {'arrived' if arrived else 'lost'}.")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every violation that is kept.")
@with_app
def audit(*, as_json: bool) -> None:
    """Count every limit of the contact policy again over all messages. Ends with 1 when one was broken."""
    audited, _unheard = carry_out_audit(ask_for_audit("command", utcnow(), begin=True))
    if as_json:
        click.echo(dump_json(asdict(audited)))
    else:
        click.echo(
            f"{audited.places} messages, policy version {audited.policy_version}: {audited.found} beyond a limit."
        )
        for v in audited.violations[:SHOWN]:
            click.echo(f"{v['owner']} {v['id']}  {v['limit']}: {v['inside']}, allowed {v['max']}, until {v['until']}")
    if audited.found:
        sys.exit(1)


@cli.group()
def events() -> None:
    """Events that were set aside."""


@events.command()
@with_app
def dead() -> None:
    """Events that failed five times, and their tasks, notes and attributes that did; with the last error."""
    rows = dead_events(SHOWN)
    for event_id, source, external_id, kind, error in rows:
        click.echo(f"{event_id}  {source}/{external_id}  {kind}  {error or ''}")
    effects = dead_effects(SHOWN)
    for effect_id, kind, trigger, error in effects:
        click.echo(f"{kind} {effect_id} of {trigger}  {error or ''}")
    found = len(rows) + len(effects)
    click.echo(f"{found} dead." + ("  Try again: otklik events redrive [ID …]" if found else ""))


@events.command()
@click.argument("ids", nargs=-1, type=int)
@with_app
def redrive(ids: tuple[int, ...]) -> None:
    """Give dead events another five attempts; all of them, and what else is dead, when no ID is given."""
    click.echo(f"{redrive_events(ids or None, 'command', utcnow())} events are tried again.")
    if not ids and (effects := redrive_effects("command", utcnow())):
        click.echo(f"{effects} tasks, notes and attributes are tried again.")


@cli.command()
@with_app
def doctor() -> None:
    """How it is, in a few lines."""
    waiting, lost = count_pending()
    beat = youngest_heartbeat()
    config = current_app.config
    click.echo(f"database     {db.engine.dialect.name}")
    click.echo(f"redis        {'set' if config['REDIS_URL'] else 'none: workers poll'}")
    click.echo(
        f"mail         {'server is set' if config['SMTP_URL'] else 'caught in ' + str(config['DATA_DIR'] / 'mail')}"
    )
    click.echo(
        f"sending      {'STOPPED' if sending_stopped() else 'on'}"
        + (f", only to {config['SEND_ONLY_TO']}" if config["SEND_ONLY_TO"] else "")
    )
    click.echo(
        f"worker       {'never seen' if beat is None else f'seen {(utcnow() - beat).total_seconds():.0f} s ago'}"
    )
    click.echo(f"events       {waiting} waiting, {lost} dead")
    click.echo(f"deliveries   {len(unknown_deliveries(SHOWN))} unknown")


@cli.command(hidden=True)
@with_app
def reference() -> None:
    """The reference of the API as a document, for docs/api.md."""
    click.echo(as_markdown())
