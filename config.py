"""Every setting with its default; ``OTKLIK_<NAME>`` in the environment overrides."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

YES, NO = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True)
class Settings:
    """What an installation can be told; :func:`load` reads it from the environment."""

    database_url: str = ""  # empty: SQLite in the data directory
    redis_url: str = ""  # empty: a private Redis, started and stopped with Otklik
    secret_key: str = ""  # empty: made on first start, kept in the data directory
    base_url: str = ""  # where customers reach the answer pages; empty: this machine
    data_dir: Path = Path("data")
    smtp_url: str = ""  # smtp://user:password@host:port, or smtps://; empty: nothing is sent
    mail_from: str = ""  # this and the next three: empty, as set on the Settings page
    send_only_to: str = ""  # comma-separated addresses; while set, nobody else gets anything
    company_name: str = ""
    company_zone: str = ""  # the zone of days in figures, and of customers whose zone is unknown
    language: str = ""  # for customers whose language is unknown
    phone_region: str = "RU"  # for phone numbers written without a country code
    web_processes: int = 2
    web_threads: int = 8
    workers: int = 2
    rate_limit: str = "3000 per second"  # ingest requests per API key or source
    mail_rate: int = 50  # mails per second, all workers together
    sweep_seconds: float = 1.0  # how often the clock looks for work that no bell announced
    lease_seconds: int = 30  # after this a claimed or handed-over delivery of a dead worker is taken up
    log_level: str = "INFO"
    log_format: str = "json"  # json or text
    trusted_proxies: int = 0  # how many reverse proxies stand in front and set X-Forwarded-For
    demo: bool = False  # the demo company's own pages: a shop, a mailbox, one customer to follow

    @property
    def mail_allow_list(self) -> frozenset[str]:
        return frozenset(a.strip().lower() for a in self.send_only_to.split(",") if a.strip())


INSIDE = frozenset({"demo"})
"""What no environment can set: the demo's pages show its mails to its guests, and a real installation must never."""


class SettingsError(RuntimeError):
    """Settings that cannot be used; the message names every one of them."""


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from ``environ`` (default: the process environment).

    Raises :class:`SettingsError` naming every value that cannot be read.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    faults = []
    for field in fields(Settings):
        name = f"OTKLIK_{field.name.upper()}"
        kind: Any = type(field.default)
        if name not in environ or field.name in INSIDE:
            continue
        try:
            values[field.name] = _yes(environ[name]) if kind is bool else kind(environ[name])
        except ValueError:
            faults.append(f"{name} must be a {kind.__name__}, not {environ[name]!r}")
    if faults:
        raise SettingsError("; ".join(faults))
    settings = replace(Settings(), **(values | overrides))
    return replace(settings, data_dir=settings.data_dir.expanduser().absolute(), base_url=settings.base_url.rstrip("/"))


def _yes(told: str) -> bool:
    """Whether a setting is told to be on; raises ``ValueError`` for what is neither yes nor no."""
    if told.lower() not in YES | NO:
        raise ValueError(told)
    return told.lower() in YES


def environment(settings: Settings) -> dict[str, str]:
    """The present environment with ``settings`` written into it, for child processes."""
    told = {
        f"OTKLIK_{f.name.upper()}": str(getattr(settings, f.name)) for f in fields(Settings) if f.name not in INSIDE
    }
    return dict(os.environ) | told


def named_secret(name: str) -> str | None:
    """A secret that a definition file refers to as ``{env: NAME}``; None when it is not set."""
    return os.environ.get(name) or None
