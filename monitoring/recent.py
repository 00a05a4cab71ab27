"""How the requests of this process went in the last minutes, in plain integers."""

import time
from collections import deque

MINUTES = 5


class Recent:
    """Requests and failures by minute. Threads may lose a count to each other: this is a share, not a bill."""

    def __init__(self) -> None:
        self._minutes: deque[list[int]] = deque(maxlen=MINUTES)

    def count(self, *, failed: bool) -> None:
        minute = int(time.time()) // 60
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append([minute, 0, 0])
        newest = self._minutes[-1]
        newest[1] += 1
        newest[2] += failed

    def totals(self) -> tuple[int, int]:
        """Requests, and how many of them failed."""
        since = int(time.time()) // 60 - MINUTES
        kept = [minute for minute in list(self._minutes) if minute[0] > since]
        return sum(minute[1] for minute in kept), sum(minute[2] for minute in kept)


recent = Recent()
