"""``apply`` and ``export``: definitions as files."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from app.actions.definitions import apply_definitions
from app.cli import cli, read_texts, with_app
from app.clock import utcnow
from app.definitions import export_definitions, load_definitions
from app.queries.definitions import Change, MissingSecret, plan_changes
from app.queries.installation import company
from app.queries.timers import going_live
from surveys.catalog import Catalog
from surveys.occasions import Once
from surveys.triggers import Trigger


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.option("--prune", is_flag=True, help="Also archive what the files do not name.")
@with_app
def apply(files: tuple[Path, ...], *, dry_run: bool, prune: bool) -> None:
    """Put definitions in force: a plan first, all or nothing."""
    loaded = load_definitions(read_texts(files), prune=prune)
    if loaded.faults:
        for fault in loaded.faults:
            click.echo(str(fault), err=True)
        raise click.ClickException(f"{len(loaded.faults)} faults; nothing was changed.")
    now = utcnow()
    matching = going_live(loaded.catalog, now, company().zone)
    if not dry_run and sys.stdin.isatty():
        _ask(loaded.catalog, matching)
    try:
        if dry_run:
            changes = plan_changes(loaded.catalog, loaded.secrets, prune=prune)
        else:
            changes = apply_definitions(loaded.catalog, loaded.secrets, prune=prune, now=now)
    except MissingSecret as error:
        raise click.ClickException(f"{error}; nothing was changed.") from error
    _tell(loaded.catalog, changes, matching)
    done = "would change" if dry_run else "changed"
    click.echo(f"{len(changes)} {done}." if changes else "Nothing to change.")


def _tell(catalog: Catalog, changes: Sequence[Change], matching: Mapping[str, int]) -> None:
    for change in changes:
        click.echo(str(change))
    for slug, source in catalog.objects["sources"].items():
        if source.weak:
            click.echo(f"  ! source {slug}: {source.scheme} is weak, whoever sees one request can make another")
    for slug, count in matching.items():
        click.echo(f"  ! trigger {slug}: {_told(catalog.objects['triggers'][slug], count)}")


def _ask(catalog: Catalog, matching: Mapping[str, int]) -> None:
    """Ask whoever sits there what is to become of those who match already, where the file does not say it."""
    for slug, count in matching.items():
        body = catalog.bodies["triggers"][slug]
        if "existing" in body or not count:
            continue
        usual = "all at once" if isinstance(catalog.objects["triggers"][slug].when, Once) else "left out"
        asked = f"trigger {slug}: {count:,} customers match already. How many a day? (0: {usual})"
        if per_day := click.prompt(asked, type=click.IntRange(0, 1_000_000), default=0):
            catalog.bodies["triggers"][slug] = body | {"existing": {"per_day": per_day}}
            catalog.objects["triggers"][slug] = replace(catalog.objects["triggers"][slug], existing=per_day)
            click.echo(f"Write it into the file too: existing: {{per_day: {per_day}}}")


def _told(trigger: Trigger, count: int) -> str:
    """What becomes of those who match already."""
    said = f"{count:,} customers match already"
    if trigger.existing:
        return f"{said}; {trigger.existing:,} a day come up, for {-(-count // trigger.existing):,} days"
    if isinstance(trigger.when, Once):
        return f"{said}; all come up at once"
    return f"{said}; they are left out, and existing: {{per_day: 500}} would let so many a day come up"


@cli.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder; without it, to the screen.")
@with_app
def export(out: Path | None) -> None:
    """Write everything that is defined as YAML."""
    texts = export_definitions()
    if out is None:
        click.echo("---\n".join(texts.values()), nl=False)
        return
    out.mkdir(parents=True, exist_ok=True)
    for kind, text in texts.items():
        (out / f"{kind}.yaml").write_text(text)
        click.echo(out / f"{kind}.yaml")
