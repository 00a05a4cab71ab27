"""What was sent since a client last showed that it reads: bounded, whatever a server holds where nobody can look."""

from math import inf

MAX_FRAMES = 1000
MAX_BYTES = 1 << 20


class Unread:
    """Grows by what is sent; a ping marks how much that was, and its answer takes it away."""

    __slots__ = ("bytes", "frames", "marked", "max_bytes", "max_frames")

    def __init__(self, *, counts: bool) -> None:
        self.frames = self.bytes = 0
        self.max_frames: float = MAX_FRAMES if counts else inf
        self.max_bytes: float = MAX_BYTES if counts else inf
        self.marked: tuple[int, int] = (0, 0)

    @property
    def has_room(self) -> bool:
        return self.frames < self.max_frames and self.bytes < self.max_bytes

    def add(self, frames: int, size: int) -> bool:
        """Something was sent; whether it is time to ask how far the client has read."""
        self.frames += frames
        self.bytes += size
        return 2 * self.frames > self.max_frames or 2 * self.bytes > self.max_bytes

    def mark(self) -> None:
        """A ping is sent."""
        self.marked = self.frames, self.bytes

    def clear(self) -> bool:
        """The ping is answered; whether there is already enough for the next one."""
        frames, size = self.marked
        self.marked = 0, 0
        return self.add(-frames, -size)
