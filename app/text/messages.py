"""A message as a channel is handed it: all texts chosen and filled in, nothing left to look up."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.text.colours import OWN, Button


@dataclass(frozen=True)
class Choice:
    """One answer that a mail offers as a link."""

    label: str
    url: str


@dataclass(frozen=True)
class Message:
    """Everything a channel needs. ``unsubscribe_url`` None: a note to the team, which has no link to leave by."""

    to: str
    language: str
    subject: str
    text: str
    preview: str = ""
    reason: str = ""
    benefit: str = ""
    signature: str = ""
    sender: str = ""
    reply_to: str = ""
    url: str = ""
    choices: Sequence[Choice] = ()
    low: str = ""
    high: str = ""
    unsubscribe_url: str | None = None
    reference: str = ""
    button: Button = OWN["light"]
