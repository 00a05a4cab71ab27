"""When a source fails, leave it alone for a while."""

import time

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0


class Breaker:
    """Closed until a failure; then open for 0.5 s, twice as long after each further failure, 30 s at most."""

    def __init__(self) -> None:
        self._pause = FIRST_SECONDS
        self._open_until = 0.0

    @property
    def closed(self) -> bool:
        """Whether the source may be asked."""
        return time.monotonic() >= self._open_until

    def failed(self) -> None:
        self._open_until = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_SECONDS)

    def succeeded(self) -> None:
        """Ask again at any time."""
        self._pause = FIRST_SECONDS
        self._open_until = 0.0
