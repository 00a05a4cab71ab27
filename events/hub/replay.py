"""Resuming: what a client has missed since the last event it saw, then what comes, without a hole in between."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One client's request. Most are answered from the ring at once; for others live events wait for the older ones."""

    reader: "Reader"
    connection: "Connection"
    channel: Channel
    since: int
    epoch: str | None
    ref: object

    async def run(self) -> None:
        """Send what the viewer has missed after `since`, or say that it is too much."""
        if self.epoch not in {None, self.channel.epoch}:
            self.give_up("epoch")
        elif self.channel.ring_covers(self.since):
            self.send(self.channel.after(self.since), source="ring")
        elif self.channel.last - self.since > MAX_SCANNED:
            self.give_up("limit")
        else:
            await self.catch_up()

    async def catch_up(self) -> None:
        """Hold back live events of the channel until the older ones are sent."""
        top, waiting = self.channel.last, self.connection.catching_up
        self.connection.hold_back(self.channel.name)
        try:
            frames = await self.reader.recover(self.channel, first=self.since + 1, last=top)
        finally:
            live = waiting.pop(self.channel.name, [])
        if len(frames) < top - self.since:
            self.give_up("trimmed")
        else:
            self.send(frames, source="stream")
        self.connection.replay(live)

    def send(self, frames: Sequence[Frame], *, source: str) -> None:
        """Send those of the frames that the viewer may see, within the bounds of a replay."""
        key = self.connection.channels.get(self.channel.name)
        missed = [frame for frame in frames if frame.seq > self.since and key in frame.audience]
        if len(missed) > MAX_FRAMES or sum(frame.size for frame in missed) > MAX_BYTES:
            self.give_up("limit")
            return
        metrics.replays.labels(source, "recovered").inc()
        answer = subscribed(self.channel, recovered=True, replayed=len(missed), ref=self.ref)
        self.connection.replay([Frame.of(answer), *missed])

    def give_up(self, reason: str) -> None:
        """The client loads the state again, and follows from here."""
        metrics.replays.labels("none", reason).inc()
        metrics.gaps.labels(reason).inc()
        lost = gap(self.channel, first=self.since, last=self.channel.last, reason=reason)
        for body in (subscribed(self.channel, ref=self.ref), lost):
            self.connection.push(Frame.of(body))
