"""Answers that many ask for: what Django has said a moment ago is said again, without asking it.

Django itself gives each answer first, so that the two never differ. Whatever is unusual about a request, and every
refusal, is Django's.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple, Protocol

from coupon_site.api.doors import (
    Answer,
    Application,
    Fields,
    Headers,
    Message,
    Observe,
    Receive,
    Scope,
    Send,
    is_secure,
    read,
    replay,
    reply,
)
from coupon_site.tracing import identify

LARGEST_BODY: Final = 8192
KEPT_PAGES: Final = 1024
ACCEPTED: Final = frozenset({b"", b"*/*", b"application/json"})
OF_A_BODY: Final = frozenset({b"content-type", b"content-length"})
OF_ONE_ANSWER: Final = frozenset({b"content-length", b"x-request-id"})


class Asked(NamedTuple):
    """Requests with the same `key` get the same answer; `caller`: who is counted."""

    key: Hashable
    caller: Hashable


class HotRead(Protocol):
    """One address whose answers are the same for many."""

    method: str
    route: str  # as it is counted
    seconds: float  # that an answer is good for

    def takes(self, path: str) -> bool: ...

    async def understand(self, scope: Scope, headers: Headers, body: bytes) -> Asked | None:
        """None: it takes a closer look."""

    def mark(self) -> object:
        """What answers are made from: another one, and they are old."""

    def admits(self, caller: Hashable) -> bool:
        """Whether the caller may have one more answer; counts it."""


class Page(NamedTuple):
    """An answer, ready to be sent."""

    whole: Answer
    unchanged: Answer
    etag: bytes
    mark: object
    until: float


class HotDoor:
    """ASGI: in front of Django, for some addresses."""

    def __init__(self, ordinary: Application, *, reads: Sequence[HotRead], observe: Observe) -> None:
        self.ordinary = ordinary
        self.reads = reads
        self.observe = observe
        self.pages: OrderedDict[Hashable, Page] = OrderedDict()
        self.asked: dict[Hashable, asyncio.Future[Page | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for hot in self.reads:
            if hot.method == scope["method"] and hot.takes(scope["path"]):
                await self.serve(hot, scope, receive, send)
                return
        await self.ordinary(scope, receive, send)

    async def serve(self, hot: HotRead, scope: Scope, receive: Receive, send: Send) -> None:
        started, headers = time.perf_counter(), dict(scope["headers"])
        if scope["query_string"] or not is_usual(headers) or not is_secure(scope, headers):
            await self.ordinary(scope, receive, send)
            return
        messages: list[Message] = []
        body = b""
        if hot.method == "POST":
            messages, body = await read(receive, at_most=LARGEST_BODY)
        asked = await hot.understand(scope, headers, body) if len(body) <= LARGEST_BODY else None
        if asked is None:
            await self.ordinary(scope, replay(messages, receive), send)
            return
        place = (hot.route, asked.key)
        page = self.kept(hot, place) or await self.coming(place)
        if page is None and place not in self.asked:
            await self.ask(hot, place, scope, replay(messages, receive), send)
        elif page is None or not hot.admits(asked.caller):
            await self.ordinary(scope, replay(messages, receive), send)
        else:
            request_id = identify(headers.get(b"x-request-id", b"").decode("latin1"))
            answer = answer_of(page, headers)
            self.observe(hot.method, hot.route, answer.status, time.perf_counter() - started, request_id)
            await reply(send, answer, (), request_id)

    def kept(self, hot: HotRead, place: Hashable) -> Page | None:
        """An answer that is still good."""
        page = self.pages.get(place)
        return page if page and time.monotonic() < page.until and page.mark == hot.mark() else None

    async def coming(self, place: Hashable) -> Page | None:
        """The answer that another request has asked Django for."""
        asked = self.asked.get(place)
        return await asyncio.shield(asked) if asked else None

    async def ask(self, hot: HotRead, place: Hashable, scope: Scope, receive: Receive, send: Send) -> None:
        """Have Django answer one request, and keep what it says for those that wait and those to come."""
        asked = self.asked[place] = asyncio.get_running_loop().create_future()
        mark, page = hot.mark(), None
        said: list[Message] = []

        async def hear(message: Message) -> None:
            said.append(message)

        try:
            # For everybody: this client may hold an answer that others do not.
            headers = [field for field in scope["headers"] if field[0] != b"if-none-match"]
            await self.ordinary({**scope, "headers": headers}, receive, hear)
            if mark == hot.mark():
                page = page_of(said, mark=mark, until=time.monotonic() + hot.seconds)
        finally:
            del self.asked[place]
            asked.set_result(page)
        if page is None:
            for message in said:
                await send(message)
            return
        self.keep(place, page)
        # Django has counted it.
        await reply(send, answer_of(page, dict(scope["headers"])), (), request_id_in(said[0]["headers"]))

    def keep(self, place: Hashable, page: Page) -> None:
        self.pages[place] = page
        self.pages.move_to_end(place)
        while len(self.pages) > KEPT_PAGES:
            self.pages.popitem(last=False)


def request_id_in(headers: Fields) -> str:
    """By which Django knows the request."""
    return next((value.decode() for name, value in headers if name.lower() == b"x-request-id"), "")


def is_usual(headers: Headers) -> bool:
    """No other form is asked for, no page of another site asks, and nobody's session is in it."""
    return headers.get(b"accept", b"") in ACCEPTED and b"origin" not in headers and b"cookie" not in headers


def page_of(said: Sequence[Message], *, mark: object, until: float) -> Page | None:
    """The page that an answer makes, if there is one for everybody who may ask."""
    if not said or said[0]["status"] != 200:
        return None
    headers = tuple(field for field in said[0]["headers"] if field[0].lower() not in OF_ONE_ANSWER)
    names = {name.lower(): value for name, value in headers}
    if b"set-cookie" in names:
        return None
    return Page(
        whole=Answer(200, b"".join(message.get("body", b"") for message in said[1:]), headers),
        unchanged=Answer(304, b"", tuple(field for field in headers if field[0].lower() not in OF_A_BODY)),
        etag=names.get(b"etag", b""),
        mark=mark,
        until=until,
    )


def answer_of(page: Page, headers: Headers) -> Answer:
    """RFC 9110: a client names the validators of what it holds, weak ones among them, or an asterisk."""
    if not page.etag or not (named := headers.get(b"if-none-match")):
        return page.whole
    held = {each.strip().removeprefix(b"W/") for each in named.split(b",")}
    return page.unchanged if page.etag in held or held == {b"*"} else page.whole
