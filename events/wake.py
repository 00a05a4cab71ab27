"""A best-effort bell: whoever waits for outbox rows hears at once what polling would find a little later."""

import time

import redis
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from coupon_site.redis import blocking_client

CHANNEL = "outbox:wake"
RING_TIMEOUT_SECONDS = 0.05
SILENCE_SECONDS = 1.0


class Bell:
    """Rings for every process that waits; while Redis is away it does not even try, so that no request pays for it."""

    def __init__(self) -> None:
        self.client: redis.Redis | None = None
        self.silent_until = 0.0

    def ring(self) -> None:
        """Tell waiting processes; errors are ignored, because they poll as well."""
        if time.monotonic() < self.silent_until:
            return
        try:
            self.connection().publish(CHANNEL, b"1")
        except (redis.RedisError, OSError):
            self.silent_until = time.monotonic() + SILENCE_SECONDS

    def connection(self) -> redis.Redis:
        self.client = self.client or redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=RING_TIMEOUT_SECONDS,
            socket_connect_timeout=RING_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        return self.client


bell = Bell()


def wake_on_commit() -> None:
    """Ring once when the current transaction commits, however often this is asked for."""
    hooks = transaction.get_connection().run_on_commit
    if not any(hook[1] == bell.ring for hook in hooks):
        transaction.on_commit(bell.ring, robust=True)


class Doorman:
    """Waits for the bell, or for a poll interval to pass; without Redis only for the latter."""

    def __init__(self) -> None:
        self.client = blocking_client(retry=Retry(NoBackoff(), 0))
        self.pubsub: redis.client.PubSub | None = None

    def wait(self, seconds: float) -> None:
        """Return when somebody rings, after `seconds` at the latest."""
        deadline = time.monotonic() + seconds
        try:
            self.listen(seconds)
        except (redis.RedisError, OSError):
            self.close()
            time.sleep(max(0.0, deadline - time.monotonic()))

    def listen(self, seconds: float) -> None:
        if self.pubsub is None:
            pubsub = self.client.pubsub(ignore_subscribe_messages=True)
            pubsub.subscribe(CHANNEL)
            self.pubsub = pubsub
        message = self.pubsub.get_message(timeout=seconds)
        while message is not None:  # one wake-up answers everything that rang until now
            message = self.pubsub.get_message(timeout=0)

    def close(self) -> None:
        if self.pubsub is not None:
            self.pubsub.close()
            self.pubsub = None
