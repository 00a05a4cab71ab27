"""Resuming: what a client has missed since the last event it saw, then what comes, without a hole in between."""

from typing import TYPE_CHECKING

from events import metrics
from events.hub.channel import Channel
from events.hub.frame import Frame
from events.hub.replies import gap, subscribed

if TYPE_CHECKING:
    from events.hub.connection import Connection
    from events.hub.reader import Reader

MAX_SCANNED = 10_000
MAX_FRAMES = 1000
MAX_BYTES = 2 << 20


class Replay:
    """Most clients are answered from the ring at once; older ones wait for Redis or the database, and live events for them."""

    def __init__(self, reader: "Reader") -> None:
        self.reader = reader

    async def run(
        self, connection: "Connection", channel: Channel, *, since: int, epoch: str | None, ref: object
    ) -> None:
        """Send what the viewer has missed after `since`, or say that it is too much."""
        if epoch not in {None, channel.epoch}:
            self.give_up(connection, channel, since=since, reason="epoch", ref=ref)
        elif channel.ring_covers(since):
            self.send(connection, channel, list(channel.ring), since=since, source="ring", ref=ref)
        elif channel.last - since > MAX_SCANNED:
            self.give_up(connection, channel, since=since, reason="limit", ref=ref)
        else:
            await self.catch_up(connection, channel, since=since, ref=ref)

    async def catch_up(self, connection: "Connection", channel: Channel, *, since: int, ref: object) -> None:
        """Hold back live events of the channel until the older ones are sent."""
        top = channel.last
        connection.catching_up[channel.name] = []
        try:
            frames = await self.reader.recover(channel, first=since + 1, last=top)
        finally:
            live = connection.catching_up.pop(channel.name, [])
        if len(frames) < top - since:
            self.give_up(connection, channel, since=since, reason="trimmed", ref=ref)
        else:
            self.send(connection, channel, frames, since=since, source="stream", ref=ref)
        for frame in live:
            connection.push(frame)

    def send(
        self,
        connection: "Connection",
        channel: Channel,
        frames: list[Frame],
        *,
        since: int,
        source: str,
        ref: object,
    ) -> None:
        """Send those of the frames that the viewer may see, within the bounds of a replay."""
        key = connection.channels.get(channel.name)
        missed = [frame for frame in frames if frame.seq > since and key in frame.audience]
        if len(missed) > MAX_FRAMES or sum(frame.size for frame in missed) > MAX_BYTES:
            self.give_up(connection, channel, since=since, reason="limit", ref=ref)
            return
        metrics.replays.labels(source, "recovered").inc()
        connection.push(Frame.of(subscribed(channel, recovered=True, replayed=len(missed), ref=ref)))
        for frame in missed:
            connection.push(frame)

    def give_up(self, connection: "Connection", channel: Channel, *, since: int, reason: str, ref: object) -> None:
        """The client loads the state again, and follows from here."""
        metrics.replays.labels("none", reason).inc()
        metrics.gaps.labels(reason).inc()
        connection.push(Frame.of(subscribed(channel, ref=ref)))
        connection.push(Frame.of(gap(channel.name, first=since, last=channel.last, reason=reason)))
