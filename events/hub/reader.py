"""The one reader of Redis in a process: every event, in order, from where the last one was."""

import asyncio
import logging
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import redis.asyncio
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from coupon_site.redis import blocking_async_client
from events import metrics, queries
from events.frames import REGISTRY, entry_of_row, entry_of_stream, stream_key
from events.hub.channel import RING, Channel
from events.hub.frame import Frame

if TYPE_CHECKING:
    from events.hub.hub import Hub

logger = logging.getLogger(__name__)

COUNT = 500
BLOCK_MS = 5000
GRACE_SECONDS = 2.0
LOOK_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
RUN_BYTES = 128 * 1024
AWAY = (RedisError, OSError, TimeoutError)


class Reader:
    """Reads all channels with one blocking XREAD on a connection of its own, and repairs what it has missed."""

    def __init__(self, hub: "Hub") -> None:
        self.hub = hub
        self.redis: redis.asyncio.Redis = blocking_async_client(protocol=2, retry=Retry(NoBackoff(), 0))
        self.looked_at = 0.0

    async def run(self) -> None:
        """Read for ever; while Redis is away, sockets stay open and are told."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self.look()
                self.hub.set_degraded(degraded=False)
                pause = FIRST_PAUSE_SECONDS
                while True:
                    await self.read()
            except Exception as error:
                logger.warning("the hub waits for Redis: %s", error, exc_info=not isinstance(error, AWAY))
                self.hub.set_degraded(degraded=True)
                await self.start_without_redis()
                await asyncio.sleep(random.uniform(0, pause))  # noqa: S311  jitter
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def close(self) -> None:
        await self.redis.aclose()

    # --- Where the streams are ---------------------------------------------------------------------------------------
    async def look(self) -> None:
        """Find every channel's stream, and where to begin: at its end as of now, never before what was published."""
        async with asyncio.timeout(GRACE_SECONDS):
            registered: Any = await self.redis.hgetall(REGISTRY)
        epochs = {name.decode(): epoch.decode() for name, epoch in registered.items()}
        unknown = {name for name in settings.REALTIME_CHANNELS if self.is_news(name, epochs.get(name))}
        known = await self.published() if unknown else {}
        for name in unknown:
            position = known.get(name)
            epoch = epochs.get(name) or (position.epoch if position else "")
            last = await self.last_seq(name, epoch) if epoch else 0
            if position and position.epoch == epoch:
                last = max(last, position.seq)  # Redis may not have been put back yet
            self.hub.open_channel(name, epoch=epoch, last=last)
            if last:
                await self.remember(self.hub.channels[name])
        await self.measure_lag()
        self.hub.ready.set()
        self.looked_at = time.monotonic()

    async def remember(self, channel: Channel) -> None:
        """Bring the end of a stream to memory: the clients of a process that is gone come back all at once."""
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                entries: Any = await self.redis.xrevrange(channel.key, f"{channel.last}-0", "-", count=RING)
        except AWAY:
            return  # each of them looks for itself
        frames: list[Frame] = []
        for begin in range(0, len(entries), COUNT):
            frames += frames_of_entries(channel.name, entries[begin : begin + COUNT])
            await asyncio.sleep(0)
        for frame in frames:
            frame.unsent = False
        channel.remember(frames[::-1])

    async def measure_lag(self) -> None:
        """How far this process is behind the streams."""
        channels = [channel for channel in self.hub.channels.values() if channel.epoch]
        ends = [await self.last_seq(channel.name, channel.epoch) for channel in channels]
        metrics.hub_lag.set(sum(max(0, end - channel.last) for end, channel in zip(ends, channels, strict=True)))

    def is_news(self, name: str, epoch: str | None) -> bool:
        channel = self.hub.channels.get(name)
        return channel is None or (epoch is not None and channel.epoch != epoch)

    async def start_without_redis(self) -> None:
        """Sockets may open as soon as either server says where the channels stand."""
        if self.hub.ready.is_set():
            return
        try:
            known = await self.published()
        except DatabaseError as error:
            logger.warning("the hub waits for PostgreSQL too: %s", error)
            return
        for name in settings.REALTIME_CHANNELS:
            position = known.get(name, queries.Position(epoch="", seq=0))
            self.hub.open_channel(name, epoch=position.epoch, last=position.seq)
        self.hub.ready.set()

    async def published(self) -> dict[str, queries.Position]:
        return await database_sync_to_async(queries.positions)()

    async def last_seq(self, name: str, epoch: str) -> int:
        """The number at the end of a stream; 0 when there is none."""
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                info = await self.redis.xinfo_stream(stream_key(name, epoch))
        except ResponseError:
            return 0
        return seq_of(info["last-generated-id"])

    # --- What is in them ---------------------------------------------------------------------------------------------
    async def read(self) -> None:
        """Wait for events and hand them out."""
        if time.monotonic() - self.looked_at > LOOK_SECONDS:
            await self.look()
        channels = {channel.key: channel for channel in self.hub.channels.values() if channel.epoch}
        if not channels:
            await asyncio.sleep(FIRST_PAUSE_SECONDS)
            await self.look()
            return
        cursors: dict[Any, Any] = {key: f"{channel.last}-0" for key, channel in channels.items()}
        async with asyncio.timeout(BLOCK_MS / 1000 + GRACE_SECONDS):
            answer: Any = await self.redis.xread(cursors, count=COUNT, block=BLOCK_MS)
        for key, entries in answer:
            await self.take(channels[key.decode()], entries)

    async def take(self, channel: Channel, entries: Sequence[Any]) -> None:
        """Hand out what was read, and before it what is missing in between; not faster than queues empty."""
        for frames in runs(frames_of_entries(channel.name, entries), count=max(1, settings.REALTIME_MAX_QUEUE // 10)):
            if frames[0].seq > channel.last + 1:
                await self.fill(channel, before=frames[0].seq)
            if news := [frame for frame in frames if frame.seq > channel.last]:
                await self.hub.fan_out(channel, news)
            if self.hub.crowded:
                await asyncio.sleep(0)
                await self.hub.give_way()

    async def fill(self, channel: Channel, *, before: int) -> None:
        """Hand out events that XREAD has skipped; the rest of a hole that nobody can fill is a gap."""
        first, last = channel.last + 1, before - 1
        for frame in await self.recover(channel, first=first, last=last):
            if frame.seq > channel.last + 1:
                self.hub.tell_gap(channel, first=channel.last + 1, last=frame.seq - 1, reason="trimmed")
            self.hub.deliver(channel, frame)
        if channel.last < last:
            self.hub.tell_gap(channel, first=channel.last + 1, last=last, reason="trimmed")
            channel.last = last

    async def recover(self, channel: Channel, *, first: int, last: int) -> list[Frame]:
        """The events of a range, from the stream or else from the database; in order, perhaps with holes."""
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                entries: Any = await self.redis.xrange(channel.key, f"{first}-0", f"{last}-0")
        except AWAY:
            entries = []
        frames = frames_of_entries(channel.name, entries)
        if len(frames) == last - first + 1:
            return frames
        return await database_sync_to_async(frames_of_rows)(channel.name, first, last)


def frames_of_entries(channel: str, entries: Sequence[Any]) -> list[Frame]:
    """The frames of a stream's entries. What the relay has not written is left out, and found missing by its number."""
    frames = []
    for stream_id, fields in entries:
        try:
            frames.append(Frame.of_entry(entry_of_stream(stream_id, fields), channel=channel))
        except (KeyError, ValueError) as error:
            logger.error("%s has a foreign entry %s: %r", channel, stream_id, error)  # noqa: TRY400  no defect of ours
    return frames


def runs(frames: Iterable[Frame], *, count: int) -> Iterator[list[Frame]]:
    """Frames without a hole in their numbers, as many as go into one write."""
    run: list[Frame] = []
    size = 0
    for frame in frames:
        if run and (frame.seq != run[-1].seq + 1 or len(run) >= count or size > RUN_BYTES):
            yield run
            run, size = [], 0
        run.append(frame)
        size += frame.size
    if run:
        yield run


def frames_of_rows(channel: str, first: int, last: int) -> list[Frame]:
    """The frames of a range of the outbox."""
    return [
        Frame.of_entry(
            entry_of_row(
                channel=channel, seq=row.seq or 0, payload=row.payload, audience=row.audience, created_at=row.created_at
            ),
            channel=channel,
        )
        for row in queries.published_between(channel=channel, first=first, last=last)
    ]


def seq_of(stream_id: bytes | str) -> int:
    return int(stream_id.decode().partition("-")[0] if isinstance(stream_id, bytes) else stream_id.partition("-")[0])
