"""A socket client for tests, and the facts they publish."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connection, connections, transaction
from psycopg.rows import dict_row

from coupon_site.redis import client as redis_client
from events import Event, publish, publish_many
from events.control import GROUP
from events.hub import Hub
from events.leadership import Leadership
from events.relay import Relay
from events.relay.ledger import Ledger
from events.tests.samples import Moved

EVERY_CHANNEL = {"events:orders", "events:cashback", "events:flags", "events:alerts"}
SECONDS = 20.0
"""How long a test waits for what comes at once where the machine does not stand still."""


class Client(WebsocketCommunicator):
    """Reads frames as JSON; a frame that is awaited may come after others."""

    async def connect(self, timeout: float = SECONDS) -> tuple[bool, Any]:  # noqa: ASYNC109  as it is called upstream
        return await super().connect(timeout)

    async def disconnect(self, code: int = 1000, timeout: float = SECONDS) -> None:  # noqa: ASYNC109  the same
        await super().disconnect(code, timeout)

    async def frame(self) -> dict[str, Any]:
        return json.loads(await self.receive_from(SECONDS))

    async def greeting(self) -> list[dict[str, Any]]:
        """Everything said before the answer to the first message."""
        await self.send_json_to({"type": "ping", "ref": "greeted"})
        frames: list[dict[str, Any]] = []
        while (frame := await self.frame()).get("ref") != "greeted":
            frames.append(frame)
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
            output = await self.receive_output(SECONDS)
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


def relay_here() -> None:
    """Number what waits on this test's own connection, within its transaction; nothing is published."""
    connection.ensure_connection()
    session: Any = connection.connection
    leadership = Leadership("relay")
    leadership.session, leadership.leads = session, True
    kept, session.row_factory = session.row_factory, dict_row
    try:
        ledger = Ledger(leadership)
        ledger.open_channels(list(settings.REALTIME_CHANNELS))
        for channel in ledger.waiting(list(settings.REALTIME_CHANNELS)):
            ledger.sequence(channel)
    finally:
        session.row_factory = kept


def tell(*events: Event) -> None:
    """Publish and number events, within this test's transaction."""
    with transaction.atomic():
        publish_many(events)
    relay_here()


async def announce_and_relay(*, count: int = 1, **fields: Any) -> None:
    """Publish some samples, one after another, and have them relayed."""

    def work() -> None:
        for step in range(count):
            announce(step=step, **fields)
        assert relay_all() == count

    await database_sync_to_async(work)()


async def caught_up(hub: Hub, seq: int, channel: str = "events:orders") -> None:
    """Wait until this process has fanned out that event."""
    await until(lambda: hub.channels[channel].last >= seq)


async def until(condition: Callable[[], object]) -> None:
    """Look again and again until it is so."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.01)


async def in_control() -> None:
    """Wait until this test's hub is in its group, where other processes are heard."""
    layer: Any = get_channel_layer()
    await until(lambda: redis_client().exists(layer._group_key(GROUP)))


async def a_while(turns: int = 50) -> None:
    """Until what is under way in this loop is done, even where the process stands still in the middle."""
    for _ in range(turns):
        await asyncio.sleep(0.001)
