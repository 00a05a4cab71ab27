"""What waits for one client: frames in order, within bounds, and at their end perhaps the reason to close."""

from collections import deque
from collections.abc import Sequence

from django.conf import settings

from events.hub.closing import CloseCode
from events.hub.frame import Frame

BURST_FRAMES, BURST_BYTES = 100, 64 * 1024


class Backlog:
    """A replay has bounds of its own: as long as it waits, it takes no room from what comes."""

    __slots__ = ("bytes", "items", "max_bytes", "max_frames", "replayed_bytes", "replayed_frames")

    def __init__(self) -> None:
        self.items: deque[Frame | CloseCode] = deque()
        self.bytes = 0
        self.replayed_frames = self.replayed_bytes = 0
        self.max_frames = settings.REALTIME_MAX_QUEUE
        self.max_bytes = settings.REALTIME_MAX_QUEUE_BYTES

    def __len__(self) -> int:
        return len(self.items)

    def add(self, item: Frame | CloseCode) -> None:
        self.items.append(item)
        if isinstance(item, Frame):
            self.bytes += item.size

    def add_first(self, frame: Frame) -> None:
        """A question whose answer makes room for the rest."""
        self.items.appendleft(frame)
        self.bytes += frame.size

    def add_replay(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            self.add(frame)
        self.replayed_frames += len(frames)
        self.replayed_bytes += sum(frame.size for frame in frames)

    def is_full(self) -> bool:
        return (
            len(self.items) - self.replayed_frames >= self.max_frames
            or self.bytes - self.replayed_bytes > self.max_bytes
        )

    def is_fuller_than(self, part: int) -> bool:
        """Whether more than one `part`-th of the room is taken."""
        return len(self.items) * part > self.max_frames or self.bytes * part > self.max_bytes

    def closing(self) -> CloseCode | None:
        """The reason to close, when nothing stands in front of it."""
        return self.items[0] if isinstance(self.items[0], CloseCode) else None

    def take_burst(self) -> list[Frame]:
        """What one write carries, of what came first."""
        frames: list[Frame] = []
        size = 0
        while self.items and len(frames) < BURST_FRAMES and size < BURST_BYTES:
            frame = self.items[0]
            if isinstance(frame, CloseCode):
                break
            self.items.popleft()
            size += frame.size
            frames.append(frame)
        self.bytes -= size
        self.replayed_frames = max(0, self.replayed_frames - len(frames))
        self.replayed_bytes = max(0, self.replayed_bytes - size)
        return frames

    def clear(self) -> None:
        self.items.clear()
        self.bytes = self.replayed_frames = self.replayed_bytes = 0
