"""Counts and times every HTTP request once, whatever becomes of it."""

import re
import time
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from functools import cache
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram

from coupon_site.tracing import request_id
from monitoring.metrics import http_active_connections, http_request_duration_seconds, http_requests_total
from monitoring.recent import recent

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]

# Anybody can invent a method; only these become label values.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Asked for by machines every few seconds: they would drown what people see.
UNCOUNTED = frozenset(
    {"/metrics", "/livez", "/readyz", "/health", "/startupz", "/monitoring/metrics", "/monitoring/health"}
)

UNMATCHED = "unmatched"
STATIC = "static"
CLIENT_LEFT = 499
FAILED = 500

NAMED_GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()\\]|\\.|\[[^\]]*\]|\([^()]*\))*\)")
CONVERTER = re.compile(r"<\w+:(\w+)>")
ANCHORS = re.compile(r"\^|\$|\\Z")


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
        status, started = FAILED, time.perf_counter()
        http_active_connections.inc()
        try:
            response = cast(HttpResponseBase, self.get_response(request))
            status = response.status_code
            return response
        finally:
            http_active_connections.dec()
            observe_request(request, status, time.perf_counter() - started)

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        status, started = FAILED, time.perf_counter()
        http_active_connections.inc()
        try:
            response = await cast(Awaitable[HttpResponseBase], self.get_response(request))
            status = response.status_code
        except CancelledError:
            status = CLIENT_LEFT
            raise
        else:
            return response
        finally:
            http_active_connections.dec()
            observe_request(request, status, time.perf_counter() - started)


def observe_request(request: HttpRequest, status: int, seconds: float) -> None:
    """One count and one duration of a request to Django."""
    method = request.method if request.method in METHODS else "OTHER"
    observe(method, path_of(request), status, seconds, request_id.get())


def observe(method: str, path: str, status: int, seconds: float, this_request: str) -> None:
    """One count and one duration; the request id goes along as the exemplar."""
    recent.count(failed=status >= FAILED)
    count_of(method, path, status).inc()
    duration_of(method, path).observe(seconds, {"request_id": this_request} if this_request else None)


def path_of(request: HttpRequest) -> str:
    """The route's template: what visitors type never becomes a label value."""
    if match := request.resolver_match:
        return template_of(match.route)
    return STATIC if request.path.startswith(settings.STATIC_URL) else UNMATCHED


@cache
def template_of(route: str) -> str:
    """`api/v1/^orders/(?P<id>[^/.]+)/$` and `api/v1/orders/<uuid:id>/` as `/api/v1/orders/<id>/`."""
    plain = ANCHORS.sub("", NAMED_GROUP.sub(r"<\1>", route))
    return "/" + CONVERTER.sub(r"<\1>", plain).replace("\\", "").removesuffix("?")


# Looking a child up takes a lock and a tuple of strings; these are as few as routes, methods and statuses.
@cache
def count_of(method: str, path: str, status: int) -> Counter:
    return http_requests_total.labels(method, path, str(status))


@cache
def duration_of(method: str, path: str) -> Histogram:
    return http_request_duration_seconds.labels(method, path)
