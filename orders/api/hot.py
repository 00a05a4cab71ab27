"""Reads of the catalogue that a crowd asks for, in front of Django."""

import re
from collections.abc import Hashable
from typing import Final

from coupon_site.api.doors import Headers, Scope
from coupon_site.api.hot import Asked
from coupon_site.api.throttles import AnonThrottle, Windows, address_of

AVAILABILITY: Final = re.compile(r"/api/v1/sales/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/availability/?")


class SaleAvailability:
    """How many units can be bought, a moment ago; for everybody the same."""

    method = "GET"
    route = "/api/v1/sales/<id>/availability/"
    seconds = 0.25

    def __init__(self) -> None:
        self.windows = Windows()

    def takes(self, path: str) -> bool:
        return path.startswith("/api/v1/sales/") and AVAILABILITY.fullmatch(path) is not None

    async def understand(self, scope: Scope, headers: Headers, body: bytes) -> Asked | None:
        """Tokens are looked at by Django, which refuses unknown ones."""
        if b"authorization" in headers:
            return None
        return Asked(scope["path"], address_of(scope, headers))

    def mark(self) -> object:
        return None

    def admits(self, caller: Hashable) -> bool:
        return self.windows.admits(caller, AnonThrottle())
