"""E-mail: one connection per batch, one message with a text and an HTML part, at most one final dot per message."""

import re
import smtplib
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from mjml import mjml2html

from app.clock import utcnow
from app.text.messages import Message
from app.text.phrases import phrases

TIMEOUT = 10
TEMPORARY = range(400, 500)
BARE_BAD_ADDRESS = frozenset({550, 551, 553})
_ENHANCED = re.compile(r"\b5\.(\d{1,3})\.(\d{1,3})\b")
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_templates = Environment(loader=PackageLoader("app", "templates/mail"), autoescape=True, undefined=StrictUndefined)


class _Verbatim(UnstructuredHeader):
    """A header written as it stands: a link is read only unfolded (RFC 8058), and a folded name loses its quotes."""

    name: str

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        super().parse(value, kwds)
        kwds["decoded"] = value  # encoded words stay encoded

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_headers = HeaderRegistry()
for _name in ("list-unsubscribe", "from"):
    _headers.map_to_type(_name, _Verbatim)  # type: ignore[arg-type]  # the registry adds the base itself
PLAIN = SMTP.clone(header_factory=_headers)
UTF8 = SMTPUTF8.clone(header_factory=_headers)


class DeliveryError(Exception):
    """A hand-over that did not succeed.

    ``state`` says what is known: ``refused`` for good, ``retrying`` later may help, ``unknown`` whether it arrived.
    """

    def __init__(self, reason: str, state: str, *, bad_address: bool = False) -> None:
        super().__init__(reason)
        self.state, self.bad_address = state, bad_address


class Mailer(Protocol):
    """An open way out for messages."""

    def send(self, message: Message) -> str:
        """Hand one message over and return its Message-ID; raises :class:`DeliveryError`."""


@dataclass
class SmtpMailer:
    """A connection to a mail server; it is opened anew when the server closes it between messages."""

    server: smtplib.SMTP
    smtp_url: str
    sender: str

    def send(self, message: Message) -> str:
        mail, content = _written(message, self.sender)
        self._announce(message.to)
        try:
            code, answer = self.server.data(content)
        except smtplib.SMTPDataError as error:
            # The server did not even want to see the message: nothing has left.
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            # After DATA was accepted nobody can tell whether the final dot arrived.
            raise DeliveryError(f"connection lost while handing over: {error}", "unknown") from error
        if code != 250:  # noqa: PLR2004 the one code that accepts a message
            raise _refusal(code, answer)
        return str(mail["Message-ID"])

    def _announce(self, to: str) -> None:
        """MAIL and RCPT; whatever fails here, nothing has left."""
        try:
            self._greet()
            options = ["SMTPUTF8"] if _needs_utf8(to) else []
            code, answer = self.server.mail(parseaddr(self.sender)[1], options)
            if code != 250:  # noqa: PLR2004
                # About us, not about the recipient: others may pass once it is put right.
                raise DeliveryError(_said(code, answer), "retrying")
            code, answer = self.server.rcpt(to)
        except smtplib.SMTPNotSupportedError as error:
            raise DeliveryError(f"the mail server cannot take this address: {error}", "refused") from error
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(f"connection lost: {error}", "retrying") from error
        if code not in (250, 251):
            raise _refusal(code, answer, of_address=True)

    def _greet(self) -> None:
        """Begin anew on the connection; servers close it after so many messages, and then a new one is opened."""
        try:
            self.server.rset()
        except smtplib.SMTPServerDisconnected:
            self.server = _open(self.smtp_url)


@dataclass
class CaughtMailer:
    """Where no mail server is set: every mail is kept as a file, and nothing leaves this machine."""

    folder: Path
    sender: str

    def send(self, message: Message) -> str:
        mail, content = _written(message, self.sender)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{message.reference}.eml").write_bytes(content)
        return str(mail["Message-ID"])


