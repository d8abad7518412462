"""The mailbox: every mail that was caught because no mail server is set."""

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from flask import Response, abort, current_app, render_template, request
from markupsafe import Markup

from app.auth.staff import staff
from app.demo import blueprint

SHOWN = 100
MAIL_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'none'"
)
"""Mails carry their own styles, as mails must; and nothing that runs."""
REFERENCE = re.compile(r"[\w-]{1,64}")
_BODY = re.compile(r"<body[^>]*>(.*)</body>", re.DOTALL)


@dataclass(frozen=True)
class Mail:
    """A caught mail as people read it."""

    reference: str
    to: str
    sender: str
    subject: str
    at: datetime
    text: str
    html: str | None


def folder() -> Path:
    path: Path = current_app.config["DATA_DIR"] / "mail"
    return path


def caught(limit: int, to: str = "") -> list[Mail]:
    """The mails that were caught last, the newest first; only those to one address when it is named."""
    files = sorted(folder().glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)
    found: list[Mail] = []
    for file in files[: limit * 20 if to else limit]:
        mail = read_mail(file.stem)
        if mail is not None and to in ("", mail.to):
            found.append(mail)
    return found[:limit]


def read_mail(reference: str) -> Mail | None:
    """A caught mail by its reference; None when there is none, or it was forgotten."""
    if not REFERENCE.fullmatch(reference):
        return None
    try:
        content = (folder() / f"{reference}.eml").read_bytes()
    except FileNotFoundError:
        return None
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return Mail(
        reference=reference,
        to=str(message["To"]),
        sender=str(message["From"]),
        subject=str(message["Subject"]),
        at=parsedate_to_datetime(str(message["Date"])),
        text=_part(message, "plain") or "",
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else None


def shown(mail: Mail) -> Markup | None:
    """The mail as its reader sees it: ours, escaped when it was written; its links lead to this very site."""
    if mail.html is None:
        return None
    found = _BODY.search(mail.html)
    inside = found[1] if found else mail.html
    return Markup(inside.replace(f'href="{current_app.config["BASE_URL"]}/', 'href="/'))  # noqa: S704


@blueprint.get("/mailbox")
@staff("home")
def mailbox() -> Any:
    to = request.args.get("to", "")[:320]
    return render_template("demo/mailbox.html", mails=caught(SHOWN, to), to=to, shown=SHOWN)


@blueprint.get("/mailbox/<reference>")
@staff("home")
def mail(reference: str) -> Any:
    found = read_mail(reference)
    if found is None:
        abort(404)
    return render_template("demo/caught.html", mail=found)


@blueprint.get("/mailbox/<reference>/body")
@staff("home")
def mail_body(reference: str) -> Any:
    """What stands in the mail, for the frame it is shown in."""
    found = read_mail(reference)
    if found is None:
        abort(404)
    return as_mail(render_template("demo/body.html", mail=found, body=shown(found)))


def as_mail(page: str) -> Response:
    response = Response(page)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response
