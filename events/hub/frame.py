"""One text for many sockets: each shape in which a server takes it is built once and shared by everyone who gets it."""

import struct
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import orjson

from events.frames import Entry


class Frame:
    """A text frame. One of a channel knows its number and audience, and times its first write."""

    __slots__ = ("audience", "body", "bytes", "channel", "created_ms", "line", "message", "seq", "size", "unsent")

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
        self.bytes = b""

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

    def on_the_wire(self) -> bytes:
        """The whole WebSocket message, built once for every socket."""
        if not self.bytes:
            self.bytes = message_of(self.message["text"].encode())
        return self.bytes

    def delay_seconds(self) -> float:
        """From the event's commit until now."""
        return max(0.0, time.time() - self.created_ms / 1000)


class Batch:
    """Frames that were there at once, for those of one audience: one write carries them."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self.count = len(frames)
        self.size = sum(frame.size for frame in frames)
        self.unsent = any(frame.unsent for frame in frames)

    @cached_property
    def on_the_wire(self) -> bytes:
        """The WebSocket messages one after another, joined once for the whole audience."""
        return b"".join([frame.on_the_wire() for frame in self.frames])


def message_of(text: bytes) -> bytes:
    """A text as servers send it (RFC 6455, 5.2): in one frame, unmasked, and uncompressed, as RFC 7692 allows."""
    size = len(text)
    if size < 126:
        return struct.pack("!BB", 0x81, size) + text
    if size < 1 << 16:
        return struct.pack("!BBH", 0x81, 126, size) + text
    return struct.pack("!BBQ", 0x81, 127, size) + text
