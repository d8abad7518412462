"""Pictures of surveys: kept once, under a name made of what is in them."""

from datetime import datetime
from hashlib import blake2b

from app.extensions import insert_into, transaction
from app.models.surveys import Picture


def store_picture(content: bytes, kind: str, now: datetime) -> str:
    """Keep a picture that was checked to be one; returns the name that options show it by."""
    name = blake2b(content, digest_size=16).hexdigest()
    with transaction() as session:
        session.execute(
            insert_into(Picture).on_conflict_do_nothing(),
            [{"name": name, "content": content, "type": kind, "created_at": now}],
        )
    return name