@contextmanager
def connect(smtp_url: str, sender: str, caught: Path) -> Iterator[Mailer]:
    """Open the way out that ``smtp_url`` names; without one, mails are caught in the folder ``caught``.

    Raises :class:`DeliveryError` (``retrying``) when the server cannot be reached.
    """
    if not smtp_url:
        yield CaughtMailer(caught, sender)
        return
    try:
        mailer = SmtpMailer(_open(smtp_url), smtp_url, sender)
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"the mail server cannot be reached: {error}", "retrying") from error
    try:
        yield mailer
    finally:
        try:
            mailer.server.quit()
        except (OSError, smtplib.SMTPException):
            mailer.server.close()


def _open(smtp_url: str) -> smtplib.SMTP:
    url = urlsplit(smtp_url)
    host, context = url.hostname or "localhost", ssl.create_default_context()
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=TIMEOUT, context=context)
    else:
        server = smtplib.SMTP(host, url.port or 25, timeout=TIMEOUT)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=context)
    server.ehlo()
    if url.username:
        if host not in LOCAL and not isinstance(server.sock, ssl.SSLSocket):
            server.close()
            raise smtplib.SMTPException("the server offers no TLS, and a password does not travel in the clear")
        server.login(unquote(url.username), unquote(url.password or ""))
    return server


def _refusal(code: int, answer: bytes | str, *, of_address: bool = False) -> DeliveryError:
    reason = _said(code, answer)
    if code in TEMPORARY:
        return DeliveryError(reason, "retrying")
    return DeliveryError(reason, "refused", bad_address=of_address and _is_about_address(code, reason))


def _said(code: int, answer: bytes | str) -> str:
    return f"{code} {answer.decode(errors='replace') if isinstance(answer, bytes) else answer}"[:500]


def _is_about_address(code: int, reason: str) -> bool:
    """Whether a refusal says that the mailbox is bad, rather than that we are not welcome (RFC 3463: 5.1.x, 5.2.1)."""
    if found := _ENHANCED.search(reason):
        return found[1] == "1" or (found[1], found[2]) == ("2", "1")
    return code in BARE_BAD_ADDRESS


def _needs_utf8(address: str) -> bool:
    return not address.isascii()


def _written(message: Message, sender: str) -> tuple[EmailMessage, bytes]:
    """The mail and its bytes; one that cannot even be written is refused, and nothing has left."""
    try:
        mail = compose(message, sender)
        return mail, mail.as_bytes(policy=UTF8 if _needs_utf8(message.to) else PLAIN)
    except Exception as error:
        raise DeliveryError(f"the mail cannot be written: {error!r}", "refused") from error


def compose(message: Message, sender: str) -> EmailMessage:
    """The mail for a message: text and HTML from the same texts, and a way to unsubscribe with one click (RFC 8058)."""
    name, address = parseaddr(sender)
    mail = EmailMessage(PLAIN)
    mail["From"] = _mailbox(message.sender or str(make_header(decode_header(name))), address)
    mail["To"] = message.to
    mail["Subject"] = _one_line(message.subject)
    mail["Date"] = format_datetime(utcnow())
    mail["Message-ID"] = f"<{message.reference}@{address.rpartition('@')[2] or 'localhost'}>"
    if reply_to := _one_line(message.reply_to):
        mail["Reply-To"] = reply_to
    if message.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["Auto-Submitted"] = "auto-generated"
    said = phrases(message.language)
    text = _templates.get_template("mail.txt").render(m=message, t=said)
    mail.set_content(text, cte="7bit" if _travels_plain(text) else "quoted-printable")
    if message.unsubscribe_url:
        html = mjml2html(_templates.get_template("mail.mjml").render(m=message, t=said))
        mail.add_alternative(html, subtype="html")
    return mail


def _travels_plain(text: str) -> bool:
    """Whether a text may stand in a mail as it is, links and all (RFC 5322: lines of at most 998)."""
    return text.isascii() and all(len(line) < 998 for line in text.splitlines())  # noqa: PLR2004


def _mailbox(name: str, address: str) -> str:
    """A name and an address as one header value, so that no word of the name is read as an address."""
    return formataddr((_one_line(name)[:78], address))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def forget(folder: Path, references: Iterable[str]) -> None:
    """Remove caught mails of somebody who is to be forgotten."""
    for reference in references:
        (folder / f"{reference}.eml").unlink(missing_ok=True)
