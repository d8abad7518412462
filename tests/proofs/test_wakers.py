"""However many processes wake, and whichever of them is killed, every moment becomes one event."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import pytest
from sqlalchemy import func, select, text

import config
from app.actions.contacts import resolve_events
from app.actions.decisions import decide_events
from app.actions.events import NewEvent, record_events
from app.extensions import db
from app.models.events import Event
from app.models.sources import Source
from tests.proofs.stack import ROOT, application
from tests.services import wait_until

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONTACTS = 60
WAKERS = 2
NOTICE = "then: [{notify: {channel: care@example.com, text: Look}}]"
DEFINITIONS = f"""
segments: [{{slug: everybody, if: {{field: contact.locale, op: eq, value: en}}}}]
triggers:
  - {{slug: cart, status: live, when: {{event: cart.updated, without: order.paid, within: 2h}}, {NOTICE}}}
  - {{slug: silent, status: live, when: {{inactive_for: 3h, since: [cart.updated]}}, {NOTICE}}}
  - {{slug: birthday, status: live, when: {{date: contact.attributes.born, yearly: true, at: "13:30"}}, {NOTICE}}}
  - {{slug: hourly, status: live, when: {{cron: "0 * * * *", segment: everybody}}, {NOTICE}}}
  - {{slug: now, status: live, when: {{now: everybody}}, {NOTICE}}}
"""


def wake(settings: config.Settings, now: datetime) -> subprocess.Popen[bytes]:
    assert settings.database_url
    arguments = [settings.database_url, str(settings.data_dir), now.isoformat()]
    return subprocess.Popen([sys.executable, "-m", "tests.proofs.wakers", *arguments], cwd=ROOT)


def woken() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Event).where(Event.type.like("timer.%"))) or 0


def cart(number: int) -> NewEvent:
    digest = blake2b(str(number).encode(), digest_size=16).digest()
    contact = {"id": f"c-{number}", "locale": "en", "attributes": {"born": "1990-03-02"}}
    return NewEvent(f"e-{number}", "cart.updated", AT, contact, {}, digest)


@pytest.mark.postgres
def test_every_moment_becomes_one_event(postgres_settings: config.Settings) -> None:
    with application(postgres_settings, DEFINITIONS):
        with db.engine.begin() as connection:  # live since the hour in which it happens
            connection.execute(text("UPDATE trigger_versions SET created_at = :at"), {"at": AT})
            connection.execute(text("UPDATE timer_watches SET next_at = :at"), {"at": AT})
        source_id = db.session.scalars(select(Source.id).where(Source.slug == "api")).one()
        record_events(source_id, [cart(number) for number in range(CONTACTS)], AT)
        resolve_events(CONTACTS, AT, "GB")
        decide_events(CONTACTS, AT, "UTC", "en")
        db.session.rollback()
        for hours in (1, 4):
            now = AT + timedelta(hours=hours)
            before = woken()
            wakers = [wake(postgres_settings, now) for _ in range(WAKERS)]
            wait_until(lambda before=before: woken() > before, 60)
            wakers[0].kill()  # in the middle of it
            assert {waker.wait(60) for waker in wakers[1:]} == {0}
            wakers[0].wait(60)
            assert wake(postgres_settings, now).wait(60) == 0  # whatever the killed one left
        moments = select(Event.type, Event.contact_id, Event.occurred_at).where(Event.type.like("timer.%"))
        rows = db.session.execute(moments).all()
        times = Counter((kind.removeprefix("timer."), contact, at - AT) for kind, contact, at in rows)
    assert set(times.values()) == {1}
    expected = {("now", 0), ("birthday", 1.5), ("cart", 2), ("silent", 3), ("hourly", 1), ("hourly", 2), ("hourly", 3)}
    found = Counter((kind, after / timedelta(hours=1)) for kind, _, after in times)
    assert found == dict.fromkeys(expected, CONTACTS)
