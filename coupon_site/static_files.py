"""Static files, served without leaving the event loop."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise's own middleware knows threads only: under ASGI each request would wait in one for the event loop.

    Such a thread waits for ever when the process is told to stop in between.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        super().__init__(get_response)
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        answer: HttpResponseBase | Awaitable[HttpResponseBase] = super().__call__(request)
        return self.at_once(answer) if self.is_async and not isawaitable(answer) else answer

    async def at_once(self, response: HttpResponseBase) -> HttpResponseBase:
        return response
