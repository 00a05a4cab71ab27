"""The port of a process without a web server: metrics and health, from a thread of its own, however busy the rest."""

import json
from collections.abc import Callable, Iterable
from threading import Thread
from typing import cast
from wsgiref.simple_server import WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings
from django.core.management.base import CommandError
from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer, _SilentHandler

from coupon_site import health


def serve_process_port(port: int, *, name: str) -> WSGIServer | None:
    """Answer /metrics, /livez, /readyz, /health and /startupz on `port` (0: nowhere); CommandError when it is taken."""
    if not port:
        return None
    try:
        server = ThreadingWSGIServer((settings.PROCESS_ADDRESS, port), _SilentHandler)
    except OSError as error:
        raise CommandError(
            f"Port {port} of {name} can't be opened ({error.strerror}): give another with --port.", returncode=2
        ) from error
    server.set_app(application())
    Thread(target=server.serve_forever, name=f"{name}-port", daemon=True).start()
    return server


def application() -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """The WSGI app of the port."""
    metrics = make_wsgi_app()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return cast(Iterable[bytes], metrics(environ, start_response))
            case "/livez":
                return reply(start_response, "200 OK", {"status": "ok"})
            case "/readyz" | "/health" | "/startupz":
                report = health.readyz()
                return reply(start_response, "200 OK" if report.ok else "503 Service Unavailable", report.as_dict())
            case _:
                return reply(start_response, "404 Not Found", {"status": "unknown path"})

    return answer


def reply(start_response: StartResponse, status: str, body: dict[str, object]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]
