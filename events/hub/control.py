"""News from other processes: the whole use of the channel layer. No event ever comes this way."""

import asyncio
import logging
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from channels.layers import get_channel_layer

from events.control import GROUP

if TYPE_CHECKING:
    from events.hub.hub import Hub

logger = logging.getLogger(__name__)

REJOIN_SECONDS = 60.0
PAUSE_SECONDS = 1.0


class ControlListener:
    """Is in the control group once for the whole process, and joins again every minute, in case Redis forgot."""

    def __init__(self, hub: "Hub") -> None:
        self.hub = hub

    async def run(self) -> None:
        """Listen for ever."""
        name = ""
        while True:
            try:
                layer: Any = get_channel_layer()
                name = name or await layer.new_channel()
                await layer.group_add(GROUP, name)
                async with asyncio.timeout(REJOIN_SECONDS):
                    while True:
                        await self.hear(await layer.receive(name))
            except TimeoutError:
                continue
            except Exception as error:  # noqa: BLE001  every layer has its own errors, and the hub looks for itself anyway
                logger.warning("control messages are not heard: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)

    async def hear(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"type": "revoke", "users": list(users)}:
                self.hub.keeper.ask(users)
            case {"type": "epoch"}:
                self.hub.restart_reader()
            case {"type": "drain", "host": str(host)}:
                if host == socket.gethostname():
                    self.hub.spawn(self.hub.drain.run())
            case _:
                logger.warning("unknown control message %s", message.get("type"))
