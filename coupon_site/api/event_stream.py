"""Server-sent events: what every stream of them says beside its events, and how long it goes on."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any, Final

import orjson

from coupon_site.api.doors import Fields, Receive, Send

COMMENT: Final = b":\n\n"
COMMENT_SECONDS = 15.0
# Streams come to an end, so that clients spread over the servers again; not all of them at once.
LIFE_SECONDS = (540.0, 660.0)
RETRY_MS = (2_000, 4_000)
FIELDS: Final[Fields] = (
    (b"Content-Type", b"text/event-stream; charset=utf-8"),
    (b"Cache-Control", b"no-store"),
    (b"X-Accel-Buffering", b"no"),
    (b"X-Content-Type-Options", b"nosniff"),
)


async def begin(send: Send, fields: Fields = ()) -> None:
    """The head of the answer, and when to come back after its end."""
    await send({"type": "http.response.start", "status": 200, "headers": [*FIELDS, *fields]})
    await write(send, b"retry: %d\n\n" % random.randint(*RETRY_MS))  # noqa: S311  spreads load, hides nothing


async def write(send: Send, part: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": more})


def time_to_end() -> float:
    """By the clock of the loop."""
    return asyncio.get_running_loop().time() + random.uniform(*LIFE_SECONDS)  # noqa: S311  the same


async def happens(*awaited: "asyncio.Future[Any]") -> bool:
    """Wait for one of these; whether it came before a comment has to show that somebody is there."""
    done, _ = await asyncio.wait(awaited, timeout=COMMENT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


async def until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def refuse(send: Send, problem: Mapping[str, Any], fields: Fields = ()) -> None:
    """A problem document instead of a stream; browsers do not come back by themselves after one."""
    body, status = orjson.dumps(problem), problem["status"]
    headers = [
        (b"Content-Type", b"application/problem+json"),
        (b"Content-Length", b"%d" % len(body)),
        (b"Cache-Control", b"no-store"),
        *([(b"Allow", b"GET")] if status == 405 else []),
        *([(b"Retry-After", b"5")] if status in {429, 503} else []),
        *fields,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
