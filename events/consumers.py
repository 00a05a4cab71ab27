"""The socket door: lets in, translates messages, and hands everything else to the hub."""

import logging
import time
from collections.abc import Mapping
from typing import Any, NoReturn, cast
from urllib.parse import parse_qs

import orjson
from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.conf import settings

from events import metrics
from events.hub import Hub, hub_of_loop
from events.hub.closing import CloseCode, reason_of
from events.hub.connection import Connection
from events.hub.frame import Frame
from events.hub.replies import error, with_ref
from events.hub.sampler import DEFAULT_SECONDS
from events.hub.socket import Send, Socket
from events.hub.viewer import Refused, Viewer, admit
from events.registry import registry
from events.streams import FigureStream, Report, figure_streams, reports

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 8 * 1024
MAX_CHANNELS = 16
MESSAGES_PER_SECOND, MESSAGE_BURST = 20.0, 40.0
HTTP_RESPONSE = "websocket.http.response"


class RealtimeConsumer(AsyncConsumer):
    """One client of the hub. No channel layer: its alias names none, so that Channels makes no mailbox per socket."""

    channel_layer_alias = "realtime-has-none"
    endpoint = "realtime"
    follows_by_default = True

    hub: Hub
    connection: Connection | None = None

    def __init__(self, *, endpoint: str = "realtime", follows_by_default: bool = True) -> None:
        self.endpoint = endpoint
        self.follows_by_default = follows_by_default
        self.tokens, self.refilled_at = MESSAGE_BURST, time.monotonic()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket to its end, whatever ends it: nothing of it stays in the hub."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.connection is not None:
                self.hub.leave(self.connection)
                await self.connection.stop()

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """As Channels does, without its thread hop per message: nothing here keeps a database connection."""
        await getattr(self, get_handler_name(dict(message)))(message)

    # --- Coming and going --------------------------------------------------------------------------------------------
    async def websocket_connect(self, message: Mapping[str, Any]) -> None:
        try:
            viewer = await admit(self.scope)
            self.hub = await hub_of_loop()
        except Refused as refused:
            await self.refuse(refused.status, refused.reason)
        except TimeoutError:
            await self.refuse(503, "unavailable")
        await self.send({"type": "websocket.accept"})
        await self.welcome(viewer)

    async def refuse(self, status: int, reason: str) -> NoReturn:
        """Answer by HTTP where the server can, else by closing before accepting, which is a 403."""
        metrics.rejected.labels(reason).inc()
        if HTTP_RESPONSE in (self.scope.get("extensions") or {}):
            body = orjson.dumps({"type": "about:blank", "title": reason, "status": status, "code": reason})
            headers = [(b"content-type", b"application/problem+json"), (b"retry-after", b"5")]
            await self.send({"type": f"{HTTP_RESPONSE}.start", "status": status, "headers": headers})
            await self.send({"type": f"{HTTP_RESPONSE}.body", "body": body})
        else:
            await self.send({"type": "websocket.close"})
        raise StopConsumer

    async def welcome(self, viewer: Viewer) -> None:
        """Greet, then follow what was asked for in the address, or all that the user may see."""
        socket = Socket(cast(Send, self.base_send))
        connection = Connection(hub=self.hub, socket=socket, viewer=viewer, endpoint=self.endpoint)
        self.connection = connection
        self.hub.join(connection)
        connection.reply({"type": "welcome", "ping": settings.REALTIME_PING_SECONDS, "limits": limits()})
        if self.hub.degraded:
            connection.reply(self.hub.status())
        for channel in self.first_channels(viewer):
            await self.subscribe({"channel": channel})

    def first_channels(self, viewer: Viewer) -> list[str]:
        """`?channels=a,b`, or every channel that the user may see."""
        query = parse_qs(self.scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        if "channels" in query:
            return [name for name in ",".join(query["channels"]).split(",") if name][:MAX_CHANNELS]
        return list(viewer.access) if self.follows_by_default else []

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        if self.connection is not None:
            self.connection.ending = self.connection.ending or reason_of(message.get("code"))
        raise StopConsumer

    # --- Messages ----------------------------------------------------------------------------------------------------
    async def websocket_receive(self, message: Mapping[str, Any]) -> None:
        if self.connection is None or self.connection.ending is not None:
            return
        self.connection.heard()
        text = message.get("text") or ""
        if not self.take_token():
            self.end(CloseCode.RATE_LIMITED, "rate_limited")
        elif len(text) > MAX_MESSAGE_BYTES or len(message.get("bytes") or b"") > MAX_MESSAGE_BYTES:
            self.end(CloseCode.TOO_BIG, "too_big")
        else:
            await self.receive_text(text)

    async def receive_text(self, text: str) -> None:
        """One command; anything that is not a JSON object with a `type` ends the connection."""
        try:
            content = orjson.loads(text)
        except orjson.JSONDecodeError:
            content = None
        if isinstance(content, dict) and isinstance(content.get("type"), str):
            with registry.unit_of_work():
                await self.receive_command(content["type"], content)
        else:
            self.reply(error("bad_message", "send one JSON object with a `type`"))
            self.end(CloseCode.BAD_MESSAGE, "bad_message")

    async def receive_command(self, name: str, content: Mapping[str, Any]) -> None:
        verb, _, subject = name.partition("-")
        match verb, subject:
            case "subscribe", "":
                await self.subscribe(content)
            case "unsubscribe", "":
                self.unsubscribe(content)
            case "ping", "":
                self.reply(with_ref({"type": "pong"}, content.get("ref")))
            case "pong", "":
                return
            case ("subscribe" | "unsubscribe", stream) if stream in figure_streams:
                self.change_sampling(verb, figure_streams[stream], content)
            case "get", report if report in reports:
                self.hub.spawn(self.report(reports[report], content))
            case _:
                self.reply(error("unknown_message", f"there is no message {name[:40]}", ref=content.get("ref")))

    async def subscribe(self, content: Mapping[str, Any]) -> None:
        connection, ref = self.present(), content.get("ref")
        match content:
            case {"channel": str(channel)} if is_cursor(content):
                if channel not in settings.REALTIME_CHANNELS:
                    self.reply(error("unknown_channel", f"there is no channel {channel[:100]}", ref=ref))
                elif channel not in connection.viewer.access:
                    metrics.rejected.labels("forbidden").inc()
                    self.reply(error("forbidden", f"you may not see {channel}", ref=ref))
                else:
                    since, epoch = content.get("since"), content.get("epoch")
                    await self.hub.subscribe(connection, channel, since=since, epoch=epoch, ref=ref)
            case _:
                self.reply(
                    error("bad_message", "subscribe needs a channel; `since` is a number, `epoch` text", ref=ref)
                )

    def unsubscribe(self, content: Mapping[str, Any]) -> None:
        channel, ref = content.get("channel"), content.get("ref")
        if isinstance(channel, str) and channel in settings.REALTIME_CHANNELS:
            self.hub.unsubscribe(self.present(), channel)
            self.reply(with_ref({"type": "unsubscribed", "channel": channel}, ref))
        else:
            self.reply(error("unknown_channel", f"there is no channel {str(channel)[:100]}", ref=ref))

    # --- Figures and reports -----------------------------------------------------------------------------------------
    def change_sampling(self, verb: str, stream: FigureStream, content: Mapping[str, Any]) -> None:
        """`subscribe-<stream> {interval_ms}` and `unsubscribe-<stream>`."""
        connection, ref = self.present(), content.get("ref")
        interval = content.get("interval_ms", DEFAULT_SECONDS * 1000)
        if not stream.permission(connection.viewer.user):
            self.reply(error("forbidden", f"you may not see {stream.name}", ref=ref))
        elif verb == "unsubscribe":
            self.hub.sampler(stream.name).remove(connection)
            self.reply(with_ref({"type": "unsubscribed", "channel": stream.name}, ref))
        elif isinstance(interval, bool) or not isinstance(interval, int | float):
            self.reply(error("bad_message", "interval_ms is a number", ref=ref))
        else:
            seconds = self.hub.sampler(stream.name).add(connection, seconds=interval / 1000)
            answer = {"type": "subscribed", "channel": stream.name, "interval_ms": round(seconds * 1000)}
            self.reply(with_ref(answer, ref))

    async def report(self, report: Report, content: Mapping[str, Any]) -> None:
        """Answer `get-<report>`; a report that fails is the client's to ask for again."""
        connection, ref = self.present(), content.get("ref")
        if not report.permission(connection.viewer.user):
            self.reply(error("forbidden", f"you may not see {report.name}", ref=ref))
            return
        try:
            data = await report.answer()
        except Exception:
            logger.exception("the report %s failed", report.name)
            self.reply(error("unavailable", f"{report.name} can't be made now", ref=ref, retryable=True))
        else:
            self.reply(with_ref({"channel": report.channel, "data": data}, ref))

    # --- Small things ------------------------------------------------------------------------------------------------
    def present(self) -> Connection:
        """The connection; there is one as long as messages come."""
        assert self.connection is not None  # noqa: S101  set before the first message is read
        return self.connection

    def reply(self, body: Mapping[str, Any]) -> None:
        self.present().offer(Frame.of(body))

    def end(self, code: CloseCode, reason: str) -> None:
        """End the connection for what the client has sent."""
        metrics.rejected.labels(reason).inc()
        self.present().close(code)

    def take_token(self) -> bool:
        """Whether the client is within its rate: 20 messages a second, 40 at once."""
        now = time.monotonic()
        refill = (now - self.refilled_at) * MESSAGES_PER_SECOND
        self.tokens, self.refilled_at = min(MESSAGE_BURST, self.tokens + refill), now
        self.tokens -= 1
        return self.tokens >= 0


def is_cursor(content: Mapping[str, Any]) -> bool:
    """Whether `since` and `epoch`, where they are given, have the right types."""
    since, epoch = content.get("since"), content.get("epoch")
    good_since = since is None or (isinstance(since, int) and not isinstance(since, bool) and since >= 0)
    return good_since and (epoch is None or isinstance(epoch, str))


def limits() -> dict[str, object]:
    """What a client should know about us."""
    return {
        "message_bytes": MAX_MESSAGE_BYTES,
        "messages_per_second": int(MESSAGES_PER_SECOND),
        "burst": int(MESSAGE_BURST),
        "channels": MAX_CHANNELS,
        "queue": settings.REALTIME_MAX_QUEUE,
        "pong_seconds": settings.REALTIME_PONG_SECONDS,
    }
