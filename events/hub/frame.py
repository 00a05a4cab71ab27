"""One text for many sockets: the ASGI message is built once and shared by everyone who gets it."""

import time
from collections.abc import Mapping
from typing import Any

import orjson

from events.frames import Entry


class Frame:
    """A text frame. One of a channel knows its number and audience, and times its first write."""

    __slots__ = ("audience", "body", "channel", "created_ms", "line", "message", "seq", "size", "unsent")

    def __init__(
        self, text: str, *, channel: str = "", seq: int = 0, audience: tuple[str, ...] = (), created_ms: int = 0
    ) -> None:
        self.message = {"type": "websocket.send", "text": text}
        self.size = len(text)
        self.channel = channel
        self.seq = seq
        self.audience = audience
        self.created_ms = created_ms
        self.unsent = bool(created_ms)
        self.body: Mapping[str, Any] = {}  # of a reply or notice
        self.line = b""

    @classmethod
    def of_entry(cls, entry: Entry, *, channel: str) -> "Frame":
        """The frame of an event."""
        return cls(entry.frame, channel=channel, seq=entry.seq, audience=entry.audience, created_ms=entry.created_ms)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Frame":
        """The frame of a reply or notice."""
        frame = cls(orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z).decode())
        frame.body = body
        return frame

    def data_line(self) -> bytes:
        """The text as server-sent events carry it, built once for everyone who reads a stream."""
        if not self.line:
            self.line = f"data: {self.message['text']}\n\n".encode()
        return self.line

    def delay_seconds(self) -> float:
        """From the event's commit until now."""
        return max(0.0, time.time() - self.created_ms / 1000)
