"""What needs somebody: sources that have fallen silent."""

from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import select

from app.extensions import db
from app.models.events import Event
from app.models.sources import Source

SILENT_AFTER = timedelta(hours=3)
LONGER = 1.5
"""So many times its longest silence so far is more than a source's own rhythm, nights and all."""
RECENT_EVENTS = 5_000
FEW = 24


def silent_sources(now: datetime) -> list[tuple[str, str, timedelta]]:
    """Sources that have been silent for longer than they ever are: slug, name, how long."""
    recent = select(Event.source_id, Event.received_at).order_by(Event.id.desc()).limit(RECENT_EVENTS)
    heard: dict[int, list[datetime]] = {}
    for source, at in db.session.execute(recent):
        heard.setdefault(source, []).append(at)
    known = select(Source.id, Source.slug, Source.body).where(Source.slug != "otklik", Source.archived_at.is_(None))
    found = []
    for source, slug, body in db.session.execute(known):
        moments = sorted(heard.get(source, ()))
        if len(moments) < FEW:
            continue
        silence = now - moments[-1]
        usual = max(after - before for before, after in pairwise(moments))
        if silence > max(SILENT_AFTER, LONGER * usual):
            found.append((slug, body.get("name") or slug, silence))
    return found
