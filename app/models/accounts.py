"""The installation, its API keys, and who leads or lives."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Document, Id, Model


class Installation(Model):
    """One row: the salts of every draw, never rotated, and the switch that stops all sending."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sampling_salt: Mapped[bytes] = mapped_column(LargeBinary)
    holdout_salt: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    sending_stopped_at: Mapped[datetime | None]


class ApiKey(Model):
    """A key of one source: an id that may be shown, and the hash of what may not."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(Document)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Lease(Model):
    """A duty that one process at a time performs (``clock``), or a row to queue at (``resolve``, ``email``)."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str | None]
    until: Mapped[datetime | None]


class Heartbeat(Model):
    """The last sign of life of a worker process."""

    __tablename__ = "heartbeats"

    worker: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime]
