"""Reads of flags that programs ask for again and again, in front of Django."""

from collections.abc import Hashable

from django.conf import settings

from coupon_site.api.doors import Headers, Scope
from coupon_site.api.hot import Asked
from coupon_site.api.throttles import UserThrottle, Windows
from flags.current import current
from flags.ofrep.callers import Caller, acaller
from flags.ofrep.throttle import WINDOW_SECONDS, windows


class FlagList:
    """All flags as a plain dictionary: one for those who see all, one for the others."""

    method = "GET"
    route = "/api/v1/flags/"
    seconds = 60.0

    def __init__(self) -> None:
        self.windows = Windows()

    def takes(self, path: str) -> bool:
        return path == self.route

    async def understand(self, scope: Scope, headers: Headers, body: bytes) -> Asked | None:
        caller = await caller_in(headers)
        return None if caller is None else Asked(caller.everything, caller.public_id)

    def mark(self) -> object:
        """The snapshot itself."""
        return current.get()

    def admits(self, caller: Hashable) -> bool:
        return self.windows.admits(caller, UserThrottle())


class FlagBulk:
    """OFREP's answer to one caller and context; asked again within a second, it is not evaluated again."""

    method = "POST"
    route = "/ofrep/v1/evaluate/flags"
    seconds = 1.0

    def takes(self, path: str) -> bool:
        return path == self.route

    async def understand(self, scope: Scope, headers: Headers, body: bytes) -> Asked | None:
        if b"x-api-key" in headers or headers.get(b"content-type") != b"application/json":
            return None
        caller = await caller_in(headers)
        return None if caller is None else Asked((caller, body), caller.public_id)

    def mark(self) -> object:
        """The snapshot itself."""
        return current.get()

    def admits(self, caller: Hashable) -> bool:
        return windows.count(caller, seconds=WINDOW_SECONDS)[0] <= settings.OFREP_REQUESTS_PER_MINUTE


async def caller_in(headers: Headers) -> Caller | None:
    """Who holds the token; None: Django says what is wrong with it."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme != b"Bearer" or not token.strip() or not current.looked:
        return None
    return await acaller(token.decode("latin1").strip())
