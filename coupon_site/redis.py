"""The one way to Redis: a shared pool of short time-outs per process."""

from functools import cache
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 1.0


@cache
def client() -> redis.Redis:
    """This process' client. Blocking reads need a connection of their own (`blocking_client`)."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),  # one stale pooled connection may be replaced, nobody waits for more
    )


def blocking_client(**options: Any) -> redis.Redis:
    """A client for SUBSCRIBE and blocking reads: keep-alive instead of redis-py's time-out of 5 s."""
    return redis.Redis.from_url(settings.REDIS_URL, **keep_alive(), **options)


def blocking_async_client(**options: Any) -> redis.asyncio.Redis:
    """The asyncio twin of `blocking_client`."""
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, **keep_alive(), **options)


def keep_alive() -> dict[str, Any]:
    """Options of a connection that may be silent for long. Unix sockets know no TCP keep-alive."""
    options: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": TIMEOUT_SECONDS}
    return options if settings.REDIS_URL.startswith("unix:") else {**options, "socket_keepalive": True}
