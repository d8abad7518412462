"""Years of purchases brought in from a file: how long it takes, and how much memory."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import config
from benchmarks.results import Row
from benchmarks.stack import ROOT, Stack, plain_connection

COLUMNS = {
    "type": "'order.paid'",
    "contact.id": "customer_id",
    "occurred_at": "date",
    "properties.amount": "dollar_value",
    "properties.items": "number_of_cds",
}


def measure(stack: Stack) -> Iterator[Row]:
    if stack.purchases is None:
        print("  no --purchases FILE: nothing to import")
        return
    file = shutil.copy(stack.purchases, stack.scratch)  # what is refused is written beside it
    settings = stack.settings()
    maps = [word for field, column in COLUMNS.items() for word in ("--map", f"{field}={column}")]
    command = [Path(sys.executable).parent / "otklik", "import", "events", file, "--history", *maps]
    began = perf_counter()
    running = subprocess.Popen(command, env=config.environment(settings), cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    seconds = perf_counter() - began
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise RuntimeError(f"the import ended with {running.returncode}")
    with plain_connection(settings) as connection:
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone() or (0,)
        (contacts,) = connection.execute("SELECT count(*) FROM contacts").fetchone() or (0,)
    said = f"{events / seconds:,.0f} purchases/s, of {contacts:,} customers"
    yield Row(f"import of {events:,} purchases as history", seconds, "s", None, said)
    yield Row("import, most memory", used.ru_maxrss / 1000, "MB")
