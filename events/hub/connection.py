"""One client: what waits for it, and the one task that writes what could not be sent at once."""

import asyncio
import logging
import random
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from events import metrics
from events.hub.backlog import Backlog
from events.hub.closing import REASONS, CloseCode
from events.hub.event_stream import EventStream
from events.hub.frame import Batch, Frame
from events.hub.socket import Socket
from events.hub.unread import Unread
from events.hub.viewer import Viewer

if TYPE_CHECKING:
    from events.hub.hub import Hub

logger = logging.getLogger(__name__)

SERVER_BUFFER_BYTES = 64 * 1024
CLOSE_SECONDS = 1.0
LIFE_SECONDS = 12 * 3600.0
LIFE_SPREAD = (0.9, 1.1)


class Connection:
    """A bounded backlog with one writer. Offering never waits; who reads too slowly is cut off, and resumes."""

    def __init__(self, *, hub: "Hub", socket: Socket | EventStream, viewer: Viewer, endpoint: str) -> None:
        self.hub = hub
        self.socket = socket
        self.viewer = viewer
        self.endpoint = endpoint
        self.take = socket.take
        self.transport = socket.transport_name
        self.channels: dict[str, str] = {}  # channel → the audience key it is followed under
        self.catching_up: dict[str, list[Frame]] = {}  # channel → live frames that wait for a replay
        self.backlog = Backlog()
        self.unread = Unread(counts=socket.acknowledges)
        self.crowded_since: float | None = None
        self.laden_since: float | None = None
        self.ending: str | None = None  # the counted reason, once it is decided
        self.next_ping_at = 0.0
        self.pinged_at: float | None = None
        self.asked_by_wire = False
        self.reviewed_at = time.monotonic()
        self.ends_at = self.reviewed_at + LIFE_SECONDS * random.uniform(*LIFE_SPREAD)  # noqa: S311  spreads load
        self.waiter: asyncio.Future[None] | None = None
        self.idle = False  # the writer waits for work, and nothing stands in front of what comes
        self.writer = asyncio.create_task(self.write())

    # --- What comes in -----------------------------------------------------------------------------------------------
    def hand(self, batch: Batch) -> None:
        """Send events at once where nothing stands in front of them; queue them where something does."""
        if self.idle and self.take(batch.on_the_wire):
            if self.unread.add(batch.count, batch.size):
                self.idle = self.unread.has_room
                self.ask()
            if batch.unsent:
                batch.unsent = False
                observe_delay(*batch.frames)
        else:
            for frame in batch.frames:
                self.offer(frame)

    def offer(self, frame: Frame) -> None:
        """Queue a frame. A backlog that is full ends the connection."""
        if self.catching_up and frame.channel in self.catching_up:
            self.catching_up[frame.channel].append(frame)
        elif self.backlog.is_full():
            self.evict()
        else:
            self.push(frame)
            self.note_crowd()

    def push(self, item: Frame | CloseCode) -> None:
        """Queue without asking for room: replies that are awaited."""
        self.backlog.add(item)
        self.wake()

    def hold_back(self, channel: str) -> None:
        """Until `replay` of what is older, what comes on the channel waits."""
        self.catching_up[channel] = []
        self.idle = False

    def replay(self, frames: Sequence[Frame]) -> None:
        """Queue what was missed, within the bounds of a replay."""
        self.backlog.add_replay(frames)
        self.wake()
        self.note_crowd()

    def wake(self) -> None:
        self.idle = False
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def reply(self, body: Mapping[str, Any]) -> None:
        """Answer this client alone."""
        self.offer(Frame.of(body))

    # --- How full it is ----------------------------------------------------------------------------------------------
    def crowded_for(self) -> float:
        """The seconds since the backlog was half full; it has not been near empty since."""
        return 0.0 if self.crowded_since is None else time.monotonic() - self.crowded_since

    def note_crowd(self) -> None:
        if self.crowded_since is None and self.backlog.is_fuller_than(2):
            self.crowded_since = time.monotonic()
            self.hub.crowded.add(self)

    def waiting_bytes(self) -> int:
        """What the client has not taken: ours, and the server's."""
        return self.backlog.bytes + self.socket.buffered_bytes()

    def has_room(self) -> bool:
        """Whether the network takes more, and the client shows that it reads."""
        return self.unread.has_room and self.socket.buffered_bytes() <= SERVER_BUFFER_BYTES

    # --- What goes out -----------------------------------------------------------------------------------------------
    async def write(self) -> None:
        """The only task that sends. It waits for the network here, where nobody else waits for it."""
        try:
            while True:
                while not self.backlog:
                    self.waiter = asyncio.get_running_loop().create_future()
                    self.idle = self.ending is None and not self.catching_up and self.unread.has_room
                    await self.waiter
                if await self.write_burst():
                    return
        except Exception as error:  # noqa: BLE001  each server has its own errors for a socket that is gone
            logger.debug("a socket of %s ended: %s", self.endpoint, error)
        finally:
            self.idle = False

    async def write_burst(self) -> bool:
        """Send some of what waits, then let others have their turn; whether the connection was closed."""
        if not self.has_room():
            await self.wait_for_room()
        if code := self.backlog.closing():
            await self.socket.close(code)
            return True
        frames = self.backlog.take_burst()
        await self.socket.write(frames)
        if self.unread.add(len(frames), sum(frame.size for frame in frames)):
            self.ask()
        observe_delay(*frames)
        if self.crowded_since is not None and not self.backlog.is_fuller_than(4):
            self.crowded_since = None
            self.hub.crowded.discard(self)
        await asyncio.sleep(0)
        return False

    async def wait_for_room(self) -> None:
        """Until most of what was sent has arrived. Nothing tells of it: look again, less and less often."""
        pause = 0.001
        while not self.has_room():
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.05)

    # --- Whether somebody is there -----------------------------------------------------------------------------------
    def ping(self) -> bool:
        """Ask the client how far it has read; whether its WebSocket answers by itself."""
        self.pinged_at = time.monotonic()
        self.unread.mark()
        self.asked_by_wire = self.socket.ping(self.answered)
        return self.asked_by_wire

    def ask(self) -> None:
        """Much is unread: ask before it is too much."""
        if self.pinged_at is None and not self.ping():
            # It overtakes what waits, and so can't say where the client will stand when it comes.
            self.backlog.add_first(Frame.of({"type": "ping", "pos": {}}))
            self.wake()

    def position(self) -> dict[str, int]:
        """Where the client stands once all that waits has arrived; not on channels that it is still catching up on."""
        channels = [self.hub.channels[name] for name in self.channels if name not in self.catching_up]
        for channel in channels:
            channel.settle(self)
        return {channel.name: channel.last for channel in channels}

    def answered(self) -> None:
        """The client has read all that was sent before the last ping."""
        self.heard()
        if self.unread.clear():
            self.ask()
        if not self.idle:
            self.wake()

    def ponged(self) -> None:
        """The client's program has answered; where its WebSocket was asked, only that one's word tells how far."""
        if self.asked_by_wire:
            self.heard()
        else:
            self.answered()

    def heard(self) -> None:
        """The client is alive."""
        self.pinged_at = None

    # --- The end -----------------------------------------------------------------------------------------------------
    def close(self, code: CloseCode) -> None:
        """End the connection after what is queued already."""
        if self.ending is None:
            self.ending = REASONS[code]
            self.push(code)
            self.hub.leave(self)
            self.hub.spawn(self.see_it_end())

    async def see_it_end(self) -> None:
        """Nobody waits for long for a client that takes nothing."""
        await asyncio.wait({self.writer}, timeout=CLOSE_SECONDS)
        if not self.writer.done():
            self.writer.cancel()
            self.socket.abort()

    def evict(self) -> None:
        """End the connection at once: it reads more slowly than events arrive."""
        if self.ending is not None:
            return
        self.ending = REASONS[CloseCode.TOO_SLOW]
        self.idle = False
        metrics.slow_evictions.inc()
        self.writer.cancel()
        self.backlog.clear()
        self.hub.leave(self)
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

    async def stop(self) -> None:
        """End the writer; the connection is gone."""
        self.writer.cancel()
        await asyncio.gather(self.writer, return_exceptions=True)


def observe_delay(*frames: Frame) -> None:
    """Time each event once, when the first of its sockets is written."""
    for frame in frames:
        if frame.unsent:
            frame.unsent = False
            metrics.delivery_seconds.observe(frame.delay_seconds())
