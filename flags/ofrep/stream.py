"""Tells clients that flags have changed, so that they ask again. ASGI, for one address."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.utils import timezone

from coupon_site.api.problems import problem
from flags.ofrep.tickets import is_good
from flags.ofrep.watch import Watch, watch_of_loop

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[Any]]

PATH = "/ofrep/v1/stream"
COMMENT_SECONDS = 15.0
# Streams come to an end, so that clients spread over the servers again.
LIFE_SECONDS = (540.0, 660.0)
RETRY_MS = (1_000, 3_000)
COMMENT = b":\n\n"
HEADERS = [
    (b"Content-Type", b"text/event-stream; charset=utf-8"),
    (b"Cache-Control", b"no-store"),
    (b"X-Accel-Buffering", b"no"),
    (b"X-Content-Type-Options", b"nosniff"),
    # A ticket opens it, not a cookie: pages of any origin that hold one may read.
    (b"Access-Control-Allow-Origin", b"*"),
]


class FlagStreamDoor:
    """ASGI: in front of an application, for `GET /ofrep/v1/stream?ticket=…`."""

    def __init__(self, ordinary: Application) -> None:
        self.ordinary = ordinary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != PATH:
            await self.ordinary(scope, receive, send)
        elif scope["method"] != "GET":
            await refuse(send, 405, "method_not_allowed", "Use GET here")
        elif not is_good(ticket_in(scope), at=timezone.now()):
            await refuse(send, 401, "ticket", "Take the address of the stream from a bulk answer, as it is")
        else:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await serve(told_in(scope), receive, send)


async def serve(told: int, receive: Receive, send: Send) -> None:
    """One client to its end. `told` is the version that it knows of."""
    await write(send, f"retry: {random.randint(*RETRY_MS)}\n\n".encode())  # noqa: S311  spreads load, hides nothing
    left = asyncio.ensure_future(until_left(receive))
    watch = watch_of_loop()
    try:
        with watch.followed():
            await follow(watch, told, left, send)
    finally:
        left.cancel()
    if not left.done():
        await write(send, b"", more=False)


async def follow(watch: Watch, told: int, left: "asyncio.Future[None]", send: Send) -> None:
    """An event for every version, the present one first: what changed since the client's answer is not missed."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + random.uniform(*LIFE_SECONDS)  # noqa: S311  the same
    while not left.done() and loop.time() < ends_at:
        news = watch.news
        if watch.version > told:
            told = watch.version
            await write(send, event_of(told))
            continue
        done, _ = await asyncio.wait({left, news}, timeout=COMMENT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            await write(send, COMMENT)


def event_of(version: int) -> bytes:
    """The client asks again with this `etag`, so that no process answers it from older flags."""
    data = orjson.dumps({"type": "refetchEvaluation", "etag": str(version)})
    return b"id: %d\ndata: %b\n\n" % (version, data)


def ticket_in(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get("ticket", [""])[0]


def told_in(scope: Scope) -> int:
    """The version that a client that comes back has heard of; before any, when it does not say so rightly."""
    text = dict(scope["headers"]).get(b"last-event-id", b"")
    return int(text) if text.isdigit() and len(text) <= 18 else -1


async def until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def write(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def refuse(send: Send, status: int, code: str, detail: str) -> None:
    """A problem document; browsers do not come back by themselves after one."""
    body = orjson.dumps(problem(status, code, "This stream can't be followed", detail))
    headers = [
        (b"Content-Type", b"application/problem+json"),
        (b"Content-Length", b"%d" % len(body)),
        (b"Cache-Control", b"no-store"),
        *([(b"Allow", b"GET")] if status == 405 else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
