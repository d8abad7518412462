"""``apply`` and ``export``: definitions as files."""

from pathlib import Path

import click

from app.actions.definitions import apply_definitions
from app.cli import cli, read_texts, with_app
from app.clock import utcnow
from app.definitions import export_definitions, load_definitions
from app.queries.definitions import MissingSecret, plan_changes


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
    try:
        if dry_run:
            changes = plan_changes(loaded.catalog, loaded.secrets, prune=prune)
        else:
            changes = apply_definitions(loaded.catalog, loaded.secrets, prune=prune, now=utcnow())
    except MissingSecret as error:
        raise click.ClickException(f"{error}; nothing was changed.") from error
    for change in changes:
        click.echo(str(change))
    for slug, source in loaded.catalog.objects["sources"].items():
        if source.weak:
            click.echo(f"  ! source {slug}: {source.scheme} is weak, whoever sees one request can make another")
    done = "would change" if dry_run else "changed"
    click.echo(f"{len(changes)} {done}." if changes else "Nothing to change.")


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
