"""The flags of one moment, for everything that happens in a request, a task or a socket message."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flags.current import current
from flags.snapshot import Snapshot


class Pin:
    """Holds a snapshot, from the first check on."""

    __slots__ = ("released", "snapshot")

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.released = False

    def take(self) -> Snapshot:
        """The newest snapshot; kept, unless the pin was inherited by something that outlives the request."""
        newest = current.get()
        if not self.released:
            self.snapshot = newest
        return newest

    def release(self) -> None:
        self.released = True
        self.snapshot = None


_pin: ContextVar[Pin | None] = ContextVar("flags_pin", default=None)
pin_here = _pin.get


@contextmanager
def pinned_snapshot() -> Iterator[None]:
    """Checks inside see the flags of one moment."""
    pin = Pin()
    token = _pin.set(pin)
    try:
        yield
    finally:
        pin.release()
        _pin.reset(token)


def snapshot_here(*, fresh: bool = False) -> Snapshot:
    """What checks answer from: pinned, or the newest."""
    pin = pin_here()
    return current.get() if pin is None or fresh else pin.snapshot or pin.take()
