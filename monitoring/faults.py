"""Faults for drills and tests, turned on by flag. They exist only where FAULTS is set: never on a deployed site."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase

import flags
from coupon_site.api.problems import problem_response
from events import around

SCAN_SLOW = "fault.scan_slow"
PAYMENTS_DOWN = "fault.payments_down"
CHECKOUT_ERROR = "fault.checkout_error"
OUTBOX_STALLED = "fault.outbox_stalled"
FAULTS = {
    SCAN_SLOW: "Drill: every scan takes almost half a second.",
    PAYMENTS_DOWN: "Drill: the sandbox bank answers 503.",
    CHECKOUT_ERROR: "Drill: every order fails with 500.",
    OUTBOX_STALLED: "Drill: workers stand still in the middle of a message.",
}
SCANS, ORDERS, BANK = "/api/scan", "/api/v1/orders", "/sandbox/"
SCAN_SECONDS = 0.4  # more than tills should wait, less than the objective of pages allows
LONGEST_STALL_SECONDS = 120.0

View = Callable[..., HttpResponseBase | Awaitable[HttpResponseBase]]


class FaultInjected(Exception):
    """Raised where a view would have answered."""


class Faults:
    """Slows requests down or fails them, once Django knows which view they are for."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        if not settings.FAULTS:
            raise MiddlewareNotUsed
        if problems := faults_stay_at_home():
            raise ImproperlyConfigured(problems[0].msg)
        self.get_response = get_response
        self.process_view: Callable[..., Any] = self.fault
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            self.process_view = self.fault_async

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self.get_response(request)

    def fault(self, request: HttpRequest, view: View, arguments: Any, keywords: Any) -> HttpResponseBase | None:
        time.sleep(delay_of(request))
        return failure_of(request)

    async def fault_async(
        self, request: HttpRequest, view: View, arguments: Any, keywords: Any
    ) -> HttpResponseBase | None:
        await asyncio.sleep(delay_of(request))
        return failure_of(request)


def delay_of(request: HttpRequest) -> float:
    """Seconds that a request has to wait for its view."""
    return SCAN_SECONDS if request.path == SCANS and flags.is_enabled(SCAN_SLOW) else 0.0


def failure_of(request: HttpRequest) -> HttpResponseBase | None:
    """The answer in the view's place, None for the view's own. Raises FaultInjected."""
    if request.path.startswith(BANK) and flags.is_enabled(PAYMENTS_DOWN):
        return problem_response(503, "fault", "The bank is down, for a drill")
    if is_checkout(request.method, request.path) and fails_for(request.headers.get("Authorization", "")):
        raise FaultInjected(CHECKOUT_ERROR)
    return None


def is_checkout(method: str | None, path: str) -> bool:
    return method == "POST" and path.rstrip("/") == ORDERS


def fails_for(authorization: str) -> bool:
    """Whether checkout is to fail for this caller: a share of callers, where the flag's rules say so."""
    return flags.is_enabled(CHECKOUT_ERROR, context={"sessionId": authorization})


class PastTheDoor:
    """ASGI: while checkout is to fail, orders take the way through Django, not the door for crowds in front of it."""

    def __init__(self, door: Callable[..., Awaitable[None]], django: Callable[..., Awaitable[None]]) -> None:
        self.door = door
        self.django = django

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        fails = is_checkout(scope.get("method"), scope["path"]) and fails_for(authorization_in(scope))
        await (self.django if fails else self.door)(scope, receive, send)


def authorization_in(scope: Any) -> str:
    headers: dict[bytes, bytes] = dict(scope.get("headers", ()))
    return headers.get(b"authorization", b"").decode("latin-1")


@contextmanager
def stalled() -> Iterator[None]:
    """Stand still before a handler or a sweep, never in an event loop; the port of the process goes on answering."""
    deadline = time.monotonic() + LONGEST_STALL_SECONDS
    while not in_event_loop() and flags.is_enabled(OUTBOX_STALLED, fresh=True) and time.monotonic() < deadline:
        time.sleep(0.2)
    yield


def in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@register
def faults_stay_at_home(**kwargs: Any) -> list[CheckMessage]:
    """Nobody who may turn flags can break a deployed site."""
    if not settings.FAULTS or settings.LOCAL:
        return []
    hint = "Take FAULTS away: drills run on a laptop or in CI (LOCAL=1)."
    return [Error("FAULTS is set on a site that is not local.", hint=hint, id="monitoring.E010")]


def declare() -> None:
    """Make the faults known, where there may be any."""
    if settings.FAULTS and not faults_stay_at_home():
        for key, description in FAULTS.items():
            flags.declare(key, description=description, kind="operational")
        around(stalled)
