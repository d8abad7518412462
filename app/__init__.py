"""Otklik's web application: the one place where everything is put together."""

import logging
import os
import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import available_timezones

import structlog
from flask import Flask, Response, abort, g, request
from phonenumbers import SUPPORTED_REGIONS
from redis import Redis
from sqlalchemy.exc import DBAPIError
from werkzeug.middleware.proxy_fix import ProxyFix

import dashboards
from app import admin, api, errors, respond, status, webhooks, widget
from app.admin import overview
from app.auth import staff
from app.extensions import OrjsonProvider, Rate, db
from app.inbound.bodies import BODY_MAX
from app.queries import overview as readers
from app.respond import open_links, preview, recipes
from app.text.addresses import is_mailbox
from app.text.phrases import PHRASES
from config import Settings, SettingsError

THIS_MACHINE = "http://127.0.0.1:8000"
SECRET_MIN = 32
DISTINCT_MIN = 10
STRANGERS = "20 per second"
"""How often one address may fail to prove who it is."""
PROVED, UNPROVED = "600 per hour", "30 per hour"
"""How many answers by open links one address may begin, with work done for each, and without."""
VISITORS = "600 per minute"
"""How often the pages of one address may speak; an office has many visitors behind one."""
LOGINS = "20 per minute"
"""How often one address, and one account, may try a password."""
REDIS_PATIENCE = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
"""Seconds: a Redis that hangs must not hold up an ingest."""
SLACK = 100_000
"""What a body may be larger than its limit before it is not even read, so that the limit itself gives the message."""


def create_app(settings: Settings, *, pictures: bool = True) -> Flask:
    """An application for these settings. Nothing is connected before the first use.

    Whoever serves no pages does without the ``pictures`` and what draws them.

    Raises :class:`config.SettingsError` naming every setting that cannot be used.
    """
    _check(settings)
    app = Flask(__name__, static_folder="static", template_folder="templates")
    app.url_map.merge_slashes = False  # a machine that posts is never sent elsewhere
    app.json = OrjsonProvider(app)
    app.config.update(
        {name.upper(): getattr(settings, name) for name in settings.__dataclass_fields__},
        BASE_URL=settings.base_url or THIS_MACHINE,
        SECRET_KEY=secret_key(settings),
        MAIL_ALLOW_LIST=settings.mail_allow_list,
        MAX_CONTENT_LENGTH=BODY_MAX + SLACK,
        SQLALCHEMY_DATABASE_URI=database_url(settings),
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
        API_TITLE="Otklik",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies)  # type: ignore[method-assign]  # as Werkzeug documents it
    app.extensions.update(
        otklik_redis=_redis(settings.redis_url),
        otklik_remembered={},
        otklik_callers={},
        otklik_company={},
        otklik_rates=_rates(settings),
        otklik_rung={},
        otklik_failures=Counter(),
        otklik_quiet={"until": 0.0},
    )
    configure_logging(settings)
    db.init_app(app)
    app.teardown_appcontext(_let_go)  # runs before the extension's own, which would fail on a broken connection
    errors.register(app)
    app.register_blueprint(webhooks.blueprint)
    app.register_blueprint(respond.blueprint)
    app.register_blueprint(preview.blueprint)
    app.register_blueprint(open_links.blueprint)
    app.register_blueprint(recipes.blueprint)
    app.register_blueprint(widget.blueprint)
    app.register_blueprint(status.blueprint)
    api.register(app)
    staff.register(app)
    admin.register(app)
    if pictures:
        dashboards.mount(app, readers, overview.page, staff.staff("dashboard"), staff.viewer)
    if settings.demo:
        from app import demo

        demo.register(app)
    app.before_request(_name_request)
    app.after_request(_answer_with_name)
    return app


