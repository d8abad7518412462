"""The proof of the crowd, as large as wanted: ``python -m tests.proofs.at_large EVENTS [--sqlite]``.

Sixteen deciders, a few senders, and a decider killed for every five thousand events; then all books are read again.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import config
from app.cli import migrate_tables
from tests.proofs.auditor import deadlocks, number, times_decided
from tests.proofs.stack import application
from tests.proofs.test_races import audit, begun_again, let_loose
from tests.services import cluster

EVENTS_EACH = 25


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("events", type=int)
    parser.add_argument("--sqlite", action="store_true")
    told = parser.parse_args()
    with TemporaryDirectory() as folder:
        if told.sqlite:
            _prove(f"sqlite:///{folder}/otklik.db", Path(folder), told.events, deciders=4)
            return
        with cluster("fsync=off", "max_connections=100") as server:
            server.execute("CREATE DATABASE proof")
            _prove(server.url("proof"), Path(folder), told.events, deciders=16)


def _prove(url: str, folder: Path, events: int, deciders: int) -> None:
    settings = config.load({}, database_url=url, data_dir=folder, rate_limit="", log_level="ERROR")
    with application(settings):
        migrate_tables()
    began = perf_counter()
    report = let_loose(
        settings,
        within=6 * 3600,
        events=events,
        deciders=deciders,
        senders=2,
        kills=events // 5_000,
        contacts=max(50, events // EVENTS_EACH),
        batch=max(10, min(1_000, events // 200)),
    )
    took = perf_counter() - began
    for error in report.errors:
        sys.stderr.write(error)
    audit(url, report, events)
    assert begun_again(report) == []
    decided = sum(times_decided(url).values())
    invited = number(url, "SELECT COUNT(*) FROM invitations")
    broken = 0 if url.startswith("sqlite") else deadlocks(url)
    sys.stdout.write(
        f"{decided:,} decisions of {events:,} events in {took:.0f} s by {deciders} processes, {report.killed} killed: "
        f"{invited:,} invitations, {len(report.begun):,} hand-overs, 0 violations, {broken} deadlocks\n"
    )


if __name__ == "__main__":
    main()
