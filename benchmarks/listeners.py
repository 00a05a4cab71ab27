"""Clients that only count: WebSockets and event streams of one channel, cheap enough for thousands in one process."""

import asyncio
import json
import random
import re
import time
from array import array
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self, TypeVar

ADDRESS = "/api/v1/realtime/"
CHANNEL = "events:orders"
OPEN_SECONDS = 30
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds, of the back-off
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
# Of a stream: the kind of a notice, where the client stands, the data.
PART = re.compile(rb"(?:event: (\w+)\n)?(?:id: ([^\n]*)\n)?data: ([^\n]*)\n\n")
NUMBER = re.compile(rb'"id": ?(\d+)}$')

L = TypeVar("L", bound="Listener")


class Listener(asyncio.Protocol):
    """The numbers that a client got and when, what else it was told, and how it ended."""

    def __init__(self, request: bytes, *, ids: "array[int] | None" = None, answers: bool = True) -> None:
        self.request = request
        self.ids: array[int] = array("q") if ids is None else ids
        self.times: list[float] | None = None
        self.notices: list[dict[str, Any]] = []
        self.answers = answers
        self.head = self.rest = b""
        self.status = 0
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[int] = loop.create_future()
        self.closed: asyncio.Future[int | None] = loop.create_future()

    # --- asyncio's side ----------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  it is TCP
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.status:
            self.take(self.rest + data if self.rest else data)
            return
        self.head, found, body = (self.head + data).partition(b"\r\n\r\n")
        if found:
            self.status = int(self.head.split(b" ", 2)[1])
            self.opened.set_result(self.status)
            self.take(body)

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.opened, self.closed):
            if not future.done():
                future.set_result(0)

    # --- The client's ------------------------------------------------------------------------------------------------
    def take(self, data: bytes) -> None:
        raise NotImplementedError

    def got(self, number: int) -> None:
        self.ids.append(number)
        if self.times is not None:
            self.times.append(time.monotonic())

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Notices of a kind, so far."""
        return [notice for notice in self.notices if notice.get("type") == kind]

    async def notice(self, kind: str, seconds: float = OPEN_SECONDS) -> dict[str, Any]:
        """The first notice of a kind. Raises ConnectionError where the server ends it instead, TimeoutError."""
        await until(lambda: bool(self.told(kind)) or self.closed.done(), seconds, kind)
        if not self.told(kind):
            raise ConnectionError(f"{self.status} {self.notices[-3:]}")
        return self.told(kind)[0]

    def cut(self) -> None:
        """As if the network were gone."""
        self.transport.abort()


class SocketListener(Listener):
    """Over a WebSocket; pings are answered unless it is to play dead."""

    def take(self, data: bytes) -> None:
        at, end = 0, len(data)
        while end - at >= 2:
            size, start = data[at + 1], at + 2
            if size >= 126:
                start += 2 if size == 126 else 8
                size = int.from_bytes(data[at + 2 : start])
            stop = start + size
            if start > end or stop > end:
                break
            if data[at] == TEXT:
                self.text(data[start:stop])
            else:
                self.control(data[at], data[start:stop])
            at = stop
        self.rest = data[at:]

    def text(self, text: bytes) -> None:
        if text.startswith(b'{"channel"') and (found := NUMBER.search(text, max(0, len(text) - 30))):
            self.got(int(found[1]))
            return
        notice = json.loads(text)
        self.notices.append(notice)
        if notice.get("type") == "ping" and self.answers:
            self.say({"type": "pong", "pos": {CHANNEL: self.ids[-1]} if self.ids else {}})

    def control(self, kind: int, body: bytes) -> None:
        if kind == PING and self.answers:
            self.transport.write(framed(PONG, body))
        elif kind == CLOSE:
            if not self.closed.done():
                self.closed.set_result(int.from_bytes(body[:2]) if body else None)
            self.transport.close()

    def say(self, message: Mapping[str, Any]) -> None:
        self.write(json.dumps(message).encode())

    def write(self, text: bytes) -> None:
        self.transport.write(framed(TEXT, text))


class StreamListener(Listener):
    """Over server-sent events. A chunk of HTTP holds whole parts, so that its borders can be passed over."""

    cursor = ""

    def take(self, data: bytes) -> None:
        at = 0
        for part in PART.finditer(data):
            kind, cursor, text = part.groups()
            at = part.end()
            self.cursor = cursor.decode() if cursor else self.cursor
            if kind is None and (found := NUMBER.search(text, max(0, len(text) - 30))):
                self.got(int(found[1]))
            else:
                self.notices.append(json.loads(text))
        self.rest = data[at:]


def framed(kind: int, body: bytes) -> bytes:
    """A client's frame; masked with zeros, which changes nothing."""
    size = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0xFE]) + len(body).to_bytes(2)
    return bytes([kind]) + size + bytes(4) + body


