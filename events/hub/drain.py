"""Leaving without a stampede: clients are told when to come back elsewhere, and go in groups."""

import asyncio
import logging
import random
import signal
import threading
from collections.abc import Callable, Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any

from django.conf import settings

from events.hub.closing import CloseCode

if TYPE_CHECKING:
    from events.hub.connection import Connection
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
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Tell every client its time, and close in ten groups whoever has not gone by then; asked twice, do it once."""
        if self.task is None or self.task.done():
            self.task = self.hub.spawn(self.send_away(settings.REALTIME_DRAIN_SECONDS))
        await asyncio.wait({self.task})

    async def send_away(self, seconds: float) -> None:
        self.hub.gate.shut(seconds=seconds + SHUT_SECONDS)
        everyone = self.hub.everyone()
        random.shuffle(everyone)
        groups = [everyone[number::GROUPS] for number in range(GROUPS)]
        turn = seconds / GROUPS
        for number, group in enumerate(groups):
            for connection in group:
                moment = (number + random.random()) * turn  # noqa: S311  spreads load
                connection.reply({"type": "draining", "reconnect_in_ms": int(1000 * moment)})
        for group in groups:
            if not self.hub.everyone():
                return
            await asyncio.sleep(turn)
            self.close(group)
        late = self.hub.everyone()  # the gate had let them in, and they were not there yet
        self.close(late)
        if writers := {connection.writer for connection in (*everyone, *late)}:
            await asyncio.wait(writers, timeout=1)

    def close(self, connections: "Iterable[Connection]") -> None:
        for connection in connections:
            connection.close(CloseCode.RESTARTING)

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
