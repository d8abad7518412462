"""``picture``: pictures for surveys."""

from pathlib import Path

import click

from app.actions.pictures import store_picture
from app.cli import cli, with_app
from app.clock import utcnow
from app.inbound.pictures import BYTES_MAX, SIDE_MAX, NotAPicture, PictureTooLarge, read_picture


@cli.command("picture")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_app
def picture(files: tuple[Path, ...]) -> None:
    """Keep pictures (PNG, JPEG, WebP) that answers are chosen by; prints the name of each for ``picture:``."""
    for file in files:
        try:
            read = read_picture(file.read_bytes())
        except NotAPicture as error:
            raise click.ClickException(f"{file.name} is no PNG, JPEG or WebP picture") from error
        except PictureTooLarge as error:
            most = f"{BYTES_MAX // 1_000} kB and {SIDE_MAX} pixels a side"
            raise click.ClickException(f"{file.name} is larger than {most}") from error
        click.echo(f"{store_picture(read.content, read.type, utcnow())}  {file.name}")
