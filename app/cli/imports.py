"""``import``: contacts and events from files, with what was refused in a file beside them."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self, cast

import click
from flask import current_app
from marshmallow import ValidationError, fields, validate

from app.actions.contacts import put_contacts, resolve_events
from app.actions.events import record_events
from app.cli import cli, with_app
from app.clock import utcnow
from app.definitions import load_definitions, write_definition
from app.inbound.bodies import fault_of
from app.inbound.envelopes import ContactSchema, read_events
from app.inbound.foreign import UnknownFormat
from app.inbound.surveys import read_foreign
from app.jobs import ring
from app.queries.contacts import find_own_contact
from app.queries.sources import source_id

BATCH = 1_000
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([eE][-+]?[0-9]{1,2})?")
DELIMITERS = ",;\t| "


@cli.group("import")
def imports() -> None:
    """Bring in contacts, events or answers from CSV or NDJSON files, gzipped or not; or a survey of another tool."""


_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_SOURCE = click.option("--source", default="api", show_default=True, help="The source whose ids these are.")
_MAP = click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="contact.id=customer_id; type='order.paid' for a constant.",
)


@imports.command("events")
@_FILE
@_SOURCE
@_MAP
@click.option("--history", is_flag=True, help="Store without acting: nobody is asked because of these.")
@with_app
def import_events(file: Path, source: str, maps: tuple[str, ...], *, history: bool) -> None:
    """Events; an id that is known already changes nothing, so a broken import can be repeated."""
    source_number = source_named(source)
    mapping = mapping_of(maps)
    accepted = duplicates = 0
    with Refused(file) as refused, progress_bar(file) as bar:
        for batch in batches(with_columns(rows_of(file, bar), mapping)):
            items = [_event(row, mapping, f"{file.name}:{number}") for number, row in batch]
            reading = read_events(items, utcnow(), history=history)
            for position, errors in reading.faults.items():
                refused.add(batch[position], errors)
            if not reading.events:
                continue
            receipt = record_events(source_number, reading.events, utcnow())
            accepted, duplicates = accepted + receipt.accepted, duplicates + receipt.duplicates
            for clash in receipt.clashes:
                refused.add(batch[reading.positions[clash]], {"id": ["Is taken by another event."]})
    if history:
        _resolve_history()
    ring("resolve")
    tell(accepted, duplicates, refused)


def _resolve_history() -> None:
    """Find the contacts of what was imported right away, so that the next event sees the past."""
    region = current_app.config["PHONE_REGION"]
    with click.progressbar(length=1, label="Contacts") as bar:
        while resolve_events(BATCH, utcnow(), region):
            pass
        bar.update(1)


@imports.command("survey")
@_FILE
@click.option("--slug", help="What to call it; by default as the file.")
@with_app
def import_survey(file: Path, slug: str | None) -> None:
    """A survey of SurveyJS (JSON), LimeSurvey (.lss) or Formbricks (JSON), as a definition file for ``apply``.

    The definition goes to standard output; what does not map is listed line by line on standard error.
    """
    slug = slug or re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:64].strip("-") or "imported"
    try:
        found = read_foreign(file.read_bytes(), slug)
    except UnknownFormat as error:
        raise click.ClickException(f"{file.name} cannot be imported: {error}.") from error
    text = write_definition("surveys", found.body)
    click.echo(text, nl=False)
    for line in found.lost:
        click.echo(f"does not map: {line}", err=True)
    for fault in load_definitions({file.name: text}).faults:
        click.echo(f"to be put right: {fault}", err=True)


@imports.command("contacts")
@_FILE
@_SOURCE
@_MAP
@click.option("--history", is_flag=True, help="Store without acting: nobody is asked because of these.")
@with_app
def import_contacts(file: Path, source: str, maps: tuple[str, ...], *, history: bool) -> None:
    """Contacts; known ones are changed, attributes merged."""
    source_number = source_named(source)
    mapping = mapping_of(maps)
    region = current_app.config["PHONE_REGION"]
    accepted = 0
    with Refused(file) as refused, progress_bar(file) as bar:
        for batch in batches(with_columns(rows_of(file, bar), mapping)):
            blocks = [block for row in batch if (block := _read_contact(row, mapping, refused))]
            accepted += len(put_contacts(source_number, blocks, utcnow(), region, history=history))
    ring("announce")
    tell(accepted, 0, refused)


class _NamedContact(ContactSchema):
    """A contact in a file, which has to have an id."""

    id = fields.String(required=True, validate=validate.Length(1, 200))


def _read_contact(
    numbered: tuple[int, dict[str, Any]], mapping: Mapping[str, str], refused: "Refused"
) -> tuple[str, dict[str, Any]] | None:
    block = _contact(numbered[1], mapping)
    if fault := fault_of(block):
        refused.add(numbered, {"_schema": [fault]})
        return None
    try:
        loaded = _NamedContact().load(block)
    except ValidationError as error:
        refused.add(numbered, error.messages)
        return None
    reference = loaded.pop("id")
    if reference.startswith("ct_") and find_own_contact(reference, "") is None:
        refused.add(numbered, {"id": ["No contact has this id."]})
        return None
    return reference, loaded


def source_named(slug: str) -> int:
    found = source_id(slug)
    if found is None:
        raise click.ClickException(f"there is no source {slug}")
    return found


def mapping_of(maps: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in maps:
        field, sign, column = pair.partition("=")
        if not sign or not field or not column:
            raise click.BadParameter(f"{pair!r} must be FIELD=COLUMN", param_hint="--map")
        found[field.strip()] = column.strip()
    return found


def progress_bar(file: Path) -> Any:
    return click.progressbar(length=file.stat().st_size, label=file.name)


def rows_of(file: Path, bar: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file with their line numbers; the bar follows the bytes read."""
    with _readable(file), file.open("rb") as raw:
        stream = cast("IO[bytes]", gzip.open(raw) if file.suffix == ".gz" else raw)  # noqa: SIM115 closed with the file below it
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        name = file.name.removesuffix(".gz")
        rows = _json_rows(text) if name.endswith((".ndjson", ".jsonl", ".json")) else _csv_rows(text)
        done = 0
        for row in rows:
            yield row
            if raw.tell() != done:
                bar.update(raw.tell() - done)
                done = raw.tell()


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Say in one line when a file cannot be read to its end."""
    try:
        yield
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise click.ClickException(f"{file}: {error}") from error


def _json_rows(text: io.TextIOWrapper) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                row = {"not JSON": f"{error}: {line[:200]}"}
            yield number, row if isinstance(row, dict) else {"not an object": row}


def _csv_rows(text: io.TextIOWrapper) -> Iterator[tuple[int, dict[str, Any]]]:
    """CSV, its delimiter read off the header line; runs of spaces count as one delimiter."""
    header = text.readline()
    delimiter = max(DELIMITERS, key=lambda d: len(header.split(d)) if d != " " else 0)
    if len(header.split(delimiter)) == 1 and len(header.split()) > 1:
        names = header.split()
        for number, line in enumerate(text, 2):
            if line.strip():
                yield number, dict(zip(names, line.split(), strict=False))
        return
    names = next(csv.reader([header], delimiter=delimiter))
    reader = csv.reader(text, delimiter=delimiter)
    for values in reader:
        if values:
            yield reader.line_num + 1, dict(zip(names, values, strict=False))


def with_columns(
    rows: Iterator[tuple[int, dict[str, Any]]], mapping: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows, once the first of them shows that the file has every column that is mapped."""
    for count, (number, row) in enumerate(rows):
        missing = [c for c in mapping.values() if count == 0 and not is_constant(c) and c not in row]
        if missing:
            raise click.ClickException(
                f"the file has no column {', '.join(missing)}; it has {', '.join(map(str, row))}"
            )
        yield number, row


