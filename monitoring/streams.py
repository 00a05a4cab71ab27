"""What the sockets offer of monitoring: the figures of the moment, and the report of the last hour."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone

from events import streams
from monitoring.queries import benchmark, figures

# Reading figures never takes more than this share of a process' time, however large the tables are.
LARGEST_SHARE = 0.1


class Sampler:
    """The figures of this process' listeners: read as often as they are asked for, less often when that is slow."""

    def __init__(self, measure: Callable[[], dict[str, Any]]) -> None:
        self.measure = measure
        self.latest: dict[str, Any] = {}
        self.due = 0.0

    async def sample(self) -> Mapping[str, Any]:
        """The newest figures. The event loop waits for no database."""
        started = time.monotonic()
        if started >= self.due:
            self.latest = await in_thread(self.measure)
            took = time.monotonic() - started
            self.due = started + took / LARGEST_SHARE
        return self.latest


async def in_thread(read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Read in a thread beside those that answer requests, and leave no connection open there."""

    def call() -> dict[str, Any]:
        try:
            return read()
        finally:
            connections.close_all()

    return await sync_to_async(call, thread_sensitive=False)()


async def answer_benchmark() -> Mapping[str, Any]:
    return await in_thread(lambda: benchmark.report(timezone.now()))


def register() -> None:
    """Offer both to staff."""
    streams.register(name="metrics", sample=Sampler(lambda: figures.sample(timezone.now())).sample)
    streams.register_report(name="benchmark-report", channel="benchmark", answer=answer_benchmark)
