"""Tells clients that flags have changed, so that they ask again. ASGI, for one address."""

import asyncio
from urllib.parse import parse_qs

import orjson
from django.utils import timezone

from coupon_site.api import event_stream
from coupon_site.api.doors import Application, Fields, Receive, Scope, Send
from coupon_site.api.problems import problem
from flags.ofrep.tickets import is_good
from flags.ofrep.watch import Watch, watch_of_loop

PATH = "/ofrep/v1/stream"
# A ticket opens it, not a cookie: pages of any origin that hold one may read.
ANY_ORIGIN: Fields = ((b"Access-Control-Allow-Origin", b"*"),)


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
            await event_stream.begin(send, ANY_ORIGIN)
            await serve(told_in(scope), receive, send)


async def serve(told: int, receive: Receive, send: Send) -> None:
    """One client to its end. `told` is the version that it knows of."""
    left = asyncio.ensure_future(event_stream.until_left(receive))
    watch = watch_of_loop()
    try:
        with watch.followed():
            await follow(watch, told, left, send)
    finally:
        left.cancel()
    if not left.done():
        await event_stream.write(send, b"", more=False)


async def follow(watch: Watch, told: int, left: "asyncio.Future[None]", send: Send) -> None:
    """An event for every version, the present one first: what changed since the client's answer is not missed."""
    loop, ends_at = asyncio.get_running_loop(), event_stream.time_to_end()
    while not left.done() and loop.time() < ends_at:
        news = watch.news
        if watch.version > told:
            told = watch.version
            await event_stream.write(send, event_of(told))
        elif not await event_stream.happens(left, news):
            await event_stream.write(send, event_stream.COMMENT)


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


async def refuse(send: Send, status: int, code: str, detail: str) -> None:
    await event_stream.refuse(send, problem(status, code, "This stream can't be followed", detail))
