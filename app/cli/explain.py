"""``explain``: why someone was asked or not."""

from typing import Any

import click

from app.cli import cli, with_app
from app.extensions import dump_json
from app.queries.contacts import find_contacts, references
from app.queries.explanations import Explained, list_decisions, missed_conditions
from app.queries.installation import company

SHOWN = 50


@cli.command()
@click.argument("contact")
@click.option("--trigger", help="Only this trigger.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_app
def explain(contact: str, trigger: str | None, *, as_json: bool) -> None:
    """Why CONTACT was asked or not, gate by gate, newest first."""
    found = find_contacts(contact)
    if not found:
        raise click.ClickException(f"no contact is called {contact}")
    zone = company().zone
    rows = []
    for contact_id in found:
        rows += list_decisions(
            contact_id=contact_id, trigger=trigger, outcome=None, before="", limit=SHOWN, company_zone=zone
        )
        rows += missed_conditions(contact_id, trigger, SHOWN, zone)
    rows.sort(key=lambda row: (row.event_id, row.trigger_id), reverse=True)
    if as_json:
        click.echo(dump_json([row.as_json() for row in rows]))
        return
    click.echo(f"{', '.join(references(found).values())}: {len(rows)} decisions")
    for row in rows:
        _tell(row)


def _tell(row: Explained) -> None:
    because = f" because of {row.reason}" if row.reason else ""
    click.echo(f"\n{row.decided_at:%Y-%m-%d %H:%M:%S}  {row.trigger}: {row.outcome}{because}")
    click.echo(f"  event {row.source}/{row.event}, trigger version {row.trigger_version}")
    for rung in row.gates:
        sign = "✓" if rung.passed else "✗"
        seen = f"  observed {_value(rung.observed)}, limit {_value(rung.limit)}" if rung.limit is not None else ""
        click.echo(f"  {sign} {rung.gate}{seen}{f'  ({rung.rule})' if rung.rule else ''}")
    if row.next_possible_at:
        click.echo(f"  possible again from {row.next_possible_at:%Y-%m-%d %H:%M:%S} UTC")
    if row.invitation:
        reason = f", {row.invitation['reason']}" if row.invitation["reason"] else ""
        click.echo(f"  invitation: {row.invitation['state']}{reason}")


def _value(value: Any) -> str:
    return "nothing" if value is None else str(value)
