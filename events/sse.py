"""The door for those who can't open sockets: the same hub, as server-sent events. ASGI, for one address."""

import asyncio
from dataclasses import dataclass
from urllib.parse import parse_qs

from django.conf import settings

from coupon_site.api import event_stream
from coupon_site.api.doors import Application, Fields, Receive, Scope, Send
from coupon_site.api.problems import problem
from events import metrics
from events.consumers import MAX_CHANNELS
from events.hub import Hub, hub_of_loop
from events.hub.closing import CloseCode
from events.hub.connection import Connection
from events.hub.event_stream import Cursor, EventStream, cursor_of
from events.hub.frame import Frame
from events.hub.gate import Place
from events.hub.viewer import Refused, Viewer, admit

PATH = "/api/v1/realtime/sse"
ENDPOINT = "sse"


class EventStreamDoor:
    """ASGI: in front of an application, for `GET /api/v1/realtime/sse`."""

    def __init__(self, ordinary: Application) -> None:
        self.ordinary = ordinary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (serve if scope["path"] == PATH else self.ordinary)(scope, receive, send)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Who follows which channels, and where that client stands on them."""

    viewer: Viewer
    channels: list[str]
    cursor: Cursor


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """`?channels=a,b` or all that the user may see, from `Last-Event-ID` (or `?last_event_id=`) on."""
    allowed = cross_origin_headers(scope)
    place: Place | None = None
    try:
        hub = await hub_of_loop()
        place = hub.gate.enter(scope)
        wish = await wish_of(scope, hub)
        place.seat(wish.viewer.user.pk)
    except Refused as refused:
        await refuse(send, refused.status, refused.reason, allowed)
    except TimeoutError:
        await refuse(send, 503, "unavailable", allowed)
    else:
        await event_stream.begin(send, allowed)
        await follow(hub, wish, receive, send)
    finally:
        if place is not None:
            place.leave()


async def wish_of(scope: Scope, hub: Hub) -> Wish:
    """What the request asks for. Raises Refused."""
    if scope["method"] != "GET":
        raise Refused(405, "method_not_allowed")
    viewer = await admit(scope, hub.viewers)
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    channels = list(viewer.access)
    if "channels" in query:
        channels = [name for name in dict.fromkeys(",".join(query["channels"]).split(",")) if name][:MAX_CHANNELS]
    if any(name not in settings.REALTIME_CHANNELS for name in channels):
        raise Refused(400, "unknown_channel")
    if any(name not in viewer.access for name in channels):
        raise Refused(403, "forbidden")
    header = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin-1")
    try:
        cursor = cursor_of(header or query.get("last_event_id", [""])[0])
    except ValueError:
        raise Refused(400, "bad_cursor") from None
    return Wish(viewer=viewer, channels=channels, cursor={name: cursor[name] for name in channels if name in cursor})


async def follow(hub: Hub, wish: Wish, receive: Receive, send: Send) -> None:
    """Serve one client to its end, whatever ends it: nothing of it stays in the hub."""
    body = EventStream(send, channels=hub.channels, cursor=wish.cursor.copy())
    connection = Connection(hub=hub, socket=body, viewer=wish.viewer, endpoint=ENDPOINT)
    try:
        hub.join(connection)
        connection.next_ping_at = float("inf")  # the comments below keep it alive
        if hub.degraded:
            connection.reply(hub.status())
        for channel in wish.channels:
            epoch, since = wish.cursor.get(channel, ("", None))
            await hub.subscribe(connection, channel, since=since, epoch=epoch or None)
        await keep_open(connection, receive)
    finally:
        hub.leave(connection)
        await connection.stop()


async def keep_open(connection: Connection, receive: Receive) -> None:
    """Until the client leaves, is cut off, or has had its time; a comment now and then shows that somebody is there."""
    ends_at = event_stream.time_to_end()
    left = asyncio.ensure_future(event_stream.until_left(receive))
    try:
        while not connection.writer.done():
            happened = await event_stream.happens(left, connection.writer)
            if left.done():
                connection.ending = connection.ending or "normal"
                return
            if asyncio.get_running_loop().time() >= ends_at:
                connection.close(CloseCode.TRY_LATER)
            elif not happened:
                connection.offer(Frame.of({"type": "ping"}))
    finally:
        left.cancel()


def cross_origin_headers(scope: Scope) -> Fields:
    """Pages of the allowed origins may read the stream with the visitor's session."""
    origin = dict(scope["headers"]).get(b"origin", b"")
    if origin.decode("latin-1").lower() not in settings.REALTIME_ALLOWED_ORIGINS:
        return []
    return [
        (b"Access-Control-Allow-Origin", origin),
        (b"Access-Control-Allow-Credentials", b"true"),
        (b"Vary", b"Origin"),
    ]


DETAILS = {
    "anonymous": "Send an API token, or sign in",
    "origin": "Pages of this origin may not follow events",
    "method_not_allowed": "Use GET",
    "unknown_channel": "A channel of ?channels= does not exist",
    "forbidden": "A channel of ?channels= is not yours to see",
    "bad_cursor": "Send the last event's id as it was, or none",
    "unavailable": "Events can't be followed right now: come back in a few seconds",
    "draining": "This process is about to end: come back in a few seconds",
    "full": "There are as many connections as there may be: come back later",
    "too_fast": "Too many connections were opened just now: come back later",
    "too_many": "There are as many connections of yours as there may be: close one first",
}


async def refuse(send: Send, status: int, reason: str, allowed: Fields) -> None:
    """Why there is no stream."""
    metrics.rejected.labels(reason).inc()
    title = reason.replace("_", " ").capitalize()
    await event_stream.refuse(send, problem(status, reason, title, DETAILS[reason]), allowed)
