"""How often flags answer what: counted in each process, told to Redis once a minute, kept per day by a worker."""

import atexit
import logging
import time
from datetime import UTC, datetime

import msgspec
import redis

from flags import mirror
from flags.metrics import Counted, counts

logger = logging.getLogger(__name__)

USAGE = "feature:flags:usage"  # a hash: JSON of [day, flag, variant, reason] → answers
EVERY_SECONDS = 60.0


class Reporter:
    """One per process."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """After a fork, when all counts are nought."""
        self._told: dict[Counted, int] = {}
        self._due = time.monotonic() + EVERY_SECONDS

    def report_when_due(self) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + EVERY_SECONDS
            self.report(at=datetime.now(UTC))

    def report(self, *, at: datetime) -> None:
        """What is new since the last time. What Redis does not take is told with the next. Never raises."""
        known = counts()
        news = {what: count - self._told.get(what, 0) for what, count in known.items()}
        if not any(news.values()):
            return
        day = at.date().isoformat()
        try:
            with mirror.client().pipeline(transaction=True) as pipe:
                for what, more in news.items():
                    if more:
                        pipe.hincrby(USAGE, msgspec.json.encode((day, *what)).decode(), more)
                pipe.execute()
        except redis.RedisError as error:
            logger.debug("Nobody hears how often flags are checked: %s", error)
        else:
            self._told = known


reporter = Reporter()


@atexit.register
def report_at_last() -> None:
    """Commands are over before the minute is."""
    reporter.report(at=datetime.now(UTC))
