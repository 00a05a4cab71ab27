"""Threads for what calls the outside world: a bank that answers late makes nobody wait but the message at hand."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from events.services import claim, deliver_alone, retake, single_out
from events.services.webhooks import claim_deliveries, deliver

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
WEBHOOKS = "webhooks"
"""The topic of a worker that delivers webhooks; their queue is a table of its own."""

Job = Callable[[], None]


class Crew(threading.Thread):
    """Claims no more than it has free hands for, so that nothing waits under a lease, and a stop gives nothing back."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(name="crew", daemon=True)
        self.topics = [topic for topic in topics if topic != WEBHOOKS]
        self.sends_webhooks = WEBHOOKS in topics
        self.size = settings.OUTBOX_OUTSIDE_THREADS
        self.hands = ThreadPoolExecutor(self.size, thread_name_prefix="outside")
        self.busy: dict[Future[None], str] = {}
        self.news = threading.Event()
        self.stopping = False
        self.done = 0

    def wake(self) -> None:
        """Look for work: something was published, or a hand is free."""
        self.news.set()

    def stop(self) -> None:
        """Take on nothing more, and wait until what was begun is finished."""
        self.stopping = True
        self.wake()
        self.join()

    def run(self) -> None:
        while not self.stopping:
            self.news.clear()
            try:
                self.take_on()
            except DatabaseError as error:
                logger.warning("nothing is taken on while PostgreSQL is away: %s", error)
                connection.close()
            self.news.wait(POLL_SECONDS)
        self.hands.shutdown()
        connection.close()

    def take_on(self) -> None:
        """Claim as much as there are free hands for."""
        if free := self.size - self.count_busy():
            self.take_messages(free)
        if self.sends_webhooks and (free := self.size - self.count_busy()):
            self.take_deliveries(free)

    def take_messages(self, free: int) -> None:
        """Messages of the outbox. What may have killed its worker runs while nothing else does."""
        self.topics = self.topics[1:] + self.topics[:1]  # a busy topic starves nobody
        claimed = claim(topics=self.topics, at=timezone.now(), limit=free, outside=True)
        fresh, suspects = single_out(claimed)
        for message in fresh:
            self.hand_out(partial(deliver_alone, message))
        for message in suspects[:1]:  # fresh ones come between
            wait(self.busy)
            if retake(message=message, at=timezone.now()):
                self.hand_out(partial(deliver_alone, message))
                wait(self.busy)

    def take_deliveries(self, free: int) -> None:
        """Webhooks, which have half of the hands at most: a shop that answers slowly keeps no payment waiting."""
        room = min(free, max(1, self.size // 2) - self.count_busy(WEBHOOKS))
        for delivery in claim_deliveries(at=timezone.now(), limit=room) if room > 0 else ():
            self.hand_out(partial(deliver, delivery=delivery, at=timezone.now()), kind=WEBHOOKS)

    def count_busy(self, kind: str = "") -> int:
        """How many hands have something to do, of that kind."""
        self.busy = {job: its for job, its in self.busy.items() if not job.done()}
        return sum(not kind or its == kind for its in self.busy.values())

    def hand_out(self, job: Job, *, kind: str = "message") -> None:
        self.done += 1
        future = self.hands.submit(work, job)
        self.busy[future] = kind
        future.add_done_callback(lambda _: self.wake())


def work(job: Job) -> None:
    """One job in its thread; the connection it used goes back to the pool."""
    try:
        job()
    except Exception:
        logger.exception("a message was left to the end of its lease")
    finally:
        connection.close()
