"""What was sent since a client last showed that it reads: bounded, whatever a server holds where nobody can look."""

MAX_FRAMES = 1000
MAX_BYTES = 1 << 20


class Unread:
    """Grows by what is sent; a ping marks how much that was, and its answer takes it away."""

    __slots__ = ("bytes", "counts", "frames", "has_room", "marked")

    def __init__(self, *, counts: bool) -> None:
        self.counts = counts
        self.frames = self.bytes = 0
        self.marked: tuple[int, int] = (0, 0)
        self.has_room = True

    def add(self, frames: int, size: int) -> bool:
        """Something was sent; whether it is time to ask how far the client has read."""
        if not self.counts:
            return False
        self.frames += frames
        self.bytes += size
        return self.is_half_full()

    def is_half_full(self) -> bool:
        self.has_room = self.frames < MAX_FRAMES and self.bytes < MAX_BYTES
        return 2 * self.frames > MAX_FRAMES or 2 * self.bytes > MAX_BYTES

    def mark(self) -> None:
        """A ping is sent."""
        self.marked = self.frames, self.bytes

    def clear(self) -> bool:
        """The ping is answered; whether there is already enough for the next one."""
        frames, size = self.marked
        self.marked = 0, 0
        self.frames -= frames
        self.bytes -= size
        return self.is_half_full()
