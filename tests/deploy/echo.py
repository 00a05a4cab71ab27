"""A site that tells what reached it, and how it is asked through nginx."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler
from pathlib import Path

START_SECONDS = 30


class Echo(BaseHTTPRequestHandler):
    """A site that tells what reached it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade"):
            self.upgrade()
        else:
            self.tell()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.tell()

    def tell(self) -> None:
        port = self.server.server_port  # type: ignore[attr-defined]
        told = {"path": self.path, "port": port, "headers": dict(self.headers), "padding": "x" * 2000}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def upgrade(self) -> None:
        self.send_response(101)
        self.send_header("Upgrade", self.headers["Upgrade"])
        self.send_header("Connection", self.headers["Connection"])
        self.end_headers()
        self.wfile.write(self.rfile.read(5).upper())
        self.close_connection = True

    def log_message(self, *words: object) -> None:
        """Silence."""


@dataclass
class Proxy:
    """The deployed nginx in front of one Echo for pages and one for sockets, on loopback."""

    port: int
    log: Path
    tls_port: int
    status_port: int
    web: int
    sockets: int
    connections: list[HTTPConnection] = field(default_factory=list)

    def ask(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes | None = None
    ) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        self.connections.append(connection)
        connection.request(method, path, body=body, headers=headers or {})
        return connection.getresponse()

    def upstream_of(self, path: str, method: str = "GET") -> int:
        """The port of the Echo that answers."""
        answer = self.ask(path, method=method, body=b"" if method == "POST" else None)
        port: int = json.loads(answer.read())["port"]
        return port

    def reached(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers that the site saw."""
        seen: dict[str, str] = json.loads(self.ask("/", headers).read())["headers"]
        return seen
