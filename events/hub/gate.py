"""How many may come into this process: at once and in a while, by user, by address and in all."""

import time
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

from django.conf import settings

from events.hub.viewer import Refused

ALL = "all"
SECOND, MINUTE = 1.0, 60.0


class TooMany(Refused):
    """The user has as many connections as may be: another try does not help until one of them ends."""

    def __init__(self) -> None:
        super().__init__(429, "too_many")


class Pace:
    """Counts who came in the present second or minute."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.number = 0
        self.came: Counter[Hashable] = Counter()

    def admits(self, who: Hashable, *, limit: int) -> bool:
        """Count one more; whether that is within the limit (0: there is none)."""
        if (number := int(time.monotonic() / self.seconds)) != self.number:
            self.number = number
            self.came.clear()
        self.came[who] += 1
        return not limit or self.came[who] <= limit


class Gate:
    """Refuses whom there is no room for, the cheapest question first."""

    def __init__(self) -> None:
        self.inside: Counter[Hashable] = Counter()
        self.in_second, self.in_minute = Pace(SECOND), Pace(MINUTE)
        self.shut_until = 0.0

    def enter(self, scope: Mapping[str, Any]) -> "Place":
        """A place for a connection from its first message on. Raises Refused."""
        address = address_of(scope)
        if time.monotonic() < self.shut_until:
            raise Refused(503, "draining")
        if self.is_full(ALL, settings.REALTIME_CONNECTIONS):
            raise Refused(503, "full")
        if not self.in_second.admits(ALL, limit=settings.REALTIME_CONNECTS_PER_SECOND):
            raise Refused(503, "too_fast")
        if address and not self.in_minute.admits(address, limit=settings.REALTIME_CONNECTS_PER_ADDRESS):
            raise Refused(429, "too_fast")
        if address and self.is_full(address, settings.REALTIME_CONNECTIONS_PER_ADDRESS):
            raise TooMany
        return Place(self, ALL, address)

    def is_full(self, who: Hashable, limit: int) -> bool:
        return bool(limit) and self.inside[who] >= limit

    def shut(self, *, seconds: float) -> None:
        """Nobody comes in for so long."""
        self.shut_until = time.monotonic() + seconds


class Place:
    """What one connection takes of the room, until it leaves."""

    def __init__(self, gate: Gate, *counted: Hashable) -> None:
        self.gate = gate
        self.counted: list[Hashable] = []
        self.count(*counted)

    def seat(self, user: int) -> None:
        """Now it is known whose connection it is. Raises Refused."""
        if not self.gate.in_minute.admits(user, limit=settings.REALTIME_CONNECTS_PER_USER):
            raise Refused(429, "too_fast")
        if self.gate.is_full(user, settings.REALTIME_CONNECTIONS_PER_USER):
            raise TooMany
        self.count(user)

    def count(self, *counted: Hashable) -> None:
        self.gate.inside.update(counted)
        self.counted += counted

    def leave(self) -> None:
        """The connection has ended; may be called more than once."""
        for each in self.counted:
            self.gate.inside[each] -= 1
            if not self.gate.inside[each]:
                del self.gate.inside[each]
        self.counted = []


def address_of(scope: Mapping[str, Any]) -> str:
    """The client's address, as the API's throttles see it; nothing where it is not known."""
    proxies: Any = settings.REST_FRAMEWORK["NUM_PROXIES"]
    forwarded = dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin-1")
    if proxies and forwarded:
        addresses = forwarded.split(",")
        return str(addresses[-min(proxies, len(addresses))].strip())
    return str((scope.get("client") or [""])[0] or "")
