"""The database, Redis and the limiter: made here, bound to an application by ``create_app``."""

import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from hashlib import sha256
from select import POLLIN, poll
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import orjson
from cryptography.fernet import Fernet
from flask import current_app
from flask.json.provider import JSONProvider
from flask_sqlalchemy import SQLAlchemy
from limits import parse as parse_rate
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis import Redis, RedisError
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Engine,
    Integer,
    MetaData,
    Table,
    any_,
    bindparam,
    event,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.pool import Pool
from sqlalchemy.types import TypeDecorator

from surveys.conditions import composed, moment_of

P = ParamSpec("P")
R = TypeVar("R")

REMEMBERED_MAX = 5_000
WRITING = {"writing": True}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""Facts: compared and searched by key, so their order is the database's own."""
Document = JSON(none_as_null=True)
"""Definitions: kept as their author wrote them, in the author's order."""
Id = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in Python, ``timestamptz`` in PostgreSQL, naive UTC text in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # Always UTC: between moments of one other zone Python reckons by the clock on the wall.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What every table shares: moments in UTC, and names for constraints that migrations can rely on."""

    registry = registry(
        type_annotation_map={datetime: UtcDateTime(), dict[str, Any]: Json, list[Any]: Json},
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
            }
        ),
    )


def dump_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()


class OrjsonProvider(JSONProvider):
    """JSON as the API speaks it: moments in ISO 8601, rows and figures as objects."""

    def dumps(self, obj: Any, **_kwargs: Any) -> str:
        return dump_json(obj)

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        return orjson.loads(s)


db = SQLAlchemy(
    model_class=Base,
    engine_options={"json_serializer": dump_json, "json_deserializer": orjson.loads},
)


if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def microseconds(moment: datetime) -> int:
    """How long after 1970 a moment is."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def _written_moment(text: str | None) -> int | None:
    moment = moment_of(text)
    return None if moment is None else microseconds(moment)


# SQLite knows no letters but those of ASCII, and few ways to write a date.
_SQLITE_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "composed": composed,
    "folded": lambda text: None if text is None else composed(text).casefold(),
    "microseconds": _written_moment,
}


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.isolation_level = None  # transactions begin where we say so, below
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA busy_timeout=20000")
        for name, function in _SQLITE_FUNCTIONS.items():
            connection.create_function(name, 1, function, deterministic=True)


@event.listens_for(Pool, "checkout")
def _refuse_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """An idle connection that has something to read was closed by its server: a new one is taken, at no round trip."""
    if isinstance(connection, sqlite3.Connection):
        return
    if connection.closed:
        raise DisconnectionError
    waiting = poll()
    waiting.register(connection.fileno(), POLLIN)
    if waiting.poll(0):
        raise DisconnectionError


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    """Writers begin with the write lock: SQLite's own late locking loses updates."""
    if connection.dialect.name != "sqlite":
        return
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writing else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def transaction() -> Iterator[Session]:
    """The session of one change: committed at the end, rolled back on any error. For actions only."""
    session = db.session()
    session.rollback()  # what was read before the change began is read again inside it
    session.connection(execution_options=WRITING)
    try:
        yield session
        session.commit()
    finally:
        session.rollback()


@contextmanager
def beside() -> Iterator[Connection]:
    """A transaction beside the session's own, for who reads for long and says how far they are. For actions only."""
    with db.engine.connect().execution_options(**WRITING) as connection, connection.begin():
        yield connection


@contextmanager
def at_once() -> Iterator[Connection]:
    """A PostgreSQL connection on which every statement is a transaction of its own. For actions only."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


def read_alone(statement: Any, parameters: Mapping[str, Any]) -> Any:
    """The one row of a read that stands by itself, or None; on PostgreSQL without a transaction around it.

    A transaction would cost two round trips more than the read.
    """
    if is_sqlite():
        return db.session.execute(statement, parameters).one_or_none()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return connection.execute(statement, parameters).one_or_none()


def table_of(model: type[Any]) -> Table:
    """The bare table of a model, for statements over many rows."""
    return cast("Table", model.__table__)


def insert_into(model: type[Any]) -> Any:
    """An INSERT of this database's dialect, which knows ``on_conflict_do_…`` in both of ours."""
    return (sqlite if is_sqlite() else postgresql).insert(table_of(model))


def insert_rows(
    session: Session, model: type[Any], rows: Sequence[Mapping[str, Any]], returning: Sequence[str] = ()
) -> Iterable[Any]:
    """Insert rows by column name, all in one statement; none is fine. Answers the columns ``returning``, in any order.

    On PostgreSQL the rows travel as one JSON text: a fifth of the client's work for one parameter per value.
    """
    if not rows:
        return ()
    table = table_of(model)
    if any(row.keys() != rows[0].keys() for row in rows):
        raise ValueError(f"rows of {table.name} with different columns")
    if is_sqlite() or len(rows) == 1:
        statement: Any = insert(table)
        if returning:
            statement = statement.returning(*(table.c[name] for name in returning))
        result = session.execute(statement, list(rows))
    else:
        written = orjson.dumps(rows, default=_bytea, option=orjson.OPT_UTC_Z).decode()
        result = session.execute(_insert_json(table, tuple(rows[0]), tuple(returning)), {"rows": written})
    return result.all() if returning else ()


def _bytea(value: Any) -> str:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    raise TypeError(f"{type(value).__name__} has no place in a row")


