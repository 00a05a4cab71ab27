"""A server that answers as a test says, and keeps what it was asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


class StubServer:
    """`answers` maps a path, or an expression, to JSON, text, a status, or a function that makes one of these."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.url = ""

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(target)
        self.asked.append((method, target, json.loads(body) if body else None))
        expression = parse_qs(parts.query).get("query", [""])[0]
        if expression and parts.path == "/api/v1/query":
            return 200, vector(self.found(expression, []))
        found = self.found(parts.path, 404)
        if isinstance(found, int):
            return found, b"{}"
        return 200, found.encode() if isinstance(found, str) else json.dumps(found).encode()

    def found(self, name: str, otherwise: Any) -> Any:
        answer = self.answers.get(name, otherwise)
        return answer() if callable(answer) else answer


def vector(series: list[tuple[dict[str, str], float]]) -> bytes:
    result = [{"metric": labels, "value": [1, str(value)]} for labels, value in series]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


def success(data: Any) -> dict[str, Any]:
    """As Prometheus wraps it."""
    return {"status": "success", "data": data}


@contextmanager
def stub_server() -> Iterator[StubServer]:
    stub = StubServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, text = stub.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  the names that http.server calls

        def log_message(self, *words: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        stub.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()
