"""How messages ended, as figures."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from events import metrics
from events.models import OutboxMessage
from events.registry import registry, task_name


def count_deliveries(messages: Sequence[OutboxMessage], durations: Sequence[float], *, at: datetime) -> None:
    """Handlers that succeeded; `durations` in seconds, in the same order."""
    for topic, count in Counter(message.topic for message in messages).items():
        metrics.processed.labels(topic).inc(count)
    for message, seconds in zip(messages, durations, strict=True):
        metrics.processing_duration.labels(message.topic).observe(seconds)
        metrics.job_duration.labels(message.topic).observe(seconds)
        count_task(message.handler, status="success", seconds=seconds)
        metrics.retry_count.observe(message.attempts)
        metrics.delivery_delay.observe(message.age(at).total_seconds())


def count_failure(message: OutboxMessage, *, reason: str, dead: bool) -> None:
    """A try that failed; the last one also ends the message's history of retries."""
    metrics.failed.labels(message.topic, "dead" if dead and reason == "error" else reason).inc()
    if message.handler in registry.handlers:  # a name that only the message knows makes no series
        count_task(message.handler, status="failed")
    if dead:
        metrics.retry_count.observe(message.attempts)


def count_task(name: str, *, status: str, seconds: float | None = None) -> None:
    """One call of a handler or a sweep."""
    task = task_name(name)
    metrics.tasks_processed.labels(task, status).inc()
    if seconds is not None:
        metrics.task_duration.labels(task).observe(seconds)
