"""Views behind a flag."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import Http404, HttpRequest
from django.shortcuts import redirect

from flags.evaluation import ais_enabled, is_enabled

View = Callable[..., Any]


def flag_required(name: str, *, default: bool | None = None, redirect_to: str = "") -> Callable[[View], View]:
    """A view that is there while the flag is on for whoever asks: else 404, or a redirect to a view's name or URL."""

    def refuse() -> Any:
        if not redirect_to:
            raise Http404
        return redirect(redirect_to)

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):

            @wraps(view)
            async def answer_soon(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                if await ais_enabled(name, default):
                    return await view(request, *args, **kwargs)
                return refuse()

            return answer_soon

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return view(request, *args, **kwargs) if is_enabled(name, default) else refuse()

        return answer

    return decorate