def request(path: str, *, token: str, headers: Mapping[str, str]) -> bytes:
    lines = {"Host": "127.0.0.1", **({"Authorization": f"Bearer {token}"} if token else {}), **headers}
    return "\r\n".join([f"GET {path} HTTP/1.1", *(f"{key}: {value}" for key, value in lines.items()), "", ""]).encode()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def open_socket(
    port: int,
    token: str,
    *,
    channels: str = CHANNEL,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> SocketListener:
    """A WebSocket that the server has answered, whatever the answer."""
    text = request(f"{ADDRESS}ws?channels={channels}", token=token, headers={**UPGRADE, **(headers or {})})
    return await opened(lambda: SocketListener(text, **options), port)


async def open_stream(
    port: int,
    token: str,
    *,
    channels: str = CHANNEL,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> StreamListener:
    """The same as server-sent events."""
    text = request(f"{ADDRESS}sse?channels={channels}", token=token, headers=headers or {})
    return await opened(lambda: StreamListener(text, **options), port)


async def opened(make: Callable[[], L], port: int) -> L:
    _, listener = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", port)
    await asyncio.wait_for(asyncio.shield(listener.opened), OPEN_SECONDS)
    return listener


async def follow_socket(port: int, token: str, **options: Any) -> SocketListener:
    """A WebSocket that knows where it stands."""
    listener = await open_socket(port, token, **options)
    await listener.notice("subscribed")
    return listener


async def follow_stream(port: int, token: str, **options: Any) -> StreamListener:
    listener = await open_stream(port, token, **options)
    await listener.notice("subscribed")
    return listener


class Follower:
    """A client that comes back, to any node, after the last event that it has: all its numbers, and its gaps."""

    def __init__(self, token: str, *, remembers: bool = True) -> None:
        self.token = token
        self.remembers = remembers
        self.ids: array[int] = array("q")
        self.epoch, self.since = "", 0
        self.gaps: list[dict[str, Any]] = []
        self.port = 0
        self.listener: SocketListener | None = None

    async def connect(self, port: int) -> Self:
        if not self.epoch or not self.remembers:
            self.listener = await follow_socket(port, self.token, ids=self.ids)
        else:
            self.listener = await open_socket(port, self.token, channels="", ids=self.ids)
            since = self.ids[-1] if self.ids else self.since
            self.listener.say({"type": "subscribe", "channel": CHANNEL, "since": since, "epoch": self.epoch})
        standing = await self.listener.notice("subscribed")
        if not self.epoch:
            self.epoch, self.since = standing["epoch"], standing["id"]
        self.port = port
        return self

    def cut(self) -> None:
        if self.listener is not None:
            self.listener.cut()
            self.gaps += self.listener.told("gap")
            self.listener = None
        self.port = 0

    async def stay(self, ports: Callable[[], int], over: asyncio.Event) -> None:
        """Come back whenever the server goes away, as the site's own client does, until it is over."""
        failures = 0
        while not over.is_set():
            with suppress(OSError, TimeoutError):
                await self.connect(ports())
                failures = 0
                await self.end_or(over)
            if over.is_set():
                return
            self.cut()
            await asyncio.sleep(random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**failures)))  # noqa: S311  jitter
            failures += 1

    async def end_or(self, over: asyncio.Event) -> None:
        """Wait until the server goes away, or until it is over."""
        assert self.listener is not None  # noqa: S101  it is connected
        waiting = asyncio.ensure_future(over.wait())
        either: set[asyncio.Future[Any]] = {waiting, self.listener.closed}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()


async def until(condition: Callable[[], bool], seconds: float, what: str = "") -> None:
    """Look again and again until it is so. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.02)
