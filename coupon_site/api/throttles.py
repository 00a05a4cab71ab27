"""How often one caller may ask, in windows that begin with a request."""

import time
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from coupon_site.api.doors import Headers, Scope
from coupon_site.redis import client

if TYPE_CHECKING:
    from rest_framework.views import APIView  # whose module imports this one

REMEMBERED: Final = 10_000

# KEYS: who is counted. ARGV: milliseconds of a window, then how many more of each.
COUNT: Final = """
local counted = {}
for n, key in ipairs(KEYS) do
    local count = redis.call('INCRBY', key, ARGV[n + 1])
    local left = redis.call('PTTL', key)
    if left < 0 then
        left = tonumber(ARGV[1])
        redis.call('PEXPIRE', key, left)
    end
    counted[n] = {count, left}
end
return counted
"""


def count_more(more: Mapping[str, int], *, seconds: float) -> dict[str, tuple[int, float]]:
    """Count so many more requests under each key; how many its window has had, and the seconds that it has left."""
    milliseconds = int(seconds * 1000)
    counted = cast(list[tuple[int, int]], client().eval(COUNT, len(more), *more, milliseconds, *more.values()))
    return {key: (count, left / 1000) for key, (count, left) in zip(more, counted, strict=True)}


class WindowThrottle(SimpleRateThrottle):
    """One number in Redis for each caller. REST framework's own way reads and writes back a list of all requests."""

    num_requests: int | None  # of the rate; None: any number
    duration: int | None  # seconds
    more = 1  # that a request counts for before it is looked at

    def allow_request(self, request: Request, view: "APIView") -> bool:
        key = self.get_cache_key(request, view)
        if key is None or self.num_requests is None or self.duration is None:
            return True
        [(count, self.seconds_left)] = count_more({key: self.more}, seconds=self.duration).values()
        return count < self.num_requests + self.more

    def wait(self) -> float:
        return self.seconds_left


class UserThrottle(WindowThrottle, UserRateThrottle):
    """All requests of a user."""


class AnonThrottle(WindowThrottle, AnonRateThrottle):
    """All requests of an address that nobody is signed in at."""


def admit(users: Iterable[int]) -> set[int]:
    """Count requests of users, by their row ids, as UserThrottle does; those within the rate."""
    throttle, counts = UserThrottle(), Counter(users)
    if throttle.num_requests is None or throttle.duration is None or not counts:
        return set(counts)
    keys = {throttle.cache_format % {"scope": throttle.scope, "ident": user}: user for user in counts}
    counted = count_more({key: counts[user] for key, user in keys.items()}, seconds=throttle.duration)
    return {keys[key] for key, (count, _) in counted.items() if count <= throttle.num_requests}


class Windows:
    """Requests that this process answers by itself, counted in its memory."""

    def __init__(self) -> None:
        self.windows: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def count(self, caller: Hashable, *, seconds: float) -> tuple[int, float]:
        """Count one more; how many the caller's window has had, and the seconds that it has left."""
        now = time.monotonic()
        began, count = self.windows.get(caller, (now, 0))
        if now - began >= seconds:
            began, count = now, 0
        self.windows[caller] = began, count + 1
        if len(self.windows) > REMEMBERED:
            self.windows.popitem(last=False)
        return count + 1, began + seconds - now

    def admits(self, caller: Hashable, throttle: WindowThrottle) -> bool:
        """Count one more; as many are allowed as by the throttle, which goes on to count those that reach Django."""
        if throttle.num_requests is None or throttle.duration is None:
            return True
        return self.count(caller, seconds=throttle.duration)[0] <= throttle.num_requests


def address_of(scope: Scope, headers: Headers) -> str:
    """Whose request it is, as REST framework's throttles see it."""
    proxies: Any = settings.REST_FRAMEWORK["NUM_PROXIES"]
    forwarded = headers.get(b"x-forwarded-for")
    if not proxies or forwarded is None:
        return str((scope.get("client") or [""])[0])
    addresses = forwarded.decode("latin1").split(",")
    return str(addresses[-min(proxies, len(addresses))]).strip()
