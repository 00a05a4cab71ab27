"""What a door in front of Django has to do as Django does."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[Any]]
Headers = Mapping[bytes, bytes]
Fields = Iterable[tuple[bytes, bytes]]
Observe = Callable[[str, str, int, float, str], None]
"""Counts an answered request: method, route, status, seconds, request id."""


class Answer(NamedTuple):
    """What a client gets."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


def standing_headers(*, allow: str) -> list[tuple[bytes, bytes]]:
    """What Django's middleware adds to every answer of the API."""
    request, response = HttpRequest(), HttpResponse()
    request.is_secure = lambda: bool(settings.SECURE_SSL_REDIRECT)  # type: ignore[method-assign]  # behind a proxy or not
    for middleware in (SecurityMiddleware, XFrameOptionsMiddleware):
        middleware(lambda _: response).process_response(request, response)
    del response.headers["Content-Type"]
    response.headers["Allow"] = allow
    return [(name.encode(), value.encode()) for name, value in response.headers.items()]


def is_secure(scope: Scope, headers: Headers) -> bool:
    """Whether Django would not send the client to https first."""
    if not settings.SECURE_SSL_REDIRECT or scope.get("scheme") == "https":
        return True
    if not settings.SECURE_PROXY_SSL_HEADER:
        return False
    name, value = settings.SECURE_PROXY_SSL_HEADER
    return headers.get(name.removeprefix("HTTP_").lower().replace("_", "-").encode()) == value.encode()


async def read(receive: Receive, *, at_most: int) -> tuple[list[Message], bytes]:
    """The body, up to where it is too large; and the messages that it came in."""
    messages: list[Message] = []
    body = b""
    more = True
    while more and len(body) <= at_most:
        messages.append(await receive())
        body += messages[-1].get("body", b"")
        more = messages[-1].get("more_body", False)
    return messages, body


def replay(messages: list[Message], receive: Receive) -> Receive:
    """The same messages once more, then what comes after them."""

    async def receive_again() -> Message:
        return messages.pop(0) if messages else await receive()

    return receive_again


async def reply(send: Send, answer: Answer, standing: Fields, request_id: str) -> None:
    """An answer, with what stands in every one."""
    headers = [
        *answer.headers,
        (b"Content-Length", b"%d" % len(answer.body)),
        *standing,
        (b"X-Request-ID", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
