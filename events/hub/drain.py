"""Leaving without a stampede: clients are told when to come back elsewhere, and go in groups."""

import asyncio
import logging
import random
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from django.conf import settings

from events.hub.closing import CloseCode

if TYPE_CHECKING:
    from events.hub.hub import Hub

logger = logging.getLogger(__name__)

GROUPS = 10
SHUT_SECONDS = 60.0
"""How long a process that goes on living lets nobody in after it was drained."""

Handler = Callable[[int, FrameType | None], Any]


class Drain:
    """Sends everyone away over settings.REALTIME_DRAIN_SECONDS, once."""

    def __init__(self, hub: "Hub") -> None:
        self.hub = hub
        self.stock: Handler | None = None
        self.running = False

    async def run(self) -> None:
        """Tell every client its time, and close in ten groups whoever has not gone by then."""
        if self.running:
            return
        self.running = True
        seconds = settings.REALTIME_DRAIN_SECONDS
        self.hub.gate.shut(seconds=seconds + SHUT_SECONDS)
        try:
            await self.send_away(seconds / GROUPS)
        finally:
            self.running = False

    async def send_away(self, turn: float) -> None:
        everyone = self.hub.everyone()
        random.shuffle(everyone)
        for number, connection in enumerate(everyone):
            moment = (number * GROUPS // len(everyone) + random.random()) * turn  # noqa: S311  spreads load
            connection.reply({"type": "draining", "reconnect_in_ms": int(1000 * moment)})
        for group in range(GROUPS):
            if not self.hub.everyone():
                return
            await asyncio.sleep(turn)
            for number, connection in enumerate(everyone):
                if number * GROUPS // len(everyone) == group:
                    connection.close(CloseCode.RESTARTING)
        await asyncio.wait([each.writer for each in everyone], timeout=1)

    # --- SIGTERM -----------------------------------------------------------------------------------------------------
    def on_sigterm(self) -> None:
        """Keep a server's SIGTERM back until everyone has left; a second one ends the process as it always did.

        uvicorn would close all sockets in the same instant, daphne would cut them off without a word.
        """
        handler: Any = signal.getsignal(signal.SIGTERM)
        owner = getattr(handler, "__self__", None)
        known = hasattr(owner, "should_exit") or hasattr(owner, "callFromThread")
        if not known or threading.current_thread() is not threading.main_thread():
            return
        self.stock = handler
        loop = asyncio.get_running_loop()

        def begin(number: int, frame: FrameType | None) -> None:
            self.forget_sigterm()
            loop.call_soon_threadsafe(lambda: self.hub.spawn(self.then(handler)))

        signal.signal(signal.SIGTERM, begin)

    def forget_sigterm(self) -> None:
        """SIGTERM is the server's own again."""
        if self.stock is not None:
            signal.signal(signal.SIGTERM, self.stock)
            self.stock = None

    async def then(self, handler: Handler) -> None:
        """Drain, and do what SIGTERM does."""
        try:
            await self.run()
        except Exception:
            logger.exception("the sockets could not be drained")
        finally:
            handler(signal.SIGTERM, None)
