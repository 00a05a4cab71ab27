"""How messages ended, as figures."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from events import metrics
from events.models import OutboxMessage


def count_deliveries(messages: Sequence[OutboxMessage], durations: Sequence[float], *, at: datetime) -> None:
    """Handlers that succeeded; `durations` in seconds, in the same order."""
    topics = {topic: metrics.processing_duration.labels(topic) for topic in {message.topic for message in messages}}
    for topic, count in Counter(message.topic for message in messages).items():
        metrics.processed.labels(topic).inc(count)
    for message, seconds in zip(messages, durations, strict=True):
        topics[message.topic].observe(seconds)
        metrics.retry_count.observe(message.attempts)
        metrics.delivery_delay.observe(message.age(at).total_seconds())


def count_failure(message: OutboxMessage, *, reason: str, dead: bool) -> None:
    """A try that failed; the last one also ends the message's history of retries."""
    metrics.failed.labels(message.topic, "dead" if dead and reason == "error" else reason).inc()
    if dead:
        metrics.retry_count.observe(message.attempts)
