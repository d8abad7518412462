"""``python -m benchmarks [NAME …]``: measure, print, and with ``--write`` keep the figures as a page."""

import os
import platform
import shutil
import signal
import sys
import tempfile
import traceback
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import psycopg

from app.clock import utcnow
from benchmarks import (
    answers,
    backlog,
    bare_machine,
    batches,
    decisions,
    hand_over,
    history,
    memory,
    rehearsal,
    storage,
    timers,
    webhooks,
    widget,
)
from benchmarks.results import Row, as_markdown, as_text
from benchmarks.stack import Stack

BENCHMARKS: dict[str, Callable[[Stack], Iterator[Row]]] = {
    "webhooks": webhooks.measure,
    "batches": batches.measure,
    "decisions": decisions.measure,
    "backlog": backlog.measure,
    "hand-over": hand_over.measure,
    "answers": answers.measure,
    "memory": memory.measure,
    "storage": storage.measure,
    "setup": bare_machine.measure,
    "history": history.measure,
    "widget": widget.measure,
    "timers": timers.measure,
    "rehearsal": rehearsal.measure,
}


def main() -> int:
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
    parser.add_argument("--write", type=Path, metavar="FILE", help="keep the figures as a page")
    parser.add_argument("--purchases", type=Path, metavar="FILE", help="purchases to import, one per line")
    told = parser.parse_args()
    load = os.getloadavg()[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # as an error does: everything that was started ends
    scratch = Path(tempfile.mkdtemp(prefix="otklik-bench-"))
    with ExitStack() as closing:
        closing.callback(shutil.rmtree, scratch, ignore_errors=True)
        stack = Stack(scratch, closing, told.quick, told.purchases)
        rows, failed = _measure(stack, told.names or list(BENCHMARKS))
        facts = _facts(stack, load)
    print(f"\n{as_text(rows)}\n\n{facts}")
    if told.write:
        told.write.write_text(_page(rows, failed, facts))
    for name in failed:
        print(f"FAILED: {name}", file=sys.stderr)
    return 1 if failed else 0


def _measure(stack: Stack, names: Sequence[str]) -> tuple[list[Row], list[str]]:
    rows, failed = [], []
    for name in names:
        began = perf_counter()
        try:
            for row in BENCHMARKS[name](stack):
                print(f"  {row.name}: {row.cells()[1]}", flush=True)
                rows.append(row)
        except Exception:  # noqa: BLE001 one that fails must not cost the others
            traceback.print_exc()
            failed.append(name)
        print(f"{name}: {perf_counter() - began:.0f} s", flush=True)
    return rows, failed


def _facts(stack: Stack, load: float) -> str:
    with psycopg.connect(stack.postgres.url("postgres")) as connection:
        postgres = connection.info.server_version // 10_000
    command = " ".join(["python -m benchmarks", *(w if w.startswith("docs") else Path(w).name for w in sys.argv[1:])])
    return (
        f"`{command}`, {utcnow():%Y-%m-%d}: {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, "
        f"PostgreSQL {postgres} with its default settings, load average before {load:.1f}."
    )


def _page(rows: Sequence[Row], failed: Sequence[str], facts: str) -> str:
    told = "".join(f"* `{name}`: {sys.modules[b.__module__].__doc__}\n" for name, b in BENCHMARKS.items())
    broken = "".join(f"\n`{name}` failed.\n" for name in failed)
    table = as_markdown(rows)
    return f"# Benchmarks\n\n{facts}\n\n{table}\n{broken}\nWhat is measured, by the name it is run with:\n\n{told}"


if __name__ == "__main__":
    sys.exit(main())
