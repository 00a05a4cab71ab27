"""The process that works off messages: claims what is due, calls the handlers, waits for the bell."""

import logging
import random
from collections.abc import Sequence

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.utils import timezone

from events import metrics
from events.crew import WEBHOOKS, Crew
from events.models import OutboxMessage
from events.registry import registry
from events.services import claim, work_off
from events.services.leases import BATCH
from events.services.webhooks import deliver_due
from events.wake import Doorman

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0


class Worker:
    """Works off the messages of some topics until it is told to stop; servers being away only make it wait.

    What calls the outside world is left to a crew of threads beside it.
    """

    def __init__(self, topics: Sequence[str] = ()) -> None:
        self.topics = list(topics) or [t for t in all_topics() if t not in settings.OUTBOX_DEDICATED_TOPICS]
        metrics.start_work_at_zero(topics=self.topics, tasks=registry.task_names(self.topics))
        self.doorman = Doorman()
        self.crew = Crew(self.topics)
        self.stopping = False
        self.done = 0
        self.pause_seconds = FIRST_PAUSE_SECONDS

    def stop(self, *signal: object) -> None:
        """Finish the batch at hand and end; fit to be a signal handler."""
        self.stopping = True

    def run(self, *, once: bool = False) -> int:
        """Work until stopped; how many messages were tried. With `once` until nothing is due, one after another."""
        if not once:
            self.crew.start()
        while not self.stopping:
            self.crew.wake()
            try:
                tried = self.turn(alone=once)
            except DatabaseError as error:
                self.recover(error)
                continue
            self.pause_seconds = FIRST_PAUSE_SECONDS
            if tried or self.stopping:
                continue
            if once:
                break
            close_old_connections()  # an idle worker outlives its connection
            self.doorman.wait(POLL_SECONDS)
        if not once:
            self.crew.stop()
        self.doorman.close()
        return self.done + self.crew.done

    def turn(self, *, alone: bool) -> int:
        """One claim of each lane that is this thread's own, worked off; how many messages there were."""
        tried = 0
        for outside in (False, True) if alone else (False,):
            claimed = self.claim(outside=outside)
            self.done += work_off(messages=claimed, keep_going=lambda: not self.stopping)
            tried += len(claimed)
        if alone and WEBHOOKS in self.topics:
            sent = deliver_due(at=timezone.now())
            self.done, tried = self.done + sent, tried + sent
        return tried

    def claim(self, *, outside: bool) -> list[OutboxMessage]:
        """The next batch. Another topic is served first each time, so that a busy one starves nobody."""
        self.topics = self.topics[1:] + self.topics[:1]
        return claim(topics=self.topics, at=timezone.now(), limit=BATCH, outside=outside)

    def recover(self, error: DatabaseError) -> None:
        """PostgreSQL is away, or the schema is not yet there: drop the connection and wait, longer each time."""
        logger.warning("the worker waits for PostgreSQL: %s", error)
        connection.close()
        self.doorman.wait(random.uniform(0, self.pause_seconds))  # noqa: S311  jitter
        self.pause_seconds = min(2 * self.pause_seconds, LONGEST_PAUSE_SECONDS)


def all_topics() -> list[str]:
    """Every topic that a worker can be asked for: those of handlers, dedicated ones, and webhooks."""
    return sorted({*registry.topics(), *settings.OUTBOX_DEDICATED_TOPICS, WEBHOOKS})
