"""What needs somebody: sources that have fallen silent."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.extensions import db
from app.models.events import Event
from app.models.sources import Source

SILENT_AFTER = timedelta(hours=3)
RECENT_EVENTS = 20_000


def silent_sources(now: datetime) -> list[tuple[str, str, timedelta]]:
    """Sources that usually speak every hour and have not for three: slug, name, how long."""
    recent = select(Event.source_id, Event.received_at).order_by(Event.id.desc()).limit(RECENT_EVENTS).subquery()
    rows = db.session.execute(
        select(
            Source.slug,
            Source.body,
            func.max(recent.c.received_at),
            func.count(),
            func.min(recent.c.received_at),
        )
        .join(recent, recent.c.source_id == Source.id)
        .where(Source.slug != "otklik", Source.archived_at.is_(None))
        .group_by(Source.id)
    )
    found = []
    for slug, body, last, n, first in rows:
        usual = (last - first) / max(1, n - 1)
        if now - last > max(SILENT_AFTER, 20 * usual) and usual < timedelta(hours=1) and n >= 24:  # noqa: PLR2004 a day of hours
            found.append((slug, body.get("name") or slug, now - last))
    return found
