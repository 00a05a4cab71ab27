"""Records to lines of purchases, or to the reasons why they can't be used."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from cashback.parsing.dialect import Dialect
from coupon_site.money import parse_minor

REQUIRED = ("external_id", "quantity", "unit_price", "occurred_at", "buyer")
OPTIONAL = ("item", "part")
LONGEST = (64, 40, 40, 40, 64, 64, 39)  # of the same fields
LARGEST_QUANTITY = 2**31 - 1
LARGEST_AMOUNT = 10**12  # so that no sum of lines leaves its column
MOST_DIGITS = 15
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
SHOWN = 500
# What PostgreSQL text can't hold, and what decoding could not read.
UNREADABLE = re.compile("[\x00\ufffd]")
# Spreadsheets turn numbers of customers into decimals.
WHOLE_NUMBER = re.compile(r"(\d+)\.0+")


class Reason(StrEnum):
    """Why a line is rejected."""

    UNREADABLE = "unreadable"
    WRONG_COLUMNS = "wrong_columns"
    REPEATED_HEADER = "repeated_header"
    BAD_ENCODING = "bad_encoding"
    MISSING_INVOICE = "missing_invoice"
    MISSING_CUSTOMER = "missing_customer"
    MISSING_PRICE = "missing_price"
    BAD_PRICE = "bad_price"
    BAD_QUANTITY = "bad_quantity"
    BAD_DATE = "bad_date"
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"


class Values(NamedTuple):
    """The cells of a line that are of use, as text; empty where there is no such column."""

    external_id: str
    quantity: str
    unit_price: str
    occurred_at: str
    buyer: str
    item: str
    part: str


class Moment(NamedTuple):
    """An instant, and how it is written in the identity of lines."""

    at: datetime
    text: str


class GoodLine(NamedTuple):
    """What a line says. Amount and quantity are negative on cancellations."""

    external_id: str
    part: str
    is_cancellation: bool
    buyer_ref: str
    item: str
    quantity: int
    amount_minor: int
    occurred_at: datetime
    line_hash: str


class BadLine(NamedTuple):
    """Every reason against a line, the weightiest first, and the line itself, clipped."""

    reasons: list[Reason]
    raw: str


class LineReader:
    """Reads the records of one file. Lines dated later than `latest` are not believed."""

    def __init__(self, dialect: Dialect, header: Sequence[str], *, latest: datetime) -> None:
        self.dialect, self.header, self.latest = dialect, list(header), latest + timedelta(days=1)
        fields = (*REQUIRED, *OPTIONAL)
        self.places = [
            self.header.index(dialect.columns[field]) if field in dialect.columns else None for field in fields
        ]
        # Lines of an invoice share their date, and prices and quantities are few.
        self.number = lru_cache(maxsize=8192)(self.parse_number)
        self.moment = lru_cache(maxsize=8192)(self.parse_moment)

    def read(self, cells: list[str] | None) -> GoodLine | BadLine:
        """A record's line."""
        if cells is None:
            return BadLine([Reason.UNREADABLE], "")
        if len(cells) != len(self.header):
            return self.bad(cells, Reason.WRONG_COLUMNS)
        values = Values(*["" if place is None else cells[place].strip() for place in self.places])
        if UNREADABLE.search("".join(values)):
            return self.bad(cells, Reason.BAD_ENCODING)
        return self.line_of(values) or self.bad(cells, *self.reasons(values, cells))

    def bad(self, cells: Sequence[str], *reasons: Reason) -> BadLine:
        raw = self.dialect.delimiter.join(cells)
        return BadLine(list(reasons), UNREADABLE.sub("?", raw)[:SHOWN])

    def line_of(self, values: Values) -> GoodLine | None:
        """What the values say, when every one of them can be used."""
        price, quantity, moment = (
            self.number(values.unit_price),
            self.number(values.quantity),
            self.moment(values.occurred_at),
        )
        if not price or not quantity or not moment or not values.buyer or not values.external_id:
            return None
        if price < 0 or not self.fits(quantity, values) or too_long(values):
            return None
        amount = parse_minor(price * quantity, self.dialect.currency)
        if abs(amount) > LARGEST_AMOUNT:
            return None
        buyer, part = plain_number(values.buyer), self.part_of(values, quantity)
        identity = (values.external_id, part, buyer, values.item, str(quantity), str(price), moment.text)
        return GoodLine(
            external_id=values.external_id,
            part=part,
            is_cancellation=quantity < 0,
            buyer_ref=buyer,
            item=values.item,
            quantity=int(quantity),
            amount_minor=amount,
            occurred_at=moment.at,
            line_hash=line_hash(identity),
        )

    def part_of(self, values: Values, quantity: Decimal) -> str:
        """Without a prefix, what was cancelled of an invoice has the invoice's own number: it is a part of its own."""
        return f"{values.part}-" if quantity < 0 and not self.dialect.cancellation_prefix else values.part

    def reasons(self, values: Values, cells: Sequence[str]) -> list[Reason]:
        """Every field by itself, so that all that is wrong is told at once."""
        if [cell.strip() for cell in cells] == self.header:
            return [Reason.REPEATED_HEADER]
        price, quantity = self.number(values.unit_price), self.number(values.quantity)
        checks = (
            (Reason.MISSING_INVOICE, not values.external_id),
            (Reason.MISSING_CUSTOMER, not values.buyer),
            (Reason.MISSING_PRICE, not values.unit_price or price == 0),
            (Reason.BAD_PRICE, bool(values.unit_price) and (price is None or price < 0)),
            (Reason.BAD_QUANTITY, not quantity or not self.fits(quantity, values)),
            (Reason.BAD_DATE, self.moment(values.occurred_at) is None),
            (Reason.TOO_LONG, too_long(values)),
        )
        return [reason for reason, applies in checks if applies] or [Reason.TOO_LARGE]

    def fits(self, quantity: Decimal, values: Values) -> bool:
        """Whole, small enough for its column, and negative on cancellations only."""
        prefix = self.dialect.cancellation_prefix
        wants_negative = values.external_id.startswith(prefix) if prefix else quantity < 0
        return quantity == int(quantity) and abs(quantity) <= LARGEST_QUANTITY and (quantity < 0) == wants_negative

    def parse_number(self, text: str) -> Decimal | None:
        """A plain decimal number, or None."""
        plain = text.replace(self.dialect.thousands_mark, "").replace(self.dialect.decimal_mark, ".")
        try:
            value = Decimal(plain)
        except InvalidOperation:
            return None
        return value.normalize() if value.is_finite() and value.adjusted() < MOST_DIGITS else None

    def parse_moment(self, text: str) -> Moment | None:
        """A moment in the network's zone, or None when it is no date, or none that can be believed."""
        try:
            at = datetime.strptime(text, self.dialect.date_format).replace(tzinfo=self.dialect.zone).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return Moment(at, at.isoformat()) if EARLIEST <= at <= self.latest else None


def too_long(values: Values) -> bool:
    return len("".join(values)) > min(LONGEST) and any(
        len(value) > longest for value, longest in zip(values, LONGEST, strict=True)
    )


def plain_number(text: str) -> str:
    """`17850.0` is customer `17850`."""
    match = WHOLE_NUMBER.fullmatch(text)
    return match[1] if match else text


def line_hash(identity: Sequence[str]) -> str:
    """128 bits that equal lines share, as 32 hexadecimal digits."""
    return blake2b("\x1f".join(identity).encode(), digest_size=16).hexdigest()
