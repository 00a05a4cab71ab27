"""What clients say on an open socket, translated for the hub."""

import logging
import time
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings

from events import metrics
from events.hub import Hub
from events.hub.closing import CloseCode
from events.hub.connection import Connection
from events.hub.frame import Frame
from events.hub.replies import error, with_ref
from events.hub.sampler import DEFAULT_SECONDS
from events.hub.unread import MAX_FRAMES
from events.hub.viewer import BadTicket, Refused, admit_by_ticket
from events.registry import registry
from events.streams import FigureStream, Report, figure_streams, reports

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 8 * 1024
MAX_CHANNELS = 16
MESSAGES_PER_SECOND, MESSAGE_BURST = 20.0, 40.0


class Commands:
    """The messages of one connection, within its rate."""

    def __init__(self, hub: Hub, connection: Connection) -> None:
        self.hub = hub
        self.connection = connection
        self.tokens, self.refilled_at = MESSAGE_BURST, time.monotonic()

    async def receive(self, text: str, *, size: int) -> None:
        """Do what a message asks for; what is too much or no message ends the connection."""
        if not self.take_token():
            self.end(CloseCode.RATE_LIMITED, "rate_limited")
        elif size > MAX_MESSAGE_BYTES:
            self.end(CloseCode.TOO_BIG, "too_big")
        else:
            await self.receive_text(text)

    async def receive_text(self, text: str) -> None:
        """One command; anything that is not a JSON object with a `type` ends the connection."""
        content = object_of(text)
        if isinstance(content.get("type"), str):
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
                self.connection.ponged()
            case "auth", "":
                await self.renew(content)
            case ("subscribe" | "unsubscribe", stream) if stream in figure_streams:
                self.change_sampling(verb, figure_streams[stream], content)
            case "get", report if report in reports:
                self.hub.spawn(self.report(reports[report], content))
            case _:
                self.reply(error("unknown_message", f"there is no message {name[:40]}", ref=content.get("ref")))

    async def subscribe(self, content: Mapping[str, Any]) -> None:
        connection, ref = self.connection, content.get("ref")
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
            self.hub.unsubscribe(self.connection, channel)
            self.reply(with_ref({"type": "unsubscribed", "channel": channel}, ref))
        else:
            self.reply(error("unknown_channel", f"there is no channel {str(channel)[:100]}", ref=ref))

    async def renew(self, content: Mapping[str, Any]) -> None:
        """`auth {ticket}` on an open socket: the same user, as known by the new ticket."""
        match content:
            case {"ticket": str(ticket)}:
                try:
                    viewer = await admit_by_ticket(ticket, self.hub.viewers)
                except BadTicket as refused:
                    self.end(CloseCode.AUTH_EXPIRED, refused.reason)
                    return
                except Refused as refused:
                    text = "tickets can't be looked up now"
                    self.reply(error(refused.reason, text, ref=content.get("ref"), retryable=True))
                    return
                if viewer.user.pk != self.connection.viewer.user.pk:
                    self.end(CloseCode.FORBIDDEN, "forbidden")
                    return
                self.hub.apply_review(self.connection, viewer)
                self.reply(with_ref(greeting(), content.get("ref")))
            case _:
                self.reply(error("bad_message", "auth needs a ticket", ref=content.get("ref")))

    # --- Figures and reports -----------------------------------------------------------------------------------------
    def change_sampling(self, verb: str, stream: FigureStream, content: Mapping[str, Any]) -> None:
        """`subscribe-<stream> {interval_ms}` and `unsubscribe-<stream>`."""
        connection, ref = self.connection, content.get("ref")
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
        connection, ref = self.connection, content.get("ref")
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
    def reply(self, body: Mapping[str, Any]) -> None:
        self.connection.offer(Frame.of(body))

    def end(self, code: CloseCode, reason: str) -> None:
        """End the connection for what the client has sent."""
        metrics.rejected.labels(reason).inc()
        self.connection.close(code)

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


def object_of(text: str) -> dict[str, Any]:
    """The JSON object in a message; an empty one when there is something else."""
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def greeting() -> dict[str, Any]:
    """The first frame of a socket."""
    return {"type": "welcome", "ping": settings.REALTIME_PING_SECONDS, "limits": limits()}


def limits() -> dict[str, object]:
    """What a client should know about us."""
    return {
        "message_bytes": MAX_MESSAGE_BYTES,
        "messages_per_second": int(MESSAGES_PER_SECOND),
        "burst": int(MESSAGE_BURST),
        "channels": MAX_CHANNELS,
        "queue": settings.REALTIME_MAX_QUEUE,
        "unread": MAX_FRAMES,
        "pong_seconds": settings.REALTIME_PONG_SECONDS,
    }
