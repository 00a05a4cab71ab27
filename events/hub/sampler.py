"""One sampler per stream of figures, for all who listen; it runs only while somebody does."""

import asyncio
import logging
import math
from typing import TYPE_CHECKING

from events.hub.frame import Frame
from events.streams import FigureStream

if TYPE_CHECKING:
    from events.hub.connection import Connection

logger = logging.getLogger(__name__)

SHORTEST_SECONDS = 0.25
LONGEST_SECONDS = 60.0
DEFAULT_SECONDS = 1.0


class Sampler:
    """Samples when any listener's interval is over, at most every 250 ms, for all whose time it is."""

    def __init__(self, stream: FigureStream) -> None:
        self.stream = stream
        self.intervals: dict[Connection, float] = {}
        self.due: dict[Connection, float] = {}
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def add(self, connection: "Connection", *, seconds: float) -> float:
        """Begin or change a client's interval; the seconds it will be."""
        self.intervals[connection] = min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
        self.due[connection] = 0.0  # the first one comes at once
        self.changed.set()
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.run())
        return self.intervals[connection]

    def remove(self, connection: "Connection") -> None:
        self.intervals.pop(connection, None)
        self.due.pop(connection, None)
        self.changed.set()

    async def run(self) -> None:
        """Sample until nobody listens."""
        loop = asyncio.get_running_loop()
        while self.intervals:
            self.changed.clear()
            if ready := [connection for connection, due in self.due.items() if due <= loop.time()]:
                await self.sample_for(ready)
                await asyncio.sleep(SHORTEST_SECONDS)
            elif self.due:
                await self.wait(min(self.due.values()) - loop.time())

    async def wait(self, seconds: float) -> None:
        """Until the next client's time, or until somebody comes or goes."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.changed.wait()
        except TimeoutError:
            return

    async def sample_for(self, ready: "list[Connection]") -> None:
        """One sample for all of them. Equal intervals fall due together, so that they share it the next time too."""
        try:
            data = await self.stream.sample()
        except Exception:
            logger.exception("the sample of %s failed", self.stream.name)
            data = None
        now = asyncio.get_running_loop().time()
        for connection in ready:
            if (interval := self.intervals.get(connection)) is not None:
                self.due[connection] = (math.floor(now / interval) + 1) * interval
        if data is not None:
            frame = Frame.of({"channel": self.stream.name, "event": self.stream.event, "data": data})
            for connection in ready:
                connection.offer(frame)

    async def stop(self) -> None:
        self.intervals.clear()
        self.changed.set()
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