def _check(settings: Settings) -> None:
    key = settings.secret_key
    fine = {
        f"OTKLIK_SECRET_KEY must have at least {SECRET_MIN} characters; leave it out to have one made": not key
        or _is_secret(key),
        "OTKLIK_BASE_URL must begin with http:// or https://": settings.base_url.startswith(("http://", "https://"))
        or not settings.base_url,
        "OTKLIK_DATABASE_URL must begin with postgresql:// or sqlite:///": database_url(settings).startswith(
            ("postgresql+psycopg://", "sqlite:///")
        ),
        "OTKLIK_REDIS_URL must begin with redis://, rediss:// or unix://": settings.redis_url.startswith(
            ("redis://", "rediss://", "unix://")
        )
        or not settings.redis_url,
        "OTKLIK_SMTP_URL must begin with smtp:// or smtps://": settings.smtp_url.startswith(("smtp://", "smtps://"))
        or not settings.smtp_url,
        'OTKLIK_MAIL_FROM must be one address, like "Meadow, Inc." <hello@example.com>': not settings.mail_from
        or is_mailbox(settings.mail_from),
        "OTKLIK_COMPANY_ZONE must be a time zone like Europe/Moscow": not settings.company_zone
        or settings.company_zone in available_timezones(),
        "OTKLIK_PHONE_REGION must be a country code like RU": settings.phone_region in SUPPORTED_REGIONS,
        f"OTKLIK_LANGUAGE must be one of {', '.join(PHRASES)}": not settings.language or settings.language in PHRASES,
    }
    faults = [fault for fault, well in fine.items() if not well]
    if faults:
        raise SettingsError("; ".join(faults))


def _is_secret(key: str) -> bool:
    """Long enough, and not one word again and again."""
    return len(key) >= SECRET_MIN and len(set(key)) >= DISTINCT_MIN


def secret_key(settings: Settings) -> str:
    """The key everything is signed with: as set, else made on first start and kept in the data directory."""
    if settings.secret_key:
        return settings.secret_key
    return kept_secret(settings.data_dir / "secret-key", lambda: secrets.token_urlsafe(48))


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in a file that only its owner reads; made by whoever comes first, whole or not at all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with open(draft, "w", opener=_only_owner) as file:
            file.write(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def _only_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def database_url(settings: Settings) -> str:
    """The database to use; PostgreSQL always through psycopg 3."""
    url = settings.database_url or f"sqlite:///{settings.data_dir / 'otklik.db'}"
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def _engine_options(settings: Settings) -> dict[str, Any]:
    if database_url(settings).startswith("sqlite"):
        return {"connect_args": {"timeout": 20}, "hide_parameters": True}
    return {
        "pool_size": settings.web_threads,
        "max_overflow": 4,
        "pool_timeout": 5,
        "hide_parameters": True,  # what customers say has no place in a log
        "connect_args": {"connect_timeout": 3, "options": "-c timezone=UTC"},
    }


def _limiter_url(redis_url: str) -> str:
    return redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url


def _rates(settings: Settings) -> dict[str, Rate]:
    url = _limiter_url(settings.redis_url)
    patience = REDIS_PATIENCE if url else {}
    always = {"logins": Rate(LOGINS, url, patience)}
    if not settings.rate_limit:
        return always
    return always | {
        "ingest": Rate(settings.rate_limit, url, patience),
        "visitors": Rate(VISITORS, url, patience),
        "strangers": Rate(STRANGERS, url, patience),
        "proved": Rate(PROVED, url, patience),
        "unproved": Rate(UNPROVED, url, patience),
    }


def _redis(url: str) -> Redis | None:
    if not url:
        return None
    return Redis.from_url(url, **REDIS_PATIENCE)


def configure_logging(settings: Settings) -> None:
    """One line per happening, with its ids; as JSON for machines or as text for people."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    renderer: Any = (
        structlog.processors.JSONRenderer() if settings.log_format == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


def _let_go(_error: BaseException | None) -> None:
    """Give the connection back; one that broke meanwhile is thrown away, and the answer still goes out."""
    try:
        db.session.close()
    except DBAPIError:
        db.session().invalidate()


def _name_request() -> None:
    """Give the request a name for the log, and turn away what no text of ours can contain."""
    g.request_id = request.headers.get("X-Request-ID", "")[:64] or uuid4().hex
    if "\0" in request.path or any("\0" in value for value in request.args.values()):
        abort(404)


def _answer_with_name(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    return response
