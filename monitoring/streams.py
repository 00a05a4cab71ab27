"""What the sockets offer of monitoring: the figures of the moment, and the report of the last hour."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone

from events import streams
from monitoring.queries import benchmark, figures, pace

T = TypeVar("T")

# Reading figures never takes more than this share of a process' time, however large the tables are.
LARGEST_SHARE = 0.1


class Paced(Generic[T]):
    """A reading whose last answer stands for ten times as long as it took to make."""

    def __init__(self, read: Callable[[], T]) -> None:
        self.read = read
        self.latest: T | None = None
        self.due = 0.0

    def __call__(self) -> T:
        started = time.monotonic()
        if self.latest is None or started >= self.due:
            self.latest = self.read()
            self.due = started + (time.monotonic() - started) / LARGEST_SHARE
        return self.latest


# The day grows until midnight, so that its sums get their own pace; the rest stays fresh.
day = Paced(lambda: pace.today(timezone.now()))
sample = Paced(lambda: figures.sample(timezone.now(), day=day()))


async def in_thread(read: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Read in a thread beside those that answer requests, and leave no connection open there."""

    def call() -> Mapping[str, Any]:
        try:
            return read()
        finally:
            connections.close_all()

    return await sync_to_async(call, thread_sensitive=False)()


async def sample_figures() -> Mapping[str, Any]:
    return await in_thread(sample)


async def answer_benchmark() -> Mapping[str, Any]:
    return await in_thread(lambda: benchmark.report(timezone.now()))


def register() -> None:
    """Offer both to staff."""
    streams.register(name="metrics", sample=sample_figures)
    streams.register_report(name="benchmark-report", channel="benchmark", answer=answer_benchmark)
