"""One channel in this process: where it stands, its last frames, and who follows it."""

from collections import deque
from typing import TYPE_CHECKING

from events.frames import stream_key
from events.hub.frame import Frame

if TYPE_CHECKING:
    from events.hub.connection import Connection

RING = 2000


class Channel:
    """Followers are found by audience key, so that an event costs as much as it has recipients."""

    def __init__(self, name: str, *, epoch: str, last: int) -> None:
        self.name = name
        self.epoch = epoch
        self.last = last
        self.ring: deque[Frame] = deque(maxlen=RING)
        self.followers: dict[str, set[Connection]] = {}
        self.size = 0

    @property
    def key(self) -> str:
        """The Redis key of the present stream."""
        return stream_key(self.name, self.epoch)

    def add(self, connection: "Connection", *, key: str) -> None:
        self.followers.setdefault(key, set()).add(connection)
        self.size += 1

    def remove(self, connection: "Connection", *, key: str) -> None:
        """Forget a follower that was added under that key."""
        self.followers[key].remove(connection)
        self.size -= 1
        if not self.followers[key]:
            del self.followers[key]

    def connections(self) -> "list[Connection]":
        return [connection for followers in self.followers.values() for connection in followers]

    def fan_out(self, frame: Frame) -> int:
        """Hand a frame to everyone it is for; how many. Each follower has one key, so nobody gets it twice."""
        self.ring.append(frame)
        self.last = frame.seq
        count = 0
        for key in frame.audience:
            if followers := self.followers.get(key):
                count += len(followers)
                for connection in followers:
                    connection.offer(frame)
        return count

    def ring_covers(self, since: int) -> bool:
        """Whether every frame after `since` is at hand."""
        return since >= self.last or bool(self.ring and self.ring[0].seq <= since + 1)

    def restart(self, *, epoch: str, last: int) -> None:
        """The stream has begun another life."""
        self.epoch, self.last = epoch, last
        self.ring.clear()
