"""How messages ended, as figures."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Histogram

from events import metrics
from events.models import OutboxMessage
from events.registry import registry, task_name


def count_deliveries(messages: Sequence[OutboxMessage], durations: Sequence[float], *, at: datetime) -> None:
    """Handlers that succeeded; `durations` in seconds, in the same order."""
    by_topic, by_handler = defaultdict(list), defaultdict(list)
    for message, seconds in zip(messages, durations, strict=True):
        by_topic[message.topic].append(seconds)
        by_handler[message.handler].append(seconds)
    for topic, values in by_topic.items():
        metrics.processed.labels(topic).inc(len(values))
        observe_all(metrics.processing_duration.labels(topic), values)
        observe_all(metrics.job_duration.labels(topic), values)
    for handler, values in by_handler.items():
        count_task(handler, status="success", seconds=values)
    observe_all(metrics.retry_count, [message.attempts for message in messages])
    observe_all(metrics.delivery_delay, [message.age(at).total_seconds() for message in messages])


def observe_all(series: Histogram, values: Sequence[float]) -> None:
    """As `observe` would one by one, at the price of one: a message costs its worker less than six of its calls."""
    for place, count in Counter(bisect_left(series._upper_bounds, value) for value in values).items():
        series._buckets[place].inc(count)
    series._sum.inc(sum(values))


def count_failure(message: OutboxMessage, *, reason: str, dead: bool) -> None:
    """A try that failed; the last one also ends the message's history of retries."""
    metrics.failed.labels(message.topic, "dead" if dead and reason == "error" else reason).inc()
    if message.handler in registry.handlers:  # a name that only the message knows makes no series
        count_task(message.handler, status="failed")
    if dead:
        metrics.retry_count.observe(message.attempts)


def count_task(name: str, *, status: str, seconds: Sequence[float] = (0.0,)) -> None:
    """Calls of a handler or a sweep, each with how long it took; of one that failed nobody wants to know."""
    task = task_name(name)
    metrics.tasks_processed.labels(task, status).inc(len(seconds))
    if status == "success":
        observe_all(metrics.task_duration.labels(task), seconds)
