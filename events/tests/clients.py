"""A socket client for tests, and the facts they publish."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.db import connections, transaction

from events import publish
from events.hub import Hub
from events.relay import Relay
from events.tests.samples import Moved


class Client(WebsocketCommunicator):
    """Reads frames as JSON; a frame that is awaited may come after others."""

    async def frame(self, seconds: float = 3) -> dict[str, Any]:
        return json.loads(await self.receive_from(seconds))

    async def greeting(self) -> list[dict[str, Any]]:
        """Everything said before the first event."""
        frames = [await self.frame()]
        while not await self.receive_nothing(timeout=0.1):
            frames.append(await self.frame())
        return frames

    async def ask(self, **message: Any) -> dict[str, Any]:
        """Send a message, and the next frame."""
        await self.send_json_to(message)
        return await self.frame()

    async def send_json_to(self, data: Any) -> None:
        await self.send_to(text_data=json.dumps(data))

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next `count` frames that carry events."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            if "id" in (frame := await self.frame()) and "data" in frame:
                found.append(frame)
        return found

    async def close_code(self) -> int:
        """Read on until the server ends the connection."""
        while True:
            output = await self.receive_output(3)
            if output["type"] == "websocket.close":
                return output["code"]


def announce(*, thing: UUID | None = None, step: int = 0, **fields: Any) -> None:
    """Publish one sample in a transaction of its own."""
    with transaction.atomic():
        publish(Moved(thing=thing or uuid4(), step=step, **fields))


def relay_all() -> int:
    """Everything that waits, to Redis; how many events."""
    try:
        return Relay().run(once=True)
    finally:
        connections.close_all()


async def announce_and_relay(*, count: int = 1, **fields: Any) -> None:
    """Publish some samples, one after another, and have them relayed."""

    def work() -> None:
        for step in range(count):
            announce(step=step, **fields)
        assert relay_all() == count

    await database_sync_to_async(work)()


async def caught_up(hub: Hub, seq: int, channel: str = "events:orders") -> None:
    """Wait until this process has fanned out that event."""
    async with asyncio.timeout(3):
        while hub.channels[channel].last < seq:  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.01)
