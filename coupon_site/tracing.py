"""One id for everything that a request causes: its log lines, state changes, events and handlers."""

import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from coupon_site.identifiers import uuid7

HEADER = "X-Request-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")

request_id: ContextVar[str] = ContextVar("request_id", default="")

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class RequestIdMiddleware:
    """Takes a caller's X-Request-ID when it is well formed, makes one otherwise, and answers with it."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self.answer(request)
        request_id.set(identify(request.headers.get(HEADER, "")))
        response = cast(HttpResponseBase, self.get_response(request))
        response.headers[HEADER] = request_id.get()
        return response

    async def answer(self, request: HttpRequest) -> HttpResponseBase:
        request_id.set(identify(request.headers.get(HEADER, "")))
        response = await cast(Awaitable[HttpResponseBase], self.get_response(request))
        response.headers[HEADER] = request_id.get()
        return response


def identify(given: str) -> str:
    """The caller's request id when it is well formed, or a new one."""
    return given if ACCEPTED.fullmatch(given) else str(uuid7())
