"""Records to lines of purchases, or to the reasons why they can't be used."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import NamedTuple

from cashback.parsing.dialect import Dialect
from cashback.parsing.numbers import parse_number, plain_number
from cashback.parsing.reasons import Reason
from coupon_site.money import parse_minor

LARGEST_QUANTITY = 2**31 - 1
LARGEST_AMOUNT = 10**12  # so that no sum of lines leaves its column
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
SHOWN = 500
CACHED = 8192
DECLINED = "declined"
# What PostgreSQL text can't hold, and what decoding could not read.
UNREADABLE = re.compile("[\x00\ufffd\ud800-\udfff]")
has_unreadable, strip = UNREADABLE.search, str.strip  # looked up once, called for every line
CURRENCY = re.compile("[A-Z]{3}")


class Values(NamedTuple):
    """The cells of a line that are of use, as text; empty where there is no such column."""

    external_id: str
    buyer: str
    occurred_at: str
    time: str
    quantity: str
    unit_price: str
    amount: str
    currency: str
    status: str
    version: str
    item: str
    part: str


LONGEST, LONGEST_PART = 64, 39


class Moment(NamedTuple):
    """An instant, and how it is written in the identity of lines."""

    at: datetime
    text: str


class Worth(NamedTuple):
    """Quantity and amount of a line, negative on cancellations, and how they are written in its identity."""

    quantity: int
    amount_minor: int
    text: str


class GoodLine(NamedTuple):
    """What a line says. Amount and quantity are negative on cancellations; `version` tells the later of two."""

    external_id: str
    part: str
    is_cancellation: bool
    buyer_ref: str
    item: str
    quantity: int
    amount_minor: int
    currency: str
    occurred_at: datetime
    version: datetime | None
    line_hash: str


class BadLine(NamedTuple):
    """Every reason against a line, the weightiest first, and the line itself, clipped."""

    reasons: list[Reason]
    raw: str


class LineReader:
    """Reads the records of one file. Lines dated later than `latest` are not believed."""

    def __init__(self, dialect: Dialect, header: Sequence[str], *, latest: datetime) -> None:
        self.dialect, self.header, self.width = dialect, list(header), len(header)
        self.prefix, self.replaces = dialect.cancellation_prefix, dialect.replaces
        self.arrived, self.latest = latest, latest + timedelta(days=1)
        # A field without a column is read from the empty cell behind the last.
        columns = [dialect.columns.get(field) for field in Values._fields]
        self.cells = itemgetter(*[len(header) if name is None else self.header.index(name) for name in columns])
        # Lines of an invoice share their date, and prices and quantities are few.
        self.worth = lru_cache(CACHED)(self.parse_worth)
        self.moment = lru_cache(CACHED)(self.parse_moment)
        self.buyer = lru_cache(CACHED)(self.parse_buyer)
        self.currency = lru_cache(CACHED)(self.parse_currency)

    def read(self, cells: list[str] | None) -> GoodLine | BadLine:
        """A record's line."""
        if cells is None:
            return BadLine([Reason.UNREADABLE], "")
        if len(cells) != self.width:
            return self.bad(cells, Reason.WRONG_COLUMNS)
        values = Values._make(map(strip, self.cells([*cells, ""])))
        if has_unreadable("".join(values)):
            return self.bad(cells, Reason.BAD_ENCODING)
        return self.line_of(values) or self.bad(cells, *self.reasons(values, cells))

    def bad(self, cells: Sequence[str], *reasons: Reason) -> BadLine:
        raw = self.dialect.delimiter.join(cells)
        return BadLine(list(reasons), UNREADABLE.sub("?", raw[: SHOWN + 1])[:SHOWN])

    def line_of(self, values: Values) -> GoodLine | None:
        """What the values say, when every one of them can be used."""
        external_id, buyer, occurred_at, time, quantity, price, amount, currency_text, status, _, item, part = values
        currency = self.currency(currency_text)
        worth = self.worth(quantity, price, amount, status, currency)
        moment = self.moment(f"{occurred_at} {time}" if time else occurred_at)
        if not (worth and moment and currency and buyer and external_id) or too_long(values):
            return None
        number, minor, said = worth
        if not self.has_right_sign(number, external_id):
            return None
        at, version = moment.at, None
        if self.replaces and (version := self.version_of(values, moment)) is None:
            return None
        if number < 0 and not self.prefix:
            part += "-"  # what was cancelled of an invoice has the invoice's own number: it is a part of its own
        buyer = self.buyer(buyer)
        identity = f"{external_id}\x1f{part}\x1f{buyer}\x1f{item}\x1f{said}\x1f{currency}\x1f{moment.text}"
        return GoodLine(
            external_id, part, number < 0, buyer, item, number, minor, currency, at, version, line_hash(identity)
        )

    def parse_buyer(self, text: str) -> str:
        return plain_number(text, self.dialect.decimal_mark)

    def parse_worth(self, quantity: str, price: str, amount: str, status: str, currency: str | None) -> Worth | None:
        """What a line is worth; nothing when the network has declined it. None when it can't be told."""
        meaning = self.meaning(status)
        if meaning is None or currency is None:
            return None
        found = self.by_amount(quantity, amount) if self.dialect.has_amounts else self.by_price(quantity, price)
        if found is None:
            return None
        number, total, text = found
        if meaning == DECLINED:
            return Worth(abs(number), 0, DECLINED)
        minor = parse_minor(total, currency)
        fits = total and abs(number) <= LARGEST_QUANTITY and abs(minor) <= LARGEST_AMOUNT
        return Worth(number, minor, text) if fits else None

    def by_price(self, quantity: str, price: str) -> tuple[int, Decimal, str] | None:
        number, each = self.number(quantity), self.number(price)
        if not number or number != int(number) or each is None or each < 0:
            return None
        return int(number), number * each, f"{number}\x1f{each}"

    def by_amount(self, quantity: str, amount: str) -> tuple[int, Decimal, str] | None:
        """Without a quantity there is one; it follows the sign of the amount."""
        total, number = self.number(amount), self.number(quantity) if quantity else Decimal(1)
        if total is None or number is None or number != int(number):
            return None
        count = max(abs(int(number)), 1)
        return (-count if total < 0 else count), total, f"{count}\x1f={total}"

    def number(self, text: str) -> Decimal | None:
        return parse_number(text, self.dialect.decimal_mark)

    def meaning(self, status: str) -> str | None:
        """What the network's word means; None when nobody knows."""
        return self.dialect.statuses.get(status.lower()) if "status" in self.dialect.columns else ""

    def parse_currency(self, text: str) -> str | None:
        if "currency" not in self.dialect.columns:
            return self.dialect.currency
        found = text.upper()
        return found if CURRENCY.fullmatch(found) else None

    def moment_of(self, values: Values) -> Moment | None:
        return self.moment(f"{values.occurred_at} {values.time}" if values.time else values.occurred_at)

    def version_of(self, values: Values, moment: Moment) -> datetime | None:
        """When the network last changed the line: at first when it happened; without such a column, by its file."""
        if "version" not in self.dialect.columns:
            return self.arrived
        if not values.version:
            return moment.at
        found = self.moment(values.version)
        return found.at if found else None

    def has_right_sign(self, quantity: int, external_id: str) -> bool:
        """Negative on cancellations only, and never where lines replace each other."""
        if self.prefix:
            return (quantity < 0) == external_id.startswith(self.prefix)
        return quantity > 0 or not self.replaces

    def reasons(self, values: Values, cells: Sequence[str]) -> list[Reason]:
        """Every field by itself, so that all that is wrong is told at once."""
        if [cell.strip() for cell in cells] == self.header:
            return [Reason.REPEATED_HEADER]
        moment = self.moment_of(values)
        checks = (
            (Reason.MISSING_INVOICE, not values.external_id),
            (Reason.MISSING_CUSTOMER, not values.buyer),
            *(self.amount_checks(values) if self.dialect.has_amounts else self.price_checks(values)),
            (Reason.BAD_CURRENCY, self.currency(values.currency) is None),
            (Reason.BAD_STATUS, self.meaning(values.status) is None),
            (Reason.BAD_DATE, moment is None or (self.dialect.replaces and not self.version_of(values, moment))),
            (Reason.TOO_LONG, too_long(values)),
        )
        return [reason for reason, applies in checks if applies] or [Reason.TOO_LARGE]

    def price_checks(self, values: Values) -> Sequence[tuple[Reason, bool]]:
        price, quantity = self.number(values.unit_price), self.number(values.quantity)
        is_whole = quantity is not None and quantity == int(quantity) and 0 < abs(quantity) <= LARGEST_QUANTITY
        return (
            (Reason.MISSING_PRICE, not values.unit_price or price == 0),
            (Reason.BAD_PRICE, bool(values.unit_price) and (price is None or price < 0)),
            (Reason.BAD_QUANTITY, not is_whole or not self.has_right_sign(int(quantity or 0), values.external_id)),
        )

    def amount_checks(self, values: Values) -> Sequence[tuple[Reason, bool]]:
        amount, quantity = self.number(values.amount), self.number(values.quantity or "1")
        has_wrong_sign = bool(amount) and not self.has_right_sign(-1 if (amount or 0) < 0 else 1, values.external_id)
        return (
            (Reason.MISSING_AMOUNT, not values.amount or amount == 0),
            (Reason.BAD_AMOUNT, (bool(values.amount) and amount is None) or has_wrong_sign),
            (Reason.BAD_QUANTITY, quantity is None or quantity != int(quantity)),
        )

    def parse_moment(self, text: str) -> Moment | None:
        """A moment, in the network's zone unless it names its own; None when no date can be read or believed."""
        try:
            at = datetime.strptime(text, self.dialect.date_format)  # noqa: DTZ007  the zone comes next
            at = (at if at.tzinfo else at.replace(tzinfo=self.dialect.zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return Moment(at, at.isoformat()) if EARLIEST <= at <= self.latest else None


def too_long(values: Values) -> bool:
    """Whether a text leaves its column; numbers and dates are measured where they are read."""
    return (
        len(values.external_id) > LONGEST
        or len(values.buyer) > LONGEST
        or len(values.item) > LONGEST
        or len(values.part) > LONGEST_PART
    )


def line_hash(identity: str) -> str:
    """128 bits that equal lines share, as 32 hexadecimal digits."""
    return blake2b(identity.encode(), digest_size=16).hexdigest()
