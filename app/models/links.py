"""Links that anybody may answer a survey by."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Id, Model


class OpenLink(Model):
    """A public way to a survey: on a poster, a page, a tablet. What comes by it is counted under its trigger."""

    __tablename__ = "open_links"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    public_id: Mapped[str] = mapped_column(unique=True)
    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id"), index=True)
    trigger_id: Mapped[int] = mapped_column(ForeignKey("triggers.id"))
    name: Mapped[str]
    touchpoint: Mapped[str | None]
    place: Mapped[str | None]
    origins: Mapped[str]  # pages that may hold it in a frame, parted by spaces
    restarts_after: Mapped[int | None]  # seconds after which a tablet is ready for the next person
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
