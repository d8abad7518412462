"""A mail server that writes every final dot down before it answers, and can hold its tongue at a chosen moment."""

import re
from collections import Counter
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Lock, Thread

STAGES = ("greeting", "rset", "rcpt", "dot")


@dataclass
class Held:
    """One conversation that is kept waiting for an answer; ``port`` is the other side's."""

    stage: str
    port: int = 0
    to: str = ""
    reached: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    def wait(self, seconds: float) -> None:
        assert self.reached.wait(seconds), f"nobody came as far as {self.stage} within {seconds} s"


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    mail: "HoldingMailServer"


class _Conversation(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            self._converse()
        except OSError:
            return  # the other side is gone

    def _converse(self) -> None:
        self._answer("greeting", "220 ready")
        to = ""
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "RCPT":
                to = line[line.index("<") + 1 : line.index(">")]
                self._answer("rcpt", "250 fine", to)
            elif word == "DATA":
                self._say("354 go on")
                self.server.mail.note(to, self._read_message())
                self._answer("dot", "250 taken", to)
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._answer(word.lower(), "250 fine")

    def _read_message(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise ConnectionError("gone before the final dot")
            lines.append(line)
        return b"".join(lines)

    def _answer(self, stage: str, answer: str, to: str = "") -> None:
        if held := self.server.mail.take_hold(stage):
            held.port, held.to = self.client_address[1], to
            held.reached.set()
            held.released.wait()
        self._say(answer)

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


class HoldingMailServer:
    """A real SMTP port; ``dots`` are the messages whose final dot arrived, as (recipient, Message-ID)."""

    def __init__(self) -> None:
        self.dots: list[tuple[str, str]] = []
        self._holds: dict[str, Held] = {}
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.mail = self
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def note(self, to: str, content: bytes) -> None:
        found = re.search(rb"^Message-ID: *(\S+)", content, re.IGNORECASE | re.MULTILINE)
        with self._lock:
            self.dots.append((to, found[1].decode() if found else ""))

    def hold(self, stage: str) -> Held:
        """Keep the next conversation that comes to this stage waiting, until it is released."""
        assert stage in STAGES
        held = Held(stage)
        with self._lock:
            self._holds[stage] = held
        return held

    def take_hold(self, stage: str) -> Held | None:
        with self._lock:
            return self._holds.pop(stage, None)

    def recipients(self) -> Counter[str]:
        with self._lock:
            return Counter(to for to, _ in self.dots)

    def dots_per_message(self) -> Counter[str]:
        with self._lock:
            return Counter(message for _, message in self.dots)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
