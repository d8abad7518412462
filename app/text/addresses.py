"""E-mail addresses and phone numbers in the one form they are compared in."""

import re
import unicodedata
from email.utils import getaddresses
from functools import lru_cache

import phonenumbers

# Deliberately plain: what a mail server may accept is for the mail server to say.
_EMAIL = re.compile(r"[^@\s<>\",;:\\()\[\]\x00-\x1f]{1,64}@[^@\s<>\",;:\\()\[\]\x00-\x1f]{1,190}")


def normal_email(value: object) -> str | None:
    """A lower-case address, or None when it cannot be one."""
    if not isinstance(value, str):
        return None
    address = unicodedata.normalize("NFC", value.strip()).lower()
    return address if _EMAIL.fullmatch(address) and not address.startswith("-") else None


def is_mailbox(value: str) -> bool:
    """Whether this is one address, with or without a name: ``"Meadow, Inc." <hello@example.com>``."""
    found = getaddresses([value])
    return len(found) == 1 and normal_email(found[0][1]) is not None


@lru_cache(maxsize=10_000)
def normal_phone(value: str, region: str) -> str | None:
    """The number in E.164 (``+79001234567``), or None when it is not one of ``region`` or of the world."""
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
