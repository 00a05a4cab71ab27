"""What a hub does by the clock: pings, time-outs, reviews of rights, and a look at the event loop itself."""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError

from events import metrics
from events.hub.closing import CloseCode
from events.hub.frame import Frame
from events.hub.viewer import viewers_of

if TYPE_CHECKING:
    from events.hub.connection import Connection
    from events.hub.hub import Hub

logger = logging.getLogger(__name__)

TICKS_PER_WAIT = 4
LONGEST_TICK_SECONDS = 1.0
LADEN_BYTES, LADEN_SECONDS = 64 * 1024, 10.0


class Keeper:
    """One timer for all connections, instead of one each."""

    def __init__(self, hub: "Hub") -> None:
        self.hub = hub
        self.ping_seconds = settings.REALTIME_PING_SECONDS
        self.pong_seconds = settings.REALTIME_PONG_SECONDS
        self.recheck_seconds = settings.REALTIME_RECHECK_SECONDS
        self.asked = asyncio.Event()

    async def run(self) -> None:
        """Look after every connection, several times per waiting period."""
        tick = min(LONGEST_TICK_SECONDS, min(self.ping_seconds, self.pong_seconds) / TICKS_PER_WAIT)
        while True:
            planned = time.monotonic() + tick
            await asyncio.sleep(tick)
            metrics.loop_lag.observe(max(0.0, time.monotonic() - planned))
            connections = self.hub.everyone()
            waiting = {connection: connection.waiting_bytes() for connection in connections}
            metrics.buffered_bytes.set(max(waiting.values(), default=0))
            for connection in connections:
                # By when this look was due: answers that came while the loop stood still are only read after it.
                self.weigh(connection, waiting[connection], planned)
                if connection.ending is None:
                    self.look_after(connection, planned)

    def weigh(self, connection: "Connection", waiting: int, now: float) -> None:
        """Cut off who has had much waiting for too long; too much at once is the queue's own matter."""
        if waiting <= LADEN_BYTES:
            connection.laden_since = None
        elif connection.laden_since is None:
            connection.laden_since = now
        elif now - connection.laden_since > LADEN_SECONDS:
            connection.evict()

    def look_after(self, connection: "Connection", now: float) -> None:
        """Ping when it is time; end the connection when the last ping was never answered, or when it is old."""
        if connection.pinged_at is not None and now - connection.pinged_at > self.pong_seconds:
            connection.close(CloseCode.TIMED_OUT)
        elif now > connection.ends_at:
            connection.close(CloseCode.GOING_AWAY)
        elif connection.pinged_at is None and now >= connection.next_ping_at:
            connection.next_ping_at = now + self.ping_seconds
            connection.ping()
            connection.offer(Frame.of({"type": "ping", "pos": connection.position()}))

    # --- Rights ------------------------------------------------------------------------------------------------------
    async def review_all(self) -> None:
        """Look again at rights that were looked at too long ago, in one thread hop for all of them."""
        tick = min(LONGEST_TICK_SECONDS, self.recheck_seconds / TICKS_PER_WAIT)
        while True:
            await self.wait(tick)
            oldest = time.monotonic() - self.recheck_seconds
            if due := [connection for connection in self.hub.everyone() if connection.reviewed_at <= oldest]:
                await self.review(due)

    async def wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.asked.wait()
        except TimeoutError:
            return
        finally:
            self.asked.clear()

    def ask(self, users: Collection[str]) -> None:
        """Review the connections of these users (by public id) at once."""
        chosen = set(users)
        for connection in self.hub.everyone():
            if str(connection.viewer.user.public_id) in chosen:
                connection.reviewed_at = float("-inf")
        self.asked.set()

    async def review(self, due: "Sequence[Connection]") -> None:
        now = time.monotonic()
        try:
            viewers = await database_sync_to_async(viewers_of)({connection.viewer.identity for connection in due})
        except DatabaseError as error:
            logger.warning("rights could not be looked up, they stay until they can: %s", error)
            return
        for connection in due:
            connection.reviewed_at = now
            self.hub.apply_review(connection, viewers.get(connection.viewer.identity))
