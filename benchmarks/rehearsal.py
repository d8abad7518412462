"""Half a year of events rehearsed, each with two triggers that match: by the command, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import config
from app.clock import utcnow
from benchmarks.company import CALM, add_contacts
from benchmarks.results import Row, at_most
from benchmarks.stack import ROOT, Stack, plain_connection

DRAFT = """
triggers:
  - slug: each
    status: live
    when: {event: box.delivered}
    if: {field: properties.amount, op: gte, value: 0}
    sample: {rate: 0.5, redraw: 90d, holdout: 0.05}
    then: [{send: {survey: nps, channels: [email], blocked: defer}}]
  - slug: every
    status: live
    priority: 10
    when: {event: box.delivered}
    if: {all: [{field: properties.amount, op: gte, value: 0}, {field: contact.locale, op: eq, value: en}]}
    then: [{send: {survey: nps, channels: [email]}}]
"""
PAST = """
    INSERT INTO events (id, source_id, external_id, type, occurred_at, received_at, contact, properties, contact_id,
                        depth, history)
    SELECT 20000000 + i, 1, 'r-' || i, 'box.delivered', at, at, jsonb_build_object('id', 'c-' || who),
           jsonb_build_object('amount', i %% 3000, 'place', 'centre'), who, 0, true
    FROM (SELECT i, 1 + (i * 7919) %% %(contacts)s AS who,
                 now() - interval '180 days' + i * interval '179 days' / %(events)s AS at
          FROM generate_series(1, %(events)s::bigint) AS i) AS told
"""


def measure(stack: Stack) -> Iterator[Row]:
    events, contacts = (20_000, 2_000) if stack.quick else (1_000_000, 100_000)
    settings = stack.settings(CALM + DRAFT)
    draft = stack.scratch / "draft.yaml"
    draft.write_text(DRAFT)
    with plain_connection(settings) as connection:
        add_contacts(connection, 1, contacts)
        connection.execute(PAST, {"events": events, "contacts": contacts})
        connection.execute("VACUUM ANALYZE events")
    took, size = _run(settings, draft)
    yield Row(f"rehearsal, {events:,} events, 2 matches each", took, "s", at_most(60))
    yield Row("memory of the rehearsal", size, "MB", at_most(500))


def _run(settings: config.Settings, draft: Path) -> tuple[float, float]:
    """Seconds and peak memory (MB, resident) of ``otklik simulate``."""
    today = utcnow().date()
    command = [
        *(str(Path(sys.executable).with_name("otklik")), "simulate", str(draft), "--json"),
        *("--from", str(today - timedelta(days=200)), "--to", str(today)),
    ]
    began = perf_counter()
    running = subprocess.Popen(command, env=config.environment(settings), cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    if status:
        raise RuntimeError(f"the rehearsal ended with {status}")
    return perf_counter() - began, used.ru_maxrss / 1024
