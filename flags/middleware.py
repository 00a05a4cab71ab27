"""One request sees the flags of one moment, as they are for whoever asks."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from flags.context import RequestContext, use_context
from flags.pins import pinned_snapshot


class PinSnapshot:
    """Native to both worlds; a request that checks no flag pays for nothing but two objects."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self.answer(request)
        with pinned_snapshot(), use_context(RequestContext(request)):
            return self.get_response(request)

    async def answer(self, request: HttpRequest) -> HttpResponseBase:
        with pinned_snapshot(), use_context(RequestContext(request)):
            return await cast(Awaitable[HttpResponseBase], self.get_response(request))