def is_constant(column: str) -> bool:
    return len(column) > 1 and column[0] == column[-1] == "'"


def batches(rows: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    batch: list[tuple[int, dict[str, Any]]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _event(row: Mapping[str, Any], mapping: Mapping[str, str], place: str) -> Any:
    """The event in a row: as it is, or by the mapping."""
    if not mapping:
        return row
    item = _mapped(row, mapping)
    item.setdefault("id", place)
    return item


def _contact(row: Mapping[str, Any], mapping: Mapping[str, str]) -> Any:
    if not mapping:
        return {k: v for k, v in row.items() if v != ""}
    found = _mapped(row, {k if k.startswith("contact.") else f"contact.{k}": v for k, v in mapping.items()})
    return found.get("contact", {})


def _mapped(row: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for field, column in mapping.items():
        value = column[1:-1] if is_constant(column) else row.get(column)
        if value is None or value == "":
            continue
        *path, name = field.split(".", 2)
        node = item
        for key in path:
            node = node.setdefault(key, {})
        node[name] = (
            _date(value) if field == "occurred_at" else _number(value) if path == ["properties"] else str(value)
        )
    return item


def _date(value: Any) -> Any:
    """``19970101`` is a day, as in many old files."""
    text = str(value)
    if len(text) == 8 and text.isdigit():  # noqa: PLR2004 YYYYMMDD
        return f"{text[:4]}-{text[4:6]}-{text[6:]}T00:00:00Z"
    return f"{text}T00:00:00Z" if len(text) == 10 else text  # noqa: PLR2004 YYYY-MM-DD


def _number(value: Any) -> Any:
    """Files have only text; what reads as a plain number is one. A leading zero or plus makes it an id or a phone."""
    text = str(value)
    if not _PLAIN_NUMBER.fullmatch(text):
        return value
    return int(text) if text.lstrip("-").isdigit() else float(text)


class Refused:
    """The file of refused lines; made with the first of them."""

    def __init__(self, file: Path) -> None:
        self.path = file.with_name(f"{file.name}.refused.ndjson")
        self.count = 0
        self._file: io.TextIOWrapper | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file:
            self._file.close()

    def add(self, numbered: tuple[int, Mapping[str, Any]], errors: Any) -> None:
        if self._file is None:
            self._file = self._open()
        number, row = numbered
        self._file.write(json.dumps({"line": number, "errors": errors, "row": row}, ensure_ascii=False) + "\n")
        self.count += 1

    def _open(self) -> io.TextIOWrapper:
        try:
            return self.path.open("w", errors="backslashreplace")
        except OSError:  # the folder is not ours to write in
            self.path = Path.cwd() / self.path.name
            return self.path.open("w", errors="backslashreplace")


def tell(accepted: int, duplicates: int, refused: Refused) -> None:
    click.echo(f"{accepted:,} accepted, {duplicates:,} known already, {refused.count:,} refused.")
    if refused.count:
        click.echo(f"The refused lines and why: {refused.path}")
