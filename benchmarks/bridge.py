"""POST a document, and it is an event of the outbox: for publishers that know HTTP alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue

import psycopg
from django.utils import timezone

from benchmarks.site import INSERT_FACTS, LiveEvents, document_of, ring_at


@contextmanager
def bridge(site: LiveEvents) -> Iterator[str]:
    """Its address. What arrives together is committed together, in order; the answer does not wait for it."""
    waiting: SimpleQueue[str | None] = SimpleQueue()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            waiting.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the same
            """Nobody reads it."""

    writer = threading.Thread(target=write, args=(site, waiting))
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        writer.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            waiting.put(None)
            writer.join()
            server.shutdown()


def write(site: LiveEvents, waiting: "SimpleQueue[str | None]") -> None:
    with psycopg.connect(site.servers.database_url) as session, site.redis() as bell:
        while (payload := waiting.get()) is not None:
            payloads = [payload, *others(waiting)]
            session.execute(INSERT_FACTS, {"at": timezone.now(), "facts": document_of(payloads)})
            session.commit()
            ring_at(bell)


def others(waiting: "SimpleQueue[str | None]") -> Iterator[str]:
    """Whatever else waits already."""
    while True:
        try:
            payload = waiting.get_nowait()
        except Empty:
            return
        if payload is None:
            waiting.put(None)
            return
        yield payload
