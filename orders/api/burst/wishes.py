"""Orders that can be understood at a glance."""

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson

from coupon_site.api.doors import Answer, Headers
from coupon_site.api.input import NUL_ESCAPE
from coupon_site.tracing import identify
from orders.api.orders import MAX_LINES, MAX_QUANTITY
from orders.services import LineRequest
from payments.providers import current_provider

PATH: Final = "/api/v1/orders/"
LARGEST_BODY: Final = 8192
SALE_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
FIELDS: Final = frozenset({"lines", "payment_method"})
LINE_FIELDS: Final = frozenset({"sale", "quantity"})


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
    if type(document) is not dict or not document.keys() <= FIELDS:
        return None
    rows = document.get("lines")
    if type(rows) is not list or not 1 <= len(rows) <= MAX_LINES:
        return None
    if document.get("payment_method", "card") not in current_provider().methods:
        return None
    known = tuple(line for row in rows if (line := line_of(row)))
    return known if len({line.sale for line in known}) == len(rows) else None


def line_of(row: Any) -> LineRequest | None:
    if type(row) is not dict or not row.keys() <= LINE_FIELDS:
        return None
    sale, quantity = row.get("sale"), row.get("quantity", 1)
    return line_request(sale, quantity) if type(sale) is str and type(quantity) is int else None


@lru_cache(maxsize=1024)
def line_request(sale: str, quantity: int) -> LineRequest | None:
    """A crowd asks for the same."""
    fits = SALE_ID.fullmatch(sale) and 1 <= quantity <= MAX_QUANTITY
    return LineRequest(sale=UUID(sale), quantity=quantity) if fits else None
