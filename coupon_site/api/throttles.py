"""Throttles where a call of Redis for each request would cost too much."""

import time
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from rest_framework.throttling import SimpleRateThrottle, UserRateThrottle

from coupon_site.api.doors import Headers, Scope

REMEMBERED: Final = 10_000


def admit(users: Iterable[int]) -> set[int]:
    """Count requests of users, by their row ids, in the history that single requests have; those within the rate."""
    throttle, counts = UserRateThrottle(), Counter(users)
    allowed, seconds = throttle.parse_rate(throttle.rate)
    if allowed is None or seconds is None:
        return set(counts)
    keys = {user: throttle.cache_format % {"scope": throttle.scope, "ident": user} for user in counts}
    known, now = cache.get_many(keys.values()), time.time()
    histories = {}
    for user, count in counts.items():
        recent = [moment for moment in known.get(keys[user], []) if moment > now - seconds]
        if len(recent) + count <= allowed:
            histories[user] = [now] * count + recent
    cache.set_many({keys[user]: history for user, history in histories.items()}, seconds)
    return set(histories)


class Windows:
    """Requests that this process answers by itself, counted in its memory in windows that begin with a request.

    It allows as many as the throttle of that name, which goes on to count those that reach Django.
    """

    def __init__(self, throttle: type[SimpleRateThrottle]) -> None:
        self.throttle = throttle
        self.windows: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def admits(self, caller: Hashable) -> bool:
        """Whether the caller may have one more; counts it."""
        throttle, now = self.throttle(), time.monotonic()
        allowed, seconds = throttle.parse_rate(throttle.rate)
        if allowed is None or seconds is None:
            return True
        began, count = self.windows.get(caller, (now, 0))
        if now - began >= seconds:
            began, count = now, 0
        self.windows[caller] = began, count + 1
        if len(self.windows) > REMEMBERED:
            self.windows.popitem(last=False)
        return count < allowed


def address_of(scope: Scope, headers: Headers) -> str:
    """Whose request it is, as REST framework's throttles see it."""
    proxies: Any = settings.REST_FRAMEWORK["NUM_PROXIES"]
    forwarded = headers.get(b"x-forwarded-for")
    if not proxies or forwarded is None:
        return str((scope.get("client") or [""])[0])
    addresses = forwarded.decode("latin1").split(",")
    return str(addresses[-min(proxies, len(addresses))]).strip()
