"""The door for crowds: orders that arrive together are reserved and committed together, durable when answered.

It takes what it understands at a glance: a well-formed order by the holder of a token. Everything else, and whatever
goes wrong here, goes on to the ordinary door, so that each refusal of input is made in one place.
"""

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils import timezone

from accounts.models import User
from accounts.queries import users_of_tokens
from coupon_site.api.idempotency import Kept, Keyed, keep_answers, known_answers, take_keys
from coupon_site.api.input import NUL_ESCAPE, encode
from coupon_site.api.problems import CONTENT_TYPE as PROBLEM
from coupon_site.api.problems import problem_of, retry_header
from coupon_site.api.throttles import admit
from coupon_site.errors import DomainError
from coupon_site.tracing import identify
from orders.api.orders import MAX_LINES, MAX_QUANTITY, order_document
from orders.models import Order
from orders.services import LineRequest, ReserveRequest, place_orders
from payments.providers import current_provider

logger = logging.getLogger(__name__)

PATH: Final = "/api/v1/orders/"
LARGEST_BODY: Final = 8192
LARGEST_BATCH: Final = 200
SALE_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[Any]]
Headers = Mapping[bytes, bytes]
Observe = Callable[[str, str, int, float, str], None]
"""Counts an answered request: method, route, status, seconds, request id."""


class Answer(NamedTuple):
    """What a client gets."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


@dataclass(kw_only=True, eq=False)
class Wish:
    """A well-formed request for an order, and where its answer is waited for."""

    token: str
    key: str
    fingerprint: str
    lines: tuple[LineRequest, ...]
    payment_method: str
    request_id: str
    answer: "asyncio.Future[Answer | None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class BurstDoor:
    """ASGI: in front of Django, for `POST /api/v1/orders/`."""

    def __init__(self, ordinary: Application, *, observe: Observe) -> None:
        self.ordinary = ordinary
        self.observe = observe
        self.writer = Writer()
        self.headers = standing_headers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["path"] == PATH and scope["method"] == "POST" else None
        if headers is None or not is_secure(scope, headers):
            await self.ordinary(scope, receive, send)
            return
        started = time.perf_counter()
        messages, body = await read(receive)
        wish = wish_of(headers, body)
        answer = await self.writer.settle(wish) if wish else None
        if wish is None or answer is None:
            await self.ordinary(scope, replay(messages, receive), send)
            return
        self.observe("POST", PATH, answer.status, time.perf_counter() - started, wish.request_id)
        await self.reply(send, answer, wish.request_id)

    async def reply(self, send: Send, answer: Answer, request_id: str) -> None:
        headers = [
            *answer.headers,
            (b"Content-Length", b"%d" % len(answer.body)),
            *self.headers,
            (b"X-Request-ID", request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def standing_headers() -> list[tuple[bytes, bytes]]:
    """What Django's middleware adds to every answer of the API."""
    request, response = HttpRequest(), HttpResponse()
    request.is_secure = lambda: bool(settings.SECURE_SSL_REDIRECT)  # type: ignore[method-assign]  # behind a proxy or not
    for middleware in (SecurityMiddleware, XFrameOptionsMiddleware):
        middleware(lambda _: response).process_response(request, response)
    del response.headers["Content-Type"]
    response.headers["Allow"] = "GET, POST, HEAD, OPTIONS"
    return [(name.encode(), value.encode()) for name, value in response.headers.items()]


def is_secure(scope: Scope, headers: Headers) -> bool:
    """Whether Django would not send the client to https first."""
    if not settings.SECURE_SSL_REDIRECT or scope.get("scheme") == "https":
        return True
    if not settings.SECURE_PROXY_SSL_HEADER:
        return False
    name, value = settings.SECURE_PROXY_SSL_HEADER
    return headers.get(name.removeprefix("HTTP_").lower().replace("_", "-").encode()) == value.encode()


async def read(receive: Receive) -> tuple[list[Message], bytes]:
    """The body, unless it is larger than any order; and the messages that it came in."""
    messages: list[Message] = []
    body = b""
    more = True
    while more and len(body) <= LARGEST_BODY:
        messages.append(await receive())
        body += messages[-1].get("body", b"")
        more = messages[-1].get("more_body", False)
    return messages, body


def replay(messages: list[Message], receive: Receive) -> Receive:
    """The same messages once more, then what comes after them."""

    async def receive_again() -> Message:
        return messages.pop(0) if messages else await receive()

    return receive_again


def wish_of(headers: Headers, body: bytes) -> Wish | None:
    """What is asked for; None when it takes a closer look."""
    authorization = headers.get(b"authorization", b"")
    key = headers.get(b"idempotency-key", b"")
    if not authorization.startswith(b"Bearer ") or not 1 <= len(key) <= 200 or len(body) > LARGEST_BODY:
        return None
    if headers.get(b"content-type", b"").partition(b";")[0].strip() != b"application/json" or NUL_ESCAPE in body:
        return None
    try:
        document, name = orjson.loads(body), key.decode("ascii")
    except (orjson.JSONDecodeError, UnicodeDecodeError):
        return None
    lines = lines_of(document)
    if lines is None or not name.isprintable():
        return None
    return Wish(
        token=hashlib.sha256(authorization.removeprefix(b"Bearer ").strip()).hexdigest(),
        key=name,
        fingerprint=hashlib.sha256(b"POST " + PATH.encode() + b"\n" + body).hexdigest(),
        lines=lines,
        payment_method=document.get("payment_method", "card"),
        request_id=identify(headers.get(b"x-request-id", b"").decode("latin1")),
    )


