"""A node whose reader of Redis has the time-out that its library gives it."""

from typing import Any

import redis.asyncio
from django.conf import settings

from coupon_site.asgi import application
from events.hub import reader

__all__ = ["application"]


def client(**options: Any) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, **options)


reader.blocking_async_client = client
