"""The process' switchboard: channels on one side, connections on the other, and the tasks that keep both going."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings

from events import metrics
from events.hub.channel import Channel
from events.hub.closing import CloseCode
from events.hub.connection import Connection
from events.hub.control import ControlListener
from events.hub.drain import Drain
from events.hub.fanout import Fanout
from events.hub.frame import Frame
from events.hub.gate import Gate
from events.hub.keeper import Keeper
from events.hub.reader import Reader
from events.hub.replay import Replay
from events.hub.replies import error, gap, subscribed
from events.hub.sampler import Sampler
from events.hub.together import Together
from events.hub.viewer import Viewer, Viewers, viewers_of
from events.streams import figure_streams

logger = logging.getLogger(__name__)

START_SECONDS = 5.0
PATIENCE_SECONDS = 1.0

_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


async def hub_of_loop() -> "Hub":
    """This server process' hub, started when the first connection needs it. Raises TimeoutError while it can't be."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
        _hubs[loop].start()
        _hubs[loop].drain.on_sigterm()
    async with asyncio.timeout(START_SECONDS):
        await _hubs[loop].ready.wait()
    return _hubs[loop]


class Hub:
    """Everything of one process; all of it runs on one event loop, so that nothing here is ever half done."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self.connections: dict[str, set[Connection]] = {endpoint: set() for endpoint in metrics.ENDPOINTS}
        self.samplers: dict[str, Sampler] = {}
        self.crowded: set[Connection] = set()
        self.degraded = False
        self.ready = asyncio.Event()
        self.reader = Reader(self)
        self.keeper = Keeper(self)
        self.control = ControlListener(self)
        self.gate = Gate()
        self.viewers: Viewers = Together(viewers_of)
        self.drain = Drain(self)
        self.tasks: set[asyncio.Task[None]] = set()
        self.reading: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.reading = self.spawn(self.reader.run())
        for work in (self.keeper.run(), self.keeper.review_all(), self.control.run()):
            self.spawn(work)

    def restart_reader(self) -> None:
        """A stream has begun another life: look for it now, not when the present wait is over."""
        if self.reading is not None:
            self.reading.cancel()
        self.reading = self.spawn(self.reader.run())

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of the hub's, kept until it ends."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def stop(self) -> None:
        """End every task; for servers that shut down in order, and for tests."""
        self.drain.forget_sigterm()
        samplers, tasks = list(self.samplers.values()), list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*[sampler.stop() for sampler in samplers])
        await asyncio.gather(*[connection.stop() for connection in self.everyone()])
        await self.reader.close()
        _hubs.pop(asyncio.get_running_loop(), None)

    # --- Channels ----------------------------------------------------------------------------------------------------
    def open_channel(self, name: str, *, epoch: str, last: int) -> None:
        """The reader has found a channel, or its new life."""
        channel = self.channels.get(name)
        if channel is None:
            self.channels[name] = Channel(name, epoch=epoch, last=last)
        elif not channel.epoch:  # known to nobody until now: everything on it is new
            channel.epoch = epoch
        elif channel.epoch != epoch:
            before = channel.last
            channel.restart(epoch=epoch, last=last)
            self.tell_gap(channel, first=before, last=last, reason="epoch")

    def deliver(self, channel: Channel, *frames: Frame) -> None:
        """Fan events out without a pause."""
        started = time.perf_counter()
        self.begin(channel, frames).finish()
        metrics.fanout_duration.observe(time.perf_counter() - started)

    async def fan_out(self, channel: Channel, frames: Sequence[Frame]) -> None:
        """Fan events out that were there at once: each client gets all of its own in one write."""
        started = time.perf_counter()
        await self.begin(channel, frames).run()
        metrics.fanout_duration.observe(time.perf_counter() - started)

    def begin(self, channel: Channel, frames: Sequence[Frame]) -> Fanout:
        fanout = channel.begin(frames)
        metrics.messages_processed.labels(channel.name).inc(len(frames))
        for transport, count in fanout.counts.items():
            metrics.deliveries.labels(channel.name, transport).inc(count)
        return fanout

    async def give_way(self) -> None:
        """Before more is handed out, let those catch up whose queues fill; for a second each, then no longer."""
        while any(each.crowded_for() < PATIENCE_SECONDS for each in self.crowded):  # noqa: ASYNC110  many writers
            await asyncio.sleep(0.002)

    def tell_gap(self, channel: Channel, *, first: int, last: int, reason: str) -> None:
        """Events were lost for good: clients load the state again."""
        metrics.gaps.labels(reason).inc()
        logger.error("%s: events %s to %s are lost (%s)", channel.name, first, last, reason)
        frame = Frame.of(gap(channel, first=first, last=last, reason=reason))
        for connection in channel.connections():
            connection.offer(frame)

    def set_degraded(self, *, degraded: bool) -> None:
        """Redis went away, or is back; clients are told once."""
        if self.degraded != degraded:
            self.degraded = degraded
            frame = Frame.of(self.status())
            for connection in self.everyone():
                connection.offer(frame)

    def status(self) -> dict[str, str]:
        return {"type": "status", "state": "degraded" if self.degraded else "ok"}

    # --- Connections -------------------------------------------------------------------------------------------------
    def everyone(self) -> list[Connection]:
        return [connection for connections in self.connections.values() for connection in connections]

    def join(self, connection: Connection) -> None:
        """A connection was accepted."""
        self.connections[connection.endpoint].add(connection)
        connection.next_ping_at = time.monotonic() + settings.REALTIME_PING_SECONDS
        self.count_connections(connection.endpoint)

    def leave(self, connection: Connection) -> None:
        """A connection ends, whoever ended it; may be called more than once."""
        if connection not in self.connections[connection.endpoint]:
            return
        self.connections[connection.endpoint].discard(connection)
        self.crowded.discard(connection)
        for channel in list(connection.channels):
            self.unsubscribe(connection, channel)
        for sampler in self.samplers.values():
            sampler.remove(connection)
        metrics.disconnections.labels(connection.endpoint, connection.ending or "error").inc()
        self.count_connections(connection.endpoint)

    def count_connections(self, endpoint: str) -> None:
        metrics.active_connections.labels(endpoint).set(len(self.connections[endpoint]))
        metrics.socketio_connections.set(sum(map(len, self.connections.values())))

    # --- Subscriptions -----------------------------------------------------------------------------------------------
    async def subscribe(
        self,
        connection: Connection,
        name: str,
        *,
        since: int | None = None,
        epoch: str | None = None,
        ref: object = None,
    ) -> None:
        """Follow a channel that the viewer may see, from now or from `since` on; the client is told where it stands."""
        channel = self.channels[name]
        channel.settle(connection)
        if connection.ending is not None:
            return
        if name not in connection.channels:
            self.follow(connection, channel, key=connection.viewer.access[name])
        if since is None:
            connection.push(Frame.of(subscribed(channel, ref=ref)))
        else:
            replay = Replay(
                reader=self.reader, connection=connection, channel=channel, since=since, epoch=epoch, ref=ref
            )
            await replay.run()

    def follow(self, connection: Connection, channel: Channel, *, key: str) -> None:
        connection.channels[channel.name] = key
        channel.add(connection, key=key)
        metrics.subscriptions.labels(channel.name).set(channel.size)

    def unsubscribe(self, connection: Connection, name: str) -> None:
        """Follow a channel no longer; nothing happens when it was not followed."""
        if name in connection.channels:
            self.channels[name].settle(connection)
        connection.catching_up.pop(name, None)
        if (key := connection.channels.pop(name, None)) is not None:
            self.channels[name].remove(connection, key=key)
            metrics.subscriptions.labels(name).set(self.channels[name].size)

    def apply_review(self, connection: Connection, viewer: Viewer | None) -> None:
        """Rights as of now: what may no longer be seen ends at once, the rest goes on under its present key."""
        if viewer is None:
            connection.close(CloseCode.AUTH_EXPIRED)
            return
        connection.viewer = viewer
        for name, key in list(connection.channels.items()):
            if viewer.access.get(name) == key:
                continue
            self.unsubscribe(connection, name)
            if connection.ending is not None:
                return
            if new_key := viewer.access.get(name):
                self.follow(connection, self.channels[name], key=new_key)
            else:
                connection.reply(error("forbidden", f"you may no longer see {name}", channel=name))
        for name, sampler in self.samplers.items():
            if connection in sampler.intervals and not figure_streams[name].permission(viewer.user):
                sampler.remove(connection)
                connection.reply(error("forbidden", f"you may no longer see {name}", channel=name))

    def sampler(self, name: str) -> Sampler:
        """The process' sampler of a stream of figures."""
        if name not in self.samplers:
            self.samplers[name] = Sampler(figure_streams[name])
        return self.samplers[name]
