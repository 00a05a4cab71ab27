"""Everybody who listens in one test."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from benchmarks.listeners import (
    CHANNEL,
    Listener,
    SocketListener,
    StreamListener,
    follow_socket,
    follow_stream,
    open_socket,
    until,
)
from tests.live_events import LiveEvents

AT_ONCE = 25


def size(short: int, full: int) -> int:
    """How much of it: a little in the suite, all of it with PROOFS=full."""
    return full if os.environ.get("PROOFS") == "full" else short


class Audience:
    """Opens listeners on the nodes of a site, and forgets none."""

    def __init__(self, site: LiveEvents) -> None:
        self.site = site
        self.listeners: list[Listener] = []

    async def sockets(self, node: str, count: int, *, token: str = "", **options: Any) -> list[SocketListener]:
        port, token = self.site.ports[node], token or self.site.staff_token
        return await self.add(count, lambda: follow_socket(port, token, **options))

    async def streams(self, node: str, count: int, *, token: str = "", **options: Any) -> list[StreamListener]:
        port, token = self.site.ports[node], token or self.site.staff_token
        return await self.add(count, lambda: follow_stream(port, token, **options))

    async def resumed(self, node: str, *, since: int, epoch: str, token: str = "") -> SocketListener:
        """A socket that says where it was."""
        [listener] = await self.add(
            1, lambda: open_socket(self.site.ports[node], token or self.site.staff_token, channels="")
        )
        listener.say({"type": "subscribe", "channel": CHANNEL, "since": since, "epoch": epoch})
        await listener.notice("subscribed")
        return listener

    async def add(self, count: int, open_one: Callable[[], Awaitable[Any]]) -> list[Any]:
        added: list[Any] = []
        while len(added) < count:
            added += await asyncio.gather(*[open_one() for _ in range(min(AT_ONCE, count - len(added)))])
        self.listeners += added
        return added

    async def leave(self) -> None:
        for listener in self.listeners:
            listener.cut()
        await asyncio.gather(*[listener.closed for listener in self.listeners])


async def all_hear(listeners: Sequence[Listener], first: int, last: int, *, seconds: float = 60) -> None:
    """Each gets exactly these numbers, in order, and no word of a gap."""
    heard = [listener for listener in listeners if not listener.closed.done()]
    assert len(heard) == len(listeners), "some were cut off before"
    try:
        await until(lambda: all(each.ids and each.ids[-1] >= last for each in listeners), seconds)
    except TimeoutError:
        ends = sorted({(each.ids[-1] if each.ids else 0, each.closed.done()) for each in listeners})
        raise AssertionError(f"heard up to (number, cut off) {ends[:10]} of {last}") from None
    wanted = list(range(first, last + 1))
    assert all(each.ids.tolist() == wanted for each in listeners)
    assert not [gap for each in listeners for gap in each.told("gap")]
