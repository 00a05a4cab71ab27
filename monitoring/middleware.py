"""Counts and times every HTTP request once, whatever becomes of it."""

import time
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from functools import cache
from typing import NamedTuple, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram, Summary

from coupon_site.database.base import Statements, statements
from coupon_site.tracing import request_id
from monitoring import metrics
from monitoring.recent import recent
from monitoring.routes import route_of

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]

# Asked for by machines every few seconds: they would drown what people see.
UNCOUNTED = frozenset(
    {"/metrics", "/livez", "/readyz", "/health", "/startupz", "/monitoring/metrics", "/monitoring/health"}
)

CLIENT_LEFT = 499
FAILED = 500


class HttpMetrics:
    """Native in both worlds: a hop between threads would cost more than the whole measurement."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.path in UNCOUNTED:
            return self.get_response(request)
        return self.answer_async(request) if self.is_async else self.answer(request)

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        ongoing, response = Ongoing(), None
        try:
            response = cast(HttpResponseBase, self.get_response(request))
            return response
        finally:
            ongoing.end(request, response, FAILED)

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        ongoing, response, without = Ongoing(), None, FAILED
        try:
            response = await cast(Awaitable[HttpResponseBase], self.get_response(request))
        except CancelledError:
            without = CLIENT_LEFT
            raise
        else:
            return response
        finally:
            ongoing.end(request, response, without)


class Ongoing:
    """A request in progress: since when, and how many statements it has sent."""

    __slots__ = ("started", "statements")

    def __init__(self) -> None:
        self.statements = Statements()
        statements.set(self.statements)
        metrics.http_active_connections.inc()
        self.started = time.perf_counter()

    def end(self, request: HttpRequest, response: HttpResponseBase | None, without: int) -> None:
        """Observe it; `without` is the status of what ended without a response."""
        seconds = time.perf_counter() - self.started
        metrics.http_active_connections.dec()
        status = without if response is None else response.status_code
        method, path = route_of(request, status)
        observe(method, path, status, seconds, request_id.get())
        about = route_series(path)
        about.queries.observe(self.statements.count)
        if sent := body_size(request):
            about.request_size.observe(sent)
        if isinstance(response, HttpResponse):
            about.response_size.observe(len(response.content))


def observe(method: str, path: str, status: int, seconds: float, this_request: str) -> None:
    """One count and one duration; the request id goes along as the exemplar."""
    recent.count(failed=status >= FAILED)
    count_of(method, path, status).inc()
    duration_of(method, path).observe(seconds, {"request_id": this_request} if this_request else None)


def body_size(request: HttpRequest) -> int:
    """What the client announced, as far as it could be true."""
    meta = request.META  # `headers` would read them all
    announced = meta.get("CONTENT_LENGTH") or ""
    if announced.isascii() and announced.isdigit() and len(announced) < 15:
        return min(int(announced), settings.IMPORT_MAX_BYTES)
    return 0


class RouteSeries(NamedTuple):
    """What is summed up of a route."""

    queries: Summary
    request_size: Summary
    response_size: Summary


# Looking a child up takes a lock and a tuple of strings; these are as few as routes, methods and statuses.
@cache
def route_series(path: str) -> RouteSeries:
    return RouteSeries(
        metrics.http_request_db_queries.labels(path),
        metrics.http_request_size_bytes.labels(path),
        metrics.http_response_size_bytes.labels(path),
    )


@cache
def count_of(method: str, path: str, status: int) -> Counter:
    return metrics.http_requests_total.labels(method, path, str(status))


@cache
def duration_of(method: str, path: str) -> Histogram:
    """The child of a route; its first failure shall not be missed by an increase."""
    count_of(method, path, FAILED)
    return metrics.http_request_duration_seconds.labels(method, path)
