"""Django's cache in Redis, counted under the names of django-prometheus."""

from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from django_prometheus.cache import metrics

BACKEND = "redis"

asked, failed = metrics.django_cache_get_total.labels(BACKEND), metrics.django_cache_get_fail_total.labels(BACKEND)
hits, misses = metrics.django_cache_hits_total.labels(BACKEND), metrics.django_cache_misses_total.labels(BACKEND)


class CountedRedisCache(RedisCache):
    """The package's own backend needs another library than the one that Django's is written for."""

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self.get_many([key], version).get(key, default)

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        """All that are there, in one round trip."""
        wanted = list(dict.fromkeys(keys))
        asked.inc(len(wanted))
        try:
            found: dict[str, Any] = super().get_many(wanted, version)
        except Exception:
            failed.inc(len(wanted))
            raise
        hits.inc(len(found))
        misses.inc(len(wanted) - len(found))
        return found
