"""Segments: which of them those belonged to who were asked."""

from sqlalchemy import select

from app.extensions import insert_rows, transaction, update_rows
from app.models.invitations import UNSEGMENTED, Invitation
from app.models.rollups import DirtyDay
from app.queries.members import segments_at
from surveys.segments import written_together


def note_segments(limit: int) -> int:
    """Keep the segments that contacts belonged to when they were asked, so that rates can be counted by them.

    Returns how many invitations were looked at. Whoever belongs to none leaves no day to be counted again.
    """
    with transaction() as session:
        found = session.execute(
            select(Invitation.id, Invitation.contact_id, Invitation.handed_over_at)
            .where(UNSEGMENTED)
            .order_by(Invitation.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        told = {(contact_id, at) for _, contact_id, at in found if contact_id is not None and at is not None}
        segments = segments_at(told)
        rows = [
            {"id": i, "segments": written_together(segments.get((contact_id, at), ()) if at else ())}
            for i, contact_id, at in found
        ]
        update_rows(session, Invitation, "id", rows)
        days = {at for (_, at), slugs in segments.items() if slugs}
        insert_rows(session, DirtyDay, [{"moment": at} for at in sorted(days)])
    return len(found)
