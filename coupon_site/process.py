"""A port beside a process' work: metrics and health, from a thread of its own, however busy the rest."""

import json
from collections.abc import Iterable
from functools import cache
from threading import Thread
from wsgiref.simple_server import WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings
from django.core.management.base import CommandError
from prometheus_client.exposition import ThreadingWSGIServer, _SilentHandler

from coupon_site import health
from coupon_site.exposition import exposition


def serve_process_port(port: int, *, name: str) -> WSGIServer | None:
    """Answer /metrics, /livez, /readyz, /health and /startupz on `port` (0: nowhere); CommandError when it is taken."""
    if not port:
        return None
    try:
        server = ThreadingWSGIServer((settings.PROCESS_ADDRESS, port), _SilentHandler)
    except OSError as error:
        raise CommandError(
            f"Port {port} of {name} can't be opened ({error.strerror}): give another.", returncode=2
        ) from error
    server.set_app(answer)
    Thread(target=server.serve_forever, name=f"{name}-port", daemon=True).start()
    return server


@cache
def serve_metrics_port() -> WSGIServer | None:
    """The same on settings.METRICS_PORT, for a process that serves HTTP or sockets; opened once, by its entry point."""
    return serve_process_port(settings.METRICS_PORT, name="metrics")


def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The WSGI app of the port."""
    match environ["PATH_INFO"]:
        case "/metrics":
            body, content_type = exposition(environ.get("HTTP_ACCEPT", ""))
            return send(start_response, "200 OK", body, content_type)
        case "/livez":
            return reply(start_response, "200 OK", {"status": "ok"})
        case "/readyz" | "/health" | "/startupz":
            report = health.readyz()
            return reply(start_response, "200 OK" if report.ok else "503 Service Unavailable", report.as_dict())
        case _:
            return reply(start_response, "404 Not Found", {"status": "unknown path"})


def reply(start_response: StartResponse, status: str, body: dict[str, object]) -> Iterable[bytes]:
    return send(start_response, status, json.dumps(body).encode(), "application/json")


def send(start_response: StartResponse, status: str, body: bytes, content_type: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
