"""What one read has brought to a channel, on its way to those it is for."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from events.hub.frame import Batch, Frame

if TYPE_CHECKING:
    from events.hub.connection import Connection

TURN_WRITES = 200
TURN_SECONDS = 0.002
WRITES_PER_LOOK = 8

Transports = Mapping[str, Counter[str]]


class Fanout:
    """Nobody has two keys, so that each connection has one batch; all who have the same key share its bytes."""

    def __init__(
        self, frames: Sequence[Frame], *, followers: "Mapping[str, set[Connection]]", transports: Transports
    ) -> None:
        self.pending: dict[Connection, Batch] = {}
        self.counts: Counter[str] = Counter()
        for key, own in by_key(frames, followers).items():
            self.pending.update(dict.fromkeys(followers[key], Batch(own)))
            for transport, count in transports[key].items():
                self.counts[transport] += count * len(own)

    async def run(self) -> None:
        """Hand out in turns, so that others have theirs; whoever is left when this is cancelled gets it at once."""
        try:
            while self.pending:
                self.take_turn()
                if self.pending:
                    await asyncio.sleep(0)
        finally:
            self.finish()

    def take_turn(self) -> None:
        ends_at = time.perf_counter() + TURN_SECONDS
        for number in range(min(TURN_WRITES, len(self.pending))):
            connection, batch = self.pending.popitem()
            connection.hand(batch)
            if number % WRITES_PER_LOOK == 0 and time.perf_counter() > ends_at:
                return

    def finish(self) -> None:
        """Hand out the rest without a pause."""
        while self.pending:
            connection, batch = self.pending.popitem()
            connection.hand(batch)

    def settle(self, connection: "Connection") -> None:
        """Hand one connection what it still has to get, before it follows differently."""
        batch = self.pending.pop(connection, None)
        if batch is not None and connection.ending is None:
            connection.hand(batch)


def by_key(frames: Sequence[Frame], followers: "Mapping[str, set[Connection]]") -> dict[str, list[Frame]]:
    """The frames of each audience key that somebody follows."""
    found: dict[str, list[Frame]] = {}
    for frame in frames:
        for key in frame.audience:
            if key in followers:
                found.setdefault(key, []).append(frame)
    return found
