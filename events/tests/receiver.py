"""A shop front's server: takes webhooks, and answers what the test wants."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass
class Reply:
    """An answer; `trickle` sends it byte by byte, so many seconds apart."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thanks"
    wait: float = 0.0
    trickle: float = 0.0


@dataclass(frozen=True)
class Call:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: str

    def verified(self, secret: str) -> Any:
        """The body, if the signature is good for this secret; raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, self.headers)


class Receiver(ThreadingHTTPServer):
    """Gives its replies in turn, the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.replies = [Reply()]
        self.calls: list[Call] = []
        self.answers_at_once = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks"

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class Answering(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.calls.append(Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        reply = self.server.next_reply()
        self.server.answers_at_once.wait(reply.wait)
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.write(reply)
        except OSError:
            return  # the other side has heard enough

    def write(self, reply: Reply) -> None:
        for byte in reply.body if reply.trickle else ():
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(reply.trickle)
        if not reply.trickle:
            self.wfile.write(reply.body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver in a thread of its own."""
    server = Receiver()
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
