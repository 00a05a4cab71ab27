"""A Grafana that knows annotations: posted and found by tags, under a token; as strict as the real one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "glsa_token"


class Grafana(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.annotations: list[dict[str, Any]] = []
        self.failing = 0  # the status that it answers instead

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Api(BaseHTTPRequestHandler):
    server: Grafana

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        found = [each for each in self.server.annotations if set(query.get("tags", [])) <= set(each["tags"])]
        self.reply(200, found[: int(query.get("limit", ["100"])[0])])

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not body.get("text"):
            self.reply(400, {"message": "Failed to save annotation", "error": "text field should not be empty"})
            return
        assert isinstance(body["time"], int)
        assert all(isinstance(tag, str) for tag in body["tags"])
        if not self.server.failing and self.knows_token():
            self.server.annotations.append({"id": len(self.server.annotations) + 1, **body})
        self.reply(200, {"message": "Annotation added", "id": len(self.server.annotations)})

    def knows_token(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def reply(self, status: int, document: object) -> None:
        if self.server.failing:
            status, document = self.server.failing, {"message": "failing"}
        elif not self.knows_token():
            status, document = 401, {"message": "Invalid API key"}
        elif urlsplit(self.path).path != "/api/annotations":
            status, document = 404, {"message": "Not found"}
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def grafana_running() -> Iterator[Grafana]:
    server = Grafana()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
