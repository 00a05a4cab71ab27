"""Django's cache in Redis, counted under the names of django-prometheus."""

from collections.abc import Iterable
from typing import Any, Final

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from django_prometheus.cache import metrics

BACKEND = "redis"

asked, failed = metrics.django_cache_get_total.labels(BACKEND), metrics.django_cache_get_fail_total.labels(BACKEND)
hits, misses = metrics.django_cache_hits_total.labels(BACKEND), metrics.django_cache_misses_total.labels(BACKEND)

# KEYS: what is set. ARGV: for how many seconds, then the values.
SET_ALL: Final = "for n, key in ipairs(KEYS) do redis.call('SET', key, ARGV[n + 1], 'EX', ARGV[1]) end"


clients: dict[str, Any] = {}


class KeptClient(RedisCacheClient):
    """Django makes a client for each command, which takes longer than the command, and connections for each thread."""

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        server = self._servers[0]  # type: ignore[attr-defined]  # not in the stubs
        if server not in clients:
            clients[server] = super().get_client(write=True)
        return clients[server]


class CountedRedisCache(RedisCache):
    """The package's own backend needs another library than the one that Django's is written for."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = KeptClient

    def validate_key(self, key: str) -> None:
        """Redis takes any key; Django looks at each of its letters for memcached's sake."""

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

    def set_many(
        self, data: dict[str, Any], timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[str]:
        """One command for all of them; Django's sends one for each."""
        seconds = self.get_backend_timeout(timeout)
        if not data or not seconds:
            failed_keys: list[str] = super().set_many(data, timeout, version)
            return failed_keys
        keys = [self.make_and_validate_key(key, version=version) for key in data]
        redis = self._cache  # type: ignore[attr-defined]  # Django's client, which the stubs leave out
        values = [redis._serializer.dumps(value) for value in data.values()]
        redis.get_client(None, write=True).eval(SET_ALL, len(keys), *keys, seconds, *values)
        return []