@cache
def _insert_json(table: Table, names: tuple[str, ...], returning: tuple[str, ...]) -> Any:
    """One INSERT for any number of rows; its words are our own column names, the rows are its one parameter."""
    dialect = db.engine.dialect
    quote = dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in names)
    shapes = ", ".join(f"{quote(n)} {table.c[n].type.compile(dialect=dialect)}" for n in names)
    back = f" RETURNING {', '.join(map(quote, returning))}" if returning else ""
    return text(
        f"INSERT INTO {quote(table.name)} ({columns})"  # noqa: S608
        f" SELECT {columns} FROM json_to_recordset(CAST(:rows AS json)) AS given ({shapes}){back}"
    )


def update_rows(session: Session, model: type[Any], key: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set the other columns of each row where the column ``key`` has its value; on PostgreSQL in one statement."""
    if not rows:
        return
    table = table_of(model)
    if is_sqlite() or len(rows) == 1:
        given = [{"given_key" if name == key else name: value for name, value in row.items()} for row in rows]
        session.connection().execute(update(table).where(table.c[key] == bindparam("given_key")), given)
    else:
        written = orjson.dumps(rows, default=_bytea, option=orjson.OPT_UTC_Z).decode()
        session.execute(_update_json(table, key, tuple(rows[0])), {"rows": written})


@cache
def _update_json(table: Table, key: str, names: tuple[str, ...]) -> Any:
    dialect = db.engine.dialect
    quote = dialect.identifier_preparer.quote
    changes = ", ".join(f"{quote(n)} = given.{quote(n)}" for n in names if n != key)
    shapes = ", ".join(f"{quote(n)} {table.c[n].type.compile(dialect=dialect)}" for n in names)
    return text(
        f"UPDATE {quote(table.name)} SET {changes}"  # noqa: S608
        f" FROM json_to_recordset(CAST(:rows AS json)) AS given ({shapes})"
        f" WHERE {quote(table.name)}.{quote(key)} = given.{quote(key)}"
    )


def among(column: Any, values: Iterable[Any]) -> Any:
    """Whether a column is one of many values: on PostgreSQL one array, so that one statement serves any number."""
    if is_sqlite():
        return column.in_(list(values))
    return column == any_(literal(list(values), postgresql.ARRAY(column.type)))


def seconds(moment: Any) -> Any:
    """The seconds of a moment since some day, to reckon with in SQL."""
    return func.julianday(moment) * 86_400 if is_sqlite() else func.extract("epoch", moment)


def lock_rows(session: Session, key: Any, values: Iterable[Any]) -> None:
    """Wait for, and take, the rows of a lock table, in one order for everybody."""
    wanted = sorted(set(values))
    if wanted:
        session.execute(select(key).where(among(key, wanted)).order_by(key).with_for_update(key_share=True))


def remembered(read: Callable[P, R]) -> Callable[P, R]:
    """Keep what ``read`` returns, for this application: for rows that never change, like versions."""

    @wraps(read)
    def remember(*args: P.args, **kwargs: P.kwargs) -> R:
        kept: dict[Any, R] = current_app.extensions["otklik_remembered"]
        key = (read.__module__, read.__name__, args, *kwargs.items())
        if key not in kept:
            if len(kept) >= REMEMBERED_MAX:
                kept.clear()
            kept[key] = read(*args, **kwargs)
        return kept[key]

    return remember


def is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def redis_connection() -> Redis | None:
    """The application's Redis, or None where it runs without one."""
    connection: Redis | None = current_app.extensions["otklik_redis"]
    return connection


def seal(secret: str) -> str:
    """A secret as it is stored: encrypted under the installation's key."""
    return _vault().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret in ``sealed``; raises ``cryptography.fernet.InvalidToken`` when the key has changed since."""
    return _vault().decrypt(sealed.encode()).decode()


def _vault() -> Fernet:
    key = sha256(f"vault\x1f{current_app.config['SECRET_KEY']}".encode()).digest()
    return Fernet(urlsafe_b64encode(key))


class RateExceeded(Exception):
    """More requests than one caller may make in a while."""


class Rate:
    """How often callers may come: counted together in Redis, or by each process alone where Redis is away.

    A process takes a fiftieth of the allowance at a time, so that a busy caller costs one question in fifty requests.
    """

    def __init__(self, allowed: str, redis_url: str, patience: Mapping[str, Any]) -> None:
        self._item = parse_rate(allowed)
        self._share = max(1, self._item.amount // 50)
        self._held: dict[str, tuple[float, int]] = {}
        self._lock = Lock()  # else every thread would take a share of its own where one is enough
        self._alone = FixedWindowRateLimiter(MemoryStorage())
        storage = storage_from_string(redis_url, **patience) if redis_url else MemoryStorage()
        self._together = FixedWindowRateLimiter(storage)

    def check(self, caller: str) -> None:
        """Count a request of a caller; raises :class:`RateExceeded`."""
        with self._lock:
            self._take(caller)

    def _take(self, caller: str) -> None:
        until, left = self._held.get(caller, (0.0, 0))
        if left <= 0 or until < monotonic():
            until, left = monotonic() + self._item.get_expiry(), self._share
            try:
                within = self._together.hit(self._item, caller, cost=self._share)
            except RedisError:
                within = self._alone.hit(self._item, caller, cost=self._share)
            if not within:
                raise RateExceeded(caller)
            if len(self._held) > REMEMBERED_MAX:  # names are the caller's: do not let them fill the memory
                self._held.clear()
        self._held[caller] = (until, left - 1)


def check_rate(kind: str, caller: str) -> None:
    """Count a request by the rate of its kind (``ingest``, ``strangers``); raises :class:`RateExceeded`."""
    rate: Rate | None = current_app.extensions["otklik_rates"].get(kind)
    if rate is not None:
        rate.check(f"{kind}:{caller}")
