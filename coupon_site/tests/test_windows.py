"""Requests that a process counts in its own memory."""

import pytest
from django.conf import settings
from rest_framework.throttling import SimpleRateThrottle

from coupon_site.api import throttles
from coupon_site.api.throttles import AnonThrottle, Windows, address_of


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds; set the first one."""
    now = [1000.0]
    monkeypatch.setattr(throttles.time, "monotonic", lambda: now[0])
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "anon", "2/min")
    return now


def test_caller_at_the_rate__waits_for_the_next_window(clock: list[float]) -> None:
    windows, throttle = Windows(), AnonThrottle()

    assert [windows.admits("ann", throttle) for _ in range(3)] == [True, True, False]
    assert windows.admits("bob", throttle)

    clock[0] += 59.9
    assert not windows.admits("ann", throttle)
    clock[0] += 0.1
    assert windows.admits("ann", throttle)


def test_no_rate__admits_all(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "anon", None)
    windows, throttle = Windows(), AnonThrottle()

    assert all(windows.admits("ann", throttle) for _ in range(9))


def test_callers_without_end__are_forgotten(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles, "REMEMBERED", 2)
    windows = Windows()

    for caller in range(9):
        windows.count(caller, seconds=60)

    assert len(windows.windows) == 2


@pytest.mark.parametrize(("proxies", "counted"), [(0, "127.0.0.1"), (1, "2.2.2.2"), (2, "1.1.1.1"), (9, "1.1.1.1")])
def test_caller__is_who_rest_framework_takes_them_for(
    proxies: int, counted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.REST_FRAMEWORK, "NUM_PROXIES", proxies)

    assert address_of({"client": ("127.0.0.1", 5)}, {b"x-forwarded-for": b"1.1.1.1, 2.2.2.2"}) == counted
    assert address_of({"client": ("127.0.0.1", 5)}, {}) == "127.0.0.1"
    assert address_of({"client": None}, {}) == ""
