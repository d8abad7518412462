"""``import responses``: years of answers from an older tool, counted and never acted on."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import sleep
from typing import Any
from zoneinfo import ZoneInfo

import click
from flask import current_app
from marshmallow import ValidationError

from app.actions.contacts import resolve_events
from app.actions.events import record_events
from app.actions.imports import ImportedAnswer, store_imported
from app.cli import with_app
from app.cli.imports import (
    BATCH,
    Refused,
    batches,
    imports,
    is_constant,
    mapping_of,
    progress_bar,
    rows_of,
    source_named,
    tell,
    with_columns,
)
from app.clock import utcnow
from app.inbound.answers import PROPERTIES, ReadAnswer, columns_of, hash_of, read_answer
from app.jobs import ring
from app.queries.installation import company
from app.queries.surveys import current_surveys, survey_version
from surveys.survey import Survey

PATIENCE = 600
"""Tenths of a second to wait for another process that is finding customers."""


@imports.command("responses")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--survey", "slug", required=True, help="The survey they answer.")
@click.option("--source", default="api", show_default=True, help="The source whose ids of customers these are.")
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="nps=Q1; answered_at=Date; contact.id=customer; channel='email' for a constant. "
    "A column that is called like a field need not be mapped.",
)
@with_app
def import_responses(file: Path, slug: str, source: str, maps: tuple[str, ...]) -> None:
    """Answers to a survey from an older tool: counted in every figure, never acted on.

    Options are named by their ids or by their words in any language. Running it again stores nothing twice: answers
    are told apart by the field ``id``, else by everything in their row.
    """
    survey, source_number, zone = _survey(slug), source_named(source), ZoneInfo(company().zone)
    mapping = _checked(survey, mapping_of(maps))
    seen: Counter[bytes] = Counter()
    stored = known = 0
    with Refused(file) as refused, progress_bar(file) as bar:
        for batch in batches(with_columns(_told(rows_of(file, bar)), mapping)):
            read = list(_read(survey, batch, (mapping, seen, zone), refused))
            fresh = _record(source_number, read, refused)
            added = _store(slug, source_number, [one.answer for _, one in fresh])
            stored, known = stored + added, known + len(fresh) - added
    ring("score")
    tell(stored, known, refused)


def _survey(slug: str) -> Survey:
    found = current_surveys().get(slug)
    if found is None:
        raise click.ClickException(f"there is no survey {slug}")
    return survey_version(found[0])


def _checked(survey: Survey, mapping: dict[str, str]) -> dict[str, str]:
    known = columns_of(survey)
    for field in mapping:
        if field not in known and not field.startswith(PROPERTIES):
            raise click.BadParameter(
                f"{field} is no field of this survey; there are {', '.join(known)} and properties.…",
                param_hint="--map",
            )
    return mapping


def _told(rows: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of JSON become like rows of CSV: cells are text."""
    for number, row in rows:
        yield number, {name: _cell(value) for name, value in row.items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(_cell(part) for part in value)
    return str(value).replace("\0", "")


def _read(
    survey: Survey,
    batch: Sequence[tuple[int, dict[str, str]]],
    how: tuple[Mapping[str, str], Counter[bytes], ZoneInfo],
    refused: Refused,
) -> Iterator[tuple[tuple[int, dict[str, str]], ReadAnswer]]:
    """The rows that can be read; equal rows without an id are told apart by which of them it is."""
    mapping, seen, zone = how
    known = {*columns_of(survey), *mapping}
    for numbered in batch:
        row = _named(numbered[1], mapping, known)
        identifier = row.get("id", "").strip()
        if not identifier:
            digest = hash_of(row)
            seen[digest] += 1
            identifier = f"{digest.hex()}-{seen[digest]}"
        try:
            yield numbered, read_answer(survey, row, identifier, zone, utcnow())
        except ValidationError as error:
            refused.add(numbered, error.messages)


def _named(row: Mapping[str, str], mapping: Mapping[str, str], known: set[str]) -> dict[str, str]:
    """The cells by their field: as mapped, else by a column of the field's own name."""
    found = {name: cell for name, cell in row.items() if name in known or name.startswith(PROPERTIES)}
    for field, column in mapping.items():
        found[field] = column[1:-1] if is_constant(column) else row.get(column, "")
    return found


def _record(
    source_id: int, read: Sequence[tuple[tuple[int, dict[str, str]], ReadAnswer]], refused: Refused
) -> list[tuple[tuple[int, dict[str, str]], ReadAnswer]]:
    """Record the events; those left whose id is not another answer's."""
    if not read:
        return []
    receipt = record_events(source_id, [one.event for _, one in read], utcnow())
    for position in receipt.clashes:
        refused.add(read[position][0], {"id": ["is taken by another answer"]})
    clashing = set(receipt.clashes)
    return [one for position, one in enumerate(read) if position not in clashing]


def _store(slug: str, source_id: int, answers: Sequence[ImportedAnswer]) -> int:
    """Store answers once their customers are found; returns how many are new."""
    if not answers:
        return 0
    stored, region = 0, current_app.config["PHONE_REGION"]
    for _turn in range(PATIENCE):
        while resolve_events(BATCH, utcnow(), region):
            pass
        added, waiting = store_imported(slug, source_id, answers, utcnow())
        stored += added
        if not waiting:
            return stored
        sleep(0.1)
    raise click.ClickException("another process is busy finding customers; run this again later, nothing is lost")
