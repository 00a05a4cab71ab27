"""ASGI in front of Django, for one address."""

import time

from coupon_site.api.doors import (
    Application,
    Observe,
    Receive,
    Scope,
    Send,
    is_secure,
    read,
    replay,
    reply,
    standing_headers,
)
from orders.api.burst.wishes import LARGEST_BODY, PATH, wish_of
from orders.api.burst.writer import Writer


class BurstDoor:
    """ASGI: in front of Django, for `POST /api/v1/orders/`."""

    def __init__(self, ordinary: Application, *, observe: Observe) -> None:
        self.ordinary = ordinary
        self.observe = observe
        self.writer = Writer()
        self.headers = standing_headers(allow="GET, POST, HEAD, OPTIONS")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["path"] == PATH and scope["method"] == "POST" else None
        if headers is None or not is_secure(scope, headers):
            await self.ordinary(scope, receive, send)
            return
        started = time.perf_counter()
        messages, body = await read(receive, at_most=LARGEST_BODY)
        wish = wish_of(headers, body)
        answer = await self.writer.settle(wish) if wish else None
        if wish is None or answer is None:
            await self.ordinary(scope, replay(messages, receive), send)
            return
        self.observe("POST", PATH, answer.status, time.perf_counter() - started, wish.request_id)
        await reply(send, answer, self.headers, wish.request_id)
