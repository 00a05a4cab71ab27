"""A small Stripe on the loopback: its HTTP as Stripe's own library speaks it."""

import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from payments.tests.stripe_account import Object, Refusal, StripeAccount


@dataclass
class Trouble:
    """What goes wrong with the next requests; each counts down to nothing."""

    lost_answers: int = 0  # the effect happens, the answer never arrives
    errors: deque[int] = field(default_factory=deque)  # statuses answered instead of doing anything
    slow_seconds: float = 0


class StripeStub(StripeAccount):
    """The account behind its HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.trouble = Trouble()


def handler_of(stub: StripeStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.serve()

        def do_POST(self) -> None:
            self.serve()

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            trouble = stub.trouble
            time.sleep(trouble.slow_seconds)
            if trouble.errors:
                self.answer(trouble.errors.popleft(), {"error": {"type": "api_error", "message": "trouble"}})
                return
            try:
                status, answer = stub.handle(self.command, self.path, body, self.headers)
            except Refusal as refusal:
                status, answer = refusal.status, refusal.body
            if trouble.lost_answers:
                trouble.lost_answers -= 1
                self.close_connection = True
                return
            self.answer(status, answer)

        def answer(self, status: int, answer: Object) -> None:
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Request-Id", "req_of_the_stub")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the standard library's name
            """Tests print nothing."""

    return Handler


@contextmanager
def running() -> Iterator[StripeStub]:
    """A Stripe of its own, as long as the block lasts."""
    stub = StripeStub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(stub))
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
