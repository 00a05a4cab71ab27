"""Requests that all processes count together, in Redis."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import SimpleRateThrottle

from coupon_site.api.throttles import AnonThrottle, admit, count_more
from coupon_site.redis import client


@pytest.fixture
def rate(monkeypatch: pytest.MonkeyPatch) -> Any:
    def allow(scope: str, rate: str | None) -> None:
        monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, rate)

    return allow


def ask(address: str = "192.0.2.1") -> tuple[bool, AnonThrottle]:
    request, throttle = Request(APIRequestFactory().get("/", REMOTE_ADDR=address)), AnonThrottle()
    request.user = AnonymousUser()
    return throttle.allow_request(request, None), throttle  # type: ignore[arg-type]  # no view is looked at


def test_requests_at_once__are_counted_each(rate: Any) -> None:
    rate("anon", "30/min")

    with ThreadPoolExecutor(8) as pool:
        allowed = [each[0] for each in pool.map(lambda _: ask(), range(80))]

    assert sum(allowed) == 30
    assert ask("192.0.2.2")[0]


def test_caller_at_the_rate__waits_for_the_next_window(rate: Any) -> None:
    rate("anon", "2/min")
    assert [ask()[0] for _ in range(3)] == [True, True, False]

    _, throttle = ask()
    assert 0 < throttle.wait() <= 60
    [window] = client().keys("*throttle*")
    assert 0 < client().pttl(window) <= 60_000
    client().pexpire(window, 10)  # nearly a minute later
    time.sleep(0.02)

    assert ask()[0]


def test_no_rate__admits_all_and_asks_nobody(rate: Any) -> None:
    rate("anon", None)

    assert all(ask()[0] for _ in range(9))
    assert client().keys("throttle*") == []


def test_batch__is_admitted_by_caller(rate: Any) -> None:
    rate("user", "3/min")

    assert admit([1, 1, 2]) == {1, 2}
    assert admit([1, 1, 2, 2]) == {2}
    assert admit([]) == set()


def test_count_that_lost_its_end__gets_one() -> None:
    client().set("throttle_lost", 5)

    assert count_more({"throttle_lost": 1}, seconds=3600) == {"throttle_lost": (6, 3600.0)}
    assert 3500 < client().ttl("throttle_lost") <= 3600
