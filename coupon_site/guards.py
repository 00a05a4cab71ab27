"""What stands before the views: requests that PostgreSQL text can't hold, and probes that know no host name."""

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from coupon_site.api.problems import problem_response

NUL = "\x00"
# Asked by Prometheus and by health checks, from inside.
PROBES = frozenset({"/metrics", "/livez", "/readyz", "/health", "/startupz"})


class RefuseNulBytes:
    """Answers 400 to a NUL byte in the path or the query string; bodies are checked where they are parsed."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if has_nul(request):
            refusal = problem_response(400, "nul_byte", "The address holds a NUL byte")
            return self.answer(refusal) if self.is_async else refusal
        return self.get_response(request)

    async def answer(self, refusal: HttpResponseBase) -> HttpResponseBase:
        return refusal


def has_nul(request: HttpRequest) -> bool:
    """Whether path or query string hold a NUL byte, percent-encoded or not."""
    return NUL in request.path or NUL in unquote(request.META.get("QUERY_STRING", ""))


class ProbesByAddress:
    """Lets probes ask a process by its address: they know no public name, and their answers hold no link."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.path in PROBES:
            request.get_host = lambda: "probe"  # type: ignore[method-assign]
        return self.get_response(request)
