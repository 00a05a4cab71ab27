"""The state exporter: reads figures from the database by the clock and shows the last ones it could read."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import DatabaseError, connection
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.queries.state import READINGS, Families

logger = logging.getLogger(__name__)

Reading = Callable[[datetime], Families]

# A reading that takes longer than this would only add to what is slow already.
STATEMENT_TIMEOUT_MS = 10_000


class StateCollector(Collector):
    """What was last read. No scrape touches the database; while it is away, the last figures stay and age visibly."""

    def __init__(self, readings: dict[Reading, float] = READINGS) -> None:
        self.readings = readings
        self.families: dict[Reading, list[GaugeMetricFamily]] = {}
        self.due = dict.fromkeys(readings, 0.0)
        self.read_at: dict[Reading, float] = {}

    def describe(self) -> Iterator[Metric]:
        yield self.freshness()

    def collect(self) -> Iterator[Metric]:
        for families in list(self.families.values()):
            yield from families
        yield self.freshness()

    def freshness(self) -> GaugeMetricFamily:
        """When each reading last succeeded; 0 before its first success."""
        family = GaugeMetricFamily(
            "state_exporter_last_success_timestamp_seconds", "When the figures were read", labels=["reading"]
        )
        for reading in self.readings:
            family.add_metric([reading.__name__], self.read_at.get(reading, 0.0))
        return family

    def read_due(self) -> int:
        """Read what is due; how many readings succeeded. A database that is away costs figures, never the process."""
        return sum(self.read(reading) for reading, due in list(self.due.items()) if due <= time.monotonic())

    def read(self, reading: Reading) -> bool:
        """One reading: all of its figures or none of them. One that fails costs its own figures only."""
        started = time.monotonic()
        self.due[reading] = started + self.readings[reading]
        try:
            self.families[reading] = read_within_limits(reading)
        except DatabaseError as error:
            logger.warning("%s could not be read: %s", reading.__name__, error)
        except Exception:
            logger.exception("%s could not be read", reading.__name__)
        else:
            self.read_at[reading] = time.time()
            # Never more than a tenth of the time, however large the tables grow.
            self.due[reading] = max(self.due[reading], time.monotonic() + 10 * (time.monotonic() - started))
            return True
        return False


def read_within_limits(reading: Reading) -> list[GaugeMetricFamily]:
    """Read, but not for longer than a statement may take; a connection that failed is not used again."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(STATEMENT_TIMEOUT_MS)])
        return list(reading(timezone.now()))
    except DatabaseError:
        connection.close()
        raise
