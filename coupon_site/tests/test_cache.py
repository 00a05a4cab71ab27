"""The cache counts what it is asked for, under names that dashboards know."""

import pytest
from django.core.cache import caches
from prometheus_client import REGISTRY
from redis.exceptions import ConnectionError as RedisAway

from coupon_site.cache import CountedRedisCache

NAMES = ("get", "get_hits", "get_misses", "get_fail")


@pytest.fixture
def cache(settings) -> CountedRedisCache:
    return CountedRedisCache(settings.REDIS_URL, {"KEY_PREFIX": "counted"})


def counts() -> list[int]:
    """Asked, found, not found, failed."""
    return [int(REGISTRY.get_sample_value(f"django_cache_{name}_total", {"backend": "redis"}) or 0) for name in NAMES]


def growth(before: list[int]) -> list[int]:
    return [now - then for now, then in zip(counts(), before, strict=True)]


def test_site__uses_it() -> None:
    assert isinstance(caches["default"], CountedRedisCache)


def test_get__counts_a_hit_or_a_miss(cache: CountedRedisCache) -> None:
    cache.set("here", None)
    before = counts()

    assert cache.get("here", "default") is None
    assert cache.get("gone", "default") == "default"

    assert growth(before) == [2, 1, 1, 0]


def test_get_many__counts_each_key_and_answers_those_that_are_there(cache: CountedRedisCache) -> None:
    cache.set_many({"one": 1, "two": {"a": [2]}})
    before = counts()

    assert cache.get_many(["one", "two", "three"]) == {"one": 1, "two": {"a": [2]}}

    assert growth(before) == [3, 2, 1, 0]


def test_redis_away__is_a_failure_and_no_miss() -> None:
    cache = CountedRedisCache("redis://127.0.0.1:1", {})
    before = counts()

    with pytest.raises(RedisAway):
        cache.get("here")

    assert growth(before) == [1, 0, 0, 1]


@pytest.mark.parametrize(("timeout", "left"), [(3600, range(3500, 3601)), (None, [-1])])
def test_set_many__lasts_as_long_as_it_is_told(cache: CountedRedisCache, timeout: int | None, left: list[int]) -> None:
    cache.set_many({"one": 1, "two": 2}, timeout)

    redis = cache._cache.get_client()
    assert {redis.ttl(cache.make_key(key)) in left for key in ("one", "two")} == {True}


def test_set_many_for_no_time_at_all__keeps_nothing(cache: CountedRedisCache) -> None:
    cache.set("one", 1)
    cache.set_many({"one": 2}, 0)

    assert cache.get_many(["one"]) == {}


def test_set_many_of_nothing__is_nothing(cache: CountedRedisCache) -> None:
    assert cache.set_many({}) == []