def lines_of(document: Any) -> tuple[LineRequest, ...] | None:
    """The lines of an order that is just as it should be."""
    match document:
        case {"lines": [_, *_] as rows, **rest} if len(rows) <= MAX_LINES and rest.keys() <= {"payment_method"}:
            lines = [line_of(row) for row in rows]
        case _:
            return None
    if rest.get("payment_method", "card") not in current_provider().methods:
        return None
    known = tuple(line for line in lines if line)
    return known if len({line.sale for line in known}) == len(rows) else None


def line_of(row: Any) -> LineRequest | None:
    match row:
        case {"sale": str(sale), **rest} if SALE_ID.fullmatch(sale) and rest.keys() <= {"quantity"}:
            quantity = rest.get("quantity", 1)
            if type(quantity) is int and 1 <= quantity <= MAX_QUANTITY:
                return LineRequest(sale=UUID(sale), quantity=quantity)
    return None


class Writer:
    """One thread that settles whatever waits: while it commits, the next batch gathers."""

    def __init__(self) -> None:
        self.waiting: SimpleQueue[Wish | None] = SimpleQueue()
        self.thread: Thread | None = None

    async def settle(self, wish: Wish) -> Answer | None:
        """The answer to a wish; None: the ordinary door has to see to it."""
        if self.thread is None:
            self.thread = Thread(target=self.run, name="burst-writer", daemon=True)
            self.thread.start()
        self.waiting.put(wish)
        return await wish.answer

    def stop(self) -> None:
        """Settle what waits, then end the thread."""
        if self.thread is not None:
            self.waiting.put(None)
            self.thread.join()

    def run(self) -> None:
        while (first := self.waiting.get()) is not None:
            batch = [first, *self.others()]
            answers: Sequence[Answer | None]
            try:
                connection.close_if_unusable_or_obsolete()
                answers = settle(batch)
            except Exception:  # the ordinary door says to each what is wrong
                logger.exception("a batch of %d orders failed", len(batch))
                answers = [None] * len(batch)
            first.answer.get_loop().call_soon_threadsafe(deliver, batch, answers)
        connection.close()

    def others(self) -> Iterator[Wish]:
        """Whatever else waits already."""
        for _ in range(LARGEST_BATCH - 1):
            try:
                wish = self.waiting.get_nowait()
            except Empty:
                return
            if wish is None:
                self.waiting.put(None)
                return
            yield wish


def deliver(batch: Iterable[Wish], answers: Iterable[Answer | None]) -> None:
    """In the loop's own thread. Clients that have left are not waited for."""
    for wish, answer in zip(batch, answers, strict=True):
        if not wish.answer.done():
            wish.answer.set_result(answer)


def settle(batch: Sequence[Wish]) -> list[Answer | None]:
    """Answers to a batch, in one transaction and a constant number of statements."""
    buyers = users_of_tokens({wish.token for wish in batch})
    admitted = admit([buyers[wish.token].pk for wish in batch if wish.token in buyers])
    asked: dict[Keyed, Wish] = {}
    for wish in batch:
        buyer = buyers.get(wish.token)
        if buyer and buyer.pk in admitted:
            asked.setdefault(Keyed(f"user:{buyer.public_id}", wish.key), wish)
    answers: dict[Wish, Answer | None] = {}
    with transaction.atomic():
        taken = take_keys(asked)
        known = known_answers(taken)
        fresh = [key for key in taken if key not in known]
        outcomes = place_orders(requests=[request_of(asked[key], buyers) for key in fresh], at=timezone.now())
        kept: dict[Keyed, Kept] = {}
        for key, outcome in zip(fresh, outcomes, strict=True):
            answer = answers[asked[key]] = answer_of(outcome)
            if answer.status == 201:
                kept[key] = Kept(asked[key].fingerprint, answer.status, answer.body.decode())
        keep_answers(kept)
    answers.update((asked[key], repeated(kept, asked[key])) for key, kept in known.items())
    return [answers.get(wish) for wish in batch]


def request_of(wish: Wish, buyers: Mapping[str, User]) -> ReserveRequest:
    return ReserveRequest(buyer=buyers[wish.token], lines=wish.lines, payment_method=wish.payment_method)


JSON: Final = ((b"Content-Type", b"application/json"),)
REPLAYED: Final = (*JSON, (b"Idempotency-Replayed", b"true"))


def answer_of(outcome: Order | DomainError) -> Answer:
    """The order, or why there is none."""
    if isinstance(outcome, Order):
        return Answer(201, encode(order_document(outcome, outcome.fresh_lines)), JSON)
    extra = retry_header(outcome.context.get("retry_after"))
    headers = {"Content-Type": PROBLEM, **extra}
    return Answer(
        outcome.status,
        encode(problem_of(outcome)),
        tuple((name.encode(), value.encode()) for name, value in headers.items()),
    )


def repeated(kept: Kept, wish: Wish) -> Answer | None:
    """The stored answer; another request under the same key is the ordinary door's to refuse."""
    return Answer(kept.status, kept.response.encode(), REPLAYED) if kept.fingerprint == wish.fingerprint else None
