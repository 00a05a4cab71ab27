"""ASGI in front of Django, for one address."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from orders.api.burst.wishes import LARGEST_BODY, PATH, Answer, Headers, wish_of
from orders.api.burst.writer import Writer

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[Any]]
Observe = Callable[[str, str, int, float, str], None]
"""Counts an answered request: method, route, status, seconds, request id."""


class BurstDoor:
    """ASGI: in front of Django, for `POST /api/v1/orders/`."""

    def __init__(self, ordinary: Application, *, observe: Observe) -> None:
        self.ordinary = ordinary
        self.observe = observe
        self.writer = Writer()
        self.headers = standing_headers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["path"] == PATH and scope["method"] == "POST" else None
        if headers is None or not is_secure(scope, headers):
            await self.ordinary(scope, receive, send)
            return
        started = time.perf_counter()
        messages, body = await read(receive)
        wish = wish_of(headers, body)
        answer = await self.writer.settle(wish) if wish else None
        if wish is None or answer is None:
            await self.ordinary(scope, replay(messages, receive), send)
            return
        self.observe("POST", PATH, answer.status, time.perf_counter() - started, wish.request_id)
        await self.reply(send, answer, wish.request_id)

    async def reply(self, send: Send, answer: Answer, request_id: str) -> None:
        headers = [
            *answer.headers,
            (b"Content-Length", b"%d" % len(answer.body)),
            *self.headers,
            (b"X-Request-ID", request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def standing_headers() -> list[tuple[bytes, bytes]]:
    """What Django's middleware adds to every answer of the API."""
    request, response = HttpRequest(), HttpResponse()
    request.is_secure = lambda: bool(settings.SECURE_SSL_REDIRECT)  # type: ignore[method-assign]  # behind a proxy or not
    for middleware in (SecurityMiddleware, XFrameOptionsMiddleware):
        middleware(lambda _: response).process_response(request, response)
    del response.headers["Content-Type"]
    response.headers["Allow"] = "GET, POST, HEAD, OPTIONS"
    return [(name.encode(), value.encode()) for name, value in response.headers.items()]


def is_secure(scope: Scope, headers: Headers) -> bool:
    """Whether Django would not send the client to https first."""
    if not settings.SECURE_SSL_REDIRECT or scope.get("scheme") == "https":
        return True
    if not settings.SECURE_PROXY_SSL_HEADER:
        return False
    name, value = settings.SECURE_PROXY_SSL_HEADER
    return headers.get(name.removeprefix("HTTP_").lower().replace("_", "-").encode()) == value.encode()


async def read(receive: Receive) -> tuple[list[Message], bytes]:
    """The body, unless it is larger than any order; and the messages that it came in."""
    messages: list[Message] = []
    body = b""
    more = True
    while more and len(body) <= LARGEST_BODY:
        messages.append(await receive())
        body += messages[-1].get("body", b"")
        more = messages[-1].get("more_body", False)
    return messages, body


def replay(messages: list[Message], receive: Receive) -> Receive:
    """The same messages once more, then what comes after them."""

    async def receive_again() -> Message:
        return messages.pop(0) if messages else await receive()

    return receive_again
