"""Files out: tables as CSV and XLSX, in which a customer's text is only ever text."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from xlsxwriter import Workbook

BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
CELL_MAX = 32_000
"""What Excel's cells hold, and a little less."""
WIDTH_MAX = 60


@dataclass(frozen=True)
class Sheet:
    """A table to be exported."""

    name: str
    heads: Sequence[str]
    rows: Iterable[Sequence[Any]]


def as_csv(sheet: Sheet) -> bytes:
    """UTF-8 with a mark, so that spreadsheets read it; what looks like a formula gets an apostrophe before it."""
    written = io.StringIO(newline="")
    out = csv.writer(written)
    out.writerow([_harmless(head) for head in sheet.heads])
    out.writerows([_harmless(cell) for cell in row] for row in sheet.rows)
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def _harmless(cell: Any) -> Any:
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    if isinstance(cell, str) and cell.lstrip(" ").startswith(BEGINS_FORMULA):
        return f"'{cell}"
    return cell


def as_xlsx(sheets: Iterable[Sheet]) -> bytes:
    """A workbook with a sheet per table; strings are strings, whatever they begin with."""
    written = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(written, {**options, "remove_timezone": True}) as book:
        formats = {
            "head": book.add_format({"bold": True, "bottom": 1}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            "text": book.add_format({"text_wrap": False, "valign": "top"}),
        }
        for sheet in sheets:
            _write(book.add_worksheet(_sheet_name(sheet.name)), sheet, formats)
    return written.getvalue()


def _sheet_name(name: str) -> str:
    """Excel refuses some signs, and more than 31 of them."""
    return "".join(" " if c in "[]:*?/\\'" else c for c in name)[:31].strip() or "Sheet"


def _write(page: Any, sheet: Sheet, formats: dict[str, Any]) -> None:
    widths = [len(head) for head in sheet.heads]
    for column, head in enumerate(sheet.heads):
        page.write_string(0, column, head, formats["head"])
    for number, row in enumerate(sheet.rows, 1):
        for column, cell in enumerate(row):
            widths[column] = max(widths[column], min(len(str(cell)), WIDTH_MAX) if cell is not None else 0)
            _write_cell(page, number, column, cell, formats)
    for column, width in enumerate(widths):
        page.set_column(column, column, width + 2)
    page.freeze_panes(1, 0)


def _write_cell(page: Any, row: int, column: int, cell: Any, formats: dict[str, Any]) -> None:
    if cell is None:
        return
    if isinstance(cell, datetime):
        page.write_datetime(row, column, cell, formats["moment"])
    elif isinstance(cell, date):
        page.write_datetime(row, column, cell, formats["day"])
    elif isinstance(cell, (int, float)):
        page.write_number(row, column, cell)
    else:
        page.write_string(row, column, str(cell)[:CELL_MAX], formats["text"])
