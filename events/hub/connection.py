"""One client: what waits for it, and the one task that writes to it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings

from events import metrics
from events.hub.closing import REASONS, CloseCode
from events.hub.event_stream import EventStream
from events.hub.frame import Frame
from events.hub.socket import Socket
from events.hub.viewer import Viewer

if TYPE_CHECKING:
    from events.hub.hub import Hub

logger = logging.getLogger(__name__)

SERVER_BUFFER_BYTES = 64 * 1024
CLOSE_SECONDS = 1.0
BURST = 100


class Connection:
    """A bounded queue with one writer. Offering never waits; who reads too slowly is cut off, and resumes."""

    def __init__(self, *, hub: "Hub", socket: Socket | EventStream, viewer: Viewer, endpoint: str) -> None:
        self.hub = hub
        self.socket = socket
        self.viewer = viewer
        self.endpoint = endpoint
        self.transport = "sse" if isinstance(socket, EventStream) else "ws"
        self.channels: dict[str, str] = {}  # channel → the audience key it is followed under
        self.catching_up: dict[str, list[Frame]] = {}  # channel → live frames that wait for a replay
        self.queue: deque[Frame | CloseCode] = deque()
        self.queued_bytes = 0
        self.max_frames = settings.REALTIME_MAX_QUEUE
        self.max_bytes = settings.REALTIME_MAX_QUEUE_BYTES
        self.crowded_since: float | None = None
        self.ending: str | None = None  # the counted reason, once it is decided
        self.next_ping_at = 0.0
        self.pinged_at: float | None = None
        self.reviewed_at = time.monotonic()
        self.waiter: asyncio.Future[None] | None = None
        self.writer = asyncio.create_task(self.write())

    def offer(self, frame: Frame) -> None:
        """Queue a frame. A queue that is full ends the connection."""
        if self.catching_up and frame.channel in self.catching_up:
            self.catching_up[frame.channel].append(frame)
        elif len(self.queue) >= self.max_frames or self.queued_bytes > self.max_bytes:
            self.evict()
        else:
            self.push(frame)
            if self.crowded_since is None and self.is_fuller_than(2):
                self.crowded_since = time.monotonic()
                self.hub.crowded.add(self)

    def crowded_for(self) -> float:
        """The seconds since the queue was half full; it has not been near empty since."""
        return 0.0 if self.crowded_since is None else time.monotonic() - self.crowded_since

    def is_fuller_than(self, part: int) -> bool:
        """Whether more than one `part`-th of the queue is taken."""
        return len(self.queue) * part > self.max_frames or self.queued_bytes * part > self.max_bytes

    def push(self, item: Frame | CloseCode) -> None:
        """Queue without asking for room: replies, and replays, which have bounds of their own."""
        self.queue.append(item)
        if isinstance(item, Frame):
            self.queued_bytes += item.size
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def reply(self, body: Mapping[str, Any]) -> None:
        """Answer this client alone."""
        self.offer(Frame.of(body))

    async def write(self) -> None:
        """The only task that sends. It waits for the network here, where nobody else waits for it."""
        try:
            while True:
                if not self.queue:
                    self.waiter = asyncio.get_running_loop().create_future()
                    await self.waiter
                if await self.write_burst():
                    return
        except Exception as error:  # noqa: BLE001  each server has its own errors for a socket that is gone
            logger.debug("a socket of %s ended: %s", self.endpoint, error)

    async def write_burst(self) -> bool:
        """Send some of what waits, then let others have their turn; whether the connection was closed."""
        for _ in range(min(BURST, len(self.queue))):
            if self.socket.buffered_bytes() > SERVER_BUFFER_BYTES:
                await self.wait_for_room()
            item = self.queue.popleft()
            if isinstance(item, CloseCode):
                await self.socket.close(item)
                return True
            self.queued_bytes -= item.size
            await self.socket.write(item)
            if item.unsent:
                item.unsent = False
                metrics.delivery_seconds.observe(item.delay_seconds())
        if self.crowded_since is not None and not self.is_fuller_than(4):
            self.crowded_since = None
            self.hub.crowded.discard(self)
        await asyncio.sleep(0)
        return False

    async def wait_for_room(self) -> None:
        """Until the server has sent most of what it holds. Nothing tells of it: look again, less and less often."""
        pause = 0.001
        while self.socket.buffered_bytes() > SERVER_BUFFER_BYTES:
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.05)

    def close(self, code: CloseCode) -> None:
        """End the connection after what is queued already."""
        if self.ending is None:
            self.ending = REASONS[code]
            self.push(code)
            self.hub.leave(self)

    def evict(self) -> None:
        """End the connection at once: it reads more slowly than events arrive."""
        if self.ending is not None:
            return
        self.ending = REASONS[CloseCode.TOO_SLOW]
        metrics.slow_evictions.inc()
        self.writer.cancel()
        self.queue.clear()
        asyncio.get_running_loop().call_soon(self.hub.leave, self)  # its caller may be walking through the audience
        self.hub.spawn(self.let_go())

    async def let_go(self) -> None:
        """Say why where there is room for a word, then drop what waits."""
        crowded = self.socket.buffered_bytes() > SERVER_BUFFER_BYTES
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.socket.close(CloseCode.TOO_SLOW)
        except Exception as error:  # noqa: BLE001  time-out, or a server's own error for a socket that is gone
            crowded = True
            logger.debug("a slow socket could not be told: %s", error)
        if crowded:
            self.socket.abort()

    def heard(self) -> None:
        """The client is alive."""
        self.pinged_at = None

    async def stop(self) -> None:
        """End the writer; the connection is gone."""
        self.writer.cancel()
        await asyncio.gather(self.writer, return_exceptions=True)
