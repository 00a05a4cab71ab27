"""One channel in this process: where it stands, its last frames, and who follows it."""

from collections import Counter, deque
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from events.frames import stream_key
from events.hub.fanout import Fanout
from events.hub.frame import Frame

if TYPE_CHECKING:
    from events.hub.connection import Connection

# As many as a stream has, unless they are large: while they last, whoever comes back costs nobody a look into Redis.
RING = 10_000
RING_BYTES = 8 << 20


class Channel:
    """Followers are found by audience key, so that an event costs as much as it has recipients."""

    def __init__(self, name: str, *, epoch: str, last: int) -> None:
        self.name = name
        self.epoch = epoch
        self.last = last
        self.ring: deque[Frame] = deque()
        self.ring_bytes = 0
        self.followers: dict[str, set[Connection]] = {}
        self.transports: dict[str, Counter[str]] = {}  # audience key → how many follow by which transport
        self.size = 0
        self.fanout: Fanout | None = None

    @property
    def key(self) -> str:
        """The Redis key of the present stream."""
        return stream_key(self.name, self.epoch)

    def add(self, connection: "Connection", *, key: str) -> None:
        self.followers.setdefault(key, set()).add(connection)
        self.transports.setdefault(key, Counter())[connection.transport] += 1
        self.size += 1

    def remove(self, connection: "Connection", *, key: str) -> None:
        """Forget a follower that was added under that key."""
        self.followers[key].remove(connection)
        self.transports[key][connection.transport] -= 1
        self.size -= 1
        if not self.followers[key]:
            del self.followers[key], self.transports[key]

    def connections(self) -> "list[Connection]":
        return [connection for followers in self.followers.values() for connection in followers]

    def begin(self, frames: Sequence[Frame]) -> Fanout:
        """The channel stands at the last of these frames now; those who follow it still have to get them."""
        self.keep(frames)
        self.last = frames[-1].seq
        self.fanout = Fanout(frames, followers=self.followers, transports=self.transports)
        return self.fanout

    def keep(self, frames: Sequence[Frame]) -> None:
        """The newest frames take the place of the oldest."""
        self.ring.extend(frames)
        self.ring_bytes += sum(frame.size for frame in frames)
        while len(self.ring) > RING or self.ring_bytes > RING_BYTES:
            self.ring_bytes -= self.ring.popleft().size

    def settle(self, connection: "Connection") -> None:
        """Before a follower changes how it follows: it has got everything until now."""
        if self.fanout is not None:
            self.fanout.settle(connection)

    def ring_covers(self, since: int) -> bool:
        """Whether every frame after `since` is at hand."""
        return since >= self.last or bool(self.ring and self.ring[0].seq <= since + 1)

    def after(self, since: int) -> list[Frame]:
        """The frames at hand after a number."""
        return list(takewhile(lambda frame: frame.seq > since, reversed(self.ring)))[::-1]

    def remember(self, frames: Sequence[Frame]) -> None:
        """What came before this process looked, where it leads without a hole to where the channel stands."""
        if frames and not self.ring and frames[-1].seq == self.last == frames[0].seq + len(frames) - 1:
            self.keep(frames)

    def restart(self, *, epoch: str, last: int) -> None:
        """The stream has begun another life."""
        self.epoch, self.last = epoch, last
        self.ring.clear()
        self.ring_bytes = 0
