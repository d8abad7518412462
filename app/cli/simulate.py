"""``simulate``: what a draft would have done on past events."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson

from app.cli import cli, read_texts, with_app
from app.definitions import load_definitions
from app.definitions.drafts import draft_of, span_of
from app.queries.installation import company
from app.queries.rehearsals import count_events, first_and_last_event, rehearse
from surveys.rehearsal import STEP

DAY = click.DateTime(["%Y-%m-%d"])


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--from", "begin", required=True, type=DAY, help="The first day, by the company's clock.")
@click.option("--to", "end", required=True, type=DAY, help="The last day.")
@click.option("--compare", is_flag=True, help="Rehearse what is in force, too.")
@click.option("--json", "as_json", is_flag=True)
@with_app
def simulate(files: tuple[Path, ...], begin: datetime, end: datetime, *, compare: bool, as_json: bool) -> None:
    """Rehearse triggers and a policy on past events: nothing is sent, nothing is changed."""
    loaded = load_definitions(read_texts(files))
    if loaded.faults:
        for fault in loaded.faults:
            click.echo(str(fault), err=True)
        raise click.ClickException(f"{len(loaded.faults)} faults; nothing was rehearsed.")
    span = span_of(begin.date(), end.date(), company().zone)
    if span.until <= span.since:
        raise click.BadParameter("is before the first day", param_hint="--to")
    total = count_events(span)
    if not total:
        raise click.ClickException(f"No events between these days. {_days_with_events()}")
    shown: Any = click.progressbar(length=total, label="Rehearsing", file=sys.stderr)
    with shown as bar:

        def progress(_done: int) -> bool:
            bar.update(STEP)
            return True

        result = rehearse(draft_of(loaded.catalog), span, compare=compare, progress=progress)
    if as_json:
        click.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())
    else:
        _say(result)


def _days_with_events() -> str:
    first, last = first_and_last_event()
    return f"There are events from {first:%Y-%m-%d} to {last:%Y-%m-%d}." if first and last else "There are none at all."


def _say(result: dict[str, Any]) -> None:
    click.echo(f"{result['events']} events")
    for slug, count in result["triggers"].items():
        click.echo(f"{slug}: {count['matched']} matched, {count['invited']} invited, {count['deferred']} still waiting")
        for reason, n in count["skipped"].items():
            click.echo(f"    {n:>8} {reason}")
    asked = ", ".join(f"{n} contacts {times} times" for times, n in result["contacts"].items())
    click.echo(f"Asked: {asked or 'nobody'}; about {result['answers']:.0f} answers")
    if result["not_rehearsed"]:
        click.echo(f"Not rehearsed but as they really came: {', '.join(result['not_rehearsed'])}")
    if "in_force" in result:
        click.echo(f"In force: {result['in_force']['questions']} questions instead of {result['questions']}; "
                   f"{result['differing']['total']} contacts differ")  # fmt: skip
    click.echo("Nothing was sent. Nothing was changed.")
